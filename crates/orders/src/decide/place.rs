//! Place and import: an order comes to be, once per number of its channel.

use super::{CONFIRM_MS, LINES_MAX};
use crate::answer::Answer;
use crate::command::{Basket, Import, Place};
use crate::content::{Backorder, Line, Mode, OrderContent};
use crate::event::{Event, OrderImported, OrderPlaced, What};
use crate::money;
use crate::refusal::Refusal;
use crate::state::OrdersState;
use crate::units::Bucket;
use std::collections::BTreeSet;
use std::sync::Arc;
use waybill_machine::{Context, Decision, FieldViolation};
use waybill_types::{Channel, OrderId, Timestamp};

/// Decides a place.
pub(crate) fn place(
    state: &OrdersState,
    place: &Place,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut wrong = check(&place.basket);
    if place.priority > 100 {
        wrong.push(violation("priority", format!("is {}, must be 0 to 100", place.priority)));
    }
    let channel = cx.origin.channel.clone();
    let content = content(&place.basket, wrong, channel.clone(), cx.at)?;
    if let Some((order, revision)) = known(state, &channel, &place.basket)? {
        return Ok(Decision::nothing(Answer::Placed { order, revision, known: true }));
    }
    let content = OrderContent {
        mode: place.mode,
        hold: place.hold,
        release_at: place.release_at,
        requested: place.requested,
        backorder: place.backorder,
        priority: place.priority,
        journey: place.journey.clone(),
        ..content
    };
    let confirm_by = match place.mode {
        Mode::Accept => None,
        Mode::Confirm => Some(cx.at.plus_ms(CONFIRM_MS)),
    };
    let holds = super::order_hold::types(state, &place.order_holds)?;
    let order = next_id(state, cx);
    let what = What::OrderPlaced(Arc::new(OrderPlaced { content, confirm_by, holds }));
    let answer = Answer::Placed { order, revision: 1, known: false };
    Ok(Decision::new(vec![Event { order, what }], answer))
}

/// Decides an import.
pub(crate) fn import(
    state: &OrdersState,
    import: &Import,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut wrong = check(&import.basket);
    check_ended(import, &mut wrong);
    if import.placed_at > cx.at {
        wrong.push(violation("place_time", "is in the future, must be when the order was placed".into()));
    }
    let content = content(&import.basket, wrong, import.channel.clone(), import.placed_at)?;
    if let Some((order, _)) = known(state, &import.channel, &import.basket)? {
        return Ok(Decision::nothing(Answer::Imported { order, known: true }));
    }
    let order = next_id(state, cx);
    let imported = OrderImported { content, ended: import.ended.clone(), nodes: import.nodes.clone() };
    let what = What::OrderImported(Box::new(imported));
    Ok(Decision::new(vec![Event { order, what }], Answer::Imported { order, known: false }))
}

fn next_id(state: &OrdersState, cx: &Context<'_>) -> OrderId {
    OrderId::new(cx.partition.index, state.count() + 1)
}

/// The order that has the number already.
fn known(state: &OrdersState, channel: &Channel, basket: &Basket) -> Result<Option<(OrderId, u64)>, Refusal> {
    let Some(id) = state.by_number(channel, &basket.external) else { return Ok(None) };
    let (opening, order) = state
        .order(id)
        .unwrap_or_else(|| panic!("number {} is order {id}, which has no row", basket.external));
    match opening.content().digests.first_difference(&basket.digests) {
        None => Ok(Some((id, order.revision))),
        Some(field) => Err(Refusal::OtherContent {
            channel: channel.clone(),
            external: basket.external.clone(),
            order: id,
            field: field.to_owned(),
        }),
    }
}

/// What was ordered, priced.
fn content(
    basket: &Basket,
    wrong: Vec<FieldViolation>,
    channel: Channel,
    placed_at: Timestamp,
) -> Result<OrderContent, Refusal> {
    if !wrong.is_empty() {
        return Err(Refusal::Malformed(wrong));
    }
    let priced = money::price(basket)?;
    let lines = basket.lines.iter().zip(priced).map(|(line, (amounts, shares))| Line {
        external: line.external.clone(),
        sku: line.sku.clone(),
        owner: line.owner.clone(),
        quantity: line.quantity,
        scale: line.scale,
        delivery: line.delivery.clone(),
        amounts,
        shares,
        attributes: line.attributes.clone(),
        substitutes: line.substitutes.clone(),
    });
    Ok(OrderContent {
        channel,
        external: basket.external.clone(),
        mode: Mode::Accept,
        digests: basket.digests.clone(),
        customer: basket.customer.clone(),
        subject: basket.subject,
        recipient: basket.recipient.clone(),
        lookups: basket.lookups.clone(),
        lines: lines.collect(),
        amounts: basket.amounts,
        hold: None,
        release_at: None,
        requested: None,
        backorder: Backorder::Allow,
        priority: 0,
        attributes: basket.attributes.clone(),
        journey: None,
        placed_at,
    })
}

fn violation(field: impl Into<String>, description: String) -> FieldViolation {
    FieldViolation { field: field.into(), description }
}

fn check(basket: &Basket) -> Vec<FieldViolation> {
    let mut wrong = Vec::new();
    if basket.lines.is_empty() || basket.lines.len() > LINES_MAX {
        wrong.push(violation("lines", format!("are {}, must be 1 to {LINES_MAX}", basket.lines.len())));
    }
    let mut names = BTreeSet::new();
    for (index, line) in basket.lines.iter().enumerate() {
        if line.quantity.is_zero() {
            wrong.push(violation(format!("lines[{index}].quantity"), "is 0, must be more than 0".into()));
        }
        if line.scale > 3 {
            let field = format!("lines[{index}].quantity_scale");
            wrong.push(violation(field, format!("is {}, must be 0 to 3", line.scale)));
        }
        let name = line.external.as_str();
        if !name.is_empty() && !names.insert(name) {
            let field = format!("lines[{index}].external_line_id");
            wrong.push(violation(field, format!("is {name:?}, which an earlier line has too")));
        }
    }
    wrong
}

fn check_ended(import: &Import, wrong: &mut Vec<FieldViolation>) {
    let lines = import.basket.lines.len();
    if import.ended.len() != lines || import.nodes.len() != lines {
        let counts =
            format!("{} ends and {} nodes for {lines} lines", import.ended.len(), import.nodes.len());
        wrong.push(violation("lines", counts));
    }
    for (index, (line, ended)) in import.basket.lines.iter().zip(&import.ended).enumerate() {
        let field = || format!("lines[{index}].buckets");
        let unfinished = Bucket::ALL.into_iter().find(|b| !b.is_final() && !ended.get(*b).is_zero());
        if let Some(bucket) = unfinished {
            let description = format!("has units in {}, an imported order is finished", bucket.name());
            wrong.push(violation(field(), description));
        }
        if ended.sum() != line.quantity {
            let description = format!("sum to {}, the quantity is {}", ended.sum(), line.quantity);
            wrong.push(violation(field(), description));
        }
    }
}
