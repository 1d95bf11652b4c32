//! The bare echo: a gRPC server that gives back the bytes it gets, as a process of its own, driven with the same
//! connections and the same concurrency as the engine. What it does per second is what gRPC on this machine can do at
//! all; the engine's figure is read against it.

use super::child::ServerProcess;
use super::drive::{Load, drive};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::path::Path;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// `google.protobuf.BytesValue`, as prost spells it.
type Payload = Vec<u8>;

const PATH: &str = "/waybill.bench.Echo/Echo";

/// The service.
#[derive(Clone, Debug)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "waybill.bench.Echo";
}

impl UnaryService<Payload> for Echo {
    type Response = Payload;
    type Future = Ready<Result<Response<Payload>, Status>>;

    fn call(&mut self, request: Request<Payload>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let codec = ProstCodec::<Payload, Payload>::default();
            Ok(tonic::server::Grpc::new(codec).unary(Echo, request).await)
        })
    }
}

/// Serves the echo on a free port of loopback until the process is killed.
///
/// # Errors
/// No port, or the listener fails.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("listening on {}", listener.local_addr()?);
    // The server's own setting is not applied to a listener that is given to it; without this, answers wait up to 40 ms
    // for acknowledgements.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder().add_service(Echo).serve_with_incoming(incoming).await?;
    Ok(())
}

/// Starts the echo server, drives it for `time`, ends it; answers calls per second.
///
/// # Errors
/// The server does not start, or a call fails.
pub(crate) async fn per_s(
    load: Load,
    payload_bytes: usize,
    time: Duration,
    log: &Path,
) -> anyhow::Result<f64> {
    let server = ServerProcess::start(&["bench", "echo-server"], log).await?;
    let mut channels = Vec::with_capacity(load.connections.into());
    for _ in 0..load.connections {
        channels.push(Endpoint::from_shared(server.endpoint.clone())?.tcp_nodelay(true).connect().await?);
    }
    let done = drive(load, time / 5, time, move |worker, _| {
        let channel = channels[worker % channels.len()].clone();
        async move { call(channel, vec![7; payload_bytes]).await.map(|_| true) }
    })
    .await?;
    server.kill().await?;
    Ok(done.per_s())
}

async fn call(channel: Channel, payload: Payload) -> anyhow::Result<Payload> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await?;
    let codec = ProstCodec::<Payload, Payload>::default();
    let path = http::uri::PathAndQuery::from_static(PATH);
    Ok(grpc.unary(Request::new(payload), path, codec).await?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_comes_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = TcpIncoming::from(listener);
        let server = tokio::spawn(Server::builder().add_service(Echo).serve_with_incoming(incoming));
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        assert_eq!(call(channel, vec![1, 2, 3]).await.unwrap(), [1, 2, 3]);
        server.abort();
    }
}
