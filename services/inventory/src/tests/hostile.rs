//! Hostile input over every call: the right code, every field named, nothing changed, no panic.

use super::world::{World, asked, fields, item, line};
use tonic::{Code, Status};
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::inventory_service_server::InventoryService;

/// Texts no identifier may be.
fn bad_texts() -> Vec<String> {
    ["", " ", "a\u{0}b", "a\nb", " padded ", &"x".repeat(70_000)].map(ToOwned::to_owned).to_vec()
}

fn malformed<T>(asked: &str, result: Result<T, Status>, expected: &[&str]) {
    let status = result.err().unwrap_or_else(|| panic!("{asked} was accepted"));
    assert_eq!(status.code(), Code::InvalidArgument, "{asked}: {status}");
    let named = fields(&status);
    for field in expected {
        assert!(named.iter().any(|name| name == field), "{asked}: {field} is not among {named:?}");
    }
}

#[tokio::test]
async fn bookings_name_every_field_at_fault_and_change_nothing() {
    let world = World::new().await;
    world.stocked("A", "n1", 5).await;
    let (door, before) = (&world.door, world.sequences());
    for text in bad_texts() {
        let message = proto::ReceiveStockRequest {
            request_id: text.clone(),
            reason: "r".repeat(300),
            sku: text.clone(),
            node_id: text.clone(),
            quantity: i64::MIN,
            condition: 99,
            document_reference: "d".repeat(65),
            owner: "o".repeat(33),
        };
        let expected = [
            "request_id",
            "reason",
            "sku",
            "node_id",
            "quantity",
            "condition",
            "document_reference",
            "owner",
        ];
        malformed("receive", door.receive_stock(asked(message)).await, &expected);
    }
    for quantity in [0, -1, i64::MIN, i64::MAX, 1_000_000_000_001] {
        malformed("receive", world.receive("r", "A", "n1", quantity).await, &["quantity"]);
    }
    // One more than a position can hold: only the partition knows.
    malformed("overflow", world.receive("r", "A", "n1", 1_000_000_000_000).await, &["quantity"]);
    for quantity_delta in [0, i64::MIN, i64::MAX] {
        let message = proto::AdjustStockRequest { quantity_delta, condition: -1, ..Default::default() };
        let expected = ["request_id", "reason", "sku", "node_id", "quantity_delta", "condition"];
        malformed("adjust", door.adjust_stock(asked(message)).await, &expected);
    }
    let none = proto::SetStockCountRequest::default();
    malformed("count", door.set_stock_count(asked(none)).await, &["request_id", "source", "count"]);
    let count = proto::StockCount { quantity: -7, ..Default::default() };
    let message =
        proto::SetStockCountRequest { count: Some(count), source: "s".repeat(65), ..Default::default() };
    let expected = ["source", "count.sku", "count.node_id", "count.quantity", "count.source_sequence"];
    malformed("count", door.set_stock_count(asked(message)).await, &expected);
    let message = proto::SetSafetyStockRequest { safety_stock: -1, ..Default::default() };
    let expected = ["request_id", "sku", "node_id", "safety_stock"];
    malformed("safety stock", door.set_safety_stock(asked(message)).await, &expected);
    let message = proto::GetPositionRequest { after: "x".into(), ..Default::default() };
    malformed("position", door.get_position(asked(message)).await, &["sku", "node_id", "after"]);
    assert_eq!(world.sequences(), before, "nothing was written");
}

#[tokio::test]
async fn reservations_name_every_field_at_fault_and_change_nothing() {
    let world = World::new().await;
    world.stocked("A", "n1", 5).await;
    let (door, before) = (&world.door, world.sequences());
    let message = proto::ReserveStockRequest {
        lines: vec![line("", "", 0), line("A", "n1", -1), line("A", "n1", i64::MAX)],
        mode: 17,
        ttl_ms: -1,
        order_id: "W00-0".into(),
        reservation_id: "H00-zz".into(),
        journey_id: "j".repeat(65),
        ..Default::default()
    };
    let expected = [
        "request_id",
        "lines[0].sku",
        "lines[0].node_id",
        "lines[0].quantity",
        "lines[1].quantity",
        "lines[2].quantity",
        "mode",
        "ttl_ms",
        "order_id",
        "reservation_id",
        "journey_id",
    ];
    malformed("reserve", door.reserve_stock(asked(message)).await, &expected);
    for (ttl_ms, lines) in [
        (0, vec![line("A", "n1", 1)]),
        (i64::MAX, vec![line("A", "n1", 1)]),
        (1_000, vec![]),
        (1_000, vec![line("A", "n1", 1); 501]),
        (1_000, vec![line("A", "n1", 1_000_000_000_000); 2]),
    ] {
        let count = lines.len();
        malformed(&format!("hold of {count} for {ttl_ms}"), world.hold("h", ttl_ms, lines).await, &[]);
    }
    for id in ["", "H", "H99-000102030405060708090a0b0c0d0e0f", "R00-W00-0-A1", "h00-00", &"H".repeat(9_000)]
    {
        let reservation_id = id.to_owned();
        let message =
            proto::GetReservationRequest { reservation_id: reservation_id.clone(), after: "?".into() };
        malformed(id, door.get_reservation(asked(message)).await, &["reservation_id", "after"]);
        let lines = vec![line("A", "n1", 0)];
        let message = proto::ReleaseReservationRequest {
            reservation_id: reservation_id.clone(),
            lines: lines.clone(),
            ..Default::default()
        };
        let expected = ["request_id", "reservation_id", "lines[0].quantity"];
        malformed(id, door.release_reservation(asked(message)).await, &expected);
        let message = proto::ConsumeReservationRequest {
            reservation_id: reservation_id.clone(),
            lines,
            ..Default::default()
        };
        malformed(id, door.consume_reservation(asked(message)).await, &expected);
        let message =
            proto::CommitStockHoldRequest { reservation_id, order_id: id.into(), ..Default::default() };
        let expected = ["request_id", "reservation_id", "order_id"];
        malformed(id, door.commit_stock_hold(asked(message)).await, &expected);
    }
    assert_eq!(world.sequences(), before, "nothing was written");
}

#[tokio::test]
async fn items_and_availability_name_every_field_at_fault_and_change_nothing() {
    let world = World::new().await;
    world.stocked("A", "n1", 5).await;
    let (door, before) = (&world.door, world.sequences());
    for rows in [vec![], vec![proto::ItemRow { item: Some(item("A")), expected_revision: 0 }; 1_001]] {
        let message = proto::UpsertItemsRequest { rows, ..Default::default() };
        malformed("upsert", door.upsert_items(asked(message)).await, &["request_id", "rows"]);
    }
    let worst = proto::Item {
        sku: "s".repeat(65),
        unit: 77,
        scale: 9,
        weight_g: i64::MAX,
        dimensions: Some(proto::Dimensions { length_mm: -1, ..Default::default() }),
        aliases: vec![proto::ItemAlias::default(); 33],
        return_window_days: Some(u32::MAX),
        bundle_parts: vec![proto::BundlePart { sku: "x".into(), quantity: -1 }],
        substitute_skus: vec![String::new()],
        owner: "o".repeat(33),
        ..Default::default()
    };
    let rows = [None, Some(worst)].map(|item| proto::ItemRow { item, expected_revision: 0 }).to_vec();
    let message = proto::UpsertItemsRequest { request_id: "u".into(), rows, ..Default::default() };
    let results = door.upsert_items(asked(message)).await.unwrap().into_inner().results;
    assert!(results.iter().all(|r| r.error_reason == "INVALID_REQUEST"), "{results:?}");

    malformed("item", door.get_item(asked(proto::GetItemRequest::default())).await, &["key"]);
    let message = proto::ListItemsRequest { page_size: u32::MAX, ..Default::default() };
    malformed("list", door.list_items(asked(message)).await, &["page_size"]);
    for text in bad_texts() {
        let message = proto::GetAvailabilityRequest {
            sku: text.clone(),
            node_ids: vec![text.clone()],
            owner: "o".repeat(33),
            after: "x".into(),
        };
        let expected = ["sku", "node_ids[0]", "owner", "after"];
        malformed("availability", door.get_availability(asked(message)).await, &expected);
        let message =
            proto::WatchAvailabilityRequest { skus: vec![text.clone()], resume_token: String::new() };
        malformed("watch", door.watch_availability(asked(message)).await, &["skus[0]"]);
    }
    malformed("batch", door.batch_get_availability(asked(Default::default())).await, &["skus"]);
    for token in ["zz", "00", &"ab".repeat(5_000), "8218ff18ff00000000"] {
        let message = proto::WatchAvailabilityRequest { skus: vec![], resume_token: token.to_owned() };
        malformed("watch", door.watch_availability(asked(message)).await, &["resume_token"]);
    }
    assert_eq!(world.sequences(), before, "nothing was written");
}
