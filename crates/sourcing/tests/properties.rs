//! The laws of a plan, on random small worlds: it is feasible, its cost is what the documents say, its lower bound is
//! one, and nothing depends on the order of the input.

mod common;

use common::random::{self, Dice, Spice};
use common::{Ready, World};
use proptest::prelude::*;
use std::collections::BTreeMap;
use waybill_sourcing::Interner;
use waybill_types::exchange::{Delivery, Plan, PlanRequest, UnplannedReason};
use waybill_types::{NodeId, Sku};

/// Problems that can be gone through exhaustively.
const PLAIN: Spice = Spice {
    pins: true,
    pickups: false,
    no_split: true,
    scales: true,
    few_shipments: true,
    exclusions: true,
    ties: false,
    terms: false,
};

/// The same with a policy that prices units, keeps lines together and sends orders complete; in whole units, so that no
/// two terms are rounded.
const TERMS: Spice = Spice { pins: false, scales: false, terms: true, ..PLAIN };

fn assert_feasible(world: &World, request: &PlanRequest, plan: &Plan) {
    let mut given: BTreeMap<(NodeId, Sku), u64> = BTreeMap::new();
    for assignment in &plan.assignments {
        let line = request.lines.iter().find(|line| line.line == assignment.line).expect("an asked line");
        assert!(!assignment.quantity.is_zero(), "no empty assignment");
        assert!(!request.excluded.contains(&assignment.node), "no excluded node");
        match &line.delivery {
            Delivery::Pickup(at) => assert!(*at == assignment.node && assignment.service.is_none()),
            Delivery::Ship => assert!(assignment.service.is_some()),
        }
        *given.entry((assignment.node.clone(), line.sku.clone())).or_default() += assignment.quantity.units();
    }
    for ((node, sku), units) in given {
        let has = world.stock.iter().filter(|(at, of, _)| *at == *node.as_str() && *of == *sku.as_str());
        let pinned = request.pinned.iter().filter(|claim| claim.node == node && claim.sku == sku);
        let most: u64 = has.map(|(_, _, units)| units).sum::<u64>()
            + pinned.map(|claim| claim.quantity.units()).sum::<u64>();
        assert!(units <= most, "{node} gives {units} of {sku} and has {most}");
    }
    for line in &request.lines {
        let parts = plan.assignments.iter().filter(|a| a.line == line.line).map(|a| a.quantity.units());
        let missing = plan.unplanned.iter().filter(|u| u.line == line.line).map(|u| u.quantity.units());
        assert_eq!(
            parts.sum::<u64>() + missing.sum::<u64>(),
            line.quantity.units(),
            "exactly the units asked"
        );
        let unique = plan.assignments.iter().filter(|a| a.line == line.line).map(|a| &a.node);
        let nodes: Vec<_> = unique.collect();
        assert!(nodes.windows(2).all(|pair| pair[0] < pair[1]), "one assignment per line and node, by node");
    }
}

fn assert_pins_kept(ready: &Ready, request: &PlanRequest, plan: &Plan) {
    for claim in &request.pinned {
        let lines = request.lines.iter().filter(|line| {
            let here =
                line.delivery == Delivery::Ship || line.delivery == Delivery::Pickup(claim.node.clone());
            line.sku == claim.sku && here
        });
        let lines: Vec<_> = lines.collect();
        let alone = request.pinned.iter().filter(|other| other.sku == claim.sku).count() == 1;
        if !alone || request.excluded.contains(&claim.node) || ready.network.node(&claim.node).is_none() {
            continue;
        }
        let wanted: u64 = lines.iter().map(|line| line.quantity.units()).sum();
        let there = plan.assignments.iter().filter(|a| a.node == claim.node);
        let there = there.filter(|a| lines.iter().any(|line| line.line == a.line));
        let there: u64 = there.map(|a| a.quantity.units()).sum();
        assert!(there >= wanted.min(claim.quantity.units()), "pinned units stay: {plan:#?}");
    }
}

/// The same world told in another order, with other numbers for the nodes.
fn shuffled(world: &World, dice: &mut Dice) -> (World, Interner) {
    let mut world = world.clone();
    let mut shuffle = |length: usize| -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        for at in (1..length).rev() {
            order.swap(at, dice.below(at as u64 + 1) as usize);
        }
        order
    };
    let nodes: Vec<_> = shuffle(world.nodes.len()).into_iter().map(|at| world.nodes[at].clone()).collect();
    let lanes: Vec<_> = shuffle(world.lanes.len()).into_iter().map(|at| world.lanes[at].clone()).collect();
    let stock: Vec<_> = shuffle(world.stock.len()).into_iter().map(|at| world.stock[at].clone()).collect();
    let mut interner = Interner::new();
    interner.intern(&common::node_id("stranger"));
    for (node, _, _) in &stock {
        interner.intern(&common::node_id(node));
    }
    (world.nodes, world.lanes, world.stock) = (nodes, lanes, stock);
    (world, interner)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_is_feasible_and_its_cost_is_what_the_documents_say(seed in any::<u64>()) {
        let (world, request) = random::world(seed, Spice::ALL);
        let ready = world.ready();
        let plan = ready.plan(&request);
        assert_feasible(&world, &request, &plan);
        assert_pins_kept(&ready, &request, &plan);
        prop_assert_eq!(ready.cost(&request, &plan), plan.cost_minor());
        prop_assert!(plan.lower_bound_minor <= plan.cost_minor());
        prop_assert_eq!((plan.stamp.network, plan.stamp.policy, plan.stamp.mirror), (3, 0, 9));
    }

    #[test]
    fn the_lower_bound_is_below_the_optimum_and_the_optimum_below_the_plan(seed in any::<u64>()) {
        let (world, request) = random::world(seed, PLAIN);
        let plan = world.ready().plan(&request);
        let optimum = random::optimum(&world, &request);
        prop_assert!(plan.lower_bound_minor <= optimum.cost_of_any, "{} {optimum:?}", plan.lower_bound_minor);
        prop_assert!(optimum.cost_of_any <= plan.cost_minor());
        let missing = random::missing(&world, &request, &plan);
        prop_assert!((optimum.missing, optimum.cost) <= (missing, plan.cost_minor()));
    }

    #[test]
    fn nothing_is_left_out_that_stock_could_serve(seed in any::<u64>()) {
        let spice = Spice { no_split: false, few_shipments: false, ..PLAIN };
        let (world, request) = random::world(seed, spice);
        let plan = world.ready().plan(&request);
        let optimum = random::optimum(&world, &request);
        prop_assert_eq!(random::missing(&world, &request, &plan), optimum.missing);
    }

    #[test]
    fn the_same_world_told_in_another_order_gives_the_same_plan(seed in any::<u64>(), ties in any::<bool>()) {
        let (world, request) = random::world(seed, Spice { ties, ..Spice::ALL });
        let plan = world.ready().plan(&request);
        let mut dice = Dice(seed ^ 0x5eed);
        let (other, mut interner) = shuffled(&world, &mut dice);
        let mut reversed = request.clone();
        reversed.lines.reverse();
        reversed.pinned.reverse();
        prop_assert_eq!(&other.ready_with(&mut interner).plan(&reversed), &plan);
    }

    #[test]
    fn options_get_earlier_as_they_get_dearer(seed in any::<u64>()) {
        let (world, request) = random::world(seed, Spice::ALL);
        let ready = world.ready();
        let options =
            waybill_sourcing::promise(&ready.network, &ready.policy, &ready.mirror, &request, 4);
        prop_assert_eq!(&options[0].plan, &ready.plan(&request));
        prop_assert!(options.len() <= 4);
        for option in &options {
            assert_feasible(&world, &request, &option.plan);
            prop_assert_eq!(ready.cost(&request, &option.plan), option.cost_minor);
            prop_assert!(option.plan.lower_bound_minor <= option.cost_minor);
            prop_assert_eq!(option.partial, !option.plan.unplanned.is_empty());
        }
        for pair in options.windows(2) {
            prop_assert!(pair[1].promise.unwrap().latest < pair[0].promise.unwrap().latest);
        }
    }

    #[test]
    fn reasons_tell_stranded_stock_from_none(seed in any::<u64>()) {
        let (world, request) = random::world(seed, Spice::ALL);
        let plan = world.ready().plan(&request);
        for missing in &plan.unplanned {
            let line = request.lines.iter().find(|line| line.line == missing.line).unwrap();
            if line.delivery == Delivery::Ship {
                let stranded = world.stock.iter().any(|(at, of, _)| at == "n4" && *of == *line.sku.as_str());
                let reason = if stranded { UnplannedReason::NoRoute } else { UnplannedReason::NoStock };
                prop_assert_eq!(missing.reason, reason);
            }
        }
    }
}

#[test]
fn every_small_problem_under_terms_is_solved_to_the_optimum() {
    let (mut proven, mut all, mut left) = (0, 0, 0);
    for seed in 100_000..106_000 {
        let (world, request) = random::world(seed, Spice { few_shipments: seed % 2 == 0, ..TERMS });
        let ready = world.ready();
        let plan = ready.plan(&request);
        assert_feasible(&world, &request, &plan);
        assert_eq!(ready.cost(&request, &plan), plan.cost_minor(), "seed {seed}");
        let best = random::optimum(&world, &request);
        let found = (random::missing(&world, &request, &plan), plan.cost_minor());
        assert_eq!(found, (best.missing, best.cost), "seed {seed}: {plan:#?}");
        assert!(plan.lower_bound_minor <= best.cost, "seed {seed}");
        all += 1;
        left += u32::from(best.missing > 0);
        proven += u32::from(plan.lower_bound_minor == plan.cost_minor());
    }
    assert!(proven * 100 >= all * 50 && left > 500, "{proven} of {all} proven, {left} leave something");
}

/// Plans are optimal by the law: most units served, then least cost. Where units may be left to save more than they
/// cost, or amounts are rounded term by term, the lower bound stays below the cost.
#[test]
fn every_small_problem_is_solved_to_the_optimum() {
    let (mut proven, mut all) = (0, 0);
    for seed in 0..6_000 {
        let (world, request) = random::world(seed, Spice { few_shipments: seed % 2 == 0, ..PLAIN });
        let plan = world.ready().plan(&request);
        let best = random::optimum(&world, &request);
        all += 1;
        let found = (random::missing(&world, &request, &plan), plan.cost_minor());
        assert_eq!(found, (best.missing, best.cost), "seed {seed}");
        proven += u32::from(plan.lower_bound_minor == plan.cost_minor());
    }
    println!("proven {proven} of {all}");
    assert!(proven * 100 >= all * 70, "only {proven} of {all} plans are proven optimal");
}
