//! Why a command is refused, in order of precedence. A refusal changes nothing.

use minicbor::{Decode, Encode};
use waybill_machine::name::Name;
use waybill_machine::{Code, Coded, FieldViolation};
use waybill_types::{Currency, FulfillmentOrderId, NodeId};

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Refusal {
    /// The content is wrong, by itself or for this fulfilment order.
    #[error("the request does not fit: {}", first(.0))]
    #[n(0)]
    Malformed(#[n(0)] Vec<FieldViolation>),
    /// The command came to a partition that does not own what it is about.
    #[error("this partition does not keep the network; ask partition 0")]
    #[n(1)]
    NotNetworkHome,
    /// No such node.
    #[error("node {node} is not known here; upsert it first")]
    #[n(2)]
    UnknownNode {
        /// The node asked for.
        #[n(0)]
        node: NodeId,
    },
    /// No such fulfilment order.
    #[error("fulfillment order {id} does not exist")]
    #[n(3)]
    UnknownFulfillmentOrder {
        /// The one asked for.
        #[n(0)]
        id: FulfillmentOrderId,
    },
    /// No such version of the sourcing policy.
    #[error("there is no version {0} of the sourcing policy; list them to see which there are")]
    #[n(4)]
    UnknownPolicy(#[n(0)] u64),
    /// Another version of the sourcing policy is in force than was expected.
    #[error("version {current} of the sourcing policy is in force, not {expected}; read it and decide anew")]
    #[n(5)]
    StalePolicy {
        /// The version named.
        #[n(0)]
        expected: u64,
        /// The version in force.
        #[n(1)]
        current: u64,
    },
    /// The policy is in another currency than the network's amounts.
    #[error("the policy is in {}, the network's amounts are in {}", .found.as_str(), .expected.as_str())]
    #[n(6)]
    ForeignCurrency {
        /// The network's.
        #[n(0)]
        expected: Currency,
        /// The policy's.
        #[n(1)]
        found: Currency,
    },
    /// The revision named is not the current one.
    #[error("revision {named} of {id} is stale, it is {state} at revision {current}; read it again")]
    #[n(7)]
    Stale {
        /// Which fulfilment order.
        #[n(0)]
        id: FulfillmentOrderId,
        /// The revision named.
        #[n(1)]
        named: u64,
        /// The current revision.
        #[n(2)]
        current: u64,
        /// The current state.
        #[cbor(n(3), with = "waybill_machine::name")]
        state: Name,
    },
    /// The state does not allow it.
    #[error("cannot {asked}: fulfillment order {id} is {state} at revision {current}")]
    #[n(8)]
    IllegalNow {
        /// Which fulfilment order.
        #[n(0)]
        id: FulfillmentOrderId,
        /// What was asked.
        #[cbor(n(1), with = "waybill_machine::name")]
        asked: Name,
        /// The current state.
        #[cbor(n(2), with = "waybill_machine::name")]
        state: Name,
        /// The current revision.
        #[n(3)]
        current: u64,
    },
    /// Nobody has asked the node about a cancel.
    #[error("nobody has asked for units of {id} back at revision {current}; there is nothing to answer")]
    #[n(9)]
    NothingAsked {
        /// Which fulfilment order.
        #[n(0)]
        id: FulfillmentOrderId,
        /// The current revision.
        #[n(1)]
        current: u64,
    },
    /// A pickup is not shipped and a shipment is not handed over.
    #[error("cannot {asked}: fulfillment order {id} is {destination}")]
    #[n(10)]
    WrongDestination {
        /// Which fulfilment order.
        #[n(0)]
        id: FulfillmentOrderId,
        /// What was asked.
        #[cbor(n(1), with = "waybill_machine::name")]
        asked: Name,
        /// What it is.
        #[cbor(n(2), with = "waybill_machine::name")]
        destination: Name,
    },
    /// The node acknowledges what it was never told.
    #[error("node {node} acknowledges instruction {through}, the last one is {last}")]
    #[n(11)]
    AcknowledgedTooFar {
        /// Which node.
        #[n(0)]
        node: NodeId,
        /// The number named.
        #[n(1)]
        through: u64,
        /// The highest number there is.
        #[n(2)]
        last: u64,
    },
}

fn first(violations: &[FieldViolation]) -> String {
    match violations.first() {
        Some(violation) => format!("{} {}", violation.field, violation.description),
        None => "no field is named".to_owned(),
    }
}

impl Coded for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::Malformed,
            Self::NotNetworkHome => Code::Bug,
            Self::UnknownNode { .. } | Self::UnknownFulfillmentOrder { .. } | Self::UnknownPolicy(_) => {
                Code::Unknown
            }
            Self::Stale { .. } | Self::StalePolicy { .. } => Code::Stale,
            Self::ForeignCurrency { .. } | Self::IllegalNow { .. } | Self::WrongDestination { .. } => {
                Code::IllegalNow
            }
            Self::NothingAsked { .. } | Self::AcknowledgedTooFar { .. } => Code::IllegalNow,
        }
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "INVALID_REQUEST",
            Self::NotNetworkHome => "NOT_NETWORK_HOME",
            Self::UnknownNode { .. } => "NODE_UNKNOWN",
            Self::UnknownFulfillmentOrder { .. } => "FULFILLMENT_ORDER_UNKNOWN",
            Self::UnknownPolicy(_) => "SOURCING_POLICY_UNKNOWN",
            Self::StalePolicy { .. } => "STALE_POLICY",
            Self::ForeignCurrency { .. } => "NETWORK_CURRENCY_FOREIGN",
            Self::Stale { .. } => "STALE_REVISION",
            Self::IllegalNow { .. } => "FULFILLMENT_ORDER_STATE",
            Self::NothingAsked { .. } => "CANCEL_NOT_ASKED",
            Self::WrongDestination { .. } => "FULFILLMENT_ORDER_DESTINATION",
            Self::AcknowledgedTooFar { .. } => "INSTRUCTION_UNKNOWN",
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
            Self::Malformed(_) | Self::NotNetworkHome => Vec::new(),
            Self::UnknownNode { node } => vec![("node", node.to_string())],
            Self::UnknownFulfillmentOrder { id } => vec![("fulfillment_order_id", id.to_string())],
            Self::UnknownPolicy(version) => vec![("policy_version", version.to_string())],
            Self::StalePolicy { expected, current } => {
                vec![("expected", expected.to_string()), ("current", current.to_string())]
            }
            Self::ForeignCurrency { expected, found } => {
                vec![("expected", expected.as_str().to_owned()), ("found", found.as_str().to_owned())]
            }
            Self::Stale { id, named, current, state } => vec![
                ("fulfillment_order_id", id.to_string()),
                ("named_revision", named.to_string()),
                ("current_revision", current.to_string()),
                ("state", (*state).to_owned()),
            ],
            Self::IllegalNow { id, asked, state, current } => vec![
                ("fulfillment_order_id", id.to_string()),
                ("asked", (*asked).to_owned()),
                ("current_revision", current.to_string()),
                ("state", (*state).to_owned()),
            ],
            Self::NothingAsked { id, current } => {
                vec![("fulfillment_order_id", id.to_string()), ("current_revision", current.to_string())]
            }
            Self::WrongDestination { id, asked, destination } => vec![
                ("fulfillment_order_id", id.to_string()),
                ("asked", (*asked).to_owned()),
                ("destination", (*destination).to_owned()),
            ],
            Self::AcknowledgedTooFar { node, through, last } => {
                vec![("node", node.to_string()), ("through", through.to_string()), ("last", last.to_string())]
            }
        }
    }
}
