//! Rows of the network: documents with their revisions, and the head that counts them.

use minicbor::{Decode, Encode};
use waybill_types::{Actor, Channel, Currency, Reason, Timestamp};

/// A document and how often it was changed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Kept<T> {
    /// From 1 up.
    #[n(0)]
    pub revision: u64,
    /// The document.
    #[n(1)]
    pub document: T,
}

/// What is true of the whole network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct NetworkHead {
    /// Rises by one with each change of any row; 0 is an empty network.
    #[n(0)]
    pub version: u64,
    /// The policy in force; 0 is none.
    #[n(1)]
    pub policy: u64,
    /// The currency of every amount, fixed by the first one written.
    #[n(2)]
    pub currency: Option<Currency>,
    /// Number of nodes.
    #[n(3)]
    pub nodes: u64,
    /// Number of lanes.
    #[n(4)]
    pub lanes: u64,
    /// Number of zones.
    #[n(5)]
    pub zones: u64,
    /// Number of calendars.
    #[n(6)]
    pub calendars: u64,
    /// Number of rate cards.
    #[n(7)]
    pub rate_cards: u64,
}

/// How a version of the sourcing policy came into force.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PolicyFacts {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// From where.
    #[n(1)]
    pub channel: Channel,
    /// By whom.
    #[n(2)]
    pub actor: Actor,
    /// Why; may be empty.
    #[n(3)]
    pub reason: Reason,
    /// The sequence in the journal of partition 0 from which on it is in force.
    #[n(4)]
    pub position: u64,
    /// The earlier version that it repeats.
    #[n(5)]
    pub restores: Option<u64>,
}
