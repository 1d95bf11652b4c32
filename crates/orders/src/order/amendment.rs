//! Amendments of an order: the one that is pending with what it waits for, and what became of the last ones.

use crate::command::CancelLine;
use crate::content::OrderContent;
use crate::order::{Unserved, UnservedReason};
use minicbor::{Decode, Encode};
use waybill_types::exchange::{Assignment, LineUnits, TakeOver};
use waybill_types::policy::ChangeKind;
use waybill_types::{Channel, LineNo, NodeId, Quantity, ReservationId, Timestamp};

/// An amendment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Amendment {
    /// Its number within the order, from 1; never reused.
    #[n(0)]
    pub number: u32,
    /// What kinds of change it is made of.
    #[n(1)]
    pub kinds: Vec<ChangeKind>,
    /// When it was asked for.
    #[n(2)]
    pub asked_at: Timestamp,
    /// How far it is.
    #[n(3)]
    pub state: AmendmentState,
}

/// How far an amendment is. At most one of an order is pending.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AmendmentState {
    /// Not decided yet.
    #[n(0)]
    Pending(#[n(0)] Box<PendingAmendment>),
    /// All of it happened.
    #[n(1)]
    Applied,
    /// Nothing of it happened.
    #[n(2)]
    Refused(#[n(0)] AmendmentRefused),
}

/// Why an amendment was refused after it had been taken.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AmendmentRefused {
    /// Somebody with the right to said no.
    #[n(0)]
    NotApproved,
    /// It was not done by its deadline.
    #[n(1)]
    TooLate,
    /// A node had already picked units that it needed back.
    #[n(2)]
    AlreadyPicked(#[n(0)] Vec<LineUnits>),
    /// Nothing serves the units as they would be.
    #[n(3)]
    Unserved(#[n(0)] Vec<LineUnits>, #[n(1)] UnservedReason),
    /// Something else happened to the order that it does not go together with: units it counted on were cancelled, an
    /// exchange joined the order, its personal data was destroyed.
    #[n(4)]
    Overtaken,
}

impl AmendmentRefused {
    /// The name used in facts and timelines.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotApproved => "not_approved",
            Self::TooLate => "too_late",
            Self::AlreadyPicked(_) => "already_picked",
            Self::Unserved(..) => "unserved",
            Self::Overtaken => "overtaken",
        }
    }
}

/// What a pending amendment is and waits for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PendingAmendment {
    /// The order as it shall be: lines that exist keep their numbers, new ones follow.
    #[n(0)]
    pub proposed: OrderContent,
    /// Refused whole when it is not done by then.
    #[n(1)]
    pub deadline: Timestamp,
    /// What it waits for.
    #[n(2)]
    pub waits: AmendmentWait,
    /// Units that are called off when it is applied, by line.
    #[n(3)]
    pub drops: Vec<LineUnits>,
    /// Units of nodes' unreleased work that are planned anew: the work keeps them until the new plan is reserved. Set when
    /// the planner is asked.
    #[n(4)]
    pub moves: Vec<WorkShare>,
    /// Units that a node's work had, recalled and back; their claims still stand.
    #[n(5)]
    pub recalled: Vec<RecalledUnits>,
    /// New units, by line of `proposed`.
    #[n(6)]
    pub adds: Vec<LineUnits>,
    /// The attempt number that its plan and its reservation carry; 0 before the planner is asked.
    #[n(7)]
    pub attempt: u32,
    /// Lines whose units that have not left are planned anew.
    #[n(8)]
    pub replans: Vec<Replan>,
    /// What the planner was asked for, by line of `proposed`: moved, recalled and new units.
    #[n(9)]
    pub planned: Vec<LineUnits>,
    /// How many lines the order had when it was taken.
    #[n(10)]
    pub base_lines: u16,
    /// It is a cancel that waits for somebody's yes: `proposed` is the order as it was, and no unit is called off before.
    #[n(11)]
    pub calls_off: Option<CallOff>,
}

/// A cancel that waits for somebody's yes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CallOff {
    /// Of which lines, each named.
    #[n(0)]
    pub lines: Vec<CancelLine>,
    /// Where it was asked for: that channel's rules go on deciding.
    #[n(1)]
    pub channel: Channel,
}

/// A line whose units that have not left are planned anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Replan {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// Units that a node was told to pick are recalled for it; otherwise they stay as they are.
    #[n(1)]
    pub recalls: bool,
}

/// What a pending amendment waits for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AmendmentWait {
    /// Somebody's yes.
    #[n(0)]
    Approval,
    /// Nodes that give units back, and nodes that have not said yet whether they take work that is to be moved.
    #[n(1)]
    Recalls,
    /// The planner, asked at this time.
    #[n(2)]
    Plan {
        /// When it was asked.
        #[n(0)]
        asked_at: Timestamp,
        /// Which try it is, from 1.
        #[n(1)]
        tries: u8,
    },
    /// Asks the planner again at that time.
    #[n(3)]
    Retry {
        /// When.
        #[n(0)]
        until: Timestamp,
        /// Which try that will be.
        #[n(1)]
        tries: u8,
    },
    /// Inventory, whose answer decides, even when it comes after the deadline.
    #[n(4)]
    Stock {
        /// Under which name.
        #[n(0)]
        reservation: ReservationId,
        /// What was planned.
        #[n(1)]
        assignments: Vec<Assignment>,
        /// Which try it is.
        #[n(2)]
        tries: u8,
        /// Claims of the order's own that the reservation takes over.
        #[n(3)]
        takes_over: Vec<TakeOver>,
        /// New units that the plan has nothing for; they wait for stock.
        #[n(4)]
        unserved: Vec<Unserved>,
    },
}

/// Units of a line in a node's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WorkShare {
    /// Number of the fulfilment order.
    #[n(0)]
    pub work: u16,
    /// Which line.
    #[n(1)]
    pub line: LineNo,
    /// How many units, more than zero.
    #[n(2)]
    pub quantity: Quantity,
}

/// Units that came back from a node's work with their claims standing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RecalledUnits {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// Where their claim is.
    #[n(1)]
    pub node: NodeId,
    /// Under which name.
    #[n(2)]
    pub reservation: ReservationId,
    /// How many units, more than zero.
    #[n(3)]
    pub quantity: Quantity,
}

impl Amendment {
    /// What it waits for; `None` when it is over.
    #[must_use]
    pub fn pending(&self) -> Option<&PendingAmendment> {
        match &self.state {
            AmendmentState::Pending(pending) => Some(pending),
            AmendmentState::Applied | AmendmentState::Refused(_) => None,
        }
    }
}

impl PendingAmendment {
    /// True when it counts on units of this line being where they are, or waits to call them off.
    #[must_use]
    pub fn touches(&self, line: LineNo) -> bool {
        self.replans.iter().any(|replan| replan.line == line)
            || self.drops.iter().any(|units| units.line == line)
            || self.calls_off.iter().flat_map(|off| &off.lines).any(|asked| asked.line == line)
    }
    /// When it does something by itself. Not while inventory is asked: its answer decides.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        match self.waits {
            AmendmentWait::Approval | AmendmentWait::Recalls | AmendmentWait::Plan { .. } => {
                Some(self.deadline)
            }
            AmendmentWait::Retry { until, .. } => Some(until.min(self.deadline)),
            AmendmentWait::Stock { .. } => None,
        }
    }
    /// Units of a line that came back from nodes.
    #[must_use]
    pub fn recalled_units(&self, line: LineNo) -> Quantity {
        self.recalled.iter().filter(|units| units.line == line).map(|units| units.quantity).sum()
    }
}
