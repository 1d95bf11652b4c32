//! Returns of an order: units on their way back from the customer, and what is paid back for them.

use minicbor::{Decode, Encode};
use waybill_types::exchange::Landing;
use waybill_types::{LineNo, NodeId, Quantity, Text, Timestamp};

/// Goods of the order on their way back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Return {
    /// Its number within the order, from 1; never reused.
    #[n(0)]
    pub number: u16,
    /// How far it is.
    #[n(1)]
    pub state: ReturnState,
    /// What comes back.
    #[n(2)]
    pub lines: Vec<ReturnUnits>,
    /// Paid back so far, in minor units.
    #[n(3)]
    pub refunded: i64,
    /// Lines of the order that the customer gets instead; empty is a plain return. They join the order when all that was
    /// asked back has been taken.
    #[n(4)]
    pub replacements: Vec<crate::content::Line>,
    /// When it was requested.
    #[n(5)]
    pub requested_at: Timestamp,
}

/// How far a return is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ReturnState {
    /// Asked for; somebody must say yes.
    #[n(0)]
    Requested,
    /// The goods may come.
    #[n(1)]
    Authorised,
    /// Some of it lies at a node.
    #[n(2)]
    PartlyReceived,
    /// All of it was looked at, or the rest will not come.
    #[n(3)]
    Settled,
    /// Not taken.
    #[n(4)]
    Refused,
}

impl ReturnState {
    /// The name used in messages and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Authorised => "authorised",
            Self::PartlyReceived => "partly_received",
            Self::Settled => "settled",
            Self::Refused => "refused",
        }
    }
    /// True while goods may still come.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Requested | Self::Authorised | Self::PartlyReceived => true,
            Self::Settled | Self::Refused => false,
        }
    }
}

/// Units of one line of a return.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReturnUnits {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// Asked back.
    #[n(1)]
    pub asked: Quantity,
    /// Why, in the customer's terms; may be empty.
    #[n(2)]
    pub why: Text,
    /// What was looked at.
    #[n(3)]
    pub looked_at: Vec<LookedAt>,
}

/// Units that came to a node and were looked at.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LookedAt {
    /// Where.
    #[n(0)]
    pub node: NodeId,
    /// How many units.
    #[n(1)]
    pub quantity: Quantity,
    /// Taken, in this condition; `None` was refused and stays the customer's.
    #[n(2)]
    pub landing: Option<Landing>,
    /// What was found; may be empty.
    #[n(3)]
    pub note: Text,
    /// When.
    #[n(4)]
    pub at: Timestamp,
}

impl ReturnUnits {
    /// Units taken back.
    #[must_use]
    pub fn taken(&self) -> Quantity {
        self.looked_at.iter().filter(|seen| seen.landing.is_some()).map(|seen| seen.quantity).sum()
    }
    /// Units asked back and not looked at yet.
    #[must_use]
    pub fn awaited(&self) -> Quantity {
        let seen = self.looked_at.iter().map(|seen| seen.quantity).sum();
        self.asked.saturating_sub(seen)
    }
}
