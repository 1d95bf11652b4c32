//! Sourcing attempts: what was tried for which units, and how far it is.

use minicbor::{Decode, Encode};
use waybill_types::exchange::{Assignment, LineUnits, ReserveMode, Shortage};
use waybill_types::{LineNo, NodeId, Quantity, ReservationId, Timestamp};

/// One try to source units. Its number is never used for another.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Attempt {
    /// From 1 up over the order's whole life.
    #[n(0)]
    pub number: u32,
    /// When it began.
    #[n(1)]
    pub started_at: Timestamp,
    /// Which try of this planning round it is, from 1.
    #[n(2)]
    pub tries: u8,
    /// How often nodes sent these units back in this round.
    #[n(3)]
    pub bounces: u8,
    /// Nodes that must not be used: those that said no before, as far as their stock had not changed since when it began.
    #[n(4)]
    pub excluded: Vec<NodeId>,
    /// The open units it is for, by line; units that were cancelled meanwhile are gone from here.
    #[n(5)]
    pub units: Vec<LineUnits>,
    /// How far it is.
    #[n(6)]
    pub state: AttemptState,
    /// The order was amended after inventory was asked: what is granted is planned again before nodes are given it.
    #[n(7)]
    pub outdated: bool,
}

/// How far an attempt is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AttemptState {
    /// Inventory was asked to hand over a hold.
    #[n(0)]
    Adopting(#[n(0)] ReservationId),
    /// Asks the planner at that time.
    #[n(1)]
    Waiting {
        /// When.
        #[n(0)]
        until: Timestamp,
    },
    /// The planner is asked.
    #[n(2)]
    Planning {
        /// Since when.
        #[n(0)]
        asked_at: Timestamp,
        /// Units that are reserved already (from a hold, or given back by a node for an amendment that came to nothing).
        #[n(1)]
        pinned: Option<Pinned>,
    },
    /// Inventory was asked to reserve what was planned.
    #[n(3)]
    Reserving {
        /// Under which name.
        #[n(0)]
        reservation: ReservationId,
        /// All or nothing, or what there is.
        #[n(1)]
        mode: ReserveMode,
        /// What was planned and is claimed.
        #[n(2)]
        assignments: Vec<Assignment>,
    },
    /// Over.
    #[n(4)]
    Ended(#[n(0)] Ending),
}

/// Units that are reserved already, by line and node.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Pinned {
    /// The name under which they are and stay reserved: a hold's own that the order took over, or an earlier one of the
    /// order.
    #[n(0)]
    pub reservation: ReservationId,
    /// What is reserved where; sums to the attempt's units.
    #[n(1)]
    pub units: Vec<PinnedUnits>,
}

/// Units of a line at a node.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PinnedUnits {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// Where.
    #[n(1)]
    pub node: NodeId,
    /// How many units, more than zero.
    #[n(2)]
    pub quantity: Quantity,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Ending {
    /// Units were reserved and given to nodes.
    #[n(0)]
    Reserved {
        /// How many.
        #[n(0)]
        units: Quantity,
        /// How many were wanted beyond that.
        #[n(1)]
        short: Quantity,
    },
    /// Inventory refused.
    #[n(1)]
    Refused(#[n(0)] Vec<Shortage>),
    /// The planner found nothing.
    #[n(2)]
    NothingFound {
        /// How many units were wanted.
        #[n(0)]
        short: Quantity,
    },
    /// All its units were cancelled meanwhile.
    #[n(3)]
    Cancelled,
}

impl Attempt {
    /// How many units it is for.
    #[must_use]
    pub fn wanted(&self) -> Quantity {
        self.units.iter().map(|units| units.quantity).sum()
    }
    /// True until it is over.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !matches!(self.state, AttemptState::Ended(_))
    }
}
