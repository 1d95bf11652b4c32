//! What an order was when it was placed: lines, prices, who and where, how and when. Written once, never changed. It
//! does not know what became of it.

use minicbor::{Decode, Encode};
use waybill_machine::Content;
use waybill_types::exchange::Delivery;
use waybill_types::{
    Attributes, Channel, Currency, CustomerRef, ExternalNumber, LineNo, LookupDigest, OwnerId, Quantity,
    ReservationId, Sealed, Sku, SubjectKey, Text, Timestamp,
};

/// When a place is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Mode {
    /// Once it is durable; sourcing follows.
    #[n(0)]
    Accept,
    /// Once it is reserved; refused when it cannot be.
    #[n(1)]
    Confirm,
}

/// What happens to units that no stock serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Backorder {
    /// They wait for stock.
    #[n(0)]
    Allow,
    /// They are cancelled; an order that is still to be confirmed is refused.
    #[n(1)]
    Forbid,
}

/// What a look-up digest was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum LookupKind {
    /// A phone number in E.164 form.
    #[n(0)]
    Phone,
    /// An e-mail address in lower case.
    #[n(1)]
    Email,
    /// The caller's id of the customer. Not personal data by itself: it survives an erasure.
    #[n(2)]
    Customer,
    /// A member card, without spaces and hyphens, upper case.
    #[n(3)]
    MemberCard,
    /// An id in a social network with the network's name before it.
    #[n(4)]
    SocialId,
    /// The beginning of a word of a name.
    #[n(5)]
    NamePrefix,
}

impl LookupKind {
    /// For keys.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Phone => 0,
            Self::Email => 1,
            Self::Customer => 2,
            Self::MemberCard => 3,
            Self::SocialId => 4,
            Self::NamePrefix => 5,
        }
    }
}

/// One key an order is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Lookup {
    /// Of what.
    #[n(0)]
    pub kind: LookupKind,
    /// The keyed digest.
    #[n(1)]
    pub digest: LookupDigest,
}

/// When the customer wants it; either end may be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Requested {
    /// Not before.
    #[n(0)]
    pub earliest: Option<Timestamp>,
    /// Before.
    #[n(1)]
    pub latest: Option<Timestamp>,
}

/// Amounts of the order as a whole, in minor units of one currency, none negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OrderAmounts {
    /// Of every amount of the order.
    #[n(0)]
    pub currency: Currency,
    /// Shipping charge.
    #[n(1)]
    pub shipping: i64,
    /// Taken off the whole order, beyond line discounts.
    #[n(2)]
    pub discount: i64,
    /// Tax beyond the lines' tax.
    #[n(3)]
    pub tax: i64,
    /// Sum of line totals + shipping - discount, plus tax unless included.
    #[n(4)]
    pub total: i64,
    /// All taxes are inside the prices and are not added.
    #[n(5)]
    pub tax_included: bool,
}

/// Amounts of one line, in minor units of the order's currency, none negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct LineAmounts {
    /// Price of one whole unit (of 10^scale quantity), before discount, as set last: units added or repriced later may
    /// carry another one, which their shares say.
    #[n(0)]
    pub unit_price: i64,
    /// Unit price times quantity, rounded half up, summed over units bought at different prices.
    #[n(1)]
    pub subtotal: i64,
    /// Taken off the whole line.
    #[n(2)]
    pub discount: i64,
    /// Tax of the whole line.
    #[n(3)]
    pub tax: i64,
    /// Subtotal - discount, plus tax unless included.
    #[n(4)]
    pub total: i64,
}

/// What each of a run of equal units carries of all amounts of line and order, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Share {
    /// How many units carry exactly these amounts, more than zero.
    #[n(0)]
    pub count: u64,
    /// Price before discounts.
    #[n(1)]
    pub subtotal: i64,
    /// Line and order discount.
    #[n(2)]
    pub discount: i64,
    /// Line and order tax.
    #[n(3)]
    pub tax: i64,
    /// Shipping charge.
    #[n(4)]
    pub shipping: i64,
    /// Of the discount, what is the order's and not the line's.
    #[n(5)]
    pub order_discount: i64,
    /// Of the tax, what is the order's and not the line's.
    #[n(6)]
    pub order_tax: i64,
}

impl Share {
    /// What the customer pays for one unit of the run.
    #[must_use]
    pub const fn total(&self, tax_included: bool) -> i64 {
        self.subtotal - self.discount + self.shipping + if tax_included { 0 } else { self.tax }
    }
}

/// One line as ordered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Line {
    /// The caller's own id of the line; may be empty.
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
    /// What it costs.
    #[n(6)]
    pub amounts: LineAmounts,
    /// What each unit carries, in a fixed order: units that come back take theirs from the front, cancelled ones from
    /// the back. Fixed when the unit was ordered; only an amendment of the price changes it.
    #[n(7)]
    pub shares: Vec<Share>,
    /// Carried through to pick instructions.
    #[n(8)]
    pub attributes: Attributes,
    /// What a node may take instead, best first; may be empty.
    #[n(9)]
    pub substitutes: Vec<Sku>,
}

/// An order as placed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OrderContent {
    /// Where it was placed.
    #[n(0)]
    pub channel: Channel,
    /// Its number there.
    #[n(1)]
    pub external: ExternalNumber,
    /// When the place was to be answered.
    #[n(2)]
    pub mode: Mode,
    /// Digests of the request, to tell a retry from another order under the same number.
    #[n(3)]
    pub digests: Content,
    /// The customer as the caller knows them.
    #[n(4)]
    pub customer: Option<CustomerRef>,
    /// The key that seals the recipient.
    #[n(5)]
    pub subject: Option<SubjectKey>,
    /// Contact, address and gift note, sealed by the door.
    #[n(6)]
    pub recipient: Option<Sealed>,
    /// What it is found by.
    #[n(7)]
    pub lookups: Vec<Lookup>,
    /// What was ordered; line number n stands at index n - 1.
    #[n(8)]
    pub lines: Vec<Line>,
    /// What it costs.
    #[n(9)]
    pub amounts: OrderAmounts,
    /// A stock hold to adopt.
    #[n(10)]
    pub hold: Option<ReservationId>,
    /// Do not release before this.
    #[n(11)]
    pub release_at: Option<Timestamp>,
    /// When the customer wants it.
    #[n(12)]
    pub requested: Option<Requested>,
    /// What happens to units that no stock serves.
    #[n(13)]
    pub backorder: Backorder,
    /// Higher is served first, 0 to 100.
    #[n(14)]
    pub priority: u8,
    /// The caller's own attributes.
    #[n(15)]
    pub attributes: Attributes,
    /// Ties promise, hold and place of one shopping journey together.
    #[n(16)]
    pub journey: Option<Text>,
    /// When it was placed; long ago for an imported order.
    #[n(17)]
    pub placed_at: Timestamp,
}

impl OrderContent {
    /// The line with this number.
    #[must_use]
    pub fn line(&self, line: LineNo) -> Option<&Line> {
        self.lines.get(usize::from(line.0).checked_sub(1)?)
    }
    /// The lines with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (LineNo, &Line)> {
        self.lines.iter().enumerate().map(|(index, line)| (line_no(index), line))
    }
}

/// The number of the line at `index`.
#[must_use]
pub const fn line_no(index: usize) -> LineNo {
    LineNo(index as u16 + 1)
}
