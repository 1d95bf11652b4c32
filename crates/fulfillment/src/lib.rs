//! The pure fulfilment machine: the work of nodes, what each node is told, and the network they stand in.
//!
//! It promises that a node takes no more work per local day than it said it can, that a node's instructions are numbered
//! without gaps and a fulfilment order's revisions only grow along them, and that each unit of work has one fate: a
//! cancel that races a pick is decided here, once. It refuses to know what orders want, what stock exists, how a plan
//! is found and how instructions travel.
//!
//! Partitions: a node's work, capacity and instructions live in the node's partition; nodes, lanes, zones, calendars,
//! rate cards and the policy live in partition 0, which tells each node's partition the facts it needs.
//!
//! Shortcuts that a simple warehouse uses are legal: a pick may be confirmed without accept or start, and a picked
//! order may be shipped, made ready or handed over without pack. What is never legal is to skip the pick.

mod answer;
mod apply;
mod command;
mod decide;
mod event;
mod invariants;
mod machine;
mod refusal;
mod state;

#[cfg(test)]
mod driver;
#[cfg(test)]
mod tests;

pub use answer::{Answer, RowOutcome, RowRefusal};
pub use command::{Command, PICKUP_DAYS, PickReport, RejectKind, Report, Rest, ShortKind, UndeliveredKind};
pub use event::{AskAnswered, Event, PickedLine, ShortedLine};
pub use invariants::{OpenUnits, open_units};
pub use machine::{Fulfillment, Note};
pub use refusal::Refusal;
pub use state::{
    Ask, Capacity, Desk, FulfillmentOrder, FulfillmentState, Instruction, InstructionKind, InstructionLine,
    Kept, LineProgress, NetworkHead, Package, PolicyFacts, Substitute, WorkState,
};
