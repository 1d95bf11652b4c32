//! What an order comes to as its units are now. It knows amounts of units, not who paid what by which means.

use super::shares;
use crate::content::{Line, OrderContent};
use crate::order::{LineState, Order};
use crate::units::Bucket;
use waybill_types::Quantity;

/// Amounts of an order in minor units of its currency, none negative. They always hold: due = ordered - cancelled -
/// returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderMoney {
    /// What all units that were ever ordered cost, at the prices they have now.
    pub ordered: i64,
    /// What cancelled units would have cost.
    pub cancelled: i64,
    /// What units cost that came back or never reached the customer: returned, lost, refused, returned to sender. Owed
    /// back to whoever paid for them.
    pub returned: i64,
    /// What returns have given back so far. An exchange gives back goods instead.
    pub refunded: i64,
    /// What the customer has to pay in all.
    pub due: i64,
}

/// The amounts of an order.
#[must_use]
pub fn order_money(content: &OrderContent, order: &Order) -> OrderMoney {
    let included = content.amounts.tax_included;
    let mut money = OrderMoney::default();
    for (line, state) in content.lines.iter().zip(&order.lines) {
        let OrderMoney { ordered, cancelled, returned, .. } = line_money(line, state, included);
        money.ordered += ordered;
        money.cancelled += cancelled;
        money.returned += returned;
    }
    money.refunded = order.returns.iter().map(|back| back.refunded).sum();
    money.due = money.ordered - money.cancelled - money.returned;
    money
}

/// The same for one line; what was refunded is a return's and not a line's.
fn line_money(line: &Line, state: &LineState, included: bool) -> OrderMoney {
    let cancelled = state.buckets.get(Bucket::Cancelled).units();
    let ordered = shares::sum(&line.shares).total(included);
    let cancelled = shares::back(&line.shares, 0, cancelled).total(included);
    let returned = shares::front(&line.shares, 0, came_back(state).units()).total(included);
    OrderMoney { ordered, cancelled, returned, refunded: 0, due: ordered - cancelled - returned }
}

/// Units of a line whose money is owed back: they stand first in the order of its shares.
pub(crate) fn came_back(state: &LineState) -> Quantity {
    let back = [Bucket::Returned, Bucket::Lost, Bucket::Refused, Bucket::ReturnedToSender];
    back.into_iter().map(|bucket| state.buckets.get(bucket)).sum()
}
