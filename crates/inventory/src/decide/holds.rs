//! A hold becomes an order's without a moment in between. Only its home decides that.

use crate::answer::Answer;
use crate::event::Event;
use crate::refusal::Refusal;
use crate::reservation::{Intent, Reservation, Standing, at_same_place};
use crate::state::State;
use waybill_machine::{Context, Decision};
use waybill_types::exchange::{Claim, HoldAnswer};
use waybill_types::{OrderId, ReservationId};

/// An external caller commits a hold.
pub(crate) fn commit(
    state: &State,
    id: ReservationId,
    order: OrderId,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let Some(row) = state.reservations.get(&id) else { return Err(Refusal::UnknownReservation(id)) };
    match row.standing {
        Standing::Undecided { .. } => Err(Refusal::ReservationUndecided(id)),
        Standing::Committed { order: Some(first) } if first != order => {
            Err(Refusal::HoldTaken { id, order: first })
        }
        Standing::Committed { .. } => Ok(Decision::nothing(Answer::Reservation(row.view(id)))),
        Standing::Held { expires_at } if expires_at <= cx.at => {
            Err(Refusal::HoldExpired { id, at: expires_at })
        }
        Standing::Held { .. } => {
            let mut after = (*row).clone();
            after.standing = Standing::Committed { order: Some(order) };
            after.revision += 1;
            let answer = Answer::Reservation(after.view(id));
            Ok(Decision::new(vec![Event::ReservationCommitted { id, order }], answer))
        }
    }
}

/// An order adopts a hold.
pub(crate) fn on_adopt(state: &State, id: ReservationId, order: OrderId, cx: &Context<'_>) -> Vec<Event> {
    let answered = |answer| Event::HoldAnswered { id, order, answer };
    let Some(row) = state.reservations.get(&id) else { return vec![answered(HoldAnswer::Gone(None))] };
    match row.standing {
        Standing::Undecided { intent: None, .. } => {
            vec![Event::IntentKept { id, intent: Intent::Adopt(order) }]
        }
        Standing::Undecided { intent: Some(Intent::Adopt(first)), .. } if first == order => Vec::new(),
        Standing::Undecided { intent: Some(Intent::Adopt(first)), .. } => {
            vec![answered(HoldAnswer::Gone(Some(first)))]
        }
        Standing::Undecided { intent: Some(Intent::Release), .. } => vec![answered(HoldAnswer::Gone(None))],
        Standing::Held { expires_at } if expires_at <= cx.at => {
            vec![Event::ReservationExpired { id }, answered(HoldAnswer::Gone(None))]
        }
        Standing::Held { .. } => {
            let claims = row.live_claims().into_iter().chain(row.elsewhere.iter().cloned()).collect();
            vec![Event::ReservationCommitted { id, order }, answered(HoldAnswer::Adopted(claims))]
        }
        Standing::Committed { order: Some(first) } if first == order => {
            vec![answered(HoldAnswer::Adopted(row.granted()))]
        }
        Standing::Committed { order: first } => vec![answered(HoldAnswer::Gone(first))],
    }
}

/// What is granted of a reservation that is decided just now, without what its claimant gave back meanwhile.
pub(super) fn still_held(row: &Reservation, granted: &[Claim], cx: &Context<'_>) -> Vec<Claim> {
    let elsewhere = granted.iter().filter(|claim| cx.layout.sku_home(&claim.sku) != cx.partition);
    let kept = row.kept_claims();
    let own = granted.iter().filter_map(|claim| kept.iter().find(|own| at_same_place(own, claim)));
    own.chain(elsewhere).cloned().collect()
}
