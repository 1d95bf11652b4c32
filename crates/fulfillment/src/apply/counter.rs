//! At the counter, and what goes back on the shelf. Whatever stays of an order keeps its state; parcels that held what was
//! put back are parcels no longer.

use super::report::{consume, leave, too_late};
use super::{expect_line, instruct, on_order, tell};
use crate::event::AskAnswered;
use crate::machine::Note;
use crate::state::{Ask, FulfillmentOrder, FulfillmentState, InstructionKind, Why, WorkState};
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{LineUnits, Message, Step};
use waybill_types::{FulfillmentOrderId, Quantity, Reason, Text, Timestamp};

pub(super) fn made_ready(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    shelf: &Text,
    until: Timestamp,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    on_order(state, id, cx, |order| {
        let packages = order.state.packages().to_vec();
        order.state =
            WorkState::ReadyForPickup { packages, shelf: shelf.clone(), until, proof: Text::default() };
    });
    tell(out, id, Step::ReadyForPickup);
}

/// What a customer took and left.
pub(super) struct Handed<'a> {
    pub(super) proof: &'a Text,
    pub(super) left: &'a [LineUnits],
    pub(super) given_up: &'a [LineUnits],
    pub(super) until: Option<Timestamp>,
}

pub(super) fn handed_over(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    handed: &Handed<'_>,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let Handed { proof, left, given_up, until } = *handed;
    tell(out, id, Step::HandedOver(left.to_vec()));
    consume(state, id, left, out);
    let (newly_ready, over) = on_order(state, id, cx, |order| {
        leave(order, left);
        put_back(order, given_up);
        let newly_ready = until.is_some() && !matches!(order.state, WorkState::ReadyForPickup { .. });
        let packages = order.state.packages().to_vec();
        let proof = proof.clone();
        order.state = match (until, &order.state) {
            (None, _) => WorkState::HandedOver { packages, proof },
            (Some(until), WorkState::ReadyForPickup { shelf, .. }) => {
                WorkState::ReadyForPickup { packages, shelf: shelf.clone(), until, proof }
            }
            (Some(until), _) => WorkState::ReadyForPickup { packages, shelf: Text::default(), until, proof },
        };
        (newly_ready, overtaken(order))
    });
    if !given_up.is_empty() {
        tell(out, id, Step::NotCollected(given_up.to_vec()));
    }
    if newly_ready {
        tell(out, id, Step::ReadyForPickup);
    }
    for ask in over {
        // What was given up went back just now and was told so: of those units nothing is too late.
        let units = if given_up.is_empty() { ask.units } else { Vec::new() };
        too_late(id, Ask { units, ..ask }, out);
    }
}

/// Asks that the counter has overtaken: those for more than what is left in hand.
fn overtaken(order: &mut FulfillmentOrder) -> Vec<Ask> {
    let beyond: Vec<bool> =
        order.lines().map(|(line, progress)| order.asked(line.line) > progress.in_hand()).collect();
    let concerned = |ask: &Ask| {
        ask.units.iter().any(|units| order.index_of(units.line).is_some_and(|index| beyond[index]))
    };
    let (over, stay) = order.asks.clone().into_iter().partition(concerned);
    order.asks = stay;
    over
}

/// Nobody came: everything that waited goes back. The node is told unless it said so itself.
pub(super) fn not_collected(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    waited: &[LineUnits],
    instruction: Option<u64>,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let (asks, quantities) = on_order(state, id, cx, |order| {
        put_back(order, waited);
        end(order, |_| WorkState::NotCollected { reason: cx.origin.reason.clone() });
        let of_line = |line: &waybill_types::exchange::WorkLine| -> Quantity {
            waited.iter().filter(|units| units.line == line.line).map(|units| units.quantity).sum()
        };
        let quantities: Vec<Quantity> = order.work.lines.iter().map(of_line).collect();
        (std::mem::take(&mut order.asks), quantities)
    });
    if let Some(number) = instruction {
        let why = Why { reason: Reason::default(), answer_by: None };
        instruct(state, id, number, InstructionKind::Cancel, &quantities, why, cx, out);
    }
    tell(out, id, Step::NotCollected(waited.to_vec()));
    for ask in asks {
        too_late(id, Ask { units: Vec::new(), ..ask }, out);
    }
}

/// The node has answered, or has not in time.
pub(super) fn cancel_decided(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    answers: &[AskAnswered],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    on_order(state, id, cx, |order| {
        let answered = |ask: &Ask| answers.iter().any(|answer| answer.recall == ask.recall);
        let reason = order.asks.iter().find(|ask| answered(ask)).map(|ask| ask.reason.clone());
        order.asks.retain(|ask| !answered(ask));
        let stopped: Vec<LineUnits> = answers.iter().flat_map(|answer| answer.stopped.clone()).collect();
        if !stopped.is_empty() {
            put_back(order, &stopped);
            unpack(order);
            end(order, |_| WorkState::Cancelled { reason: reason.unwrap_or_default() });
        }
    });
    for AskAnswered { recall, stopped, too_late } in answers {
        let (stopped, too_late, asked) = (stopped.clone(), too_late.clone(), Vec::new());
        let answer = Message::WorkCancelled { id, stopped, too_late, recall: *recall, asked };
        out.send(id.order.partition(), answer);
    }
}

/// Units in hand go back on the shelf.
fn put_back(order: &mut FulfillmentOrder, back: &[LineUnits]) {
    for units in back {
        let index = expect_line(order, units.line);
        order.progress[index].put_back(units.quantity);
    }
}

/// Parcels must be packed again; what waits at the counter waits on, unpacked.
fn unpack(order: &mut FulfillmentOrder) {
    match &mut order.state {
        WorkState::Packed { .. } => order.state = WorkState::Picked,
        WorkState::ReadyForPickup { packages, .. } => packages.clear(),
        _ => {}
    }
}

/// With nothing left in hand the work is over: handed over when a part of it was, and otherwise what `nothing` says.
fn end(order: &mut FulfillmentOrder, nothing: impl FnOnce(&FulfillmentOrder) -> WorkState) {
    if !order.in_hand().is_empty() {
        return;
    }
    let left = order.progress.iter().any(|progress| !progress.shipped.is_zero());
    order.state = match &order.state {
        WorkState::ReadyForPickup { packages, proof, .. } if left => {
            WorkState::HandedOver { packages: packages.clone(), proof: proof.clone() }
        }
        _ => nothing(order),
    };
}
