//! The queue of orders that wait for stock changes.

use crate::note::Note;
use crate::position::Spot;
use crate::state::State;
use crate::wait::{Wait, WaitKey, WaitPlace};
use std::sync::Arc;
use waybill_machine::Outbox;
use waybill_types::exchange::Message;
use waybill_types::{NodeId, OrderId, OwnerId, Quantity, Sku, Timestamp};

pub(super) fn awaited(
    state: &mut State,
    order: OrderId,
    sku: &Sku,
    owner: &OwnerId,
    quantity: Quantity,
    priority: u8,
    since: Timestamp,
) {
    let earlier = leave(state, order, sku, owner);
    // An order that waited before must still hear of every node whose stock rose since it was told last.
    let knows = earlier.map(|wait| wait.knows);
    let knows = knows.unwrap_or_else(|| state.stock.head(sku, owner).map_or(0, |head| head.lifts));
    let key = WaitKey { sku: sku.clone(), owner: owner.clone(), priority, since, order };
    state.waits.put(&key, Wait { quantity, told: None, knows });
    state.wait_places.put(&(order, sku.clone(), owner.clone()), WaitPlace { priority, since });
    state.stock.update_head(sku, owner, |head| head.waiting += 1);
}

pub(super) fn forgotten(state: &mut State, order: OrderId, sku: &Sku, owner: &OwnerId) {
    leave(state, order, sku, owner);
}

fn leave(state: &mut State, order: OrderId, sku: &Sku, owner: &OwnerId) -> Option<Arc<Wait>> {
    let place_key = (order, sku.clone(), owner.clone());
    let place = state.wait_places.get(&place_key)?;
    let key = key_at(sku, owner, order, &place);
    let wait = state.waits.get(&key);
    state.wait_places.remove(&place_key);
    state.waits.remove(&key);
    state.stock.update_head(sku, owner, |head| head.waiting = head.waiting.saturating_sub(1));
    wait
}

fn key_at(sku: &Sku, owner: &OwnerId, order: OrderId, place: &WaitPlace) -> WaitKey {
    let WaitPlace { priority, since } = *place;
    WaitKey { sku: sku.clone(), owner: owner.clone(), priority, since, order }
}

pub(super) fn told(
    state: &mut State,
    sku: &Sku,
    owner: &OwnerId,
    orders: &[OrderId],
    nodes: &[Vec<NodeId>],
    out: &mut Outbox<Note>,
) {
    let rises = state.stock.head(sku, owner).map_or(0, |head| head.rises);
    let lifted = |state: &State, node: &NodeId| {
        let spot = Spot { sku: sku.clone(), owner: owner.clone(), node: node.clone() };
        state.stock.look(&spot, |position| position.lifted).unwrap_or_default()
    };
    for (index, order) in orders.iter().enumerate() {
        let named = nodes.get(index).map_or(&[][..], Vec::as_slice);
        let arrived = |node| Message::StockArrived(*order, sku.clone(), owner.clone(), node);
        // One message per node. The order may look for stock after the first of several and before the last: then its
        // next wait is answered at once, so that it looks again.
        let told = if named.len() > 1 { rises.saturating_sub(1) } else { rises };
        let knows = named.last().map(|node| lifted(state, node));
        if let Some(place) = state.wait_places.get(&(*order, sku.clone(), owner.clone())) {
            state.waits.update(&key_at(sku, owner, *order, &place), |wait| {
                wait.told = Some(told);
                wait.knows = knows.unwrap_or(wait.knows);
            });
        }
        if named.is_empty() {
            out.send(order.partition(), arrived(None));
        }
        named.iter().for_each(|node| out.send(order.partition(), arrived(Some(node.clone()))));
    }
    state.risen.remove(&(sku.clone(), owner.clone()));
}
