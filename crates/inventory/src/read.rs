//! What doors read of a partition's state. Nothing here changes anything.

use crate::answer::PositionView;
use crate::item::{Alias, ItemRecord};
use crate::note::AvailabilityChanged;
use crate::position::Spot;
use crate::reservation::{Reservation, ReservationView};
use crate::state::State;
use std::sync::Arc;
use waybill_machine::ScanOrder;
use waybill_types::exchange::Claim;
use waybill_types::{OwnerId, ReservationId, Sku};

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

/// Visits the availability of every position of a SKU and owner, in no promised order. `sequence` is the journal
/// sequence of the state that is looked at.
pub fn each_availability(
    state: &State,
    sku: &Sku,
    owner: &OwnerId,
    sequence: u64,
    mut visit: impl FnMut(AvailabilityChanged),
) {
    state.stock.each_of(sku, owner, |position| {
        visit(AvailabilityChanged::of(sku, owner, position, sequence, position.changed_at));
    });
}

/// A place in the walk over all positions.
pub type PositionCursor = (Sku, OwnerId, u8);

/// The availability of about `rows` rows of positions after `after`, and where to go on; `None` when that was all.
#[must_use]
pub fn availability_page(
    state: &State,
    after: Option<&PositionCursor>,
    rows: usize,
    sequence: u64,
) -> (Vec<AvailabilityChanged>, Option<PositionCursor>) {
    let page = state.stock.page(after, rows);
    let next = if page.len() < rows { None } else { page.last().map(|(key, _)| key.clone()) };
    let found = page.iter().flat_map(|((sku, owner, _), row)| {
        let of = |position| AvailabilityChanged::of(sku, owner, position, sequence, row_time(position));
        row.positions.iter().map(of).collect::<Vec<_>>()
    });
    (found.collect(), next)
}

fn row_time(position: &crate::position::Position) -> waybill_types::Timestamp {
    position.changed_at
}
