//! Hostile input: every request is refused with the right code and every field at fault, and nothing changes.

use super::world::{World, asked, asked_by, confirm, eur, fields, journaled, line, order, whole};
use tonic::Code;
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::orders_service_server::OrdersService;
use waybill_types::Role;

#[tokio::test]
async fn every_fault_of_a_place_is_named_and_nothing_is_journaled() {
    let world = World::new(&[("A", 5)]).await;
    let before = journaled(&world).await;
    type Change = fn(&mut proto::PlaceOrderRequest);
    let table: &[(Change, &[&str])] = &[
        (|o| o.request_id.clear(), &["request_id"]),
        (|o| o.request_id = "x".repeat(65), &["request_id"]),
        (|o| o.reason = "\u{7}".into(), &["reason"]),
        (|o| o.mode = 99, &["mode"]),
        (|o| o.external_order_number = "a\u{0}b".into(), &["external_order_number"]),
        (|o| o.customer_id = " c ".into(), &["customer_id"]),
        (|o| o.contact.as_mut().unwrap().phone = "call me".into(), &["contact.phone"]),
        (|o| o.contact.as_mut().unwrap().email = "nobody".into(), &["contact.email"]),
        (|o| o.contact.as_mut().unwrap().name = "n".repeat(201), &["contact.name"]),
        (|o| o.ship_to.as_mut().unwrap().country_code = "de".into(), &["ship_to.country_code"]),
        (|o| o.ship_to.as_mut().unwrap().street_lines.clear(), &["ship_to.street_lines"]),
        (
            |o| {
                o.ship_to.as_mut().unwrap().location =
                    Some(common::GeoPoint { latitude_degrees_e6: i64::MAX, longitude_degrees_e6: 0 });
            },
            &["ship_to.location"],
        ),
        (|o| o.ship_to = None, &["ship_to"]),
        (|o| o.lines.clear(), &["lines"]),
        (|o| o.lines = vec![line("A", 1); 501], &["lines"]),
        (|o| o.amounts = None, &["amounts"]),
        (|o| o.amounts.as_mut().unwrap().total = None, &["amounts.total"]),
        (|o| o.lines[0].sku.clear(), &["lines[0].sku"]),
        (|o| o.lines[0].quantity = -1, &["lines[0].quantity"]),
        (|o| o.lines[0].quantity = i64::MAX, &["lines[0].quantity"]),
        (|o| o.lines[0].quantity_scale = 4, &["lines[0].quantity_scale"]),
        (|o| o.lines[0].delivery_method = 0, &["lines[0].delivery_method"]),
        (|o| o.lines[0].delivery_method = 2, &["lines[0].pickup_node_id"]),
        (|o| o.lines[0].pickup_node_id = "n1".into(), &["lines[0].pickup_node_id"]),
        (|o| o.lines[0].owner = "o".repeat(33), &["lines[0].owner"]),
        (|o| o.lines[0].amounts = None, &["lines[0].amounts"]),
        (|o| o.lines[0].amounts.as_mut().unwrap().tax = eur(-1), &["lines[0].amounts.tax.minor_units"]),
        (|o| o.lines[0].amounts.as_mut().unwrap().tax = eur(i64::MAX), &["lines[0].amounts.tax.minor_units"]),
        (
            |o| {
                let usd = common::Money { currency_code: "USD".into(), minor_units: 0 };
                o.lines[0].amounts.as_mut().unwrap().discount = Some(usd);
            },
            &["lines[0].amounts.discount.currency_code"],
        ),
        (|o| o.lines[0].amounts.as_mut().unwrap().total = eur(999), &["lines[0].amounts.total"]),
        (|o| o.hold_id = "H05-nonsense".into(), &["hold_id"]),
        (|o| o.hold_id = "R05-W03-12345-A1".into(), &["hold_id"]),
        (|o| o.release_time = Some(prost_types::Timestamp { seconds: -1, nanos: 0 }), &["release_time"]),
        (|o| o.backorder_policy = -7, &["backorder_policy"]),
        (|o| o.priority = 101, &["priority"]),
        (|o| o.gift_note = "g".repeat(501), &["gift_note"]),
        (|o| o.wait_ms = -1, &["wait_ms"]),
        (|o| o.journey_id = "j".repeat(65), &["journey_id"]),
        (|o| drop(o.custom_attributes.insert(String::new(), "x".into())), &["custom_attributes"]),
        (
            |o| {
                (o.priority, o.wait_ms, o.lines[0].quantity) = (101, 60_001, 0);
                o.customer_id = "c".repeat(65);
            },
            &["customer_id", "lines[0].quantity", "priority", "wait_ms"],
        ),
    ];
    for (index, (change, expected)) in table.iter().enumerate() {
        let mut wrong = order("100", vec![line("A", 1)]);
        change(&mut wrong);
        let refused = world.place(wrong).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "row {index}: {refused:?}");
        assert_eq!(fields(&refused), *expected, "row {index}");
        assert!(!refused.message().contains("Lovelace"), "row {index} repeats personal data");
    }
    assert_eq!(journaled(&world).await, before);
}

#[tokio::test]
async fn unknown_and_garbled_ids_and_tokens_are_refused_everywhere() {
    let world = World::new(&[]).await;
    let unknown = ["W00-99", "WFF-1"];
    for id in unknown {
        assert_eq!(world.get(id).await.unwrap_err().code(), Code::NotFound, "{id}");
        assert_eq!(world.cancel(whole(id, "c")).await.unwrap_err().code(), Code::NotFound, "{id}");
        let timeline = proto::GetTimelineRequest { order_id: id.into(), ..Default::default() };
        assert_eq!(world.door.get_timeline(asked(timeline)).await.unwrap_err().code(), Code::NotFound);
        let watch = proto::WatchOrderRequest { order_id: id.into(), ..Default::default() };
        assert_eq!(world.door.watch_order(asked(watch)).await.unwrap_err().code(), Code::NotFound);
        let subject = Some(proto::erase_subject_request::Subject::OrderId(id.into()));
        let erase = proto::EraseSubjectRequest { request_id: "e".into(), subject, ..Default::default() };
        let erase = asked_by(erase, "api", Role::Operator);
        assert_eq!(world.door.erase_subject(erase).await.unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(fields(&world.get("W0-1").await.unwrap_err()), ["order_id"]);
    let nothing = proto::GetOrderRequest { key: None, after: "orders/0@9999".into() };
    assert_eq!(fields(&world.door.get_order(asked(nothing)).await.unwrap_err()), ["order_id", "after"]);
    let foreign = proto::FindOrdersRequest {
        channel: "web".into(),
        after: "inventory/0@1".into(),
        ..Default::default()
    };
    assert_eq!(fields(&world.find(foreign).await.unwrap_err()), ["after"]);
    for token in ["x", "00ff", &"a".repeat(9000)] {
        let find = proto::FindOrdersRequest {
            channel: "web".into(),
            page_token: token.into(),
            ..Default::default()
        };
        assert_eq!(fields(&world.find(find).await.unwrap_err()), ["page_token"]);
        let watch = proto::WatchChangesRequest { resume_token: token.into(), ..Default::default() };
        assert_eq!(fields(&world.door.watch_changes(asked(watch)).await.unwrap_err()), ["resume_token"]);
    }
    let find = proto::FindOrdersRequest {
        statuses: vec![0, 99],
        phone: "x".into(),
        page_size: 201,
        ..Default::default()
    };
    assert_eq!(
        fields(&world.find(find).await.unwrap_err()),
        ["phone", "statuses[0]", "statuses[1]", "page_size"]
    );
    assert_eq!(
        fields(&world.find(proto::FindOrdersRequest::default()).await.unwrap_err()),
        ["external_order_number"]
    );
    let changes = proto::WatchChangesRequest {
        partitions: vec![4],
        cursors: vec![common::PartitionCursor { partition: 300, sequence: 1 }],
        order_id: "W".into(),
        ..Default::default()
    };
    let refused = world.door.watch_changes(asked(changes)).await.unwrap_err();
    assert_eq!(fields(&refused), ["order_id", "partitions[0]", "cursors[0].partition"]);
    let ahead = proto::WatchChangesRequest {
        cursors: vec![common::PartitionCursor { partition: 0, sequence: u64::MAX }],
        ..Default::default()
    };
    assert_eq!(world.door.watch_changes(asked(ahead)).await.unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test]
async fn wrong_cancels_are_refused_line_by_line() {
    let world = World::new(&[("A", 5)]).await;
    let placed = world.place(confirm("100", vec![line("A", 2)])).await.unwrap();
    let mut wrong = whole(&placed.order_id, "c1");
    wrong.lines = vec![
        proto::CancelLine { line_number: 0, quantity: None },
        proto::CancelLine { line_number: 70_000, quantity: Some(-5) },
    ];
    wrong.wait_ms = 60_001;
    let refused = world.cancel(wrong).await.unwrap_err();
    assert_eq!(
        fields(&refused),
        ["lines[0].line_number", "lines[1].line_number", "lines[1].quantity", "wait_ms"]
    );
    let mut wrong = whole(&placed.order_id, "c1");
    wrong.lines = vec![
        proto::CancelLine { line_number: 1, quantity: Some(3) },
        proto::CancelLine { line_number: 2, quantity: None },
    ];
    let refused = world.cancel(wrong).await.unwrap_err();
    assert_eq!(fields(&refused), ["lines[0].quantity", "lines[1].line_number"]);
}
