//! Orders that wait for stock, and who is told when it rises.

use crate::event::Event;
use crate::state::State;
use crate::wait::WaitKey;
use waybill_machine::ScanOrder;
use waybill_types::{OrderId, OwnerId, Quantity, Sku, Timestamp};

/// The most orders told of one rise at a time; the rest hear of the next.
const TOLD_MAX: usize = 20_000;

/// What an order waits for.
pub(crate) struct Awaited<'a> {
    pub(crate) order: OrderId,
    pub(crate) sku: &'a Sku,
    pub(crate) owner: &'a OwnerId,
    pub(crate) quantity: Quantity,
    pub(crate) priority: u8,
    pub(crate) since: Timestamp,
}

pub(crate) fn on_await(state: &State, wait: &Awaited<'_>) -> Vec<Event> {
    let Awaited { order, sku, owner, quantity, priority, since } = *wait;
    let mut events = vec![Event::StockAwaited {
        order,
        sku: sku.clone(),
        owner: owner.clone(),
        quantity,
        priority,
        since,
    }];
    if missed_a_rise(state, wait) && !total(state, sku, owner).is_zero() {
        events.push(Event::WaitersTold { sku: sku.clone(), owner: owner.clone(), orders: vec![order] });
    }
    events
}

/// Stock may have risen between the order's last look and this wait; then nobody would ever tell it.
fn missed_a_rise(state: &State, wait: &Awaited<'_>) -> bool {
    let Some(head) = state.stock.head(wait.sku, wait.owner) else { return false };
    let place = state.wait_places.get(&(wait.order, wait.sku.clone(), wait.owner.clone()));
    match place.and_then(|place| state.waits.get(&key_of(wait, place.priority, place.since))) {
        Some(earlier) => earlier.told.is_some_and(|told| head.rises > told),
        None => head.rises > 0 && head.risen_at >= wait.since,
    }
}

fn key_of(wait: &Awaited<'_>, priority: u8, since: Timestamp) -> WaitKey {
    WaitKey { sku: wait.sku.clone(), owner: wait.owner.clone(), priority, since, order: wait.order }
}

pub(crate) fn on_forget(state: &State, order: OrderId, sku: &Sku, owner: &OwnerId) -> Vec<Event> {
    if !state.wait_places.contains(&(order, sku.clone(), owner.clone())) {
        return Vec::new();
    }
    vec![Event::StockForgotten { order, sku: sku.clone(), owner: owner.clone() }]
}

/// The orders to tell that stock rose: in the order they are served, while what they wait for fits what there is, but
/// always the first, who may be content with less.
pub(crate) fn tell(state: &State, sku: &Sku, owner: &OwnerId) -> Event {
    let available = total(state, sku, owner);
    let mut orders = Vec::new();
    if !available.is_zero() {
        let mut wanted = Quantity::ZERO;
        let queue = state.waits.scan(&(sku.clone(), owner.clone()), None, ScanOrder::Ascending, TOLD_MAX);
        for (key, wait) in queue {
            wanted = wanted.plus(wait.quantity);
            if wanted > available && !orders.is_empty() {
                break;
            }
            orders.push(key.order);
        }
    }
    Event::WaitersTold { sku: sku.clone(), owner: owner.clone(), orders }
}

fn total(state: &State, sku: &Sku, owner: &OwnerId) -> Quantity {
    let mut total = Quantity::ZERO;
    state.stock.each_of(sku, owner, |position| total = total.plus(position.available()));
    total
}
