//! The planner's answer: what is asked of inventory, and what nothing serves.

use super::TRIES_MAX;
use super::draft::{Draft, Manner};
use super::unserved::with_reason;
use crate::claims::summed;
use crate::command::RecordPlan;
use crate::content::OrderContent;
use crate::event::{AttemptSource, Event, PlanRecorded, What};
use crate::fold::ordered;
use crate::order::{Attempt, AttemptState, Pinned, Unserved, UnservedReason};
use crate::state::OrdersState;
use waybill_machine::Context;
use waybill_types::exchange::{Assignment, LineUnits, Plan, PlanStamp};
use waybill_types::{LineNo, NodeId, OrderId, Quantity, ReservationId};

/// Decides what follows from a plan. One for an attempt that does not ask any more has no effect.
pub(crate) fn record(state: &OrdersState, recorded: &RecordPlan, cx: &Context<'_>) -> Vec<Event> {
    let Some(mut draft) = Draft::load(state, recorded.order, cx) else { return Vec::new() };
    let Some(attempt) = draft.order.attempt(recorded.attempt).cloned() else {
        return super::amend::planned(draft, recorded);
    };
    let AttemptState::Planning { pinned, .. } = &attempt.state else { return Vec::new() };
    let plan = recorded.outcome.as_ref().ok();
    match pinned {
        Some(pinned) => record_pinned(&mut draft, &attempt, pinned, plan),
        None => record_free(&mut draft, &attempt, plan),
    }
    draft.finish()
}

fn record_free(draft: &mut Draft<'_>, attempt: &Attempt, plan: Option<&Plan>) {
    let (assignments, left) = fitting(&attempt.units, None, plan);
    let mut unserved = reasons(left, plan);
    // What the plan had for units that were called off since the question may serve others.
    let units = |assignments: &[Assignment]| assignments.iter().map(|a| a.quantity).sum::<Quantity>();
    let leaves_some = plan.is_some_and(|plan| units(&plan.assignments) > units(&assignments));
    if attempt.bounces > 0 {
        // It is not that no node has any: those that have were asked and did not take it.
        let no_stock = unserved.iter_mut().filter(|some| some.reason == UnservedReason::NoStock);
        no_stock.for_each(|some| some.reason = UnservedReason::NodesRefused);
    }
    let useless = assignments.is_empty() || (draft.is_all_or_nothing() && !unserved.is_empty());
    let reservation = (!useless).then(|| name(draft, draft.content(), attempt.number, &assignments));
    let event = PlanRecorded {
        attempt: attempt.number,
        assignments,
        unserved: unserved.clone(),
        reservation,
        mode: draft.mode(attempt.tries),
        surplus: Vec::new(),
        cost: plan.map_or_else(Vec::new, |plan| plan.cost.clone()),
        lower_bound_minor: plan.map_or(0, |plan| plan.lower_bound_minor),
        stamp: plan.map_or_else(PlanStamp::default, |plan| plan.stamp),
        pinned: None,
    };
    draft.push(What::PlanRecorded(event));
    if leaves_some && attempt.tries < TRIES_MAX && !draft.is_all_or_nothing() {
        let units = unserved.into_iter().map(|some| LineUnits { line: some.line, quantity: some.quantity });
        let (tries, bounces) = (attempt.tries + 1, attempt.bounces);
        let manner = Manner { tries, bounces, ..Manner::afresh(AttemptSource::Open) };
        return draft.start_attempt(units.collect(), manner);
    }
    draft.not_served(attempt.number, unserved, Vec::new());
}

/// Units of an adopted hold are reserved already: what the plan sends from where they are goes to the nodes at once. What
/// it cannot send is given back and planned like any other.
fn record_pinned(draft: &mut Draft<'_>, attempt: &Attempt, pinned: &Pinned, plan: Option<&Plan>) {
    let (assignments, left) = fitting(&attempt.units, Some(pinned), plan);
    let used = |line: LineNo, node: &NodeId| -> Quantity {
        let same = assignments.iter().filter(|a| a.line == line && a.node == *node);
        same.map(|a| a.quantity).sum()
    };
    let unused = pinned
        .units
        .iter()
        .map(|units| (units.line, &units.node, units.quantity.saturating_sub(used(units.line, &units.node))));
    let content = draft.content();
    let surplus = summed(content, unused);
    let claims = summed(content, assignments.iter().map(|a| (a.line, &a.node, a.quantity)));
    let reservation = (!assignments.is_empty()).then_some(pinned.reservation);
    let event = PlanRecorded {
        attempt: attempt.number,
        assignments,
        unserved: with_reason(left.clone(), UnservedReason::NoRoute),
        reservation,
        mode: draft.mode(attempt.tries),
        surplus,
        cost: plan.map_or_else(Vec::new, |plan| plan.cost.clone()),
        lower_bound_minor: plan.map_or(0, |plan| plan.lower_bound_minor),
        stamp: plan.map_or_else(PlanStamp::default, |plan| plan.stamp),
        pinned: Some(pinned.reservation),
    };
    draft.push(What::PlanRecorded(event));
    if reservation.is_some() {
        super::reserve::grant(draft, attempt.number, claims);
    }
    if plan.is_none() {
        return draft.give_up(with_reason(left, UnservedReason::Unplannable), Vec::new());
    }
    draft.start_attempt(left, Manner::afresh(AttemptSource::Open));
}

/// The plan's assignments as far as the attempt still wants them (units may have been cancelled since the question, and
/// a planner is not trusted to count), and the units that are left without one.
pub(super) fn fitting(
    wanted: &[LineUnits],
    pinned: Option<&Pinned>,
    plan: Option<&Plan>,
) -> (Vec<Assignment>, Vec<LineUnits>) {
    let mut left = wanted.to_vec();
    let mut pool = pinned.map(|pinned| pinned.units.clone());
    let mut fit = |assignment: &Assignment| {
        let units = left.iter_mut().find(|units| units.line == assignment.line)?;
        let mut quantity = assignment.quantity.min(units.quantity);
        if let Some(pool) = &mut pool {
            let there = pool.iter_mut().find(|p| p.line == assignment.line && p.node == assignment.node)?;
            quantity = quantity.min(there.quantity);
            there.quantity = there.quantity.saturating_sub(quantity);
        }
        units.quantity = units.quantity.saturating_sub(quantity);
        (!quantity.is_zero()).then(|| Assignment { quantity, ..assignment.clone() })
    };
    let assignments =
        plan.map_or_else(Vec::new, |plan| plan.assignments.iter().filter_map(&mut fit).collect());
    left.retain(|units| !units.quantity.is_zero());
    (assignments, left)
}

pub(super) fn reasons(left: Vec<LineUnits>, plan: Option<&Plan>) -> Vec<Unserved> {
    let reason = |line: LineNo| match plan {
        None => UnservedReason::Unplannable,
        Some(plan) => {
            let said = plan.unplanned.iter().find(|unplanned| unplanned.line == line);
            said.map_or(UnservedReason::NoStock, |unplanned| unplanned.reason.into())
        }
    };
    let unserved = |units: LineUnits| Unserved {
        line: units.line,
        quantity: units.quantity,
        reason: reason(units.line),
    };
    left.into_iter().map(unserved).collect()
}

/// The reservation of an attempt; its home is the lowest inventory partition it touches.
pub(super) fn name(
    draft: &Draft<'_>,
    content: &OrderContent,
    attempt: u32,
    assignments: &[Assignment],
) -> ReservationId {
    let homes = assignments.iter().map(|a| draft.cx.layout.sku_home(&ordered(content, a.line).sku).index);
    let order: OrderId = draft.id;
    ReservationId::Order { home: homes.min().unwrap_or_default(), order, attempt }
}
