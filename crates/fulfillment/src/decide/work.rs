//! What orders asks of a node: take work on, release it, cancel units of it. These are messages and never refused.

use crate::event::Event;
use crate::state::{
    FulfillmentOrder, FulfillmentState, Whereabouts, WorkState, capacity_day, capacity_needed, units,
};
use std::collections::BTreeMap;
use waybill_types::exchange::{LineUnits, Work, WorkDestination, WorkRefusal};
use waybill_types::{FulfillmentOrderId, LineNo, Quantity};

/// Capacity of the node's local day is taken with the work, so that two orders cannot both have the last unit of it.
pub(super) fn assign(state: &FulfillmentState, work: &Work) -> Vec<Event> {
    if state.orders.contains(&work.id) {
        // Orders never reuses an id and the runtime delivers once: there is nothing left to decide.
        return Vec::new();
    }
    match obstacle(state, work) {
        Some(refusal) => vec![Event::WorkRefused(work.id, refusal)],
        None => vec![Event::WorkPlanned(Box::new(work.clone()))],
    }
}

fn obstacle(state: &FulfillmentState, work: &Work) -> Option<WorkRefusal> {
    let Some(desk) = state.desk(&work.node) else { return Some(WorkRefusal::UnknownNode) };
    let facts = &desk.facts;
    let able = match work.destination {
        WorkDestination::Ship(_) => facts.ships,
        WorkDestination::Pickup => facts.pickup,
    };
    if !facts.active || !able {
        return Some(WorkRefusal::Closed);
    }
    let free = state.capacity(&work.node, capacity_day(work)).free(facts.day_capacity_units);
    free.is_some_and(|free| free < capacity_needed(work)).then_some(WorkRefusal::Full)
}

/// Work that was cancelled meanwhile stays as it is.
pub(super) fn release(state: &FulfillmentState, id: FulfillmentOrderId) -> Vec<Event> {
    match state.fulfillment_order(&id) {
        Some(order) if order.state == WorkState::Planned => {
            vec![Event::WorkReleased(id, next_instruction(state, &order))]
        }
        Some(_) | None => Vec::new(),
    }
}

/// The one place where a cancel meets a pick: whatever is not confirmed picked stops now, what is in hand or gone is too
/// late. Units that ceased to be this node's work earlier were reported then and are not reported again.
pub(super) fn cancel(
    state: &FulfillmentState,
    id: FulfillmentOrderId,
    asked: &[LineUnits],
    recall: u32,
) -> Vec<Event> {
    let asked = summed(asked);
    let Some(order) = state.fulfillment_order(&id) else {
        let stopped = units(asked.into_iter());
        return vec![Event::CancelAnswered {
            id,
            removed: Vec::new(),
            stopped,
            too_late: Vec::new(),
            instruction: None,
            recall,
        }];
    };
    let (mut removed, mut too_late) = (Vec::new(), Vec::new());
    for (line, asked) in asked {
        let (unpicked, beyond_recall) = standing(&order, line);
        removed.push((line, asked.min(unpicked)));
        too_late.push((line, asked.min(beyond_recall)));
    }
    let (removed, too_late) = (units(removed.into_iter()), units(too_late.into_iter()));
    let told = !matches!(order.state, WorkState::Planned);
    let instruction = (told && !removed.is_empty()).then(|| next_instruction(state, &order));
    vec![Event::CancelAnswered { id, stopped: removed.clone(), removed, too_late, instruction, recall }]
}

/// Units of a line that can still be stopped, and units that are in hand or gone.
fn standing(order: &FulfillmentOrder, line: LineNo) -> (Quantity, Quantity) {
    let Some(index) = order.index_of(line) else { return (Quantity::ZERO, Quantity::ZERO) };
    let live = order.progress[index].live(order.work.lines[index].quantity);
    match order.state.whereabouts() {
        Whereabouts::Unpicked => (live, Quantity::ZERO),
        Whereabouts::InHand | Whereabouts::Gone => (Quantity::ZERO, live),
        Whereabouts::CalledOff => (Quantity::ZERO, Quantity::ZERO),
    }
}

/// Demand on one line is summed before it is looked at.
fn summed(asked: &[LineUnits]) -> BTreeMap<LineNo, Quantity> {
    let mut sums: BTreeMap<LineNo, Quantity> = BTreeMap::new();
    for units in asked {
        let sum = sums.entry(units.line).or_default();
        *sum = sum.plus(units.quantity);
    }
    sums
}

fn next_instruction(state: &FulfillmentState, order: &FulfillmentOrder) -> u64 {
    let node = &order.work.node;
    let desk = state
        .desk(node)
        .unwrap_or_else(|| panic!("{} was planned at {node}, which has no desk", order.work.id));
    desk.last_instruction + 1
}
