//! What is said about the work of a node.

use crate::{
    Attributes, Channel, ExternalNumber, FulfillmentOrderId, LineNo, NodeId, OrderId, OwnerId, Quantity,
    ReservationId, Sealed, ServiceId, Sku, Text, Timestamp, network::LocalDay,
};
use minicbor::{Decode, Encode};

/// Units of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LineUnits {
    /// The order's line.
    #[n(0)]
    pub line: LineNo,
    /// How many units, more than zero.
    #[n(1)]
    pub quantity: Quantity,
}

/// When the customer was told it comes; both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PromiseWindow {
    /// Not before.
    #[n(0)]
    pub earliest: Timestamp,
    /// Not after.
    #[n(1)]
    pub latest: Timestamp,
}

/// One line of a node's work.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WorkLine {
    /// The order's line.
    #[n(0)]
    pub line: LineNo,
    /// The caller's own id of the line; may be empty.
    #[n(1)]
    pub external_line: Text,
    /// What to pick.
    #[n(2)]
    pub sku: Sku,
    /// Whose stock.
    #[n(3)]
    pub owner: OwnerId,
    /// How many units.
    #[n(4)]
    pub quantity: Quantity,
    /// Carried through from the order line.
    #[n(5)]
    pub attributes: Attributes,
    /// The reservation these units stand on.
    #[n(6)]
    pub reservation: ReservationId,
    /// Decimals of the quantity, 0 to 3: a node's capacity counts whole units.
    #[n(7)]
    pub scale: u8,
    /// What the node may take instead, best first; may be empty.
    #[n(8)]
    pub substitutes: Vec<Sku>,
}

/// Where the goods go from the node.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum WorkDestination {
    /// To the customer's address (sealed with the order's personal data) by a carrier service.
    #[n(0)]
    Ship(#[n(0)] ServiceId),
    /// The customer collects here.
    #[n(1)]
    Pickup,
}

/// The work of one node for one order and one destination, as orders hands it over. It says everything the node
/// needs, so that the node never has to ask back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Work {
    /// Its id; carries the node's partition.
    #[n(0)]
    pub id: FulfillmentOrderId,
    /// Where it is to be done.
    #[n(1)]
    pub node: NodeId,
    /// The order it serves.
    #[n(2)]
    pub order: OrderId,
    /// The channel the order came from.
    #[n(3)]
    pub channel: Channel,
    /// The order's number in that channel.
    #[n(4)]
    pub external: ExternalNumber,
    /// What to do.
    #[n(5)]
    pub lines: Vec<WorkLine>,
    /// Where it goes.
    #[n(6)]
    pub destination: WorkDestination,
    /// Name, phone, address and notes of the recipient, sealed; the stored form is the door's `Person`.
    #[n(7)]
    pub recipient: Option<Sealed>,
    /// Hand over to the carrier (or have ready for pickup) by then.
    #[n(8)]
    pub ship_by: Timestamp,
    /// What the customer was told.
    #[n(9)]
    pub promise: PromiseWindow,
    /// Higher is worked first.
    #[n(10)]
    pub priority: u8,
    /// The order's custom attributes.
    #[n(11)]
    pub attributes: Attributes,
    /// The node's local day of `ship_by` (the assignment's `ship_day`), which its capacity is counted by; `None` counts
    /// by the UTC day of `ship_by`.
    #[n(12)]
    pub capacity_day: Option<LocalDay>,
}

/// Why a node cannot take work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum WorkRefusal {
    /// The node's capacity of that day is taken.
    #[n(0)]
    Full,
    /// The node is inactive or closed.
    #[n(1)]
    Closed,
    /// No such node.
    #[n(2)]
    UnknownNode,
}

/// A parcel as the node reports it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Parcel {
    /// The node's own number of the parcel.
    #[n(0)]
    pub number: Text,
    /// Who carries it; may be empty.
    #[n(1)]
    pub carrier: Text,
    /// How to track it; may be empty.
    #[n(2)]
    pub tracking: Text,
    /// What is in it.
    #[n(3)]
    pub lines: Vec<LineUnits>,
}

/// A line and why it was not done in full.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StepLine {
    /// Which units.
    #[n(0)]
    pub units: LineUnits,
    /// The node's reason; may be empty.
    #[n(1)]
    pub reason: Text,
}

/// What happened at the node. Only the node's partition decides these.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Step {
    /// The node will do it.
    #[n(0)]
    Accepted,
    /// Somebody is walking the shelves.
    #[n(1)]
    PickStarted,
    /// These units are in hand.
    #[n(2)]
    Picked(#[n(0)] Vec<LineUnits>),
    /// These units were not found; they are no longer this node's work.
    #[n(3)]
    Shorted(#[n(0)] Vec<StepLine>),
    /// Everything picked is packed.
    #[n(4)]
    Packed,
    /// The carrier has it.
    #[n(5)]
    Shipped(#[n(0)] Vec<Parcel>),
    /// The customer has it.
    #[n(6)]
    Delivered(#[n(0)] Vec<LineUnits>),
    /// It waits at the counter.
    #[n(7)]
    ReadyForPickup,
    /// The customer took it at the counter.
    #[n(8)]
    HandedOver(#[n(0)] Vec<LineUnits>),
    /// The node will not do any of it; these units are no longer its work.
    #[n(9)]
    Rejected(#[n(0)] Vec<StepLine>),
    /// In place of these units others are in hand, under the same line. Comes before the `Picked` that counts them.
    #[n(10)]
    Substituted(#[n(0)] Vec<Substituted>),
    /// The customer did not fetch these units, or left them at the counter for good; they are back on the shelf.
    #[n(11)]
    NotCollected(#[n(0)] Vec<LineUnits>),
    /// These units left and did not reach the customer.
    #[n(12)]
    Undelivered(#[n(0)] Undelivered, #[n(1)] Vec<LineUnits>),
}

/// Units of another SKU in place of the line's own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Substituted {
    /// Which units.
    #[n(0)]
    pub units: LineUnits,
    /// What was picked instead.
    #[n(1)]
    pub sku: Sku,
}

/// Why units that left did not reach the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Undelivered {
    /// Lost on the way.
    #[n(0)]
    Lost,
    /// Refused by the recipient; on the way back.
    #[n(1)]
    Refused,
    /// Came back to the node without having been refused.
    #[n(2)]
    ReturnedToSender,
    /// Came back to the node after it was refused.
    #[n(3)]
    RefusedBack,
}

/// What a recall does about units that are in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RecallManner {
    /// They are too late. For amendments, which never go below what is picked.
    #[n(0)]
    Firm,
    /// The node is asked to put them back. It answers stopped or too late; no answer within so many milliseconds, or a
    /// ship that comes first, is too late.
    #[n(1)]
    Ask {
        /// How long the node may take, in milliseconds, more than 0.
        #[n(0)]
        within_ms: i64,
    },
}
