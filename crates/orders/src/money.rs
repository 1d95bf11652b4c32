//! Amounts: checked as the caller sends them, never invented; shares of each unit fixed once, when the order is placed,
//! so that any set of partial refunds sums exactly. It knows no tax law and no rates.

use crate::command::{Basket, NewLine};
use crate::content::{LineAmounts, OrderAmounts, Share};
use crate::refusal::Refusal;
use waybill_machine::FieldViolation;
use waybill_types::Money;
use waybill_types::money::allocate;

/// The checked amounts of every line and what each of its units carries.
pub(crate) fn price(basket: &Basket) -> Result<Vec<(LineAmounts, Vec<Share>)>, Refusal> {
    check_ranges(basket)?;
    let included = basket.amounts.tax_included;
    let mut amounts = Vec::with_capacity(basket.lines.len());
    for (index, line) in basket.lines.iter().enumerate() {
        amounts.push(line_amounts(line, included, &format!("lines[{index}].amounts"))?);
    }
    check_order(&basket.amounts, &amounts)?;
    Ok(share(basket, amounts))
}

/// Every amount is from 0 to 10^15 minor units, so that sums of 500 lines cannot overflow.
fn check_ranges(basket: &Basket) -> Result<(), Refusal> {
    let mut wrong = Vec::new();
    let mut check = |field: String, minor: i64| {
        if !(0..=Money::MAX_MINOR).contains(&minor) {
            let description = format!("is {minor} minor units, must be 0 to 10^15");
            wrong.push(FieldViolation { field, description });
        }
    };
    for (index, line) in basket.lines.iter().enumerate() {
        let named = [
            ("unit_price", line.unit_price),
            ("subtotal", line.subtotal.unwrap_or(0)),
            ("discount", line.discount),
            ("tax", line.tax),
            ("total", line.total),
        ];
        for (name, minor) in named {
            check(format!("lines[{index}].amounts.{name}"), minor);
        }
    }
    let OrderAmounts { currency: _, shipping, discount, tax, total, tax_included: _ } = basket.amounts;
    for (name, minor) in [("shipping", shipping), ("discount", discount), ("tax", tax), ("total", total)] {
        check(format!("amounts.{name}"), minor);
    }
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::Malformed(wrong)) }
}

fn agree(field: String, given: i64, computed: i128) -> Result<(), Refusal> {
    if i128::from(given) == computed {
        return Ok(());
    }
    let computed = i64::try_from(computed).unwrap_or(if computed < 0 { i64::MIN } else { i64::MAX });
    Err(Refusal::AmountsDisagree { field, given, computed })
}

fn line_amounts(line: &NewLine, included: bool, path: &str) -> Result<LineAmounts, Refusal> {
    let whole = 10i128.pow(u32::from(line.scale.min(3)));
    let exact = i128::from(line.unit_price) * i128::from(line.quantity.units());
    let computed = (exact * 2 + whole) / (whole * 2);
    let given = match line.subtotal {
        Some(subtotal) => subtotal,
        // One that does not fit is refused here rather than wrapped.
        None => i64::try_from(computed).unwrap_or(-1),
    };
    agree(format!("{path}.subtotal"), given, computed)?;
    let tax = if included { 0 } else { i128::from(line.tax) };
    let total = i128::from(given) - i128::from(line.discount) + tax;
    agree(format!("{path}.total"), line.total, total)?;
    if line.discount > given {
        return Err(Refusal::Malformed(vec![FieldViolation {
            field: format!("{path}.discount"),
            description: format!("is {} minor units, more than the subtotal of {given}", line.discount),
        }]));
    }
    Ok(LineAmounts {
        unit_price: line.unit_price,
        subtotal: given,
        discount: line.discount,
        tax: line.tax,
        total: line.total,
    })
}

fn check_order(order: &OrderAmounts, lines: &[LineAmounts]) -> Result<(), Refusal> {
    let sum: i128 = lines.iter().map(|line| i128::from(line.total)).sum();
    let tax = if order.tax_included { 0 } else { i128::from(order.tax) };
    let total = sum + i128::from(order.shipping) - i128::from(order.discount) + tax;
    agree("amounts.total".into(), order.total, total)
}

/// Amounts of the order go to lines by what the lines cost, then with the line's own amounts to its units, which weigh
/// the same. Both splits are by largest remainder, ties to the earlier one.
fn share(basket: &Basket, lines: Vec<LineAmounts>) -> Vec<(LineAmounts, Vec<Share>)> {
    let weights: Vec<u64> = lines.iter().map(|line| line.total.unsigned_abs()).collect();
    let discounts = allocate(basket.amounts.discount, &weights);
    let taxes = allocate(basket.amounts.tax, &weights);
    let shippings = allocate(basket.amounts.shipping, &weights);
    let whole = lines.into_iter().enumerate().map(|(index, line)| {
        let units = basket.lines[index].quantity.units();
        let carried = Share {
            count: units,
            subtotal: line.subtotal,
            discount: line.discount + discounts[index],
            tax: line.tax + taxes[index],
            shipping: shippings[index],
        };
        (line, runs(carried))
    });
    whole.collect()
}

/// Splits the amounts of `whole.count` equal units into runs of units that carry the same. Each amount goes to units
/// by largest remainder, which for equal weights means: the first `amount mod count` units carry one more.
fn runs(whole: Share) -> Vec<Share> {
    let count = whole.count as i64;
    let amounts = [whole.subtotal, whole.discount, whole.tax, whole.shipping];
    let mut ends: Vec<i64> = amounts.iter().map(|amount| amount % count).filter(|end| *end > 0).collect();
    ends.push(count);
    ends.sort_unstable();
    ends.dedup();
    let mut start = 0;
    let mut runs = Vec::with_capacity(ends.len());
    for end in ends {
        let each = |amount: i64| amount / count + i64::from(start < amount % count);
        runs.push(Share {
            count: (end - start) as u64,
            subtotal: each(whole.subtotal),
            discount: each(whole.discount),
            tax: each(whole.tax),
            shipping: each(whole.shipping),
        });
        start = end;
    }
    assert_eq!(start, count, "every unit carries its share");
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_carry_every_amount_to_the_minor_unit(
            count in 1u64..100_000, subtotal in 0i64..1_000_000_000, discount in 0i64..1_000_000,
            tax in 0i64..1_000_000, shipping in 0i64..100_000,
        ) {
            let whole = Share { count, subtotal, discount, tax, shipping };
            let runs = runs(whole);
            let sum = |of: fn(&Share) -> i64| runs.iter().map(|run| of(run) * run.count as i64).sum::<i64>();
            prop_assert_eq!(runs.iter().map(|run| run.count).sum::<u64>(), count);
            prop_assert_eq!(sum(|r| r.subtotal), subtotal);
            prop_assert_eq!(sum(|r| r.discount), discount);
            prop_assert_eq!(sum(|r| r.tax), tax);
            prop_assert_eq!(sum(|r| r.shipping), shipping);
            prop_assert!(runs.len() <= 5);
        }
    }
}
