//! A planner that is cheap and always answers the same: nodes in name order, what they have. Now and then it is blind, as
//! one whose mirror is late: it believes that everything is everywhere.

use super::shop::origin;
use super::sim::{LAYOUT, Lawful, Sim};
use std::collections::BTreeMap;
use waybill_orders::command::RecordPlan;
use waybill_orders::{Command, Orders, PlanQuestion};
use waybill_types::exchange::{
    Assignment, Delivery, Plan, PlanStamp, PromiseWindow, Unplanned, UnplannedReason,
};
use waybill_types::{LineNo, NodeId, Quantity, ServiceId, Sku};

/// Answers one question, the oldest or another; false when there is none.
pub(crate) fn answer(sim: &mut Sim, oldest: bool) -> Lawful<bool> {
    let count = sim.questions.len() as u64;
    if count == 0 {
        return Ok(false);
    }
    let pick = if oldest { 0 } else { sim.dice.below(count) as usize };
    let Some(question) = sim.questions.remove(pick) else { return Ok(false) };
    let plan = plan(sim, &question);
    sim.say(|| format!("planner: {} attempt {}: {:?}", question.order, question.attempt, plan.assignments));
    let command = Command::RecordPlan(RecordPlan {
        order: question.order,
        attempt: question.attempt,
        outcome: Ok(plan),
    });
    let at = usize::from(question.order.partition().index);
    drop(sim.ask::<Orders>(at, command, &origin("engine", "engine"), |_, _| {})?);
    Ok(true)
}

/// What each node has to promise, as far as it takes work.
pub(crate) fn there(sim: &Sim) -> BTreeMap<(Sku, NodeId), u64> {
    let network = sim.fulfillment[0].core.state();
    let active = |node: &NodeId| network.node(node).is_some_and(|kept| kept.document.active);
    let mut there = BTreeMap::new();
    for part in &sim.inventory {
        part.core.state().stock.each(|sku, _, position| {
            if active(&position.node) {
                let _ = there.insert((sku.clone(), position.node.clone()), position.available().units());
            }
        });
    }
    there
}

fn plan(sim: &Sim, question: &PlanQuestion) -> Plan {
    let mut there = there(sim);
    for own in &question.own {
        *there.entry((own.sku.clone(), own.node.clone())).or_default() += own.quantity.units();
    }
    if sim.blind_planner {
        for sku in question.lines.iter().map(|line| &line.sku) {
            for node in &sim.nodes {
                there.insert((sku.clone(), node.clone()), 1_000);
            }
        }
    }
    if !question.pinned.is_empty() {
        there.clear();
        for claim in &question.pinned {
            there.insert((claim.sku.clone(), claim.node.clone()), claim.quantity.units());
        }
    }
    let (mut assignments, mut unplanned) = (Vec::new(), Vec::new());
    for line in &question.lines {
        let mut remaining = line.quantity.units();
        let serves = |node: &NodeId| match &line.delivery {
            Delivery::Ship => true,
            Delivery::Pickup(at) => at == node,
        };
        for ((sku, node), units) in &mut there {
            let taken = remaining.min(*units);
            if *sku != line.sku || taken == 0 || question.excluded.contains(node) || !serves(node) {
                continue;
            }
            (*units, remaining) = (*units - taken, remaining - taken);
            assignments.push(assignment(sim, line.line, node, taken, &line.delivery));
        }
        if remaining > 0 {
            let (quantity, reason) = (Quantity::of(remaining), UnplannedReason::NoStock);
            unplanned.push(Unplanned { line: line.line, quantity, reason });
        }
    }
    Plan { assignments, unplanned, cost: Vec::new(), lower_bound_minor: 0, stamp: PlanStamp::default() }
}

fn assignment(sim: &Sim, line: LineNo, node: &NodeId, units: u64, delivery: &Delivery) -> Assignment {
    const DAY_MS: i64 = 86_400_000;
    debug_assert!(sim.nodes.contains(node) && LAYOUT.fulfillment > 0);
    Assignment {
        line,
        node: node.clone(),
        quantity: Quantity::of(units),
        service: match delivery {
            Delivery::Ship => Some(ServiceId::new("standard").unwrap()),
            Delivery::Pickup(_) => None,
        },
        ship_by: sim.now.plus_ms(DAY_MS),
        promise: PromiseWindow { earliest: sim.now.plus_ms(2 * DAY_MS), latest: sim.now.plus_ms(3 * DAY_MS) },
        ship_day: None,
    }
}
