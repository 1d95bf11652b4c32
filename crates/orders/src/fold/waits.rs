//! Units that wait: why and since when, and when nobody waits any more.

use super::{ordered, shift};
use crate::content::OrderContent;
use crate::event::{ExceptionAnswer, ExceptionAnswered};
use crate::order::{Order, Unserved, Waits};
use crate::units::{Bucket, Buckets};
use waybill_types::Timestamp;

/// Units wait. A reason that needs somebody is not hidden by a later one that does not, while any unit waits for it.
pub(super) fn wait(order: &mut Order, unserved: &Unserved, at: Timestamp) {
    let state = &order.lines[usize::from(unserved.line.0) - 1];
    let others_wait = !state.buckets.get(Bucket::Backordered).is_zero();
    let reason = match state.waits {
        Some(earlier) if others_wait && earlier.reason.needs_somebody() => earlier.reason,
        Some(_) | None => unserved.reason,
    };
    let same_kind = |earlier: &Waits| earlier.reason.needs_somebody() == reason.needs_somebody();
    let since = state.waits.filter(same_kind).map_or(at, |earlier| earlier.since);
    shift(order, unserved.line, Bucket::Open, Bucket::Backordered, unserved.quantity);
    let state = &mut order.lines[usize::from(unserved.line.0) - 1];
    state.awaited = true;
    state.waits = Some(Waits { reason, since });
}

/// Somebody has looked: where they say so, nodes that did not have the goods or would not give them may be asked again.
pub(super) fn answered(order: &mut Order, content: &OrderContent, answered: &ExceptionAnswered) {
    let ExceptionAnswer::SourceAgain { ask_all: true } = answered.answer else { return };
    let lines = answered.lines.iter().map(|line| ordered(content, *line));
    let goods: Vec<_> = lines.map(|line| (&line.sku, &line.owner)).collect();
    order.shunned.retain(|shunned| !goods.contains(&(&shunned.sku, &shunned.owner)));
}

/// A SKU is awaited no longer once no unit of it is open or backordered.
pub(super) fn stop(order: &mut Order, content: &OrderContent) {
    if !order.lines.iter().any(|line| line.awaited) {
        return;
    }
    for state in &mut order.lines {
        let waiting =
            [Bucket::Open, Bucket::Backordered].into_iter().any(|b| !state.buckets.get(b).is_zero());
        state.waits = state.waits.filter(|_| waiting);
    }
    for index in 0..order.lines.len() {
        let (sku, owner) = (&content.lines[index].sku, &content.lines[index].owner);
        let same = content.lines.iter().zip(&order.lines).filter(|(l, _)| l.sku == *sku && l.owner == *owner);
        let wanted = |b: &Buckets| !b.get(Bucket::Open).is_zero() || !b.get(Bucket::Backordered).is_zero();
        let still = same.clone().any(|(_, state)| wanted(&state.buckets));
        let awaited = same.clone().any(|(_, state)| state.awaited);
        order.lines[index].awaited = awaited && still;
    }
}
