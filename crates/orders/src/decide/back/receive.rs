//! Goods of a return that lie at a node: what is taken goes from delivered to returned and is worth what it cost, what is
//! refused stays the customer's.

use super::{Draft, LOOKS_MAX, check, exchange};
use crate::command::{Received, ReceivedLine};
use crate::event::{Found, ReturnReceived, What};
use crate::fold::ordered;
use crate::money::{came_back, front};
use crate::order::{LookedAt, Order, Return, ReturnUnits};
use crate::refusal::{ChangeRefusal, Refusal};
use std::collections::BTreeMap;
use waybill_types::{LineNo, Quantity, Sku};

/// Takes what lies at a node; says what is paid back for it. The return is open, and the fields have been checked.
pub(super) fn take(draft: &mut Draft<'_>, number: u16, received: &Received) -> Result<i64, Refusal> {
    let Some(back) = draft.order.return_numbered(number).cloned() else {
        panic!("order {} has no return {number}", draft.id)
    };
    for (line, quantity) in check::by_line(received) {
        let awaited = back.awaited(line);
        if quantity > awaited {
            return Err(check::not_returnable(draft, line, quantity, awaited));
        }
    }
    let found = look(draft, received);
    if back.looks() + found.len() > LOOKS_MAX {
        let (order, max) = (draft.id, LOOKS_MAX as u64);
        return Err(ChangeRefusal::TooManyReturns { order, what: "looks at one return", max }.into());
    }
    overtake(draft, &back, &found)?;
    let worth = found.iter().map(|found| found.looked_at.worth).sum();
    let all = worth + back.worth();
    let (refund, joining) = match outcome(&back, &found) {
        Outcome::Plain => (worth, None),
        Outcome::Unsettled => (0, None),
        Outcome::Broken => (all, None),
        Outcome::Whole => match exchange::joining(draft, &back, all) {
            Some(joining) => ((all - exchange::cost(&back.replacements)).max(0), Some(joining)),
            None => (all, None),
        },
    };
    draft.push(What::ReturnReceived(Box::new(ReturnReceived { number, found, refund })));
    if let Some(joining) = joining {
        exchange::join(draft, joining);
    }
    Ok(refund)
}

/// A pending amendment that was made for an order without the replacements, or that would change what units are worth
/// which are paid back now, comes to nothing.
fn overtake(draft: &mut Draft<'_>, back: &Return, found: &[Found]) -> Result<(), Refusal> {
    let Some((_, pending)) = draft.order.pending_amendment() else { return Ok(()) };
    let differs = |found: &Found| {
        let LookedAt { first, quantity, landing, .. } = &found.looked_at;
        let worth = |content| front(&ordered(content, found.line).shares, *first, quantity.units());
        landing.is_some() && worth(&pending.proposed) != worth(draft.content())
    };
    let joins = matches!(outcome(back, found), Outcome::Whole);
    if joins || found.iter().any(differs) {
        draft.overtake(&[])?;
    }
    Ok(())
}

/// What a return is after these units were looked at.
enum Outcome {
    /// Money for goods.
    Plain,
    /// An exchange of which something is still to come.
    Unsettled,
    /// An exchange of which all was taken.
    Whole,
    /// An exchange of which something was refused.
    Broken,
}

fn outcome(back: &Return, found: &[Found]) -> Outcome {
    let awaited: Quantity = back.lines.iter().map(ReturnUnits::awaited).sum();
    let looked: Quantity = found.iter().map(|found| found.looked_at.quantity).sum();
    let before = back.lines.iter().flat_map(|units| &units.looked_at);
    let mut seen = before.chain(found.iter().map(|found| &found.looked_at));
    match (back.is_exchange(), looked == awaited) {
        (false, _) => Outcome::Plain,
        (true, false) => Outcome::Unsettled,
        (true, true) if seen.any(|seen| seen.landing.is_none()) => Outcome::Broken,
        (true, true) => Outcome::Whole,
    }
}

/// What was found, unit by unit of equal kind, with what it is worth.
fn look(draft: &Draft<'_>, received: &Received) -> Vec<Found> {
    let mut shipped: BTreeMap<LineNo, Vec<(Option<Sku>, Quantity)>> = BTreeMap::new();
    let mut taken: BTreeMap<LineNo, u64> = BTreeMap::new();
    let mut all = Vec::new();
    for found in &received.lines {
        let ReceivedLine { line, quantity, landing, note } = found;
        let seen = |quantity, sku, first, worth| Found {
            line: *line,
            looked_at: LookedAt {
                node: received.node.clone(),
                quantity,
                landing: *landing,
                note: note.clone(),
                at: draft.cx.at,
                sku,
                first,
                worth,
            },
        };
        if landing.is_none() {
            all.push(seen(*quantity, None, 0, 0));
            continue;
        }
        let kinds = shipped.entry(*line).or_insert_with(|| kinds(&draft.order, *line));
        let taken = taken.entry(*line).or_default();
        for (sku, quantity) in split(kinds, *quantity) {
            let before = draft.order.line(*line).map_or(Quantity::ZERO, came_back);
            let first = before.units() + *taken;
            let shares = &ordered(draft.content(), *line).shares;
            let worth = front(shares, first, quantity.units()).total(draft.content().amounts.tax_included);
            *taken += quantity.units();
            all.push(seen(quantity, sku, first, worth));
        }
    }
    all
}

/// What the customer has of a line, in the order in which it is taken to come back: goods that a node had picked instead
/// first, then the line's own.
fn kinds(order: &Order, line: LineNo) -> Vec<(Option<Sku>, Quantity)> {
    let substitutes = order.substitutes_with_customer(line).into_iter();
    let own = std::iter::once((None, Quantity::of(Quantity::MAX)));
    substitutes.map(|(sku, quantity)| (Some(sku), quantity)).chain(own).collect()
}

/// Takes `wanted` units out of `kinds`, first ones first.
fn split(kinds: &mut [(Option<Sku>, Quantity)], wanted: Quantity) -> Vec<(Option<Sku>, Quantity)> {
    let mut remaining = wanted;
    let mut found = Vec::new();
    for (sku, there) in kinds {
        let quantity = remaining.min(*there);
        *there = there.saturating_sub(quantity);
        remaining = remaining.saturating_sub(quantity);
        if !quantity.is_zero() {
            found.push((sku.clone(), quantity));
        }
    }
    found
}
