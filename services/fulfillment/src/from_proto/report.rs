//! What a node reports: who asks, about which fulfilment order at which revision, and what it did.

use waybill_fulfillment::{Package, PickReport, RejectKind, Report, Rest, ShortKind, UndeliveredKind};
use waybill_machine::Content;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::values::{some_quantity, text, time_or_none, whole};
use waybill_service_kit::{DoorError, Fields};
use waybill_types::exchange::{Landing, LineUnits, Parcel};
use waybill_types::{FulfillmentOrderId, LineNo, Quantity, Reason, RequestId, Sku, Text};

/// A report that has passed all checks that need no state.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) request: RequestId,
    pub(crate) reason: Reason,
    pub(crate) id: FulfillmentOrderId,
    pub(crate) revision: u64,
    pub(crate) report: Report,
    /// Digests for the comparison with an earlier request of the same id.
    pub(crate) content: Content,
}

/// The fields that every report has.
struct Head<'a> {
    request_id: &'a str,
    reason: &'a str,
    id: &'a str,
    revision: u64,
}

macro_rules! head {
    ($message:expr) => {
        Head {
            request_id: &$message.request_id,
            reason: &$message.reason,
            id: &$message.fulfillment_order_id,
            revision: $message.revision,
        }
    };
}

/// Checks the head, then whatever `rest` found; the digests name the call, its revision and its body.
fn asked(
    mut fields: Fields,
    head: &Head<'_>,
    method: &'static str,
    body: &impl prost::Message,
    report: Option<Report>,
) -> Result<Asked, DoorError> {
    let request = fields.request_id(head.request_id);
    let reason = fields.reason(head.reason);
    let id = fields.check("fulfillment_order_id", head.id.parse::<FulfillmentOrderId>());
    if head.revision == 0 {
        fields.wrong("revision", "is 0; name the revision that the report is based on");
    }
    let content = Content::new()
        .with("method", &method)
        .with("revision", &head.revision)
        .with("reason", &head.reason)
        .with("content", &digest(body));
    let all = (|| Some((request?, reason?, id?, report?)))();
    let (request, reason, id, report) = fields.finish(all)?;
    Ok(Asked { request, reason, id, revision: head.revision, report, content })
}

/// A digest of a message: maps are ordered, so the same content gives the same bytes.
pub(crate) fn digest(message: &impl prost::Message) -> String {
    blake3::hash(&message.encode_to_vec()).to_hex().to_string()
}

/// The message without what every report has, so that the digest of the rest stands for the rest.
macro_rules! body {
    ($message:expr) => {{
        let mut body = $message.clone();
        body.request_id = String::new();
        body.reason = String::new();
        body.revision = 0;
        body
    }};
}

pub(crate) fn accept(m: &proto::AcceptFulfillmentOrderRequest) -> Result<Asked, DoorError> {
    asked(Fields::new(), &head!(m), "accept", &body!(m), Some(Report::Accept))
}

pub(crate) fn start(m: &proto::StartPickingRequest) -> Result<Asked, DoorError> {
    asked(Fields::new(), &head!(m), "start picking", &body!(m), Some(Report::StartPicking))
}

pub(crate) fn reject(m: &proto::RejectFulfillmentOrderRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let kind = match proto::RejectReason::try_from(m.reject_reason) {
        Ok(proto::RejectReason::OutOfStock) => Some(RejectKind::OutOfStock),
        Ok(proto::RejectReason::Damaged) => Some(RejectKind::Damaged),
        Ok(proto::RejectReason::NoCapacity) => Some(RejectKind::NoCapacity),
        Ok(proto::RejectReason::Closed) => Some(RejectKind::Closed),
        Ok(proto::RejectReason::Other) => Some(RejectKind::Other),
        Ok(proto::RejectReason::Unspecified) | Err(_) => {
            fields.wrong("reject_reason", format!("is {}, must be one of the reasons", m.reject_reason));
            None
        }
    };
    asked(fields, &head!(m), "reject", &body!(m), kind.map(|kind| Report::Reject { kind }))
}

pub(crate) fn confirm_pick(m: &proto::ConfirmPickRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    at_least_one(&mut fields, "lines", m.lines.len(), 500);
    let lines: Vec<Option<PickReport>> = m
        .lines
        .iter()
        .take(500)
        .enumerate()
        .map(|(index, line)| picked_line(&mut fields, &format!("lines[{index}]"), line))
        .collect();
    let lines: Option<Vec<PickReport>> = lines.into_iter().collect();
    asked(fields, &head!(m), "confirm pick", &body!(m), lines.map(Report::ConfirmPick))
}

pub(crate) fn pack(m: &proto::PackRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    at_least_one(&mut fields, "parcels", m.parcels.len(), PARCELS_MAX);
    let parcels = packages(&mut fields, &m.parcels);
    asked(fields, &head!(m), "pack", &body!(m), parcels.map(Report::Pack))
}

pub(crate) fn ship(m: &proto::ShipRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    if m.carrier.is_empty() {
        fields.wrong("carrier", "is empty");
    }
    let carrier = text(&mut fields, "carrier", &m.carrier, 64);
    let tracking = text(&mut fields, "tracking_number", &m.tracking_number, 128);
    if m.parcels.len() > PARCELS_MAX {
        fields.wrong("parcels", format!("are {}, at most {PARCELS_MAX} are allowed", m.parcels.len()));
    }
    let packages = packages(&mut fields, &m.parcels);
    let shipped_at = time_or_none(&mut fields, "ship_time", m.ship_time.as_ref());
    let report = (|| {
        Some(Report::Ship {
            carrier: carrier?,
            tracking: tracking?,
            packages: packages?,
            shipped_at: shipped_at?,
        })
    })();
    asked(fields, &head!(m), "ship", &body!(m), report)
}

pub(crate) fn ready(m: &proto::ReadyForPickupRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let shelf = text(&mut fields, "shelf", &m.shelf, 64);
    asked(
        fields,
        &head!(m),
        "ready for pickup",
        &body!(m),
        shelf.map(|shelf| Report::ReadyForPickup { shelf }),
    )
}

pub(crate) fn hand_over(m: &proto::HandOverRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let proof = text(&mut fields, "proof", &m.proof, 64);
    let lines = contents(&mut fields, "taken", &m.taken);
    let rest = match proto::PickupRest::try_from(m.rest) {
        Ok(proto::PickupRest::Unspecified | proto::PickupRest::Later) => Some(Rest::Later),
        Ok(proto::PickupRest::GiveUp) => Some(Rest::GiveUp),
        Err(_) => {
            fields.wrong("rest", format!("is {}, must be LATER or GIVE_UP", m.rest));
            None
        }
    };
    let report = (|| Some(Report::HandOver { proof: proof?, lines: lines?, rest: rest? }))();
    asked(fields, &head!(m), "hand over", &body!(m), report)
}

pub(crate) fn no_show(m: &proto::ReportNoShowRequest) -> Result<Asked, DoorError> {
    asked(Fields::new(), &head!(m), "report a no-show", &body!(m), Some(Report::NoShow))
}

pub(crate) fn answer_cancel(m: &proto::AnswerCancelRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let stopped = contents(&mut fields, "stopped", &m.stopped);
    let report = stopped.map(|stopped| Report::AnswerCancel { stopped });
    asked(fields, &head!(m), "answer a cancel", &body!(m), report)
}

pub(crate) fn undelivered(m: &proto::ReportUndeliveredRequest) -> Result<Asked, DoorError> {
    use proto::GoodsCondition as Condition;
    let mut fields = Fields::new();
    let landing = match Condition::try_from(m.condition) {
        Ok(Condition::Unspecified) => Some(None),
        Ok(Condition::Sellable) => Some(Some(Landing::Sellable)),
        Ok(Condition::Inspect) => Some(Some(Landing::Inspect)),
        Ok(Condition::Damaged) => Some(Some(Landing::Damaged)),
        Ok(Condition::Scrapped) => Some(Some(Landing::Scrapped)),
        Err(_) => None,
    };
    let kind = match (proto::UndeliveredKind::try_from(m.kind), landing) {
        (Ok(proto::UndeliveredKind::Lost), Some(None)) => Some(UndeliveredKind::Lost),
        (Ok(proto::UndeliveredKind::Refused), Some(None)) => Some(UndeliveredKind::Refused),
        (Ok(proto::UndeliveredKind::ReturnedToSender), Some(Some(landing))) => {
            Some(UndeliveredKind::ReturnedToSender(landing))
        }
        (Ok(proto::UndeliveredKind::Unspecified) | Err(_), _) => {
            fields.wrong("kind", format!("is {}, must be LOST, REFUSED or RETURNED_TO_SENDER", m.kind));
            None
        }
        (Ok(_), _) => {
            let what = "must say where RETURNED_TO_SENDER goods lie, and is empty for other kinds";
            fields.wrong("condition", format!("is {}, {what}", m.condition));
            None
        }
    };
    let parcels = parcel_ids(&mut fields, &m.parcel_ids);
    let report = (|| Some(Report::ReportUndelivered { kind: kind?, parcels: parcels? }))();
    asked(fields, &head!(m), "report undelivered parcels", &body!(m), report)
}

pub(crate) fn deliver(m: &proto::ConfirmDeliveryRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let delivered_at = time_or_none(&mut fields, "delivery_time", m.delivery_time.as_ref());
    let parcels = parcel_ids(&mut fields, &m.parcel_ids);
    let report = (|| Some(Report::ConfirmDelivery { parcels: parcels?, delivered_at: delivered_at? }))();
    asked(fields, &head!(m), "confirm delivery", &body!(m), report)
}

/// Parcels of one fulfilment order.
const PARCELS_MAX: usize = 200;
/// The heaviest parcel: 1,000 tonnes.
const WEIGHT_G_MAX: u64 = 1_000_000_000;

fn parcel_ids(fields: &mut Fields, given: &[String]) -> Option<Vec<Text>> {
    if given.len() > PARCELS_MAX {
        fields.wrong("parcel_ids", format!("are {}, at most {PARCELS_MAX} are allowed", given.len()));
    }
    let numbered = given.iter().take(PARCELS_MAX).enumerate();
    let parcels: Vec<Option<Text>> =
        numbered.map(|(index, id)| text(fields, format!("parcel_ids[{index}]"), id, 64)).collect();
    parcels.into_iter().collect()
}

/// Units of lines, at most as many lines as an order has.
fn contents(fields: &mut Fields, at: &str, given: &[proto::ParcelContent]) -> Option<Vec<LineUnits>> {
    if given.len() > 500 {
        fields.wrong(at, format!("are {}, at most 500 are allowed", given.len()));
    }
    let numbered = given.iter().take(500).enumerate();
    let lines: Vec<Option<LineUnits>> = numbered
        .map(|(index, content)| {
            let at = format!("{at}[{index}]");
            let line = line_number(fields, format!("{at}.line_number"), content.line_number);
            let quantity = some_quantity(fields, format!("{at}.quantity"), content.quantity);
            Some(LineUnits { line: line?, quantity: quantity? })
        })
        .collect();
    lines.into_iter().collect()
}

fn at_least_one(fields: &mut Fields, field: &str, count: usize, max: usize) {
    if count == 0 || count > max {
        fields.wrong(field, format!("are {count}, must be 1 to {max}"));
    }
}

fn line_number(fields: &mut Fields, field: String, number: u32) -> Option<LineNo> {
    match u16::try_from(number) {
        Ok(number) if number > 0 => Some(LineNo(number)),
        _ => {
            fields.wrong(field, format!("is {number}, must be 1 to 65535"));
            None
        }
    }
}

fn picked_line(fields: &mut Fields, at: &str, given: &proto::PickedLine) -> Option<PickReport> {
    let line = line_number(fields, format!("{at}.line_number"), given.line_number);
    let picked = fields.check(format!("{at}.picked_quantity"), Quantity::new(given.picked_quantity));
    let short = fields.check(format!("{at}.short_quantity"), Quantity::new(given.short_quantity));
    let short_kind = match proto::ShortReason::try_from(given.short_reason) {
        Ok(proto::ShortReason::Unspecified) => Some(None),
        Ok(proto::ShortReason::NotFound) => Some(Some(ShortKind::NotFound)),
        Ok(proto::ShortReason::Damaged) => Some(Some(ShortKind::Damaged)),
        Ok(proto::ShortReason::Other) => Some(Some(ShortKind::Other)),
        Err(_) => {
            fields
                .wrong(format!("{at}.short_reason"), format!("is {}, must be a reason", given.short_reason));
            None
        }
    };
    let substitute = substitute(fields, at, given);
    let lots = codes(fields, &format!("{at}.lots"), &given.lots);
    let serials = codes(fields, &format!("{at}.serials"), &given.serials);
    Some(PickReport {
        line: line?,
        picked: picked?,
        short: short?,
        short_kind: short_kind?,
        lots: lots?,
        serials: serials?,
        substitute: substitute?,
    })
}

/// What was picked instead; both fields or none.
fn substitute(fields: &mut Fields, at: &str, given: &proto::PickedLine) -> Option<Option<(Sku, Quantity)>> {
    if given.substitute_sku.is_empty() && given.substitute_quantity == 0 {
        return Some(None);
    }
    let sku = fields.check(format!("{at}.substitute_sku"), Sku::new(&given.substitute_sku));
    let quantity = some_quantity(fields, format!("{at}.substitute_quantity"), given.substitute_quantity);
    Some(Some((sku?, quantity?)))
}

/// Lots or serial numbers.
fn codes(fields: &mut Fields, field: &str, given: &[String]) -> Option<Vec<Text>> {
    if given.len() > 1000 {
        fields.wrong(field, format!("are {}, at most 1000 are allowed", given.len()));
        return None;
    }
    let codes: Vec<Option<Text>> = given
        .iter()
        .enumerate()
        .map(|(index, code)| text(fields, format!("{field}[{index}]"), code, 64))
        .collect();
    codes.into_iter().collect()
}

fn packages(fields: &mut Fields, given: &[proto::Parcel]) -> Option<Vec<Package>> {
    let parcels: Vec<Option<Package>> = given
        .iter()
        .take(PARCELS_MAX)
        .enumerate()
        .map(|(index, parcel)| package(fields, &format!("parcels[{index}]"), parcel))
        .collect();
    parcels.into_iter().collect()
}

fn package(fields: &mut Fields, at: &str, given: &proto::Parcel) -> Option<Package> {
    let number = text(fields, format!("{at}.parcel_id"), &given.parcel_id, 64);
    let carrier = text(fields, format!("{at}.carrier"), &given.carrier, 64);
    let tracking = text(fields, format!("{at}.tracking_number"), &given.tracking_number, 128);
    let tracking_url = text(fields, format!("{at}.tracking_url"), &given.tracking_url, 1000);
    let weight_g = whole(fields, format!("{at}.weight_g"), given.weight_g, WEIGHT_G_MAX);
    let lines = contents(fields, &format!("{at}.contents"), &given.contents);
    let parcel = Parcel { number: number?, carrier: carrier?, tracking: tracking?, lines: lines? };
    let (weight_g, tracking_url) = (weight_g?, tracking_url?);
    Some(Package { parcel, weight_g, tracking_url, delivered_at: None, undelivered: None })
}
