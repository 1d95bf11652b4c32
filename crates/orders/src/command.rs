//! What may be asked of the order machine. Personal data comes sealed; ids and times come with the command.

use crate::content::{Backorder, Lookup, Mode, OrderAmounts, Requested};
use crate::units::Buckets;
use waybill_machine::Content;
use waybill_types::exchange::{Delivery, Message, Plan};
use waybill_types::{
    Attributes, Channel, CustomerRef, ExternalNumber, LineNo, NodeId, OrderId, OwnerId, Quantity,
    ReservationId, Sealed, Sku, SubjectKey, Text, Timestamp,
};

/// One command.
#[derive(Clone, Debug)]
pub enum Command {
    /// Place an order; its channel is the origin's.
    Place(Box<Place>),
    /// Take a finished order over as history.
    Import(Box<Import>),
    /// The door asked the planner; this is the answer.
    RecordPlan(RecordPlan),
    /// Cancel units.
    Cancel(Cancel),
    /// Mark the order's personal data as destroyed; the door has destroyed the key.
    EraseSubject(OrderId),
    /// The door is about to erase this many orders for one request: the runtime keeps the answer under the request's
    /// id, so that a retry, which finds fewer, is told the same.
    BeginErasure {
        /// How many orders.
        orders: u64,
    },
    /// Something from another partition.
    Hear(Message),
    /// It is later now.
    Tick,
}

/// What place and import have in common.
#[derive(Clone, Debug)]
pub struct Basket {
    /// The order's number in its channel.
    pub external: ExternalNumber,
    /// Digests of the request, field by field.
    pub digests: Content,
    /// The customer as the caller knows them.
    pub customer: Option<CustomerRef>,
    /// The key that seals the recipient.
    pub subject: Option<SubjectKey>,
    /// Contact, address and gift note, sealed.
    pub recipient: Option<Sealed>,
    /// What the order is found by.
    pub lookups: Vec<Lookup>,
    /// What is ordered, 1 to 500 lines; numbered from 1 in this order.
    pub lines: Vec<NewLine>,
    /// What it costs.
    pub amounts: OrderAmounts,
    /// The caller's own attributes.
    pub attributes: Attributes,
}

/// An order to place.
#[derive(Clone, Debug)]
pub struct Place {
    /// What and for whom.
    pub basket: Basket,
    /// When to answer.
    pub mode: Mode,
    /// A stock hold to adopt.
    pub hold: Option<ReservationId>,
    /// Do not release before this.
    pub release_at: Option<Timestamp>,
    /// When the customer wants it.
    pub requested: Option<Requested>,
    /// What happens to units that no stock serves.
    pub backorder: Backorder,
    /// Higher is served first, 0 to 100.
    pub priority: u8,
    /// Ties promise, hold and place of one shopping journey together.
    pub journey: Option<Text>,
}

/// One line to order.
#[derive(Clone, Debug)]
pub struct NewLine {
    /// The caller's own id of the line; may be empty, unique in the order otherwise.
    pub external: Text,
    /// What.
    pub sku: Sku,
    /// Whose.
    pub owner: OwnerId,
    /// How many units at the item's scale, more than zero.
    pub quantity: Quantity,
    /// Decimals of the quantity, 0 to 3.
    pub scale: u8,
    /// How it reaches the customer.
    pub delivery: Delivery,
    /// Price of one whole unit before discount, in minor units.
    pub unit_price: i64,
    /// Unit price times quantity; `None` means exactly that, given it is checked.
    pub subtotal: Option<i64>,
    /// Taken off the whole line, in minor units.
    pub discount: i64,
    /// Tax of the whole line, in minor units.
    pub tax: i64,
    /// Subtotal - discount, plus tax unless included; checked.
    pub total: i64,
    /// Carried through to pick instructions.
    pub attributes: Attributes,
}

/// A finished order to take over.
#[derive(Clone, Debug)]
pub struct Import {
    /// What and for whom.
    pub basket: Basket,
    /// Where it was placed.
    pub channel: Channel,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Where the units of each line ended, by index; only final buckets, sums to the quantity.
    pub ended: Vec<Buckets>,
    /// The node that served each line, where known, by index.
    pub nodes: Vec<Option<NodeId>>,
}

/// The planner's answer.
#[derive(Clone, Debug)]
pub struct RecordPlan {
    /// For which order.
    pub order: OrderId,
    /// For which attempt of it.
    pub attempt: u32,
    /// The plan, or why there will never be one (a passing failure is retried by the door and not recorded).
    pub outcome: Result<Plan, Unplannable>,
}

/// The planner can never plan this, such as for an address that was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unplannable;

/// Units to cancel.
#[derive(Clone, Debug)]
pub struct Cancel {
    /// Of which order.
    pub order: OrderId,
    /// Only if the order has this revision.
    pub expected_revision: Option<u64>,
    /// What of it; empty means everything that can still be cancelled.
    pub lines: Vec<CancelLine>,
}

/// Units of one line to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelLine {
    /// Which line.
    pub line: LineNo,
    /// How many; `None` means all that can still be cancelled.
    pub quantity: Option<Quantity>,
}
