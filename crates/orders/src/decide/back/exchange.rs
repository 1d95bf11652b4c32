//! Even exchanges: other goods for goods that come back, at exactly what those are worth. The replacements are part of the
//! order once all that was asked back has been taken.

use super::Draft;
use crate::command::RequestReturn;
use crate::content::{Line, line_no};
use crate::decide::draft::Manner;
use crate::event::{AttemptSource, ReplacementsJoined, What};
use crate::money;
use crate::order::Return;
use crate::refusal::{ChangeRefusal, Refusal};
use crate::returnable::worth;
use waybill_types::exchange::LineUnits;

/// The replacements cost exactly what comes back is worth.
pub(super) fn check_even(
    draft: &Draft<'_>,
    request: &RequestReturn,
    replacements: &[Line],
) -> Result<(), Refusal> {
    if replacements.is_empty() {
        return Ok(());
    }
    let content = draft.content();
    // That the order's amounts stay in range is found out now: later the goods are here.
    let mut with_them = content.clone();
    for line in replacements {
        money::add_line(&mut with_them, line.clone())?;
    }
    let asked = request.lines.iter();
    let returned = asked.map(|asked| worth(content, &draft.order, asked.line, asked.quantity)).sum();
    let replacements = cost(replacements);
    if returned == replacements {
        return Ok(());
    }
    Err(ChangeRefusal::UnevenExchange { returned, replacements }.into())
}

/// What the replacements cost, in minor units.
pub(super) fn cost(replacements: &[Line]) -> i64 {
    replacements.iter().map(|line| line.amounts.total).sum()
}

/// The replacements of a return of which everything was taken, for `worth` minor units. Other units of the same lines may
/// have come back in between, so that these are worth a little less or more than was agreed: the exchange stays even by a
/// discount on the replacements, or by paying back the difference. `None` when the order has grown out of range since;
/// then the refund stands instead.
pub(super) fn joining(draft: &Draft<'_>, back: &Return, worth: i64) -> Option<ReplacementsJoined> {
    let mut content = draft.content().clone();
    let before = content.lines.len();
    for line in &back.replacements {
        money::add_line(&mut content, line.clone()).ok()?;
    }
    let short = cost(&back.replacements) - worth;
    if short > 0 {
        let new = content.lines.iter().enumerate().skip(before);
        let units = new.map(|(index, line)| money::Units {
            line: line_no(index),
            first: 0,
            count: line.quantity.units(),
        });
        let units: Vec<money::Units> = units.collect();
        money::appease(&mut content, &units, short, "replacements").ok()?;
    }
    let (amounts, lines) = (content.amounts, content.lines.split_off(before));
    Some(ReplacementsJoined { number: back.number, lines, amounts })
}

/// The replacements are part of the order and are sourced like any line. A change under way that was made for the order
/// without them comes to nothing.
pub(super) fn join(draft: &mut Draft<'_>, joined: ReplacementsJoined) {
    let first = draft.content().lines.len();
    let numbered = joined.lines.iter().enumerate();
    let units = numbered
        .map(|(index, line)| LineUnits { line: line_no(first + index), quantity: line.quantity })
        .collect();
    draft.push(What::ReplacementsJoined(Box::new(joined)));
    draft.start_attempt(units, Manner::afresh(AttemptSource::Open));
}
