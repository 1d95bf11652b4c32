//! Units of a reservation: given back, gone out of the building, or not found.

use crate::answer::Answer;
use crate::decide::stock::no_reference;
use crate::decide::{parts, spot_of, summed, takeover};
use crate::event::{ConsumedLine, Event, LostLine};
use crate::position::{Condition, MovementKind};
use crate::refusal::Refusal;
use crate::reservation::{Intent, Reservation, ReservationState, ReservationView, Standing, at_same_place};
use crate::state::State;
use waybill_machine::{Context, Decision};
use waybill_types::exchange::Claim;
use waybill_types::{Quantity, ReservationId};

/// An external caller gives units back.
pub(crate) fn release(
    state: &State,
    id: ReservationId,
    claims: Option<&[Claim]>,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let Some(row) = state.reservations.get(&id) else {
        return Ok(Decision::new(parts::tombstone(state, id, cx), Answer::Reservation(never_made(id))));
    };
    match (&row.standing, claims) {
        (Standing::Undecided { intent: None, .. }, None) if id.home() == cx.partition => {
            let event = Event::IntentKept { id, intent: Intent::Release };
            Ok(Decision::new(vec![event], Answer::Reservation(row.view(id))))
        }
        (Standing::Undecided { .. }, _) => Err(Refusal::ReservationUndecided(id)),
        (Standing::Held { .. }, _) if id.home() != cx.partition => Err(Refusal::malformed(
            "reservation_id",
            format!("is held: {} decides about it, not {}", id.home(), cx.partition),
        )),
        (Standing::Held { expires_at }, _) if *expires_at <= cx.at => {
            Err(Refusal::HoldExpired { id, at: *expires_at })
        }
        (Standing::Held { .. }, None) => {
            let mut after = (*row).clone();
            after.release_all();
            after.revision += 1;
            let answer = Answer::Reservation(after.view(id));
            Ok(Decision::new(vec![Event::ReservationReleased { id }], answer))
        }
        (Standing::Committed { .. }, None) => Ok(released(state, &row, id, row.live_claims())),
        (Standing::Held { .. } | Standing::Committed { .. }, Some(claims)) => {
            let claims = claimed(&row, id, claims)?;
            Ok(released(state, &row, id, claims))
        }
    }
}

fn released(
    state: &State,
    row: &Reservation,
    id: ReservationId,
    claims: Vec<Claim>,
) -> Decision<Event, Answer> {
    let mut after = row.clone();
    claims.iter().for_each(|claim| after.release(claim));
    let events = given_back(state, id, row, claims);
    after.revision += events.len() as u64;
    Decision::new(events, Answer::Reservation(after.view(id)))
}

/// Units are given back; those that another takes over are that one's. Where several take units over, whose they are
/// shows only when those are decided: one of them may have been granted already, and its units are not these.
fn given_back(state: &State, id: ReservationId, row: &Reservation, claims: Vec<Claim>) -> Vec<Event> {
    if row.takers.len() > 1 && !claims.is_empty() {
        return vec![Event::UnitsReleased { id, claims }];
    }
    let (claims, mut events) = takeover::split(state, id, row, claims);
    if !claims.is_empty() {
        events.push(Event::UnitsReleased { id, claims });
    }
    events
}

/// An external caller says that units left the building.
pub(crate) fn consume(
    state: &State,
    id: ReservationId,
    claims: Option<&[Claim]>,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let Some(row) = state.reservations.get(&id) else { return Err(Refusal::UnknownReservation(id)) };
    match row.standing {
        Standing::Undecided { .. } => return Err(Refusal::ReservationUndecided(id)),
        Standing::Held { .. } => return Err(Refusal::NotCommitted(id)),
        Standing::Committed { .. } => {}
    }
    let claims = match claims {
        Some(claims) => claimed(&row, id, claims)?,
        None => row.live_claims(),
    };
    let mut after = (*row).clone();
    let Leaving { own, first } = leaving(state, id, Some(&row), &claims);
    own.iter().for_each(|claim| after.consume(claim));
    for event in &first {
        // What another takes over is that one's before it leaves.
        if let Event::UnitsTakenOver { claims, .. } = event {
            claims.iter().for_each(|claim| after.release(claim));
        }
    }
    after.revision += first.len() as u64 + u64::from(!own.is_empty());
    let answer = Answer::Reservation(after.view(id));
    Ok(Decision::new(shipped(state, id, Some(&row), &claims, cx), answer))
}

/// The claims, each of which the reservation still has in full.
fn claimed(row: &Reservation, id: ReservationId, claims: &[Claim]) -> Result<Vec<Claim>, Refusal> {
    let claims = summed(claims);
    if claims.is_empty() {
        return Err(Refusal::malformed("lines", "ask for nothing"));
    }
    for claim in &claims {
        // Only home knows what is granted elsewhere, and only of a hold may it give that back.
        let elsewhere = match row.standing {
            Standing::Held { .. } => row.elsewhere_of(claim),
            Standing::Undecided { .. } | Standing::Committed { .. } => Quantity::ZERO,
        };
        let left = row.live_of(claim).max(elsewhere);
        if left < claim.quantity {
            let (asked, left) = (claim.quantity.units(), left.units());
            return Err(Refusal::NotClaimed { id, spot: spot_of(claim), asked, left });
        }
    }
    Ok(claims)
}

/// The claimant gives units back. They may still be undecided here: home has decided, or the claimant gave up.
pub(crate) fn on_release(state: &State, id: ReservationId, claims: &[Claim], cx: &Context<'_>) -> Vec<Event> {
    let Some(row) = state.reservations.get(&id) else { return parts::tombstone(state, id, cx) };
    let given = summed(claims).into_iter().map(|claim| Claim { quantity: row.kept_of(&claim), ..claim });
    given_back(state, id, &row, given.filter(|claim| !claim.quantity.is_zero()).collect())
}

/// A node has shipped units.
pub(crate) fn on_consume(state: &State, id: ReservationId, claims: &[Claim], cx: &Context<'_>) -> Vec<Event> {
    shipped(state, id, state.reservations.get(&id).as_deref(), &summed(claims), cx)
}

/// Units that leave a reservation.
struct Leaving {
    /// Those that stand on its claims.
    own: Vec<Claim>,
    /// What happens before they leave.
    first: Vec<Event>,
}

impl Leaving {
    fn own_of(&self, claim: &Claim) -> Quantity {
        let own = self.own.iter().find(|own| at_same_place(own, claim));
        own.map_or(Quantity::ZERO, |own| own.quantity)
    }
}

fn leaving(state: &State, id: ReservationId, row: Option<&Reservation>, claims: &[Claim]) -> Leaving {
    let Some(row) = row else { return Leaving { own: Vec::new(), first: Vec::new() } };
    let has = claims.iter().map(|claim| Claim { quantity: row.kept_of(claim), ..claim.clone() });
    let has = has.filter(|claim| !claim.quantity.is_zero()).collect();
    let (own, handed) = takeover::split(state, id, row, has);
    let mut first = takeover::granted_for_sure(id, row);
    first.extend(handed);
    Leaving { own, first }
}

/// What left is gone whether or not a claim stood for it and whether or not the books knew of it: units the books do
/// not have are found first, so that on-hand stock is never below zero and every change is a movement.
fn shipped(
    state: &State,
    id: ReservationId,
    row: Option<&Reservation>,
    claims: &[Claim],
    cx: &Context<'_>,
) -> Vec<Event> {
    let leaving = leaving(state, id, row, claims);
    let mut lines = Vec::new();
    let mut found_first = Vec::new();
    for claim in claims.iter().filter(|claim| is_here(state, claim, cx)) {
        let spot = spot_of(claim);
        let sellable = state.stock.look(&spot, |p| p.sellable).unwrap_or_default();
        let found = claim.quantity.saturating_sub(sellable);
        if !found.is_zero() {
            found_first.push(Event::StockMoved {
                spot,
                condition: Condition::Sellable,
                kind: MovementKind::Adjustment,
                delta: found.as_i64(),
                reference: no_reference(),
            });
        }
        lines.push(ConsumedLine { shipped: claim.clone(), of_claim: leaving.own_of(claim) });
    }
    let mut events = leaving.first;
    events.append(&mut found_first);
    if !lines.is_empty() {
        events.push(Event::UnitsConsumed { id, lines });
    }
    events
}

/// A node did not find units: the claim is given up and the books are corrected at once.
pub(crate) fn on_not_found(
    state: &State,
    id: ReservationId,
    claims: &[Claim],
    cx: &Context<'_>,
) -> Vec<Event> {
    let missing: Vec<Claim> = summed(claims).into_iter().filter(|claim| is_here(state, claim, cx)).collect();
    let leaving = leaving(state, id, state.reservations.get(&id).as_deref(), &missing);
    let lost = |claim: Claim| {
        let sellable = state.stock.look(&spot_of(&claim), |p| p.sellable).unwrap_or_default();
        let of_claim = leaving.own_of(&claim);
        LostLine { corrected: claim.quantity.min(sellable), of_claim, missing: claim }
    };
    let lost = missing.into_iter().map(lost);
    let lines: Vec<LostLine> = lost.filter(|l| !(l.of_claim.is_zero() && l.corrected.is_zero())).collect();
    let mut events = leaving.first;
    if !lines.is_empty() {
        events.push(Event::UnitsNotFound { id, lines });
    }
    events
}

/// True for stock of this partition.
pub(super) fn is_here(state: &State, claim: &Claim, cx: &Context<'_>) -> bool {
    cx.layout.sku_home(&claim.sku) == cx.partition && state.items.contains(&claim.sku)
}

fn never_made(id: ReservationId) -> ReservationView {
    ReservationView {
        id,
        state: ReservationState::Released,
        revision: 0,
        lines: Vec::new(),
        elsewhere: Vec::new(),
        chain: vec![id.home().index],
        order: None,
        expires_at: None,
        created_at: None,
    }
}
