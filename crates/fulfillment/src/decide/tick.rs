//! It is later now: a node that did not answer a cancel in time is too late with it, and a pickup that nobody fetched goes
//! back on the shelf.

use super::work::next_instruction;
use crate::event::{AskAnswered, Event};
use crate::state::{FulfillmentOrder, FulfillmentState, WorkState};
use std::collections::BTreeMap;
use waybill_machine::{Context, ScanOrder};
use waybill_types::NodeId;

/// Fulfilment orders handled by one tick; more are due at once again.
const TICK_ORDERS: usize = 64;

pub(super) fn tick(state: &FulfillmentState, cx: &Context<'_>) -> Vec<Event> {
    let timers = state.timers.scan(&(), None, ScanOrder::Ascending, TICK_ORDERS);
    let due = timers.into_iter().map(|(key, _)| key).take_while(|(at, _)| *at <= cx.at);
    let mut told: BTreeMap<NodeId, u64> = BTreeMap::new();
    let mut events = Vec::new();
    for (_, id) in due {
        let Some(order) = state.fulfillment_order(&id) else { continue };
        if matches!(order.state, WorkState::ReadyForPickup { until, .. } if until <= cx.at) {
            // Instructions of one node are numbered along the events of this tick.
            let before = told.entry(order.work.node.clone()).or_default();
            let instruction = Some(next_instruction(state, &order) + *before);
            *before += 1;
            events.push(Event::NotCollected { id, units: order.in_hand(), instruction });
        } else {
            events.push(Event::CancelDecided(id, overdue(&order, cx)));
        }
    }
    events
}

fn overdue(order: &FulfillmentOrder, cx: &Context<'_>) -> Vec<AskAnswered> {
    let overdue = order.asks.iter().filter(|ask| ask.answer_by <= cx.at);
    overdue
        .map(|ask| AskAnswered { recall: ask.recall, stopped: Vec::new(), too_late: ask.units.clone() })
        .collect()
}
