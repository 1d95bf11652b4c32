//! Holds on an order: named reasons that stop it from going on until somebody resolves them. They never touch stock: what
//! is reserved for a held order stays reserved.

use minicbor::{Decode, Encode};
use waybill_types::policy::{ChangeKind, HoldCode, HoldType};
use waybill_types::{LineNo, Text, Timestamp};

/// A hold on an order or on one of its lines.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OrderHold {
    /// Its number within the order, from 1; never reused.
    #[n(0)]
    pub number: u16,
    /// Which line; `None` is the whole order.
    #[n(1)]
    pub line: Option<LineNo>,
    /// What it is and what it stops, as the policy had it when it was placed.
    #[n(2)]
    pub kind: HoldType,
    /// Why; may be empty.
    #[n(3)]
    pub note: Text,
    /// Since when.
    #[n(4)]
    pub placed_at: Timestamp,
    /// The order was changed since and this type must look again.
    #[n(5)]
    pub changed_since: bool,
    /// How it ended; `None` while it stands.
    #[n(6)]
    pub resolved: Option<Resolved>,
}

/// How a hold ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Resolved {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// What was found out; may be empty.
    #[n(1)]
    pub note: Text,
}

impl OrderHold {
    /// What it is.
    #[must_use]
    pub const fn code(&self) -> &HoldCode {
        &self.kind.code
    }
    /// True until it is resolved.
    #[must_use]
    pub const fn stands(&self) -> bool {
        self.resolved.is_none()
    }
    /// True when it concerns this line.
    #[must_use]
    pub fn covers(&self, line: LineNo) -> bool {
        self.line.is_none_or(|held| held == line)
    }
    /// True when it stops this kind of change.
    #[must_use]
    pub fn stops(&self, kind: ChangeKind) -> bool {
        self.stands() && self.kind.stops_changes.contains(&kind)
    }
}
