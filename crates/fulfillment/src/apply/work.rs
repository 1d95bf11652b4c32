//! Work as orders plans, releases and cancels it.

use super::{expect_line, instruct, on_desk, on_order};
use crate::machine::Note;
use crate::state::{
    Ask, FulfillmentOrder, FulfillmentState, InstructionKind, LineProgress, Why, WorkState, day_key,
};
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{LineUnits, Message, Work, WorkLine};
use waybill_types::{FulfillmentOrderId, Quantity, Reason};

pub(super) fn planned(state: &mut FulfillmentState, work: &Work, cx: &Context<'_>, out: &mut Outbox<Note>) {
    let (id, node) = (work.id, work.node.clone());
    let number = on_desk(state, &node, |desk| {
        desk.last_work += 1;
        desk.last_work
    });
    let order = FulfillmentOrder {
        progress: vec![LineProgress::default(); work.lines.len()],
        work: work.clone(),
        revision: 1,
        state: WorkState::Planned,
        number,
        last_instruction: 0,
        created_at: cx.at,
        updated_at: cx.at,
        asks: Vec::new(),
    };
    let units = order.capacity_units();
    let day = (node.clone(), day_key(order.capacity_day()));
    state.capacity.upsert(&day, |capacity| capacity.taken += units);
    state.orders.put(&id, order);
    state.open.put(&(node.clone(), number), id);
    state.history.put(&(node, number), id);
    out.send(id.order.partition(), Message::WorkPlanned(id));
}

pub(super) fn released(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    number: u64,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let quantities = on_order(state, id, cx, |order| {
        order.state = WorkState::Released;
        order.live().collect::<Vec<_>>()
    });
    let why = Why { reason: cx.origin.reason.clone(), answer_by: None };
    instruct(state, id, number, InstructionKind::Pick, &quantities, why, cx, out);
}

/// Takes units off the work. With none left it is cancelled; a node that was told to pick is told of either.
pub(super) fn cancelled(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    removed: &[LineUnits],
    instruction: Option<u64>,
    reason: &Reason,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    if removed.is_empty() {
        return;
    }
    let before: Vec<Quantity> = state.expect_order(&id).live().collect();
    let (over, left) = on_order(state, id, cx, |order| {
        for units in removed {
            let index = expect_line(order, units.line);
            let progress = &mut order.progress[index];
            progress.cancelled = progress.cancelled.plus(units.quantity);
        }
        let left: Vec<Quantity> = order.live().collect();
        let over = left.iter().all(|quantity| quantity.is_zero());
        if over {
            order.state = WorkState::Cancelled { reason: reason.clone() };
        }
        (over, left)
    });
    let Some(number) = instruction else { return };
    let why = Why { reason: reason.clone(), answer_by: None };
    if over {
        // The node is told what to put back: whatever was still asked of it.
        instruct(state, id, number, InstructionKind::Cancel, &before, why, cx, out);
    } else {
        instruct(state, id, number, InstructionKind::Amend, &left, why, cx, out);
    }
}

/// The node is asked to put units back, and has until the ask's deadline to say whether it did.
pub(super) fn asked(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    ask: Ask,
    instruction: Option<u64>,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let why = Why { reason: ask.reason.clone(), answer_by: Some(ask.answer_by) };
    let wanted = ask.units.clone();
    let quantities: Vec<Quantity> = on_order(state, id, cx, |order| {
        order.asks.push(ask);
        let of_line = |line: &WorkLine| {
            wanted.iter().filter(|units| units.line == line.line).map(|units| units.quantity).sum()
        };
        order.work.lines.iter().map(of_line).collect()
    });
    if let Some(number) = instruction {
        instruct(state, id, number, InstructionKind::CancelRequested, &quantities, why, cx, out);
    }
}
