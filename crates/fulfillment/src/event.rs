//! What happened. Journaled for good: the meaning of a variant never changes, fields are only added at the end as
//! options. Each event carries only what happened; the row it happened to has the rest.

use crate::command::{RejectKind, ShortKind};
use crate::state::Package;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{LineUnits, Work, WorkRefusal};
use waybill_types::network::{Calendar, Lane, Node, NodeFacts, Policy, RateCard, Zone};
use waybill_types::{FulfillmentOrderId, LineNo, NodeId, Quantity, Text, Timestamp};

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
    /// Work was not taken on.
    #[n(21)]
    WorkRefused(#[n(0)] FulfillmentOrderId, #[n(1)] WorkRefusal),
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
        /// What orders is told has stopped: `removed`, or everything asked where the work is unknown.
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
    },

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
    },
    /// It is in parcels.
    #[n(34)]
    Packed(#[n(0)] FulfillmentOrderId, #[n(1)] Vec<Package>),
    /// The carrier took it at this time, in these parcels.
    #[n(35)]
    Shipped(#[n(0)] FulfillmentOrderId, #[n(1)] Vec<Package>, #[n(2)] Timestamp),
    /// It waits at the counter, on this shelf.
    #[n(36)]
    MadeReady(#[n(0)] FulfillmentOrderId, #[n(1)] Text),
    /// The customer took it; this is how the person was checked.
    #[n(37)]
    HandedOver(#[n(0)] FulfillmentOrderId, #[n(1)] Text),
    /// These parcels reached the customer at this time.
    #[n(38)]
    Delivered(#[n(0)] FulfillmentOrderId, #[n(1)] Vec<Text>, #[n(2)] Timestamp),
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
