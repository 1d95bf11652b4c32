//! Returns as commands.

use super::basket::{Purse, line};
use super::values::{line_no, list, some_quantity, text};
use prost::Message;
use waybill_machine::Content;
use waybill_orders::LINES_MAX;
use waybill_orders::command::{Received, ReceivedLine, RequestReturn, ReturnLine};
use waybill_orders::content::OrderContent;
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{DoorError, Fields};
use waybill_types::exchange::Landing;
use waybill_types::{NodeId, OrderId, Reason, RequestId, ReturnId};

/// Bytes of a reason or of what was found.
const TEXT_BYTES_MAX: usize = 1_000;

/// A checked request for a return.
pub(crate) struct Asked {
    pub(crate) request: RequestId,
    pub(crate) reason: Reason,
    pub(crate) back: RequestReturn,
    pub(crate) content: Content,
}

/// Checks a request for a return. `known` is what is ordered now, where there is such an order.
pub(crate) fn create(
    given: &proto::CreateReturnRequest,
    known: Option<&OrderContent>,
) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let request = fields.request_id(&given.request_id);
    let reason = fields.reason(&given.reason);
    let order = fields.check("order_id", given.order_id.parse::<OrderId>());
    if given.lines.is_empty() {
        fields.wrong("lines", format!("are 0, must be 1 to {LINES_MAX}"));
    }
    let lines = list(&mut fields, "lines", &given.lines, LINES_MAX, asked);
    let currency = known.map(|content| content.amounts.currency);
    let replacements =
        list(&mut fields, "replacements", &given.replacements, LINES_MAX, |fields, at, given| {
            line(&mut Purse { currency, fields }, &at, given)
        });
    let received = match (given.node_id.as_str(), given.received.as_slice()) {
        ("", []) => Some(None),
        ("", _) => {
            fields.wrong("node_id", "is needed with received: the node at which the goods lie");
            None
        }
        (node, lines) => received(&mut fields, node, "received", lines).map(Some),
    };
    let encoded = |messages: &[proto::ReturnUnits]| -> Vec<Vec<u8>> {
        messages.iter().map(Message::encode_to_vec).collect()
    };
    let content = Content::new()
        .with("expected_revision", &given.expected_revision)
        .with("lines", &encoded(&given.lines))
        .with("replacements", &given.replacements.iter().map(Message::encode_to_vec).collect::<Vec<_>>())
        .with("node_id", &given.node_id)
        .with("received", &given.received.iter().map(Message::encode_to_vec).collect::<Vec<_>>())
        .with("beyond_window", &given.beyond_window);
    let asked = (|| {
        let back = RequestReturn {
            order: order?,
            expected_revision: (given.expected_revision > 0).then_some(given.expected_revision),
            lines: lines?,
            replacements: replacements?,
            received: received?,
            beyond_window: given.beyond_window,
        };
        Some(Asked { request: request?, reason: reason?, back, content })
    })();
    fields.finish(asked)
}

fn asked(fields: &mut Fields, at: String, given: &proto::ReturnUnits) -> Option<ReturnLine> {
    let line = line_no(fields, format!("{at}.line_number"), given.line_number);
    let quantity = some_quantity(fields, format!("{at}.quantity"), given.quantity);
    let why = text(fields, format!("{at}.why"), &given.why, TEXT_BYTES_MAX);
    Some(ReturnLine { line: line?, quantity: quantity?, why: why? })
}

fn received(
    fields: &mut Fields,
    node: &str,
    field: &str,
    lines: &[proto::ReceivedUnits],
) -> Option<Received> {
    let node = fields.check("node_id", NodeId::new(node));
    if lines.is_empty() {
        fields.wrong(field, format!("are 0, must be 1 to {LINES_MAX}"));
    }
    let lines = list(fields, field, lines, LINES_MAX, |fields, at, given| {
        let line = line_no(fields, format!("{at}.line_number"), given.line_number);
        let quantity = some_quantity(fields, format!("{at}.quantity"), given.quantity);
        let landing = landing(fields, format!("{at}.disposition"), given.disposition);
        let note = text(fields, format!("{at}.note"), &given.note, TEXT_BYTES_MAX);
        Some(ReceivedLine { line: line?, quantity: quantity?, landing: landing?, note: note? })
    });
    Some(Received { node: node?, lines: lines? })
}

/// In which condition goods lie there; `Some(None)` where they were not taken.
fn landing(fields: &mut Fields, field: String, number: i32) -> Option<Option<Landing>> {
    match proto::Disposition::try_from(number) {
        Ok(proto::Disposition::Sellable) => Some(Some(Landing::Sellable)),
        Ok(proto::Disposition::Inspect) => Some(Some(Landing::Inspect)),
        Ok(proto::Disposition::Damaged) => Some(Some(Landing::Damaged)),
        Ok(proto::Disposition::Scrapped) => Some(Some(Landing::Scrapped)),
        Ok(proto::Disposition::Refused) => Some(None),
        Ok(proto::Disposition::Unspecified) | Err(_) => {
            let what = format!("is {number}, must be SELLABLE, INSPECT, DAMAGED, SCRAPPED or REFUSED");
            fields.wrong(field, what);
            None
        }
    }
}

/// A checked request about one return.
pub(crate) struct About<T> {
    pub(crate) request: RequestId,
    pub(crate) reason: Reason,
    pub(crate) id: ReturnId,
    pub(crate) what: T,
    pub(crate) content: Content,
}

fn about<T>(
    mut fields: Fields,
    (request, reason, id): (&str, &str, &str),
    what: Option<T>,
    content: Content,
) -> Result<About<T>, DoorError> {
    let request = fields.request_id(request);
    let reason = fields.reason(reason);
    let id = fields.check("return_id", id.parse::<ReturnId>());
    let about = (|| Some(About { request: request?, reason: reason?, id: id?, what: what?, content }))();
    fields.finish(about)
}

/// Checks a yes or no.
pub(crate) fn decide(given: &proto::DecideReturnRequest) -> Result<About<bool>, DoorError> {
    let ids = (given.request_id.as_str(), given.reason.as_str(), given.return_id.as_str());
    let content = Content::new().with("authorize", &given.authorize);
    about(Fields::new(), ids, Some(given.authorize), content)
}

/// Checks goods that came.
pub(crate) fn receive(given: &proto::ReceiveReturnRequest) -> Result<About<Received>, DoorError> {
    let mut fields = Fields::new();
    let received = received(&mut fields, &given.node_id, "lines", &given.lines);
    let lines: Vec<Vec<u8>> = given.lines.iter().map(Message::encode_to_vec).collect();
    let content = Content::new().with("node_id", &given.node_id).with("lines", &lines);
    let ids = (given.request_id.as_str(), given.reason.as_str(), given.return_id.as_str());
    about(fields, ids, received, content)
}

/// Checks the end of a return.
pub(crate) fn close(given: &proto::CloseReturnRequest) -> Result<About<()>, DoorError> {
    let ids = (given.request_id.as_str(), given.reason.as_str(), given.return_id.as_str());
    about(Fields::new(), ids, Some(()), Content::new())
}
