//! Identifiers. Each is its own type; the ones Waybill makes carry the partition they live with, so a request finds
//! its owner without a directory.

use crate::Invalid;
use crate::partition::{PartitionId, Service};
use minicbor::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

crate::text_type!(
    /// A stock keeping unit, the retailer's own code.
    Sku, "sku", 1..=64
);
crate::text_type!(
    /// A node's code: store, local warehouse, central warehouse or supplier.
    NodeId, "node", 1..=64
);
crate::text_type!(
    /// The legal entity that owns stock or sells a line; `default` where there is one owner.
    OwnerId, "owner", 1..=32
);
crate::text_type!(
    /// An order number given by the channel; unique within its channel for good.
    ExternalNumber, "external order number", 1..=64
);
crate::text_type!(
    /// A customer as the caller knows them: an opaque id, not a name or an address.
    CustomerRef, "customer", 1..=64
);
crate::text_type!(
    /// A caller's request id: the same id on the same target with the same content has one effect and one answer.
    RequestId, "request_id", 1..=64
);
crate::text_type!(
    /// A destination zone of the rate card.
    ZoneId, "zone", 1..=64
);
crate::text_type!(
    /// A calendar of opening days and holidays.
    CalendarId, "calendar", 1..=64
);
crate::text_type!(
    /// A carrier service such as `standard` or `next_day`.
    ServiceId, "carrier service", 1..=64
);

impl OwnerId {
    /// The owner of everything where nobody says otherwise.
    #[must_use]
    pub fn main() -> Self {
        Self::new("default").unwrap_or_else(|_| unreachable!("a literal within bounds"))
    }
}

/// A line's number within its order, from 1 up; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct LineNo(pub u16);

/// An order: its partition and a number that only grows there. Written `W03-12345`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct OrderId(u64);

impl OrderId {
    const NUMBER_BITS: u32 = 48;
    /// The order `number` (from 1) of orders partition `partition`.
    #[must_use]
    pub const fn new(partition: u8, number: u64) -> Self {
        Self((partition as u64) << Self::NUMBER_BITS | (number & ((1 << Self::NUMBER_BITS) - 1)))
    }
    /// The partition that owns it.
    #[must_use]
    pub const fn partition(self) -> PartitionId {
        PartitionId::new(Service::Orders, (self.0 >> Self::NUMBER_BITS) as u8)
    }
    /// Its number in that partition.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0 & ((1 << Self::NUMBER_BITS) - 1)
    }
    /// For keys: ordered by partition, then by age.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
    /// From [`Self::as_u64`].
    #[must_use]
    pub const fn from_u64(raw: u64) -> Self {
        Self(raw)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "W{:02X}-{}", self.partition().index, self.number())
    }
}
impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for OrderId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parsed =
            text.strip_prefix('W').and_then(|rest| rest.split_once('-')).and_then(|(partition, number)| {
                let partition = hex_byte(partition)?;
                let number = plain_number(number)?;
                (number > 0 && number < 1 << Self::NUMBER_BITS).then_some(Self::new(partition, number))
            });
        parsed.ok_or_else(|| Invalid::new("order id", format!("is {text:?}, must look like W03-12345")))
    }
}

fn hex_byte(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)))
        .then(|| u8::from_str_radix(text, 16).ok())
        .flatten()
}

/// Decimal digits without sign or leading zero, so that every id has exactly one spelling.
fn plain_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}

/// One node's work for one order. Written `W03-12345-F2.05`: the order, a number within it, the fulfilment partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct FulfillmentOrderId {
    /// The order it serves.
    #[n(0)]
    pub order: OrderId,
    /// From 1 up within the order; never reused.
    #[n(1)]
    pub number: u16,
    /// The fulfilment partition of its node.
    #[n(2)]
    pub partition_index: u8,
}

impl FulfillmentOrderId {
    /// The partition that owns it.
    #[must_use]
    pub const fn partition(self) -> PartitionId {
        PartitionId::new(Service::Fulfillment, self.partition_index)
    }
}

impl fmt::Display for FulfillmentOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-F{}.{:02X}", self.order, self.number, self.partition_index)
    }
}
impl fmt::Debug for FulfillmentOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for FulfillmentOrderId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parsed = text.rsplit_once("-F").and_then(|(order, rest)| {
            let (number, partition) = rest.split_once('.')?;
            Some(Self {
                order: order.parse().ok()?,
                number: u16::try_from(plain_number(number)?).ok()?,
                partition_index: hex_byte(partition)?,
            })
        });
        parsed.ok_or_else(|| {
            Invalid::new("fulfillment order id", format!("is {text:?}, must look like W03-12345-F1.05"))
        })
    }
}

/// A return of an order. Written `W03-12345-R2`: the order and a number within it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ReturnId {
    /// The order the goods came from.
    #[n(0)]
    pub order: OrderId,
    /// From 1 up within the order; never reused.
    #[n(1)]
    pub number: u16,
}

impl fmt::Display for ReturnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-R{}", self.order, self.number)
    }
}
impl fmt::Debug for ReturnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for ReturnId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parsed = text.rsplit_once("-R").and_then(|(order, number)| {
            Some(Self { order: order.parse().ok()?, number: u16::try_from(plain_number(number)?).ok()? })
        });
        parsed
            .filter(|id| id.number > 0)
            .ok_or_else(|| Invalid::new("return id", format!("is {text:?}, must look like W03-12345-R1")))
    }
}

/// A customer's record. Written `C-17`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct CustomerId(u64);

impl CustomerId {
    /// The record `number`, from 1 up.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C-{}", self.0)
    }
}
impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for CustomerId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let number = text.strip_prefix("C-").and_then(plain_number).filter(|number| *number > 0);
        number
            .map(Self)
            .ok_or_else(|| Invalid::new("customer id", format!("is {text:?}, must look like C-17")))
    }
}

/// A stock hold's random part; made by the door.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct HoldId(#[cbor(with = "minicbor::bytes")] pub [u8; 16]);

impl fmt::Debug for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A claim on stock, named by its claimant. It carries its home, the lowest inventory partition it touches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum ReservationId {
    /// Attempt `attempt` of an order. Written `R05-W03-12345-A1`.
    #[n(0)]
    Order {
        /// The inventory partition that keeps the record of the whole.
        #[n(0)]
        home: u8,
        /// The order that claims.
        #[n(1)]
        order: OrderId,
        /// Counts up over the order's whole life; never reused.
        #[n(2)]
        attempt: u32,
    },
    /// A hold of a checkout, before there is an order. Written `H05-<32 hex digits>`.
    #[n(1)]
    Hold {
        /// The inventory partition that keeps the record of the whole.
        #[n(0)]
        home: u8,
        /// The hold's own name.
        #[n(1)]
        hold: HoldId,
    },
}

impl ReservationId {
    /// The partition that keeps the record of the whole reservation.
    #[must_use]
    pub const fn home(self) -> PartitionId {
        match self {
            Self::Order { home, .. } | Self::Hold { home, .. } => PartitionId::new(Service::Inventory, home),
        }
    }
}

impl fmt::Display for ReservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order { home, order, attempt } => write!(f, "R{home:02X}-{order}-A{attempt}"),
            Self::Hold { home, hold } => write!(f, "H{home:02X}-{hold:?}"),
        }
    }
}
impl fmt::Debug for ReservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for ReservationId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        parse_reservation(text).ok_or_else(|| {
            Invalid::new(
                "reservation id",
                format!("is {text:?}, must look like R05-W03-12345-A1 or H05-<32 hex digits>"),
            )
        })
    }
}

fn parse_reservation(text: &str) -> Option<ReservationId> {
    if let Some(rest) = text.strip_prefix('R') {
        let (home, rest) = rest.split_once('-')?;
        let (order, attempt) = rest.rsplit_once("-A")?;
        let attempt = u32::try_from(plain_number(attempt)?).ok()?;
        return Some(ReservationId::Order { home: hex_byte(home)?, order: order.parse().ok()?, attempt });
    }
    let (home, hex) = text.strip_prefix('H')?.split_once('-')?;
    let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if hex.len() != 32 || !hex.bytes().all(lower_hex) {
        return None;
    }
    let mut hold = [0u8; 16];
    for (index, byte) in hold.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(ReservationId::Hold { home: hex_byte(home)?, hold: HoldId(hold) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_exactly_one_spelling() {
        let order = OrderId::new(3, 12345);
        assert_eq!(order.to_string(), "W03-12345");
        assert_eq!("W03-12345".parse::<OrderId>().unwrap(), order);
        for wrong in
            ["", "W3-1", "W03-0", "W03-01", "W03-+1", "w03-1", "W03-1 ", "WFF-281474976710656", "W0G-1"]
        {
            assert!(wrong.parse::<OrderId>().is_err(), "{wrong:?} must be refused");
        }
        let work = FulfillmentOrderId { order, number: 2, partition_index: 0x1f };
        assert_eq!(work.to_string().parse::<FulfillmentOrderId>().unwrap(), work);
        let back = ReturnId { order, number: 12 };
        assert_eq!(back.to_string(), "W03-12345-R12");
        assert_eq!(back.to_string().parse::<ReturnId>().unwrap(), back);
        assert!("W03-12345-R0".parse::<ReturnId>().is_err());
        let claims = [
            ReservationId::Order { home: 5, order, attempt: 7 },
            ReservationId::Hold { home: 255, hold: HoldId([0xab; 16]) },
        ];
        for claim in claims {
            assert_eq!(claim.to_string().parse::<ReservationId>().unwrap(), claim);
        }
        assert_eq!("C-17".parse::<CustomerId>().unwrap().to_string(), "C-17");
        for wrong in ["", "C-", "C-0", "C-01", "17", "c-1"] {
            assert!(wrong.parse::<CustomerId>().is_err(), "{wrong:?} must be refused");
        }
        assert!("H05-ABCDEF".parse::<ReservationId>().is_err());
    }
}
