//! The pure customer machine: which identities are one person's, and what was said about that person.
//!
//! It promises that an identity has one owner unless it is marked as shared, that a merged record ends at exactly one
//! living record, that no identity is lost by a merge or a split, and that a record is the fold of its events. It knows
//! identities as keyed digests and texts as sealed bytes; it refuses to know orders, names in plain, and whose an order
//! is: the door finds that out from both sides.

mod apply;
mod command;
mod decide;
mod event;
mod fold;
pub mod invariants;
mod machine;
mod record;
mod refusal;
mod state;

#[cfg(test)]
mod tests;

pub use command::{Answer, Command, NewContact, NewFeedback, NewIdentity};
pub use event::{Absorbed, Event, What};
pub use fold::fold;
pub use machine::Customers;
pub use record::{
    About, Change, Contact, ContactKind, Customer, Feedback, FeedbackKind, Identity, IdentityKey,
    IdentityKind, Profile,
};
pub use refusal::Refusal;
pub use state::CustomersState;

/// The most identities one record may have.
pub const IDENTITIES_MAX: usize = 50;
/// The most contacts, and as many things said, that a record keeps; the oldest go first.
pub const KEPT_MAX: usize = 100;
/// The most changes of a record that are kept for people to read; the oldest go first.
pub const CHANGES_MAX: usize = 200;
