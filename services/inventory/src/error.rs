//! What partitions and the machine answer besides answers, as gRPC statuses. The mapping itself is the service kit's.

use tonic::Status;
use waybill_inventory::{Refusal, RowRefusal};
use waybill_replica::Failure;
use waybill_service_kit::{DoorError, status};
use waybill_types::ReservationId;

/// A command or read that was not accepted.
pub(crate) fn failed(failure: &Failure<Refusal>) -> Status {
    if let Failure::Damaged { what } = failure {
        tracing::error!(%what, "stored bytes could not be read");
    }
    status(failure)
}

/// The machine's refusal where the door finds it out itself.
pub(crate) fn refused(refusal: Refusal) -> Status {
    status(&refusal)
}

pub(crate) fn unknown_item(sku: &waybill_types::Sku) -> Status {
    refused(Refusal::Row(RowRefusal::UnknownItem(sku.clone())))
}

pub(crate) fn unknown_reservation(id: ReservationId) -> Status {
    refused(Refusal::UnknownReservation(id))
}

/// An answer of another kind than its command's: our own fault.
pub(crate) fn unexpected(answer: &waybill_inventory::Answer) -> Status {
    DoorError::Bug { what: format!("the machine answered {answer:?}") }.into()
}
