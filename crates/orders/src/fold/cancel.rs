//! What a cancel does to one order, wherever its units were.

use super::{attempt_mut, shift, work_mut};
use crate::event::{CancelledFrom, CancelledUnits};
use crate::order::{Attempt, AttemptState, Ending, Order, WorkRef, WorkState};
use crate::units::Bucket;
use std::collections::BTreeSet;
use waybill_types::{LineNo, OrderId, Quantity};

pub(super) fn cancel(order: &mut Order, id: OrderId, cancelled: &CancelledUnits) {
    let bucket = leave(order, id, cancelled);
    shift(order, cancelled.line, bucket, Bucket::Cancelled, cancelled.quantity);
}

/// Takes units out of whatever is at work for them; says in which bucket they still are.
pub(super) fn leave(order: &mut Order, id: OrderId, units: &CancelledUnits) -> Bucket {
    let CancelledUnits { line, quantity, from } = units;
    match from {
        CancelledFrom::Open => Bucket::Open,
        CancelledFrom::Backordered => Bucket::Backordered,
        CancelledFrom::Attempt(number) => {
            cancel_in_attempt(attempt_mut(order, id, *number), id, *line, *quantity);
            Bucket::Open
        }
        CancelledFrom::Pinned(number, node, _) => {
            let attempt = attempt_mut(order, id, *number);
            if let AttemptState::Planning { pinned: Some(pinned), .. } = &mut attempt.state {
                for units in pinned.units.iter_mut().filter(|p| p.line == *line && p.node == *node) {
                    units.quantity = units.quantity.saturating_sub(*quantity);
                }
                pinned.units.retain(|units| !units.quantity.is_zero());
            }
            cancel_in_attempt(attempt, id, *line, *quantity);
            Bucket::Open
        }
        CancelledFrom::Work(number) => {
            cancel_in_work(work_mut(order, id, *number), id, *line, *quantity);
            Bucket::Reserved
        }
        CancelledFrom::Recalled(_) => Bucket::Open,
        CancelledFrom::Back(work) => {
            order.lower_wish(*work, *line, *quantity);
            Bucket::Open
        }
    }
}

fn cancel_in_attempt(attempt: &mut Attempt, id: OrderId, line: LineNo, quantity: Quantity) {
    let number = attempt.number;
    let Some(units) = attempt.units.iter_mut().find(|units| units.line == line) else {
        panic!("order {id} attempt {number} is not for line {}", line.0)
    };
    let Some(left) = units.quantity.checked_sub(quantity) else {
        panic!("order {id} attempt {number} is for {} of line {}, not {quantity}", units.quantity, line.0)
    };
    units.quantity = left;
    attempt.units.retain(|units| !units.quantity.is_zero());
    let asks_nobody_else = match attempt.state {
        AttemptState::Waiting { .. } | AttemptState::Planning { .. } => true,
        AttemptState::Adopting(_) | AttemptState::Reserving { .. } | AttemptState::Ended(_) => false,
    };
    if attempt.units.is_empty() && asks_nobody_else {
        attempt.state = AttemptState::Ended(Ending::Cancelled);
    }
}

/// The works that a cancel concerns, each once: its node's partition is told once per event.
pub(crate) fn recalled_works(units: &[CancelledUnits]) -> BTreeSet<u16> {
    let works = units.iter().filter_map(|some| match &some.from {
        CancelledFrom::Work(number) => Some(*number),
        CancelledFrom::Open
        | CancelledFrom::Backordered
        | CancelledFrom::Attempt(_)
        | CancelledFrom::Pinned(..)
        | CancelledFrom::Recalled(_)
        | CancelledFrom::Back(_) => None,
    });
    works.collect()
}

fn cancel_in_work(work: &mut WorkRef, id: OrderId, line: LineNo, quantity: Quantity) {
    let number = work.id.number;
    let Some(units) = work.lines.iter_mut().find(|units| units.line == line) else {
        panic!("order {id} fulfilment order {number} has no line {}", line.0)
    };
    let Some(left) = units.to_pick.checked_sub(quantity) else {
        panic!("order {id} fulfilment order {number} has {} to pick, not {quantity}", units.to_pick)
    };
    units.to_pick = left;
    work.lines.retain(|units| !units.all().is_zero());
    if work.lines.is_empty() {
        work.state = WorkState::Cancelled;
    }
}
