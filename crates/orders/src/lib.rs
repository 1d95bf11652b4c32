//! The pure order machine: what the customer wants and is owed, and the conduct of its way to the nodes. It decides
//! everything up to `released` and cancels what is not released. It refuses to know stock levels, capacities, people,
//! streets, clocks and disks: plans, reservations and work come as messages, personal data comes sealed.
//!
//! One order at a time: [`content`] is what was ordered and never changes, [`order`] is what became of it, [`status`] is
//! computed from that. [`event`] says what happened; [`history`] keeps it with the order and rebuilds the order from it.
//! The laws are in [`invariants`].

mod apply;
mod claims;
mod decide;
mod fold;
mod money;
mod progress;
mod returnable;
#[cfg(test)]
mod tests;

pub mod answer;
pub mod command;
pub mod content;
pub mod event;
pub mod exceptions;
pub mod history;
pub mod invariants;
pub mod note;
pub mod order;
pub mod refusal;
pub mod state;
pub mod status;
pub mod units;

pub use answer::{Answer, LineCancelled};
pub use command::Command;
pub use decide::{
    CHANGES_MAX, CONFIRM_MS, LINES_MAX, Needs, Preview, RETRY_MS, TICK_ORDERS, TRIES_MAX,
    needs_once_approved, preview,
};
pub use event::{Event, What};
pub use money::{OrderMoney, order_money};
pub use note::{Note, PlanQuestion};
pub use order::{Order, Stage};
pub use refusal::Refusal;
pub use returnable::{Returnable, returnable};
pub use state::{Opening, OrdersState};
pub use status::{Status, status};
pub use units::{Bucket, Buckets};

use waybill_machine::{Context, Decision, Machine, Outbox, ScanOrder, Violation};
use waybill_types::exchange::Message;
use waybill_types::{Layout, PartitionId, Service, Timestamp};

/// The order machine.
pub struct Orders;

impl Machine for Orders {
    const SERVICE: Service = Service::Orders;
    type State = OrdersState;
    type Command = Command;
    type Event = Event;
    type Answer = Answer;
    type Refusal = Refusal;
    type Note = Note;

    fn create(partition: PartitionId, layout: Layout) -> OrdersState {
        OrdersState::new(partition, layout)
    }

    fn decide(
        state: &OrdersState,
        command: &Command,
        cx: &Context<'_>,
    ) -> Result<Decision<Event, Answer>, Refusal> {
        decide::decide(state, command, cx)
    }

    fn apply(state: &mut OrdersState, event: &Event, cx: &Context<'_>, out: &mut Outbox<Note>) {
        apply::apply(state, event, cx, out);
    }

    fn receive(_from: PartitionId, message: Message) -> Command {
        Command::Hear(message)
    }

    fn is_repeatable(command: &Command) -> bool {
        // One order that stands per number of a channel, whose answer a repeat is given; a refused one holds nothing, and the
        // number may be tried again. An order is erased once.
        matches!(command, Command::Place(_) | Command::Import(_) | Command::EraseSubject(_))
    }

    fn tick() -> Command {
        Command::Tick
    }

    fn next_due(state: &OrdersState) -> Option<Timestamp> {
        state.timers.scan(&(), None, ScanOrder::Ascending, 1).first().map(|((at, _), _)| *at)
    }

    fn pending(state: &OrdersState) -> Vec<Note> {
        let asked = state.asks.all().into_iter().filter_map(|((id, attempt), _)| {
            let (opening, order) = state.order(id)?;
            note::question(id, &opening, &order, attempt).map(Note::AskPlan)
        });
        asked.collect()
    }

    fn audit(state: &OrdersState, checked: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation> {
        invariants::audit(state, checked)
    }
}
