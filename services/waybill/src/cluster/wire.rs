//! The way to other processes over gRPC. It knows no partition's commands, and asks nobody twice.

use crate::peers::kind;
use crate::tls::Dial;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, ConnectError, Request, Status};
use waybill_proto::common::v1::ownership_service_client::OwnershipServiceClient;
use waybill_proto::common::v1::partition_service_client::PartitionServiceClient;
use waybill_proto::common::v1::{
    DeliverRequest, GetPositionRequest, NudgeOwnerRequest, SubmitCommandRequest,
};
use waybill_replica::{Delivery, Wire, WireError, WireFuture};
use waybill_service_kit::caller;
use waybill_types::PartitionId;

/// A command with everything around it: what the largest import comes to.
pub(super) const COMMAND_BYTES_MAX: usize = 16 << 20;

/// Channels by address, made when first used.
#[derive(Default)]
pub(super) struct Grpc {
    dial: Dial,
    channels: Mutex<BTreeMap<String, Channel>>,
}

impl Grpc {
    pub(super) fn new(dial: Dial) -> Self {
        Self { dial, channels: Mutex::default() }
    }

    fn channel(&self, address: &str) -> Result<Channel, WireError> {
        let mut channels = self.channels.lock();
        if let Some(channel) = channels.get(address) {
            return Ok(channel.clone());
        }
        let endpoint = endpoint(&self.dial, address).map_err(|error| {
            tracing::warn!("a process cannot be called: {error:#}");
            WireError::NotDone
        })?;
        let channel = endpoint.connect_lazy();
        channels.insert(address.to_owned(), channel.clone());
        Ok(channel)
    }
}

/// A process that is gone is known to be gone sooner than its lease ends.
pub(super) fn endpoint(dial: &Dial, address: &str) -> anyhow::Result<Endpoint> {
    let endpoint = dial
        .endpoint(address)?
        .connect_timeout(Duration::from_secs(1))
        .http2_keep_alive_interval(Duration::from_secs(1))
        .keep_alive_timeout(Duration::from_secs(2))
        .keep_alive_while_idle(true)
        .initial_stream_window_size(1 << 20)
        // Streams of slow callers are handed on here; they must not keep back the calls beside them.
        .initial_connection_window_size(1 << 30)
        .tcp_nodelay(true);
    Ok(endpoint)
}

/// As one process to another.
fn peer<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(caller::ROLE, tonic::metadata::MetadataValue::from_static("peer"));
    request
}

/// What is known of a call that failed.
fn failed(status: &Status) -> WireError {
    match status.code() {
        Code::FailedPrecondition | Code::Unimplemented => WireError::NotDone,
        Code::InvalidArgument => WireError::Malformed,
        _ if never_sent(status) => WireError::NotDone,
        _ => WireError::Unknown,
    }
}

/// True where no connection could be made.
fn never_sent(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Wire for Grpc {
    fn submit<'a>(&'a self, address: &'a str, to: PartitionId, command: &'a [u8]) -> WireFuture<'a, Vec<u8>> {
        Box::pin(async move {
            let client = OwnershipServiceClient::new(self.channel(address)?);
            let mut client = client
                .max_encoding_message_size(2 * COMMAND_BYTES_MAX)
                .max_decoding_message_size(2 * COMMAND_BYTES_MAX);
            let request = SubmitCommandRequest {
                service: kind(to.service).into(),
                partition: to.index.into(),
                command: command.to_vec().into(),
            };
            let answer = client.submit_command(peer(request)).await.map_err(|status| failed(&status))?;
            Ok(answer.into_inner().outcome.to_vec())
        })
    }

    fn position<'a>(&'a self, address: &'a str, of: PartitionId) -> WireFuture<'a, u64> {
        Box::pin(async move {
            let mut client = OwnershipServiceClient::new(self.channel(address)?);
            let request = GetPositionRequest { service: kind(of.service).into(), partition: of.index.into() };
            let answer = client.get_position(peer(request)).await.map_err(|status| failed(&status))?;
            Ok(answer.into_inner().sequence)
        })
    }

    fn deliver<'a>(&'a self, address: &'a str, delivery: Delivery) -> WireFuture<'a, u64> {
        Box::pin(async move {
            let client = PartitionServiceClient::new(self.channel(address)?);
            let mut client = client.max_encoding_message_size(crate::peers::MESSAGE_BYTES_MAX);
            let request: DeliverRequest = crate::peers::carried(&delivery);
            let answer = client.deliver(peer(request)).await.map_err(|status| failed(&status))?;
            Ok(answer.into_inner().through_sequence)
        })
    }

    fn nudge<'a>(&'a self, address: &'a str) -> WireFuture<'a, ()> {
        Box::pin(async move {
            let mut client = OwnershipServiceClient::new(self.channel(address)?);
            client.nudge_owner(peer(NudgeOwnerRequest {})).await.map_err(|status| failed(&status))?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_types::Service;

    #[tokio::test]
    async fn nobody_there_is_known_to_have_done_nothing() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let to = PartitionId::new(Service::Orders, 0);
        let wire = Grpc::default();
        assert_eq!(wire.submit(&address, to, b"command").await, Err(WireError::NotDone));
        assert_eq!(wire.position("not an address", to).await, Err(WireError::NotDone));
    }

    #[tokio::test]
    async fn a_connection_that_breaks_leaves_it_open_what_happened() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            // Takes the connection, reads what comes, and hangs up.
            while let Ok((stream, _)) = listener.accept().await {
                let mut bytes = [0; 1_024];
                stream.readable().await.unwrap();
                let _ = stream.try_read(&mut bytes);
            }
        });
        let to = PartitionId::new(Service::Orders, 0);
        let asked = Grpc::default().submit(&address, to, b"command").await;
        assert_eq!(asked, Err(WireError::Unknown));
    }
}
