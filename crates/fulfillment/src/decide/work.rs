//! What orders asks of a node: take work on, release it, cancel units of it. These are messages and never refused.

use crate::event::Event;
use crate::state::{
    FulfillmentOrder, FulfillmentState, Whereabouts, WorkState, capacity_day, capacity_needed, units,
};
use std::collections::BTreeMap;
use waybill_machine::Context;
use waybill_types::exchange::{LineUnits, RecallManner, Work, WorkDestination, WorkRefusal};
use waybill_types::{FulfillmentOrderId, LineNo, Quantity, Reason};

/// Capacity of the node's local day is taken with the work, so that two orders cannot both have the last unit of it.
pub(super) fn assign(state: &FulfillmentState, work: &Work) -> Vec<Event> {
    if state.orders.contains(&work.id) {
        // Orders never reuses an id and the runtime delivers once: there is nothing left to decide.
        return Vec::new();
    }
    match obstacle(state, work) {
        Some(refusal) => {
            let full = (refusal == WorkRefusal::Full).then(|| (work.node.clone(), capacity_day(work)));
            vec![Event::WorkRefused(work.id, refusal, full)]
        }
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

/// What orders wants stopped.
pub(super) struct Recall<'a> {
    pub(super) id: FulfillmentOrderId,
    pub(super) units: &'a [LineUnits],
    pub(super) recall: u32,
    pub(super) manner: RecallManner,
    pub(super) reason: &'a Reason,
}

/// The one place where a cancel meets a pick: whatever is not confirmed picked stops now, what is gone is too late, and
/// about what is in hand the node is asked, if orders wants that. Units that ceased to be this node's work earlier were
/// reported then and are not reported again.
pub(super) fn cancel(state: &FulfillmentState, wanted: &Recall<'_>, cx: &Context<'_>) -> Vec<Event> {
    let &Recall { id, recall, manner, .. } = wanted;
    let demand = summed(wanted.units);
    let answer = |removed: Vec<LineUnits>, stopped, too_late, asked: Vec<LineUnits>, instruction| {
        let answer_by = match manner {
            RecallManner::Ask { within_ms } if !asked.is_empty() => Some(cx.at.plus_ms(within_ms)),
            RecallManner::Ask { .. } | RecallManner::Firm => None,
        };
        let reason = wanted.reason.clone();
        let answered = Event::CancelAnswered {
            id,
            removed,
            stopped,
            too_late,
            instruction,
            recall,
            asked,
            answer_by,
            reason,
        };
        vec![answered]
    };
    let Some(order) = state.fulfillment_order(&id) else {
        return answer(Vec::new(), units(demand.into_iter()), Vec::new(), Vec::new(), None);
    };
    let (mut removed, mut asked, mut too_late) = (Vec::new(), Vec::new(), Vec::new());
    for (line, mut remaining) in demand {
        let mut take = |there: Quantity| {
            let taken = remaining.min(there);
            remaining = remaining.saturating_sub(taken);
            (line, taken)
        };
        let Standing { on_shelf, free_in_hand, beyond } = standing(&order, line);
        removed.push(take(on_shelf));
        match manner {
            RecallManner::Ask { .. } => asked.push(take(free_in_hand)),
            RecallManner::Firm => too_late.push(take(free_in_hand)),
        }
        too_late.push(take(beyond));
    }
    let (removed, asked) = (units(removed.into_iter()), units(asked.into_iter()));
    let too_late = units(summed(&units(too_late.into_iter())).into_iter());
    let told = !matches!(order.state, WorkState::Planned);
    let says_something = !removed.is_empty() || !asked.is_empty();
    let instruction = (told && says_something).then(|| next_instruction(state, &order));
    answer(removed.clone(), removed, too_late, asked, instruction)
}

/// Where the units of a line are, of those that were not reported as gone.
struct Standing {
    /// Can be stopped.
    on_shelf: Quantity,
    /// In hand, and nobody has asked for them back.
    free_in_hand: Quantity,
    /// Gone, or asked for back already.
    beyond: Quantity,
}

fn standing(order: &FulfillmentOrder, line: LineNo) -> Standing {
    let nothing = Standing { on_shelf: Quantity::ZERO, free_in_hand: Quantity::ZERO, beyond: Quantity::ZERO };
    let Some(index) = order.index_of(line) else { return nothing };
    let progress = &order.progress[index];
    let live = progress.live(order.work.lines[index].quantity);
    match order.state.whereabouts() {
        Whereabouts::Unpicked => Standing { on_shelf: live, ..nothing },
        Whereabouts::InHand => {
            let free_in_hand = progress.in_hand().saturating_sub(order.asked(line));
            Standing { free_in_hand, beyond: live.saturating_sub(free_in_hand), ..nothing }
        }
        Whereabouts::Gone => Standing { beyond: live, ..nothing },
        Whereabouts::CalledOff => nothing,
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

pub(super) fn next_instruction(state: &FulfillmentState, order: &FulfillmentOrder) -> u64 {
    let node = &order.work.node;
    let desk = state
        .desk(node)
        .unwrap_or_else(|| panic!("{} was planned at {node}, which has no desk", order.work.id));
    desk.last_instruction + 1
}
