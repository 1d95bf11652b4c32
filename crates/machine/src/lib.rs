//! The contract between a pure state machine and the runtime that drives it: commands in, events and refusals out,
//! state in tables. It knows no clock, no disk, no network and no business.
//!
//! - [`Machine::decide`] looks at the state and a command and answers with events or a refusal. It changes nothing.
//! - [`Machine::apply`] changes the state by one event and cannot fail. It also says which messages follow from it.
//! - Live and in recovery the same `apply` runs over the same journaled events, so the same state comes out.

pub mod code;
pub mod cold;
pub mod content;
pub mod contract;
pub mod key;
pub mod name;
pub mod record;
mod row_key;
pub mod table;

pub use code::{Code, Coded, FieldViolation};
pub use cold::{Cold, ScanOrder};
pub use content::Content;
pub use contract::{Context, Decision, Machine, Outbox, Position, State, Violation};
pub use key::Key;
pub use record::{Record, Undecodable};
pub use table::{AnyTable, EncodedLater, RowImage, Table};
