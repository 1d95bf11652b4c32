//! Amounts: checked as the caller sends them, never invented; shares of each unit fixed when it is ordered, so that any
//! set of partial refunds sums exactly. It knows no tax law and no rates.

mod change;
mod check;
mod left;
mod owed;
mod shares;

pub use owed::{OrderMoney, order_money};

pub(crate) use change::{Units, add_line, add_units, appease, charge, new_line, reprice};
pub(crate) use left::settled;
pub(crate) use owed::came_back;
#[cfg(test)]
pub(crate) use shares::back;
pub(crate) use shares::front;

use crate::command::Basket;
use crate::content::{LineAmounts, OrderAmounts, Share};
use crate::refusal::Refusal;
use check::{Below, Path, Said, agree, in_range};
use shares::Carried;
use waybill_types::money::allocate;

/// The checked amounts of every line and what each of its units carries.
pub(crate) fn price(basket: &Basket) -> Result<Vec<(LineAmounts, Vec<Share>)>, Refusal> {
    check_ranges(basket)?;
    let included = basket.amounts.tax_included;
    let mut amounts = Vec::with_capacity(basket.lines.len());
    for (index, line) in basket.lines.iter().enumerate() {
        amounts.push(Said::from(line).amounts(included, Path::Line(index))?);
    }
    check_order(&basket.amounts, &amounts)?;
    Ok(share(basket, amounts))
}

fn check_ranges(basket: &Basket) -> Result<(), Refusal> {
    let lines = basket.lines.iter().enumerate();
    let named = lines.flat_map(|(index, line)| Said::from(line).fields(Path::Line(index)));
    let OrderAmounts { currency: _, shipping, discount, tax, total, tax_included: _ } = basket.amounts;
    let of_order = [("shipping", shipping), ("discount", discount), ("tax", tax), ("total", total)];
    let of_order = of_order.map(|(name, minor)| (Below(Path::At("amounts"), name), minor));
    in_range(named.chain(of_order))
}

fn check_order(order: &OrderAmounts, lines: &[LineAmounts]) -> Result<(), Refusal> {
    let sum: i128 = lines.iter().map(|line| i128::from(line.total)).sum();
    let tax = if order.tax_included { 0 } else { i128::from(order.tax) };
    let total = sum + i128::from(order.shipping) - i128::from(order.discount) + tax;
    agree("amounts.total", order.total, total)
}

/// Amounts of the order go to lines by what the lines cost, then with the line's own amounts to its units, which weigh
/// the same. Splits are by largest remainder, ties to the earlier one. A discount beyond what all lines cost goes by
/// what they carry of shipping and tax, so that no line costs less than nothing.
fn share(basket: &Basket, lines: Vec<LineAmounts>) -> Vec<(LineAmounts, Vec<Share>)> {
    let OrderAmounts { currency: _, shipping, discount, tax, total: _, tax_included } = basket.amounts;
    let weights: Vec<u64> = lines.iter().map(|line| line.total.unsigned_abs()).collect();
    let goods: i64 = lines.iter().map(|line| line.total).sum();
    let taxes = allocate(tax, &weights);
    let shippings = allocate(shipping, &weights);
    let beyond: Vec<u64> = shippings
        .iter()
        .zip(&taxes)
        .map(|(shipping, tax)| (shipping + if tax_included { 0 } else { *tax }).unsigned_abs())
        .collect();
    let first = discount.min(goods);
    let discounts: Vec<i64> = allocate(first, &weights)
        .into_iter()
        .zip(allocate(discount - first, &beyond))
        .map(|(of_goods, of_rest)| of_goods + of_rest)
        .collect();
    let whole = lines.into_iter().enumerate().map(|(index, line)| {
        let carried = Carried {
            subtotal: line.subtotal,
            discount: line.discount + discounts[index],
            tax: line.tax + taxes[index],
            shipping: shippings[index],
            order_discount: discounts[index],
            order_tax: taxes[index],
        };
        (line, shares::runs(basket.lines[index].quantity.units(), &carried))
    });
    whole.collect()
}
