//! Units change hands between two reservations without a moment in which they are nobody's.

use super::live;
use super::reservations::drop_if_spent;
use crate::apply::stock::touch;
use crate::decide::spot_of;
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
    drop_if_given(state, from);
}

/// The reservation is decided yes: everything it takes over is handed on to it.
pub(super) fn settle(state: &mut State, to: ReservationId, cx: &Context<'_>, out: &mut Outbox<Note>) {
    for take in live(state, to).taking.clone() {
        hand_on(state, take.from, to, &take.claims, cx, out);
    }
}

/// The reservation ends without them: the givers keep what they have.
pub(super) fn call_off(state: &mut State, to: ReservationId, row: &Reservation) {
    for take in &row.taking {
        forget_taker(state, take.from, to);
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
