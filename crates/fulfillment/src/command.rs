//! What may be asked of the machine. Content comes checked value by value; whether it fits the state is decided here.

use crate::state::Package;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{Landing, LineUnits, Message};
use waybill_types::network::{Calendar, Lane, Node, Policy, RateCard, Zone};
use waybill_types::{FulfillmentOrderId, LineNo, NodeId, PartitionId, Quantity, Sku, Text, Timestamp};

/// One request.
#[derive(Clone, Debug)]
pub enum Command {
    /// Create or replace nodes. Each row stands on its own. Partition 0 only, like the next five.
    UpsertNodes(Vec<Node>),
    /// Create or replace lanes.
    UpsertLanes(Vec<Lane>),
    /// Create or replace zones.
    UpsertZones(Vec<Zone>),
    /// Create or replace calendars.
    UpsertCalendars(Vec<Calendar>),
    /// Create or replace rate cards.
    UpsertRateCards(Vec<RateCard>),
    /// Put a new version of the sourcing policy in force.
    SetPolicy {
        /// The whole policy.
        policy: Box<Policy>,
        /// Only if the version in force is this one.
        expected: Option<u64>,
    },
    /// Put an earlier version of the sourcing policy in force again, as a new version.
    RestorePolicy {
        /// The version to repeat.
        version: u64,
        /// Only if the version in force is this one.
        expected: Option<u64>,
    },
    /// A node says what it did.
    Report {
        /// With which work.
        id: FulfillmentOrderId,
        /// The revision that the node knew.
        revision: u64,
        /// What it did.
        report: Report,
    },
    /// The node has every instruction up to this number.
    AcknowledgeInstructions {
        /// Which node.
        node: NodeId,
        /// The highest number it has.
        through: u64,
    },
    /// Another partition says something.
    Receive(PartitionId, Box<Message>),
    /// It is later now.
    Tick,
}

/// What a node did with a fulfilment order.
#[derive(Clone, Debug)]
pub enum Report {
    /// It will do it. From released.
    Accept,
    /// It will not, and none of it was picked. From released, accepted, picking.
    Reject {
        /// What kind of reason.
        kind: RejectKind,
    },
    /// Somebody is walking the shelves. From released, accepted.
    StartPicking,
    /// Every line is picked or short. From released, accepted, picking.
    ConfirmPick(Vec<PickReport>),
    /// It is in parcels, which together hold exactly what was picked. From picked.
    Pack(Vec<Package>),
    /// The carrier has it. From picked, packed.
    Ship {
        /// Who carries it.
        carrier: Text,
        /// The carrier's number for parcels that state none; may be empty.
        tracking: Text,
        /// The parcels; empty means those that were packed, or one parcel of everything.
        packages: Vec<Package>,
        /// When the carrier took it; `None` is now.
        shipped_at: Option<Timestamp>,
    },
    /// It waits at the counter. From picked, packed; pickups only.
    ReadyForPickup {
        /// Where it waits; may be empty.
        shelf: Text,
    },
    /// The customer took it. From picked, packed, ready for pickup; pickups only.
    HandOver {
        /// How the person was checked; may be empty. Not personal data.
        proof: Text,
        /// What the customer took, each line once; empty means everything in hand.
        lines: Vec<LineUnits>,
        /// What becomes of what the customer did not take.
        rest: Rest,
    },
    /// The customer did not come: what waits goes back on the shelf. From ready for pickup.
    NoShow,
    /// The node's answer to the cancels it was asked about: these units are back on the shelf, what was asked beyond
    /// them is too late. From picked, packed, ready for pickup.
    AnswerCancel {
        /// What it put back, each line once; empty means nothing.
        stopped: Vec<LineUnits>,
    },
    /// The customer has these parcels. From shipped.
    ConfirmDelivery {
        /// Which parcels; empty means all.
        parcels: Vec<Text>,
        /// When; `None` is now.
        delivered_at: Option<Timestamp>,
    },
    /// These parcels did not reach the customer. From shipped, delivered, undelivered.
    ReportUndelivered {
        /// What became of them.
        kind: UndeliveredKind,
        /// Which parcels; empty means all that it can still be said of.
        parcels: Vec<Text>,
    },
}

/// What becomes of what a customer leaves at the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It waits on.
    Later,
    /// It goes back on the shelf and is cancelled.
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
#[derive(Clone, Debug)]
pub struct PickReport {
    /// The order's line.
    pub line: LineNo,
    /// In hand, of the line's own goods.
    pub picked: Quantity,
    /// Not in hand; with `picked` and the substitute's units exactly the line's open quantity.
    pub short: Quantity,
    /// Why units are short; needed when any are.
    pub short_kind: Option<ShortKind>,
    /// Lots of the picked units; may be empty.
    pub lots: Vec<Text>,
    /// Serial numbers of the picked units; may be empty.
    pub serials: Vec<Text>,
    /// In hand in place of the line's own goods: one of the line's substitutes, and how many units.
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
