//! At the counter: what the customer took, what waits on, what goes back; and the node's answer to cancels of what it has
//! in hand.

use super::contents::Violations;
use crate::command::{PICKUP_DAYS, Rest};
use crate::event::{AskAnswered, Event};
use crate::refusal::Refusal;
use crate::state::{FulfillmentOrder, WorkState, units};
use std::collections::BTreeMap;
use waybill_machine::Context;
use waybill_types::exchange::LineUnits;
use waybill_types::{LineNo, Quantity, Text, Timestamp};

const DAY_MS: i64 = 86_400_000;

/// Until when something that is ready now waits for the customer.
pub(super) fn waits_until(cx: &Context<'_>) -> Timestamp {
    cx.at.plus_ms(PICKUP_DAYS * DAY_MS)
}

/// The customer took everything in hand, or these units of it.
pub(super) fn hand_over(
    order: &FulfillmentOrder,
    proof: &Text,
    lines: &[LineUnits],
    rest: Rest,
    cx: &Context<'_>,
) -> Result<Event, Refusal> {
    let in_hand = order.in_hand();
    let left = if lines.is_empty() { in_hand.clone() } else { at_most("taken", lines, &in_hand, "in hand")? };
    let taken: BTreeMap<LineNo, Quantity> = left.iter().map(|units| (units.line, units.quantity)).collect();
    let stays = |some: &LineUnits| {
        (some.line, some.quantity.saturating_sub(taken.get(&some.line).copied().unwrap_or_default()))
    };
    let stays = units(in_hand.iter().map(stays));
    let since = match order.state {
        WorkState::ReadyForPickup { until, .. } => until,
        _ => waits_until(cx),
    };
    let (given_up, until) = match rest {
        _ if stays.is_empty() => (Vec::new(), None),
        Rest::Later => (Vec::new(), Some(since)),
        Rest::GiveUp => (stays, None),
    };
    Ok(Event::HandedOver { id: order.work.id, proof: proof.clone(), left, given_up, until })
}

/// The node put these units back. Of what was asked, the oldest cancel is served first; the rest is too late.
pub(super) fn answer_cancel(order: &FulfillmentOrder, stopped: &[LineUnits]) -> Result<Event, Refusal> {
    let id = order.work.id;
    if order.asks.is_empty() {
        return Err(Refusal::NothingAsked { id, current: order.revision });
    }
    let asked = units(order.work.lines.iter().map(|line| (line.line, order.asked(line.line))));
    let stopped = at_most("stopped", stopped, &asked, "asked about")?;
    let mut left: BTreeMap<LineNo, Quantity> =
        stopped.into_iter().map(|units| (units.line, units.quantity)).collect();
    let mut answers = Vec::new();
    for ask in &order.asks {
        let (mut stopped, mut too_late) = (Vec::new(), Vec::new());
        for LineUnits { line, quantity } in &ask.units {
            let there = left.entry(*line).or_default();
            let taken = (*there).min(*quantity);
            *there = there.saturating_sub(taken);
            stopped.push((*line, taken));
            too_late.push((*line, quantity.saturating_sub(taken)));
        }
        let (stopped, too_late) = (units(stopped.into_iter()), units(too_late.into_iter()));
        answers.push(AskAnswered { recall: ask.recall, stopped, too_late });
    }
    Ok(Event::CancelDecided(id, answers))
}

/// The named units, each line once and none beyond what `there` has.
fn at_most(
    field: &str,
    named: &[LineUnits],
    there: &[LineUnits],
    what: &str,
) -> Result<Vec<LineUnits>, Refusal> {
    let mut violations = Violations::default();
    let mut seen: BTreeMap<LineNo, Quantity> = BTreeMap::new();
    for (index, units) in named.iter().enumerate() {
        let most = there.iter().filter(|some| some.line == units.line).map(|some| some.quantity).sum();
        if units.quantity.is_zero() {
            violations.add(format!("{field}[{index}].quantity"), "is 0, must be more than 0");
        }
        if units.quantity > most {
            let description = format!("is {}, {most} are {what}", units.quantity);
            violations.add(format!("{field}[{index}].quantity"), description);
        }
        if seen.insert(units.line, units.quantity).is_some() {
            violations.add(format!("{field}[{index}].line_number"), format!("is {} again", units.line.0));
        }
    }
    violations.refuse()?;
    Ok(units(seen.into_iter()))
}
