//! What may be asked of the order machine. Personal data comes sealed; ids and times come with the command.

use crate::content::{Backorder, Lookup, Mode, OrderAmounts, Requested};
use crate::event::ExceptionAnswer;
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
    /// Change an order: all of it or nothing.
    Amend(Box<Amend>),
    /// Say yes or no to an amendment that needs it.
    DecideAmendment {
        /// Of which order.
        order: OrderId,
        /// Which.
        amendment: u32,
        /// Yes.
        approve: bool,
    },
    /// Stop an order, or a line of it, from going on.
    PlaceOrderHold {
        /// Which order.
        order: OrderId,
        /// Which line; `None` is all of it.
        line: Option<LineNo>,
        /// What kind; one of the policy's.
        code: HoldCode,
        /// Why, in somebody's words; may be empty. Not personal data.
        note: Text,
    },
    /// Let it go on.
    ResolveOrderHold {
        /// Which order.
        order: OrderId,
        /// Which of its holds.
        hold: u16,
        /// What was found out; may be empty. Not personal data.
        note: Text,
    },
    /// Say what is to become of units that wait for more than stock.
    AnswerException {
        /// Of which order.
        order: OrderId,
        /// Of which lines; empty means all that need somebody.
        lines: Vec<LineNo>,
        /// What.
        answer: ExceptionAnswer,
        /// What was found out; may be empty. Not personal data.
        note: Text,
    },
    /// Goods are to come back, or are here already.
    RequestReturn(Box<RequestReturn>),
    /// Say yes or no to a return that needs it.
    DecideReturn {
        /// Which.
        id: ReturnId,
        /// Yes.
        authorise: bool,
    },
    /// Goods of a return lie at a node.
    ReceiveReturn {
        /// Which.
        id: ReturnId,
        /// What, where, in which condition.
        received: Received,
    },
    /// Nothing more of a return will come.
    CloseReturn {
        /// Which.
        id: ReturnId,
    },
    /// Put a new version of the order policy in force. Partition 0 only, which tells the others.
    SetOrderPolicy {
        /// The whole policy.
        policy: Box<OrderPolicy>,
        /// Only if the version in force is this one.
        expected_version: Option<u64>,
    },
    /// Mark the order's personal data as destroyed; the door has destroyed the key.
    EraseSubject(OrderId),
    /// The door is about to erase this many orders for one request: the runtime keeps the answer under the request's
    /// id, so that a retry, which finds fewer, is told the same.
    BeginErasure {
        /// How many orders.
        orders: u64,
    },
    /// The door begins a job over many orders for one request: the runtime keeps when, so that a retry of the job leaves out
    /// what the first one left out.
    BeginJob,
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
    /// Kinds of hold that it begins with, such as `fraud` until it is screened; may be empty.
    pub order_holds: Vec<HoldCode>,
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
    /// What a node may take instead, best first, at most 10; may be empty.
    pub substitutes: Vec<Sku>,
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
    /// Only if nothing that a caller decides by has changed since this revision.
    pub expected_revision: Option<u64>,
    /// What of it; empty means everything that can still be cancelled.
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
#[derive(Clone, Debug)]
pub struct Amend {
    /// Which order.
    pub order: OrderId,
    /// The revision it was decided on; refused where what a caller decides by has changed since.
    pub expected_revision: u64,
    /// What changes, 1 to 100. No two changes set the same thing.
    pub changes: Vec<Change>,
    /// Contact, address and gift note as they shall be, sealed under the order's own key; with [`Change::ShipTo`] or
    /// [`Change::Notes`].
    pub recipient: Option<Recipient>,
}

/// Who receives it, as the door seals it.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The key that seals it: the order's own where it has one.
    pub subject: SubjectKey,
    /// Contact, address and gift note.
    pub sealed: Sealed,
    /// What the order is found by from then on.
    pub lookups: Vec<Lookup>,
}

/// One change.
#[derive(Clone, Debug)]
pub enum Change {
    /// So many units of the line in all, those that have left included and cancelled ones not; 0 removes the line.
    SetQuantity {
        /// Which line.
        line: LineNo,
        /// How many in all.
        quantity: Quantity,
        /// What the added units cost together; needed when there are more than before.
        added: Option<AddedAmounts>,
    },
    /// One line more.
    AddLine(Box<NewLine>),
    /// Another address: see [`Amend::recipient`]. Every line that is shipped and has not left is planned again.
    ShipTo,
    /// Another way to get what has not left of these lines, or another node to fetch it at.
    SetDelivery {
        /// Which lines.
        lines: Vec<LineNo>,
        /// How from now on.
        delivery: Delivery,
    },
    /// Another time.
    SetTime {
        /// Do not release before this; `None` is at once.
        release_at: Option<Timestamp>,
        /// When the customer wants it.
        requested: Option<Requested>,
    },
    /// Other prices for the units of a line that have not left and are not cancelled.
    SetPrice {
        /// Which line.
        line: LineNo,
        /// What these units cost together from now on.
        amounts: AddedAmounts,
    },
    /// Another delivery charge for the units that have not left and are not cancelled; what has left keeps what it carries.
    SetDeliveryCharge {
        /// What delivering them costs together from now on, in minor units, 0 or more.
        charge: i64,
    },
    /// Money off, spread over the units that are not cancelled or back.
    Appease {
        /// Off which line; `None` is all of them.
        line: Option<LineNo>,
        /// How much, in minor units, more than 0 and at most what those units cost.
        amount: i64,
    },
    /// Another gift note (see [`Amend::recipient`]) or other attributes of the order. Work that nodes have been given keeps
    /// the ones it was given; work that is made later has the new ones.
    Notes {
        /// The order's own attributes as they shall be; `None` leaves them.
        attributes: Option<Attributes>,
    },
    /// Other goods in place of units of a line that are not picked.
    Substitute {
        /// Which line.
        line: LineNo,
        /// What comes instead, as a line of its own; its quantity is how many units of the line go.
        with: Box<NewLine>,
    },
}

/// What some units cost together, in minor units, none negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddedAmounts {
    /// Price of one whole unit before discount.
    pub unit_price: i64,
    /// Taken off all of them.
    pub discount: i64,
    /// Tax of all of them.
    pub tax: i64,
    /// Unit price times quantity - discount, plus tax unless included; checked.
    pub total: i64,
}

/// Goods are to come back.
#[derive(Clone, Debug)]
pub struct RequestReturn {
    /// Of which order.
    pub order: OrderId,
    /// Only if nothing that a caller decides by has changed since this revision.
    pub expected_revision: Option<u64>,
    /// What comes back, 1 to 500.
    pub lines: Vec<ReturnLine>,
    /// What the customer gets instead, at exactly what is refunded (an even exchange); empty is a plain return.
    pub replacements: Vec<NewLine>,
    /// The goods are here: requested, authorised and received at once.
    pub received: Option<Received>,
    /// Take it although the window has passed; the door allows it to operators only.
    pub beyond_window: bool,
}

/// Units of a line that come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnLine {
    /// Which line.
    pub line: LineNo,
    /// How many units, more than zero.
    pub quantity: Quantity,
    /// Why, such as `too_small`; may be empty.
    pub why: Text,
}

/// Goods that lie at a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where; the door has checked that it accepts returns.
    pub node: NodeId,
    /// What was found.
    pub lines: Vec<ReceivedLine>,
}

/// Units of a line that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedLine {
    /// Which line.
    pub line: LineNo,
    /// How many units, more than zero.
    pub quantity: Quantity,
    /// Taken, and in which condition they lie there; `None` is refused: they stay the customer's.
    pub landing: Option<Landing>,
    /// What was found; may be empty.
    pub note: Text,
}
