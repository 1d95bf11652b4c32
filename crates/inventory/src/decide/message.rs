//! Messages from other partitions. None is refused: each yields events or, when it came too late to matter, none.

use crate::decide::waits::{self, Awaited};
use crate::decide::{goods, holds, parts, units};
use crate::event::Event;
use crate::state::State;
use waybill_machine::Context;
use waybill_types::exchange::Message;

pub(crate) fn heard(state: &State, message: &Message, cx: &Context<'_>) -> Vec<Event> {
    match message {
        Message::Reserve(request) => parts::on_reserve(state, request, cx),
        Message::Release(id, claims) => units::on_release(state, *id, claims, cx),
        Message::AdoptHold(id, order) => holds::on_adopt(state, *id, *order, cx),
        Message::AwaitStock { order, sku, owner, quantity, priority, since } => {
            let wait = Awaited {
                order: *order,
                sku,
                owner,
                quantity: *quantity,
                priority: *priority,
                since: *since,
            };
            waits::on_await(state, &wait)
        }
        Message::ForgetStock(order, sku, owner) => waits::on_forget(state, *order, sku, owner),
        Message::ReservePart(part) => parts::on_part(state, part, cx),
        Message::PartsDecided(id, outcome) => parts::on_decided(state, *id, outcome, cx),
        Message::Settle(id, fate) => parts::on_settle(state, *id, *fate),
        Message::Abandon(id) => parts::on_abandon(state, *id, cx),
        Message::AskHome(id, part) => parts::on_ask(state, *id, *part),
        Message::Consume(id, claims) => units::on_consume(state, *id, claims, cx),
        Message::NotFound(id, claims) => units::on_not_found(state, *id, claims, cx),
        Message::Seize(id, claims) => goods::on_seize(state, *id, claims, cx),
        Message::GoodsReturned(_, id, goods) => goods::on_landed(state, id.as_str(), goods, cx),
        Message::GoodsLanded(id, goods) => goods::on_landed(state, &id.to_string(), goods, cx),
        Message::NodeOpened(node) => waits::on_opened(state, node),
        // Not for inventory: a peer that sends these is at fault, and there is nothing to do about it here.
        Message::Reserved(..)
        | Message::HoldAnswered(..)
        | Message::StockArrived(..)
        | Message::OrderPolicyChanged(..)
        | Message::AssignWork(..)
        | Message::ReleaseWork(..)
        | Message::CancelWork { .. }
        | Message::WorkPlanned(..)
        | Message::WorkRefused(..)
        | Message::WorkProgress(..)
        | Message::WorkCancelled { .. }
        | Message::NodeChanged(..) => Vec::new(),
    }
}
