//! The queue of orders that wait for stock changes.

use crate::note::Note;
use crate::state::State;
use crate::wait::{Wait, WaitKey, WaitPlace};
use waybill_machine::Outbox;
use waybill_types::exchange::Message;
use waybill_types::{OrderId, OwnerId, Quantity, Sku, Timestamp};

pub(super) fn awaited(
    state: &mut State,
    order: OrderId,
    sku: &Sku,
    owner: &OwnerId,
    quantity: Quantity,
    priority: u8,
    since: Timestamp,
) {
    leave(state, order, sku, owner);
    let key = WaitKey { sku: sku.clone(), owner: owner.clone(), priority, since, order };
    state.waits.put(&key, Wait { quantity, told: None });
    state.wait_places.put(&(order, sku.clone(), owner.clone()), WaitPlace { priority, since });
    state.stock.update_head(sku, owner, |head| head.waiting += 1);
}

pub(super) fn forgotten(state: &mut State, order: OrderId, sku: &Sku, owner: &OwnerId) {
    leave(state, order, sku, owner);
}

fn leave(state: &mut State, order: OrderId, sku: &Sku, owner: &OwnerId) {
    let place_key = (order, sku.clone(), owner.clone());
    let Some(place) = state.wait_places.get(&place_key) else { return };
    state.wait_places.remove(&place_key);
    state.waits.remove(&key_at(sku, owner, order, &place));
    state.stock.update_head(sku, owner, |head| head.waiting = head.waiting.saturating_sub(1));
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
    out: &mut Outbox<Note>,
) {
    let rises = state.stock.head(sku, owner).map_or(0, |head| head.rises);
    for order in orders {
        if let Some(place) = state.wait_places.get(&(*order, sku.clone(), owner.clone())) {
            state.waits.update(&key_at(sku, owner, *order, &place), |wait| wait.told = Some(rises));
        }
        out.send(order.partition(), Message::StockArrived(*order, sku.clone(), owner.clone(), None));
    }
    state.risen.remove(&(sku.clone(), owner.clone()));
}
