//! The changing part of an order: where its units are, what was tried, which nodes work for it. What was ordered is
//! [`crate::content::OrderContent`]; its status is computed in [`crate::status`].

use crate::content::LookupKind;
use crate::units::Buckets;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{
    Assignment, LineUnits, PromiseWindow, ReserveMode, Shortage, UnplannedReason, WorkRefusal,
};
use waybill_types::{
    FulfillmentOrderId, LineNo, NodeId, Quantity, ReservationId, ServiceId, Text, Timestamp,
};

/// How far the order as a whole is with its caller.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Stage {
    /// To be confirmed and neither confirmed nor refused yet.
    #[n(0)]
    Pending {
        /// Refused when undecided by then.
        #[n(0)]
        confirm_by: Timestamp,
    },
    /// Accepted, or confirmed.
    #[n(1)]
    Standing,
    /// Refused; its number is free again.
    #[n(2)]
    Refused(#[n(0)] RefusedWhy),
}

/// Why an order was refused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RefusedWhy {
    /// What could not be served.
    #[n(0)]
    pub unserved: Vec<Unserved>,
    /// What inventory said last, where it was asked.
    #[n(1)]
    pub shortages: Vec<Shortage>,
}

/// Why units are not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum UnservedReason {
    /// No node that may serve it has any.
    #[n(0)]
    NoStock,
    /// Nodes have it but none reaches the destination.
    #[n(1)]
    NoRoute,
    /// The pickup node is unknown, inactive or does not hand over.
    #[n(2)]
    NoPickup,
    /// Others were faster at every try.
    #[n(3)]
    Contended,
    /// Every node that was asked said no or did not find it.
    #[n(4)]
    NodesRefused,
    /// The planner cannot plan it, such as for an address that was erased.
    #[n(5)]
    Unplannable,
    /// Not decided in time.
    #[n(6)]
    TooLate,
}

impl From<UnplannedReason> for UnservedReason {
    fn from(reason: UnplannedReason) -> Self {
        match reason {
            UnplannedReason::NoStock => Self::NoStock,
            UnplannedReason::NoRoute => Self::NoRoute,
            UnplannedReason::NoPickup => Self::NoPickup,
        }
    }
}

impl UnservedReason {
    /// The name used in facts and timelines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoStock => "no_stock",
            Self::NoRoute => "no_route",
            Self::NoPickup => "no_pickup",
            Self::Contended => "contended",
            Self::NodesRefused => "nodes_refused",
            Self::Unplannable => "unplannable",
            Self::TooLate => "too_late",
        }
    }
}

/// Units of a line that nothing serves now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Unserved {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// How many units, more than zero.
    #[n(1)]
    pub quantity: Quantity,
    /// Why.
    #[n(2)]
    pub reason: UnservedReason,
}

/// Where the units of one line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LineState {
    /// In which buckets.
    #[n(0)]
    pub buckets: Buckets,
    /// Of the units still on their way, those a node was asked to stop. A mark, not a bucket.
    #[n(1)]
    pub cancel_requested: Quantity,
    /// Inventory knows that the order waits for the line's SKU; until none of its units is open or backordered.
    #[n(2)]
    pub awaited: bool,
}

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
    /// Nodes that must not be used.
    #[n(4)]
    pub excluded: Vec<NodeId>,
    /// The open units it is for, by line; units that were cancelled meanwhile are gone from here.
    #[n(5)]
    pub units: Vec<LineUnits>,
    /// How far it is.
    #[n(6)]
    pub state: AttemptState,
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
        /// Units that are reserved already (from a hold).
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

/// Units of a hold that the order has taken over, by line and node.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Pinned {
    /// The hold's own name, under which they stay reserved.
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

/// The work of one node for the order, as orders knows it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WorkRef {
    /// Its id.
    #[n(0)]
    pub id: FulfillmentOrderId,
    /// Where.
    #[n(1)]
    pub node: NodeId,
    /// The attempt it came from.
    #[n(2)]
    pub attempt: u32,
    /// What its units stand on.
    #[n(3)]
    pub reservation: ReservationId,
    /// The carrier service; `None` for pickup.
    #[n(4)]
    pub service: Option<ServiceId>,
    /// The node must hand over (or have ready) by then.
    #[n(5)]
    pub ship_by: Timestamp,
    /// What the customer was told.
    #[n(6)]
    pub promise: PromiseWindow,
    /// How far it is.
    #[n(7)]
    pub state: WorkState,
    /// Its units by line.
    #[n(8)]
    pub lines: Vec<WorkUnits>,
    /// Cancels sent to the node's partition and not answered yet.
    #[n(9)]
    pub recalls: u16,
    /// How often nodes sent these units back before.
    #[n(10)]
    pub bounces: u8,
    /// Nodes that must not be used when it fails, besides this one.
    #[n(11)]
    pub excluded: Vec<NodeId>,
    /// The carrier; empty before shipping.
    #[n(12)]
    pub carrier: Text,
    /// The carrier's numbers; empty before shipping.
    #[n(13)]
    pub tracking: Vec<Text>,
}

/// How far a node's work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum WorkState {
    /// Handed to the node's partition, not answered yet.
    #[n(0)]
    Assigned,
    /// The node's partition has it and has taken the capacity.
    #[n(1)]
    Planned,
    /// The node was told.
    #[n(2)]
    Released,
    /// The node will do it.
    #[n(3)]
    Accepted,
    /// Being picked.
    #[n(4)]
    Picking,
    /// Picked.
    #[n(5)]
    Picked,
    /// Packed.
    #[n(6)]
    Packed,
    /// With the carrier.
    #[n(7)]
    Shipped,
    /// With the customer.
    #[n(8)]
    Delivered,
    /// At the counter.
    #[n(9)]
    ReadyForPickup,
    /// Fetched.
    #[n(10)]
    HandedOver,
    /// Called off.
    #[n(11)]
    Cancelled,
    /// The node's partition could not take it.
    #[n(12)]
    Refused(#[n(0)] WorkRefusal),
    /// The node said no.
    #[n(13)]
    Rejected,
    /// Nothing was found.
    #[n(14)]
    Shorted,
}

/// Units of one line in a node's work. Units that were cancelled, shorted, refused or rejected are gone from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WorkUnits {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// Planned or released, not picked.
    #[n(1)]
    pub to_pick: Quantity,
    /// In hand.
    #[n(2)]
    pub picked: Quantity,
    /// Left the node.
    #[n(3)]
    pub shipped: Quantity,
    /// With the customer.
    #[n(4)]
    pub delivered: Quantity,
}

impl WorkUnits {
    /// Units the node has: to pick, or picked.
    #[must_use]
    pub fn at_node(&self) -> Quantity {
        self.to_pick.plus(self.picked)
    }
    /// Units that are or were this work.
    #[must_use]
    pub fn all(&self) -> Quantity {
        self.at_node().plus(self.shipped).plus(self.delivered)
    }
}

impl WorkRef {
    /// Units of all lines that the node has.
    #[must_use]
    pub fn at_node(&self) -> Quantity {
        self.lines.iter().map(WorkUnits::at_node).sum()
    }
    /// True while it may still be cancelled without asking the node.
    #[must_use]
    pub const fn is_unreleased(&self) -> bool {
        matches!(self.state, WorkState::Assigned | WorkState::Planned)
    }
    /// The units to pick of a line.
    #[must_use]
    pub fn to_pick(&self, line: LineNo) -> Quantity {
        self.lines.iter().filter(|units| units.line == line).map(|units| units.to_pick).sum()
    }
}

/// The changing part of an order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Order {
    /// How many entries its history has; raised by each event.
    #[n(0)]
    pub revision: u64,
    /// How far it is with its caller.
    #[n(1)]
    pub stage: Stage,
    /// Where units are; line number n stands at index n - 1.
    #[n(2)]
    pub lines: Vec<LineState>,
    /// Live attempts and the last ones that are over, by number.
    #[n(3)]
    pub attempts: Vec<Attempt>,
    /// The last number given to an attempt.
    #[n(4)]
    pub last_attempt: u32,
    /// Work of nodes, by number; work that came to nothing is dropped from here after a while.
    #[n(5)]
    pub works: Vec<WorkRef>,
    /// The last number given to a fulfilment order.
    #[n(6)]
    pub last_work: u16,
    /// When it last changed.
    #[n(7)]
    pub updated_at: Timestamp,
    /// Its personal data was destroyed.
    #[n(8)]
    pub erased: bool,
    /// The newest history entries, not yet moved to a chunk.
    #[n(9)]
    pub tail: Tail,
}

/// The newest history entries and how many chunks stand before them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tail {
    /// Chunks in the history table, numbered from 0.
    #[n(0)]
    pub chunks: u16,
    /// Encoded entries, oldest first.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub entries: Vec<u8>,
}

impl Order {
    /// The state of a line.
    #[must_use]
    pub fn line(&self, line: LineNo) -> Option<&LineState> {
        self.lines.get(usize::from(line.0).checked_sub(1)?)
    }
    /// The attempt with this number, if it is still listed.
    #[must_use]
    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }
    /// The work with this number, if it is still listed.
    #[must_use]
    pub fn work(&self, number: u16) -> Option<&WorkRef> {
        self.works.iter().find(|work| work.id.number == number)
    }
    /// Attempts that are not over.
    pub fn live_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.is_live())
    }
    /// Cancels that nodes' partitions have not answered.
    #[must_use]
    pub fn recalls(&self) -> u32 {
        self.works.iter().map(|work| u32::from(work.recalls)).sum()
    }
    /// The dates the customer was given: the widest over all work that is not called off.
    #[must_use]
    pub fn promise(&self) -> Option<PromiseWindow> {
        let live = self.works.iter().filter(|work| work.lines.iter().any(|units| !units.all().is_zero()));
        live.map(|work| work.promise).reduce(widest)
    }
    /// The same, for one line.
    #[must_use]
    pub fn line_promise(&self, line: LineNo) -> Option<PromiseWindow> {
        let serves =
            |work: &&WorkRef| work.lines.iter().any(|units| units.line == line && !units.all().is_zero());
        self.works.iter().filter(serves).map(|work| work.promise).reduce(widest)
    }
    /// The order without its history, for comparing with one rebuilt from history.
    #[must_use]
    pub fn without_history(&self) -> Order {
        Order { tail: Tail::default(), ..self.clone() }
    }
}

/// The window that covers both.
#[must_use]
pub fn widest(a: PromiseWindow, b: PromiseWindow) -> PromiseWindow {
    PromiseWindow { earliest: a.earliest.min(b.earliest), latest: a.latest.max(b.latest) }
}

/// Kinds of look-up that an erasure removes.
#[must_use]
pub const fn is_erased_with_subject(kind: LookupKind) -> bool {
    match kind {
        LookupKind::Phone | LookupKind::Email => true,
        LookupKind::Customer => false,
    }
}
