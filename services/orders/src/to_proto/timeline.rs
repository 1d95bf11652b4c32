//! The history of an order for people and programs: one sentence per entry, and what changed from what to what.

use super::time;
use crate::to_proto::order::words;
use waybill_machine::{Position, Undecodable};
use waybill_orders::event::{CancelCause, ExceptionAnswer, What};
use waybill_orders::history::{Entry, StoredHistory, replay};
use waybill_orders::order::Unserved;
use waybill_orders::units::Bucket;
use waybill_orders::{Order, Status, status};
use waybill_proto::orders::v1 as proto;
use waybill_types::exchange::{LineUnits, Step, Undelivered, WorkRefusal};
use waybill_types::{OrderId, Quantity, Role};

/// One entry, with the order's status after it.
pub(crate) struct Told {
    pub(crate) entry: proto::TimelineEntry,
    pub(crate) status: Status,
}

/// The entries after number `after`, at most `limit`.
///
/// # Errors
/// When stored entries cannot be read.
pub(crate) fn entries(
    id: OrderId,
    stored: &StoredHistory,
    after: u64,
    limit: usize,
) -> Result<Vec<Told>, Undecodable> {
    let history = stored.entries()?;
    let mut told = Vec::new();
    let mut before: Option<Order> = None;
    replay(id, &history, |entry, order| {
        if order.revision > after && told.len() < limit {
            told.push(Told { entry: tell(entry, before.as_ref(), order), status: status(order) });
        }
        before = Some(order.clone());
    });
    Ok(told)
}

/// What one entry of the journal did to the order, in order.
///
/// # Errors
/// When stored entries cannot be read.
pub(crate) fn entries_at(
    id: OrderId,
    stored: &StoredHistory,
    position: Position,
) -> Result<Vec<proto::TimelineEntry>, Undecodable> {
    let history = stored.entries()?;
    let mut told = Vec::new();
    let mut before: Option<Order> = None;
    replay(id, &history, |entry, order| {
        if entry.position == position {
            told.push(tell(entry, before.as_ref(), order));
        }
        before = Some(order.clone());
    });
    Ok(told)
}

fn tell(entry: &Entry, before: Option<&Order>, after: &Order) -> proto::TimelineEntry {
    let origin = entry.origin.as_ref();
    proto::TimelineEntry {
        number: after.revision,
        event_time: Some(time(entry.at)),
        event_type: entry.what.name().to_owned(),
        revision: after.revision,
        channel: origin.map(|origin| origin.channel.to_string()).unwrap_or_default(),
        actor: origin.map(|origin| origin.actor.to_string()).unwrap_or_default(),
        role: origin.and_then(|origin| origin.role).map_or("", Role::name).to_owned(),
        reason: origin.map(|origin| origin.reason.to_string()).unwrap_or_default(),
        summary: summary(&entry.what),
        changes: before
            .map(|before| changes(before, after))
            .into_iter()
            .flatten()
            .chain(causes(&entry.what))
            .collect(),
    }
}

/// Why units wait that nothing serves.
fn causes(what: &What) -> Vec<proto::TimelineChange> {
    let What::UnitsBackordered { units } = what else { return Vec::new() };
    let cause = |unserved: &Unserved| proto::TimelineChange {
        field: format!("lines[{}].backorder_cause", unserved.line.0.saturating_sub(1)),
        before: String::new(),
        after: unserved.reason.name().to_owned(),
    };
    units.iter().map(cause).collect()
}

/// Every bucket of every line that changed, every fulfilment order that did, and the status.
fn changes(before: &Order, after: &Order) -> Vec<proto::TimelineChange> {
    let mut found = Vec::new();
    let mut add = |field: String, was: String, is: String| {
        if was != is {
            found.push(proto::TimelineChange { field, before: was, after: is });
        }
    };
    for (index, (was, is)) in before.lines.iter().zip(&after.lines).enumerate() {
        for bucket in Bucket::ALL {
            let field = format!("lines[{index}].{}", bucket.name());
            add(field, was.buckets.get(bucket).to_string(), is.buckets.get(bucket).to_string());
        }
    }
    for work in &after.works {
        let was = before.work(work.id.number).map(|work| super::order::work_state(work.state).as_str_name());
        let is = super::order::work_state(work.state).as_str_name();
        let field = format!("fulfillment_orders[{}].state", work.id);
        add(field, was.unwrap_or_default().to_owned(), is.to_owned());
    }
    add("status".into(), status(before).name().into(), status(after).name().into());
    found
}

/// What happened, in one sentence, without personal data.
pub(crate) fn summary(what: &What) -> String {
    match what {
        What::OrderPlaced(placed) => {
            let content = &placed.content;
            let lines = content.lines.len();
            format!("order {} was placed in {} with {lines} line(s)", content.external, content.channel)
        }
        What::OrderImported(imported) => format!("order {} was imported", imported.content.external),
        What::HoldAdopted { pinned, .. } => {
            let units: Quantity = pinned.iter().map(|units| units.quantity).sum();
            format!("{units} held unit(s) became the order's")
        }
        What::HoldGone { taken_by: Some(other), .. } => format!("the stock hold belongs to order {other}"),
        What::HoldGone { taken_by: None, .. } => "the stock hold had lapsed".into(),
        What::AttemptStarted(started) => {
            let units: Quantity = started.units.iter().map(|units| units.quantity).sum();
            format!("sourcing attempt {} began for {units} unit(s)", started.attempt)
        }
        What::PlanAsked { attempt } => format!("the planner was asked for attempt {attempt}"),
        What::PlanRecorded(recorded) => {
            let units: Quantity = recorded.assignments.iter().map(|a| a.quantity).sum();
            let short: Quantity = recorded.unserved.iter().map(|u| u.quantity).sum();
            format!("attempt {} planned {units} unit(s), {short} found no stock", recorded.attempt)
        }
        What::ReservationGranted(granted) => {
            let nodes: Vec<&str> = granted.works.iter().map(|work| work.node.as_str()).collect();
            format!(
                "stock was reserved at {}",
                if nodes.is_empty() { "no node".into() } else { nodes.join(", ") }
            )
        }
        What::ReservationRefused { attempt, contended: true, .. } => {
            format!("attempt {attempt} met other orders at the same stock")
        }
        What::ReservationRefused { attempt, contended: false, shortages } => {
            format!("attempt {attempt} was refused: {}", words(shortages))
        }
        What::UnitsBackordered { units } => format!("{} unit(s) wait for stock", sum(units)),
        What::UnitsCancelled { cause, units } => {
            let count: Quantity = units.iter().map(|units| units.quantity).sum();
            let cause = match cause {
                CancelCause::Asked => "on request",
                CancelCause::Unserved => "because nothing serves them",
                CancelCause::OrderRefused => "because the order is refused",
                CancelCause::NotCollected => "because nobody collected them",
            };
            format!("{count} unit(s) were cancelled {cause}")
        }
        What::OrderConfirmed => "the order was confirmed".into(),
        What::OrderRefused(why) => {
            format!("the order was refused: {} unit(s) cannot be served", sum(&why.unserved))
        }
        What::WorkPlanned { work } => format!("fulfillment order {work} is planned at its node"),
        What::WorkRefused { work, refusal, .. } => {
            let why = match refusal {
                WorkRefusal::Full => "the node is full that day",
                WorkRefusal::Closed => "the node is closed",
                WorkRefusal::UnknownNode => "the node is unknown",
            };
            format!("fulfillment order {work} was not taken: {why}")
        }
        What::WorkReleased { works } => format!("{} fulfillment order(s) were released", works.len()),
        What::WorkProgressed { work, step } => format!("fulfillment order {work}: {}", step_words(step)),
        What::WorkRecalled(answer) if !answer.asked.is_empty() => {
            let (work, units) = (answer.work, count(&answer.asked));
            format!("fulfillment order {work}: the node was asked to put {units} unit(s) back")
        }
        What::WorkRecalled(answer) if !answer.too_late.is_empty() => {
            let (work, late, units) = (answer.work, count(&answer.too_late), count(&answer.stopped));
            format!("fulfillment order {work} stopped {units} unit(s), {late} were too late")
        }
        What::WorkRecalled(answer) => {
            format!("fulfillment order {} stopped {} unit(s)", answer.work, count(&answer.stopped))
        }
        What::RecallAsked { work, units, .. } => {
            format!("fulfillment order {work} was asked to stop {} unit(s)", count(units))
        }
        What::StockHeard { sku, .. } => {
            format!("stock of {sku} arrived while units of it were being planned")
        }
        What::NodeRestocked { node, sku, .. } => format!("stock of {sku} has risen at {node}"),
        What::ExceptionAnswered(answered) => {
            let units = count(&answered.units);
            match answered.answer {
                ExceptionAnswer::SourceAgain { ask_all: false } => {
                    format!("somebody has {units} waiting unit(s) sourced again")
                }
                ExceptionAnswer::SourceAgain { ask_all: true } => {
                    format!("somebody has {units} waiting unit(s) sourced again, at every node")
                }
                ExceptionAnswer::CallOff => format!("somebody calls {units} waiting unit(s) off"),
            }
        }
        What::OrderHoldPlaced { kind, .. } => format!("the order is on hold: {}", kind.code),
        What::OrderHoldResolved { hold, .. } => format!("hold {hold} was resolved"),
        What::ReturnRequested(requested) => {
            let units: Quantity = requested.lines.iter().map(|asked| asked.quantity).sum();
            let how = if requested.replacements.is_empty() { "returned" } else { "exchanged" };
            let waits = if requested.authorised { "" } else { ", which somebody must allow" };
            format!("{units} unit(s) are to be {how}{waits} (return {})", requested.number)
        }
        What::ReturnDecided { number, authorised: true } => format!("return {number} was allowed"),
        What::ReturnDecided { number, authorised: false } => format!("return {number} was refused"),
        What::ReturnReceived(received) => {
            let units = |taken: bool| -> Quantity {
                let seen = received.found.iter().map(|found| &found.looked_at);
                seen.filter(|seen| seen.landing.is_some() == taken).map(|seen| seen.quantity).sum()
            };
            let number = received.number;
            format!("return {number}: {} unit(s) were taken back, {} were not", units(true), units(false))
        }
        What::ReturnClosed { number, lapsed: true, .. } => {
            format!("return {number} lapsed: the rest never came")
        }
        What::ReturnClosed { number, lapsed: false, .. } => format!("return {number} was closed"),
        What::ReplacementsJoined(joined) => {
            let lines = joined.lines.len();
            format!("{lines} line(s) joined the order in exchange for return {}", joined.number)
        }
        What::AmendmentStarted(started) => {
            let kinds: Vec<&str> = started.decided.iter().map(|change| change.kind.name()).collect();
            format!("amendment {} was asked for: {}", started.amendment, kinds.join(", "))
        }
        What::AmendmentApproved { amendment, .. } => format!("amendment {amendment} was approved"),
        What::AmendmentPlanAsked(asked) => {
            let (amendment, units) = (asked.amendment, count(&asked.units));
            format!("the planner was asked for {units} unit(s) of amendment {amendment}")
        }
        What::AmendmentPlanned(planned) => {
            let units: Quantity = planned.assignments.iter().map(|a| a.quantity).sum();
            format!("amendment {} planned {units} unit(s)", planned.amendment)
        }
        What::AmendmentUnreserved { amendment, shortages, .. } => {
            format!("stock for amendment {amendment} was refused: {}", words(shortages))
        }
        What::AmendmentApplied(applied) => format!("amendment {} was applied", applied.amendment),
        What::AmendmentRefused { amendment, why } => {
            format!("amendment {amendment} was refused: {}", why.name().replace('_', " "))
        }
        What::OrderPolicySet { version, .. } => format!("order policy {version} is in force"),
        What::SubjectErased => "personal data was destroyed".into(),
    }
}

fn count(units: &[LineUnits]) -> Quantity {
    units.iter().map(|units| units.quantity).sum()
}

fn sum(units: &[Unserved]) -> Quantity {
    units.iter().map(|unserved| unserved.quantity).sum()
}

fn step_words(step: &Step) -> &'static str {
    match step {
        Step::Accepted => "the node accepted it",
        Step::PickStarted => "picking began",
        Step::Picked(_) => "units were picked",
        Step::Shorted(_) => "units were not found",
        Step::Packed => "it was packed",
        Step::Shipped(_) => "units were shipped",
        Step::Delivered(_) => "units were delivered",
        Step::ReadyForPickup => "it waits at the counter",
        Step::HandedOver(_) => "units were handed over",
        Step::Substituted(_) => "other goods were picked instead",
        Step::NotCollected(_) => "units were not collected",
        Step::Undelivered(Undelivered::Lost, _) => "units were lost on the way",
        Step::Undelivered(Undelivered::Refused, _) => "units were refused by the recipient",
        Step::Undelivered(Undelivered::ReturnedToSender | Undelivered::RefusedBack, _) => {
            "units came back undelivered"
        }
        Step::Rejected(_) => "the node rejected it",
    }
}
