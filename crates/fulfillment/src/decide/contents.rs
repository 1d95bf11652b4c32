//! Whether the lines and parcels of a report fit the fulfilment order. All violations are collected.

use crate::command::{PickReport, Report};
use crate::event::{Event, PickedLine, ShortedLine};
use crate::refusal::Refusal;
use crate::state::{FulfillmentOrder, Package};
use std::collections::{BTreeMap, BTreeSet};
use waybill_machine::FieldViolation;
use waybill_types::exchange::{LineUnits, Parcel, Substituted};
use waybill_types::{LineNo, Quantity, Sku, Text};

#[derive(Default)]
pub(super) struct Violations(Vec<FieldViolation>);

impl Violations {
    pub(super) fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.0.push(FieldViolation { field: field.into(), description: description.into() });
    }
    pub(super) fn refuse(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::Malformed(self.0)) }
    }
}

/// What is wrong whatever the fulfilment order is.
pub(super) fn check_alone(report: &Report) -> Result<(), Refusal> {
    let mut violations = Violations::default();
    match report {
        Report::ConfirmPick(lines) => {
            let mut seen = BTreeSet::new();
            for (index, line) in lines.iter().enumerate() {
                if !seen.insert(line.line) {
                    violations
                        .add(format!("lines[{index}].line_number"), format!("is {} again", line.line.0));
                }
                if !line.short.is_zero() && line.short_kind.is_none() {
                    violations.add(format!("lines[{index}].short_reason"), "is needed when units are short");
                }
            }
        }
        Report::Pack(packages) => {
            if packages.is_empty() {
                violations.add("parcels", "are empty, at least one is needed");
            }
            check_numbers(packages, &mut violations);
        }
        Report::Ship { packages, .. } => check_numbers(packages, &mut violations),
        Report::Accept
        | Report::Reject { .. }
        | Report::StartPicking
        | Report::ReadyForPickup { .. }
        | Report::HandOver { .. }
        | Report::NoShow
        | Report::AnswerCancel { .. }
        | Report::ReportUndelivered { .. }
        | Report::ConfirmDelivery { .. } => {}
    }
    violations.refuse()
}

fn check_numbers(packages: &[Package], violations: &mut Violations) {
    let mut seen = BTreeSet::new();
    for (index, package) in packages.iter().enumerate() {
        let number = package.parcel.number.as_str();
        if number.is_empty() {
            violations.add(format!("parcels[{index}].parcel_id"), "is empty");
        } else if !seen.insert(number) {
            violations.add(format!("parcels[{index}].parcel_id"), format!("is {number} again"));
        }
        if package.parcel.lines.is_empty() {
            violations.add(format!("parcels[{index}].contents"), "are empty, a parcel holds something");
        }
    }
}

/// Picked, substituted and short together are exactly what each line still asks for.
pub(super) fn pick(order: &FulfillmentOrder, lines: &[PickReport]) -> Result<Event, Refusal> {
    let mut violations = Violations::default();
    let by_line: BTreeMap<LineNo, &PickReport> = lines.iter().map(|line| (line.line, line)).collect();
    for (index, line) in lines.iter().enumerate() {
        let Some(of_work) = order.index_of(line.line).map(|at| &order.work.lines[at]) else {
            violations.add(
                format!("lines[{index}].line_number"),
                format!("is {}, not a line of this work", line.line.0),
            );
            continue;
        };
        if let Some((sku, _)) = line.substitute.as_ref().filter(|(sku, _)| !of_work.substitutes.contains(sku))
        {
            let may: Vec<&str> = of_work.substitutes.iter().map(Sku::as_str).collect();
            let may = if may.is_empty() { "nothing".to_owned() } else { may.join(", ") };
            let description = format!("is {sku}; {may} may be picked instead");
            violations.add(format!("lines[{index}].substitute_sku"), description);
        }
    }
    let (mut picked, mut shorted, mut substituted) = (Vec::new(), Vec::new(), Vec::new());
    for (line, live) in order.work.lines.iter().zip(order.live()) {
        let reported = by_line.get(&line.line);
        let instead =
            |report: &PickReport| report.substitute.as_ref().map_or(Quantity::ZERO, |(_, count)| *count);
        let sum =
            reported.map_or(Quantity::ZERO, |report| report.picked.plus(report.short).plus(instead(report)));
        if sum != live {
            violations.add(
                "lines",
                format!("account for {sum} units of line {}, which asks for {live}", line.line.0),
            );
        }
        let Some(report) = reported else { continue };
        let in_hand = report.picked.plus(instead(report));
        if !in_hand.is_zero() {
            let (lots, serials) = (report.lots.clone(), report.serials.clone());
            picked.push(PickedLine { line: line.line, quantity: in_hand, lots, serials });
        }
        if let Some((sku, quantity)) = report.substitute.clone().filter(|(_, quantity)| !quantity.is_zero()) {
            substituted.push(Substituted { units: LineUnits { line: line.line, quantity }, sku });
        }
        if let (false, Some(kind)) = (report.short.is_zero(), report.short_kind) {
            shorted.push(ShortedLine { line: line.line, quantity: report.short, kind });
        }
    }
    violations.refuse()?;
    Ok(Event::PickConfirmed { id: order.work.id, picked, shorted, substituted })
}

/// The parcels together hold exactly what was picked.
pub(super) fn check_packages(order: &FulfillmentOrder, packages: &[Package]) -> Result<(), Refusal> {
    let mut packed: BTreeMap<LineNo, Quantity> = BTreeMap::new();
    for units in packages.iter().flat_map(|package| &package.parcel.lines) {
        let sum = packed.entry(units.line).or_default();
        *sum = sum.plus(units.quantity);
    }
    let mut violations = Violations::default();
    for LineUnits { line, quantity } in order.picked() {
        let held = packed.remove(&line).unwrap_or_default();
        if held != quantity {
            violations.add("parcels", format!("hold {held} units of line {}, {quantity} are picked", line.0));
        }
    }
    for (line, held) in packed {
        violations.add("parcels", format!("hold {held} units of line {}, of which none is picked", line.0));
    }
    violations.refuse()
}

/// The parcels that leave: those named, else those packed, else one with everything. A parcel without a carrier or a
/// tracking number of its own has those of the report.
pub(super) fn to_ship(
    order: &FulfillmentOrder,
    carrier: &Text,
    tracking: &Text,
    named: &[Package],
) -> Result<Vec<Package>, Refusal> {
    let mut packages = if named.is_empty() { order.state.packages().to_vec() } else { named.to_vec() };
    if packages.is_empty() {
        packages.push(everything(order));
    }
    check_packages(order, &packages)?;
    for package in &mut packages {
        if package.parcel.carrier.as_str().is_empty() {
            package.parcel.carrier = carrier.clone();
        }
        if package.parcel.tracking.as_str().is_empty() {
            package.parcel.tracking = tracking.clone();
        }
        package.delivered_at = None;
        package.undelivered = None;
    }
    Ok(packages)
}

fn everything(order: &FulfillmentOrder) -> Package {
    let text = |text| Text::new(text).unwrap_or_else(|_| unreachable!("a literal within bounds"));
    let lines = order.picked();
    let parcel = Parcel { number: text("1"), carrier: text(""), tracking: text(""), lines };
    Package { parcel, weight_g: 0, tracking_url: text(""), delivered_at: None, undelivered: None }
}

/// The parcels that arrived now: those named, or all that have not arrived yet.
pub(super) fn arrived(packages: &[Package], named: &[Text]) -> Result<Vec<Text>, Refusal> {
    let under_way = || packages.iter().filter(|package| package.is_under_way());
    if named.is_empty() {
        return Ok(under_way().map(|package| package.parcel.number.clone()).collect());
    }
    let mut violations = Violations::default();
    let mut seen = BTreeSet::new();
    for (index, number) in named.iter().enumerate() {
        let field = format!("parcel_ids[{index}]");
        if !seen.insert(number.as_str()) {
            violations.add(field, format!("is {number} again"));
        } else if !packages.iter().any(|package| package.parcel.number == *number) {
            violations.add(field, format!("is {number}, not a parcel of this work"));
        } else if let Some(gone) =
            packages.iter().find(|package| package.parcel.number == *number && !package.is_under_way())
        {
            violations
                .add(field, format!("is {number}, which is {} already", super::undelivered::fate(gone)));
        }
    }
    violations.refuse()?;
    Ok(named.to_vec())
}
