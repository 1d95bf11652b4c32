//! Imports: history in bulk, row by row, safe to send again. The call needs a real stream, so a server listens.

use super::world::{World, ada, eur, line};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Code;
use tonic::transport::Server;
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_service_kit::{Access, identify};

pub(super) fn historic(number: &str, delivered: i64) -> proto::HistoricOrder {
    proto::HistoricOrder {
        channel: "store".into(),
        external_order_number: number.into(),
        place_time: Some(prost_types::Timestamp { seconds: 1_600_000_000, nanos: 0 }),
        contact: Some(ada()),
        lines: vec![proto::HistoricLine {
            line: Some(line("A", 2)),
            buckets: Some(proto::UnitBuckets { delivered, cancelled: 2 - delivered, ..Default::default() }),
            node_id: "n1".into(),
        }],
        amounts: Some(proto::OrderAmounts { total: eur(2000), ..Default::default() }),
        ..Default::default()
    }
}

pub(super) async fn client(world: &World) -> OrdersServiceClient<tonic::transport::Channel> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder()
        .layer(tonic::service::InterceptorLayer::new(|request| identify(&Access::Loopback, request)))
        .add_service(world.door.orders_server());
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    OrdersServiceClient::connect(format!("http://{address}")).await.unwrap()
}

pub(super) fn rows(request_id: &str, orders: Vec<proto::HistoricOrder>) -> proto::ImportOrdersRequest {
    proto::ImportOrdersRequest { request_id: request_id.into(), reason: "old shop".into(), orders }
}

#[tokio::test]
async fn an_import_takes_what_is_right_tells_what_is_wrong_and_may_be_sent_again() {
    let world = World::new(&[]).await;
    let mut client = client(&world).await;
    let mut unfinished = historic("3", 2);
    unfinished.lines[0].buckets = Some(proto::UnitBuckets { open: 2, ..Default::default() });
    let mut garbled = historic("4", 2);
    garbled.lines[0].line.as_mut().unwrap().sku.clear();
    let messages = vec![
        rows("i1", vec![historic("1", 2), historic("2", 0)]),
        rows("", vec![unfinished, garbled, historic("5", 1)]),
    ];
    let summary = client.import_orders(tokio_stream::iter(messages.clone())).await.unwrap().into_inner();
    let counts = |s: &proto::ImportOrdersResponse| {
        (s.received_count, s.applied_count, s.unchanged_count, s.refused_count)
    };
    assert_eq!(counts(&summary), (5, 3, 0, 2));
    let failures: Vec<_> =
        summary.failures.iter().map(|f| (f.row, f.key.as_str(), f.error_field.as_str())).collect();
    assert_eq!(failures, [(2, "3", "lines[0].buckets"), (3, "4", "lines[0].line.sku")]);
    let again = client.import_orders(tokio_stream::iter(messages)).await.unwrap().into_inner();
    assert_eq!(counts(&again), (5, 0, 3, 2));
    let other = rows("i2", vec![historic("1", 1)]);
    let conflict = client.import_orders(tokio_stream::iter([other])).await.unwrap().into_inner();
    assert_eq!(conflict.failures[0].outcome(), common::RowOutcome::Refused);
    assert_eq!(conflict.failures[0].error_reason, "ORDER_NUMBER_TAKEN");
    let find = proto::FindOrdersRequest { email: "ada@example.com".into(), ..Default::default() };
    let found = world.find(find).await.unwrap().orders;
    let statuses: Vec<_> =
        found.iter().map(|order| (order.external_order_number.as_str(), order.status())).collect();
    assert!(statuses.contains(&("1", proto::OrderStatus::Delivered)));
    assert!(statuses.contains(&("2", proto::OrderStatus::Cancelled)));
}

#[tokio::test]
async fn an_import_without_an_id_or_with_two_is_refused() {
    let world = World::new(&[]).await;
    let mut client = client(&world).await;
    let unnamed = client.import_orders(tokio_stream::iter([rows("", vec![historic("1", 2)])])).await;
    assert_eq!(unnamed.unwrap_err().code(), Code::InvalidArgument);
    let two = [rows("a", vec![historic("1", 2)]), rows("b", vec![historic("2", 2)])];
    assert_eq!(
        client.import_orders(tokio_stream::iter(two)).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let nothing: [proto::ImportOrdersRequest; 0] = [];
    assert_eq!(
        client.import_orders(tokio_stream::iter(nothing)).await.unwrap_err().code(),
        Code::InvalidArgument
    );
}
