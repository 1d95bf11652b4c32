//! Units of its claimant's own reservations that a new one takes over: free for that one and for nobody else, and reserved
//! exactly once at every moment.
//!
//! A new reservation that lies in one partition takes them in the event that grants it. One over several partitions
//! leaves them in the old one's name until it is decided: the new row says what it takes, the old row says by whom. What
//! happens meanwhile:
//! * The old one gives units back, its goods leave or are not found: its other units go first. Units that are being taken
//!   over pass on to the new one at once, since they are no longer the old one's to give; the goods then leave without a
//!   claim. So the new one always has what its claimant is told it was granted.
//!   With several new ones under way, what is given back and not free stays in the old one's name until they are decided, and is
//!   free if none of them takes it: it may be known elsewhere already that one of them took its own.
//! * The new one is given back: its own units are free at once, the others as soon as it is decided yes. If it is decided
//!   no, the old one keeps them. So a claimant may give up early, and the outcome it hears later is still the truth about
//!   the old one: granted means that the units were taken from it, refused that nothing was.
//! * Units of the new one leave or are taken over in turn: its claimant has heard that it was granted, so what it takes
//!   passes on to it before that.
//! * A second new one wants the same units: contended, in whatever mode. Treating them as an ordinary claim would leave
//!   the old units to nobody.
//!
//! What the old reservation has not got any more is claimed like anything else.

use crate::decide::reserve::units_at;
use crate::decide::summed;
use crate::event::Event;
use crate::reservation::{Reservation, Standing, at_same_place, order_of};
use crate::state::State;
use waybill_machine::Context;
use waybill_types::exchange::{Claim, ReserveRequest, TakeOver};
use waybill_types::{OrderId, Quantity, ReservationId};

/// What others hand over to a request in this partition.
#[derive(Default)]
pub(super) struct Offer {
    /// Which units of which reservation.
    pub(super) taking: Vec<TakeOver>,
    /// What must happen first: units that the givers take over themselves.
    pub(super) first: Vec<Event>,
    /// Units that are being taken over by others already.
    blocked: Vec<Claim>,
}

impl Offer {
    /// How many units are handed over at the claim's position.
    pub(super) fn of(&self, claim: &Claim) -> Quantity {
        units_at(&self.taking, claim)
    }
    /// How many units wanted at the claim's position are being taken over by others.
    pub(super) fn blocked(&self, claim: &Claim) -> Quantity {
        self.blocked
            .iter()
            .filter(|blocked| at_same_place(blocked, claim))
            .map(|blocked| blocked.quantity)
            .sum()
    }
}

/// What can be handed over to `request`, whose claims in this partition are `mine`.
pub(super) fn offer(
    state: &State,
    request: &ReserveRequest,
    order: Option<OrderId>,
    mine: &[&Claim],
    cx: &Context<'_>,
) -> Offer {
    let mut offer = Offer::default();
    if request.takes_over.is_empty() {
        return offer;
    }
    let claimant = order.or_else(|| order_of(request.id));
    for (from, claims) in by_giver(request) {
        let Some(giver) = state.reservations.get(&from).filter(|row| gives(row, from, claimant, cx)) else {
            continue;
        };
        let mut taken = Vec::new();
        for claim in claims {
            let Some(asked) = mine.iter().find(|asked| at_same_place(asked, &claim)) else { continue };
            let wanted = claim.quantity.min(asked.quantity.saturating_sub(offer.of(&claim)));
            let promised = promised(state, from, &giver, &claim);
            let has = giver.line(&claim).map_or(Quantity::ZERO, |line| line.kept());
            let got = wanted.min(has.saturating_sub(promised));
            let blocked = wanted.saturating_sub(got).min(promised);
            if !blocked.is_zero() {
                offer.blocked.push(Claim { quantity: blocked, ..claim.clone() });
            }
            if !got.is_zero() {
                taken.push(Claim { quantity: got, ..claim });
            }
        }
        if !taken.is_empty() {
            offer.first.extend(granted_for_sure(from, &giver));
            offer.taking.push(TakeOver { from, claims: taken });
        }
    }
    offer
}

/// The take-overs of a request, one per giver, its claims summed.
fn by_giver(request: &ReserveRequest) -> Vec<(ReservationId, Vec<Claim>)> {
    let mut givers: Vec<(ReservationId, Vec<Claim>)> = Vec::new();
    for take in request.takes_over.iter().filter(|take| take.from != request.id) {
        match givers.iter_mut().find(|(from, _)| *from == take.from) {
            Some((_, claims)) => claims.extend(take.claims.iter().cloned()),
            None => givers.push((take.from, take.claims.clone())),
        }
    }
    givers.into_iter().map(|(from, claims)| (from, summed(&claims))).collect()
}

/// True when the claimant may take units of the reservation over. Its home knows whether it is committed; another part may
/// not have heard of it yet, but the claimant has, or it would not ask.
fn gives(row: &Reservation, from: ReservationId, claimant: Option<OrderId>, cx: &Context<'_>) -> bool {
    let owner = match row.standing {
        Standing::Committed { order } | Standing::Undecided { order, .. } => order.or_else(|| order_of(from)),
        Standing::Held { .. } => None,
    };
    let committed = matches!(row.standing, Standing::Committed { .. });
    (committed || from.home() != cx.partition) && (owner.is_none() || claimant.is_none() || owner == claimant)
}

/// Units at the claim's position that others take over from `row` when they are decided.
pub(crate) fn promised(state: &State, id: ReservationId, row: &Reservation, claim: &Claim) -> Quantity {
    let takers = row.takers.iter().filter_map(|taker| state.reservations.get(taker));
    takers.map(|taker| taker.taking_of(id, claim)).sum()
}

/// The claimant acts on the reservation as granted, so it is: what it takes over is its own from now on.
pub(super) fn granted_for_sure(id: ReservationId, row: &Reservation) -> Vec<Event> {
    let taken =
        |take: &TakeOver| Event::UnitsTakenOver { from: take.from, to: id, claims: take.claims.clone() };
    row.taking.iter().map(taken).collect()
}

/// Units that leave a reservation, of which it has as many: those that are its own to give, and the events that hand on
/// the others to those who take them over.
pub(super) fn split(
    state: &State,
    id: ReservationId,
    row: &Reservation,
    mut leaving: Vec<Claim>,
) -> (Vec<Claim>, Vec<Event>) {
    if row.takers.is_empty() {
        return (leaving, Vec::new());
    }
    let mut passed: Vec<(ReservationId, Vec<Claim>)> =
        row.takers.iter().map(|id| (*id, Vec::new())).collect();
    for claim in &mut leaving {
        let Some(line) = row.line(claim) else { continue };
        let own = line.live().saturating_sub(promised(state, id, row, claim));
        let mut remaining = claim.quantity.saturating_sub(own);
        claim.quantity = claim.quantity.min(own);
        for (taker, claims) in &mut passed {
            let takes = state.reservations.get(taker).map_or(Quantity::ZERO, |row| row.taking_of(id, claim));
            let quantity = takes.min(remaining);
            if !quantity.is_zero() {
                remaining = remaining.saturating_sub(quantity);
                claims.push(Claim { quantity, ..claim.clone() });
            }
        }
    }
    leaving.retain(|claim| !claim.quantity.is_zero());
    let handed = passed.into_iter().filter(|(_, claims)| !claims.is_empty());
    let handed = handed.map(|(to, claims)| Event::UnitsTakenOver { from: id, to, claims });
    (leaving, handed.collect())
}

/// The reservation ends here although others take units of it over: they have them from now on.
pub(super) fn hand_all_on(state: &State, id: ReservationId, row: &Reservation) -> Vec<Event> {
    let handed = |taker: &ReservationId| {
        let taking = state.reservations.get(taker)?.taking.clone();
        let claims = taking.into_iter().find(|take| take.from == id)?.claims;
        Some(Event::UnitsTakenOver { from: id, to: *taker, claims })
    };
    row.takers.iter().filter_map(handed).collect()
}
