//! Holds on orders as commands.

use super::values::{counted, line_or_all, text};
use waybill_machine::Content;
use waybill_orders::Command;
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{DoorError, Fields};
use waybill_types::policy::HoldCode;
use waybill_types::{OrderId, Reason, RequestId};

/// A checked request of a desk about an order: a hold, or an exception.
pub(crate) struct Asked {
    pub(crate) request: RequestId,
    pub(crate) reason: Reason,
    pub(crate) order: OrderId,
    pub(crate) command: Command,
    pub(crate) content: Content,
}

/// Bytes of a note.
pub(super) const NOTE_BYTES_MAX: usize = 1_000;

/// Checks a hold.
pub(crate) fn place(given: &proto::PlaceOrderHoldRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let request = fields.request_id(&given.request_id);
    let reason = fields.reason(&given.reason);
    let order = fields.check("order_id", given.order_id.parse::<OrderId>());
    let line = line_or_all(&mut fields, "line_number", given.line_number);
    let code = fields.check("hold_type", HoldCode::new(&given.hold_type));
    let note = text(&mut fields, "note", &given.note, NOTE_BYTES_MAX);
    let content = Content::new()
        .with("line_number", &given.line_number)
        .with("hold_type", &given.hold_type)
        .with("note", &given.note);
    let asked = (|| {
        let order = order?;
        let command = Command::PlaceOrderHold { order, line: line?, code: code?, note: note? };
        Some(Asked { request: request?, reason: reason?, order, command, content })
    })();
    fields.finish(asked)
}

/// Checks the end of a hold.
pub(crate) fn resolve(given: &proto::ResolveOrderHoldRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let request = fields.request_id(&given.request_id);
    let reason = fields.reason(&given.reason);
    let order = fields.check("order_id", given.order_id.parse::<OrderId>());
    let hold = counted(&mut fields, "hold", given.hold);
    let note = text(&mut fields, "note", &given.note, NOTE_BYTES_MAX);
    let content = Content::new().with("hold", &given.hold).with("note", &given.note);
    let asked = (|| {
        let order = order?;
        let command = Command::ResolveOrderHold { order, hold: hold?, note: note? };
        Some(Asked { request: request?, reason: reason?, order, command, content })
    })();
    fields.finish(asked)
}
