//! One file per call: parse, then a command or a read.

pub(crate) mod amend;
pub(crate) mod back;
pub(crate) mod cancel;
pub(crate) mod cancel_all;
pub(crate) mod erase;
pub(crate) mod exceptions;
pub(crate) mod find;
pub(crate) mod foresee;
pub(crate) mod get;
pub(crate) mod hold;
pub(crate) mod import;
pub(crate) mod place;
pub(crate) mod policy;
pub(crate) mod preview;
pub(crate) mod returnable;
pub(crate) mod timeline;
pub(crate) mod watch_changes;
pub(crate) mod watch_order;
pub(crate) mod watch_orders;

use crate::door::Inner;
use tonic::Status;
use waybill_orders::{Opening, Order};
use waybill_service_kit::{Caller, DoorError, OpenedPerson, Person};
use waybill_types::Role;

/// The person of an order, where there is one, the caller may see it and it was not erased.
pub(crate) fn person(
    door: &Inner,
    caller: &Caller,
    opening: &Opening,
    order: &Order,
) -> Result<Option<Box<Person>>, Status> {
    let Some(sealed) = order.content(opening).recipient.as_ref().filter(|_| may_see_people(caller)) else {
        return Ok(None);
    };
    match door.seal.open(sealed)? {
        OpenedPerson::Known(person) => Ok(Some(person)),
        OpenedPerson::Erased => Ok(None),
    }
}

pub(crate) fn may_see_people(caller: &Caller) -> bool {
    match caller.role {
        Role::Operator | Role::Channel => true,
        // A node reads its instructions, which carry what it needs; a peer needs nothing personal.
        Role::Node | Role::Peer => false,
    }
}

/// Who may erase, an order's people or a customer's: what is destroyed cannot be brought back.
pub(crate) fn may_erase(caller: &Caller) -> Result<(), DoorError> {
    caller.must_be_operator("erase personal data")
}
