//! Positions and items change.

use crate::item::ItemRecord;
use crate::note::{AvailabilityChanged, Note};
use crate::position::{Condition, MovementKind, Position, Spot};
use crate::state::State;
use waybill_machine::{Context, Outbox};
use waybill_types::{NodeId, OwnerId, Quantity, Sku, Text};

pub(super) fn item_upserted(state: &mut State, record: &ItemRecord, out: &mut Outbox<Note>) {
    let sku = &record.item.sku;
    match state.items.get(sku) {
        Some(old) => {
            for alias in &old.item.aliases {
                state.aliases.remove(alias);
            }
        }
        None if record.revision > 1 => state.fences.remove(sku),
        None => {}
    }
    for alias in &record.item.aliases {
        state.aliases.put(alias, sku.clone());
    }
    state.items.put(sku, record.clone());
    out.note(Note::ItemChanged(Box::new(record.clone())));
}

pub(super) fn item_fenced(state: &mut State, sku: &Sku, revision: u64, out: &mut Outbox<Note>) {
    if state.items.update(sku, |record| record.revision = revision).is_none() {
        state.fences.put(sku, revision);
    }
    if let Some(record) = state.items.get(sku) {
        out.note(Note::ItemChanged(Box::new((*record).clone())));
    }
}

pub(super) fn counted(
    state: &mut State,
    spot: &Spot,
    condition: Condition,
    delta: i64,
    source: &Text,
    sequence: u64,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    touch(state, spot, cx, out, |position| {
        position.book(MovementKind::Count, condition, delta);
        position.set_mark(source, condition, sequence);
    });
}

pub(super) fn disposed(
    state: &mut State,
    spot: &Spot,
    from: Condition,
    to: Condition,
    quantity: Quantity,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    touch(state, spot, cx, out, |position| position.dispose(from, to, quantity));
}

/// What others see of a position.
#[derive(PartialEq, Eq)]
struct Seen {
    available: Quantity,
    sellable: Quantity,
    reserved: Quantity,
    safety_stock: Quantity,
}

fn seen(position: &Position) -> Seen {
    Seen {
        available: position.available(),
        sellable: position.sellable,
        reserved: position.reserved,
        safety_stock: position.safety_stock,
    }
}

/// Changes one position and tells who must know. Every change of a position goes through here.
pub(super) fn touch(
    state: &mut State,
    spot: &Spot,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
    change: impl FnOnce(&mut Position),
) {
    let (rose, lifted) = state.stock.update(spot, |position| {
        let before = seen(position);
        change(position);
        position.revision += 1;
        position.changed_at = cx.at;
        position.sequence = cx.position.sequence;
        debug_assert_eq!(position.excess(), position.over_committed, "STOCK-1 at {spot:?}");
        let after = seen(position);
        if before != after {
            let note = AvailabilityChanged::of(&spot.sku, &spot.owner, position);
            out.note(Note::AvailabilityChanged(note));
        }
        (after.available > before.available, after.sellable > before.sellable)
    });
    if rose {
        rise(state, spot, cx);
    }
    if lifted {
        lift(state, spot);
    }
}

/// What may be promised is more: who waits is told.
fn rise(state: &mut State, spot: &Spot, cx: &Context<'_>) {
    let waiting = state.stock.update_head(&spot.sku, &spot.owner, |head| {
        head.rises += 1;
        head.risen_at = cx.at;
        head.turn = None;
        head.waiting
    });
    if waiting > 0 {
        state.risen.insert((spot.sku.clone(), spot.owner.clone()));
    }
}

/// Who said no here may be asked again.
fn lift(state: &mut State, spot: &Spot) {
    let lifts = state.stock.update_head(&spot.sku, &spot.owner, |head| {
        head.lifts += 1;
        head.lifts
    });
    state.stock.update(spot, |position| position.lifted = lifts);
}

/// The node takes work again: what lies there is as good as new.
pub(super) fn opened(state: &mut State, sku: &Sku, owner: &OwnerId, node: &NodeId, cx: &Context<'_>) {
    let spot = Spot { sku: sku.clone(), owner: owner.clone(), node: node.clone() };
    lift(state, &spot);
    if state.stock.look(&spot, |position| !position.available().is_zero()) == Some(true) {
        rise(state, &spot, cx);
    }
}
