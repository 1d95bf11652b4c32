//! Cancel: what is not released yet is called off here and at once; what a node has is too late today.

use super::draft::Draft;
use crate::answer::{Answer, LineCancelled};
use crate::command::{Cancel, CancelLine};
use crate::content::line_no;
use crate::event::{CancelCause, CancelledUnits, Event, What};
use crate::refusal::Refusal;
use crate::state::OrdersState;
use crate::status::status;
use crate::units::Bucket;
use std::collections::BTreeSet;
use waybill_machine::{Context, Decision, FieldViolation};
use waybill_types::Quantity;

/// Decides a cancel.
pub(crate) fn cancel(
    state: &OrdersState,
    cancel: &Cancel,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut draft = Draft::load(state, cancel.order, cx).ok_or(Refusal::UnknownOrder(cancel.order))?;
    let wrong = check(&draft, cancel);
    if !wrong.is_empty() {
        return Err(Refusal::Malformed(wrong));
    }
    let current = draft.order.revision;
    if let Some(expected) = cancel.expected_revision.filter(|expected| *expected != current) {
        return Err(Refusal::StaleRevision { order: cancel.order, expected, current });
    }
    let mut lines = cancel.lines.clone();
    if lines.is_empty() {
        let every = |index| CancelLine { line: line_no(index), quantity: None };
        lines = (0..draft.order.lines.len()).map(every).collect();
    }
    lines.sort_by_key(|line| line.line);
    let mut units = Vec::new();
    let answers = lines.iter().map(|line| one(&draft, line, &mut units)).collect();
    if !units.is_empty() {
        draft.push(What::UnitsCancelled { cause: CancelCause::Asked, units });
    }
    let (events, order) = draft.finish_with_order();
    let answer = Answer::Cancelled {
        order: cancel.order,
        revision: order.revision,
        status: status(&order),
        lines: answers,
    };
    Ok(Decision::new(events, answer))
}

fn one(draft: &Draft<'_>, asked: &CancelLine, units: &mut Vec<CancelledUnits>) -> LineCancelled {
    let content = draft.content();
    let ordered = crate::fold::ordered(content, asked.line).quantity;
    let state = draft.order.line(asked.line);
    let before = state.map_or(Quantity::ZERO, |state| state.buckets.get(Bucket::Cancelled));
    let there = ordered.saturating_sub(before);
    let requested = asked.quantity.unwrap_or(there);
    let mut remaining = requested.min(there);
    let wanted = remaining;
    for source in draft.cancellable(asked.line) {
        let quantity = source.quantity.min(remaining);
        remaining = remaining.saturating_sub(quantity);
        if !quantity.is_zero() {
            units.push(CancelledUnits { quantity, ..source });
        }
    }
    LineCancelled {
        line: asked.line,
        requested,
        cancelled: wanted.saturating_sub(remaining),
        asked_of_node: Quantity::ZERO,
        too_late: remaining,
        cancelled_before: before,
    }
}

fn check(draft: &Draft<'_>, cancel: &Cancel) -> Vec<FieldViolation> {
    let content = draft.content();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, asked) in cancel.lines.iter().enumerate() {
        let mut add = |field: &str, description: String| {
            wrong.push(FieldViolation { field: format!("lines[{index}].{field}"), description });
        };
        if !seen.insert(asked.line) {
            add("line_number", format!("is {}, which stands here twice", asked.line.0));
        }
        let Some(line) = content.line(asked.line) else {
            add("line_number", format!("is {}, the order has 1 to {}", asked.line.0, content.lines.len()));
            continue;
        };
        match asked.quantity {
            Some(quantity) if quantity.is_zero() => add("quantity", "is 0, must be more than 0".into()),
            Some(quantity) if quantity > line.quantity => {
                add("quantity", format!("is {quantity}, {} were ordered", line.quantity));
            }
            Some(_) | None => {}
        }
    }
    wrong
}
