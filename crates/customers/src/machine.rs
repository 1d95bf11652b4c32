//! The machine: commands to `decide`, events to `apply`, the next timer, the laws.

use crate::command::{Answer, Command};
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::CustomersState;
use crate::{apply, decide, invariants};
use waybill_machine::{Context, Decision, Machine, Outbox, ScanOrder, Violation};
use waybill_types::exchange::Message;
use waybill_types::{Layout, PartitionId, Service, Timestamp};

/// The customer machine.
#[derive(Clone, Copy, Debug)]
pub struct Customers;

impl Machine for Customers {
    const SERVICE: Service = Service::Customers;
    type State = CustomersState;
    type Command = Command;
    type Event = Event;
    type Answer = Answer;
    type Refusal = Refusal;
    type Note = ();

    fn create(_: PartitionId, _: Layout) -> CustomersState {
        CustomersState::default()
    }
    fn decide(
        state: &CustomersState,
        command: &Command,
        cx: &Context<'_>,
    ) -> Result<Decision<Event, Answer>, Refusal> {
        decide::decide(state, command, cx)
    }
    fn apply(state: &mut CustomersState, event: &Event, cx: &Context<'_>, _: &mut Outbox<()>) {
        apply::apply(state, event, cx);
    }
    fn receive(_: PartitionId, _: Message) -> Command {
        Command::Heard
    }
    fn tick() -> Command {
        Command::Tick
    }
    fn next_due(state: &CustomersState) -> Option<Timestamp> {
        state.timers.scan(&(), None, ScanOrder::Ascending, 1).first().map(|((due, _), _)| *due)
    }
    fn pending(_: &CustomersState) -> Vec<()> {
        Vec::new()
    }
    fn audit(state: &CustomersState, checked: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation> {
        invariants::audit(state, checked)
    }
}
