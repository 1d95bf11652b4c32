//! A policy's rules: who serves what, what is kept back, which kinds are preferred where, and what is given up when that
//! serves too little.

mod common;

use common::{World, at, collect, given, node_id, request, ship, text};
use waybill_types::exchange::{Claim, PlanRequest, UnplannedReason};
use waybill_types::network::{
    Buffer, FallbackStep, NodeKind, NodeSet, Preference, Rules, ServeRule, SplitLimit, When,
};
use waybill_types::{Channel, OwnerId, Quantity, ZoneId};

/// A store that is cheap and near, a warehouse that is dear, both with stock.
fn world() -> World {
    let mut world = World::new();
    world.node("s1", NodeKind::Store, "Europe/Berlin");
    world.node("w1", NodeKind::CentralWarehouse, "Europe/Berlin");
    world.zone("berlin", &["10"]);
    world.zone("hamburg", &["20"]);
    for zone in ["berlin", "hamburg"] {
        world.lane("s1", zone, "std", 300, 0);
        world.lane("w1", zone, "std", 500, 0);
    }
    world.has("s1", "A", 3);
    world.has("w1", "A", 10);
    world
}

fn asked(units: u64, channel: &str) -> PlanRequest {
    let mut asked = request(at("Europe/Berlin", "2026-06-01", 9, 0, 0), vec![ship(1, "A", units)]);
    asked.channel = (!channel.is_empty()).then(|| Channel::new(channel).unwrap());
    asked
}

fn in_channel(channel: &str) -> When {
    When { channels: vec![Channel::new(channel).unwrap()], ..When::default() }
}

fn stores() -> NodeSet {
    NodeSet { kinds: vec![NodeKind::Store], nodes: Vec::new() }
}

fn under(mut world: World, rules: Rules) -> World {
    world.policy.version = 7;
    world.policy.policy.rules = Some(Box::new(rules));
    world
}

fn plans(world: &World, request: &PlanRequest) -> Vec<(u16, String, u64)> {
    let ready = world.ready();
    let plan = ready.plan(request);
    assert_eq!(ready.cost(request, &plan), plan.cost_minor(), "the second opinion counts the same");
    assert_eq!(plan.stamp.policy, ready.policy.version);
    given(&plan)
}

#[test]
fn nodes_that_do_not_serve_a_channel_are_passed_over_in_it_alone() {
    let rule = ServeRule { when: in_channel("marketplace"), nodes: stores(), serves: false };
    let world = under(world(), Rules { serves: vec![rule], ..Rules::default() });
    assert_eq!(plans(&world, &asked(1, "web")), [(1, "s1".to_owned(), 1)]);
    assert_eq!(plans(&world, &asked(1, "")), [(1, "s1".to_owned(), 1)]);
    assert_eq!(plans(&world, &asked(1, "marketplace")), [(1, "w1".to_owned(), 1)]);
}

#[test]
fn the_first_rule_that_matches_a_node_decides() {
    let named = NodeSet { kinds: Vec::new(), nodes: vec![node_id("s1")] };
    let allow = ServeRule { when: When::default(), nodes: named, serves: true };
    let deny = ServeRule { when: When::default(), nodes: NodeSet::default(), serves: false };
    let both = |rules: Vec<ServeRule>| under(world(), Rules { serves: rules, ..Rules::default() });
    assert_eq!(plans(&both(vec![allow.clone(), deny.clone()]), &asked(1, "web")), [(1, "s1".to_owned(), 1)]);
    assert!(plans(&both(vec![deny, allow]), &asked(1, "web")).is_empty(), "everybody is ruled out first");
}

#[test]
fn a_rule_of_a_zone_holds_there_alone_and_never_for_a_pickup() {
    let when = When { zones: vec![ZoneId::new("berlin").unwrap()], ..When::default() };
    let rule = ServeRule { when, nodes: stores(), serves: false };
    let world = under(world(), Rules { serves: vec![rule], ..Rules::default() });
    assert_eq!(plans(&world, &asked(1, "web")), [(1, "w1".to_owned(), 1)]);
    let mut elsewhere = asked(1, "web");
    elsewhere.destination.as_mut().unwrap().postal_code =
        Some(waybill_types::PostalCode::new("20095").unwrap());
    assert_eq!(plans(&world, &elsewhere), [(1, "s1".to_owned(), 1)]);
    let mut fetched = asked(1, "web");
    fetched.lines = vec![collect(1, "A", 1, "s1")];
    assert_eq!(plans(&world, &fetched), [(1, "s1".to_owned(), 1)]);
}

#[test]
fn what_is_kept_back_is_less_stock_but_never_of_what_the_asker_has() {
    let buffer = |keep_units, keep_percent| {
        let buffer = Buffer { when: in_channel("web"), nodes: stores(), keep_units, keep_percent };
        under(world(), Rules { buffers: vec![buffer], ..Rules::default() })
    };
    assert_eq!(plans(&buffer(1, 0), &asked(2, "web")), [(1, "s1".to_owned(), 2)]);
    assert_eq!(plans(&buffer(2, 0), &asked(2, "web")), [(1, "w1".to_owned(), 2)]);
    assert_eq!(plans(&buffer(2, 0), &asked(2, "store")), [(1, "s1".to_owned(), 2)]);
    // A third of 3 is 1, rounded up to 2 where it is 34 %.
    assert_eq!(plans(&buffer(0, 33), &asked(2, "web")), [(1, "s1".to_owned(), 2)]);
    assert_eq!(plans(&buffer(0, 34), &asked(2, "web")), [(1, "w1".to_owned(), 2)]);
    // The stock says 3 with the asker's own 2 in it.
    let mut again = asked(2, "web");
    let (sku, node) = (common::sku("A"), node_id("s1"));
    again.own = vec![Claim { sku, owner: OwnerId::main(), node, quantity: Quantity::of(2) }];
    assert_eq!(plans(&buffer(100, 0), &again), [(1, "s1".to_owned(), 2)]);
}

#[test]
fn a_preference_turns_the_choice_where_it_holds_and_counts_in_the_cost() {
    let preference = Preference { when: in_channel("web"), kind: NodeKind::CentralWarehouse, minor: -201 };
    let world = under(world(), Rules { preferences: vec![preference], ..Rules::default() });
    assert_eq!(plans(&world, &asked(1, "web")), [(1, "w1".to_owned(), 1)]);
    assert_eq!(plans(&world, &asked(1, "store")), [(1, "s1".to_owned(), 1)]);
    let plan = world.ready().plan(&asked(1, "web"));
    let kind = plan.cost.iter().find(|term| term.name == text("node_kind")).unwrap();
    assert_eq!(kind.minor, -201);
}

#[test]
fn steps_are_taken_in_order_until_everything_is_served() {
    let no_stores = ServeRule { when: When::default(), nodes: stores(), serves: false };
    let buffer = Buffer { when: When::default(), nodes: NodeSet::default(), keep_units: 9, keep_percent: 0 };
    let one = SplitLimit { when: When::default(), shipments_max: 1 };
    let rules = |fallback: &[FallbackStep]| Rules {
        serves: vec![no_stores.clone()],
        buffers: vec![buffer.clone()],
        splits: vec![one.clone()],
        fallback: fallback.to_vec(),
        ..Rules::default()
    };
    use FallbackStep::{AnyNode, LiftSplitLimits, UseBuffers};
    let served = |units: u64, fallback: &[FallbackStep]| {
        let given = plans(&under(world(), rules(fallback)), &asked(units, "web"));
        given.into_iter().map(|(_, node, units)| (node, units)).collect::<Vec<_>>()
    };
    let of = |node: &str, units| (node.to_owned(), units);
    assert_eq!(served(1, &[]), [of("w1", 1)], "one is left above the buffer");
    assert_eq!(served(2, &[]), [of("w1", 1)]);
    assert_eq!(served(2, &[UseBuffers]), [of("w1", 2)]);
    assert_eq!(served(2, &[LiftSplitLimits, UseBuffers, AnyNode]), [of("w1", 2)], "no further than needed");
    assert_eq!(served(12, &[UseBuffers, AnyNode]), [of("w1", 10)], "one shipment only");
    assert_eq!(served(12, &[UseBuffers, AnyNode, LiftSplitLimits]), [of("s1", 3), of("w1", 9)]);
    assert_eq!(served(14, &[UseBuffers, AnyNode, LiftSplitLimits]), [of("s1", 3), of("w1", 10)]);
    let ready = under(world(), rules(&[])).ready();
    assert_eq!(ready.plan(&asked(2, "web")).unplanned[0].reason, UnplannedReason::NoStock);
}

#[test]
fn a_promise_obeys_the_rules_that_the_plan_obeys() {
    let rule = ServeRule { when: in_channel("marketplace"), nodes: stores(), serves: false };
    let ready = under(world(), Rules { serves: vec![rule], ..Rules::default() }).ready();
    for channel in ["web", "marketplace"] {
        let asked = asked(1, channel);
        let options = waybill_sourcing::promise(&ready.network, &ready.policy, &ready.mirror, &asked, 3);
        assert_eq!(options[0].plan, ready.plan(&asked), "{channel}");
    }
}
