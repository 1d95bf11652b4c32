//! The contract itself.

use crate::code::Coded;
use crate::record::Record;
use crate::table::AnyTable;
use minicbor::{Decode, Encode};
use waybill_types::exchange::Message;
use waybill_types::{Layout, Origin, PartitionId, Service, Timestamp};

/// Where an entry stands in its partition's journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Position {
    /// The frame's dense sequence, from 1.
    #[n(0)]
    pub sequence: u64,
    /// The entry within the frame, from 0.
    #[n(1)]
    pub index: u32,
}

/// What a machine is told besides state and command. Time is stamped by the partition and never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The partition's time: max(its clock, the last journaled time).
    pub at: Timestamp,
    /// Channel, actor and reason of the command.
    pub origin: &'a Origin,
    /// The partition this machine is.
    pub partition: PartitionId,
    /// How many partitions there are.
    pub layout: Layout,
    /// Where the entry will stand.
    pub position: Position,
}

/// What an accepted command comes to.
#[derive(Debug)]
pub struct Decision<E, A> {
    /// What happened, in order; may be empty when the command had its effect before.
    pub events: Vec<E>,
    /// What the caller is told, now and on every retry.
    pub answer: A,
}

impl<E, A> Decision<E, A> {
    /// These events and this answer.
    pub fn new(events: Vec<E>, answer: A) -> Self {
        Self { events, answer }
    }
    /// Nothing happens; this is the answer.
    pub fn nothing(answer: A) -> Self {
        Self { events: Vec::new(), answer }
    }
}

/// What follows from an event: messages to partitions (kept until applied there) and notes to the door of this
/// partition (not kept; [`Machine::pending`] repeats the ones that matter after a restart).
#[derive(Debug)]
pub struct Outbox<N> {
    /// Messages in the order they are to be numbered.
    pub messages: Vec<(PartitionId, Message)>,
    /// Notes for this partition's door.
    pub notes: Vec<N>,
}

impl<N> Default for Outbox<N> {
    fn default() -> Self {
        Self { messages: Vec::new(), notes: Vec::new() }
    }
}

impl<N> Outbox<N> {
    /// Sends `message` to `to`: exactly once, in order.
    pub fn send(&mut self, to: PartitionId, message: Message) {
        self.messages.push((to, message));
    }
    /// Tells this partition's door, once the event is durable.
    pub fn note(&mut self, note: N) {
        self.notes.push(note);
    }
}

/// A law that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The law's name, such as `STOCK-1`.
    pub law: &'static str,
    /// What is wrong where, with the numbers.
    pub what: String,
}

/// The state of one partition: a set of tables and nothing else that would have to survive.
pub trait State: Send + 'static {
    /// Every table, each with its own prefix.
    fn tables(&mut self) -> Vec<&mut dyn AnyTable>;
}

/// A pure state machine.
pub trait Machine: Send + Sync + Sized + 'static {
    /// Which service it is.
    const SERVICE: Service;
    /// The state of one partition.
    type State: State;
    /// What may be asked, by callers, by other partitions and by the clock.
    type Command: Send + 'static;
    /// What happened. Journaled: the meaning of a variant never changes; a new meaning is a new variant.
    type Event: Record;
    /// What a caller is told. Journaled with its request id.
    type Answer: Record + Clone;
    /// Why not.
    type Refusal: Coded;
    /// What the door of this partition must do outside, such as asking the planner.
    type Note: Send + 'static;

    /// The state of a new partition.
    fn create(partition: PartitionId, layout: Layout) -> Self::State;

    /// Decides. Reads only; every refusal comes before the first event is made.
    ///
    /// # Errors
    /// The machine's refusal. Commands from [`Self::receive`] and [`Self::tick`] are never refused.
    fn decide(
        state: &Self::State,
        command: &Self::Command,
        cx: &Context<'_>,
    ) -> Result<Decision<Self::Event, Self::Answer>, Self::Refusal>;

    /// Changes the state by one event. Cannot fail.
    fn apply(state: &mut Self::State, event: &Self::Event, cx: &Context<'_>, out: &mut Outbox<Self::Note>);

    /// The command for a message from another partition.
    fn receive(from: PartitionId, message: Message) -> Self::Command;

    /// True where the machine knows by itself what the command came to, and a repeat comes to the same: it may be put again
    /// without a request id while nobody knows whether it was done.
    #[must_use]
    fn is_repeatable(_command: &Self::Command) -> bool {
        false
    }

    /// The command for "it is later now": everything due by the context's time expires.
    fn tick() -> Self::Command;

    /// When the next tick is due, if anything waits for time.
    fn next_due(state: &Self::State) -> Option<Timestamp>;

    /// Notes whose work is not journaled as done: repeated to the door after a restart.
    fn pending(state: &Self::State) -> Vec<Self::Note>;

    /// Checks the laws that one partition can check alone: calls `checked(law, how many things)` and returns what
    /// does not hold. Scans everything: for audits and tests, not for the hot path.
    fn audit(state: &Self::State, checked: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation>;
}
