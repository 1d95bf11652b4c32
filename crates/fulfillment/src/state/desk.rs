//! What a node's own partition keeps about it: facts, counters, and the capacity of its days.

use minicbor::{Decode, Encode};
use waybill_types::network::NodeFacts;

/// The desk through which a node gets its work.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Desk {
    /// What the network's partition last said about the node.
    #[n(0)]
    pub facts: NodeFacts,
    /// How many fulfilment orders it was ever given.
    #[n(1)]
    pub last_work: u64,
    /// Number of its newest instruction; 0 before the first.
    #[n(2)]
    pub last_instruction: u64,
    /// It has every instruction up to this number.
    #[n(3)]
    pub acknowledged: u64,
}

impl Desk {
    pub(crate) fn new(facts: NodeFacts) -> Self {
        Self { facts, last_work: 0, last_instruction: 0, acknowledged: 0 }
    }
}

/// Whole units of one node and one local day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Capacity {
    /// By work that is at the node; given back by cancel, reject and short.
    #[n(0)]
    pub taken: u64,
    /// By work that has left; never given back.
    #[n(1)]
    pub used: u64,
    /// Work was refused for want of it: whoever may have wanted it is told when some is given back.
    #[cbor(n(2), skip_if = "no")]
    pub wanted: bool,
}

/// What is not so takes no bytes.
fn no(said: &bool) -> bool {
    !said
}

impl Capacity {
    /// How many units are free of `limit`; `None` is no limit.
    #[must_use]
    pub fn free(&self, limit: Option<u64>) -> Option<u64> {
        limit.map(|limit| limit.saturating_sub(self.taken.saturating_add(self.used)))
    }
}
