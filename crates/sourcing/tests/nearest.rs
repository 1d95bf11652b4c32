//! The usual rule that the planner is held against: it does what shops do, and is never cheaper for the same units.

mod common;

use common::random::{self, Spice};
use common::{World, at, given, request, ship};
use proptest::prelude::*;
use waybill_sourcing::{ItemFacts, nearest_complete};
use waybill_types::GeoPoint;
use waybill_types::exchange::{Plan, PlanRequest};
use waybill_types::network::NodeKind;

fn north(steps: i32) -> Option<GeoPoint> {
    GeoPoint::new(50_000_000 + steps * 100_000, 10_000_000).ok()
}

/// Nodes `a`, `b`, `c` and so on, each farther from the customer and cheaper than the one before.
fn street(count: i32) -> (World, PlanRequest) {
    let mut world = World::new();
    world.zone("Z", &["1"]);
    for (steps, id) in (1..=count).zip('a'..) {
        let id = id.to_string();
        world.node(&id, NodeKind::Store, "Europe/Berlin").point = north(steps);
        world.lane(&id, "Z", "standard", 900 - i64::from(steps) * 100, 0);
    }
    let now = at("Europe/Berlin", "2026-03-02", 10, 0, 0);
    let mut request = request(now, vec![ship(1, "A", 2), ship(2, "B", 1)]);
    request.destination.as_mut().unwrap().point = north(0);
    (world, request)
}

fn rule(world: &World, request: &PlanRequest) -> Plan {
    let ready = world.ready();
    nearest_complete(&ready.network, &ready.policy, &ready.mirror, request)
}

#[test]
fn the_nearest_node_with_everything_sends_it_even_if_another_is_cheaper() {
    let (mut world, request) = street(4);
    for (node, sku, units) in
        [("a", "A", 2), ("b", "A", 2), ("b", "B", 1), ("c", "A", 9), ("c", "B", 9), ("d", "B", 9)]
    {
        world.has(node, sku, units);
    }
    let plan = rule(&world, &request);
    assert_eq!(given(&plan), [(1, "b".to_owned(), 2), (2, "b".to_owned(), 1)]);
    let ready = world.ready();
    assert_eq!(given(&ready.plan(&request))[0].1, "c", "the planner takes the cheaper one");
    assert_eq!(ready.cost(&request, &plan), plan.cost_minor());
}

#[test]
fn where_no_node_has_everything_nodes_give_what_they_have_by_distance() {
    let (mut world, request) = street(4);
    for (node, sku, units) in [("a", "A", 1), ("b", "A", 1), ("c", "A", 2), ("d", "B", 9)] {
        world.has(node, sku, units);
    }
    let expected = [(1, "a".to_owned(), 1), (1, "b".to_owned(), 1), (2, "d".to_owned(), 1)];
    assert_eq!(given(&rule(&world, &request)), expected);
    let excluded = PlanRequest { excluded: vec![common::node_id("b")], ..request.clone() };
    let expected = [(1, "a".to_owned(), 1), (1, "c".to_owned(), 1), (2, "d".to_owned(), 1)];
    assert_eq!(given(&rule(&world, &excluded)), expected);
    world.item("A", ItemFacts::new(0, 0).unwrap().unsplittable());
    let expected = [(1, "c".to_owned(), 2), (2, "d".to_owned(), 1)];
    assert_eq!(given(&rule(&world, &request)), expected, "a line that stays whole comes from one node");
}

#[test]
fn what_nobody_has_is_left_and_nothing_asked_is_nothing_given() {
    let (world, request) = street(2);
    let plan = rule(&world, &request);
    assert!(plan.assignments.is_empty());
    assert_eq!(plan.unplanned.len(), 2);
    let nowhere = PlanRequest { destination: None, ..request };
    assert!(rule(&world, &nowhere).assignments.is_empty());
}

const SPICE: Spice = Spice {
    pins: false,
    pickups: false,
    no_split: true,
    scales: true,
    few_shipments: false,
    exclusions: true,
    ties: false,
    terms: false,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_planner_is_never_dearer_for_the_same_units(seed in any::<u64>()) {
        let (mut world, mut request) = random::world(seed, SPICE);
        for (steps, node) in (1..).zip(&mut world.nodes) {
            node.point = north((steps * 7) % 5);
        }
        if let Some(destination) = &mut request.destination {
            destination.point = north(0);
        }
        let plan = rule(&world, &request);
        let ready = world.ready();
        prop_assert_eq!(ready.cost(&request, &plan), plan.cost_minor());
        let exact = ready.plan(&request);
        let left = |plan: &Plan| plan.unplanned.iter().map(|units| units.quantity.units()).sum::<u64>();
        if left(&plan) == left(&exact) {
            prop_assert!(exact.cost_minor() <= plan.cost_minor(), "{exact:?}\n{plan:?}");
        }
        prop_assert_eq!(rule(&world, &request), plan, "the same every time");
    }
}
