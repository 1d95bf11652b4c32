//! What may be asked of the order machine. Personal data comes sealed; ids and times come with the command.

use crate::content::{Backorder, Lookup, Mode, OrderAmounts, Requested};
use crate::event::ExceptionAnswer;
use crate::order::Unserved;
use crate::units::Buckets;
use minicbor::{Decode, Encode};
use waybill_machine::Content;
use waybill_types::exchange::{Delivery, Landing, Message, Plan};
use waybill_types::policy::{HoldCode, OrderPolicy};
use waybill_types::{
    Attributes, Channel, CustomerRef, ExternalNumber, LineNo, NodeId, OrderId, OwnerId, Quantity,
    ReservationId, ReturnId, Sealed, Sku, SubjectKey, Text, Timestamp,
};

/// One command.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Command {
    /// Place an order; its channel is the origin's.
    #[n(0)]
    Place(#[n(0)] Box<Place>),
    /// Take a finished order over as history.
    #[n(1)]
    Import(#[n(0)] Box<Import>),
    /// The door asked the planner; this is the answer.
    #[n(2)]
    RecordPlan(#[n(0)] RecordPlan),
    /// Cancel units.
    #[n(3)]
    Cancel(#[n(0)] Cancel),
    /// Change an order: all of it or nothing.
    #[n(4)]
    Amend(#[n(0)] Box<Amend>),
    /// Say yes or no to an amendment that needs it.
    #[n(5)]
    DecideAmendment {
        /// Of which order.
        #[n(0)]
        order: OrderId,
        /// Which.
        #[n(1)]
        amendment: u32,
        /// Yes.
        #[n(2)]
        approve: bool,
    },
    /// Stop an order, or a line of it, from going on.
    #[n(6)]
    PlaceOrderHold {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// Which line; `None` is all of it.
        #[n(1)]
        line: Option<LineNo>,
        /// What kind; one of the policy's.
        #[n(2)]
        code: HoldCode,
        /// Why, in somebody's words; may be empty. Not personal data.
        #[n(3)]
        note: Text,
    },
    /// Let it go on.
    #[n(7)]
    ResolveOrderHold {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// Which of its holds.
        #[n(1)]
        hold: u16,
        /// What was found out; may be empty. Not personal data.
        #[n(2)]
        note: Text,
    },
    /// Say what is to become of units that wait for more than stock.
    #[n(8)]
    AnswerException {
        /// Of which order.
        #[n(0)]
        order: OrderId,
        /// Of which lines; empty means all that need somebody.
        #[n(1)]
        lines: Vec<LineNo>,
        /// What.
        #[n(2)]
        answer: ExceptionAnswer,
        /// What was found out; may be empty. Not personal data.
        #[n(3)]
        note: Text,
    },
    /// Goods are to come back, or are here already.
    #[n(9)]
    RequestReturn(#[n(0)] Box<RequestReturn>),
    /// Say yes or no to a return that needs it.
    #[n(10)]
    DecideReturn {
        /// Which.
        #[n(0)]
        id: ReturnId,
        /// Yes.
        #[n(1)]
        authorise: bool,
    },
    /// Goods of a return lie at a node.
    #[n(11)]
    ReceiveReturn {
        /// Which.
        #[n(0)]
        id: ReturnId,
        /// What, where, in which condition.
        #[n(1)]
        received: Received,
    },
    /// Nothing more of a return will come.
    #[n(12)]
    CloseReturn {
        /// Which.
        #[n(0)]
        id: ReturnId,
    },
    /// Put a new version of the order policy in force. Partition 0 only, which tells the others.
    #[n(13)]
    SetOrderPolicy {
        /// The whole policy.
        #[n(0)]
        policy: Box<OrderPolicy>,
        /// Only if the version in force is this one.
        #[n(1)]
        expected_version: Option<u64>,
    },
    /// Mark the order's personal data as destroyed; the door has destroyed the key.
    #[n(14)]
    EraseSubject(#[n(0)] OrderId),
    /// The door is about to erase this many orders for one request: the runtime keeps the answer under the request's
    /// id, so that a retry, which finds fewer, is told the same.
    #[n(15)]
    BeginErasure {
        /// How many orders.
        #[n(0)]
        orders: u64,
    },
    /// The door begins a job over many orders for one request: the runtime keeps when, so that a retry of the job leaves out
    /// what the first one left out.
    #[n(16)]
    BeginJob,
    /// Something from another partition.
    #[n(17)]
    Hear(#[n(0)] Message),
    /// It is later now.
    #[n(18)]
    Tick,
}

/// What place and import have in common.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Basket {
    /// The order's number in its channel.
    #[n(0)]
    pub external: ExternalNumber,
    /// Digests of the request, field by field.
    #[n(1)]
    pub digests: Content,
    /// The customer as the caller knows them.
    #[n(2)]
    pub customer: Option<CustomerRef>,
    /// The key that seals the recipient.
    #[n(3)]
    pub subject: Option<SubjectKey>,
    /// Contact, address and gift note, sealed.
    #[n(4)]
    pub recipient: Option<Sealed>,
    /// What the order is found by.
    #[n(5)]
    pub lookups: Vec<Lookup>,
    /// What is ordered, 1 to 500 lines; numbered from 1 in this order.
    #[n(6)]
    pub lines: Vec<NewLine>,
    /// What it costs.
    #[n(7)]
    pub amounts: OrderAmounts,
    /// The caller's own attributes.
    #[n(8)]
    pub attributes: Attributes,
}

/// An order to place.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Place {
    /// What and for whom.
    #[n(0)]
    pub basket: Basket,
    /// When to answer.
    #[n(1)]
    pub mode: Mode,
    /// A stock hold to adopt.
    #[n(2)]
    pub hold: Option<ReservationId>,
    /// Do not release before this.
    #[n(3)]
    pub release_at: Option<Timestamp>,
    /// When the customer wants it.
    #[n(4)]
    pub requested: Option<Requested>,
    /// What happens to units that no stock serves.
    #[n(5)]
    pub backorder: Backorder,
    /// Higher is served first, 0 to 100.
    #[n(6)]
    pub priority: u8,
    /// Ties promise, hold and place of one shopping journey together.
    #[n(7)]
    pub journey: Option<Text>,
    /// Kinds of hold that it begins with, such as `fraud` until it is screened; may be empty.
    #[n(8)]
    pub order_holds: Vec<HoldCode>,
}

/// One line to order.
#[derive(Clone, Debug, Encode, Decode)]
pub struct NewLine {
    /// The caller's own id of the line; may be empty, unique in the order otherwise.
    #[n(0)]
    pub external: Text,
    /// What.
    #[n(1)]
    pub sku: Sku,
    /// Whose.
    #[n(2)]
    pub owner: OwnerId,
    /// How many units at the item's scale, more than zero.
    #[n(3)]
    pub quantity: Quantity,
    /// Decimals of the quantity, 0 to 3.
    #[n(4)]
    pub scale: u8,
    /// How it reaches the customer.
    #[n(5)]
    pub delivery: Delivery,
    /// Price of one whole unit before discount, in minor units.
    #[n(6)]
    pub unit_price: i64,
    /// Unit price times quantity; `None` means exactly that, given it is checked.
    #[n(7)]
    pub subtotal: Option<i64>,
    /// Taken off the whole line, in minor units.
    #[n(8)]
    pub discount: i64,
    /// Tax of the whole line, in minor units.
    #[n(9)]
    pub tax: i64,
    /// Subtotal - discount, plus tax unless included; checked.
    #[n(10)]
    pub total: i64,
    /// Carried through to pick instructions.
    #[n(11)]
    pub attributes: Attributes,
    /// What a node may take instead, best first, at most 10; may be empty.
    #[n(12)]
    pub substitutes: Vec<Sku>,
}

/// A finished order to take over.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Import {
    /// What and for whom.
    #[n(0)]
    pub basket: Basket,
    /// Where it was placed.
    #[n(1)]
    pub channel: Channel,
    /// When it was placed.
    #[n(2)]
    pub placed_at: Timestamp,
    /// Where the units of each line ended, by index; only final buckets, sums to the quantity.
    #[n(3)]
    pub ended: Vec<Buckets>,
    /// The node that served each line, where known, by index.
    #[n(4)]
    pub nodes: Vec<Option<NodeId>>,
}

/// The planner's answer.
#[derive(Clone, Debug, Encode, Decode)]
pub struct RecordPlan {
    /// For which order.
    #[n(0)]
    pub order: OrderId,
    /// For which attempt of it.
    #[n(1)]
    pub attempt: u32,
    /// The plan, or why there will never be one (a passing failure is retried by the door and not recorded).
    #[n(2)]
    pub outcome: Result<Plan, Unplannable>,
}

/// The planner can never plan this, such as for an address that was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Unplannable;

/// Units to cancel.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Cancel {
    /// Of which order.
    #[n(0)]
    pub order: OrderId,
    /// Only if nothing that a caller decides by has changed since this revision.
    #[n(1)]
    pub expected_revision: Option<u64>,
    /// What of it; empty means everything that can still be cancelled.
    #[n(2)]
    pub lines: Vec<CancelLine>,
}

/// Units of one line to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CancelLine {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// How many; `None` means all that can still be cancelled.
    #[n(1)]
    pub quantity: Option<Quantity>,
}

/// A change to an order: everything in it happens, or nothing.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Amend {
    /// Which order.
    #[n(0)]
    pub order: OrderId,
    /// The revision it was decided on; refused where what a caller decides by has changed since.
    #[n(1)]
    pub expected_revision: u64,
    /// What changes, 1 to 100. No two changes set the same thing.
    #[n(2)]
    pub changes: Vec<Change>,
    /// Contact, address and gift note as they shall be, sealed under the order's own key; with [`Change::ShipTo`] or
    /// [`Change::Notes`].
    #[n(3)]
    pub recipient: Option<Recipient>,
    /// What the planner, asked beforehand, found no place for, where that ends the change at once ([`crate::Needs`]). A retry of
    /// what was taken already is answered as it was, and so whoever looked does not refuse by itself.
    #[n(4)]
    pub unserved: Option<Unserved>,
}

/// Who receives it, as the door seals it.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Recipient {
    /// The key that seals it: the order's own where it has one.
    #[n(0)]
    pub subject: SubjectKey,
    /// Contact, address and gift note.
    #[n(1)]
    pub sealed: Sealed,
    /// What the order is found by from then on.
    #[n(2)]
    pub lookups: Vec<Lookup>,
}

/// One change.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Change {
    /// So many units of the line in all, those that have left included and cancelled ones not; 0 removes the line.
    #[n(0)]
    SetQuantity {
        /// Which line.
        #[n(0)]
        line: LineNo,
        /// How many in all.
        #[n(1)]
        quantity: Quantity,
        /// What the added units cost together; needed when there are more than before.
        #[n(2)]
        added: Option<AddedAmounts>,
    },
    /// One line more.
    #[n(1)]
    AddLine(#[n(0)] Box<NewLine>),
    /// Another address: see [`Amend::recipient`]. Every line that is shipped and has not left is planned again.
    #[n(2)]
    ShipTo,
    /// Another way to get what has not left of these lines, or another node to fetch it at.
    #[n(3)]
    SetDelivery {
        /// Which lines.
        #[n(0)]
        lines: Vec<LineNo>,
        /// How from now on.
        #[n(1)]
        delivery: Delivery,
    },
    /// Another time.
    #[n(4)]
    SetTime {
        /// Do not release before this; `None` is at once.
        #[n(0)]
        release_at: Option<Timestamp>,
        /// When the customer wants it.
        #[n(1)]
        requested: Option<Requested>,
    },
    /// Other prices for the units of a line that have not left and are not cancelled.
    #[n(5)]
    SetPrice {
        /// Which line.
        #[n(0)]
        line: LineNo,
        /// What these units cost together from now on.
        #[n(1)]
        amounts: AddedAmounts,
    },
    /// Another delivery charge for the units that have not left and are not cancelled; what has left keeps what it carries.
    #[n(6)]
    SetDeliveryCharge {
        /// What delivering them costs together from now on, in minor units, 0 or more.
        #[n(0)]
        charge: i64,
    },
    /// Money off, spread over the units that are not cancelled or back.
    #[n(7)]
    Appease {
        /// Off which line; `None` is all of them.
        #[n(0)]
        line: Option<LineNo>,
        /// How much, in minor units, more than 0 and at most what those units cost.
        #[n(1)]
        amount: i64,
    },
    /// Another gift note (see [`Amend::recipient`]) or other attributes of the order. Work that nodes have been given keeps
    /// the ones it was given; work that is made later has the new ones.
    #[n(8)]
    Notes {
        /// The order's own attributes as they shall be; `None` leaves them.
        #[n(0)]
        attributes: Option<Attributes>,
    },
    /// Other goods in place of units of a line that are not picked.
    #[n(9)]
    Substitute {
        /// Which line.
        #[n(0)]
        line: LineNo,
        /// What comes instead, as a line of its own; its quantity is how many units of the line go.
        #[n(1)]
        with: Box<NewLine>,
    },
}

/// What some units cost together, in minor units, none negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AddedAmounts {
    /// Price of one whole unit before discount.
    #[n(0)]
    pub unit_price: i64,
    /// Taken off all of them.
    #[n(1)]
    pub discount: i64,
    /// Tax of all of them.
    #[n(2)]
    pub tax: i64,
    /// Unit price times quantity - discount, plus tax unless included; checked.
    #[n(3)]
    pub total: i64,
}

/// Goods are to come back.
#[derive(Clone, Debug, Encode, Decode)]
pub struct RequestReturn {
    /// Of which order.
    #[n(0)]
    pub order: OrderId,
    /// Only if nothing that a caller decides by has changed since this revision.
    #[n(1)]
    pub expected_revision: Option<u64>,
    /// What comes back, 1 to 500.
    #[n(2)]
    pub lines: Vec<ReturnLine>,
    /// What the customer gets instead, at exactly what is refunded (an even exchange); empty is a plain return.
    #[n(3)]
    pub replacements: Vec<NewLine>,
    /// The goods are here: requested, authorised and received at once.
    #[n(4)]
    pub received: Option<Received>,
    /// Take it although the window has passed; the door allows it to operators only.
    #[n(5)]
    pub beyond_window: bool,
}

/// Units of a line that come back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReturnLine {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// How many units, more than zero.
    #[n(1)]
    pub quantity: Quantity,
    /// Why, such as `too_small`; may be empty.
    #[n(2)]
    pub why: Text,
}

/// Goods that lie at a node.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Received {
    /// Where; the door has checked that it accepts returns.
    #[n(0)]
    pub node: NodeId,
    /// What was found.
    #[n(1)]
    pub lines: Vec<ReceivedLine>,
}

/// Units of a line that came back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReceivedLine {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// How many units, more than zero.
    #[n(1)]
    pub quantity: Quantity,
    /// Taken, and in which condition they lie there; `None` is refused: they stay the customer's.
    #[n(2)]
    pub landing: Option<Landing>,
    /// What was found; may be empty.
    #[n(3)]
    pub note: Text,
}
