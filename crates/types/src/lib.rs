//! Checked value types every floor shares: identifiers, quantities, money, time, personal data as sealed bytes, and
//! the messages that machines exchange. It knows no rules of orders, stock or fulfilment, and does no I/O.
//!
//! Every type here has one stored form (CBOR with indexed fields, see [`text`] and [`ids`]); a released index is never
//! given another meaning.

pub mod caller;
pub mod exchange;
pub mod geo;
pub mod ids;
pub mod money;
pub mod network;
pub mod partition;
pub mod policy;
pub mod quantity;
pub mod sealed;
pub mod text;
pub mod time;

pub use caller::{Actor, Channel, Origin, Reason, Role};
pub use geo::{Country, GeoPoint, PostalCode};
pub use ids::{
    CalendarId, CustomerId, CustomerRef, ExternalNumber, FulfillmentOrderId, HoldId, LineNo, NodeId, OrderId,
    OwnerId, RequestId, ReservationId, ReturnId, ServiceId, Sku, ZoneId,
};
pub use money::{Currency, Money};
pub use partition::{Layout, PartitionId, Service};
pub use quantity::Quantity;
pub use sealed::{LookupDigest, Sealed, SubjectKey};
pub use text::{Attributes, Text};
pub use time::Timestamp;

/// What was wrong with a value handed to a checked constructor. The door turns it into a field violation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Invalid {
    /// The kind of value, such as `sku`.
    pub what: &'static str,
    /// What was asked and what is allowed.
    pub why: String,
}

impl Invalid {
    /// A value of kind `what` was refused because of `why`.
    #[must_use]
    pub fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, why: why.into() }
    }
}
