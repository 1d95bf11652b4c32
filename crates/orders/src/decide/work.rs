//! What nodes' partitions say about their work. They alone decide what happens there; orders follows, and plans again
//! what comes back.

use super::draft::{Draft, Manner};
use crate::event::{AttemptSource, CancelCause, CancelledFrom, CancelledUnits, Event, RecallAnswered, What};
use crate::fold::sum_by_line;
use crate::order::{RecallPurpose, WorkRef, WorkState};
use crate::progress::fitting;
use crate::state::OrdersState;
use waybill_machine::Context;
use waybill_types::exchange::{LineUnits, Step, StepLine, WorkRefusal};
use waybill_types::{FulfillmentOrderId, LineNo, Quantity};

fn load<'a>(
    state: &'a OrdersState,
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
    draft.plan_elsewhere(units, work.bounces);
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
        Step::NotCollected(units) => units.clone(),
        Step::Accepted
        | Step::PickStarted
        | Step::Picked(_)
        | Step::Packed
        | Step::Shipped(_)
        | Step::Delivered(_)
        | Step::ReadyForPickup
        | Step::HandedOver(_)
        | Step::Substituted(_)
        | Step::Undelivered(..) => Vec::new(),
    };
    let not_collected = matches!(step, Step::NotCollected(_));
    draft.push(What::WorkProgressed { work: id.number, step });
    if not_collected {
        draft.cancel_back(back, CancelledFrom::Back(id.number), CancelCause::NotCollected);
    } else if !back.is_empty() {
        let wanted = draft.cancel_wished(id.number, back);
        draft.plan_elsewhere(wanted, work.bounces);
    }
    draft.finish()
}

fn back(lines: &[StepLine]) -> Vec<LineUnits> {
    sum_by_line(lines.iter().map(|line| (line.units.line, line.units.quantity)))
}

/// What a node's partition says about a recall.
pub(crate) struct RecallAnswer<'a> {
    pub(crate) stopped: &'a [LineUnits],
    pub(crate) too_late: &'a [LineUnits],
    pub(crate) recall: u32,
    pub(crate) asked: &'a [LineUnits],
}

/// The node's partition answered a recall: what stopped is called off, kept for the amendment that wanted it back, or
/// planned anew where nobody wants it back any more.
pub(crate) fn recalled(
    state: &OrdersState,
    id: FulfillmentOrderId,
    answer: &RecallAnswer<'_>,
    cx: &Context<'_>,
) -> Vec<Event> {
    let Some((mut draft, work)) = load(state, id, cx) else { return Vec::new() };
    let recall = draft.order.recall(answer.recall).filter(|recall| recall.work == id.number).cloned();
    let Some(recall) = recall else { return Vec::new() };
    let there = match recall.purpose {
        RecallPurpose::Planned => Vec::new(),
        RecallPurpose::Cancel | RecallPurpose::Amendment(_) => fitting_stops(&work, answer.stopped),
    };
    let answered = |back: Vec<LineUnits>, kept: Vec<LineUnits>| RecallAnswered {
        work: id.number,
        stopped: answer.stopped.to_vec(),
        too_late: answer.too_late.to_vec(),
        recall: recall.number,
        asked: answer.asked.to_vec(),
        back,
        kept,
    };
    match recall.purpose {
        RecallPurpose::Planned => draft.push(What::WorkRecalled(answered(Vec::new(), Vec::new()))),
        RecallPurpose::Cancel => {
            draft.push(What::WorkRecalled(answered(there.clone(), Vec::new())));
            let (cancelled, rest) = split(there, |line| recall.of_line(line));
            draft.cancel_back(cancelled, CancelledFrom::Recalled(id.number), CancelCause::Asked);
            draft.came_back(&work, rest);
        }
        RecallPurpose::Amendment(number) => {
            let pending = draft.order.pending_amendment().is_some_and(|(pending, _)| pending == number);
            let wished = |line| draft.order.cancel_wished(id.number, line);
            // While it is pending all that stopped is the amendment's, claims and all. Later what nobody has cancelled
            // meanwhile goes back to where it was.
            let (back, kept) = if pending { (Vec::new(), there) } else { split(there, wished) };
            draft.push(What::WorkRecalled(answered(back.clone(), kept.clone())));
            if !pending {
                draft.cancel_back(back, CancelledFrom::Back(id.number), CancelCause::Asked);
                let units = kept.iter().map(|units| (units.line, units.quantity)).collect();
                draft.plan_where_they_stand([((work.reservation, work.node), units)].into());
            }
        }
    }
    draft.finish()
}

/// Of the units said to have stopped, those that the order knows this node to have.
pub(crate) fn fitting_stops(work: &WorkRef, stopped: &[LineUnits]) -> Vec<LineUnits> {
    let at_node = |line: LineNo| -> Quantity {
        work.lines.iter().filter(|units| units.line == line).map(|units| units.at_node()).sum()
    };
    split(stopped.to_vec(), at_node).0
}

/// Units by line up to what `limit` says of the line, and the rest.
fn split(units: Vec<LineUnits>, limit: impl Fn(LineNo) -> Quantity) -> (Vec<LineUnits>, Vec<LineUnits>) {
    let units = sum_by_line(units.into_iter().map(|some| (some.line, some.quantity)));
    let within = |some: &LineUnits| some.quantity.min(limit(some.line));
    let first = sum_by_line(units.iter().map(|some| (some.line, within(some))));
    let rest = sum_by_line(units.iter().map(|some| (some.line, some.quantity.saturating_sub(within(some)))));
    (first, rest)
}

impl Draft<'_> {
    /// Open units outside any attempt that have just come back from a node are called off.
    fn cancel_back(&mut self, units: Vec<LineUnits>, from: CancelledFrom, cause: CancelCause) {
        let off = |units: LineUnits| CancelledUnits {
            line: units.line,
            quantity: units.quantity,
            from: from.clone(),
        };
        let units: Vec<CancelledUnits> = units.into_iter().map(off).collect();
        if !units.is_empty() {
            self.push(What::UnitsCancelled { cause, units });
        }
    }

    /// Of units that have just come back from a node without being asked for, those that a cancel under way wants are
    /// called off. The others are returned: they are still wanted.
    pub(crate) fn cancel_wished(&mut self, work: u16, units: Vec<LineUnits>) -> Vec<LineUnits> {
        let (cancelled, rest) = split(units, |line| self.order.cancel_wished(work, line));
        self.cancel_back(cancelled, CancelledFrom::Back(work), CancelCause::Asked);
        rest
    }

    /// Open units that stopped although nobody wants them back any more are planned anew.
    pub(crate) fn came_back(&mut self, work: &WorkRef, units: Vec<LineUnits>) {
        let rest = self.cancel_wished(work.id.number, units);
        let manner = Manner { bounces: work.bounces, ..Manner::afresh(AttemptSource::Open) };
        self.start_attempt(rest, manner);
    }
}
