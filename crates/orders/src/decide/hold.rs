//! Inventory's answer about a hold: its units become the order's without a gap, or are planned like any other.

use super::draft::{Draft, Manner};
use crate::claims::take;
use crate::event::{AttemptSource, Event, What};
use crate::order::{Attempt, AttemptState, PinnedUnits};
use crate::state::OrdersState;
use waybill_machine::Context;
use waybill_types::exchange::{Claim, Delivery, HoldAnswer};
use waybill_types::{LineNo, NodeId, OrderId, ReservationId};

/// Decides what follows from the answer.
pub(crate) fn answered(
    state: &OrdersState,
    hold: ReservationId,
    order: OrderId,
    answer: &HoldAnswer,
    cx: &Context<'_>,
) -> Vec<Event> {
    let Some(mut draft) = Draft::load(state, order, cx) else { return Vec::new() };
    let adopts = |attempt: &&Attempt| matches!(attempt.state, AttemptState::Adopting(id) if id == hold);
    let Some(attempt) = draft.order.attempts.iter().find(adopts).cloned() else { return Vec::new() };
    match answer {
        HoldAnswer::Gone(taken_by) => {
            draft.push(What::HoldGone { attempt: attempt.number, taken_by: *taken_by });
        }
        HoldAnswer::Adopted(claims) => {
            let (pinned, surplus) = share_out(&draft, &attempt, claims.clone());
            draft.push(What::HoldAdopted { attempt: attempt.number, pinned, surplus });
            let missing = draft.loose();
            draft.start_attempt(missing, Manner::afresh(AttemptSource::Open));
        }
    }
    draft.finish()
}

/// Which lines the held units serve: pickups first, since only their own node serves them. The rest is given back.
fn share_out(draft: &Draft<'_>, attempt: &Attempt, mut pool: Vec<Claim>) -> (Vec<PinnedUnits>, Vec<Claim>) {
    let content = draft.content();
    let mut pinned: Vec<PinnedUnits> = Vec::new();
    let pickups_first = attempt.units.iter().filter(|u| pickup_node(draft, u.line).is_some());
    let others = attempt.units.iter().filter(|u| pickup_node(draft, u.line).is_none());
    for units in pickups_first.chain(others) {
        let line = crate::fold::ordered(content, units.line);
        let only = pickup_node(draft, units.line);
        let mut remaining = units.quantity;
        for index in 0..pool.len() {
            let claim = &pool[index];
            let serves = claim.sku == line.sku && claim.owner == line.owner;
            if !serves || only.is_some_and(|node| claim.node != *node) {
                continue;
            }
            let node = claim.node.clone();
            let quantity = take(&mut pool[index..=index], |_| true, remaining);
            remaining = remaining.saturating_sub(quantity);
            if !quantity.is_zero() {
                pinned.push(PinnedUnits { line: units.line, node, quantity });
            }
        }
    }
    pool.retain(|claim| !claim.quantity.is_zero());
    (pinned, pool)
}

fn pickup_node<'a>(draft: &'a Draft<'_>, line: LineNo) -> Option<&'a NodeId> {
    match &crate::fold::ordered(draft.content(), line).delivery {
        Delivery::Ship => None,
        Delivery::Pickup(node) => Some(node),
    }
}
