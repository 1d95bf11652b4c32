//! What may be asked of the machine. Content comes checked value by value; whether it fits the state is decided here.

use crate::state::Package;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{Landing, LineUnits, Message};
use waybill_types::network::{Calendar, Lane, Node, Policy, RateCard, Zone};
use waybill_types::{FulfillmentOrderId, LineNo, NodeId, PartitionId, Quantity, Sku, Text, Timestamp};

/// One request.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Command {
    /// Create or replace nodes. Each row stands on its own. Partition 0 only, like the next five.
    #[n(0)]
    UpsertNodes(#[n(0)] Vec<Node>),
    /// Create or replace lanes.
    #[n(1)]
    UpsertLanes(#[n(0)] Vec<Lane>),
    /// Create or replace zones.
    #[n(2)]
    UpsertZones(#[n(0)] Vec<Zone>),
    /// Create or replace calendars.
    #[n(3)]
    UpsertCalendars(#[n(0)] Vec<Calendar>),
    /// Create or replace rate cards.
    #[n(4)]
    UpsertRateCards(#[n(0)] Vec<RateCard>),
    /// Put a new version of the sourcing policy in force.
    #[n(5)]
    SetPolicy {
        /// The whole policy.
        #[n(0)]
        policy: Box<Policy>,
        /// Only if the version in force is this one.
        #[n(1)]
        expected: Option<u64>,
    },
    /// Put an earlier version of the sourcing policy in force again, as a new version.
    #[n(6)]
    RestorePolicy {
        /// The version to repeat.
        #[n(0)]
        version: u64,
        /// Only if the version in force is this one.
        #[n(1)]
        expected: Option<u64>,
    },
    /// A node says what it did.
    #[n(7)]
    Report {
        /// With which work.
        #[n(0)]
        id: FulfillmentOrderId,
        /// The revision that the node knew.
        #[n(1)]
        revision: u64,
        /// What it did.
        #[n(2)]
        report: Report,
    },
    /// The node has every instruction up to this number.
    #[n(8)]
    AcknowledgeInstructions {
        /// Which node.
        #[n(0)]
        node: NodeId,
        /// The highest number it has.
        #[n(1)]
        through: u64,
    },
    /// Another partition says something.
    #[n(9)]
    Receive(#[n(0)] PartitionId, #[n(1)] Box<Message>),
    /// It is later now.
    #[n(10)]
    Tick,
}

/// What a node did with a fulfilment order.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Report {
    /// It will do it. From released.
    #[n(0)]
    Accept,
    /// It will not, and none of it was picked. From released, accepted, picking.
    #[n(1)]
    Reject {
        /// What kind of reason.
        #[n(0)]
        kind: RejectKind,
    },
    /// Somebody is walking the shelves. From released, accepted.
    #[n(2)]
    StartPicking,
    /// Every line is picked or short. From released, accepted, picking.
    #[n(3)]
    ConfirmPick(#[n(0)] Vec<PickReport>),
    /// It is in parcels, which together hold exactly what was picked. From picked.
    #[n(4)]
    Pack(#[n(0)] Vec<Package>),
    /// The carrier has it. From picked, packed.
    #[n(5)]
    Ship {
        /// Who carries it.
        #[n(0)]
        carrier: Text,
        /// The carrier's number for parcels that state none; may be empty.
        #[n(1)]
        tracking: Text,
        /// The parcels; empty means those that were packed, or one parcel of everything.
        #[n(2)]
        packages: Vec<Package>,
        /// When the carrier took it; `None` is now.
        #[n(3)]
        shipped_at: Option<Timestamp>,
    },
    /// It waits at the counter. From picked, packed; pickups only.
    #[n(6)]
    ReadyForPickup {
        /// Where it waits; may be empty.
        #[n(0)]
        shelf: Text,
    },
    /// The customer took it. From picked, packed, ready for pickup; pickups only.
    #[n(7)]
    HandOver {
        /// How the person was checked; may be empty. Not personal data.
        #[n(0)]
        proof: Text,
        /// What the customer took, each line once; empty means everything in hand.
        #[n(1)]
        lines: Vec<LineUnits>,
        /// What becomes of what the customer did not take.
        #[n(2)]
        rest: Rest,
    },
    /// The customer did not come: what waits goes back on the shelf. From ready for pickup.
    #[n(8)]
    NoShow,
    /// The node's answer to the cancels it was asked about: these units are back on the shelf, what was asked beyond
    /// them is too late. From picked, packed, ready for pickup.
    #[n(9)]
    AnswerCancel {
        /// What it put back, each line once; empty means nothing.
        #[n(0)]
        stopped: Vec<LineUnits>,
    },
    /// The customer has these parcels. From shipped.
    #[n(10)]
    ConfirmDelivery {
        /// Which parcels; empty means all.
        #[n(0)]
        parcels: Vec<Text>,
        /// When; `None` is now.
        #[n(1)]
        delivered_at: Option<Timestamp>,
    },
    /// These parcels did not reach the customer. From shipped, delivered, undelivered.
    #[n(11)]
    ReportUndelivered {
        /// What became of them.
        #[n(0)]
        kind: UndeliveredKind,
        /// Which parcels; empty means all that it can still be said of.
        #[n(1)]
        parcels: Vec<Text>,
    },
}

/// What becomes of what a customer leaves at the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Rest {
    /// It waits on.
    #[n(0)]
    Later,
    /// It goes back on the shelf and is cancelled.
    #[n(1)]
    GiveUp,
}

/// What became of a parcel that did not reach the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum UndeliveredKind {
    /// Lost on the way.
    #[n(0)]
    Lost,
    /// Refused by the recipient; it may come back later.
    #[n(1)]
    Refused,
    /// It is back at the node, where its goods lie in this condition; after it was refused, or straight from the road.
    #[n(2)]
    ReturnedToSender(#[n(0)] Landing),
}

/// How long a pickup waits at the counter, in days.
pub const PICKUP_DAYS: i64 = 7;

impl Report {
    /// What was asked, as messages say it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject { .. } => "reject",
            Self::StartPicking => "start picking",
            Self::ConfirmPick(_) => "confirm pick",
            Self::Pack(_) => "pack",
            Self::Ship { .. } => "ship",
            Self::ReadyForPickup { .. } => "ready for pickup",
            Self::HandOver { .. } => "hand over",
            Self::NoShow => "report a no-show",
            Self::AnswerCancel { .. } => "answer a cancel",
            Self::ConfirmDelivery { .. } => "confirm delivery",
            Self::ReportUndelivered { .. } => "report undelivered parcels",
        }
    }
}

/// What was picked of one line.
#[derive(Clone, Debug, Encode, Decode)]
pub struct PickReport {
    /// The order's line.
    #[n(0)]
    pub line: LineNo,
    /// In hand, of the line's own goods.
    #[n(1)]
    pub picked: Quantity,
    /// Not in hand; with `picked` and the substitute's units exactly the line's open quantity.
    #[n(2)]
    pub short: Quantity,
    /// Why units are short; needed when any are.
    #[n(3)]
    pub short_kind: Option<ShortKind>,
    /// Lots of the picked units; may be empty.
    #[n(4)]
    pub lots: Vec<Text>,
    /// Serial numbers of the picked units; may be empty.
    #[n(5)]
    pub serials: Vec<Text>,
    /// In hand in place of the line's own goods: one of the line's substitutes, and how many units.
    #[n(6)]
    pub substitute: Option<(Sku, Quantity)>,
}

/// Why units could not be picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ShortKind {
    /// They are not there.
    #[n(1)]
    NotFound,
    /// They are there and cannot be sold.
    #[n(2)]
    Damaged,
    /// Something else; the command's reason says what.
    #[n(3)]
    Other,
}

impl ShortKind {
    /// As steps and timelines carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Damaged => "damaged",
            Self::Other => "other",
        }
    }
}

/// Why a node rejects work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum RejectKind {
    /// The goods are not there.
    #[n(1)]
    OutOfStock,
    /// The goods cannot be sold.
    #[n(2)]
    Damaged,
    /// There is no time or nobody to do it.
    #[n(3)]
    NoCapacity,
    /// The node is closed.
    #[n(4)]
    Closed,
    /// Something else; the command's reason says what.
    #[n(5)]
    Other,
}

impl RejectKind {
    /// As steps and timelines carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutOfStock => "out_of_stock",
            Self::Damaged => "damaged",
            Self::NoCapacity => "no_capacity",
            Self::Closed => "closed",
            Self::Other => "other",
        }
    }
}
