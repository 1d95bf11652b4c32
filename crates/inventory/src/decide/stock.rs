//! Booking stock at one position: receipts, adjustments, safety stock.

use crate::answer::{Answer, PositionView};
use crate::event::Event;
use crate::position::{Condition, MovementKind, Position, Spot};
use crate::refusal::{Refusal, RowRefusal};
use crate::state::State;
use waybill_machine::{Context, Decision};
use waybill_types::{Quantity, Text};

pub(crate) fn receive(
    state: &State,
    spot: &Spot,
    condition: Condition,
    quantity: Quantity,
    reference: &Text,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    if quantity.is_zero() {
        return Err(Refusal::malformed("quantity", "is 0, must be more"));
    }
    known(state, spot)?;
    let delta = quantity.as_i64();
    moved(state, spot, condition, MovementKind::Receipt, delta, reference.clone(), cx)
}

pub(crate) fn adjust(
    state: &State,
    spot: &Spot,
    condition: Condition,
    delta: i64,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    if delta == 0 || delta.unsigned_abs() > Quantity::MAX {
        let most = Quantity::MAX;
        return Err(Refusal::malformed(
            "quantity_delta",
            format!("is {delta}, must be 1 to {most} either way"),
        ));
    }
    known(state, spot)?;
    moved(state, spot, condition, MovementKind::Adjustment, delta, no_reference(), cx)
}

pub(crate) fn set_safety_stock(
    state: &State,
    spot: &Spot,
    safety_stock: Quantity,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    known(state, spot)?;
    let mut after = state.stock.position(spot);
    if after.safety_stock == safety_stock {
        return Ok(Decision::nothing(Answer::Position(PositionView::new(spot, after))));
    }
    after.safety_stock = safety_stock;
    let event = Event::SafetyStockSet { spot: spot.clone(), safety_stock };
    Ok(Decision::new(vec![event], Answer::Position(changed(state, spot, after, cx))))
}

fn moved(
    state: &State,
    spot: &Spot,
    condition: Condition,
    kind: MovementKind,
    delta: i64,
    reference: Text,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut after = state.stock.position(spot);
    let on_hand = after.on_hand(condition);
    let now = on_hand.as_i64() + delta;
    if now < 0 {
        return Err(Refusal::BelowZero { spot: spot.clone(), condition, delta, on_hand: on_hand.units() });
    }
    if now.unsigned_abs() > Quantity::MAX {
        let most = Quantity::MAX;
        return Err(Refusal::malformed(
            "quantity",
            format!("would leave {now} on hand, at most {most} is allowed"),
        ));
    }
    after.book(kind, condition, delta);
    let event = Event::StockMoved { spot: spot.clone(), condition, kind, delta, reference };
    Ok(Decision::new(vec![event], Answer::Position(changed(state, spot, after, cx))))
}

/// How many more units may lie at a spot in a condition.
pub(super) fn landing_room(state: &State, spot: &Spot, condition: Condition) -> Quantity {
    let on_hand = state.stock.look(spot, |position| position.on_hand(condition)).unwrap_or_default();
    Quantity::of(Quantity::MAX).saturating_sub(on_hand)
}

/// The position as `apply` will leave it.
pub(super) fn changed(state: &State, spot: &Spot, mut position: Position, cx: &Context<'_>) -> PositionView {
    let before = state.stock.look(spot, |position| position.sellable).unwrap_or_default();
    if position.sellable > before {
        position.lifted = state.stock.head(&spot.sku, &spot.owner).map_or(0, |head| head.lifts) + 1;
    }
    position.revision += 1;
    position.changed_at = cx.at;
    position.sequence = cx.position.sequence;
    PositionView::new(spot, position)
}

pub(super) fn no_reference() -> Text {
    Text::new("").unwrap_or_else(|_| unreachable!("empty text is text"))
}

pub(super) fn known(state: &State, spot: &Spot) -> Result<(), Refusal> {
    if state.items.contains(&spot.sku) {
        return Ok(());
    }
    Err(Refusal::Row(RowRefusal::UnknownItem(spot.sku.clone())))
}
