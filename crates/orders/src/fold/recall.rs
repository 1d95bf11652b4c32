//! What recalls and their answers do to one order.

use super::{shift, sum_by_line, work_mut};
use crate::event::RecallAnswered;
use crate::order::{Order, Recall, RecallPurpose, WorkState};
use crate::units::Bucket;
use waybill_types::exchange::LineUnits;
use waybill_types::{OrderId, Quantity, Timestamp};

/// A cancel goes to a node's partition.
pub(super) fn asked(
    order: &mut Order,
    work: u16,
    units: Vec<LineUnits>,
    purpose: RecallPurpose,
    at: Timestamp,
) {
    order.last_recall += 1;
    let number = order.last_recall;
    // Units of work that was not released are cancelled already: nothing of them is open.
    let units = if purpose == RecallPurpose::Planned { Vec::new() } else { units };
    order.recalls.push(Recall { number, work, units, purpose, asked_at: at, with_node: false });
}

/// The partition has answered: what stopped is open, and the recall is over unless the node itself was asked.
pub(super) fn answered(order: &mut Order, id: OrderId, answer: &RecallAnswered) {
    let stopped = answer.back.iter().chain(&answer.kept).map(|units| (units.line, units.quantity));
    let stopped = sum_by_line(stopped);
    let before = work_mut(order, id, answer.work).in_hand();
    let from_hand = order.recall(answer.recall).is_some_and(|recall| recall.with_node);
    for units in &stopped {
        take_back(order, id, answer.work, *units, from_hand);
    }
    let work = work_mut(order, id, answer.work);
    work.lines.retain(|units| !units.all().is_zero());
    work.state = match work.state {
        state if stopped.is_empty() => state,
        _ if work.lines.is_empty() => WorkState::Cancelled,
        // Parcels that held what was put back must be packed again.
        WorkState::Packed if work.in_hand() < before => WorkState::Picked,
        WorkState::Released | WorkState::Accepted | WorkState::Picking
            if work.to_pick_in_all().is_zero() && !work.in_hand().is_zero() =>
        {
            WorkState::Picked
        }
        state => state,
    };
    let Some(index) = order.recalls.iter().position(|recall| recall.number == answer.recall) else { return };
    if answer.asked.is_empty() {
        order.recalls.remove(index);
        return;
    }
    let recall = &mut order.recalls[index];
    recall.with_node = true;
    for units in &mut recall.units {
        let of_line = |all: &[LineUnits]| -> Quantity {
            all.iter().filter(|some| some.line == units.line).map(|some| some.quantity).sum()
        };
        let left = units.quantity.saturating_sub(of_line(&stopped));
        units.quantity = left.min(of_line(&answer.asked));
    }
    recall.units.retain(|units| !units.quantity.is_zero());
}

/// Takes units out of a node's work and opens them.
fn take_back(order: &mut Order, id: OrderId, number: u16, stopped: LineUnits, from_hand: bool) {
    let LineUnits { line, quantity } = stopped;
    let work = work_mut(order, id, number);
    let (unpicked, in_hand) = work.shelf_and_hand(line, quantity, from_hand);
    let shelf = if work.is_unreleased() { Bucket::Reserved } else { Bucket::Released };
    let Some(units) = work.lines.iter_mut().find(|units| units.line == line) else {
        panic!("order {id} fulfilment order {number} has no line {}", line.0)
    };
    let Some(left) = units.picked.checked_sub(in_hand) else {
        panic!("order {id} fulfilment order {number} has {} in hand, not {in_hand}", units.picked)
    };
    units.to_pick = units.to_pick.saturating_sub(unpicked);
    units.picked = left;
    work.put_back(line, in_hand);
    shift(order, line, shelf, Bucket::Open, unpicked);
    shift(order, line, Bucket::Picked, Bucket::Open, in_hand);
}
