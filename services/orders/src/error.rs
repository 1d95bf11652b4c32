//! What partitions answer besides answers, as gRPC statuses. The mapping itself is the service kit's.

use tonic::Status;
use waybill_machine::{Code, Coded};
use waybill_orders::order::RefusedWhy;
use waybill_service_kit::DoorError;
use waybill_types::{Channel, ExternalNumber, NodeId, OrderId};

/// Bytes of a history that cannot be read.
pub(crate) fn undecodable(error: &waybill_machine::Undecodable) -> Status {
    DoorError::Bug { what: error.to_string() }.into()
}

/// A channel has no order of this number.
#[derive(Clone, Debug, thiserror::Error)]
#[error("channel {channel} has no order of number {number}; check both")]
pub(crate) struct NoSuchNumber {
    pub(crate) channel: Channel,
    pub(crate) number: ExternalNumber,
}

impl Coded for NoSuchNumber {
    fn code(&self) -> Code {
        Code::Unknown
    }
    fn reason(&self) -> &'static str {
        "ORDER_UNKNOWN"
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("channel", self.channel.to_string()), ("external_order_number", self.number.to_string())]
    }
}

/// The order policy never had this version.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("there is no version {0} of the order policy; 0 asks for the one in force")]
pub(crate) struct NoSuchPolicy(pub(crate) u64);

impl Coded for NoSuchPolicy {
    fn code(&self) -> Code {
        Code::Unknown
    }
    fn reason(&self) -> &'static str {
        "ORDER_POLICY_UNKNOWN"
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("policy_version", self.0.to_string())]
    }
}

/// Why an order cannot be changed or its goods not be taken, besides what the machine says.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NotDone {
    /// The change needs the person, whose key is destroyed.
    #[error("the personal data of order {order} was destroyed; place a new order instead")]
    Erased { order: OrderId },
    /// The revision decided on is not the current one.
    #[error(
        "order {order} has revision {current}, expected was {expected}; read what changed since and decide anew"
    )]
    Stale {
        order: OrderId,
        expected: u64,
        current: u64,
        /// What happened since, as JSON.
        changes: String,
    },
    /// No such node.
    #[error("node {0} does not exist; check the id")]
    NodeUnknown(NodeId),
    /// The node takes nothing back.
    #[error("node {0} does not take returns; bring the goods to one that does")]
    NodeRefusesReturns(NodeId),
}

impl Coded for NotDone {
    fn code(&self) -> Code {
        match self {
            Self::Stale { .. } => Code::Stale,
            Self::NodeUnknown(_) => Code::Unknown,
            Self::Erased { .. } | Self::NodeRefusesReturns(_) => Code::IllegalNow,
        }
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::Erased { .. } => "ORDER_ERASED",
            Self::Stale { .. } => "STALE_REVISION",
            Self::NodeUnknown(_) => "NODE_UNKNOWN",
            Self::NodeRefusesReturns(_) => "NODE_REFUSES_RETURNS",
        }
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Erased { order } => vec![("order_id", order.to_string())],
            Self::Stale { order, expected, current, changes } => vec![
                ("order_id", order.to_string()),
                ("expected", expected.to_string()),
                ("current", current.to_string()),
                ("changes", changes.clone()),
            ],
            Self::NodeUnknown(node) | Self::NodeRefusesReturns(node) => vec![("node", node.to_string())],
        }
    }
}

/// An order to confirm that could not be reserved. It is refused, and its number is free again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("order {order} is refused: {}", words(.why))]
pub(crate) struct NotServed {
    pub(crate) order: OrderId,
    pub(crate) why: RefusedWhy,
}

fn words(why: &RefusedWhy) -> String {
    let one = |line: &waybill_orders::order::Unserved| {
        format!("{} units of line {} ({})", line.quantity, line.line.0, line.reason.name())
    };
    let lines: Vec<String> = why.unserved.iter().take(20).map(one).collect();
    if lines.is_empty() { "nothing of it is served".into() } else { lines.join(", ") + " cannot be served" }
}

impl Coded for NotServed {
    fn code(&self) -> Code {
        Code::Short
    }
    fn reason(&self) -> &'static str {
        "ORDER_NOT_SERVED"
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("order_id", self.order.to_string())];
        if let Some(first) = self.why.unserved.first() {
            facts.push(("line_number", first.line.0.to_string()));
            facts.push(("quantity", first.quantity.to_string()));
            facts.push(("cause", first.reason.name().to_owned()));
        }
        if let Some(first) = self.why.shortages.first() {
            facts.push(("sku", first.asked.sku.to_string()));
            facts.push(("asked", first.asked.quantity.to_string()));
            facts.push(("available", first.available.to_string()));
        }
        facts
    }
}
