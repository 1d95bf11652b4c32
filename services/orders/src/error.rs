//! What partitions answer besides answers, as gRPC statuses. The mapping itself is the service kit's.

use tonic::Status;
use waybill_machine::{Code, Coded};
use waybill_orders::order::RefusedWhy;
use waybill_service_kit::DoorError;
use waybill_types::{Channel, ExternalNumber, OrderId};

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
