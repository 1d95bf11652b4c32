//! From an event to the next state and the messages that follow from it. Nothing here can fail: an event that does not
//! fit the state is our own fault and stops the partition.

mod counter;
mod network;
mod opened;
mod report;
mod undelivered;
mod work;

use crate::event::Event;
use crate::machine::Note;
use crate::state::{
    Ask, Desk, FulfillmentOrder, FulfillmentState, Instruction, InstructionKind, Why, day_key,
};
use std::collections::BTreeMap;
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{Claim, Message, Step};
use waybill_types::network::NodeFacts;
use waybill_types::{
    FulfillmentOrderId, LineNo, NodeId, PartitionId, Quantity, ReservationId, Sku, Timestamp,
};

pub(crate) fn apply(state: &mut FulfillmentState, event: &Event, cx: &Context<'_>, out: &mut Outbox<Note>) {
    match event {
        Event::NodeSet(node) => network::node(state, node, out),
        Event::LaneSet(lane) => network::lane(state, lane, out),
        Event::ZoneSet(zone) => network::zone(state, zone, out),
        Event::CalendarSet(calendar) => network::calendar(state, calendar, out),
        Event::RateCardSet(card) => network::rate_card(state, card, out),
        Event::PolicySet(policy) => network::policy(state, policy, None, cx, out),
        Event::PolicyRestored(version) => network::policy_restored(state, *version, cx, out),
        Event::NodeKnown(facts) => node_known(state, facts, out),
        Event::InstructionsAcknowledged(node, through) => acknowledged(state, node, *through),
        Event::WorkPlanned(planned) => work::planned(state, planned, cx, out),
        Event::WorkRefused(id, refusal, full) => {
            if let Some((node, day)) = full {
                state.capacity.upsert(&(node.clone(), day_key(*day)), |capacity| capacity.wanted = true);
            }
            out.send(id.order.partition(), Message::WorkRefused(*id, *refusal))
        }
        Event::WorkReleased(id, number) => work::released(state, *id, *number, cx, out),
        Event::CancelAnswered {
            id,
            removed,
            stopped,
            too_late,
            instruction,
            recall,
            asked,
            answer_by,
            reason,
        } => {
            work::cancelled(state, *id, removed, *instruction, reason, cx, out);
            if let Some(answer_by) = *answer_by {
                let (recall, units, reason) = (*recall, asked.clone(), reason.clone());
                work::asked(state, *id, Ask { recall, units, answer_by, reason }, *instruction, cx, out);
            }
            let (stopped, too_late, asked) = (stopped.clone(), too_late.clone(), asked.clone());
            let answer = Message::WorkCancelled { id: *id, stopped, too_late, recall: *recall, asked };
            out.send(id.order.partition(), answer);
        }
        Event::CancelDecided(id, answers) => counter::cancel_decided(state, *id, answers, cx, out),
        Event::Accepted(id) => report::accepted(state, *id, cx, out),
        Event::Rejected(id, kind) => report::rejected(state, *id, *kind, cx, out),
        Event::PickingStarted(id) => report::picking_started(state, *id, cx, out),
        Event::PickConfirmed { id, picked, shorted, substituted } => {
            report::picked(state, *id, picked, shorted, substituted, cx, out);
        }
        Event::Packed(id, packages) => report::packed(state, *id, packages, cx, out),
        Event::Shipped(id, packages, at) => report::shipped(state, *id, packages, *at, cx, out),
        Event::MadeReady(id, shelf, until) => counter::made_ready(state, *id, shelf, *until, cx, out),
        Event::HandedOver { id, proof, left, given_up, until } => {
            let handed = counter::Handed { proof, left, given_up, until: *until };
            counter::handed_over(state, *id, &handed, cx, out);
        }
        Event::NotCollected { id, units, instruction } => {
            counter::not_collected(state, *id, units, *instruction, cx, out);
        }
        Event::Delivered(id, parcels, at) => undelivered::delivered(state, *id, parcels, *at, cx, out),
        Event::Undelivered(id, kind, parcels) => {
            undelivered::undelivered(state, *id, *kind, parcels, cx, out);
        }
    }
    if let Some(node) = state.freed.take() {
        opened::tell(state, &node, out);
    }
}

/// The node's desk opens with the first facts about it.
fn node_known(state: &mut FulfillmentState, facts: &NodeFacts, out: &mut Outbox<Note>) {
    let before = state.desks.update(&facts.node, |desk| std::mem::replace(&mut desk.facts, facts.clone()));
    if before.is_none() {
        state.desks.put(&facts.node, Desk::new(facts.clone()));
    }
    if opened::can_do_more(before.as_ref(), facts) {
        opened::tell(state, &facts.node, out);
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

/// Changes a fulfilment order and raises its revision. What is indexed by it follows: its timer, the capacity it takes
/// and uses, its place among the open work.
fn on_order<R>(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    cx: &Context<'_>,
    change: impl FnOnce(&mut FulfillmentOrder) -> R,
) -> R {
    let changed = state.orders.update(&id, |order| {
        let before = Indexed::of(order);
        order.revision += 1;
        order.updated_at = cx.at;
        let result = change(order);
        (result, before, Indexed::of(order), order.work.node.clone(), order.number, order.capacity_day())
    });
    let Some((result, before, after, node, number, day)) = changed else {
        panic!("fulfillment order {id} is not known here")
    };
    if before.due != after.due {
        if let Some(at) = before.due {
            state.timers.remove(&(at, id));
        }
        if let Some(at) = after.due {
            state.timers.put(&(at, id), ());
        }
    }
    if (before.taken, before.used) != (after.taken, after.used) {
        let gave_back = after.taken + after.used < before.taken + before.used;
        let wanted = state.capacity.upsert(&(node.clone(), day_key(day)), |capacity| {
            capacity.taken = capacity.taken + after.taken - before.taken;
            capacity.used = capacity.used + after.used - before.used;
            gave_back && std::mem::take(&mut capacity.wanted)
        });
        if wanted {
            state.freed = Some(node.clone());
        }
    }
    if before.open && !after.open {
        state.open.remove(&(node, number));
    }
    result
}

/// What of a fulfilment order is indexed.
struct Indexed {
    due: Option<Timestamp>,
    taken: u64,
    used: u64,
    open: bool,
}

impl Indexed {
    fn of(order: &FulfillmentOrder) -> Self {
        let (taken, used) = (order.taken_units(), order.used_units());
        Self { due: order.due(), taken, used, open: order.state.is_open() }
    }
}

/// Journals the instruction `number` about an order as it now stands.
fn instruct(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    number: u64,
    kind: InstructionKind,
    quantities: &[Quantity],
    why: Why,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let order = state.expect_order(&id);
    let node = order.work.node.clone();
    let row = Instruction::about(&order, number, kind, quantities.iter().copied(), why, cx.at);
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

/// The claims behind goods of lines: grouped by the partition of the SKU and the reservation, lines of one SKU summed.
fn claims_by_home(
    state: &FulfillmentState,
    order: &FulfillmentOrder,
    goods: impl Iterator<Item = (LineNo, Sku, Quantity)>,
) -> Vec<(PartitionId, ReservationId, Vec<Claim>)> {
    let mut groups: BTreeMap<(PartitionId, ReservationId), Vec<Claim>> = BTreeMap::new();
    for (line, sku, quantity) in goods.filter(|(_, _, quantity)| !quantity.is_zero()) {
        let line = &order.work.lines[expect_line(order, line)];
        let claims = groups.entry((state.layout.sku_home(&sku), line.reservation)).or_default();
        match claims.iter_mut().find(|claim| claim.sku == sku && claim.owner == line.owner) {
            Some(claim) => claim.quantity = claim.quantity.plus(quantity),
            None => {
                let node = order.work.node.clone();
                claims.push(Claim { sku, owner: line.owner.clone(), node, quantity });
            }
        }
    }
    groups.into_iter().map(|((home, reservation), claims)| (home, reservation, claims)).collect()
}

fn expect_line(order: &FulfillmentOrder, line: LineNo) -> usize {
    order.index_of(line).unwrap_or_else(|| panic!("{} has no line {line:?}", order.work.id))
}
