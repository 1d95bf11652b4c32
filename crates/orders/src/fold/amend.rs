//! What each step of an amendment does to one order. Until it is applied nothing of the order changes but what nodes gave
//! back for it.

use super::cancel::{cancel, leave, recalled_works};
use super::{fresh, new_works, recall, shift, sum_by_line, work_mut};
use crate::event::{
    AmendmentApplied, AmendmentPlanAsked, AmendmentPlanned, AmendmentStarted, CancelledFrom, CancelledUnits,
    ChangeDecided,
};
use crate::order::{
    Amendment, AmendmentRefused, AmendmentState, AmendmentWait, AttemptState, Order, PendingAmendment,
    RecallPurpose, RecalledUnits, WorkShare,
};
use crate::units::{Bucket, Buckets};
use std::collections::BTreeSet;
use waybill_types::exchange::LineUnits;
use waybill_types::policy::ChangeKind;
use waybill_types::{LineNo, OrderId, Timestamp};

/// Amendments that are over are listed up to this many; history has them all.
const LISTED_MAX: usize = 16;

pub(super) fn started(order: &mut Order, started: &AmendmentStarted, at: Timestamp) {
    let kinds: BTreeSet<ChangeKind> =
        started.decided.iter().map(|ChangeDecided { kind, .. }| *kind).collect();
    order.last_amendment = started.amendment;
    order.amendments.push(Amendment {
        number: started.amendment,
        kinds: kinds.into_iter().collect(),
        asked_at: at,
        state: AmendmentState::Pending(Box::new(started.pending.clone())),
    });
    if order.amendments.len() > LISTED_MAX {
        // The pending one is the newest, so the oldest is over.
        order.amendments.remove(0);
    }
}

pub(super) fn approved(order: &mut Order, id: OrderId, number: u32, deadline: Timestamp) {
    let pending = pending_mut(order, id, number);
    pending.deadline = deadline;
    pending.waits = AmendmentWait::Recalls;
}

pub(super) fn plan_asked(order: &mut Order, id: OrderId, asked: &AmendmentPlanAsked, at: Timestamp) {
    order.last_attempt = asked.attempt;
    let pending = pending_mut(order, id, asked.amendment);
    pending.attempt = asked.attempt;
    pending.moves = asked.moves.clone();
    pending.planned = asked.units.clone();
    pending.waits = AmendmentWait::Plan { asked_at: at, tries: asked.tries };
}

pub(super) fn planned(order: &mut Order, id: OrderId, planned: &AmendmentPlanned) {
    let pending = pending_mut(order, id, planned.amendment);
    let AmendmentWait::Plan { tries, .. } = pending.waits else {
        panic!("order {id} amendment {} asks for no plan", planned.amendment)
    };
    pending.waits = AmendmentWait::Stock {
        reservation: planned.reservation,
        assignments: planned.assignments.clone(),
        tries,
        takes_over: planned.takes_over.clone(),
        unserved: planned.unserved.clone(),
    };
}

pub(super) fn unreserved(order: &mut Order, id: OrderId, number: u32, until: Timestamp) {
    let pending = pending_mut(order, id, number);
    let AmendmentWait::Stock { tries, .. } = pending.waits else {
        panic!("order {id} amendment {number} asks for no stock")
    };
    pending.waits = AmendmentWait::Retry { until, tries: tries + 1 };
}

/// Units that a node gave back for an amendment: open, and its own while it is pending.
pub(super) fn came_back(order: &mut Order, id: OrderId, number: u32, work: u16, units: &[LineUnits]) {
    let (node, reservation) = {
        let work = work_mut(order, id, work);
        (work.node.clone(), work.reservation)
    };
    let Some(amendment) = order.amendments.iter_mut().find(|amendment| amendment.number == number) else {
        return;
    };
    let AmendmentState::Pending(pending) = &mut amendment.state else { return };
    for LineUnits { line, quantity } in units {
        let same = |back: &&mut RecalledUnits| {
            back.line == *line && back.node == node && back.reservation == reservation
        };
        match pending.recalled.iter_mut().find(same) {
            Some(back) => back.quantity = back.quantity.plus(*quantity),
            None => {
                let (line, quantity, node) = (*line, *quantity, node.clone());
                pending.recalled.push(RecalledUnits { line, node, reservation, quantity });
            }
        }
    }
}

pub(super) fn refused(order: &mut Order, id: OrderId, number: u32, why: &AmendmentRefused) {
    amendment_mut(order, id, number).state = AmendmentState::Refused(why.clone());
}

pub(super) fn applied(order: &mut Order, id: OrderId, applied: &AmendmentApplied, at: Timestamp) {
    let state = &mut amendment_mut(order, id, applied.amendment).state;
    let AmendmentState::Pending(pending) = std::mem::replace(state, AmendmentState::Applied) else {
        panic!("order {id} amendment {} is over", applied.amendment)
    };
    if pending.calls_off.is_some() {
        // The units are called off by what follows it; what is ordered is as it was.
        return;
    }
    join(order, &pending);
    applied.dropped.iter().for_each(|some| cancel(order, id, some));
    for units in &applied.dropped_recalled {
        shift(order, units.line, Bucket::Open, Bucket::Cancelled, units.quantity);
    }
    let moved = applied.moved.iter().map(|share| {
        let WorkShare { work, line, quantity } = *share;
        CancelledUnits { line, quantity, from: CancelledFrom::Work(work) }
    });
    for units in moved.chain(applied.replanned.iter().cloned()) {
        let bucket = leave(order, id, &units);
        shift(order, units.line, bucket, Bucket::Open, units.quantity);
    }
    for (work, units) in left_works(applied) {
        recall::asked(order, work, units, RecallPurpose::Planned, at);
    }
    if let Some(reservation) = applied.reservation {
        new_works(order, id, pending.attempt, reservation, &applied.works, 0);
    }
    for hold in order.holds.iter_mut().filter(|hold| hold.stands() && hold.kind.screen_again) {
        hold.changed_since = true;
    }
    let replanned = |line: LineNo| pending.replans.iter().any(|replan| replan.line == line);
    for attempt in &mut order.attempts {
        let reserving = matches!(attempt.state, AttemptState::Reserving { .. });
        attempt.outdated |= reserving && attempt.units.iter().any(|units| replanned(units.line));
    }
    order.amended = Some(applied.settled.clone().unwrap_or_else(|| Box::new(pending.proposed)));
}

/// Lines and units that are new are open.
fn join(order: &mut Order, pending: &PendingAmendment) {
    for _ in order.lines.len()..pending.proposed.lines.len() {
        order.lines.push(fresh(Buckets::default()));
    }
    for units in &pending.adds {
        let buckets = &mut order.lines[usize::from(units.line.0) - 1].buckets;
        *buckets = buckets.with(Bucket::Open, buckets.get(Bucket::Open).plus(units.quantity));
    }
}

/// The units that leave each node's unreleased work, whatever becomes of them: its partition is told once.
pub(crate) fn left_works(applied: &AmendmentApplied) -> Vec<(u16, Vec<LineUnits>)> {
    let mut works: BTreeSet<u16> = recalled_works(&applied.dropped);
    works.extend(recalled_works(&applied.replanned));
    works.extend(applied.moved.iter().map(|share| share.work));
    let of_work = |number: u16| {
        let called_off = applied.dropped.iter().chain(&applied.replanned);
        let called_off = called_off.filter_map(move |some: &CancelledUnits| some.of_work(number));
        let moved = applied.moved.iter().filter(move |share| share.work == number);
        sum_by_line(called_off.chain(moved.map(|share| (share.line, share.quantity))))
    };
    works.into_iter().map(|number| (number, of_work(number))).collect()
}

fn amendment_mut(order: &mut Order, id: OrderId, number: u32) -> &mut Amendment {
    let found = order.amendments.iter_mut().find(|amendment| amendment.number == number);
    found.unwrap_or_else(|| panic!("order {id} has no amendment {number}"))
}

fn pending_mut(order: &mut Order, id: OrderId, number: u32) -> &mut PendingAmendment {
    match &mut amendment_mut(order, id, number).state {
        AmendmentState::Pending(pending) => pending,
        AmendmentState::Applied | AmendmentState::Refused(_) => {
            panic!("order {id} amendment {number} is over")
        }
    }
}
