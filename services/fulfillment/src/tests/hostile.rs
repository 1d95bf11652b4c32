//! Every call with garbage: the right code, the fields named, nothing changed, nothing stopped.

use super::world::{World, asked, fields};
use tonic::Code;
use waybill_proto::common::v1 as common;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_proto::fulfillment::v1::network_service_server::NetworkService;

fn junk() -> String {
    format!("{}\u{0}\n", "ü".repeat(40_000))
}

/// Calls with the message and expects these fields to be refused.
macro_rules! refused {
    ($world:expr, $call:ident, $message:expr, $fields:expr) => {{
        let Err(status) = $world.door.$call(asked($message)).await else {
            panic!("{} took garbage", stringify!($call))
        };
        assert_eq!(status.code(), Code::InvalidArgument, "{}: {status:?}", stringify!($call));
        assert_eq!(fields(&status), $fields, "{}", stringify!($call));
    }};
}

// One macro serves requests with fields of their own and requests without.
#[allow(clippy::needless_update)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_full_of_garbage_are_refused_field_by_field() {
    let world = World::new().await;
    world.with_node("n1").await;
    let (id, _) = world.released("n1", 1, 2).await;
    const HEAD: [&str; 4] = ["request_id", "reason", "fulfillment_order_id", "revision"];
    macro_rules! garbled {
        ($request:ident { $($field:ident : $value:expr),* }) => {
            proto::$request {
                request_id: junk(),
                reason: junk(),
                fulfillment_order_id: junk(),
                revision: 0,
                $($field: $value,)*
                ..Default::default()
            }
        };
    }
    let with = |own: &[&str]| own.iter().copied().chain(HEAD).map(str::to_owned).collect::<Vec<_>>();
    refused!(world, accept_fulfillment_order, garbled!(AcceptFulfillmentOrderRequest {}), with(&[]));
    refused!(world, start_picking, garbled!(StartPickingRequest {}), with(&[]));
    let reject = garbled!(RejectFulfillmentOrderRequest { reject_reason: -3 });
    refused!(world, reject_fulfillment_order, reject, with(&["reject_reason"]));
    refused!(world, confirm_pick, garbled!(ConfirmPickRequest {}), with(&["lines"]));
    let parcel = proto::Parcel {
        parcel_id: junk(),
        weight_g: -1,
        contents: vec![proto::ParcelContent { line_number: 70_000, quantity: i64::MIN }],
        ..Default::default()
    };
    let own = [
        "parcels[0].parcel_id",
        "parcels[0].weight_g",
        "parcels[0].contents[0].line_number",
        "parcels[0].contents[0].quantity",
    ];
    refused!(world, pack, garbled!(PackRequest { parcels: vec![parcel] }), with(&own));
    let far = prost_types::Timestamp { seconds: i64::MIN, nanos: i32::MAX };
    refused!(world, ship, garbled!(ShipRequest { ship_time: Some(far) }), with(&["carrier", "ship_time"]));
    let deliver = garbled!(ConfirmDeliveryRequest { delivery_time: Some(far), parcel_ids: vec![junk()] });
    refused!(world, confirm_delivery, deliver, with(&["delivery_time", "parcel_ids[0]"]));
    refused!(world, ready_for_pickup, garbled!(ReadyForPickupRequest { shelf: junk() }), with(&["shelf"]));
    refused!(world, hand_over, garbled!(HandOverRequest { proof: junk() }), with(&["proof"]));
    assert_eq!(world.order(id).await.revision, 2, "nothing changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_and_streams_full_of_garbage_are_refused_field_by_field() {
    let world = World::new().await;
    world.with_node("n1").await;
    let get = proto::GetFulfillmentOrderRequest { fulfillment_order_id: junk(), after: "x".into() };
    refused!(world, get_fulfillment_order, get, ["fulfillment_order_id", "after"]);
    let unknown = proto::GetFulfillmentOrderRequest {
        fulfillment_order_id: "W00-1-F1.FF".into(),
        after: String::new(),
    };
    assert_eq!(world.door.get_fulfillment_order(asked(unknown)).await.unwrap_err().code(), Code::NotFound);
    let list = proto::ListFulfillmentOrdersRequest {
        node_id: String::new(),
        states: vec![0, 99],
        page_size: u32::MAX,
        page_token: String::new(),
        after: "fulfillment/0@18446744073709551615".into(),
    };
    refused!(
        world,
        list_fulfillment_orders,
        list,
        ["node_id", "states[0]", "states[1]", "page_size", "after"]
    );
    let token = proto::ListFulfillmentOrdersRequest {
        node_id: "n1".into(),
        page_token: junk(),
        ..Default::default()
    };
    refused!(world, list_fulfillment_orders, token, ["page_token"]);
    let subscribe = proto::SubscribeInstructionsRequest { node_id: junk(), ..Default::default() };
    refused!(world, subscribe_instructions, subscribe, ["node_id"]);
    let acknowledge =
        proto::AcknowledgeInstructionsRequest { through_number: u64::MAX, ..Default::default() };
    refused!(world, acknowledge_instructions, acknowledge, ["request_id", "node_id"]);
    let promise = proto::PromiseRequest { options_max: 11, journey_id: junk(), ..Default::default() };
    refused!(world, promise, promise, ["basket", "options_max", "journey_id"]);
    let plan = proto::PlanRequest {
        basket: Some(proto::Basket { lines: vec![proto::BasketLine::default()], ..Default::default() }),
        excluded_node_ids: vec![junk()],
        pinned: vec![proto::PinnedUnits { quantity: -1, owner: junk(), ..Default::default() }],
        after: "orders/0@0".into(),
        ..Default::default()
    };
    let own = [
        "basket.lines[0].sku",
        "basket.lines[0].quantity",
        "basket.lines[0].delivery_method",
        "excluded_node_ids[0]",
        "pinned[0].sku",
        "pinned[0].owner",
        "pinned[0].node_id",
        "pinned[0].quantity",
        "after",
    ];
    refused!(world, plan, plan, own);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upserts_full_of_garbage_are_refused_whole_or_row_by_row() {
    let world = World::new().await;
    refused!(world, upsert_nodes, proto::UpsertNodesRequest::default(), ["request_id", "nodes"]);
    refused!(world, upsert_lanes, proto::UpsertLanesRequest::default(), ["request_id", "lanes"]);
    refused!(world, upsert_zones, proto::UpsertZonesRequest::default(), ["request_id", "zones"]);
    refused!(world, upsert_calendars, proto::UpsertCalendarsRequest::default(), ["request_id", "calendars"]);
    refused!(
        world,
        upsert_rate_cards,
        proto::UpsertRateCardsRequest::default(),
        ["request_id", "rate_cards"]
    );
    let nodes = vec![proto::Node::default(); 1_001];
    let many = proto::UpsertNodesRequest { request_id: "r".into(), nodes, ..Default::default() };
    refused!(world, upsert_nodes, many, ["nodes"]);

    let request_id = || "r".to_owned();
    let lane = proto::Lane {
        to: Some(proto::lane::To::ToZoneId(junk())),
        transit_ms: i64::MIN,
        transit_days: u32::MAX,
        departures: vec![proto::Departure { weekdays: vec![8], minute_of_day: 1440 }],
        rate_card_id: junk(),
        ..Default::default()
    };
    let lanes =
        proto::UpsertLanesRequest { request_id: request_id(), lanes: vec![lane], ..Default::default() };
    let lanes = world.door.upsert_lanes(asked(lanes)).await.unwrap().into_inner().results;
    let zone = proto::Zone {
        zone_id: "z".into(),
        circle: Some(proto::Circle {
            center: Some(common::GeoPoint { latitude_degrees_e6: i64::MAX, longitude_degrees_e6: i64::MIN }),
            radius_m: 0,
        }),
        ..Default::default()
    };
    let zones =
        proto::UpsertZonesRequest { request_id: request_id(), zones: vec![zone], ..Default::default() };
    let zones = world.door.upsert_zones(asked(zones)).await.unwrap().into_inner().results;
    let calendar = proto::Calendar {
        calendar_id: "c".into(),
        weekly: vec![proto::OpenHours { weekday: 1, from_minute_of_day: 600, to_minute_of_day: 60 }],
        exceptions: vec![proto::CalendarException { date: "2026-02-30".into(), ..Default::default() }],
        ..Default::default()
    };
    let calendars = proto::UpsertCalendarsRequest {
        request_id: request_id(),
        calendars: vec![calendar],
        ..Default::default()
    };
    let calendars = world.door.upsert_calendars(asked(calendars)).await.unwrap().into_inner().results;
    let card = proto::RateCard {
        rate_card_id: "r".into(),
        steps: vec![proto::RateStep { up_to_weight_g: -1, cost: None }],
        ..Default::default()
    };
    let cards = proto::UpsertRateCardsRequest {
        request_id: request_id(),
        rate_cards: vec![card],
        ..Default::default()
    };
    let cards = world.door.upsert_rate_cards(asked(cards)).await.unwrap().into_inner().results;
    for row in lanes.iter().chain(&zones).chain(&calendars).chain(&cards) {
        assert_eq!(row.outcome(), common::RowOutcome::Refused, "{row:?}");
        assert_eq!(row.error_reason, "NETWORK_ROW_FAULTY");
    }
    assert_eq!(lanes[0].error_field, "lanes[0].lane_id");
    assert_eq!(calendars[0].error_field, "calendars[0].exceptions[0].date");
    let version = world.door.get_network_version(asked(proto::GetNetworkVersionRequest::default()));
    assert_eq!(version.await.unwrap().into_inner().network_version, 0, "nothing changed");
}
