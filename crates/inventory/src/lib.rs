//! The pure stock machine: what exists, where, and who has a claim on it.
//!
//! It promises that no unit is claimed twice under any order of commands and messages, that every change of on-hand
//! stock is one movement, and that a reservation over several partitions is decided once, for all of them. It knows
//! no orders beyond their ids, no prices, no routes, no clock, no disk and no network.
//!
//! A partition owns all stock of the SKUs that hash to it: their items, positions, supply of claims and waiting demand.

pub mod answer;
mod apply;
pub mod code;
pub mod command;
mod decide;
#[cfg(any(test, feature = "driver"))]
pub mod driver;
pub mod event;
pub mod invariants;
pub mod item;
mod machine;
pub mod note;
pub mod position;
pub mod queue;
pub mod read;
pub mod refusal;
pub mod reservation;
pub mod state;
pub mod stock;
pub mod wait;

#[cfg(test)]
mod tests;

pub use answer::{Answer, CountOutcome, ItemOutcome, PositionView};
pub use code::{AliasClaim, ClaimRow, Codes};
pub use command::{Command, CountRow, ItemRow};
pub use event::Event;
pub use item::{Alias, BundlePart, Dimensions, Item, ItemFlags, ItemRecord, Unit};
pub use machine::Inventory;
pub use note::{AvailabilityChanged, Note};
pub use position::{Condition, MovementKind, Position, Spot};
pub use refusal::{Refusal, RowRefusal};
pub use reservation::{ReservationLine, ReservationState, ReservationView};
pub use state::State;

/// How long home waits for the parts of a reservation before it asks the last one to end it, in milliseconds.
pub const HOME_PATIENCE_MS: i64 = 10_000;
/// How long an undecided part waits before it asks home, in milliseconds.
pub const PART_PATIENCE_MS: i64 = 30_000;
/// How long a released unknown id is remembered, in milliseconds: far longer than a message can be on its way.
pub const TOMBSTONE_MS: i64 = 24 * 60 * 60 * 1000;
/// The most claims one reservation may have.
pub const CLAIMS_MAX: usize = 500;
