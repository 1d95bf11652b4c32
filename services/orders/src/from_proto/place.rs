//! PlaceOrder as a command.

use super::basket::basket;
use super::person::{fingerprint, lookups, person};
use super::values::{attributes, id_or_none, ids, range, text, time_or_none, whole};
use prost::Message;
use waybill_machine::Content;
use waybill_orders::command::{Basket, Place};
use waybill_orders::content::{Backorder, Mode};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{DoorError, Fields, Person, Seal};
use waybill_types::exchange::Delivery;
use waybill_types::policy::HoldCode;
use waybill_types::{CustomerRef, ExternalNumber, Invalid, Reason, ReservationId};

/// Holds that an order may begin with.
const HOLDS_MAX: usize = 10;

/// A checked request. The person is still to be sealed.
pub(crate) struct Asked {
    pub(crate) place: Place,
    pub(crate) person: Option<Person>,
    pub(crate) reason: Reason,
    /// In milliseconds; 0 means what is usual.
    pub(crate) wait_ms: u64,
}

/// Checks a request.
pub(crate) fn place(seal: &Seal, given: &proto::PlaceOrderRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let asked = parse(&mut fields, seal, given);
    fields.finish(asked)
}

fn parse(fields: &mut Fields, seal: &Seal, given: &proto::PlaceOrderRequest) -> Option<Asked> {
    let request = fields.request_id(&given.request_id);
    let reason = fields.reason(&given.reason);
    let mode = mode(fields, given.mode);
    let external = match given.external_order_number.as_str() {
        "" => request.and_then(|request| ExternalNumber::new(request.as_str()).ok()),
        number => fields.check("external_order_number", ExternalNumber::new(number)),
    };
    let customer = id_or_none(fields, "customer_id", &given.customer_id, |text| CustomerRef::new(text));
    let person = person(fields, "", given.contact.as_ref(), given.ship_to.as_ref(), &given.gift_note);
    let paths = given.lines.iter().enumerate().map(|(index, line)| (format!("lines[{index}]"), line));
    let bought = basket(fields, "", paths, given.amounts.as_ref());
    let ships = |line: &proto::PlaceLine| line.delivery_method == proto::DeliveryMethod::ShipHome as i32;
    if given.ship_to.is_none() && given.lines.iter().any(ships) {
        fields.wrong("ship_to", "is needed when any line is SHIP_HOME");
    }
    let hold = id_or_none(fields, "hold_id", &given.hold_id, hold);
    let release_at = time_or_none(fields, "release_time", given.release_time.as_ref());
    let requested = range(fields, "requested", given.requested.as_ref());
    let backorder = backorder(fields, given.backorder_policy, mode);
    let priority = whole(fields, "priority", given.priority.into(), 100);
    let wait_ms = whole(fields, "wait_ms", given.wait_ms, 60_000);
    let journey = text(fields, "journey_id", &given.journey_id, 64);
    let attributes = attributes(fields, "custom_attributes", &given.custom_attributes);
    let holds = ids(fields, "hold_types", &given.hold_types, HOLDS_MAX, |text| HoldCode::new(text));
    let ((lines, amounts), person, customer, journey) = (bought?, person?, customer?, journey?);
    debug_assert!(lines.iter().all(|line| matches!(line.delivery, Delivery::Ship | Delivery::Pickup(_))));
    Some(Asked {
        place: Place {
            basket: Basket {
                external: external?,
                digests: digests(seal, given),
                lookups: lookups(seal, person.as_ref(), customer.as_ref()),
                customer,
                subject: None,
                recipient: None,
                lines,
                amounts,
                attributes: attributes?,
            },
            mode: mode?,
            hold: hold?,
            release_at: release_at?,
            requested: requested?,
            backorder: backorder?,
            priority: priority? as u8,
            journey: (!journey.as_str().is_empty()).then_some(journey),
            order_holds: holds?,
        },
        person,
        reason: reason?,
        wait_ms: wait_ms?,
    })
}

fn mode(fields: &mut Fields, given: i32) -> Option<Mode> {
    match proto::PlaceMode::try_from(given) {
        Ok(proto::PlaceMode::Unspecified | proto::PlaceMode::Accept) => Some(Mode::Accept),
        Ok(proto::PlaceMode::Confirm) => Some(Mode::Confirm),
        Err(_) => {
            fields.wrong("mode", format!("is {given}, must be ACCEPT or CONFIRM"));
            None
        }
    }
}

fn backorder(fields: &mut Fields, given: i32, mode: Option<Mode>) -> Option<Backorder> {
    match proto::BackorderPolicy::try_from(given) {
        Ok(proto::BackorderPolicy::Allow) => Some(Backorder::Allow),
        Ok(proto::BackorderPolicy::Forbid) => Some(Backorder::Forbid),
        Ok(proto::BackorderPolicy::Unspecified) => mode.map(|mode| match mode {
            Mode::Accept => Backorder::Allow,
            Mode::Confirm => Backorder::Forbid,
        }),
        Err(_) => {
            fields.wrong("backorder_policy", format!("is {given}, must be ALLOW or FORBID"));
            None
        }
    }
}

fn hold(text: &str) -> Result<ReservationId, Invalid> {
    match text.parse()? {
        hold @ ReservationId::Hold { .. } => Ok(hold),
        ReservationId::Order { .. } => {
            Err(Invalid::new("hold id", "is a reservation of an order, must be a stock hold"))
        }
    }
}

/// What a retry must have in common with the first request, field by field in the contract's order. What is personal is
/// digested with the vault's key. Reason and waiting time are the call's, not the order's.
fn digests(seal: &Seal, given: &proto::PlaceOrderRequest) -> Content {
    let lines: Vec<Vec<u8>> = given.lines.iter().map(Message::encode_to_vec).collect();
    let amounts = given.amounts.as_ref().map(Message::encode_to_vec);
    let times = |time: &Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
    Content::new()
        .with("mode", &given.mode)
        .with("customer_id", &given.customer_id)
        .with("contact", &fingerprint(seal, "contact", given.contact.as_ref()))
        .with("ship_to", &fingerprint(seal, "ship_to", given.ship_to.as_ref()))
        .with("lines", &lines)
        .with("amounts", &amounts)
        .with("hold_id", &given.hold_id)
        .with("release_time", &times(&given.release_time))
        .with("requested", &given.requested.as_ref().map(Message::encode_to_vec))
        .with("backorder_policy", &given.backorder_policy)
        .with("priority", &given.priority)
        .with("gift_note", &seal.digest("gift_note", &given.gift_note).0)
        .with("journey_id", &given.journey_id)
        .with("custom_attributes", &given.custom_attributes)
        .with("hold_types", &given.hold_types)
}
