//! From a command and the state to events or a refusal. Nothing here changes anything.

mod acknowledge;
mod contents;
mod counter;
mod network;
mod policy;
mod report;
mod tick;
mod undelivered;
mod work;

use crate::answer::Answer;
use crate::command::Command;
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::FulfillmentState;
use waybill_machine::{Context, Decision};
use waybill_types::PartitionId;
use waybill_types::exchange::Message;

pub(crate) type Decided = Result<Decision<Event, Answer>, Refusal>;

pub(crate) fn decide(state: &FulfillmentState, command: &Command, cx: &Context<'_>) -> Decided {
    match command {
        Command::UpsertNodes(rows) => network::nodes(state, rows),
        Command::UpsertLanes(rows) => network::lanes(state, rows),
        Command::UpsertZones(rows) => network::zones(state, rows),
        Command::UpsertCalendars(rows) => network::calendars(state, rows),
        Command::UpsertRateCards(rows) => network::rate_cards(state, rows),
        Command::SetPolicy { policy, expected } => policy::set(state, policy, *expected),
        Command::RestorePolicy { version, expected } => policy::restore(state, *version, *expected),
        Command::Report { id, revision, report } => report::decide(state, *id, *revision, report, cx),
        Command::AcknowledgeInstructions { node, through } => acknowledge::decide(state, node, *through),
        Command::Receive(from, message) => {
            Ok(Decision::new(receive(state, *from, message, cx), Answer::Nothing))
        }
        Command::Tick => Ok(Decision::new(tick::tick(state, cx), Answer::Nothing)),
    }
}

/// Messages are never refused. Those that belong to other machines cannot come here; if one does, nothing happens.
fn receive(state: &FulfillmentState, _: PartitionId, message: &Message, cx: &Context<'_>) -> Vec<Event> {
    match message {
        Message::AssignWork(work) => work::assign(state, work),
        Message::ReleaseWork(id) => work::release(state, *id),
        Message::CancelWork { id, units, recall, manner, reason } => {
            let asked = work::Recall { id: *id, units, recall: *recall, manner: *manner, reason };
            work::cancel(state, &asked, cx)
        }
        Message::NodeChanged(facts) => {
            let known = state.desk(&facts.node).is_some_and(|desk| desk.facts.revision >= facts.revision);
            if known { Vec::new() } else { vec![Event::NodeKnown(facts.clone())] }
        }
        Message::Reserve(_)
        | Message::Release(..)
        | Message::AdoptHold(..)
        | Message::AwaitStock { .. }
        | Message::ForgetStock(..)
        | Message::Reserved(..)
        | Message::HoldAnswered(..)
        | Message::StockArrived(..)
        | Message::ReservePart(_)
        | Message::PartsDecided(..)
        | Message::Settle(..)
        | Message::Abandon(_)
        | Message::AskHome(..)
        | Message::WorkPlanned(_)
        | Message::WorkRefused(..)
        | Message::WorkProgress(..)
        | Message::WorkCancelled { .. }
        | Message::GoodsReturned(..)
        | Message::Seize(..)
        | Message::GoodsLanded(..)
        | Message::NodeOpened(_)
        | Message::OrderPolicyChanged(..)
        | Message::Consume(..)
        | Message::NotFound(..) => Vec::new(),
    }
}
