//! Whether a process takes calls, as its health service says: one stream per process, only where there are several to choose
//! from. It moves no call; it marks who is away.

use crate::route::Server;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tonic::Code;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Keeps the mark of one process for as long as it is polled.
pub(crate) async fn watch(server: Arc<Server>) {
    let mut pause = PAUSE_FIRST;
    loop {
        if listen(&server).await {
            pause = PAUSE_FIRST;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Listens until the stream ends; true when it was told anything.
async fn listen(server: &Server) -> bool {
    let mut client = HealthClient::new(server.channel.clone());
    let mut stream = match client.watch(HealthCheckRequest::default()).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            // One that does not tell is found out by calling it.
            server.away.store(status.code() != Code::Unimplemented, Ordering::Relaxed);
            return false;
        }
    };
    let mut told = false;
    while let Ok(Some(message)) = stream.message().await {
        let serves = message.status == ServingStatus::Serving as i32;
        server.away.store(!serves, Ordering::Relaxed);
        told = true;
    }
    server.away.store(true, Ordering::Relaxed);
    told
}
