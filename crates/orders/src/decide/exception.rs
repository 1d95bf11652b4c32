//! What somebody says about units that wait for more than stock: they are sourced again, or called off by the rules of any
//! cancel. Units that are just being tried again need nobody until that has failed.

use super::cancel::{self, Asking};
use super::draft::{Draft, Manner};
use crate::answer::Answer;
use crate::command::CancelLine;
use crate::content::line_no;
use crate::event::{AttemptSource, Event, ExceptionAnswer, ExceptionAnswered, What};
use crate::fold::{ordered, sum_by_line};
use crate::order::Order;
use crate::refusal::{ChangeRefusal, Refusal};
use crate::state::OrdersState;
use crate::units::Bucket;
use std::collections::BTreeSet;
use waybill_machine::{Context, Decision, FieldViolation};
use waybill_types::exchange::LineUnits;
use waybill_types::{LineNo, OrderId, Quantity, Text};

/// Decides an answer.
pub(crate) fn answer(
    state: &OrdersState,
    id: OrderId,
    lines: &[LineNo],
    answer: ExceptionAnswer,
    note: &Text,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut draft = Draft::load(state, id, cx).ok_or(Refusal::UnknownOrder(id))?;
    let lines = concerned(&draft, lines)?;
    let units = sum_by_line(lines.iter().map(|line| (*line, waiting(&draft.order, *line))));
    let answered = ExceptionAnswered { lines, units: units.clone(), answer, note: note.clone() };
    draft.push(What::ExceptionAnswered(answered));
    match answer {
        ExceptionAnswer::SourceAgain { .. } => {
            let again = with_their_goods(&draft, &units);
            draft.start_attempt(again, Manner::afresh(AttemptSource::Backordered));
        }
        ExceptionAnswer::CallOff => {
            let off = units.iter().map(|u| CancelLine { line: u.line, quantity: Some(u.quantity) });
            let lines: Vec<CancelLine> = off.collect();
            // Whoever answers the queue may say yes to what needs it.
            let asking = Asking { lines: &lines, channel: &cx.origin.channel, approved: true };
            cancel::take_from(&mut draft, &asking)?;
        }
    }
    let (events, order) = draft.finish_with_order();
    let answer = Answer::ExceptionAnswered { order: id, revision: order.revision, units };
    Ok(Decision::new(events, answer))
}

/// The lines that wait for somebody, by number: those that are named, or all.
fn concerned(draft: &Draft<'_>, named: &[LineNo]) -> Result<Vec<LineNo>, Refusal> {
    let order = &draft.order;
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, line) in named.iter().enumerate() {
        let mut add = |description: String| {
            wrong.push(FieldViolation { field: format!("line_numbers[{index}]"), description });
        };
        if order.line(*line).is_none() {
            add(format!("is {}, the order has 1 to {}", line.0, order.lines.len()));
        } else if !seen.insert(*line) {
            add(format!("is {}, which stands here twice", line.0));
        }
    }
    if !wrong.is_empty() {
        return Err(Refusal::Malformed(wrong));
    }
    if let Some(line) = seen.iter().find(|line| !needs_somebody(order, **line)) {
        return Err(ChangeRefusal::NoException { order: draft.id, line: Some(*line) }.into());
    }
    let mut lines: Vec<LineNo> = seen.into_iter().collect();
    if named.is_empty() {
        lines = (0..order.lines.len()).map(line_no).filter(|line| needs_somebody(order, *line)).collect();
    }
    match lines.is_empty() {
        true => Err(ChangeRefusal::NoException { order: draft.id, line: None }.into()),
        false => Ok(lines),
    }
}

fn needs_somebody(order: &Order, line: LineNo) -> bool {
    let waits = order.line(line).and_then(|state| state.waits);
    waits.is_some_and(|waits| waits.reason.needs_somebody()) && !waiting(order, line).is_zero()
}

fn waiting(order: &Order, line: LineNo) -> Quantity {
    order.line(line).map_or(Quantity::ZERO, |state| state.buckets.get(Bucket::Backordered))
}

/// All lines of the same goods are tried together, so that inventory is told how much of them is still waited for.
fn with_their_goods(draft: &Draft<'_>, units: &[LineUnits]) -> Vec<LineUnits> {
    let content = draft.content();
    let goods: BTreeSet<_> =
        units.iter().map(|units| ordered(content, units.line)).map(|line| (&line.sku, &line.owner)).collect();
    let same = content.numbered().filter(|(_, line)| goods.contains(&(&line.sku, &line.owner)));
    sum_by_line(same.map(|(line, _)| (line, waiting(&draft.order, line))))
}
