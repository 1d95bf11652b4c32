//! Goods that came back, goods that were looked at, goods that a node has in hand: what happened to them has happened, so
//! only a caller's own command is refused. It knows no returns and no work beyond their names.

use crate::answer::Answer;
use crate::decide::stock::{changed, known, landing_room};
use crate::decide::{spot_of, summed, units};
use crate::event::Event;
use crate::position::{Condition, MovementKind, Spot};
use crate::refusal::Refusal;
use crate::state::State;
use std::collections::BTreeMap;
use waybill_machine::{Context, Decision};
use waybill_types::exchange::{Claim, LandedGoods, Landing};
use waybill_types::{Quantity, ReservationId, Text};

/// A caller has looked at goods.
pub(crate) fn dispose(
    state: &State,
    spot: &Spot,
    (from, to): (Condition, Condition),
    quantity: Quantity,
    reference: &Text,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    if quantity.is_zero() {
        return Err(Refusal::malformed("quantity", "is 0, must be more"));
    }
    if from == to {
        return Err(Refusal::malformed("to", format!("is {to:?} as before, must be another condition")));
    }
    known(state, spot)?;
    let mut after = state.stock.position(spot);
    let on_hand = after.on_hand(from);
    if on_hand < quantity {
        let (condition, delta) = (from, -quantity.as_i64());
        return Err(Refusal::BelowZero { spot: spot.clone(), condition, delta, on_hand: on_hand.units() });
    }
    if after.on_hand(to).checked_add(quantity).is_none() {
        let most = Quantity::MAX;
        return Err(Refusal::malformed("quantity", format!("would leave more than {most} on hand")));
    }
    after.dispose(from, to, quantity);
    let (spot, reference) = (spot.clone(), reference.clone());
    let answer = Answer::Position(changed(state, &spot, after, cx));
    Ok(Decision::new(vec![Event::StockDisposed { spot, from, to, quantity, reference }], answer))
}

/// Goods came back and lie at nodes: one movement per place and condition. What was thrown away is no stock.
pub(crate) fn on_landed(
    state: &State,
    reference: &str,
    goods: &[LandedGoods],
    cx: &Context<'_>,
) -> Vec<Event> {
    let mut landed: BTreeMap<(Spot, Condition), Quantity> = BTreeMap::new();
    for LandedGoods { goods, landing } in goods {
        if let Some(condition) = condition_of(*landing)
            && units::is_here(state, goods, cx)
        {
            let sum = landed.entry((spot_of(goods), condition)).or_default();
            *sum = sum.plus(goods.quantity);
        }
    }
    // An identifier fits into a text; should one ever not, the goods are still there.
    let reference = Text::new(reference).unwrap_or_default();
    let moved = |((spot, condition), quantity): ((Spot, Condition), Quantity)| {
        let quantity = quantity.min(landing_room(state, &spot, condition));
        let (kind, delta, reference) = (MovementKind::Return, quantity.as_i64(), reference.clone());
        (delta > 0).then_some(Event::StockMoved { spot, condition, kind, delta, reference })
    };
    landed.into_iter().filter_map(moved).collect()
}

fn condition_of(landing: Landing) -> Option<Condition> {
    match landing {
        Landing::Sellable => Some(Condition::Sellable),
        Landing::Inspect => Some(Condition::Inspect),
        Landing::Damaged => Some(Condition::Damaged),
        Landing::Scrapped => None,
    }
}

/// A node has picked these in place of others. A claimant who has given the reservation up before gets nothing any more:
/// nobody would ever give it back.
pub(crate) fn on_seize(state: &State, id: ReservationId, claims: &[Claim], cx: &Context<'_>) -> Vec<Event> {
    if state.tombstones.contains(&id) && !state.reservations.contains(&id) {
        return Vec::new();
    }
    let room = |spot: &Spot| {
        let reserved = state.stock.look(spot, |position| position.reserved).unwrap_or_default();
        Quantity::of(Quantity::MAX).saturating_sub(reserved)
    };
    let seized = summed(claims).into_iter().filter(|claim| units::is_here(state, claim, cx));
    let seized = seized.map(|claim| Claim { quantity: claim.quantity.min(room(&spot_of(&claim))), ..claim });
    let claims: Vec<Claim> = seized.filter(|claim| !claim.quantity.is_zero()).collect();
    if claims.is_empty() { Vec::new() } else { vec![Event::UnitsSeized { id, claims }] }
}
