//! What product pages ask: the same answer as a basket of one line gets, place by place, and nodes near a place.

use super::world::{NOON, World, asked, eur, fields, proto_node, why};
use tonic::Code;
use waybill_proto::common::v1 as common;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_proto::fulfillment::v1::network_service_server::NetworkService;
use waybill_proto::fulfillment::v1::promise_place::Place;
use waybill_proto::fulfillment::v1::promise_service_server::PromiseService;
use waybill_replica::Token;
use waybill_types::Sku;

fn germany() -> proto::Destination {
    proto::Destination { country_code: "DE".into(), postal_code: "10115".into(), ..Default::default() }
}

fn to(place: Place) -> proto::PromisePlace {
    proto::PromisePlace { place: Some(place) }
}

fn at(node: &str) -> proto::PromisePlace {
    to(Place::PickupNodeId(node.into()))
}

fn page(quantity: i64, places: Vec<proto::PromisePlace>) -> proto::PromiseItemRequest {
    proto::PromiseItemRequest { sku: "A".into(), quantity, places, ..Default::default() }
}

async fn promised(world: &World, request: proto::PromiseItemRequest) -> proto::PromiseItemResponse {
    world.door.promise_item(asked(request)).await.unwrap().into_inner()
}

/// The options of a basket of the item alone.
async fn basket(world: &World, quantity: i64, place: &proto::PromisePlace) -> Vec<proto::SourcingPlan> {
    let mut line = proto::BasketLine { sku: "A".into(), quantity, ..Default::default() };
    let mut destination = None;
    match place.place.clone().unwrap() {
        Place::Destination(given) => {
            destination = Some(given);
            line.set_delivery_method(proto::DeliveryMethod::ShipHome);
        }
        Place::PickupNodeId(node) => {
            line.pickup_node_id = node;
            line.set_delivery_method(proto::DeliveryMethod::Pickup);
        }
    }
    let basket = proto::Basket { lines: vec![line], destination, ..Default::default() };
    let request = proto::PromiseRequest { basket: Some(basket), ..Default::default() };
    let answer = world.door.promise(asked(request)).await.unwrap().into_inner();
    answer.options.into_iter().filter_map(|option| option.plan).collect()
}

/// Two nodes with stock; the second also sends by a dear and quick service.
async fn two_nodes() -> World {
    let world = World::new().await;
    world.with_node("n1").await;
    world.with_node("n2").await;
    let lane = proto::Lane {
        lane_id: "n2-quick".into(),
        from_node_id: "n2".into(),
        to: Some(proto::lane::To::ToZoneId("de".into())),
        carrier_service: "express".into(),
        cost: Some(proto::LaneCost { base: Some(eur(1_990)), per_kg: None }),
        transit_days: 0,
        ..Default::default()
    };
    let lanes =
        proto::UpsertLanesRequest { request_id: "quick".into(), lanes: vec![lane], ..Default::default() };
    let rows = world.door.upsert_lanes(asked(lanes)).await.unwrap().into_inner().results;
    assert_ne!(rows[0].outcome(), common::RowOutcome::Refused, "{rows:?}");
    world.stocked("n1", 2, 1);
    world.stocked("n2", 9, 2);
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_place_is_answered_as_a_basket_of_the_item_alone() {
    let world = two_nodes().await;
    let places = vec![to(Place::Destination(germany())), at("n1"), at("n2"), at("nowhere")];
    for quantity in [1, 3, 11, 12] {
        let answer = promised(&world, page(quantity, places.clone())).await;
        assert_eq!(answer.places.len(), places.len());
        for (place, promise) in places.iter().zip(&answer.places) {
            let plans = basket(&world, quantity, place).await;
            assert_eq!(promise.options.len(), plans.len(), "{quantity} at {place:?}");
            for (option, plan) in promise.options.iter().zip(&plans) {
                assert_eq!(option.cost, plan.total_cost);
                assert_eq!(option.promise, plan.promise);
                assert_eq!(option.assignments, plan.assignments);
                let left: i64 = plan.unplanned.iter().map(|units| units.quantity).sum();
                assert_eq!(option.unserved_quantity, left);
                assert_eq!(answer.stamp, plan.stamp);
            }
        }
        let unserved: Vec<_> = answer.places.iter().map(|place| place.unserved_quantity).collect();
        let short = |has: i64| (quantity - has).max(0);
        assert_eq!(unserved, [short(11), short(2), short(9), quantity]);
        assert_eq!(answer.places[3].unserved_reason(), proto::UnplannedReason::NoPickup);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_rise_in_cost_and_come_sooner_one_by_one() {
    let world = two_nodes().await;
    let answer = promised(&world, page(1, vec![to(Place::Destination(germany())), at("n2")])).await;
    let options = &answer.places[0].options;
    assert_eq!(options.len(), 2, "{options:?}");
    let cost = |option: &proto::ItemOption| option.cost.as_ref().unwrap().minor_units;
    let latest = |option: &proto::ItemOption| option.promise.unwrap().latest.unwrap().seconds;
    assert!(options.windows(2).all(|pair| cost(&pair[0]) < cost(&pair[1])));
    assert!(options.windows(2).all(|pair| latest(&pair[0]) > latest(&pair[1])));
    assert_eq!(options[1].assignments[0].carrier_service, "express");
    assert!(options.iter().all(|option| option.delivery_method() == proto::DeliveryMethod::ShipHome));
    let pickup = &answer.places[1].options[0];
    assert_eq!(pickup.delivery_method(), proto::DeliveryMethod::Pickup);
    let one =
        proto::PromiseItemRequest { options_max: 1, ..page(1, vec![to(Place::Destination(germany()))]) };
    assert_eq!(promised(&world, one).await.places[0].options, options[..1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_sees_what_its_token_names_and_refuses_what_is_no_item() {
    let world = World::new().await;
    world.with_node("n1").await;
    let refused = world.door.promise_item(asked(page(1, vec![at("n1")]))).await.unwrap_err();
    assert_eq!(why(&refused), (Code::NotFound, "ITEM_UNKNOWN".to_owned()));
    let home = world.host.layout().sku_home(&Sku::new("A").unwrap());
    let after = Token { partition: home, sequence: 7 }.to_string();
    let asking =
        world.door.promise_item(asked(proto::PromiseItemRequest { after, ..page(1, vec![at("n1")]) }));
    let told = async {
        tokio::task::yield_now().await;
        world.stocked("n1", 1, 7);
    };
    let (answer, ()) = tokio::join!(asking, told);
    assert_eq!(answer.unwrap().into_inner().places[0].unserved_quantity, 0);
    let many = page(1, (0..101).map(|_| at("n1")).collect());
    let refused = world.door.promise_item(asked(many)).await.unwrap_err();
    assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["places".to_owned()]));
}

/// A store so many hundredths of a degree north of 52.5 N 13.4 E, about 1.1 km each.
async fn store(world: &World, id: &str, north: i64) {
    let node = proto::Node {
        location: Some(common::GeoPoint {
            latitude_degrees_e6: 52_500_000 + north * 10_000,
            longitude_degrees_e6: 13_400_000,
        }),
        name: format!("store {id}"),
        ..proto_node(id)
    };
    let rows = world.upsert_nodes(vec![node]).await.unwrap().results;
    assert_ne!(rows[0].outcome(), common::RowOutcome::Refused, "{rows:?}");
}

fn near(items: &[(&str, i64)]) -> proto::FindNearbyRequest {
    let location = common::GeoPoint { latitude_degrees_e6: 52_500_000, longitude_degrees_e6: 13_400_000 };
    let item = |(sku, quantity): &(&str, i64)| proto::NearbyItem {
        sku: (*sku).into(),
        quantity: *quantity,
        ..Default::default()
    };
    proto::FindNearbyRequest {
        near: Some(proto::Destination {
            country_code: "DE".into(),
            location: Some(location),
            ..Default::default()
        }),
        items: items.iter().map(item).collect(),
        ..Default::default()
    }
}

async fn found(world: &World, request: proto::FindNearbyRequest) -> Vec<proto::NearbyNode> {
    world.door.find_nearby(asked(request)).await.unwrap().into_inner().nodes
}

fn ids(nodes: &[proto::NearbyNode]) -> Vec<&str> {
    nodes.iter().map(|node| node.node_id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nearest_nodes_that_have_it_are_found_with_what_they_have_and_when() {
    let world = World::new().await;
    for (id, north) in [("far", 9), ("near", 1), ("nearer", 0), ("abroad", 300)] {
        store(&world, id, north).await;
    }
    assert_eq!(ids(&found(&world, near(&[])).await), ["nearer", "near", "far"], "within 100 km");
    for (node, units, version) in [("far", 5, 1), ("near", 2, 2), ("abroad", 9, 3)] {
        world.stocked(node, units, version);
    }
    let nodes = found(&world, near(&[("A", 2)])).await;
    assert_eq!(ids(&nodes), ["near", "far"]);
    assert_eq!(nodes[0].available_quantities, [2]);
    assert_eq!((nodes[0].name.as_str(), nodes[0].kind()), ("store near", proto::NodeKind::Store));
    assert!((1_100..1_130).contains(&nodes[0].distance_m), "{}", nodes[0].distance_m);
    assert!(nodes[0].open_now && nodes[0].ready_time.unwrap().seconds >= NOON.as_ms() / 1_000);
    assert_eq!(ids(&found(&world, near(&[("A", 3)])).await), ["far"]);
    let wide = proto::FindNearbyRequest { within_m: 1_000_000, ..near(&[("A", 2)]) };
    assert_eq!(ids(&found(&world, wide).await), ["near", "far", "abroad"]);
    let one = proto::FindNearbyRequest { nodes_max: 1, ..near(&[("A", 2)]) };
    assert_eq!(ids(&found(&world, one).await), ["near"]);
    let yesterday = prost_types::Timestamp { seconds: NOON.as_ms() / 1_000 - 86_400, nanos: 0 };
    let too_soon = proto::FindNearbyRequest { ready_by_time: Some(yesterday), ..near(&[("A", 2)]) };
    assert!(found(&world, too_soon).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn near_an_unknown_place_or_of_an_unknown_item_nothing_is_found() {
    let world = World::new().await;
    store(&world, "s1", 0).await;
    let france = proto::Destination { country_code: "FR".into(), ..Default::default() };
    let request = proto::FindNearbyRequest { near: Some(france), ..near(&[]) };
    let refused = world.door.find_nearby(asked(request)).await.unwrap_err();
    assert_eq!(why(&refused), (Code::NotFound, "PLACE_UNKNOWN".to_owned()));
    let refused = world.door.find_nearby(asked(near(&[("A", 1)]))).await.unwrap_err();
    assert_eq!(why(&refused), (Code::NotFound, "ITEM_UNKNOWN".to_owned()));
}
