//! The fields of an amendment, checked by themselves and against the lines that exist.

use super::{AMENDMENTS_MAX, CHANGES_MAX, WORKS_MAX};
use crate::command::{Amend, Change, NewLine};
use crate::decide::LINES_MAX;
use crate::decide::draft::Draft;
use std::collections::BTreeSet;
use waybill_machine::FieldViolation;
use waybill_types::LineNo;

/// What a change sets. No two changes of one amendment set the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Units(LineNo),
    Delivery(LineNo),
    Price(LineNo),
    Appease(Option<LineNo>),
    ShipTo,
    Charge,
    Time,
    Notes,
}

/// What is wrong with the fields, by path.
pub(super) fn check(draft: &Draft<'_>, amend: &Amend) -> Vec<FieldViolation> {
    let content = draft.content();
    let mut wrong = Vec::new();
    let mut add = |field: String, description: String| wrong.push(FieldViolation { field, description });
    let count = amend.changes.len();
    if count == 0 || count > CHANGES_MAX {
        add("changes".into(), format!("are {count}, must be 1 to {CHANGES_MAX}"));
    }
    let (works, amendments) = (draft.order.last_work, draft.order.last_amendment);
    if works > WORKS_MAX || amendments >= AMENDMENTS_MAX {
        let had = format!("has had {works} fulfilment orders and {amendments} amendments");
        add("order_id".into(), format!("{had}; place a new order for more changes"));
    }
    let mut seen = BTreeSet::new();
    let mut names: BTreeSet<String> = content.lines.iter().map(|line| line.external.to_string()).collect();
    let mut lines = content.lines.len();
    for (index, change) in amend.changes.iter().enumerate() {
        let path = format!("changes[{index}]");
        for target in targets(change) {
            if !seen.insert(target) {
                add(path.clone(), "sets what an earlier change of this request sets".into());
            }
        }
        for line in lines_of(change) {
            if content.line(line).is_none() {
                let description = format!("is {}, the order has 1 to {}", line.0, content.lines.len());
                add(format!("{path}.line_number"), description);
            }
        }
        if let Change::SetDelivery { lines, .. } = change
            && lines.is_empty()
        {
            add(format!("{path}.line_numbers"), "are none, must be at least one".into());
        }
        if let Change::AddLine(new) | Change::Substitute { with: new, .. } = change {
            lines += 1;
            new_line(new, &path, &mut names, &mut add);
        }
        if let Change::Substitute { line, with } = change
            && let Some(old) = content.line(*line).filter(|old| old.scale != with.scale)
        {
            let description = format!("is {}, that of the line is {}", with.scale, old.scale);
            add(format!("{path}.line.quantity_scale"), description);
        }
    }
    if lines > LINES_MAX {
        add("changes".into(), format!("make {lines} lines, an order has at most {LINES_MAX}"));
    }
    recipient(draft, amend, &mut add);
    wrong
}

fn new_line(new: &NewLine, path: &str, names: &mut BTreeSet<String>, add: &mut impl FnMut(String, String)) {
    if new.quantity.is_zero() {
        add(format!("{path}.line.quantity"), "is 0, must be more than 0".into());
    }
    if new.scale > 3 {
        add(format!("{path}.line.quantity_scale"), format!("is {}, must be 0 to 3", new.scale));
    }
    let name = new.external.to_string();
    if !name.is_empty() && !names.insert(name.clone()) {
        add(format!("{path}.line.external_line_id"), format!("is {name:?}, which another line has"));
    }
}

fn recipient(draft: &Draft<'_>, amend: &Amend, add: &mut impl FnMut(String, String)) {
    let ships = amend.changes.iter().any(|change| matches!(change, Change::ShipTo));
    let notes = amend.changes.iter().any(|change| matches!(change, Change::Notes { .. }));
    match &amend.recipient {
        None if ships => add("recipient".into(), "is needed with another address".into()),
        Some(_) if !ships && !notes => {
            add("recipient".into(), "is given, and no change sets the address or the notes".into());
        }
        Some(_) if draft.order.erased => {
            add("recipient".into(), "cannot be set: the order's personal data was destroyed".into());
        }
        Some(given) if draft.content().subject.is_some_and(|own| own != given.subject) => {
            add("recipient".into(), "is sealed under another key than the order's".into());
        }
        None | Some(_) => {}
    }
}

fn targets(change: &Change) -> Vec<Target> {
    match change {
        Change::SetQuantity { line, .. } | Change::Substitute { line, .. } => vec![Target::Units(*line)],
        Change::AddLine(_) => Vec::new(),
        Change::ShipTo => vec![Target::ShipTo],
        Change::SetDeliveryCharge { .. } => vec![Target::Charge],
        Change::SetDelivery { lines, .. } => lines.iter().map(|line| Target::Delivery(*line)).collect(),
        Change::SetTime { .. } => vec![Target::Time],
        Change::SetPrice { line, .. } => vec![Target::Price(*line)],
        Change::Appease { line, .. } => vec![Target::Appease(*line)],
        Change::Notes { .. } => vec![Target::Notes],
    }
}

fn lines_of(change: &Change) -> Vec<LineNo> {
    match change {
        Change::SetQuantity { line, .. }
        | Change::Substitute { line, .. }
        | Change::SetPrice { line, .. } => {
            vec![*line]
        }
        Change::SetDelivery { lines, .. } => lines.clone(),
        Change::Appease { line, .. } => line.iter().copied().collect(),
        Change::AddLine(_)
        | Change::ShipTo
        | Change::SetTime { .. }
        | Change::SetDeliveryCharge { .. }
        | Change::Notes { .. } => Vec::new(),
    }
}
