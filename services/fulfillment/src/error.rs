//! What partitions and the planner answer besides answers, as gRPC statuses. The mapping itself is the service kit's.

use tonic::Status;
use waybill_fulfillment::Refusal;
use waybill_service_kit::{DoorError, PlannerError, status};
use waybill_types::{FulfillmentOrderId, NodeId};

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
