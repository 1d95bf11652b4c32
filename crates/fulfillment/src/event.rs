//! What happened. Journaled for good: the meaning of a variant never changes, fields are only added at the end as
//! options. Each event carries only what happened; the row it happened to has the rest.

use crate::command::{RejectKind, ShortKind, UndeliveredKind};
use crate::state::Package;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{LineUnits, Substituted, Work, WorkRefusal};
use waybill_types::network::{Calendar, Lane, LocalDay, Node, NodeFacts, Policy, RateCard, Zone};
use waybill_types::{FulfillmentOrderId, LineNo, NodeId, Quantity, Reason, Text, Timestamp};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Event {
    // The network, in partition 0. Each raises the network's version by one.
    /// A node was created or replaced.
    #[n(0)]
    NodeSet(#[n(0)] Box<Node>),
    /// A lane was created or replaced.
    #[n(1)]
    LaneSet(#[n(0)] Box<Lane>),
    /// A zone was created or replaced.
    #[n(2)]
    ZoneSet(#[n(0)] Box<Zone>),
    /// A calendar was created or replaced.
    #[n(3)]
    CalendarSet(#[n(0)] Box<Calendar>),
    /// A rate card was created or replaced.
    #[n(4)]
    RateCardSet(#[n(0)] Box<RateCard>),
    /// A policy came into force, as the next version.
    #[n(5)]
    PolicySet(#[n(0)] Box<Policy>),
    /// An earlier version of the policy came into force again, as the next version.
    #[n(6)]
    PolicyRestored(#[n(0)] u64),

    // The node's partition.
    /// The network's partition said this about a node.
    #[n(10)]
    NodeKnown(#[n(0)] NodeFacts),
    /// Instructions up to a number reached the node.
    #[n(11)]
    InstructionsAcknowledged(#[n(0)] NodeId, #[n(1)] u64),

    // Between orders and the node.
    /// Work was taken on; capacity is taken.
    #[n(20)]
    WorkPlanned(#[n(0)] Box<Work>),
    /// Work was not taken on; where a day of the node was too full for it, which.
    #[n(21)]
    WorkRefused(#[n(0)] FulfillmentOrderId, #[n(1)] WorkRefusal, #[n(2)] Option<(NodeId, LocalDay)>),
    /// Work was released; the node is told to pick by the instruction of this number.
    #[n(22)]
    WorkReleased(#[n(0)] FulfillmentOrderId, #[n(1)] u64),
    /// A cancel was answered.
    #[n(23)]
    CancelAnswered {
        /// Which work; it may be unknown here.
        #[n(0)]
        id: FulfillmentOrderId,
        /// Units that were still to be picked and now will not be; capacity is given back.
        #[n(1)]
        removed: Vec<LineUnits>,
        /// What orders is told has stopped: `removed`, or everything asked for where the work is unknown.
        #[n(2)]
        stopped: Vec<LineUnits>,
        /// What was in hand or gone.
        #[n(3)]
        too_late: Vec<LineUnits>,
        /// The instruction that tells the node, where it had been told to pick.
        #[n(4)]
        instruction: Option<u64>,
        /// Which recall it answers, by the order's own number.
        #[n(5)]
        recall: u32,
        /// What is in hand and the node is asked to put back.
        #[n(6)]
        asked: Vec<LineUnits>,
        /// No answer of the node by then is too late; with `asked` only.
        #[n(7)]
        answer_by: Option<Timestamp>,
        /// Why, for the node; may be empty.
        #[n(8)]
        reason: Reason,
    },
    /// The node said which units it was asked about are back on the shelf, or did not say anything in time.
    #[n(24)]
    CancelDecided(#[n(0)] FulfillmentOrderId, #[n(1)] Vec<AskAnswered>),

    // What the node did.
    /// It said yes.
    #[n(30)]
    Accepted(#[n(0)] FulfillmentOrderId),
    /// It said no.
    #[n(31)]
    Rejected(#[n(0)] FulfillmentOrderId, #[n(1)] RejectKind),
    /// It began to pick.
    #[n(32)]
    PickingStarted(#[n(0)] FulfillmentOrderId),
    /// Every line was picked or short.
    #[n(33)]
    PickConfirmed {
        /// Which work.
        #[n(0)]
        id: FulfillmentOrderId,
        /// In hand.
        #[n(1)]
        picked: Vec<PickedLine>,
        /// Not in hand.
        #[n(2)]
        shorted: Vec<ShortedLine>,
        /// Of those in hand, the ones of other goods than the line's own.
        #[n(3)]
        substituted: Vec<Substituted>,
    },
    /// It is in parcels.
    #[n(34)]
    Packed(#[n(0)] FulfillmentOrderId, #[n(1)] Vec<Package>),
    /// The carrier took it at this time, in these parcels.
    #[n(35)]
    Shipped(#[n(0)] FulfillmentOrderId, #[n(1)] Vec<Package>, #[n(2)] Timestamp),
    /// It waits at the counter, on this shelf, until then.
    #[n(36)]
    MadeReady(#[n(0)] FulfillmentOrderId, #[n(1)] Text, #[n(2)] Timestamp),
    /// The customer took it, or some of it.
    #[n(37)]
    HandedOver {
        /// Which work.
        #[n(0)]
        id: FulfillmentOrderId,
        /// How the person was checked.
        #[n(1)]
        proof: Text,
        /// What left.
        #[n(2)]
        left: Vec<LineUnits>,
        /// What the customer does not want: it is back on the shelf.
        #[n(3)]
        given_up: Vec<LineUnits>,
        /// The rest waits at the counter until then; `None` when nothing does.
        #[n(4)]
        until: Option<Timestamp>,
    },
    /// These parcels reached the customer at this time.
    #[n(38)]
    Delivered(#[n(0)] FulfillmentOrderId, #[n(1)] Vec<Text>, #[n(2)] Timestamp),
    /// The customer did not come for these units: they are back on the shelf.
    #[n(39)]
    NotCollected {
        /// Which work.
        #[n(0)]
        id: FulfillmentOrderId,
        /// What waited.
        #[n(1)]
        units: Vec<LineUnits>,
        /// The instruction that tells the node, unless it said so itself.
        #[n(2)]
        instruction: Option<u64>,
    },
    /// These parcels did not reach the customer.
    #[n(40)]
    Undelivered(#[n(0)] FulfillmentOrderId, #[n(1)] UndeliveredKind, #[n(2)] Vec<Text>),
}

/// What became of one cancel that the node was asked about.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AskAnswered {
    /// The order's number of the recall.
    #[n(0)]
    pub recall: u32,
    /// Back on the shelf.
    #[n(1)]
    pub stopped: Vec<LineUnits>,
    /// Not.
    #[n(2)]
    pub too_late: Vec<LineUnits>,
}

/// Units in hand.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PickedLine {
    /// The order's line.
    #[n(0)]
    pub line: LineNo,
    /// How many, more than zero.
    #[n(1)]
    pub quantity: Quantity,
    /// Their lots; may be empty.
    #[n(2)]
    pub lots: Vec<Text>,
    /// Their serial numbers; may be empty.
    #[n(3)]
    pub serials: Vec<Text>,
}

/// Units that were not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ShortedLine {
    /// The order's line.
    #[n(0)]
    pub line: LineNo,
    /// How many, more than zero.
    #[n(1)]
    pub quantity: Quantity,
    /// Why.
    #[n(2)]
    pub kind: ShortKind,
}
