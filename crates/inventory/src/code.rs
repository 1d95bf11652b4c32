//! Which item may have a code. A code is one item's, whatever partitions the items lie in: it is claimed at the code's own
//! home before the item is written with it. What an item is, and who asks, is not known here.
//!
//! A claim says for which revision of the item it was made, and is never given back:
//!
//! - **standing**: an item of the claimant's partition has the code;
//! - **pending**: the claimant has not come to that revision, so it may still be written with the code;
//! - **void**: it has, and no item there has the code. Another item may take the claim over.
//!
//! A claim that was left pending by a crash is ended by fencing the claimant: it is raised to that revision as it is, and
//! whoever still comes to write it with what was claimed before is refused.

use crate::item::Alias;
use minicbor::{Decode, Encode};
use waybill_types::{Sku, Timestamp};

/// Who claimed a code last.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AliasClaim {
    /// The item.
    #[n(0)]
    pub sku: Sku,
    /// The revision in which it was to have the code.
    #[n(1)]
    pub revision: u64,
    /// When.
    #[n(2)]
    pub at: Timestamp,
}

/// A code that an item is to have.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ClaimRow {
    /// The code.
    #[n(0)]
    pub alias: Alias,
    /// The item.
    #[n(1)]
    pub sku: Sku,
    /// The revision in which it is to have it.
    #[n(2)]
    pub revision: u64,
    /// The claim that the caller knows to be void.
    #[n(3)]
    pub over: Option<AliasClaim>,
}

/// What became of the codes that an item is to have and has not yet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Codes {
    /// These are claimed, after this revision of the item.
    #[n(0)]
    Claimed(#[n(0)] u64, #[n(1)] Vec<Alias>),
    /// One is another item's.
    #[n(1)]
    Taken(#[n(0)] Alias, #[n(1)] Sku),
}
