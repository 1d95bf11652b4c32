//! Events of the network and of the work of nodes as the change feed shows them: their content as JSON. Fields may be
//! added, never renamed. The recipient, who is personal, is left out, and so is how a person was checked.

use super::network;
use serde_json::{Value, json};
use waybill_fulfillment::{Event, Fulfillment, Kept, Package, PickedLine, ShortedLine, UndeliveredKind};
use waybill_service_kit::changes::Teller;
use waybill_service_kit::shown;
use waybill_types::exchange::{Landing, LineUnits, Work, WorkDestination, WorkRefusal};
use waybill_types::{FulfillmentOrderId, OrderId, Text};

/// Tells the events of fulfilment.
pub(crate) struct FulfillmentTeller;

impl Teller for FulfillmentTeller {
    type Machine = Fulfillment;
    const TOKEN_KIND: &'static str = "fulfillment changes";
    const STREAMS: &'static str = crate::metrics::CHANGE_STREAMS;

    fn event_type(event: &Event) -> &'static str {
        name(event)
    }
    fn order(event: &Event) -> Option<OrderId> {
        work(event).map(|id| id.order)
    }
    fn resource(event: &Event) -> String {
        resource(event)
    }
    fn payload(event: &Event) -> Value {
        payload(event)
    }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::NodeSet(_) => "NodeSet",
        Event::LaneSet(_) => "LaneSet",
        Event::ZoneSet(_) => "ZoneSet",
        Event::CalendarSet(_) => "CalendarSet",
        Event::RateCardSet(_) => "RateCardSet",
        Event::PolicySet(_) => "PolicySet",
        Event::PolicyRestored(_) => "PolicyRestored",
        Event::NodeKnown(_) => "NodeKnown",
        Event::InstructionsAcknowledged(..) => "InstructionsAcknowledged",
        Event::WorkPlanned(_) => "WorkPlanned",
        Event::WorkRefused(..) => "WorkRefused",
        Event::WorkReleased(..) => "WorkReleased",
        Event::CancelAnswered { .. } => "CancelAnswered",
        Event::Accepted(_) => "Accepted",
        Event::Rejected(..) => "Rejected",
        Event::PickingStarted(_) => "PickingStarted",
        Event::PickConfirmed { .. } => "PickConfirmed",
        Event::Packed(..) => "Packed",
        Event::Shipped(..) => "Shipped",
        Event::MadeReady(..) => "MadeReady",
        Event::HandedOver { .. } => "HandedOver",
        Event::Delivered(..) => "Delivered",
        Event::CancelDecided(..) => "CancelDecided",
        Event::NotCollected { .. } => "NotCollected",
        Event::Undelivered(..) => "Undelivered",
    }
}

/// The fulfilment order an event is about.
fn work(event: &Event) -> Option<FulfillmentOrderId> {
    match event {
        Event::WorkPlanned(work) => Some(work.id),
        Event::WorkRefused(id, ..)
        | Event::WorkReleased(id, _)
        | Event::CancelAnswered { id, .. }
        | Event::Accepted(id)
        | Event::Rejected(id, _)
        | Event::PickingStarted(id)
        | Event::PickConfirmed { id, .. }
        | Event::Packed(id, _)
        | Event::Shipped(id, ..)
        | Event::MadeReady(id, ..)
        | Event::HandedOver { id, .. }
        | Event::Delivered(id, ..)
        | Event::CancelDecided(id, _)
        | Event::NotCollected { id, .. }
        | Event::Undelivered(id, ..) => Some(*id),
        Event::NodeSet(_)
        | Event::LaneSet(_)
        | Event::ZoneSet(_)
        | Event::CalendarSet(_)
        | Event::RateCardSet(_)
        | Event::PolicySet(_)
        | Event::PolicyRestored(_)
        | Event::NodeKnown(_)
        | Event::InstructionsAcknowledged(..) => None,
    }
}

/// The fulfilment order where there is one, else the node or the document.
fn resource(event: &Event) -> String {
    match event {
        Event::NodeSet(node) => node.id.to_string(),
        Event::LaneSet(lane) => lane.id.to_string(),
        Event::ZoneSet(zone) => zone.id.to_string(),
        Event::CalendarSet(calendar) => calendar.id.to_string(),
        Event::RateCardSet(card) => card.id.to_string(),
        Event::NodeKnown(facts) => facts.node.to_string(),
        Event::InstructionsAcknowledged(node, _) => node.to_string(),
        _ => work(event).map_or_else(String::new, |id| id.to_string()),
    }
}

fn payload(event: &Event) -> Value {
    match event {
        Event::NodeSet(node) => document("node", "Node", &network::node(&kept(node))),
        Event::LaneSet(lane) => document("lane", "Lane", &network::lane(&kept(lane))),
        Event::ZoneSet(zone) => document("zone", "Zone", &network::zone(&kept(zone))),
        Event::CalendarSet(calendar) => document("calendar", "Calendar", &network::calendar(&kept(calendar))),
        Event::RateCardSet(card) => document("rate_card", "RateCard", &network::rate_card(&kept(card))),
        Event::PolicySet(policy) => document("policy", "SourcingPolicy", &super::policy::policy(policy)),
        Event::PolicyRestored(version) => json!({ "restored_version": version }),
        Event::NodeKnown(facts) => json!({
            "node": facts.node.as_str(), "active": facts.active, "ships": facts.ships, "pickup": facts.pickup,
            "day_capacity_units": facts.day_capacity_units, "revision": facts.revision,
        }),
        Event::InstructionsAcknowledged(node, through) => {
            json!({ "node": node.as_str(), "through": through })
        }
        Event::WorkPlanned(work) => planned(work),
        Event::WorkRefused(id, refusal, _) => {
            let why = match refusal {
                WorkRefusal::Full => "full",
                WorkRefusal::Closed => "closed",
                WorkRefusal::UnknownNode => "unknown_node",
            };
            about(*id, json!({ "why": why }))
        }
        Event::WorkReleased(id, instruction) => about(*id, json!({ "instruction": instruction })),
        Event::CancelAnswered {
            id,
            removed,
            stopped,
            too_late,
            instruction,
            recall,
            asked,
            answer_by,
            ..
        } => about(
            *id,
            json!({
                "removed": units(removed), "stopped": units(stopped), "too_late": units(too_late),
                "instruction": instruction, "recall": recall, "asked": units(asked),
                "answer_by_ms": answer_by.map(|at| at.as_ms()),
            }),
        ),
        Event::CancelDecided(id, answers) => {
            let answers = answers.iter().map(|answer| {
                json!({
                    "recall": answer.recall, "stopped": units(&answer.stopped),
                    "too_late": units(&answer.too_late),
                })
            });
            about(*id, json!({ "answers": answers.collect::<Value>() }))
        }
        Event::NotCollected { id, units: left, instruction } => {
            about(*id, json!({ "units": units(left), "instruction": instruction }))
        }
        Event::Undelivered(id, kind, numbers) => {
            let numbers: Vec<&str> = numbers.iter().map(Text::as_str).collect();
            let (kind, landing) = match kind {
                UndeliveredKind::Lost => ("lost", None),
                UndeliveredKind::Refused => ("refused", None),
                UndeliveredKind::ReturnedToSender(landing) => ("returned_to_sender", Some(landing)),
            };
            let landing = landing.map(|landing| match landing {
                Landing::Sellable => "sellable",
                Landing::Inspect => "inspect",
                Landing::Damaged => "damaged",
                Landing::Scrapped => "scrapped",
            });
            about(*id, json!({ "parcels": numbers, "fate": kind, "landing": landing }))
        }
        Event::Accepted(id) | Event::PickingStarted(id) => about(*id, json!({})),
        Event::Rejected(id, kind) => about(*id, json!({ "why": kind.name() })),
        Event::PickConfirmed { id, picked, shorted, substituted } => {
            let instead = substituted.iter().map(|some| {
                json!({
                    "line": some.units.line.0, "quantity": some.units.quantity.units(), "sku": some.sku.as_str(),
                })
            });
            about(
                *id,
                json!({
                    "picked": picked.iter().map(self::picked).collect::<Value>(),
                    "shorted": shorted.iter().map(self::shorted).collect::<Value>(),
                    "substituted": instead.collect::<Value>(),
                }),
            )
        }
        Event::Packed(id, packages) => about(*id, json!({ "parcels": parcels(packages) })),
        Event::Shipped(id, packages, at) => {
            about(*id, json!({ "parcels": parcels(packages), "shipped_at_ms": at.as_ms() }))
        }
        Event::MadeReady(id, shelf, until) => {
            about(*id, json!({ "shelf": shelf.as_str(), "until_ms": until.as_ms() }))
        }
        // What it says about the person stays with the fulfilment order.
        Event::HandedOver { id, proof, left, given_up, until } => about(
            *id,
            json!({
                "proof_given": !proof.as_str().is_empty(), "units": units(left), "given_up": units(given_up),
                "until_ms": until.map(|at| at.as_ms()),
            }),
        ),
        Event::Delivered(id, numbers, at) => {
            let numbers: Vec<&str> = numbers.iter().map(Text::as_str).collect();
            about(*id, json!({ "parcels": numbers, "delivered_at_ms": at.as_ms() }))
        }
    }
}

/// A document as the network service answers it, without the revision, which the row has and not the event.
fn document(kind: &str, message: &str, document: &impl prost::Message) -> Value {
    json!({ kind: shown::json(&format!("fulfillment.v1.{message}"), document) })
}

fn kept<D: Clone>(document: &D) -> Kept<D> {
    Kept { revision: 0, document: document.clone() }
}

/// `value`, an object, with the fulfilment order it is about.
fn about(id: FulfillmentOrderId, mut value: Value) -> Value {
    value["fulfillment_order"] = id.to_string().into();
    value
}

fn planned(work: &Work) -> Value {
    let lines = work.lines.iter().map(|line| {
        json!({
            "line": line.line.0, "external_line_id": line.external_line.as_str(), "sku": line.sku.as_str(),
            "owner": line.owner.as_str(), "quantity": line.quantity.units(), "quantity_scale": line.scale,
            "reservation": line.reservation.to_string(), "custom_attributes": super::attributes(&line.attributes),
        })
    });
    let carrier_service = match &work.destination {
        WorkDestination::Ship(service) => Some(service.as_str()),
        WorkDestination::Pickup => None,
    };
    let value = json!({
        "node": work.node.as_str(),
        "order": work.order.to_string(),
        "channel": work.channel.as_str(),
        "external_order_number": work.external.as_str(),
        "lines": lines.collect::<Value>(),
        "delivery": if carrier_service.is_some() { "ship" } else { "pickup" },
        "carrier_service": carrier_service,
        "ship_by_ms": work.ship_by.as_ms(),
        "promise_earliest_ms": work.promise.earliest.as_ms(),
        "promise_latest_ms": work.promise.latest.as_ms(),
        "priority": work.priority,
        "custom_attributes": super::attributes(&work.attributes),
    });
    about(work.id, value)
}

fn units(units: &[LineUnits]) -> Value {
    units.iter().map(|units| json!({ "line": units.line.0, "quantity": units.quantity.units() })).collect()
}

fn picked(line: &PickedLine) -> Value {
    let texts = |texts: &[Text]| texts.iter().map(|text| text.as_str().to_owned()).collect::<Vec<_>>();
    json!({
        "line": line.line.0, "quantity": line.quantity.units(), "lots": texts(&line.lots),
        "serials": texts(&line.serials),
    })
}

fn shorted(line: &ShortedLine) -> Value {
    json!({ "line": line.line.0, "quantity": line.quantity.units(), "why": line.kind.name() })
}

fn parcels(packages: &[Package]) -> Value {
    let one = |package: &Package| {
        let parcel = &package.parcel;
        json!({
            "number": parcel.number.as_str(), "carrier": parcel.carrier.as_str(),
            "tracking": parcel.tracking.as_str(), "units": units(&parcel.lines), "weight_g": package.weight_g,
        })
    };
    packages.iter().map(one).collect()
}
