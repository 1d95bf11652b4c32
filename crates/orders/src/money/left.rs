//! What an amendment leaves as it is where units left, or came back, after it was decided what everything shall cost. It
//! does not know why inventory was asked meanwhile.

use super::owed::came_back;
use super::shares;
use crate::content::{Line, OrderContent, Share};
use crate::order::LineState;
use crate::units::Bucket;
use waybill_types::Quantity;

/// Units of a line that have left their node, wherever they are since: they stand first in the order of its shares.
pub(crate) fn left(state: &LineState) -> Quantity {
    let left = [Bucket::Shipped, Bucket::Delivered].into_iter().map(|bucket| state.buckets.get(bucket));
    left.chain([came_back(state)]).sum()
}

/// `proposed` with what was settled meanwhile: units that have left keep their price, their tax and their shipping, as they
/// are in `is`; units that came back keep everything. `None` where `proposed` says so already.
pub(crate) fn settled(
    is: &OrderContent,
    proposed: &OrderContent,
    states: &[LineState],
) -> Option<OrderContent> {
    let mut content = proposed.clone();
    let included = content.amounts.tax_included;
    for ((line, was), state) in content.lines.iter_mut().zip(&is.lines).zip(states) {
        let (left, back) = (left(state).units(), came_back(state).units());
        let before = shares::sum(&line.shares);
        let kept = keep(&line.shares, &was.shares, left, back, included);
        shares::replace(&mut line.shares, 0, left, &kept);
        let after = shares::sum(&line.shares);
        let (subtotal, shipping) = (after.subtotal - before.subtotal, after.shipping - before.shipping);
        let of_order = |carried: &shares::Carried| (carried.order_discount, carried.order_tax);
        let ((off_before, tax_before), (off_after, tax_after)) = (of_order(&before), of_order(&after));
        let discount = (after.discount - off_after) - (before.discount - off_before);
        let tax = (after.tax - tax_after) - (before.tax - tax_before);
        raise(line, subtotal, discount, tax, included);
        content.amounts.shipping += shipping;
        content.amounts.discount += off_after - off_before;
        content.amounts.tax += tax_after - tax_before;
        content.amounts.total += after.total(included) - before.total(included);
    }
    (content != *proposed).then_some(content)
}

fn raise(line: &mut Line, subtotal: i64, discount: i64, tax: i64, included: bool) {
    line.amounts.subtotal += subtotal;
    line.amounts.discount += discount;
    line.amounts.tax += tax;
    line.amounts.total += subtotal - discount + if included { 0 } else { tax };
}

/// The first `left` units, the first `back` of which came back. Money taken off the whole order may concern what has left;
/// where it is more than a unit costs by its old price, that unit carries what it carried.
fn keep(shall: &[Share], was: &[Share], left: u64, back: u64, included: bool) -> Vec<Share> {
    let mut kept = shares::slice(was, 0, back);
    let pairs = paired(shares::slice(shall, back, left - back), shares::slice(was, back, left - back));
    kept.extend(pairs.map(|(shall, was)| {
        let Share { order_discount, order_tax, .. } = shall;
        let (discount, tax) = (was.discount - was.order_discount, was.tax - was.order_tax);
        let (discount, tax) = (discount + order_discount, tax + order_tax);
        let both = Share { discount, tax, order_discount, order_tax, ..was };
        if both.total(included) < 0 { was } else { both }
    }));
    kept
}

/// The same units by two accounts, cut into runs that are equal in both.
fn paired(a: Vec<Share>, b: Vec<Share>) -> impl Iterator<Item = (Share, Share)> {
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    std::iter::from_fn(move || {
        let (first, second) = (a.peek_mut()?, b.peek_mut()?);
        let count = first.count.min(second.count);
        let both = (Share { count, ..*first }, Share { count, ..*second });
        (first.count, second.count) = (first.count - count, second.count - count);
        let over = (first.count == 0, second.count == 0);
        a.next_if(|_| over.0);
        b.next_if(|_| over.1);
        Some(both)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(count: u64, subtotal: i64, order_discount: i64) -> Share {
        let discount = order_discount;
        Share { count, subtotal, discount, tax: 0, shipping: 0, order_discount, order_tax: 0 }
    }

    #[test]
    fn what_left_keeps_its_price_and_takes_money_off_and_what_came_back_keeps_both() {
        let (was, shall) = (vec![run(4, 100, 0)], vec![run(1, 70, 10), run(3, 70, 5)]);
        let kept = keep(&shall, &was, 3, 1, true);
        assert_eq!(kept, [run(1, 100, 0), run(2, 100, 5)]);
    }

    #[test]
    fn no_unit_that_left_costs_less_than_nothing() {
        let (was, shall) = (vec![run(2, 10, 0)], vec![run(1, 100, 50), run(1, 100, 10)]);
        assert_eq!(keep(&shall, &was, 2, 0, true), [run(1, 10, 0), run(1, 10, 10)]);
    }
}
