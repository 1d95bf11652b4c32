//! Amendments in the change feed: what was asked for, how far it came, what it changed.

use super::change::{claims, content, shortages, units, unserved};
use serde_json::{Value, json};
use waybill_orders::command::CancelLine;
use waybill_orders::event::{AmendmentApplied, AmendmentStarted, CancelledUnits, NewWork, What};
use waybill_orders::order::{AmendmentRefused, AmendmentWait};
use waybill_types::exchange::{Assignment, TakeOver};

/// The content of an event of an amendment; nothing for any other event.
pub(super) fn payload(what: &What) -> Value {
    match what {
        What::AmendmentStarted(asked) => started(asked),
        What::AmendmentApproved { amendment, deadline } => {
            json!({ "amendment": amendment, "deadline_ms": deadline.as_ms() })
        }
        What::AmendmentPlanAsked(asked) => {
            json!({ "amendment": asked.amendment, "attempt": asked.attempt, "try": asked.tries, "units": units(&asked.units) })
        }
        What::AmendmentPlanned(planned) => json!({
            "amendment": planned.amendment,
            "assignments": planned.assignments.iter().map(assignment).collect::<Value>(),
            "unserved": unserved(&planned.unserved),
            "reservation": planned.reservation.to_string(),
            "takes_over": planned.takes_over.iter().map(claims_of).collect::<Value>(),
        }),
        What::AmendmentUnreserved { amendment, contended, shortages: short, until } => json!({
            "amendment": amendment, "contended": contended, "shortages": shortages(short), "until_ms": until.as_ms(),
        }),
        What::AmendmentApplied(all) => applied(all),
        What::AmendmentRefused { amendment, why } => {
            let concerned = match why {
                AmendmentRefused::AlreadyPicked(given) | AmendmentRefused::Unserved(given, _) => units(given),
                AmendmentRefused::NotApproved | AmendmentRefused::TooLate | AmendmentRefused::Overtaken => {
                    json!([])
                }
            };
            json!({ "amendment": amendment, "why": why.name(), "units": concerned })
        }
        _ => json!({}),
    }
}

fn started(started: &AmendmentStarted) -> Value {
    let pending = &started.pending;
    let decided = started.decided.iter().map(|change| {
        json!({
            "change": change.kind.name(), "stage": change.stage.name(), "rule": change.rule,
        })
    });
    json!({
        "amendment": started.amendment,
        "policy_version": started.policy_version,
        "changes": decided.collect::<Value>(),
        "waits_for_approval": matches!(pending.waits, AmendmentWait::Approval),
        "deadline_ms": pending.deadline.as_ms(),
        "cancels": match &pending.calls_off {
            Some(off) => off.lines.iter().map(to_cancel).collect(),
            None => units(&pending.drops),
        },
        "adds": units(&pending.adds),
        "becomes": content(&pending.proposed),
    })
}

/// Without a quantity it is all that can still be cancelled.
fn to_cancel(asked: &CancelLine) -> Value {
    json!({ "line": asked.line.0, "quantity": asked.quantity.map(|quantity| quantity.units()) })
}

fn applied(applied: &AmendmentApplied) -> Value {
    let works = applied.works.iter().map(|work: &NewWork| {
        json!({ "fulfillment_order": work.number, "node": work.node.as_str(), "units": units(&work.lines) })
    });
    let moved = applied.moved.iter().map(|share| {
        json!({ "fulfillment_order": share.work, "line": share.line.0, "quantity": share.quantity.units() })
    });
    json!({
        "amendment": applied.amendment,
        "cancelled": called_off(&applied.dropped),
        "recalled_and_cancelled": units(&applied.dropped_recalled),
        "moved": moved.collect::<Value>(),
        "planned_anew": called_off(&applied.replanned),
        "fulfillment_orders": works.collect::<Value>(),
        "reservation": applied.reservation.map(|id| id.to_string()),
        "released": applied.freed.iter().map(claims_of).collect::<Value>(),
    })
}

fn called_off(units: &[CancelledUnits]) -> Value {
    let one = |some: &CancelledUnits| {
        json!({
            "line": some.line.0, "quantity": some.quantity.units(), "from": super::change::from(&some.from),
        })
    };
    units.iter().map(one).collect()
}

fn claims_of(some: &TakeOver) -> Value {
    json!({ "reservation": some.from.to_string(), "claims": claims(&some.claims) })
}

fn assignment(a: &Assignment) -> Value {
    json!({
        "line": a.line.0, "node": a.node.as_str(), "quantity": a.quantity.units(),
        "carrier_service": a.service.as_ref().map(|service| service.as_str()),
        "ship_by_ms": a.ship_by.as_ms(),
        "promise_earliest_ms": a.promise.earliest.as_ms(),
        "promise_latest_ms": a.promise.latest.as_ms(),
    })
}
