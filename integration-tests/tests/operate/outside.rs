//! What stands around the doors: health, reflection, browsers, metrics.

use anyhow::{Context, ensure};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1alpha;
use waybill_integration_tests::engine::{Engine, Setting};
use waybill_integration_tests::retailer::{self, Shape, order};
use waybill_integration_tests::world::{World, from_channel};
use waybill_proto::orders::v1::PlaceMode;
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;

const SMALL: Shape = Shape { nodes: 1, items: 1, stock: 5 };

#[tokio::test]
async fn an_engine_says_that_it_serves_and_what() -> anyhow::Result<()> {
    let world = World::open(SMALL, Vec::new()).await?;
    let mut health = HealthClient::new(world.channel());
    let answer = health.check(HealthCheckRequest { service: String::new() }).await?.into_inner();
    ensure!(answer == HealthCheckResponse { status: ServingStatus::Serving.into() }, "{answer:?}");
    let unknown = health.check(HealthCheckRequest { service: "no.such.Service".into() }).await;
    ensure!(unknown.is_err_and(|status| status.code() == tonic::Code::NotFound), "an unknown service");

    let ask = |message_request| ServerReflectionRequest { host: String::new(), message_request };
    let asks = [
        ask(Some(MessageRequest::ListServices(String::new()))),
        ask(Some(MessageRequest::FileContainingSymbol("waybill.orders.v1.OrdersService.PlaceOrder".into()))),
    ];
    let mut reflection = ServerReflectionClient::new(world.channel());
    let mut answers = reflection.server_reflection_info(futures::stream::iter(asks)).await?.into_inner();
    let services = answers.message().await?.and_then(|answer| answer.message_response);
    let Some(MessageResponse::ListServicesResponse(services)) = services else {
        anyhow::bail!("no list of services: {services:?}")
    };
    let names: Vec<&str> = services.service.iter().map(|service| service.name.as_str()).collect();
    for name in [
        "waybill.orders.v1.OrdersService",
        "waybill.inventory.v1.InventoryService",
        "waybill.fulfillment.v1.FulfillmentService",
        "waybill.fulfillment.v1.NetworkService",
        "waybill.common.v1.AdminService",
        "grpc.health.v1.Health",
    ] {
        ensure!(names.contains(&name), "{name} is not among {names:?}");
    }
    let file = answers.message().await?.and_then(|answer| answer.message_response);
    ensure!(matches!(file, Some(MessageResponse::FileDescriptorResponse(_))), "{file:?}");

    let ask = v1alpha::server_reflection_request::MessageRequest::ListServices(String::new());
    let ask = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
    let mut older = v1alpha::server_reflection_client::ServerReflectionClient::new(world.channel());
    let mut answers = older.server_reflection_info(futures::stream::iter([ask])).await?.into_inner();
    let services = format!("{:?}", answers.message().await?);
    ensure!(services.contains("waybill.orders.v1.OrdersService"), "of the version before: {services}");
    Ok(())
}

/// Sends plain HTTP/1.1 and reads until the server closes.
async fn http(address: &str, request: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer))
        .await
        .context("no end")??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn a_page_of_the_engines_own_calls_it_and_a_page_from_elsewhere_cannot() -> anyhow::Result<()> {
    let world = World::open(SMALL, Vec::new()).await?;
    let address = world.engine()?.endpoint.trim_start_matches("http://").to_owned();
    let path = "/waybill.fulfillment.v1.NetworkService/GetNetworkVersion";
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/grpc-web+proto\r\nX-Grpc-Web: 1\r\n\
         Content-Length: 5\r\nConnection: close\r\n\r\n"
    );
    // One gRPC frame without content.
    let request = [head.as_bytes(), &[0; 5]].concat();
    let answer = http(&address, &request).await?;
    ensure!(answer.starts_with("HTTP/1.1 200") && answer.contains("grpc-status:0"), "{answer:?}");

    // The engine trusts its own machine, and every page in a browser on it could call in: so no other origin is let in.
    let preflight = format!(
        "OPTIONS {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: https://elsewhere.example\r\n\
         Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type,x-grpc-web\r\n\
         Connection: close\r\n\r\n"
    );
    let answer = http(&address, preflight.as_bytes()).await?;
    ensure!(answer.starts_with("HTTP/1.1 "), "a preflight has no answer: {answer:?}");
    ensure!(!answer.to_lowercase().contains("access-control-allow-origin"), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn metrics_are_served_and_count_what_happens() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut setting = Setting::new(&dir.path().join("data"));
    // An address that was free a moment ago: nothing tells where metrics went with port 0.
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    setting.metrics_listen = Some(address.clone());
    let engine = Engine::start(&setting).await?;
    let channel = engine.channel().await?;
    retailer::open(&channel, SMALL).await?;
    let mut orders = OrdersServiceClient::new(channel);
    orders.place_order(from_channel("web", order("M-1", &[(0, 1)], PlaceMode::Confirm))).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = http(&address, request.as_bytes()).await?;
    ensure!(answer.starts_with("HTTP/1.1 200") && answer.contains("# TYPE "), "{answer}");
    let counted = answer.lines().filter(|line| line.starts_with("waybill_"));
    let counted: Vec<&str> = counted.filter(|line| !line.ends_with(" 0")).collect();
    ensure!(counted.len() > 3, "hardly anything is counted: {counted:?}");
    ensure!(!answer.contains("Ada") && !answer.contains("M-1"), "metrics name orders or people");
    Ok(())
}
