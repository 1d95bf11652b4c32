//! Units change hands between two reservations without a moment in which they are nobody's.

use super::live;
use super::reservations::drop_if_spent;
use crate::apply::stock::touch;
use crate::decide::takeover::promised;
use crate::decide::{spot_of, summed};
use crate::note::Note;
use crate::reservation::{Reservation, Standing};
use crate::state::State;
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{Claim, TakeOver};
use waybill_types::{Quantity, ReservationId};

/// Units that a granted reservation has from the start: the givers lose them, and their positions stay as they are.
pub(super) fn given_up(state: &mut State, taken: &[TakeOver], cx: &Context<'_>, out: &mut Outbox<Note>) {
    for take in taken {
        let undecided = give(state, take.from, &take.claims);
        if undecided {
            for claim in &take.claims {
                touch(state, &spot_of(claim), cx, out, |p| {
                    p.hand_on(claim.quantity, true, claim.quantity, false)
                });
            }
        }
        drop_if_given(state, take.from);
    }
}

/// The givers of an undecided reservation know who takes their units over.
pub(super) fn promise(state: &mut State, to: ReservationId, taking: &[TakeOver]) {
    for take in taking {
        super::change(state, take.from, |giver| giver.takers.push(to));
    }
}

/// Units of `from` stand in the name of `to`, which is still undecided, from now on.
pub(super) fn hand_on(
    state: &mut State,
    from: ReservationId,
    to: ReservationId,
    claims: &[Claim],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let giver_undecided = give(state, from, claims);
    let (kept, taker_undecided, more) = super::change(state, to, |taker| {
        let kept: Vec<Quantity> = claims.iter().map(|claim| taker.take_in(from, claim)).collect();
        (kept, taker.is_undecided(), taker.taking.iter().any(|take| take.from == from))
    });
    if !more {
        forget_taker(state, from, to);
    }
    for (claim, kept) in claims.iter().zip(kept) {
        touch(state, &spot_of(claim), cx, out, |p| {
            p.hand_on(claim.quantity, giver_undecided, kept, taker_undecided);
        });
    }
    give_owed(state, from, cx, out);
    drop_if_given(state, from);
}

/// Units are given back of which others may still take some over: answers those that are free at once, and notes the
/// others on the row.
pub(super) fn owe(state: &mut State, id: ReservationId, claims: &[Claim]) -> Vec<Claim> {
    let row = live(state, id);
    if row.takers.is_empty() {
        return claims.to_vec();
    }
    let (mut free, mut owed) = (Vec::new(), Vec::new());
    for claim in claims {
        let Some(line) = row.line(claim) else {
            free.push(claim.clone());
            continue;
        };
        let promised = promised(state, id, &row, claim);
        let own = claim.quantity.min(line.live().saturating_sub(promised));
        let rest = claim.quantity.saturating_sub(own).min(promised.saturating_sub(row.owed_of(claim)));
        free.push(Claim { quantity: own, ..claim.clone() });
        owed.push(Claim { quantity: rest, ..claim.clone() });
    }
    free.retain(|claim| !claim.quantity.is_zero());
    owed.retain(|claim| !claim.quantity.is_zero());
    if !owed.is_empty() {
        super::change(state, id, |row| row.owed = summed(&[std::mem::take(&mut row.owed), owed].concat()));
    }
    free
}

/// What is owed and not taken over by anybody any more is free.
fn give_owed(state: &mut State, from: ReservationId, cx: &Context<'_>, out: &mut Outbox<Note>) {
    let row = live(state, from);
    if row.owed.is_empty() {
        return;
    }
    let (mut free, mut owed) = (Vec::new(), Vec::new());
    for claim in &row.owed {
        let own = row.line(claim).map_or(Quantity::ZERO, |line| line.live());
        let given = claim.quantity.min(own.saturating_sub(promised(state, from, &row, claim)));
        free.push(Claim { quantity: given, ..claim.clone() });
        owed.push(Claim { quantity: claim.quantity.saturating_sub(given), ..claim.clone() });
    }
    let over = row.takers.is_empty();
    owed.retain(|claim| !over && !claim.quantity.is_zero());
    let undecided = super::change(state, from, |giver| {
        free.iter().for_each(|claim| giver.release(claim));
        giver.owed = owed;
        giver.is_undecided()
    });
    for claim in free.iter().filter(|claim| !claim.quantity.is_zero()) {
        touch(state, &spot_of(claim), cx, out, |p| p.unclaim(claim.quantity, undecided));
    }
}

/// The reservation is decided yes: everything it takes over is handed on to it.
pub(super) fn settle(state: &mut State, to: ReservationId, cx: &Context<'_>, out: &mut Outbox<Note>) {
    for take in live(state, to).taking.clone() {
        hand_on(state, take.from, to, &take.claims, cx, out);
    }
}

/// The reservation ends without them: the givers keep what they have.
pub(super) fn call_off(
    state: &mut State,
    to: ReservationId,
    row: &Reservation,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    for take in &row.taking {
        forget_taker(state, take.from, to);
        give_owed(state, take.from, cx, out);
        drop_if_given(state, take.from);
    }
}

/// Takes units out of a giver's name and says whether it is undecided.
fn give(state: &mut State, from: ReservationId, claims: &[Claim]) -> bool {
    super::change(state, from, |giver| {
        claims.iter().for_each(|claim| giver.release(claim));
        giver.is_undecided()
    })
}

fn forget_taker(state: &mut State, from: ReservationId, to: ReservationId) {
    let forgot = state.reservations.update(&from, |giver| giver.takers.retain(|taker| *taker != to));
    forgot.unwrap_or_else(|| panic!("{to} takes units over from {from}, which is not live"));
}

/// A committed giver of which nothing is left goes. One that is not settled here yet is ended by its home's word.
fn drop_if_given(state: &mut State, from: ReservationId) {
    if matches!(live(state, from).standing, Standing::Committed { .. }) {
        drop_if_spent(state, from);
    }
}
