//! Decides: looks at the state and a command, answers with events or a refusal, changes nothing.

mod amend;
mod back;
mod cancel;
mod draft;
mod exception;
mod hold;
pub(crate) mod order_hold;
mod place;
mod plan;
mod policy;
mod reserve;
mod stale;
mod tick;
mod unserved;
mod work;

pub use amend::{CHANGES_MAX, Needs, Preview, needs_once_approved, preview};

use crate::answer::Answer;
use crate::command::Command;
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::OrdersState;
use draft::Draft;
use waybill_machine::{Context, Decision};
use waybill_types::OrderId;
use waybill_types::exchange::Message;

/// How often a planning round tries to reserve before it gives up.
pub const TRIES_MAX: u8 = 5;
/// The delay before try n + 1 of a planning round, times n.
pub const RETRY_MS: i64 = 20;
/// A pending order that is undecided after this long is refused.
pub const CONFIRM_MS: i64 = 60_000;
/// Orders handled by one tick; more are due at once again.
pub const TICK_ORDERS: usize = 64;
/// Lines of one order.
pub const LINES_MAX: usize = 500;

/// Decides one command.
pub(crate) fn decide(
    state: &OrdersState,
    command: &Command,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    match command {
        Command::Place(place) => place::place(state, place, cx),
        Command::Import(import) => place::import(state, import, cx),
        Command::RecordPlan(recorded) => Ok(done(plan::record(state, recorded, cx))),
        Command::Cancel(cancel) => cancel::cancel(state, cancel, cx),
        Command::PlaceOrderHold { order, line, code, note } => {
            order_hold::place(state, *order, *line, code, note, cx)
        }
        Command::ResolveOrderHold { order, hold, note } => {
            order_hold::resolve(state, *order, *hold, note, cx)
        }
        Command::SetOrderPolicy { policy, expected_version } => {
            policy::set(state, policy, *expected_version, cx)
        }
        Command::Amend(amend) => amend::amend(state, amend, cx),
        Command::DecideAmendment { order, amendment, approve } => {
            amend::decide(state, *order, *amendment, *approve, cx)
        }
        Command::AnswerException { order, lines, answer, note } => {
            exception::answer(state, *order, lines, *answer, note, cx)
        }
        Command::RequestReturn(request) => back::request(state, request, cx),
        Command::DecideReturn { id, authorise } => back::decide(state, *id, *authorise, cx),
        Command::ReceiveReturn { id, received } => back::receive(state, *id, received, cx),
        Command::CloseReturn { id } => back::close(state, *id, cx),
        Command::EraseSubject(order) => erase(state, *order, cx),
        Command::BeginErasure { orders } => Ok(Decision::nothing(Answer::Erasing { orders: *orders })),
        Command::BeginJob => Ok(Decision::nothing(Answer::JobBegun { at: cx.at })),
        Command::Hear(message) => Ok(done(hear(state, message, cx))),
        Command::Tick => Ok(done(tick::tick(state, cx))),
    }
}

fn done(events: Vec<Event>) -> Decision<Event, Answer> {
    Decision::new(events, Answer::Done)
}

fn erase(state: &OrdersState, id: OrderId, cx: &Context<'_>) -> Result<Decision<Event, Answer>, Refusal> {
    let mut draft = Draft::load(state, id, cx).ok_or(Refusal::UnknownOrder(id))?;
    let before = draft.order.erased;
    if !before {
        draft.push(crate::event::What::SubjectErased);
    }
    Ok(Decision::new(draft.finish(), Answer::Erased { before }))
}

/// A message is never refused. One that comes too late for the order as it is now has no effect.
fn hear(state: &OrdersState, message: &Message, cx: &Context<'_>) -> Vec<Event> {
    match message {
        Message::Reserved(id, outcome) => reserve::reserved(state, *id, outcome, cx),
        Message::HoldAnswered(hold, order, answer) => hold::answered(state, *hold, *order, answer, cx),
        Message::StockArrived(order, sku, owner, risen) => {
            reserve::stock_arrived(state, *order, sku, owner, risen.as_ref(), cx)
        }
        Message::WorkPlanned(id) => work::planned(state, *id, cx),
        Message::WorkRefused(id, refusal) => work::refused(state, *id, *refusal, cx),
        Message::WorkProgress(id, step) => work::progress(state, *id, step, cx),
        Message::WorkCancelled { id, stopped, too_late, recall, asked } => {
            let answer = work::RecallAnswer { stopped, too_late, recall: *recall, asked };
            work::recalled(state, *id, &answer, cx)
        }
        Message::OrderPolicyChanged(version, policy) => policy::heard(state, *version, policy, cx),
        // Not for orders.
        Message::Reserve(_)
        | Message::Release(..)
        | Message::AdoptHold(..)
        | Message::AwaitStock { .. }
        | Message::ForgetStock(..)
        | Message::ReservePart(_)
        | Message::PartsDecided(..)
        | Message::Settle(..)
        | Message::Abandon(_)
        | Message::AskHome(..)
        | Message::AssignWork(_)
        | Message::ReleaseWork(_)
        | Message::CancelWork { .. }
        | Message::Consume(..)
        | Message::NotFound(..)
        | Message::GoodsReturned(..)
        | Message::Seize(..)
        | Message::GoodsLanded(..)
        | Message::NodeOpened(_)
        | Message::NodeChanged(_) => Vec::new(),
    }
}
