//! What orders asks the planner and what the planner answers. Asking changes nothing.

use crate::{
    Channel, Country, GeoPoint, LineNo, NodeId, OrderId, OwnerId, PostalCode, Quantity, ServiceId, Sku, Text,
    Timestamp,
    exchange::{Claim, PromiseWindow},
    network::LocalDay,
};
use minicbor::{Decode, Encode};

/// How a line reaches the customer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Delivery {
    /// To the order's address.
    #[n(0)]
    Ship,
    /// Collected at this node.
    #[n(1)]
    Pickup(#[n(0)] NodeId),
}

/// Where parcels go, as coarsely as the rate card needs it. Never journaled in plain: the door opens the sealed
/// address each time it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Country.
    pub country: Country,
    /// Postal code, where the country has them.
    pub postal_code: Option<PostalCode>,
    /// The point, where the caller knows it.
    pub point: Option<GeoPoint>,
}

/// Units of one line to be planned.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PlanLine {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// What.
    #[n(1)]
    pub sku: Sku,
    /// Whose stock may serve it.
    #[n(2)]
    pub owner: OwnerId,
    /// How many units, more than zero.
    #[n(3)]
    pub quantity: Quantity,
    /// How it reaches the customer.
    #[n(4)]
    pub delivery: Delivery,
}

/// One question to the planner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRequest {
    /// What is to be planned.
    pub lines: Vec<PlanLine>,
    /// Where shipped lines go; `None` where every line is collected.
    pub destination: Option<Destination>,
    /// The time of the question.
    pub now: Timestamp,
    /// Work may not be released before this.
    pub release_at: Timestamp,
    /// Nodes that must not be used (they refused or were full), with nothing said about why.
    pub excluded: Vec<NodeId>,
    /// Units already reserved (an adopted hold): planned exactly there.
    pub pinned: Vec<Claim>,
    /// Units that the order has reserved and may use or leave: they count as there, besides what is available.
    pub own: Vec<Claim>,
    /// Where the customer ordered, for rules that differ by channel; `None` is nowhere in particular.
    pub channel: Option<Channel>,
    /// Which attempt of which order asks; `None` where nobody will ask for the decision later. No plan depends on it.
    pub asked_for: Option<AskedFor>,
}

/// The attempt of an order that a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct AskedFor {
    /// The order.
    #[n(0)]
    pub order: OrderId,
    /// Its attempt, from 1.
    #[n(1)]
    pub attempt: u32,
}

/// Units of one line given to one node.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Assignment {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// From where.
    #[n(1)]
    pub node: NodeId,
    /// How many units.
    #[n(2)]
    pub quantity: Quantity,
    /// The carrier service; `None` for pickup.
    #[n(3)]
    pub service: Option<ServiceId>,
    /// The node must hand over (or have ready) by then.
    #[n(4)]
    pub ship_by: Timestamp,
    /// When it reaches the customer.
    #[n(5)]
    pub promise: PromiseWindow,
    /// The node's local day of `ship_by`, which the node's capacity is counted by.
    #[n(6)]
    pub ship_day: Option<LocalDay>,
}

/// Why units have no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum UnplannedReason {
    /// No node that may serve it has any.
    #[n(0)]
    NoStock,
    /// Nodes have it but none reaches the destination.
    #[n(1)]
    NoRoute,
    /// The pickup node is unknown, inactive or does not hand over.
    #[n(2)]
    NoPickup,
}

/// Units no stock serves now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Unplanned {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// How many units.
    #[n(1)]
    pub quantity: Quantity,
    /// Why.
    #[n(2)]
    pub reason: UnplannedReason,
}

/// One part of a plan's cost.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CostTerm {
    /// What it is, such as `parcel` or `handling`.
    #[n(0)]
    pub name: Text,
    /// In minor units of the policy's currency; may be negative.
    #[n(1)]
    pub minor: i64,
}

/// Which data a plan was made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct PlanStamp {
    /// Version of the network document.
    #[n(0)]
    pub network: u64,
    /// Version of the sourcing policy.
    #[n(1)]
    pub policy: u64,
    /// Version of the availability mirror.
    #[n(2)]
    pub mirror: u64,
}

/// The planner's answer: no choices left.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Plan {
    /// Which units from where; together with `unplanned` exactly the units asked.
    #[n(0)]
    pub assignments: Vec<Assignment>,
    /// Units no stock serves now.
    #[n(1)]
    pub unplanned: Vec<Unplanned>,
    /// The cost by term; sums to the plan's cost.
    #[n(2)]
    pub cost: Vec<CostTerm>,
    /// No plan over the same stock and rates is cheaper than this (minor units); equals the cost where proven optimal.
    #[n(3)]
    pub lower_bound_minor: i64,
    /// What it was made from.
    #[n(4)]
    pub stamp: PlanStamp,
}

impl Plan {
    /// The plan's cost in minor units.
    #[must_use]
    pub fn cost_minor(&self) -> i64 {
        self.cost.iter().map(|term| term.minor).sum()
    }
}
