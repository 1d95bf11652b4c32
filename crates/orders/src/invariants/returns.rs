//! What must hold of the returns of an order.

use super::violation;
use crate::content::Line;
use crate::money::{came_back, front};
use crate::order::{LookedAt, Order, Return, ReturnState, ReturnUnits};
use crate::state::{Opened, Opening};
use crate::units::Bucket;
use waybill_machine::Violation;
use waybill_types::{LineNo, OrderId, Quantity};

/// ORDER-1 and MONEY-1 of returns: a unit comes back once, open returns wait only for units that the customer has, and
/// what is paid back is what the units taken carry.
#[must_use]
pub fn returns(id: OrderId, opening: &Opening, order: &Order) -> Vec<Violation> {
    let content = order.content(opening);
    let mut found = Vec::new();
    for ((line, ordered), state) in content.numbered().zip(&order.lines) {
        let taken: Quantity = looked_at(order, line).map(|seen| seen.quantity).sum();
        let returned = state.buckets.get(Bucket::Returned);
        if taken.plus(returned_before(opening, line)) != returned {
            let what = format!("order {id} line {}: {returned} units returned, returns took {taken}", line.0);
            found.push(violation("ORDER-1", what));
        }
        let (awaited, delivered) = (order.awaited_back(line), state.buckets.get(Bucket::Delivered));
        if awaited > delivered {
            let what = format!("order {id} line {}: {awaited} units to return of {delivered}", line.0);
            found.push(violation("ORDER-1", what));
        }
        found.extend(worth(id, line, ordered, order, content.amounts.tax_included));
    }
    found.extend(order.returns.iter().filter_map(|back| state(id, back)));
    found
}

/// Units of a line that had come back before the order was taken over.
fn returned_before(opening: &Opening, line: LineNo) -> Quantity {
    let Opened::Imported(imported) = &opening.opened else { return Quantity::ZERO };
    let ended = usize::from(line.0).checked_sub(1).and_then(|index| imported.ended.get(index));
    ended.map_or(Quantity::ZERO, |ended| ended.get(Bucket::Returned))
}

/// Units of a line that were taken back.
fn looked_at(order: &Order, line: LineNo) -> impl Iterator<Item = &LookedAt> {
    let lines = order.returns.iter().flat_map(|back| &back.lines).filter(move |units| units.line == line);
    lines.flat_map(|units| &units.looked_at).filter(|seen| seen.landing.is_some())
}

/// Each unit taken is worth what it carries, and no two are the same unit.
fn worth(id: OrderId, line: LineNo, ordered: &Line, order: &Order, included: bool) -> Option<Violation> {
    let back = order.line(line).map_or(0, |state| came_back(state).units());
    let mut taken: Vec<&LookedAt> = looked_at(order, line).collect();
    taken.sort_by_key(|seen| seen.first);
    let mut free = 0;
    for seen in taken {
        let LookedAt { first, quantity, worth, .. } = seen;
        let end = first + quantity.units();
        let carried = (end <= back).then(|| front(&ordered.shares, *first, quantity.units()).total(included));
        if *first < free || carried != Some(*worth) {
            let what = format!(
                "order {id} line {}: units {first} to {end} of {back} were taken for {worth}, they carry {carried:?}",
                line.0
            );
            return Some(violation("MONEY-1", what));
        }
        free = end;
    }
    None
}

/// A return is settled when nothing more comes, and has paid back what it says.
fn state(id: OrderId, back: &Return) -> Option<Violation> {
    let number = back.number;
    let awaited: Quantity = back.lines.iter().map(ReturnUnits::awaited).sum();
    let seen = back.looks() > 0;
    let sound = match back.state {
        ReturnState::Requested | ReturnState::Authorised | ReturnState::Refused => !seen,
        ReturnState::PartlyReceived => seen && !awaited.is_zero(),
        ReturnState::Settled => true,
    };
    let settled = back.state == ReturnState::Settled;
    let paid = match (back.is_exchange(), settled, back.joined.is_empty()) {
        (false, _, joined_nothing) => joined_nothing && back.refunded == back.worth(),
        (true, true, true) => back.refunded == back.worth(),
        (true, true, false) => awaited.is_zero() && (0..=back.worth()).contains(&back.refunded),
        (true, false, joined_nothing) => joined_nothing && back.refunded == 0,
    };
    let what = || format!("order {id} return {number}: {back:?}");
    (!sound || !paid).then(|| violation(if sound { "MONEY-1" } else { "ORDER-1" }, what()))
}
