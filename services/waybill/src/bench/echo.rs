//! The bare echo: a gRPC server without an engine, as a process of its own, driven with the same connections and the same
//! concurrency as the engine. What it does per second is what gRPC on this machine can do at all; the engine's figure
//! is read against it. An order is echoed like for like: the very request of the bench is sent and decoded, and an answer
//! of the form and size of PlaceOrder's comes back. Other calls are echoed as bytes of the same size.

use super::child::ServerProcess;
use super::drive::{Load, drive};
use prost::Message;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{NamedService, UnaryService};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use waybill_client::Identity;
use waybill_client::proto::orders::v1::{
    PlaceLine, PlaceOrderRequest, PlaceOrderResponse, PlaceOutcome, PlacedLine,
};

/// `google.protobuf.BytesValue`, as prost spells it.
type Payload = Vec<u8>;

const BYTES_PATH: &str = "/waybill.bench.Echo/Bytes";
const PLACE_PATH: &str = "/waybill.bench.Echo/Place";

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

impl UnaryService<PlaceOrderRequest> for Echo {
    type Response = PlaceOrderResponse;
    type Future = Ready<Result<Response<PlaceOrderResponse>, Status>>;

    fn call(&mut self, request: Request<PlaceOrderRequest>) -> Self::Future {
        ready(Ok(Response::new(placed(request.into_inner()))))
    }
}

/// What PlaceOrder would answer, without having done anything.
fn placed(request: PlaceOrderRequest) -> PlaceOrderResponse {
    let numbered = (1..).zip(request.lines);
    let line = |(line_number, line): (u32, PlaceLine)| PlacedLine {
        line_number,
        external_line_id: line.external_line_id,
        reserved: 0,
        backordered: 0,
    };
    PlaceOrderResponse {
        order_id: "W03-123456".to_owned(),
        revision: 1,
        outcome: PlaceOutcome::Accepted.into(),
        external_order_number: request.external_order_number,
        lines: numbered.map(line).collect(),
        promise: None,
        token: "orders-3:123456".to_owned(),
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
            if request.uri().path() == PLACE_PATH {
                let codec = ProstCodec::<PlaceOrderResponse, PlaceOrderRequest>::default();
                return Ok(tonic::server::Grpc::new(codec).unary(Echo, request).await);
            }
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

/// Echoed calls per second with `payload_bytes` each way.
///
/// # Errors
/// The server does not start, or a call fails.
pub(crate) async fn per_s(
    load: Load,
    payload_bytes: usize,
    time: Duration,
    log: &Path,
) -> anyhow::Result<f64> {
    let payload = Arc::new(vec![7; payload_bytes]);
    driven(load, time, log, move |channel, _| {
        let payload = Payload::clone(&payload);
        async move { call::<Payload, Payload>(channel, payload, BYTES_PATH).await.map(|_| true) }
    })
    .await
}

/// Echoed orders per second: each call sends one of `orders`, as the bench sends them.
///
/// # Errors
/// The server does not start, or a call fails.
pub(crate) async fn orders_per_s(
    load: Load,
    orders: Arc<Vec<PlaceOrderRequest>>,
    time: Duration,
    log: &Path,
) -> anyhow::Result<f64> {
    driven(load, time, log, move |channel, number| {
        let order = orders[number % orders.len()].clone();
        async move {
            let placed: PlaceOrderResponse = call(channel, order, PLACE_PATH).await?;
            Ok(!placed.lines.is_empty())
        }
    })
    .await
}

/// Starts the echo server, makes `call`s for `time`, ends it; answers calls per second.
async fn driven<F, Fut>(load: Load, time: Duration, log: &Path, call: F) -> anyhow::Result<f64>
where
    F: Fn(Door, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<bool>> + Send,
{
    let server = ServerProcess::start(&["bench", "echo-server"], log).await?;
    let mut doors = Vec::with_capacity(load.connections.into());
    for _ in 0..load.connections {
        let channel = Endpoint::from_shared(server.endpoint.clone())?.tcp_nodelay(true).connect().await?;
        doors.push(InterceptedService::new(channel, Identity::new("web", "bench", "operator")?));
    }
    let done = drive(load, time / 5, time, move |worker, number| {
        call(doors[worker % doors.len()].clone(), worker + number as usize * usize::from(load.concurrency))
    })
    .await?;
    server.kill().await?;
    Ok(done.per_s())
}

/// A connection with the caller's identity on every call, as the client of the bench has it.
type Door = InterceptedService<Channel, Identity>;

async fn call<Q, A>(door: Door, request: Q, path: &'static str) -> anyhow::Result<A>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut grpc = tonic::client::Grpc::new(door);
    grpc.ready().await?;
    let path = http::uri::PathAndQuery::from_static(path);
    Ok(grpc.unary(Request::new(request), path, ProstCodec::<Q, A>::default()).await?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_come_back_and_an_order_is_answered_like_a_placed_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = TcpIncoming::from(listener);
        let server = tokio::spawn(Server::builder().add_service(Echo).serve_with_incoming(incoming));
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let door = InterceptedService::new(channel, Identity::default());
        let bytes: Payload = call(door.clone(), vec![1u8, 2, 3], BYTES_PATH).await.unwrap();
        assert_eq!(bytes, [1, 2, 3]);
        let order = PlaceOrderRequest {
            external_order_number: "B1".to_owned(),
            lines: vec![PlaceLine { external_line_id: "a".to_owned(), ..Default::default() }; 2],
            ..Default::default()
        };
        let placed: PlaceOrderResponse = call(door, order, PLACE_PATH).await.unwrap();
        let lines: Vec<u32> = placed.lines.iter().map(|line| line.line_number).collect();
        assert_eq!((placed.external_order_number.as_str(), lines), ("B1", vec![1, 2]));
        server.abort();
    }
}
