//! What partitions and the planner answer besides answers, as gRPC statuses. The mapping itself is the service kit's.

use tonic::Status;
use waybill_fulfillment::Refusal;
use waybill_machine::{Code, Coded};
use waybill_service_kit::{DoorError, PlannerError, status};
use waybill_types::{FulfillmentOrderId, NodeId, Sku};

/// No such node.
pub(crate) fn unknown_node(node: &NodeId) -> Status {
    status(&Refusal::UnknownNode { node: node.clone() })
}

/// No such fulfilment order.
pub(crate) fn unknown_order(id: FulfillmentOrderId) -> Status {
    status(&Refusal::UnknownFulfillmentOrder { id })
}

/// A plan that was not made.
pub(crate) fn unplanned(error: &PlannerError) -> Status {
    match error {
        PlannerError::Unavailable(what) => DoorError::Unavailable { what: what.clone() }.into(),
        PlannerError::Malformed(what) => DoorError::field("basket", what.clone()).into(),
    }
}

/// What a product page asks about is not there.
#[derive(Clone, Debug, thiserror::Error)]
enum NotThere {
    #[error("there is no item {0}; check the SKU")]
    Item(Sku),
    #[error("nothing tells where this place is: give its location, or a postal code that a node has too")]
    Place,
}

impl Coded for NotThere {
    fn code(&self) -> Code {
        Code::Unknown
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::Item(_) => "ITEM_UNKNOWN",
            Self::Place => "PLACE_UNKNOWN",
        }
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Item(sku) => vec![("sku", sku.to_string())],
            Self::Place => Vec::new(),
        }
    }
}

/// No such item.
pub(crate) fn unknown_item(sku: &Sku) -> Status {
    status(&NotThere::Item(sku.clone()))
}

/// Nothing tells where a place is.
pub(crate) fn unknown_place() -> Status {
    status(&NotThere::Place)
}
