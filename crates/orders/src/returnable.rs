//! What of an order can be returned, until when, and what it is worth. Pure reads of one order; they decide nothing.

use crate::content::OrderContent;
use crate::money::{came_back, front};
use crate::order::Order;
use waybill_types::policy::ReturnTerms;
use waybill_types::{LineNo, Quantity, Timestamp};

const DAY_MS: i64 = 86_400_000;

/// Units of a line that can be returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returnable {
    /// Which line.
    pub line: LineNo,
    /// How many units: delivered, not returned and in no open return.
    pub units: Quantity,
    /// What the next of them is worth, in minor units; 0 when there is none.
    pub next_unit: i64,
    /// What all of them are worth, in minor units.
    pub all_units: i64,
    /// The last moment of the return window.
    pub closes_at: Timestamp,
}

/// What of each line can be returned; lines of which nothing can are left out.
#[must_use]
pub fn returnable(content: &OrderContent, order: &Order, terms: &ReturnTerms) -> Vec<Returnable> {
    let lines = content.numbered().map(|(line, _)| {
        let units = order.returnable(line);
        Returnable {
            line,
            units,
            next_unit: worth(content, order, line, units.min(Quantity::ONE)),
            all_units: worth(content, order, line, units),
            closes_at: closes_at(content, order, line, terms),
        }
    });
    lines.filter(|some| !some.units.is_zero()).collect()
}

/// What `quantity` more units of a line are worth when they come back after those that open returns wait for, in minor
/// units. At most as many as can be returned.
pub(crate) fn worth(content: &OrderContent, order: &Order, line: LineNo, quantity: Quantity) -> i64 {
    let Some(state) = order.line(line) else { return 0 };
    let before = came_back(state).plus(order.awaited_back(line));
    let shares = &crate::fold::ordered(content, line).shares;
    front(shares, before.units(), quantity.units()).total(content.amounts.tax_included)
}

/// The last moment of the return window of a line: so many days after units of it were last delivered; of an order taken
/// over as history, after it was placed.
pub(crate) fn closes_at(
    content: &OrderContent,
    order: &Order,
    line: LineNo,
    terms: &ReturnTerms,
) -> Timestamp {
    let serves = |units: &crate::order::WorkUnits| units.line == line && !units.delivered.is_zero();
    let works = order.works.iter().filter(|work| work.lines.iter().any(serves));
    let delivered = works.filter_map(|work| work.delivered_at).max();
    delivered.unwrap_or(content.placed_at).plus_ms(i64::from(terms.window_days) * DAY_MS)
}
