//! What a change does to the amounts of an order: lines, shares and the order's own amounts are raised and lowered
//! together, so that they always sum. It does not know whether the change is allowed.

use super::check::{Path, Said, in_range, wrong};
use super::shares::{self, Carried};
use crate::command::{AddedAmounts, NewLine};
use crate::content::{Line, LineAmounts, OrderAmounts, OrderContent, Share, line_no};
use crate::refusal::Refusal;
use waybill_types::{LineNo, Quantity};

/// Units of a line, from the one at index `first` on, in the order of its shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Units {
    pub(crate) line: LineNo,
    pub(crate) first: u64,
    pub(crate) count: u64,
}

/// The line as it will stand in the order, its amounts checked; fields are named below `path`.
pub(crate) fn new_line(new: &NewLine, tax_included: bool, path: &str) -> Result<Line, Refusal> {
    let said = Said::from(new);
    in_range(said.fields(Path::At(path)))?;
    let amounts = said.amounts(tax_included, Path::At(path))?;
    Ok(Line {
        external: new.external.clone(),
        sku: new.sku.clone(),
        owner: new.owner.clone(),
        quantity: new.quantity,
        scale: new.scale,
        delivery: new.delivery.clone(),
        amounts,
        shares: shares::runs(new.quantity.units(), &alone(&amounts)),
        attributes: new.attributes.clone(),
        substitutes: new.substitutes.clone(),
    })
}

/// Adds a line: it costs what it says and carries nothing of the order's own amounts.
pub(crate) fn add_line(content: &mut OrderContent, line: Line) -> Result<LineNo, Refusal> {
    content.amounts.total += line.amounts.total;
    content.lines.push(line);
    bounded(content)?;
    Ok(line_no(content.lines.len() - 1))
}

/// Adds `quantity` units to a line, before the `cancelled` last ones. They carry nothing of the order's own amounts.
pub(crate) fn add_units(
    content: &mut OrderContent,
    line: LineNo,
    cancelled: Quantity,
    quantity: Quantity,
    added: &AddedAmounts,
    path: &str,
) -> Result<(), Refusal> {
    let included = content.amounts.tax_included;
    let grown = line_mut(content, line);
    let said = Said::of(added, quantity, grown.scale);
    in_range(said.fields(Path::At(path)))?;
    let amounts = said.amounts(included, Path::At(path))?;
    let Some(sum) = grown.quantity.checked_add(quantity) else {
        let description =
            format!("come to more than {} with the {} there are", Quantity::MAX, grown.quantity);
        return Err(wrong(path.to_owned(), description));
    };
    grown.quantity = sum;
    let runs = shares::runs(quantity.units(), &alone(&amounts));
    shares::insert_before_tail(&mut grown.shares, cancelled.units(), &runs);
    raise(&mut grown.amounts, &amounts);
    content.amounts.total += amounts.total;
    bounded(content)
}

/// These units cost `amounts` together from now on. What they carry of the order's own shipping, discount and tax stays.
pub(crate) fn reprice(
    content: &mut OrderContent,
    units: Units,
    amounts: &AddedAmounts,
    path: &str,
) -> Result<(), Refusal> {
    let included = content.amounts.tax_included;
    let line = line_mut(content, units.line);
    let said = Said::of(amounts, Quantity::of(units.count), line.scale);
    in_range(said.fields(Path::At(path)))?;
    let new = said.amounts(included, Path::At(path))?;
    let old = shares::front(&line.shares, units.first, units.count);
    let whole = Carried {
        subtotal: new.subtotal,
        discount: new.discount + old.order_discount,
        tax: new.tax + old.order_tax,
        ..old
    };
    if whole.total(included) < 0 {
        let carried = old.order_discount;
        let description = format!("is {}, less than the {carried} of order discount they carry", new.total);
        return Err(wrong(format!("{path}.total"), description));
    }
    shares::reprice(&mut line.shares, units.first, units.count, &whole);
    let (discount, tax) = (old.discount - old.order_discount, old.tax - old.order_tax);
    let total = old.subtotal - discount + if included { 0 } else { tax };
    let LineAmounts { unit_price: _, subtotal, discount: off, tax: taxed, total: whole } = line.amounts;
    line.amounts = LineAmounts {
        unit_price: new.unit_price,
        subtotal: subtotal - old.subtotal,
        discount: off - discount,
        tax: taxed - tax,
        total: whole - total,
    };
    raise(&mut line.amounts, &new);
    content.amounts.total += new.total - total;
    bounded(content)
}

/// Takes `amount` off these units together, more than nothing. The order's discount carries it: prices stay.
pub(crate) fn appease(
    content: &mut OrderContent,
    units: &[Units],
    amount: i64,
    path: &str,
) -> Result<(), Refusal> {
    let included = content.amounts.tax_included;
    let runs_of = |some: &Units| {
        shares::slice(&crate::fold::ordered(content, some.line).shares, some.first, some.count)
    };
    let before: Vec<Vec<Share>> = units.iter().map(runs_of).collect();
    let cost: i64 = before.iter().map(|runs| shares::sum(runs).total(included)).sum();
    let lowered = shares::appease(&before, amount, included).filter(|_| amount > 0);
    let Some(lowered) = lowered else {
        let description = format!("is {amount} minor units, must be 1 to the {cost} that the units cost");
        return Err(wrong(path.to_owned(), description));
    };
    for (some, runs) in units.iter().zip(lowered) {
        shares::replace(&mut line_mut(content, some.line).shares, some.first, some.count, &runs);
    }
    content.amounts.discount += amount;
    content.amounts.total -= amount;
    bounded(content)
}

/// Delivering these units costs `charge` together from now on. Their prices stay, and what other units carry of the charge.
pub(crate) fn charge(
    content: &mut OrderContent,
    units: &[Units],
    charge: i64,
    path: &str,
) -> Result<(), Refusal> {
    in_range([(path, charge)])?;
    let runs_of = |some: &Units| {
        shares::slice(&crate::fold::ordered(content, some.line).shares, some.first, some.count)
    };
    let before: Vec<Vec<Share>> = units.iter().map(runs_of).collect();
    let carried: i64 = before.iter().map(|runs| shares::sum(runs).shipping).sum();
    let Some(charged) = shares::charge(&before, charge, content.amounts.tax_included) else {
        let description = format!("is {charge} minor units, less than discounts beyond the price take off");
        return Err(wrong(path.to_owned(), description));
    };
    for (some, runs) in units.iter().zip(charged) {
        shares::replace(&mut line_mut(content, some.line).shares, some.first, some.count, &runs);
    }
    content.amounts.shipping += charge - carried;
    content.amounts.total += charge - carried;
    bounded(content)
}

/// What units carry that have amounts of their own and nothing of the order's.
fn alone(amounts: &LineAmounts) -> Carried {
    let LineAmounts { unit_price: _, subtotal, discount, tax, total: _ } = *amounts;
    Carried { subtotal, discount, tax, ..Carried::default() }
}

fn raise(amounts: &mut LineAmounts, by: &LineAmounts) {
    amounts.subtotal += by.subtotal;
    amounts.discount += by.discount;
    amounts.tax += by.tax;
    amounts.total += by.total;
}

fn line_mut(content: &mut OrderContent, line: LineNo) -> &mut Line {
    let lines = content.lines.len();
    let found = usize::from(line.0).checked_sub(1).and_then(|index| content.lines.get_mut(index));
    found.unwrap_or_else(|| panic!("line {} is not one of {lines}", line.0))
}

/// However often an order is changed, its amounts stay within the range that one is placed with.
fn bounded(content: &OrderContent) -> Result<(), Refusal> {
    let lines = content
        .numbered()
        .map(|(line, l)| (format!("lines[{}].amounts.subtotal", line.0 - 1), l.amounts.subtotal));
    let OrderAmounts { shipping, discount, total, .. } = content.amounts;
    let of_order = [("shipping", shipping), ("discount", discount), ("total", total)];
    let of_order = of_order.into_iter().map(|(name, minor)| (format!("amounts.{name}"), minor));
    in_range(lines.chain(of_order))
}
