//! Why a command is refused, in order of precedence.

mod changes;

pub use changes::ChangeRefusal;

use minicbor::{Decode, Encode};
use waybill_machine::{Code, Coded, FieldViolation};
use waybill_types::{Channel, ExternalNumber, OrderId};

/// A refused command; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Refusal {
    /// The request itself is wrong.
    #[error("the request has {} wrong fields; the first is {}: {}", .0.len(), first(.0).0, first(.0).1)]
    #[n(0)]
    Malformed(#[n(0)] Vec<FieldViolation>),
    /// Amounts do not add up.
    #[error(
        "{field} is {given} minor units but the amounts it is made of come to {computed}; send amounts that add up"
    )]
    #[n(1)]
    AmountsDisagree {
        /// Path of the amount, such as `lines[2].amounts.total`.
        #[n(0)]
        field: String,
        /// As given, in minor units.
        #[n(1)]
        given: i64,
        /// As computed, in minor units.
        #[n(2)]
        computed: i64,
    },
    /// There is no such order.
    #[error("order {0} does not exist; check the id")]
    #[n(2)]
    UnknownOrder(#[n(0)] OrderId),
    /// The number belongs to an order with other content.
    #[error(
        "number {external} of channel {channel} is order {order}, whose {field} differs; use another number for another order"
    )]
    #[n(3)]
    OtherContent {
        /// The channel.
        #[n(0)]
        channel: Channel,
        /// The number.
        #[n(1)]
        external: ExternalNumber,
        /// The order that has it.
        #[n(2)]
        order: OrderId,
        /// The first field that differs.
        #[n(3)]
        field: String,
    },
    /// The order has changed since.
    #[error("order {order} has revision {current}, expected was {expected}; read it again and decide anew")]
    #[n(4)]
    StaleRevision {
        /// Which.
        #[n(0)]
        order: OrderId,
        /// What the caller expected.
        #[n(1)]
        expected: u64,
        /// What it is.
        #[n(2)]
        current: u64,
    },
    /// The change is not possible.
    #[error(transparent)]
    #[n(5)]
    Change(
        #[n(0)]
        #[from]
        ChangeRefusal,
    ),
}

fn first(violations: &[FieldViolation]) -> (&str, &str) {
    violations.first().map_or(("", ""), |violation| (&violation.field, &violation.description))
}

impl Coded for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Malformed(_) | Self::AmountsDisagree { .. } => Code::Malformed,
            Self::UnknownOrder(_) => Code::Unknown,
            Self::OtherContent { .. } => Code::Conflict,
            Self::StaleRevision { .. } => Code::Stale,
            Self::Change(change) => change.code(),
        }
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "INVALID_REQUEST",
            Self::AmountsDisagree { .. } => "AMOUNTS_DISAGREE",
            Self::UnknownOrder(_) => "ORDER_UNKNOWN",
            Self::OtherContent { .. } => "ORDER_NUMBER_TAKEN",
            Self::StaleRevision { .. } => "STALE_REVISION",
            Self::Change(change) => change.reason(),
        }
    }
    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Malformed(violations) => violations.clone(),
            Self::AmountsDisagree { field, given, computed } => vec![FieldViolation {
                field: field.clone(),
                description: format!("is {given} minor units, the amounts it is made of come to {computed}"),
            }],
            Self::OtherContent { field, .. } => vec![FieldViolation {
                field: field.clone(),
                description: "differs from the order that has this number".into(),
            }],
            Self::Change(ChangeRefusal::PricingNeeded { field }) => {
                vec![FieldViolation { field: field.clone(), description: "is needed".into() }]
            }
            Self::Change(ChangeRefusal::UnknownHoldType { code }) => vec![FieldViolation {
                field: "hold_type".into(),
                description: format!("is {code}, which is not in the order policy"),
            }],
            Self::UnknownOrder(_) | Self::StaleRevision { .. } | Self::Change(_) => Vec::new(),
        }
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Malformed(_) => Vec::new(),
            Self::AmountsDisagree { field, given, computed } => vec![
                ("field", field.clone()),
                ("given", given.to_string()),
                ("computed", computed.to_string()),
            ],
            Self::UnknownOrder(order) => vec![("order_id", order.to_string())],
            Self::OtherContent { channel, external, order, field } => vec![
                ("channel", channel.to_string()),
                ("external_order_number", external.to_string()),
                ("order_id", order.to_string()),
                ("field", field.clone()),
            ],
            Self::StaleRevision { order, expected, current } => vec![
                ("order_id", order.to_string()),
                ("expected", expected.to_string()),
                ("current", current.to_string()),
            ],
            Self::Change(change) => change.facts(),
        }
    }
}
