//! CancelOrder as a command.

use super::values::{line_no, some_quantity, whole};
use waybill_machine::Content;
use waybill_orders::LINES_MAX;
use waybill_orders::command::{Cancel, CancelLine};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{DoorError, Fields};
use waybill_types::{OrderId, Reason, RequestId};

/// A checked request.
pub(crate) struct Asked {
    pub(crate) request: RequestId,
    pub(crate) reason: Reason,
    pub(crate) cancel: Cancel,
    pub(crate) content: Content,
    /// In milliseconds; 0 means not at all.
    pub(crate) wait_ms: u64,
}

/// Checks a request.
pub(crate) fn cancel(given: &proto::CancelOrderRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let request = fields.request_id(&given.request_id);
    let reason = fields.reason(&given.reason);
    let order = fields.check("order_id", given.order_id.parse::<OrderId>());
    if given.lines.len() > LINES_MAX {
        fields.wrong("lines", format!("are {}, at most {LINES_MAX} are allowed", given.lines.len()));
    }
    let lines: Vec<Option<CancelLine>> =
        given.lines.iter().enumerate().map(|(index, given)| line(&mut fields, index, given)).collect();
    let wait_ms = whole(&mut fields, "wait_ms", given.wait_ms, 60_000);
    let asked: Vec<(u32, Option<i64>)> = given.lines.iter().map(|l| (l.line_number, l.quantity)).collect();
    let content = Content::new().with("expected_revision", &given.expected_revision).with("lines", &asked);
    let expected_revision = (given.expected_revision > 0).then_some(given.expected_revision);
    let parsed = (|| {
        let lines = lines.into_iter().collect::<Option<_>>()?;
        let cancel = Cancel { order: order?, expected_revision, lines };
        Some(Asked { request: request?, reason: reason?, cancel, content, wait_ms: wait_ms? })
    })();
    fields.finish(parsed)
}

fn line(fields: &mut Fields, index: usize, given: &proto::CancelLine) -> Option<CancelLine> {
    let line = line_no(fields, format!("lines[{index}].line_number"), given.line_number);
    let quantity = match given.quantity {
        None => Some(None),
        Some(units) => some_quantity(fields, format!("lines[{index}].quantity"), units).map(Some),
    };
    Some(CancelLine { line: line?, quantity: quantity? })
}
