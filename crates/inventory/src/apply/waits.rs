//! The queue of orders that wait for stock changes.

use crate::decide::waits::NODES_MAX;
use crate::note::Note;
use crate::position::Spot;
use crate::state::State;
use crate::wait::{Turn, Wait, WaitKey, WaitPlace};
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

/// Goods were looked for at a node that opened; the rest of them by the next tick.
pub(super) fn looked_through(state: &mut State, node: &NodeId, through: Option<&(Sku, OwnerId)>) {
    let begun: Vec<_> = state.opened.iter().filter(|(begun, ..)| begun == node).cloned().collect();
    begun.iter().for_each(|at| state.opened.remove(at));
    if let Some((sku, owner)) = through {
        state.opened.insert((node.clone(), sku.clone(), owner.clone()));
    }
}

fn leave(state: &mut State, order: OrderId, sku: &Sku, owner: &OwnerId) -> Option<Arc<Wait>> {
    let place_key = (order, sku.clone(), owner.clone());
    let place = state.wait_places.get(&place_key)?;
    let key = key_at(sku, owner, order, &place);
    let wait = state.waits.get(&key);
    state.wait_places.remove(&place_key);
    state.waits.remove(&key);
    let looked = wait.as_ref().is_some_and(|wait| wait.told.is_some());
    let others_turn = state.stock.update_head(sku, owner, |head| {
        head.waiting = head.waiting.saturating_sub(1);
        head.looking = head.looking.saturating_sub(u32::from(looked));
        looked && head.looking == 0 && head.waiting > 0
    });
    if others_turn {
        // Whatever those have left who looked is offered to the next.
        state.risen.insert((sku.clone(), owner.clone()));
    }
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
    in_turn: bool,
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
        // Where there were more nodes than one is told of at a time, its next wait is answered with the rest of them.
        let told = if named.len() < NODES_MAX { rises } else { rises.saturating_sub(1) };
        let knows = named.last().map(|node| lifted(state, node));
        if let Some(place) = state.wait_places.get(&(*order, sku.clone(), owner.clone())) {
            let before = state.waits.update(&key_at(sku, owner, *order, &place), |wait| {
                wait.knows = knows.unwrap_or(wait.knows);
                wait.told.replace(told)
            });
            state.stock.update_head(sku, owner, |head| {
                head.looking += u32::from(before == Some(None));
                if in_turn {
                    head.turn = Some(Turn { place: *place, order: *order });
                }
            });
        }
        if named.is_empty() {
            out.send(order.partition(), arrived(None));
        }
        named.iter().for_each(|node| out.send(order.partition(), arrived(Some(node.clone()))));
    }
    if in_turn {
        state.risen.remove(&(sku.clone(), owner.clone()));
    }
}
