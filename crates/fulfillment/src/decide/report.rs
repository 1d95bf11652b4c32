//! What a node reports about a fulfilment order. Every report names the revision it is based on; of two reports on one
//! revision the first counts and the other is refused as stale.

use super::{Decided, contents, counter, undelivered};
use crate::answer::Answer;
use crate::command::Report;
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::{FulfillmentOrder, FulfillmentState, WorkState};
use waybill_machine::{Context, Decision};
use waybill_types::FulfillmentOrderId;

pub(super) fn decide(
    state: &FulfillmentState,
    id: FulfillmentOrderId,
    revision: u64,
    report: &Report,
    cx: &Context<'_>,
) -> Decided {
    contents::check_alone(report)?;
    let order = state.fulfillment_order(&id).ok_or(Refusal::UnknownFulfillmentOrder { id })?;
    if order.revision != revision {
        let (current, state) = (order.revision, order.state.name());
        return Err(Refusal::Stale { id, named: revision, current, state });
    }
    check_destination(&order, report)?;
    let event = event(&order, report, cx)?;
    Ok(Decision::new(vec![event], Answer::Reported { id, revision: revision + 1 }))
}

fn event(order: &FulfillmentOrder, report: &Report, cx: &Context<'_>) -> Result<Event, Refusal> {
    use WorkState::{
        Accepted, Cancelled, Delivered, HandedOver, NotCollected, Packed, Picked, Picking, Planned,
        ReadyForPickup, Rejected, Released, Shipped, Shorted, Undelivered,
    };
    let id = order.work.id;
    match (&order.state, report) {
        (Released, Report::Accept) => Ok(Event::Accepted(id)),
        (Released | Accepted, Report::StartPicking) => Ok(Event::PickingStarted(id)),
        (Released | Accepted | Picking, Report::Reject { kind }) => Ok(Event::Rejected(id, *kind)),
        (Released | Accepted | Picking, Report::ConfirmPick(lines)) => contents::pick(order, lines),
        (Picked, Report::Pack(packages)) => {
            contents::check_packages(order, packages)?;
            Ok(Event::Packed(id, packages.clone()))
        }
        (Picked | Packed { .. }, Report::Ship { carrier, tracking, packages, shipped_at }) => {
            let packages = contents::to_ship(order, carrier, tracking, packages)?;
            Ok(Event::Shipped(id, packages, shipped_at.unwrap_or(cx.at).min(cx.at)))
        }
        (Picked | Packed { .. }, Report::ReadyForPickup { shelf }) => {
            Ok(Event::MadeReady(id, shelf.clone(), counter::waits_until(cx)))
        }
        (Picked | Packed { .. } | ReadyForPickup { .. }, Report::HandOver { proof, lines, rest }) => {
            counter::hand_over(order, proof, lines, *rest, cx)
        }
        (ReadyForPickup { .. }, Report::NoShow) => {
            Ok(Event::NotCollected { id, units: order.in_hand(), instruction: None })
        }
        (Picked | Packed { .. } | ReadyForPickup { .. }, Report::AnswerCancel { stopped }) => {
            counter::answer_cancel(order, stopped)
        }
        (Shipped { packages, .. }, Report::ConfirmDelivery { parcels, delivered_at }) => {
            let arrived = contents::arrived(packages, parcels)?;
            Ok(Event::Delivered(id, arrived, delivered_at.unwrap_or(cx.at).min(cx.at)))
        }
        (
            Shipped { .. } | Delivered { .. } | Undelivered { .. },
            Report::ReportUndelivered { kind, parcels },
        ) => undelivered::report(order, *kind, parcels),
        (
            Planned
            | Released
            | Accepted
            | Picking
            | Picked
            | Packed { .. }
            | Shipped { .. }
            | Delivered { .. }
            | ReadyForPickup { .. }
            | HandedOver { .. }
            | Cancelled { .. }
            | Rejected { .. }
            | Shorted { .. }
            | Undelivered { .. }
            | NotCollected { .. },
            report,
        ) => Err(Refusal::IllegalNow {
            id,
            asked: report.name(),
            state: order.state.name(),
            current: order.revision,
        }),
    }
}

/// A pickup is made ready and handed over; everything else is shipped and delivered.
fn check_destination(order: &FulfillmentOrder, report: &Report) -> Result<(), Refusal> {
    let wrong = match report {
        Report::Ship { .. } | Report::ConfirmDelivery { .. } | Report::ReportUndelivered { .. } => {
            order.is_pickup()
        }
        Report::ReadyForPickup { .. } | Report::HandOver { .. } | Report::NoShow => !order.is_pickup(),
        Report::Accept
        | Report::Reject { .. }
        | Report::StartPicking
        | Report::ConfirmPick(_)
        | Report::Pack(_)
        | Report::AnswerCancel { .. } => false,
    };
    if !wrong {
        return Ok(());
    }
    let destination = if order.is_pickup() { "a pickup" } else { "to be shipped" };
    Err(Refusal::WrongDestination { id: order.work.id, asked: report.name(), destination })
}
