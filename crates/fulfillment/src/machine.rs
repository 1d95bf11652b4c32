//! The contract, bound to this machine's types.

use crate::answer::Answer;
use crate::command::Command;
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::FulfillmentState;
use crate::{apply, decide, invariants};
use waybill_machine::{Context, Decision, Machine, Outbox, ScanOrder, Violation};
use waybill_types::exchange::Message;
use waybill_types::{Layout, NodeId, PartitionId, Service, Timestamp};

/// The fulfilment machine.
#[derive(Debug)]
pub struct Fulfillment;

/// What the door of a partition is told once events are durable. Nothing here needs repeating after a restart: streams
/// and mirrors read the tables when they begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The node has a new instruction of this number.
    Instructed(NodeId, u64),
    /// The network is at this version now.
    NetworkChanged(u64),
    /// This partition knows the node's document as of this revision.
    NodeKnown(NodeId, u64),
}

impl Machine for Fulfillment {
    const SERVICE: Service = Service::Fulfillment;
    type State = FulfillmentState;
    type Command = Command;
    type Event = Event;
    type Answer = Answer;
    type Refusal = Refusal;
    type Note = Note;

    fn create(partition: PartitionId, layout: Layout) -> FulfillmentState {
        FulfillmentState::new(partition, layout)
    }
    fn decide(
        state: &FulfillmentState,
        command: &Command,
        cx: &Context<'_>,
    ) -> Result<Decision<Event, Answer>, Refusal> {
        decide::decide(state, command, cx)
    }
    fn apply(state: &mut FulfillmentState, event: &Event, cx: &Context<'_>, out: &mut Outbox<Note>) {
        apply::apply(state, event, cx, out);
    }
    fn receive(from: PartitionId, message: Message) -> Command {
        Command::Receive(from, Box::new(message))
    }
    fn tick() -> Command {
        Command::Tick
    }
    fn next_due(state: &FulfillmentState) -> Option<Timestamp> {
        state.timers.scan(&(), None, ScanOrder::Ascending, 1).first().map(|((at, _), _)| *at)
    }
    fn pending(_: &FulfillmentState) -> Vec<Note> {
        Vec::new()
    }
    fn audit(state: &FulfillmentState, checked: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation> {
        invariants::audit(state, checked)
    }
}
