//! What nodes' partitions say about their work. They alone decide what happens there; orders follows, and plans again
//! what comes back.

use super::draft::Draft;
use crate::event::{Event, What};
use crate::fold::sum_by_line;
use crate::order::{WorkRef, WorkState};
use crate::progress::fitting;
use crate::state::OrdersState;
use waybill_machine::Context;
use waybill_types::FulfillmentOrderId;
use waybill_types::exchange::{LineUnits, Step, StepLine, WorkRefusal};

fn load<'a>(
    state: &OrdersState,
    id: FulfillmentOrderId,
    cx: &'a Context<'a>,
) -> Option<(Draft<'a>, WorkRef)> {
    let draft = Draft::load(state, id.order, cx)?;
    let work = draft.order.work(id.number).filter(|work| work.id == id)?.clone();
    Some((draft, work))
}

/// The node's partition has the work. Work that was called off meanwhile stays so.
pub(crate) fn planned(state: &OrdersState, id: FulfillmentOrderId, cx: &Context<'_>) -> Vec<Event> {
    let Some((mut draft, work)) = load(state, id, cx) else { return Vec::new() };
    if work.state != WorkState::Assigned {
        return Vec::new();
    }
    draft.push(What::WorkPlanned { work: id.number });
    draft.finish()
}

/// The node's partition cannot take the work: what is left of it is planned elsewhere.
pub(crate) fn refused(
    state: &OrdersState,
    id: FulfillmentOrderId,
    refusal: WorkRefusal,
    cx: &Context<'_>,
) -> Vec<Event> {
    let Some((mut draft, work)) = load(state, id, cx) else { return Vec::new() };
    if !work.is_unreleased() {
        return Vec::new();
    }
    let units = sum_by_line(work.lines.iter().map(|units| (units.line, units.to_pick)));
    draft.push(What::WorkRefused { work: id.number, refusal, units: units.clone() });
    draft.plan_elsewhere(units, work.node, work.bounces, work.excluded);
    draft.finish()
}

/// Something happened at the node.
pub(crate) fn progress(
    state: &OrdersState,
    id: FulfillmentOrderId,
    step: &Step,
    cx: &Context<'_>,
) -> Vec<Event> {
    let Some((mut draft, work)) = load(state, id, cx) else { return Vec::new() };
    if work.is_unreleased() || work.lines.is_empty() {
        return Vec::new();
    }
    let Some(step) = fitting(&work, step) else { return Vec::new() };
    let back = match &step {
        Step::Shorted(lines) | Step::Rejected(lines) => back(lines),
        Step::Accepted
        | Step::PickStarted
        | Step::Picked(_)
        | Step::Packed
        | Step::Shipped(_)
        | Step::Delivered(_)
        | Step::ReadyForPickup
        | Step::HandedOver(_)
        | Step::Substituted(_)
        | Step::NotCollected(_)
        | Step::Undelivered(..) => Vec::new(),
    };
    draft.push(What::WorkProgressed { work: id.number, step });
    if !back.is_empty() {
        draft.plan_elsewhere(back, work.node, work.bounces, work.excluded);
    }
    draft.finish()
}

fn back(lines: &[StepLine]) -> Vec<LineUnits> {
    sum_by_line(lines.iter().map(|line| (line.units.line, line.units.quantity)))
}

/// The node's partition answered a cancel.
pub(crate) fn recalled(
    state: &OrdersState,
    id: FulfillmentOrderId,
    stopped: &[LineUnits],
    too_late: &[LineUnits],
    cx: &Context<'_>,
) -> Vec<Event> {
    let Some((mut draft, work)) = load(state, id, cx) else { return Vec::new() };
    if work.recalls == 0 {
        return Vec::new();
    }
    let (stopped, too_late) = (stopped.to_vec(), too_late.to_vec());
    draft.push(What::WorkRecalled { work: id.number, stopped, too_late });
    draft.finish()
}
