//! What doors read of a partition's state. Nothing here changes anything.

use crate::answer::PositionView;
use crate::item::{Alias, Item, ItemRecord};
use crate::note::AvailabilityChanged;
use crate::position::Spot;
use crate::reservation::{Reservation, ReservationView};
use crate::state::State;
use std::sync::Arc;
use waybill_machine::ScanOrder;
use waybill_types::exchange::Claim;
use waybill_types::{ReservationId, Sku};

/// One item.
#[must_use]
pub fn item(state: &State, sku: &Sku) -> Option<Arc<ItemRecord>> {
    state.items.get(sku)
}

/// The item of this partition that has the code.
#[must_use]
pub fn item_by_alias(state: &State, alias: &Alias) -> Option<Arc<ItemRecord>> {
    state.items.get(&*state.aliases.get(alias)?)
}

/// The revision of an item, or the one that a SKU which is no item yet was raised to; 0 for any other.
#[must_use]
pub fn item_revision(state: &State, sku: &Sku) -> u64 {
    match state.items.get(sku) {
        Some(record) => record.revision,
        None => state.fences.get(sku).map_or(0, |revision| *revision),
    }
}

/// Codes of `item` that neither it nor another item of this partition has yet.
#[must_use]
pub fn new_codes(state: &State, item: &Item) -> Vec<Alias> {
    item.aliases.iter().filter(|alias| !state.aliases.contains(alias)).cloned().collect()
}

/// The item of this partition that has the code, by SKU.
#[must_use]
pub fn holder(state: &State, alias: &Alias) -> Option<Sku> {
    state.aliases.get(alias).map(|sku| (*sku).clone())
}

/// Items after `after` by SKU, at most `limit`.
#[must_use]
pub fn items(state: &State, after: Option<&Sku>, limit: usize) -> Vec<Arc<ItemRecord>> {
    let rows = state.items.scan(&(), after, ScanOrder::Ascending, limit);
    rows.into_iter().map(|(_, record)| record).collect()
}

/// One position; all zero at revision 0 when nothing was ever booked there, `None` when the item is not known.
#[must_use]
pub fn position(state: &State, spot: &Spot) -> Option<PositionView> {
    let known = state.items.contains(&spot.sku);
    known.then(|| PositionView::new(spot, state.stock.position(spot)))
}

/// What this partition knows of a live reservation. What has ended is not known.
#[must_use]
pub fn reservation(state: &State, id: ReservationId) -> Option<ReservationView> {
    state.reservations.get(&id).map(|row| row.view(id))
}

/// Visits every live claim with the reservation it is part of.
pub fn each_live_claim(state: &State, mut visit: impl FnMut(ReservationId, &Reservation, Claim)) {
    state.reservations.for_each(|id, row| {
        row.live_claims().into_iter().for_each(|claim| visit(id, row, claim));
    });
}

/// Visits the availability of every position of the partition.
pub fn each_availability(state: &State, mut visit: impl FnMut(AvailabilityChanged)) {
    state.stock.each(|sku, owner, position| visit(AvailabilityChanged::of(sku, owner, position)));
}

/// Visits every code of an item of the partition.
pub fn each_code(state: &State, mut visit: impl FnMut(Alias, &Sku)) {
    state.aliases.for_each(|alias, sku| visit(alias, sku));
}

/// Visits every item of the partition.
pub fn each_item(state: &State, mut visit: impl FnMut(&ItemRecord)) {
    state.items.for_each(|_, record| visit(record));
}
