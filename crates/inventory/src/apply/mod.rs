//! Applying: changes the state by one event and says which messages and notes follow. Cannot fail; an impossible
//! combination is our own fault and panics with the ids, so that the runtime stops the partition.

mod parts;
pub(crate) mod reservations;
mod stock;
mod takeover;
mod units;
mod waits;

use crate::event::Event;
use crate::note::Note;
use crate::reservation::Reservation;
use crate::state::State;
pub(crate) use reservations::timer_of;
use std::sync::Arc;
use waybill_machine::{Context, Outbox};
use waybill_types::{PartitionId, ReservationId, Service};

pub(crate) fn event(state: &mut State, event: &Event, cx: &Context<'_>, out: &mut Outbox<Note>) {
    match event {
        Event::ItemUpserted(record) => stock::item_upserted(state, record, out),
        Event::AliasClaimed(alias, claim) => state.claims.put(alias, claim.clone()),
        Event::ItemFenced(sku, revision) => stock::item_fenced(state, sku, *revision, out),
        Event::StockMoved { spot, condition, kind, delta, .. } => {
            stock::touch(state, spot, cx, out, |p| p.book(*kind, *condition, *delta));
        }
        Event::StockCounted { spot, condition, delta, source, sequence, .. } => {
            stock::counted(state, spot, *condition, *delta, source, *sequence, cx, out);
        }
        Event::SafetyStockSet { spot, safety_stock } => {
            stock::touch(state, spot, cx, out, |p| p.safety_stock = *safety_stock);
        }
        Event::StockDisposed { spot, from, to, quantity, .. } => {
            stock::disposed(state, spot, *from, *to, *quantity, cx, out);
        }
        Event::ReservationGranted { id, lines, taken, .. } => {
            reservations::granted(state, *id, event, lines, taken, cx, out);
        }
        Event::PartTaken { request, before, lines, .. } => {
            parts::taken(state, event, request, before, lines, cx, out);
        }
        Event::ReservationRefused { id, outcome } => parts::refused(*id, outcome, cx, out),
        Event::ReservationDecided { id, outcome } => parts::decided(state, *id, outcome, cx, out),
        Event::PartSettled { id, fate } => parts::settled(state, *id, *fate, cx, out),
        Event::ReservationCommitted { id, order } => reservations::committed(state, *id, *order, cx, out),
        Event::ReservationReleased { id } => reservations::released(state, *id, cx, out),
        Event::ReservationExpired { id } => reservations::expired(state, *id, cx, out),
        Event::IntentKept { id, intent } => reservations::intent_kept(state, *id, *intent),
        Event::UnitsReleased { id, claims } => units::released(state, *id, claims, cx, out),
        Event::UnitsConsumed { id, lines } => units::consumed(state, *id, lines, cx, out),
        Event::UnitsNotFound { id, lines } => units::not_found(state, *id, lines, cx, out),
        Event::UnitsTakenOver { from, to, claims } => {
            takeover::hand_on(state, *from, *to, claims, cx, out);
        }
        Event::UnitsSeized { id, claims } => units::seized(state, *id, claims, cx, out),
        Event::TombstoneLeft { id, until } => reservations::tombstone_left(state, *id, *until),
        Event::TombstoneForgotten { id } => reservations::tombstone_forgotten(state, *id),
        Event::AbandonSent { id } => parts::abandon_sent(state, *id, out),
        Event::HomeAsked { id, again_at } => parts::home_asked(state, *id, *again_at, cx, out),
        Event::OutcomeRepeated { id, outcome } => parts::tell_outcome(*id, outcome, cx, out),
        Event::PartAnswered { id, part, fate } => {
            out.send(*part, waybill_types::exchange::Message::Settle(*id, *fate));
        }
        Event::HoldAnswered { id, order, answer } => {
            let message = waybill_types::exchange::Message::HoldAnswered(*id, *order, answer.clone());
            out.send(order.partition(), message);
        }
        Event::StockAwaited { order, sku, owner, quantity, priority, since } => {
            waits::awaited(state, *order, sku, owner, *quantity, *priority, *since);
        }
        Event::StockForgotten { order, sku, owner } => waits::forgotten(state, *order, sku, owner),
        Event::WaitersTold { sku, owner, orders, nodes, in_turn } => {
            waits::told(state, sku, owner, orders, nodes, *in_turn, out);
        }
        Event::NodeOpened { node, goods, through } => {
            for (sku, owner) in goods {
                stock::opened(state, sku, owner, node, cx);
            }
            waits::looked_through(state, node, through.as_ref());
        }
    }
}

/// The row of a reservation that an event says is live.
fn live(state: &State, id: ReservationId) -> Arc<Reservation> {
    state
        .reservations
        .get(&id)
        .unwrap_or_else(|| panic!("an event is about reservation {id}, which is not live"))
}

fn change<R>(state: &mut State, id: ReservationId, change: impl FnOnce(&mut Reservation) -> R) -> R {
    let changed = state.reservations.update(&id, |row| {
        row.revision += 1;
        change(row)
    });
    changed.unwrap_or_else(|| panic!("an event changes reservation {id}, which is not live"))
}

/// The other partitions of a reservation.
fn others(row: &Reservation, cx: &Context<'_>) -> Vec<PartitionId> {
    let others = row.chain.iter().filter(|index| **index != cx.partition.index);
    others.map(|index| PartitionId::new(Service::Inventory, *index)).collect()
}
