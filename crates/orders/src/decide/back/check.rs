//! What a request for a return must say, and what the order must have for it.

use super::{Draft, RETURNS_MAX};
use crate::command::{NewLine, Received, RequestReturn};
use crate::content::Line;
use crate::decide::LINES_MAX;
use crate::money;
use crate::refusal::{ChangeRefusal, Refusal};
use crate::returnable::closes_at;
use std::collections::{BTreeMap, BTreeSet};
use waybill_machine::FieldViolation;
use waybill_types::policy::ReturnTerms;
use waybill_types::{LineNo, Quantity};

fn violation(field: impl Into<String>, description: impl Into<String>) -> FieldViolation {
    FieldViolation { field: field.into(), description: description.into() }
}

fn all_right(wrong: Vec<FieldViolation>) -> Result<(), Refusal> {
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::Malformed(wrong)) }
}

/// The fields by themselves; the replacements as lines of the order.
pub(super) fn fields(draft: &Draft<'_>, request: &RequestReturn) -> Result<Vec<Line>, Refusal> {
    let content = draft.content();
    let mut wrong = Vec::new();
    if request.lines.is_empty() || request.lines.len() > LINES_MAX {
        wrong.push(violation("lines", format!("are {}, must be 1 to {LINES_MAX}", request.lines.len())));
    }
    let mut seen = BTreeSet::new();
    for (index, asked) in request.lines.iter().enumerate() {
        let path = format!("lines[{index}]");
        if !seen.insert(asked.line) {
            let description = format!("is {}, which stands here twice", asked.line.0);
            wrong.push(violation(format!("{path}.line_number"), description));
        }
        if content.line(asked.line).is_none() {
            let description = format!("is {}, the order has 1 to {}", asked.line.0, content.lines.len());
            wrong.push(violation(format!("{path}.line_number"), description));
        }
        if asked.quantity.is_zero() {
            wrong.push(violation(format!("{path}.quantity"), "is 0, must be more than 0"));
        }
    }
    new_lines(draft, &request.replacements, &mut wrong);
    all_right(wrong)?;
    if let Some(here) = &request.received {
        received(here, |line| seen.contains(&line), "received")?;
        exactly(request, here)?;
    }
    let included = content.amounts.tax_included;
    let lines = request.replacements.iter().enumerate();
    lines
        .map(|(index, new)| money::new_line(new, included, &format!("replacements[{index}].amounts")))
        .collect()
}

/// Replacements are lines like any other: their names are unique in the order, and there is room for them.
fn new_lines(draft: &Draft<'_>, replacements: &[NewLine], wrong: &mut Vec<FieldViolation>) {
    let content = draft.content();
    let promised = draft.order.returns.iter().filter(|back| back.state.is_open());
    let promised: Vec<&Line> = promised.flat_map(|back| &back.replacements).collect();
    let lines = content.lines.len() + promised.len() + replacements.len();
    if !replacements.is_empty() && lines > LINES_MAX {
        let description = format!("make {lines} lines of the order, at most {LINES_MAX} are allowed");
        wrong.push(violation("replacements", description));
    }
    let there = content.lines.iter().chain(promised).map(|line| line.external.as_str());
    let mut names: BTreeSet<&str> = there.collect();
    for (index, new) in replacements.iter().enumerate() {
        let path = format!("replacements[{index}]");
        if new.quantity.is_zero() {
            wrong.push(violation(format!("{path}.quantity"), "is 0, must be more than 0"));
        }
        if new.scale > 3 {
            let description = format!("is {}, must be 0 to 3", new.scale);
            wrong.push(violation(format!("{path}.quantity_scale"), description));
        }
        let name = new.external.as_str();
        if !name.is_empty() && !names.insert(name) {
            let description = format!("is {name:?}, which another line has too");
            wrong.push(violation(format!("{path}.external_line_id"), description));
        }
    }
}

/// What lies at a node, by itself: some units, of lines that come back.
pub(super) fn received(
    received: &Received,
    comes_back: impl Fn(LineNo) -> bool,
    path: &str,
) -> Result<(), Refusal> {
    let mut wrong = Vec::new();
    if received.lines.is_empty() || received.lines.len() > LINES_MAX {
        wrong.push(violation(path, format!("are {}, must be 1 to {LINES_MAX}", received.lines.len())));
    }
    for (index, found) in received.lines.iter().enumerate() {
        if !comes_back(found.line) {
            let description = format!("is {}, which is not a line of the return", found.line.0);
            wrong.push(violation(format!("{path}[{index}].line_number"), description));
        }
        if found.quantity.is_zero() {
            wrong.push(violation(format!("{path}[{index}].quantity"), "is 0, must be more than 0"));
        }
    }
    all_right(wrong)
}

/// Goods that are here when they are asked for are all of them.
fn exactly(request: &RequestReturn, here: &Received) -> Result<(), Refusal> {
    let found = by_line(here);
    let wrong = request.lines.iter().enumerate().filter_map(|(index, asked)| {
        let there = found.get(&asked.line).copied().unwrap_or_default();
        let description = format!("is {}, {there} are received; say what became of each", asked.quantity);
        (there != asked.quantity).then(|| violation(format!("lines[{index}].quantity"), description))
    });
    all_right(wrong.collect())
}

/// Units that lie at a node, each line once.
pub(super) fn by_line(received: &Received) -> BTreeMap<LineNo, Quantity> {
    let mut sums: BTreeMap<LineNo, Quantity> = BTreeMap::new();
    for found in &received.lines {
        let sum = sums.entry(found.line).or_default();
        *sum = sum.plus(found.quantity);
    }
    sums
}

/// An order keeps all its returns.
pub(super) fn bounded(draft: &Draft<'_>) -> Result<(), Refusal> {
    if draft.order.returns.len() < RETURNS_MAX {
        return Ok(());
    }
    let (order, max) = (draft.id, RETURNS_MAX as u64);
    Err(ChangeRefusal::TooManyReturns { order, what: "returns", max }.into())
}

/// Units that come back are with the customer and in no other return.
pub(super) fn returnable(draft: &Draft<'_>, request: &RequestReturn) -> Result<(), Refusal> {
    for asked in &request.lines {
        let returnable = draft.order.returnable(asked.line);
        if asked.quantity > returnable {
            return Err(not_returnable(draft, asked.line, asked.quantity, returnable));
        }
    }
    Ok(())
}

pub(super) fn not_returnable(
    draft: &Draft<'_>,
    line: LineNo,
    asked: Quantity,
    returnable: Quantity,
) -> Refusal {
    let (asked, returnable) = (asked.units(), returnable.units());
    ChangeRefusal::NotReturnable { order: draft.id, line, asked, returnable }.into()
}

/// The time for returns has not passed.
pub(super) fn window(draft: &Draft<'_>, request: &RequestReturn, terms: &ReturnTerms) -> Result<(), Refusal> {
    for asked in &request.lines {
        let closes = closes_at(draft.content(), &draft.order, asked.line, terms);
        if draft.cx.at > closes {
            let (order, line, closed_at) = (draft.id, asked.line, closes.as_ms());
            return Err(ChangeRefusal::WindowClosed { order, line, closed_at }.into());
        }
    }
    Ok(())
}
