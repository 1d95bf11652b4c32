//! Bulk feeds.

use super::world::{World, asked, fields, item};
use tonic::{Code, Status};
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::inventory_service_server::InventoryService;

fn row(sku: &str, node: &str, quantity: i64, source_sequence: u64) -> proto::StockCount {
    proto::StockCount {
        sku: sku.into(),
        node_id: node.into(),
        quantity,
        source_sequence,
        ..Default::default()
    }
}

fn messages(rows: Vec<proto::StockCount>) -> Vec<proto::ImportStockRequest> {
    let mut chunks: Vec<proto::ImportStockRequest> = rows
        .chunks(1_000)
        .map(|rows| proto::ImportStockRequest { rows: rows.to_vec(), ..Default::default() })
        .collect();
    if let Some(first) = chunks.first_mut() {
        (first.request_id, first.source) = ("feed-1".into(), "wms".into());
    }
    chunks
}

async fn import(
    world: &World,
    messages: Vec<proto::ImportStockRequest>,
) -> Result<proto::ImportStockResponse, Status> {
    let caller = waybill_service_kit::caller(&asked(())).unwrap();
    let stream = futures::stream::iter(messages.into_iter().map(Ok));
    crate::rpc::import_stock::import(&world.door.0, caller, stream).await
}

#[tokio::test]
async fn a_feed_counts_every_row_and_names_the_ones_it_refused() {
    let world = World::new().await;
    for n in 0..10 {
        world.with_item(&format!("S{n}")).await;
    }
    let mut rows: Vec<_> =
        (0..5_000).map(|n| row(&format!("S{}", n % 10), &format!("n{}", n / 10), n, 1)).collect();
    rows[17].sku = "unknown".into();
    rows[1_234].quantity = -1;
    rows[4_999].source_sequence = 0;
    let done = import(&world, messages(rows.clone())).await.unwrap();
    assert_eq!((done.received_count, done.applied_count, done.refused_count), (5_000, 4_997, 3));
    let failures: Vec<_> = done.failures.iter().map(|f| (f.row, f.error_field.as_str())).collect();
    assert_eq!(
        failures,
        [(17, "rows[17].sku"), (1_234, "rows[1234].quantity"), (4_999, "rows[4999].source_sequence")]
    );
    assert!(!done.token.is_empty());
    assert_eq!(world.position("S3", "n7").await.sellable, 73);
    let again = import(&world, messages(rows)).await.unwrap();
    assert_eq!((again.applied_count, again.unchanged_count), (0, 4_997), "sent again, it changes nothing");
}

#[tokio::test]
async fn rows_of_one_position_keep_their_order() {
    let world = World::new().await;
    world.with_item("A").await;
    let rows = (1..=3_000).map(|n| row("A", "n1", n, n as u64)).collect();
    let done = import(&world, messages(rows)).await.unwrap();
    assert_eq!(done.applied_count, 3_000);
    assert_eq!(world.position("A", "n1").await.sellable, 3_000);
}

#[tokio::test]
async fn a_feed_without_a_head_or_with_another_one_is_refused() {
    let world = World::new().await;
    world.with_item("A").await;
    assert_eq!(import(&world, vec![]).await.unwrap_err().code(), Code::InvalidArgument);
    let headless = proto::ImportStockRequest { rows: vec![row("A", "n1", 1, 1)], ..Default::default() };
    let refused = import(&world, vec![headless.clone()]).await.unwrap_err();
    assert_eq!(fields(&refused), ["request_id", "source"]);
    let mut two = messages(vec![row("A", "n1", 1, 1)]);
    two.push(proto::ImportStockRequest { source: "other".into(), ..headless });
    assert_eq!(fields(&import(&world, two).await.unwrap_err()), ["source"]);
    assert_eq!(world.position("A", "n1").await.sellable, 1, "what came before stands");
}

#[tokio::test]
async fn an_item_import_and_a_feed_of_many_rows_take_few_appends() {
    let world = World::new().await;
    let rows = (0..1_000)
        .map(|n| proto::ItemRow { item: Some(item(&format!("S{n}"))), expected_revision: 0 })
        .collect();
    let message = proto::UpsertItemsRequest { request_id: "items".into(), rows, ..Default::default() };
    world.door.upsert_items(asked(message)).await.unwrap();
    let before: u64 = world.sequences().iter().sum();
    let rows =
        (0..20_000).map(|n| row(&format!("S{}", n % 1_000), &format!("n{}", n / 1_000), 5, 1)).collect();
    let done = import(&world, messages(rows)).await.unwrap();
    assert_eq!(done.applied_count, 20_000);
    let appends = world.sequences().iter().sum::<u64>() - before;
    assert!(appends <= 40, "{appends} appends for 20,000 rows");
}
