//! Work as orders plans, releases and cancels it.

use super::{instruct, on_desk, on_order};
use crate::machine::Note;
use crate::state::{
    Capacity, FulfillmentOrder, FulfillmentState, InstructionKind, LineProgress, WorkState, day_key,
};
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{LineUnits, Message, Work};
use waybill_types::{FulfillmentOrderId, Quantity};

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
    };
    let units = order.capacity_units();
    on_capacity(state, &order, |capacity| capacity.taken += units);
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
    instruct(state, id, number, InstructionKind::Pick, &quantities, cx, out);
}

/// Takes units off the work. With none left it is cancelled; a node that was told to pick is told of either.
pub(super) fn cancelled(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    removed: &[LineUnits],
    instruction: Option<u64>,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    if removed.is_empty() {
        return;
    }
    let before = state.expect_order(&id);
    let after = on_order(state, id, cx, |order| {
        for units in removed {
            let index =
                order.index_of(units.line).unwrap_or_else(|| panic!("{id} has no line {:?}", units.line));
            let progress = &mut order.progress[index];
            progress.cancelled = progress.cancelled.plus(units.quantity);
        }
        if order.live().all(Quantity::is_zero) {
            order.state = WorkState::Cancelled { reason: cx.origin.reason.clone() };
        }
        order.clone()
    });
    let freed = before.capacity_units() - after.capacity_units();
    on_capacity(state, &after, |capacity| capacity.taken -= freed);
    let over = !after.state.is_open();
    if over {
        close(state, &after);
    }
    let Some(number) = instruction else { return };
    if over {
        // The node is told what to put back: whatever was still asked of it.
        let called_off: Vec<Quantity> = before.live().collect();
        instruct(state, id, number, InstructionKind::Cancel, &called_off, cx, out);
    } else {
        let left: Vec<Quantity> = after.live().collect();
        instruct(state, id, number, InstructionKind::Amend, &left, cx, out);
    }
}

/// The work is not at the node any more; its row may leave memory.
pub(super) fn close(state: &mut FulfillmentState, order: &FulfillmentOrder) {
    state.open.remove(&(order.work.node.clone(), order.number));
}

pub(super) fn on_capacity(
    state: &mut FulfillmentState,
    order: &FulfillmentOrder,
    change: impl FnOnce(&mut Capacity),
) {
    state.capacity.upsert(&(order.work.node.clone(), day_key(order.capacity_day())), change);
}
