//! The largest figures the documents allow, and the longest requests: a plan, no panic, no wrapped number.

mod common;

use common::{World, at, collect, request, ship};
use waybill_sourcing::ItemFacts;
use waybill_types::Quantity;
use waybill_types::network::{Document, KindCost, LaneCost, NodeKind};

const RATE_MAX: i64 = 1_000_000_000;

fn extreme() -> World {
    let mut world = World::new();
    world.zone("berlin", &["1"]);
    world.card("heavy", &[(Some(1), RATE_MAX, RATE_MAX), (Some(2), 0, RATE_MAX)]);
    for id in ["a", "b", "c"] {
        let node = world.node(id, NodeKind::Store, "UTC");
        node.handling_cost = Some(common::euro(RATE_MAX));
        node.unit_handling_cost = Some(common::euro(RATE_MAX));
        node.handling_ms = u64::MAX;
        let lane = world.lane(id, "berlin", "slow", RATE_MAX, RATE_MAX);
        (lane.transit_days, lane.transit_ms) = (365, u64::MAX);
        world.lane(id, "berlin", "card", 0, 0).cost = LaneCost::Card(common::card_id("heavy"));
    }
    let policy = &mut world.policy.policy;
    policy.backorder_cost_minor = RATE_MAX;
    policy.split_penalty_minor = RATE_MAX;
    policy.lateness_cost_minor_per_day = RATE_MAX;
    policy.kind_costs = vec![KindCost { kind: NodeKind::Store, minor: RATE_MAX }];
    assert!(policy.faults().is_empty(), "extreme, and allowed");
    for (sku, scale) in [("piece", 0), ("gram", 3)] {
        world.item(sku, ItemFacts::new(u64::from(ItemFacts::WEIGHT_G_MAX), scale).unwrap());
        for node in ["a", "b", "c"] {
            world.has(node, sku, Quantity::MAX / 2 + 1);
        }
    }
    world
}

#[test]
fn the_largest_figures_are_planned_without_wrapping() {
    for minor in [RATE_MAX, -RATE_MAX] {
        let mut world = extreme();
        world.policy.policy.kind_costs[0].minor = minor;
        let all = Quantity::MAX;
        let lines = vec![
            ship(1, "piece", all),
            ship(2, "gram", all),
            collect(3, "piece", all, "a"),
            ship(4, "gram", 1),
        ];
        let asked = request(at("UTC", "2026-06-01", 0, 0, 0), lines);
        let ready = world.ready();
        let plan = ready.plan(&asked);
        for line in &asked.lines {
            let given = plan.assignments.iter().filter(|a| a.line == line.line).map(|a| a.quantity.units());
            let missing = plan.unplanned.iter().filter(|u| u.line == line.line).map(|u| u.quantity.units());
            assert_eq!(given.sum::<u64>() + missing.sum::<u64>(), line.quantity.units());
        }
        assert!(plan.lower_bound_minor <= plan.cost_minor() && plan.cost_minor() > 0);
        waybill_sourcing::check::recompute(&ready.network, &ready.policy, &ready.mirror, &asked, &plan)
            .unwrap();
        let options = waybill_sourcing::promise(&ready.network, &ready.policy, &ready.mirror, &asked, 10);
        assert!(!options.is_empty());
    }
}

#[test]
fn an_order_of_five_hundred_lines_is_planned() {
    let mut world = World::new();
    world.zone("berlin", &["1"]);
    for node in 0..12 {
        let id = format!("n{node:02}");
        world.node(&id, NodeKind::Store, "UTC");
        world.lane(&id, "berlin", "parcel", 300 + node, 40);
        for sku in 0..200 {
            if (sku * 7 + node) % 3 == 0 {
                world.has(&id, &format!("s{sku}"), 1 + (sku % 4) as u64);
            }
        }
    }
    let lines = (1..=500).map(|line| ship(line, &format!("s{}", line % 200), 1)).collect();
    let asked = request(at("UTC", "2026-06-01", 0, 0, 0), lines);
    let ready = world.ready();
    let plan = ready.plan(&asked);
    assert_eq!(ready.cost(&asked, &plan), plan.cost_minor());
    assert!(plan.unplanned.is_empty(), "twelve nodes have it all");
}

#[test]
fn nothing_asked_is_nothing_planned() {
    let asked = request(at("UTC", "2026-06-01", 0, 0, 0), Vec::new());
    let plan = extreme().ready().plan(&asked);
    assert!(plan.assignments.is_empty() && plan.unplanned.is_empty());
    assert_eq!((plan.cost_minor(), plan.lower_bound_minor), (0, 0));
}
