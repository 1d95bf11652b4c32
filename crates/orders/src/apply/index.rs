//! What of an order is indexed: plans that are asked, the next moment at which it has something to do, its place in the
//! exception queue, its holds and its nodes.

use super::ready_to_release;
use crate::note::{Note, question};
use crate::order::{AmendmentWait, AttemptState, Order, Stage};
use crate::state::{Opening, OrdersState};
use std::collections::BTreeSet;
use waybill_machine::Outbox;
use waybill_types::policy::HoldCode;
use waybill_types::{OrderId, Timestamp};

/// Attempts whose plan is asked.
pub(crate) fn planning(order: &Order) -> BTreeSet<u32> {
    let asked = order.attempts.iter().filter(|a| matches!(a.state, AttemptState::Planning { .. }));
    let amending = order.pending_amendment().filter(|(_, p)| matches!(p.waits, AmendmentWait::Plan { .. }));
    asked.map(|attempt| attempt.number).chain(amending.map(|(_, pending)| pending.attempt)).collect()
}

/// When the order has something to do by itself.
pub(crate) fn due(order: &Order, release_at: Option<Timestamp>) -> Option<Timestamp> {
    let waiting = order.attempts.iter().filter_map(|attempt| match attempt.state {
        AttemptState::Waiting { until } => Some(until),
        AttemptState::Adopting(_)
        | AttemptState::Planning { .. }
        | AttemptState::Reserving { .. }
        | AttemptState::Ended(_) => None,
    });
    let confirm = match order.stage {
        Stage::Pending { confirm_by } => Some(confirm_by),
        Stage::Standing | Stage::Refused(_) => None,
    };
    let release = release_at.filter(|_| confirm.is_none() && !ready_to_release(order).is_empty());
    let amending = order.pending_amendment().and_then(|(_, pending)| pending.due());
    let back = order.returns.iter().filter(|back| back.state.is_open()).map(|back| back.lapses_at);
    waiting.chain(confirm).chain(release).chain(amending).chain(back).min()
}

/// Keeps the list of plans that are asked, and asks the new ones.
pub(super) fn asks(
    state: &mut OrdersState,
    id: OrderId,
    opening: &Opening,
    order: &Order,
    before: &BTreeSet<u32>,
    out: &mut Outbox<Note>,
) {
    let after = planning(order);
    for attempt in before.difference(&after) {
        state.asks.remove(&(id, *attempt));
    }
    for attempt in after.difference(before) {
        state.asks.put(&(id, *attempt), ());
        if let Some(question) = question(id, opening, order, *attempt) {
            out.note(Note::AskPlan(question));
        }
    }
}

/// Keeps the next moment at which the order has something to do.
pub(super) fn timer(
    state: &mut OrdersState,
    id: OrderId,
    opening: &Opening,
    order: &Order,
    before: Option<Timestamp>,
) {
    let after = due(order, order.content(opening).release_at);
    if before == after {
        return;
    }
    if let Some(before) = before {
        state.timers.remove(&(before, id));
    }
    if let Some(after) = after {
        state.timers.put(&(after, id), ());
    }
}

/// Types of the holds that stand, each once.
pub(crate) fn holds(order: &Order) -> BTreeSet<HoldCode> {
    order.standing_holds().map(|hold| hold.code().clone()).collect()
}

/// Keeps what an order is found by besides its people: the types of its standing holds, and the nodes that have work for
/// it. Work numbered up to `before.1` was there before.
pub(super) fn finders(
    state: &mut OrdersState,
    id: OrderId,
    order: &Order,
    (holds_before, work_before): (&BTreeSet<HoldCode>, u16),
) {
    let after = holds(order);
    for code in holds_before.difference(&after) {
        state.held.remove(&(code.clone(), id));
    }
    for code in after.difference(holds_before) {
        state.held.put(&(code.clone(), id), ());
    }
    for work in order.works.iter().filter(|work| work.id.number > work_before) {
        state.nodes.put(&(work.node.clone(), id), ());
    }
}

/// Keeps the order's place in the exception queue.
pub(super) fn exception(state: &mut OrdersState, id: OrderId, order: &Order, before: Option<Timestamp>) {
    let after = crate::exceptions::since(order);
    if before == after {
        return;
    }
    if let Some(before) = before {
        state.exceptions.remove(&(before, id));
    }
    if let Some(after) = after {
        state.exceptions.put(&(after, id), ());
    }
}
