//! What a return does to one order: units go from delivered to returned as they are taken, replacements join.

use super::{fresh, shift};
use crate::content::{OrderContent, line_no};
use crate::event::{ReplacementsJoined, ReturnReceived, ReturnRequested};
use crate::order::{Order, Return, ReturnState, ReturnUnits};
use crate::units::{Bucket, Buckets};
use waybill_types::{OrderId, Quantity, Timestamp};

pub(super) fn requested(order: &mut Order, requested: &ReturnRequested, at: Timestamp) {
    let lines = requested.lines.iter().map(|asked| ReturnUnits {
        line: asked.line,
        asked: asked.quantity,
        why: asked.why.clone(),
        looked_at: Vec::new(),
    });
    order.returns.push(Return {
        number: requested.number,
        state: if requested.authorised { ReturnState::Authorised } else { ReturnState::Requested },
        lines: lines.collect(),
        refunded: 0,
        replacements: requested.replacements.clone(),
        requested_at: at,
        lapses_at: requested.lapses_at,
        joined: Vec::new(),
    });
}

pub(super) fn decided(order: &mut Order, id: OrderId, number: u16, authorised: bool) {
    let state = if authorised { ReturnState::Authorised } else { ReturnState::Refused };
    return_mut(order, id, number).state = state;
}

pub(super) fn received(order: &mut Order, id: OrderId, received: &ReturnReceived) {
    for found in received.found.iter().filter(|found| found.looked_at.landing.is_some()) {
        shift(order, found.line, Bucket::Delivered, Bucket::Returned, found.looked_at.quantity);
    }
    let back = return_mut(order, id, received.number);
    for found in &received.found {
        let Some(units) = back.lines.iter_mut().find(|units| units.line == found.line) else {
            panic!("order {id} return {} is not of line {}", received.number, found.line.0)
        };
        units.looked_at.push(found.looked_at.clone());
    }
    back.refunded += received.refund;
    let awaited: Quantity = back.lines.iter().map(ReturnUnits::awaited).sum();
    back.state = if awaited.is_zero() { ReturnState::Settled } else { ReturnState::PartlyReceived };
}

pub(super) fn closed(order: &mut Order, id: OrderId, number: u16, refund: i64) {
    let back = return_mut(order, id, number);
    back.refunded += refund;
    back.state = ReturnState::Settled;
}

pub(super) fn joined(order: &mut Order, id: OrderId, content: &OrderContent, joined: &ReplacementsJoined) {
    let mut now = order.amended.take().unwrap_or_else(|| Box::new(content.clone()));
    let first = now.lines.len();
    for line in &joined.lines {
        order.lines.push(fresh(Buckets::all_in(Bucket::Open, line.quantity)));
    }
    now.lines.extend(joined.lines.iter().cloned());
    now.amounts = joined.amounts;
    let last = now.lines.len();
    order.amended = Some(now);
    return_mut(order, id, joined.number).joined = (first..last).map(line_no).collect();
}

fn return_mut(order: &mut Order, id: OrderId, number: u16) -> &mut Return {
    let found = order.returns.iter_mut().find(|back| back.number == number);
    found.unwrap_or_else(|| panic!("order {id} has no return {number}"))
}
