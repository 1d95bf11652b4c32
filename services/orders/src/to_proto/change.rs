//! An event of the change feed: its content as JSON, without personal data. Fields may be added, never renamed.

use serde_json::{Value, json};
use waybill_orders::content::{Line, Mode, OrderContent};
use waybill_orders::event::{
    AskedBack, AttemptSource, CancelCause, CancelledFrom, ExceptionAnswer, Found, What,
};
use waybill_orders::order::{RecallPurpose, Unserved};
use waybill_orders::units::Bucket;
use waybill_orders::{Event, Orders};
use waybill_service_kit::changes::Teller;
use waybill_types::exchange::{Claim, Delivery, Landing, LineUnits, Shortage, Step, StepLine, Undelivered};
use waybill_types::{OrderId, PartitionId};

/// Tells the events of orders.
pub(crate) struct OrdersTeller;

impl Teller for OrdersTeller {
    type Machine = Orders;
    const TOKEN_KIND: &'static str = "order changes";
    const STREAMS: &'static str = crate::metrics::STREAMS;

    fn home_of(order: OrderId) -> Option<PartitionId> {
        Some(order.partition())
    }
    fn event_type(event: &Event) -> &'static str {
        event.what.name()
    }
    fn order(event: &Event) -> Option<OrderId> {
        Some(event.order)
    }
    fn resource(event: &Event) -> String {
        resource(event)
    }
    fn payload(event: &Event) -> Value {
        payload(&event.what)
    }
}

/// The reservation or the number of the fulfilment order concerned; empty where there is none or several.
fn resource(event: &Event) -> String {
    match &event.what {
        What::PlanRecorded(recorded) => recorded.reservation.map(|id| id.to_string()).unwrap_or_default(),
        What::ReservationGranted(granted) => granted.reservation.to_string(),
        What::AmendmentPlanned(planned) => planned.reservation.to_string(),
        What::AmendmentApplied(applied) => applied.reservation.map(|id| id.to_string()).unwrap_or_default(),
        What::OrderPlaced(_)
        | What::OrderImported(_)
        | What::HoldAdopted { .. }
        | What::HoldGone { .. }
        | What::AttemptStarted(_)
        | What::PlanAsked { .. }
        | What::ReservationRefused { .. }
        | What::UnitsBackordered { .. }
        | What::UnitsCancelled { .. }
        | What::OrderConfirmed
        | What::OrderRefused(_)
        | What::WorkPlanned { .. }
        | What::WorkRefused { .. }
        | What::WorkReleased { .. }
        | What::WorkProgressed { .. }
        | What::WorkRecalled(_)
        | What::RecallAsked { .. }
        | What::NodeRestocked { .. }
        | What::StockHeard { .. }
        | What::ExceptionAnswered(_)
        | What::SubjectErased
        | What::OrderHoldPlaced { .. }
        | What::OrderHoldResolved { .. }
        | What::ReturnRequested(_)
        | What::ReturnDecided { .. }
        | What::ReturnReceived(_)
        | What::ReturnClosed { .. }
        | What::ReplacementsJoined(_)
        | What::OrderPolicySet { .. }
        | What::AmendmentStarted(_)
        | What::AmendmentApproved { .. }
        | What::AmendmentPlanAsked(_)
        | What::AmendmentUnreserved { .. }
        | What::AmendmentRefused { .. } => String::new(),
    }
}

fn payload(what: &What) -> Value {
    match what {
        What::OrderPlaced(placed) => content(&placed.content),
        What::OrderImported(imported) => {
            let mut value = content(&imported.content);
            let ended = imported.ended.iter().map(|buckets| {
                let named = Bucket::ALL.into_iter().filter(|bucket| !buckets.get(*bucket).is_zero());
                named
                    .map(|b| (b.name().to_owned(), json!(buckets.get(b).units())))
                    .collect::<serde_json::Map<_, _>>()
            });
            value["ended"] = ended.collect();
            value
        }
        What::HoldAdopted { attempt, pinned, surplus } => {
            let units = pinned.iter().map(|units| {
                json!({ "line": units.line.0, "node": units.node.as_str(), "quantity": units.quantity.units() })
            });
            json!({ "attempt": attempt, "units": units.collect::<Value>(), "released": claims(surplus) })
        }
        What::HoldGone { attempt, taken_by } => {
            json!({ "attempt": attempt, "taken_by": taken_by.map(|id| id.to_string()) })
        }
        What::AttemptStarted(started) => json!({
            "attempt": started.attempt,
            "units": units(&started.units),
            "from": match started.source {
                AttemptSource::Open => "open",
                AttemptSource::Backordered => "backordered",
            },
            "try": started.tries,
            "excluded_nodes": started.excluded.iter().map(|node| node.as_str()).collect::<Value>(),
        }),
        What::PlanAsked { attempt } => json!({ "attempt": attempt }),
        What::PlanRecorded(recorded) => {
            let assignments = recorded.assignments.iter().map(|a| {
                json!({
                    "line": a.line.0, "node": a.node.as_str(), "quantity": a.quantity.units(),
                    "carrier_service": a.service.as_ref().map(|service| service.as_str()),
                    "ship_by_ms": a.ship_by.as_ms(),
                    "promise_earliest_ms": a.promise.earliest.as_ms(),
                    "promise_latest_ms": a.promise.latest.as_ms(),
                })
            });
            let cost = recorded
                .cost
                .iter()
                .map(|term| json!({ "name": term.name.as_str(), "minor_units": term.minor }));
            json!({
                "attempt": recorded.attempt,
                "assignments": assignments.collect::<Value>(),
                "unserved": unserved(&recorded.unserved),
                "reservation": recorded.reservation.map(|id| id.to_string()),
                "cost": cost.collect::<Value>(),
                "lower_bound_minor_units": recorded.lower_bound_minor,
                "network_version": recorded.stamp.network,
                "policy_version": recorded.stamp.policy,
                "availability_version": recorded.stamp.mirror,
            })
        }
        What::ReservationGranted(granted) => {
            let works = granted.works.iter().map(|work| {
                json!({ "fulfillment_order": work.number, "node": work.node.as_str(), "units": units(&work.lines) })
            });
            json!({
                "attempt": granted.attempt,
                "reservation": granted.reservation.to_string(),
                "fulfillment_orders": works.collect::<Value>(),
                "released": claims(&granted.surplus),
                "short": units(&granted.short),
            })
        }
        What::ReservationRefused { attempt, contended, shortages: short } => {
            json!({ "attempt": attempt, "contended": contended, "shortages": shortages(short) })
        }
        What::UnitsBackordered { units } => json!({ "units": unserved(units) }),
        What::UnitsCancelled { cause, units } => {
            let cause = match cause {
                CancelCause::Asked => "asked",
                CancelCause::Unserved => "unserved",
                CancelCause::OrderRefused => "order_refused",
                CancelCause::NotCollected => "not_collected",
            };
            let units = units.iter().map(|some| {
                json!({ "line": some.line.0, "quantity": some.quantity.units(), "from": from(&some.from) })
            });
            json!({ "cause": cause, "units": units.collect::<Value>() })
        }
        What::OrderRefused(why) => {
            json!({ "unserved": unserved(&why.unserved), "shortages": shortages(&why.shortages) })
        }
        What::WorkPlanned { work } => json!({ "fulfillment_order": work }),
        What::WorkRefused { work, refusal, units: given } => {
            json!({ "fulfillment_order": work, "why": format!("{refusal:?}").to_lowercase(), "units": units(given) })
        }
        What::WorkReleased { works } => json!({ "fulfillment_orders": works }),
        What::WorkProgressed { work, step } => json!({ "fulfillment_order": work, "step": self::step(step) }),
        What::WorkRecalled(answer) => json!({
            "fulfillment_order": answer.work, "recall": answer.recall, "stopped": units(&answer.stopped),
            "too_late": units(&answer.too_late), "asked_of_node": units(&answer.asked),
        }),
        What::RecallAsked { recall, work, units: asked, manner: _, purpose } => json!({
            "fulfillment_order": work, "recall": recall, "units": units(asked),
            "purpose": match purpose {
                RecallPurpose::Planned | RecallPurpose::Cancel => "cancel",
                RecallPurpose::Amendment(_) => "amendment",
            },
        }),
        What::NodeRestocked { node, sku, owner } => {
            json!({ "node": node.as_str(), "sku": sku.as_str(), "owner": owner.as_str() })
        }
        What::StockHeard { sku, owner } => json!({ "sku": sku.as_str(), "owner": owner.as_str() }),
        What::ExceptionAnswered(answered) => {
            let (answer, ask_all) = match answered.answer {
                ExceptionAnswer::SourceAgain { ask_all } => ("source_again", ask_all),
                ExceptionAnswer::CallOff => ("call_off", false),
            };
            json!({
                "answer": answer, "ask_all_nodes": ask_all, "units": units(&answered.units),
                "note": answered.note.as_str(),
            })
        }
        What::OrderHoldPlaced { hold, line, kind, note } => json!({
            "hold": hold, "line": line.map(|line| line.0), "type": kind.code.as_str(), "note": note.as_str(),
        }),
        What::OrderHoldResolved { hold, note } => json!({ "hold": hold, "note": note.as_str() }),
        What::OrderPolicySet { version, .. } => json!({ "version": version }),
        What::AmendmentStarted(_)
        | What::AmendmentApproved { .. }
        | What::AmendmentPlanAsked(_)
        | What::AmendmentPlanned(_)
        | What::AmendmentUnreserved { .. }
        | What::AmendmentApplied(_)
        | What::AmendmentRefused { .. } => super::amending::payload(what),
        What::ReturnRequested(requested) => json!({
            "return": requested.number, "authorised": requested.authorised,
            "lines": requested.lines.iter().map(asked_back).collect::<Value>(),
            "replacements": requested.replacements.iter().map(new_line).collect::<Value>(),
            "lapses_at_ms": requested.lapses_at.as_ms(), "policy_version": requested.policy_version,
        }),
        What::ReturnDecided { number, authorised } => json!({ "return": number, "authorised": authorised }),
        What::ReturnReceived(received) => json!({
            "return": received.number, "refund_minor_units": received.refund,
            "units": received.found.iter().map(found).collect::<Value>(),
        }),
        What::ReturnClosed { number, refund, lapsed } => {
            json!({ "return": number, "refund_minor_units": refund, "lapsed": lapsed })
        }
        What::ReplacementsJoined(joined) => json!({
            "return": joined.number, "lines": joined.lines.iter().map(new_line).collect::<Value>(),
            "total_minor_units": joined.amounts.total,
        }),
        What::OrderConfirmed | What::SubjectErased => json!({}),
    }
}

pub(super) fn content(content: &OrderContent) -> Value {
    let lines = content.numbered().map(|(number, line)| {
        json!({
            "line": number.0,
            "external_line_id": line.external.as_str(),
            "sku": line.sku.as_str(),
            "owner": line.owner.as_str(),
            "quantity": line.quantity.units(),
            "quantity_scale": line.scale,
            "pickup_node": match &line.delivery {
                Delivery::Ship => None,
                Delivery::Pickup(node) => Some(node.as_str()),
            },
            "total_minor_units": line.amounts.total,
        })
    });
    json!({
        "channel": content.channel.as_str(),
        "external_order_number": content.external.as_str(),
        "mode": match content.mode { Mode::Accept => "accept", Mode::Confirm => "confirm" },
        "customer_id": content.customer.as_ref().map(|customer| customer.as_str()),
        "lines": lines.collect::<Value>(),
        "currency": content.amounts.currency.as_str(),
        "total_minor_units": content.amounts.total,
        "hold_id": content.hold.map(|hold| hold.to_string()),
        "release_at_ms": content.release_at.map(|at| at.as_ms()),
        "priority": content.priority,
        "journey_id": content.journey.as_ref().map(|journey| journey.as_str()),
        "placed_at_ms": content.placed_at.as_ms(),
        "custom_attributes": super::attributes(&content.attributes),
    })
}

fn asked_back(asked: &AskedBack) -> Value {
    json!({ "line": asked.line.0, "quantity": asked.quantity.units(), "why": asked.why.as_str() })
}

fn found(found: &Found) -> Value {
    let seen = &found.looked_at;
    json!({
        "line": found.line.0, "node": seen.node.as_str(), "quantity": seen.quantity.units(),
        "disposition": match seen.landing {
            Some(Landing::Sellable) => "sellable",
            Some(Landing::Inspect) => "inspect",
            Some(Landing::Damaged) => "damaged",
            Some(Landing::Scrapped) => "scrapped",
            None => "refused",
        },
        "substitute_sku": seen.sku.as_ref().map(|sku| sku.as_str()),
        "worth_minor_units": seen.worth, "note": seen.note.as_str(),
    })
}

fn new_line(line: &Line) -> Value {
    json!({
        "external_line_id": line.external.as_str(), "sku": line.sku.as_str(),
        "quantity": line.quantity.units(), "total_minor_units": line.amounts.total,
    })
}

pub(super) fn units(units: &[LineUnits]) -> Value {
    units.iter().map(|units| json!({ "line": units.line.0, "quantity": units.quantity.units() })).collect()
}

pub(super) fn unserved(units: &[Unserved]) -> Value {
    let one = |some: &Unserved| json!({ "line": some.line.0, "quantity": some.quantity.units(), "reason": some.reason.name() });
    units.iter().map(one).collect()
}

pub(super) fn claims(claims: &[Claim]) -> Value {
    claims.iter().map(claim).collect()
}

fn claim(claim: &Claim) -> Value {
    json!({
        "sku": claim.sku.as_str(), "owner": claim.owner.as_str(), "node": claim.node.as_str(),
        "quantity": claim.quantity.units(),
    })
}

pub(super) fn shortages(shortages: &[Shortage]) -> Value {
    let one =
        |short: &Shortage| json!({ "asked": claim(&short.asked), "available": short.available.units() });
    shortages.iter().map(one).collect()
}

pub(super) fn from(from: &CancelledFrom) -> Value {
    match from {
        CancelledFrom::Open => json!("open"),
        CancelledFrom::Backordered => json!("backordered"),
        CancelledFrom::Attempt(attempt) | CancelledFrom::Pinned(attempt, ..) => json!({ "attempt": attempt }),
        CancelledFrom::Work(work) | CancelledFrom::Recalled(work) | CancelledFrom::Back(work) => {
            json!({ "fulfillment_order": work })
        }
    }
}

fn step(step: &Step) -> Value {
    let lines = |lines: &[StepLine]| -> Value {
        let one = |line: &StepLine| {
            json!({
                "line": line.units.line.0, "quantity": line.units.quantity.units(), "reason": line.reason.as_str(),
            })
        };
        lines.iter().map(one).collect()
    };
    match step {
        Step::Accepted => json!({ "type": "accepted" }),
        Step::PickStarted => json!({ "type": "pick_started" }),
        Step::Picked(picked) => json!({ "type": "picked", "units": units(picked) }),
        Step::Shorted(shorted) => json!({ "type": "shorted", "units": lines(shorted) }),
        Step::Packed => json!({ "type": "packed" }),
        Step::Shipped(parcels) => {
            let parcels = parcels.iter().map(|parcel| {
                json!({
                    "number": parcel.number.as_str(), "carrier": parcel.carrier.as_str(),
                    "tracking": parcel.tracking.as_str(), "units": units(&parcel.lines),
                })
            });
            json!({ "type": "shipped", "parcels": parcels.collect::<Value>() })
        }
        Step::Delivered(delivered) => json!({ "type": "delivered", "units": units(delivered) }),
        Step::ReadyForPickup => json!({ "type": "ready_for_pickup" }),
        Step::HandedOver(handed) => json!({ "type": "handed_over", "units": units(handed) }),
        Step::Substituted(lines) => {
            let lines = lines.iter().map(|line| {
                json!({
                    "line_number": line.units.line.0, "quantity": line.units.quantity.units(),
                    "sku": line.sku.as_str(),
                })
            });
            json!({ "type": "substituted", "units": lines.collect::<Value>() })
        }
        Step::NotCollected(left) => json!({ "type": "not_collected", "units": units(left) }),
        Step::Undelivered(why, gone) => {
            let why = match why {
                Undelivered::Lost => "lost",
                Undelivered::Refused => "refused",
                Undelivered::ReturnedToSender | Undelivered::RefusedBack => "returned_to_sender",
            };
            json!({ "type": why, "units": units(gone) })
        }
        Step::Rejected(rejected) => json!({ "type": "rejected", "units": lines(rejected) }),
    }
}
