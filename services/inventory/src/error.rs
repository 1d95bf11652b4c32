//! What partitions and the machine answer besides answers, as gRPC statuses. The mapping itself is the service kit's.

use tonic::Status;
use waybill_inventory::{Alias, Refusal, RowRefusal};
use waybill_machine::{Code, Coded};
use waybill_service_kit::{DoorError, status};
use waybill_types::{ReservationId, Sku};

/// The machine's refusal where the door finds it out itself.
pub(crate) fn refused(refusal: Refusal) -> Status {
    status(&refusal)
}

pub(crate) fn unknown_item(sku: &Sku) -> Status {
    refused(Refusal::Row(RowRefusal::UnknownItem(sku.clone())))
}

/// No item has this code.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no item has the {} {}; check the code", .0.kind, .0.value)]
pub(crate) struct NoSuchAlias(pub(crate) Alias);

impl Coded for NoSuchAlias {
    fn code(&self) -> Code {
        Code::Unknown
    }
    fn reason(&self) -> &'static str {
        "ITEM_UNKNOWN"
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("alias_kind", self.0.kind.to_string()), ("alias_value", self.0.value.to_string())]
    }
}

pub(crate) fn unknown_reservation(id: ReservationId) -> Status {
    refused(Refusal::UnknownReservation(id))
}

/// An answer of another kind than its command's: our own fault.
pub(crate) fn unexpected(answer: &waybill_inventory::Answer) -> Status {
    DoorError::Bug { what: format!("the machine answered {answer:?}") }.into()
}
