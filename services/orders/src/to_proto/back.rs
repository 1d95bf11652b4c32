//! Returns of an order as their messages.

use super::{money, time};
use waybill_orders::order::{LookedAt, Return, ReturnState, ReturnUnits};
use waybill_proto::orders::v1 as proto;
use waybill_types::exchange::Landing;
use waybill_types::{Currency, OrderId, Quantity, ReturnId};

pub(crate) fn back(order: OrderId, currency: Currency, back: &Return) -> proto::Return {
    proto::Return {
        return_id: ReturnId { order, number: back.number }.to_string(),
        order_id: order.to_string(),
        state: state(back.state).into(),
        lines: back.lines.iter().map(line).collect(),
        refunded: Some(money(currency, back.refunded)),
        exchange: !back.replacements.is_empty(),
        request_time: Some(time(back.requested_at)),
    }
}

fn state(state: ReturnState) -> proto::ReturnState {
    match state {
        ReturnState::Requested => proto::ReturnState::Requested,
        ReturnState::Authorised => proto::ReturnState::Authorized,
        ReturnState::PartlyReceived => proto::ReturnState::PartlyReceived,
        ReturnState::Settled => proto::ReturnState::Settled,
        ReturnState::Refused => proto::ReturnState::Refused,
    }
}

fn line(line: &ReturnUnits) -> proto::ReturnLine {
    let refused: Quantity =
        line.looked_at.iter().filter(|seen| seen.landing.is_none()).map(|seen| seen.quantity).sum();
    proto::ReturnLine {
        line_number: line.line.0.into(),
        quantity: line.asked.as_i64(),
        why: line.why.to_string(),
        taken: line.taken().as_i64(),
        refused: refused.as_i64(),
        looked_at: line.looked_at.iter().map(looked_at).collect(),
    }
}

fn looked_at(seen: &LookedAt) -> proto::LookedAt {
    proto::LookedAt {
        node_id: seen.node.to_string(),
        quantity: seen.quantity.as_i64(),
        disposition: disposition(seen.landing).into(),
        note: seen.note.to_string(),
        time: Some(time(seen.at)),
    }
}

fn disposition(landing: Option<Landing>) -> proto::Disposition {
    match landing {
        Some(Landing::Sellable) => proto::Disposition::Sellable,
        Some(Landing::Inspect) => proto::Disposition::Inspect,
        Some(Landing::Damaged) => proto::Disposition::Damaged,
        Some(Landing::Scrapped) => proto::Disposition::Scrapped,
        None => proto::Disposition::Refused,
    }
}
