//! What happened to goods that come back.

use crate::content::{Line, OrderAmounts};
use crate::order::LookedAt;
use minicbor::{Decode, Encode};
use waybill_types::{LineNo, Quantity, Text, Timestamp};

/// Goods are to come back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReturnRequested {
    /// The return's number within the order.
    #[n(0)]
    pub number: u16,
    /// They may come; otherwise somebody must say yes.
    #[n(1)]
    pub authorised: bool,
    /// What comes back, each line once.
    #[n(2)]
    pub lines: Vec<AskedBack>,
    /// What the customer gets instead, worth exactly as much; empty is a plain return.
    #[n(3)]
    pub replacements: Vec<Line>,
    /// What has not come by then will not come.
    #[n(4)]
    pub lapses_at: Timestamp,
    /// Version of the policy that decided.
    #[n(5)]
    pub policy_version: u64,
}

/// Units of a line asked back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AskedBack {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// How many units, more than zero.
    #[n(1)]
    pub quantity: Quantity,
    /// Why; may be empty.
    #[n(2)]
    pub why: Text,
}

/// Goods of a return lie at a node and were looked at.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReturnReceived {
    /// The return's number within the order.
    #[n(0)]
    pub number: u16,
    /// What was found.
    #[n(1)]
    pub found: Vec<Found>,
    /// Paid back because of it, in minor units.
    #[n(2)]
    pub refund: i64,
}

/// Units of a line that were looked at.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Found {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// Where, how many, and what became of them.
    #[n(1)]
    pub looked_at: LookedAt,
}

/// What the customer gets for goods that came back is part of the order now; its units are open and outside any attempt.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReplacementsJoined {
    /// The return's number within the order.
    #[n(0)]
    pub number: u16,
    /// The lines, numbered on from the last one.
    #[n(1)]
    pub lines: Vec<Line>,
    /// The order's amounts with them.
    #[n(2)]
    pub amounts: OrderAmounts,
}
