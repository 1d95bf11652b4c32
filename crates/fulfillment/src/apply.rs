//! From an event to the next state and the messages that follow from it. Nothing here can fail: an event that does not
//! fit the state is our own fault and stops the partition.

mod network;
mod report;
mod work;

use crate::event::Event;
use crate::machine::Note;
use crate::state::{Desk, FulfillmentOrder, FulfillmentState, Instruction, InstructionKind};
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{Message, Step};
use waybill_types::network::NodeFacts;
use waybill_types::{FulfillmentOrderId, NodeId, Quantity};

pub(crate) fn apply(state: &mut FulfillmentState, event: &Event, cx: &Context<'_>, out: &mut Outbox<Note>) {
    match event {
        Event::NodeSet(node) => network::node(state, node, out),
        Event::LaneSet(lane) => network::lane(state, lane, out),
        Event::ZoneSet(zone) => network::zone(state, zone, out),
        Event::CalendarSet(calendar) => network::calendar(state, calendar, out),
        Event::RateCardSet(card) => network::rate_card(state, card, out),
        Event::PolicySet(policy) => network::policy(state, policy, out),
        Event::NodeKnown(facts) => node_known(state, facts, out),
        Event::InstructionsAcknowledged(node, through) => acknowledged(state, node, *through),
        Event::WorkPlanned(planned) => work::planned(state, planned, cx, out),
        Event::WorkRefused(id, refusal) => {
            out.send(id.order.partition(), Message::WorkRefused(*id, *refusal))
        }
        Event::WorkReleased(id, number) => work::released(state, *id, *number, cx, out),
        Event::CancelAnswered { id, removed, stopped, too_late, instruction, recall } => {
            work::cancelled(state, *id, removed, *instruction, cx, out);
            let (stopped, too_late) = (stopped.clone(), too_late.clone());
            let answer =
                Message::WorkCancelled { id: *id, stopped, too_late, recall: *recall, asked: Vec::new() };
            out.send(id.order.partition(), answer);
        }
        Event::Accepted(id) => report::accepted(state, *id, cx, out),
        Event::Rejected(id, kind) => report::rejected(state, *id, *kind, cx, out),
        Event::PickingStarted(id) => report::picking_started(state, *id, cx, out),
        Event::PickConfirmed { id, picked, shorted } => report::picked(state, *id, picked, shorted, cx, out),
        Event::Packed(id, packages) => report::packed(state, *id, packages, cx, out),
        Event::Shipped(id, packages, at) => report::shipped(state, *id, packages, *at, cx, out),
        Event::MadeReady(id, shelf) => report::made_ready(state, *id, shelf, cx, out),
        Event::HandedOver(id, proof) => report::handed_over(state, *id, proof, cx, out),
        Event::Delivered(id, parcels, at) => report::delivered(state, *id, parcels, *at, cx, out),
    }
}

/// The node's desk opens with the first facts about it.
fn node_known(state: &mut FulfillmentState, facts: &NodeFacts, out: &mut Outbox<Note>) {
    let known = state.desks.update(&facts.node, |desk| desk.facts = facts.clone());
    if known.is_none() {
        state.desks.put(&facts.node, Desk::new(facts.clone()));
    }
    out.note(Note::NodeKnown(facts.node.clone(), facts.revision));
}

/// What the node has need not be kept for it any longer.
fn acknowledged(state: &mut FulfillmentState, node: &NodeId, through: u64) {
    let before = on_desk(state, node, |desk| std::mem::replace(&mut desk.acknowledged, through));
    for number in before + 1..=through {
        state.instructions.remove(&(node.clone(), number));
    }
}

fn on_desk<R>(state: &mut FulfillmentState, node: &NodeId, change: impl FnOnce(&mut Desk) -> R) -> R {
    state.desks.update(node, change).unwrap_or_else(|| panic!("node {node} has no desk here"))
}

/// Changes a fulfilment order and raises its revision.
fn on_order<R>(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    cx: &Context<'_>,
    change: impl FnOnce(&mut FulfillmentOrder) -> R,
) -> R {
    let changed = state.orders.update(&id, |order| {
        order.revision += 1;
        order.updated_at = cx.at;
        change(order)
    });
    changed.unwrap_or_else(|| panic!("fulfillment order {id} is not known here"))
}

/// Journals the instruction `number` about an order as it now stands.
fn instruct(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    number: u64,
    kind: InstructionKind,
    quantities: &[Quantity],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let order = state.expect_order(&id);
    let node = order.work.node.clone();
    let reason = cx.origin.reason.clone();
    let row = Instruction::about(&order, number, kind, quantities.iter().copied(), reason, cx.at);
    drop(order);
    state.orders.update(&id, |order| order.last_instruction = number);
    on_desk(state, &node, |desk| {
        assert_eq!(desk.last_instruction + 1, number, "instructions of {node} are dense");
        desk.last_instruction = number;
    });
    state.instructions.put(&(node.clone(), number), row);
    out.note(Note::Instructed(node, number));
}

fn tell(out: &mut Outbox<Note>, id: FulfillmentOrderId, step: Step) {
    out.send(id.order.partition(), Message::WorkProgress(id, step));
}
