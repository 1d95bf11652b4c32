//! Why not, in order of precedence: malformed, unknown, other content, illegal now, short.

use crate::position::{Condition, Spot};
use minicbor::{Decode, Encode};
use waybill_machine::name::Name;
use waybill_machine::{Code, Coded, FieldViolation};
use waybill_types::exchange::Shortage;
use waybill_types::{OrderId, ReservationId, Sku, Text, Timestamp};

/// Why one row of a bulk write was not taken. Journaled in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum RowRefusal {
    /// Stock of something that is not an item.
    #[n(0)]
    #[error("item {0} is not known: check the SKU, or import it")]
    UnknownItem(#[n(0)] Sku),
    /// A code that is another item's.
    #[n(1)]
    #[error("alias {kind} {value} belongs to item {sku} already: remove it there first")]
    AliasTaken {
        /// The code's kind.
        #[n(0)]
        kind: Text,
        /// The code.
        #[n(1)]
        value: Text,
        /// Whose it is.
        #[n(2)]
        sku: Sku,
    },
    /// The revision expected is not the current one.
    #[n(2)]
    #[error("item was expected at revision {expected}, it is at {current}: read it again")]
    StaleRevision {
        /// Asked.
        #[n(0)]
        expected: u64,
        /// Is; 0 when there is no such item.
        #[n(1)]
        current: u64,
    },
    /// Quantities already booked would change their meaning.
    #[n(3)]
    #[error("unit and scale of item {0} are fixed once there was stock: use another sku")]
    UnitFixed(#[n(0)] Sku),
    /// Too many systems count one position.
    #[n(4)]
    #[error("more than {0} sources count this position: reuse the name of a source")]
    TooManySources(#[n(0)] u32),
    /// The item changed after its codes were claimed and before it was written.
    #[n(5)]
    #[error("item {0} changed while its codes were claimed: write it again")]
    Overtaken(#[n(0)] Sku),
}

impl RowRefusal {
    /// The kind of failure.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownItem(_) => Code::Unknown,
            Self::AliasTaken { .. } => Code::Conflict,
            Self::StaleRevision { .. } | Self::Overtaken(_) => Code::Stale,
            Self::UnitFixed(_) => Code::IllegalNow,
            Self::TooManySources(_) => Code::TooMuch,
        }
    }
    /// The stable name.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownItem(_) => "ITEM_UNKNOWN",
            Self::AliasTaken { .. } => "ALIAS_TAKEN",
            Self::StaleRevision { .. } => "STALE_REVISION",
            Self::UnitFixed(_) => "UNIT_FIXED",
            Self::TooManySources(_) => "TOO_MANY_SOURCES",
            Self::Overtaken(_) => "ITEM_OVERTAKEN",
        }
    }
    /// The field of the row that is at fault; may be empty.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::UnknownItem(_) => "sku",
            Self::AliasTaken { .. } | Self::Overtaken(_) => "aliases",
            Self::StaleRevision { .. } => "expected_revision",
            Self::UnitFixed(_) => "unit",
            Self::TooManySources(_) => "source",
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Refusal {
    /// The request itself is wrong.
    #[error("the request is malformed: {}", said(.0))]
    #[n(0)]
    Malformed(#[n(0)] Vec<FieldViolation>),
    /// The row of a single write was not taken.
    #[error(transparent)]
    #[n(1)]
    Row(#[n(0)] RowRefusal),
    /// No such reservation is live.
    #[error("reservation {0} is not known here: it was never made, or it has ended")]
    #[n(2)]
    UnknownReservation(#[n(0)] ReservationId),
    /// The name was used for something else.
    #[error("reservation {id} exists with another {field}: use another id")]
    #[n(3)]
    ReservationDiffers {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// The first field that differs.
        #[cbor(n(1), with = "waybill_machine::name")]
        field: Name,
    },
    /// Another order has the hold.
    #[error("hold {id} belongs to order {order} already")]
    #[n(4)]
    HoldTaken {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// Whose it is.
        #[n(1)]
        order: OrderId,
    },
    /// The claimant had given it up before it arrived.
    #[error("reservation {0} was released before it was made: use another id")]
    #[n(5)]
    ReservationGivenUp(#[n(0)] ReservationId),
    /// Too late.
    #[error("hold {id} lapsed at {} ms: reserve again", .at.as_ms())]
    #[n(6)]
    HoldExpired {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// When it lapsed.
        #[n(1)]
        at: Timestamp,
    },
    /// Its parts are still being asked.
    #[error("reservation {0} is not decided yet: try again")]
    #[n(7)]
    ReservationUndecided(#[n(0)] ReservationId),
    /// Only an order's units may leave.
    #[error("reservation {0} is only held: commit it before its units leave")]
    #[n(8)]
    NotCommitted(#[n(0)] ReservationId),
    /// The item may not be reserved.
    #[error("item {0} is inactive and may not be reserved")]
    #[n(9)]
    ItemInactive(#[n(0)] Sku),
    /// An adjustment below zero.
    #[error("adjusting by {delta} asks for more than the {on_hand} on hand")]
    #[n(10)]
    BelowZero {
        /// Where.
        #[n(0)]
        spot: Spot,
        /// Which stock.
        #[n(1)]
        condition: Condition,
        /// Asked.
        #[n(2)]
        delta: i64,
        /// Is.
        #[n(3)]
        on_hand: u64,
    },
    /// Fewer units are left on the reservation.
    #[error("reservation {id} has {left} units left there, {asked} were asked")]
    #[n(11)]
    NotClaimed {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// Where.
        #[n(1)]
        spot: Spot,
        /// Asked.
        #[n(2)]
        asked: u64,
        /// Is.
        #[n(3)]
        left: u64,
    },
    /// Not enough stock.
    #[error("stock is short at {} of the places asked", .0.len())]
    #[n(12)]
    Short(#[n(0)] Vec<Shortage>),
    /// Not enough stock only because of claims that are not decided yet.
    #[error("stock is claimed by reservations that are not decided yet: try again")]
    #[n(13)]
    Contended(#[n(0)] Vec<Shortage>),
}

fn said(violations: &[FieldViolation]) -> String {
    let said: Vec<String> = violations.iter().map(|v| format!("{} {}", v.field, v.description)).collect();
    said.join("; ")
}

impl Refusal {
    pub(crate) fn malformed(field: &str, description: impl Into<String>) -> Self {
        Self::Malformed(vec![FieldViolation { field: field.into(), description: description.into() }])
    }
}

impl Coded for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::Malformed,
            Self::Row(row) => row.code(),
            Self::UnknownReservation(_) => Code::Unknown,
            Self::ReservationDiffers { .. } | Self::HoldTaken { .. } => Code::Conflict,
            Self::ReservationGivenUp(_)
            | Self::HoldExpired { .. }
            | Self::NotCommitted(_)
            | Self::ItemInactive(_) => Code::IllegalNow,
            Self::ReservationUndecided(_) | Self::Contended(_) => Code::Unavailable,
            Self::BelowZero { .. } | Self::NotClaimed { .. } | Self::Short(_) => Code::Short,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "INVALID_REQUEST",
            Self::Row(row) => row.reason(),
            Self::UnknownReservation(_) => "RESERVATION_UNKNOWN",
            Self::ReservationDiffers { .. } => "RESERVATION_DIFFERS",
            Self::HoldTaken { .. } => "HOLD_TAKEN",
            Self::ReservationGivenUp(_) => "RESERVATION_GIVEN_UP",
            Self::HoldExpired { .. } => "HOLD_EXPIRED",
            Self::ReservationUndecided(_) => "RESERVATION_UNDECIDED",
            Self::NotCommitted(_) => "RESERVATION_NOT_COMMITTED",
            Self::ItemInactive(_) => "ITEM_INACTIVE",
            Self::BelowZero { .. } => "STOCK_BELOW_ZERO",
            Self::NotClaimed { .. } => "UNITS_NOT_CLAIMED",
            Self::Short(_) => "STOCK_SHORT",
            Self::Contended(_) => "STOCK_CONTENDED",
        }
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Malformed(violations) => violations.clone(),
            _ => Vec::new(),
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Malformed(_) => Vec::new(),
            Self::Row(row) => row_facts(row),
            Self::UnknownReservation(id)
            | Self::ReservationGivenUp(id)
            | Self::ReservationUndecided(id)
            | Self::NotCommitted(id) => vec![("reservation_id", id.to_string())],
            Self::ReservationDiffers { id, field } => {
                vec![("reservation_id", id.to_string()), ("field", (*field).to_owned())]
            }
            Self::HoldTaken { id, order } => {
                vec![("reservation_id", id.to_string()), ("order_id", order.to_string())]
            }
            Self::HoldExpired { id, at } => {
                vec![("reservation_id", id.to_string()), ("expired_at_ms", at.as_ms().to_string())]
            }
            Self::ItemInactive(sku) => vec![("sku", sku.to_string())],
            Self::BelowZero { spot, delta, on_hand, .. } => vec![
                ("sku", spot.sku.to_string()),
                ("node_id", spot.node.to_string()),
                ("asked", delta.to_string()),
                ("on_hand", on_hand.to_string()),
            ],
            Self::NotClaimed { id, spot, asked, left } => vec![
                ("reservation_id", id.to_string()),
                ("sku", spot.sku.to_string()),
                ("node_id", spot.node.to_string()),
                ("asked", asked.to_string()),
                ("left", left.to_string()),
            ],
            Self::Short(shortages) | Self::Contended(shortages) => shortage_facts(shortages),
        }
    }
}

fn row_facts(row: &RowRefusal) -> Vec<(&'static str, String)> {
    match row {
        RowRefusal::UnknownItem(sku) | RowRefusal::UnitFixed(sku) | RowRefusal::Overtaken(sku) => {
            vec![("sku", sku.to_string())]
        }
        RowRefusal::AliasTaken { sku, .. } => vec![("taken_by", sku.to_string())],
        RowRefusal::StaleRevision { expected, current } => {
            vec![("expected", expected.to_string()), ("current", current.to_string())]
        }
        RowRefusal::TooManySources(most) => vec![("sources_max", most.to_string())],
    }
}

/// The first shortage in full; a program that needs all of them reads availability.
fn shortage_facts(shortages: &[Shortage]) -> Vec<(&'static str, String)> {
    let Some(first) = shortages.first() else { return Vec::new() };
    vec![
        ("sku", first.asked.sku.to_string()),
        ("owner", first.asked.owner.to_string()),
        ("node_id", first.asked.node.to_string()),
        ("asked", first.asked.quantity.to_string()),
        ("available", first.available.to_string()),
        ("shortages", shortages.len().to_string()),
    ]
}
