//! What partitions answer besides answers, as gRPC statuses. The mapping itself is the service kit's.

use tonic::Status;
use waybill_fulfillment::Refusal;
use waybill_replica::Failure;
use waybill_service_kit::{DoorError, PlannerError, status};

/// A command or read that was not accepted.
pub(crate) fn failed(failure: &Failure<Refusal>) -> Status {
    if let Failure::Damaged { what } = failure {
        tracing::error!(%what, "stored bytes could not be read");
    }
    status(failure)
}

/// A plan that was not made.
pub(crate) fn unplanned(error: &PlannerError) -> Status {
    match error {
        PlannerError::Unavailable(what) => DoorError::Unavailable { what: what.clone() }.into(),
        PlannerError::Malformed(what) => DoorError::field("basket", what.clone()).into(),
    }
}
