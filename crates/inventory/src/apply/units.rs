//! Units of a reservation leave it.

use super::reservations::drop_if_spent;
use super::{change, takeover};
use crate::apply::stock::touch;
use crate::decide::spot_of;
use crate::event::{ConsumedLine, LostLine};
use crate::note::Note;
use crate::position::{Condition, MovementKind};
use crate::reservation::{Reservation, ReservationLine, Standing, order_of};
use crate::state::State;
use std::collections::BTreeMap;
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{Claim, Message, ReserveMode};
use waybill_types::{PartitionId, Quantity, ReservationId};

pub(super) fn released(
    state: &mut State,
    id: ReservationId,
    claims: &[Claim],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let claims = &takeover::owe(state, id, claims);
    // Units that it still awaits from another are not on the position in its name.
    let (undecided, freed) = change(state, id, |row| {
        let own = |row: &Reservation, claim| row.line(claim).map_or(Quantity::ZERO, ReservationLine::live);
        let give = |claim| {
            let before = own(row, claim);
            row.release(claim);
            before.saturating_sub(own(row, claim))
        };
        let freed: Vec<Quantity> = claims.iter().map(give).collect();
        (row.is_undecided(), freed)
    });
    let mut elsewhere: BTreeMap<PartitionId, Vec<Claim>> = BTreeMap::new();
    for (claim, freed) in claims.iter().zip(freed) {
        let owner = cx.layout.sku_home(&claim.sku);
        if owner == cx.partition {
            touch(state, &spot_of(claim), cx, out, |p| p.unclaim(freed, undecided));
        } else {
            elsewhere.entry(owner).or_default().push(claim.clone());
        }
    }
    for (part, claims) in elsewhere {
        out.send(part, Message::Release(id, claims));
    }
    drop_if_spent(state, id);
}

/// Whether the reservation lives, and whether it is undecided.
fn standing(state: &State, id: ReservationId) -> (bool, bool) {
    let row = state.reservations.get(&id);
    (row.is_some(), row.is_some_and(|row| row.is_undecided()))
}

pub(super) fn consumed(
    state: &mut State,
    id: ReservationId,
    lines: &[ConsumedLine],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let (lives, undecided) = standing(state, id);
    for line in lines {
        touch(state, &spot_of(&line.shipped), cx, out, |p| {
            p.ship(line.shipped.quantity, line.of_claim, undecided);
        });
    }
    if lives {
        let of_claims = lines.iter().map(|l| Claim { quantity: l.of_claim, ..l.shipped.clone() });
        settle_units(state, id, of_claims, Reservation::consume);
    }
}

pub(super) fn not_found(
    state: &mut State,
    id: ReservationId,
    lines: &[LostLine],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let (lives, undecided) = standing(state, id);
    for line in lines {
        touch(state, &spot_of(&line.missing), cx, out, |p| {
            p.unclaim(line.of_claim, undecided);
            if !line.corrected.is_zero() {
                p.book(MovementKind::Adjustment, Condition::Sellable, -line.corrected.as_i64());
            }
        });
    }
    if lives {
        let of_claims = lines.iter().map(|l| Claim { quantity: l.of_claim, ..l.missing.clone() });
        settle_units(state, id, of_claims, Reservation::release);
    }
}

pub(super) fn seized(
    state: &mut State,
    id: ReservationId,
    claims: &[Claim],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    if !state.reservations.contains(&id) {
        let mut chain = vec![id.home().index, cx.partition.index];
        chain.dedup();
        let row = Reservation {
            standing: Standing::Committed { order: order_of(id) },
            mode: ReserveMode::AllOrNothing,
            created_at: cx.at,
            revision: 0,
            lines: Vec::new(),
            chain,
            elsewhere: Vec::new(),
            taking: Vec::new(),
            takers: Vec::new(),
            owed: Vec::new(),
        };
        state.reservations.put(&id, row);
    }
    let undecided = change(state, id, |row| {
        claims.iter().for_each(|claim| row.add(claim));
        row.is_undecided()
    });
    for claim in claims {
        touch(state, &spot_of(claim), cx, out, |p| p.seize(claim.quantity, undecided));
    }
}

fn settle_units(
    state: &mut State,
    id: ReservationId,
    claims: impl Iterator<Item = Claim>,
    settle: fn(&mut Reservation, &Claim),
) {
    let claims: Vec<Claim> = claims.filter(|claim| !claim.quantity.is_zero()).collect();
    if !claims.is_empty() {
        change(state, id, |row| claims.iter().for_each(|claim| settle(row, claim)));
        drop_if_spent(state, id);
    }
}
