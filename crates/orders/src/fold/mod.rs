//! What each event does to one order. Pure and total: it looks at nothing but the order, its content and the event, so
//! that the history of an order rebuilds it. Messages and indexes follow in [`crate::apply`].

mod amend;
mod back;
mod cancel;
mod recall;
mod waits;

pub(crate) use amend::left_works;
pub(crate) use cancel::recalled_works;

use crate::content::{Line, OrderContent};
use crate::event::{
    AttemptSource, AttemptStarted, Event, NewWork, OrderImported, OrderPlaced, PlanRecorded,
    ReservationGranted, What,
};
use crate::order::{
    Attempt, AttemptState, Ending, LineState, Order, OrderHold, Pinned, PinnedUnits, RecallPurpose, Resolved,
    Stage, Tail, WorkRef, WorkState, WorkUnits,
};
use crate::units::{Bucket, Buckets};
use std::collections::{BTreeMap, BTreeSet};
use waybill_types::exchange::LineUnits;
use waybill_types::policy::HoldType;
use waybill_types::{FulfillmentOrderId, LineNo, OrderId, Quantity, ReservationId, Text, Timestamp};

/// Attempts that are over and work that came to nothing are listed up to this many; history has them all.
const LISTED_MAX: usize = 16;

/// The line as ordered.
///
/// # Panics
/// When there is none: events and rows only name lines that exist.
pub(crate) fn ordered(content: &OrderContent, line: LineNo) -> &Line {
    content.line(line).unwrap_or_else(|| panic!("line {} is not one of {}", line.0, content.lines.len()))
}

/// The order that an opening event makes; `None` for any other event.
pub(crate) fn open(what: &What, at: Timestamp) -> Option<(&OrderContent, Order)> {
    match what {
        What::OrderPlaced(placed) => Some((&placed.content, place(placed, at))),
        What::OrderImported(imported) => Some((&imported.content, import(imported, at))),
        _ => None,
    }
}

fn place(placed: &OrderPlaced, at: Timestamp) -> Order {
    let content = &placed.content;
    let state = match content.hold {
        Some(hold) => AttemptState::Adopting(hold),
        None => AttemptState::Planning { asked_at: at, pinned: None },
    };
    let units = content.numbered().map(|(line, l)| LineUnits { line, quantity: l.quantity }).collect();
    let nothing = Text::default();
    let begins_with = |(kind, number)| new_hold(number, None, kind, &nothing, at);
    let first = Attempt {
        number: 1,
        started_at: at,
        tries: 1,
        bounces: 0,
        excluded: Vec::new(),
        units,
        state,
        outdated: false,
    };
    Order {
        revision: 1,
        stage: match placed.confirm_by {
            Some(confirm_by) => Stage::Pending { confirm_by },
            None => Stage::Standing,
        },
        lines: content.lines.iter().map(|line| fresh(Buckets::all_in(Bucket::Open, line.quantity))).collect(),
        attempts: vec![first],
        last_attempt: 1,
        works: Vec::new(),
        last_work: 0,
        updated_at: at,
        erased: false,
        tail: Tail::default(),
        amended: None,
        amendments: Vec::new(),
        last_amendment: 0,
        holds: placed.holds.iter().zip(1..).map(begins_with).collect(),
        last_hold: placed.holds.len() as u16,
        returns: Vec::new(),
        recalls: Vec::new(),
        last_recall: 0,
        shunned: Vec::new(),
        heard: 0,
    }
}

fn new_hold(number: u16, line: Option<LineNo>, kind: &HoldType, note: &Text, at: Timestamp) -> OrderHold {
    let (kind, note) = (kind.clone(), note.clone());
    OrderHold { number, line, kind, note, placed_at: at, changed_since: false, resolved: None }
}

fn resolve(order: &mut Order, id: OrderId, number: u16, note: &Text, at: Timestamp) {
    let Some(hold) = order.holds.iter_mut().find(|hold| hold.number == number) else {
        panic!("order {id} has no hold {number}")
    };
    hold.resolved = Some(Resolved { at, note: note.clone() });
    let over = order.holds.iter().filter(|hold| !hold.stands()).count();
    if over > LISTED_MAX {
        let oldest = order.holds.iter().position(|hold| !hold.stands());
        oldest.map(|index| order.holds.remove(index));
    }
}

fn import(imported: &OrderImported, at: Timestamp) -> Order {
    Order {
        revision: 1,
        stage: Stage::Standing,
        lines: imported.ended.iter().map(|buckets| fresh(*buckets)).collect(),
        attempts: Vec::new(),
        last_attempt: 0,
        works: Vec::new(),
        last_work: 0,
        updated_at: at,
        erased: false,
        tail: Tail::default(),
        amended: None,
        amendments: Vec::new(),
        last_amendment: 0,
        holds: Vec::new(),
        last_hold: 0,
        returns: Vec::new(),
        recalls: Vec::new(),
        last_recall: 0,
        shunned: Vec::new(),
        heard: 0,
    }
}

fn fresh(buckets: Buckets) -> LineState {
    LineState { buckets, cancel_requested: Quantity::ZERO, awaited: false, waits: None }
}

/// Changes `order` by one event after its opening.
///
/// # Panics
/// When the event does not fit the order: our own bug, stopped before it spreads.
pub(crate) fn fold(order: &mut Order, content: &OrderContent, event: &Event, at: Timestamp) {
    let id = event.order;
    // Before the event, so that whoever follows up on it finds what it is about.
    forget_old(order);
    match &event.what {
        What::OrderPlaced(_) | What::OrderImported(_) => panic!("order {id} is opened twice"),
        What::HoldAdopted { attempt, pinned, surplus: _ } => adopt(order, id, *attempt, pinned, at),
        What::HoldGone { attempt, taken_by: _ } => {
            let attempt = attempt_mut(order, id, *attempt);
            attempt.state = match attempt.units.is_empty() {
                true => AttemptState::Ended(Ending::Cancelled),
                false => AttemptState::Planning { asked_at: at, pinned: None },
            };
        }
        What::AttemptStarted(started) => start(order, started, at),
        What::PlanAsked { attempt } => {
            attempt_mut(order, id, *attempt).state = AttemptState::Planning { asked_at: at, pinned: None };
        }
        What::PlanRecorded(recorded) => plan(order, id, recorded),
        What::ReservationGranted(granted) => grant(order, id, granted),
        What::ReservationRefused { attempt, contended: _, shortages } => {
            let attempt = attempt_mut(order, id, *attempt);
            attempt.state = AttemptState::Ended(Ending::Refused(shortages.clone()));
            attempt.units.clear();
        }
        What::UnitsBackordered { units } => {
            units.iter().for_each(|unserved| waits::wait(order, unserved, at))
        }
        What::UnitsCancelled { cause: _, units } => {
            units.iter().for_each(|some| cancel::cancel(order, id, some));
            for work in recalled_works(units) {
                let units = sum_by_line(units.iter().filter_map(|some| some.of_work(work)));
                recall::asked(order, work, units, RecallPurpose::Planned, at);
            }
        }
        What::OrderConfirmed => order.stage = Stage::Standing,
        What::OrderRefused(why) => order.stage = Stage::Refused(why.clone()),
        What::WorkPlanned { work } => work_mut(order, id, *work).state = WorkState::Planned,
        What::WorkRefused { work, refusal, units } => {
            // Or a backorder would ask a full node again at each unit that anybody gives back, its own first of all.
            let amended = order.amended.take();
            let lines = units.iter().map(|units| units.line);
            crate::progress::shun(order, amended.as_deref().unwrap_or(content), id, *work, lines);
            order.amended = amended;
            let work = work_mut(order, id, *work);
            work.state = WorkState::Refused(*refusal);
            work.lines.clear();
            for units in units {
                shift(order, units.line, Bucket::Reserved, Bucket::Open, units.quantity);
            }
        }
        What::WorkReleased { works } => works.iter().for_each(|work| release(order, id, *work)),
        What::WorkProgressed { work, step } => {
            let amended = order.amended.take();
            let current = amended.as_deref().unwrap_or(content);
            crate::progress::progress(order, current, id, *work, step, at);
            order.amended = amended;
        }
        What::RecallAsked { recall: _, work, units, manner: _, purpose } => {
            recall::asked(order, *work, units.clone(), *purpose, at);
        }
        What::WorkRecalled(answer) => {
            let purpose = order.recall(answer.recall).map(|recall| recall.purpose);
            recall::answered(order, id, answer);
            if let Some(RecallPurpose::Amendment(number)) = purpose {
                amend::came_back(order, id, number, answer.work, &answer.kept);
            }
        }
        What::NodeRestocked { node, sku, owner } => order
            .shunned
            .retain(|shunned| shunned.node != *node || shunned.sku != *sku || shunned.owner != *owner),
        What::StockHeard { sku: _, owner: _ } => order.heard = order.last_attempt,
        What::ExceptionAnswered(answered) => {
            let amended = order.amended.take();
            waits::answered(order, amended.as_deref().unwrap_or(content), answered);
            order.amended = amended;
        }
        What::SubjectErased => order.erased = true,
        What::OrderHoldPlaced { hold, line, kind, note } => {
            order.last_hold = *hold;
            order.holds.push(new_hold(*hold, *line, kind, note, at));
        }
        What::OrderHoldResolved { hold, note } => resolve(order, id, *hold, note, at),
        What::ReturnRequested(requested) => back::requested(order, requested, at),
        What::ReturnDecided { number, authorised } => back::decided(order, id, *number, *authorised),
        What::ReturnReceived(received) => back::received(order, id, received),
        What::ReturnClosed { number, refund, lapsed: _ } => back::closed(order, id, *number, *refund),
        What::ReplacementsJoined(joined) => back::joined(order, id, content, joined),
        What::OrderPolicySet { .. } => panic!("a policy is about no order, {id} was named"),
        What::AmendmentStarted(started) => amend::started(order, started, at),
        What::AmendmentApproved { amendment, deadline } => amend::approved(order, id, *amendment, *deadline),
        What::AmendmentPlanAsked(asked) => amend::plan_asked(order, id, asked, at),
        What::AmendmentPlanned(planned) => amend::planned(order, id, planned),
        What::AmendmentUnreserved { amendment, contended: _, shortages: _, until } => {
            amend::unreserved(order, id, *amendment, *until);
        }
        What::AmendmentApplied(applied) => amend::applied(order, id, applied, at),
        What::AmendmentRefused { amendment, why } => amend::refused(order, id, *amendment, why),
    }
    let amended = order.amended.take();
    waits::stop(order, amended.as_deref().unwrap_or(content));
    order.amended = amended;
    order.mark_wishes();
    order.revision += 1;
    order.updated_at = at;
    debug_assert_eq!(order.lines.len(), order.amended.as_deref().unwrap_or(content).lines.len());
}

pub(crate) fn attempt_mut(order: &mut Order, id: OrderId, number: u32) -> &mut Attempt {
    let found = order.attempts.iter_mut().find(|attempt| attempt.number == number);
    found.unwrap_or_else(|| panic!("order {id} has no attempt {number}"))
}

pub(crate) fn work_mut(order: &mut Order, id: OrderId, number: u16) -> &mut WorkRef {
    let found = order.works.iter_mut().find(|work| work.id.number == number);
    found.unwrap_or_else(|| panic!("order {id} has no fulfilment order {number}"))
}

pub(crate) fn shift(order: &mut Order, line: LineNo, from: Bucket, to: Bucket, quantity: Quantity) {
    let index = usize::from(line.0).wrapping_sub(1);
    let Some(state) = order.lines.get_mut(index) else {
        panic!("line {} is not one of {}", line.0, order.lines.len())
    };
    state.buckets.shift(from, to, quantity);
}

fn adopt(order: &mut Order, id: OrderId, number: u32, pinned: &[PinnedUnits], at: Timestamp) {
    let attempt = attempt_mut(order, id, number);
    let AttemptState::Adopting(reservation) = attempt.state else {
        panic!("order {id} attempt {number} adopts no hold")
    };
    attempt.units = sum_by_line(pinned.iter().map(|units| (units.line, units.quantity)));
    attempt.state = if pinned.is_empty() {
        AttemptState::Ended(Ending::Cancelled)
    } else {
        let pinned = Some(Pinned { reservation, units: pinned.to_vec() });
        AttemptState::Planning { asked_at: at, pinned }
    };
}

fn start(order: &mut Order, started: &AttemptStarted, at: Timestamp) {
    if started.source == AttemptSource::Backordered {
        for units in &started.units {
            shift(order, units.line, Bucket::Backordered, Bucket::Open, units.quantity);
        }
    }
    order.last_attempt = started.attempt;
    order.attempts.push(Attempt {
        number: started.attempt,
        started_at: at,
        tries: started.tries,
        bounces: started.bounces,
        excluded: started.excluded.clone(),
        units: started.units.clone(),
        state: match started.until {
            Some(until) => AttemptState::Waiting { until },
            None => AttemptState::Planning { asked_at: at, pinned: started.pinned.clone() },
        },
        outdated: false,
    });
}

fn plan(order: &mut Order, id: OrderId, recorded: &PlanRecorded) {
    let attempt = attempt_mut(order, id, recorded.attempt);
    attempt.units = sum_by_line(recorded.assignments.iter().map(|a| (a.line, a.quantity)));
    let short = recorded.unserved.iter().map(|unserved| unserved.quantity).sum();
    attempt.state = match recorded.reservation {
        Some(reservation) => AttemptState::Reserving {
            reservation,
            mode: recorded.mode,
            assignments: recorded.assignments.clone(),
        },
        // Nothing found, or not enough for an order that must be served whole: nothing of it is asked for.
        None => {
            attempt.units.clear();
            AttemptState::Ended(Ending::NothingFound { short })
        }
    };
}

fn grant(order: &mut Order, id: OrderId, granted: &ReservationGranted) {
    let attempt = attempt_mut(order, id, granted.attempt);
    let units = granted.works.iter().flat_map(|work| &work.lines).map(|units| units.quantity).sum();
    let short = granted.short.iter().map(|units| units.quantity).sum();
    attempt.state = AttemptState::Ended(if granted.works.is_empty() {
        Ending::Cancelled
    } else {
        Ending::Reserved { units, short }
    });
    attempt.units.clear();
    let bounces = attempt.bounces;
    new_works(order, id, granted.attempt, granted.reservation, &granted.works, bounces);
}

/// Open units become the work of nodes. `bounces` is how often nodes sent them back before.
fn new_works(
    order: &mut Order,
    id: OrderId,
    attempt: u32,
    reservation: ReservationId,
    works: &[NewWork],
    bounces: u8,
) {
    for new in works {
        for units in &new.lines {
            shift(order, units.line, Bucket::Open, Bucket::Reserved, units.quantity);
        }
        order.last_work = new.number;
        order.works.push(WorkRef {
            id: FulfillmentOrderId { order: id, number: new.number, partition_index: new.partition },
            node: new.node.clone(),
            attempt,
            reservation,
            service: new.service.clone(),
            ship_by: new.ship_by,
            promise: new.promise,
            state: WorkState::Assigned,
            lines: new.lines.iter().map(planned).collect(),
            delivered_at: None,
            bounces,
            carrier: empty(),
            tracking: Vec::new(),
            substituted: Vec::new(),
            sent_instead: Vec::new(),
        });
    }
}

fn planned(units: &LineUnits) -> WorkUnits {
    WorkUnits {
        line: units.line,
        to_pick: units.quantity,
        picked: Quantity::ZERO,
        shipped: Quantity::ZERO,
        delivered: Quantity::ZERO,
        refused: Quantity::ZERO,
    }
}

/// Text that says nothing.
pub(crate) fn empty() -> Text {
    Text::new("").unwrap_or_else(|_| unreachable!("empty text is allowed"))
}

fn release(order: &mut Order, id: OrderId, number: u16) {
    let work = work_mut(order, id, number);
    work.state = WorkState::Released;
    for units in work.lines.clone() {
        shift(order, units.line, Bucket::Reserved, Bucket::Released, units.to_pick);
    }
}

/// Units by line, each line once, in order.
pub(crate) fn sum_by_line(units: impl IntoIterator<Item = (LineNo, Quantity)>) -> Vec<LineUnits> {
    let mut sums: BTreeMap<LineNo, Quantity> = BTreeMap::new();
    for (line, quantity) in units {
        let sum = sums.entry(line).or_default();
        *sum = sum.plus(quantity);
    }
    let sums = sums.into_iter().filter(|(_, quantity)| !quantity.is_zero());
    sums.map(|(line, quantity)| LineUnits { line, quantity }).collect()
}

/// The reservation that an attempt's units stand on or are to stand on.
pub(crate) fn reservation_of(attempt: &Attempt) -> Option<ReservationId> {
    match &attempt.state {
        AttemptState::Adopting(reservation) | AttemptState::Reserving { reservation, .. } => {
            Some(*reservation)
        }
        AttemptState::Planning { pinned, .. } => pinned.as_ref().map(|pinned| pinned.reservation),
        AttemptState::Waiting { .. } | AttemptState::Ended(_) => None,
    }
}

fn forget_old(order: &mut Order) {
    let over = order.attempts.iter().filter(|attempt| !attempt.is_live()).count();
    let mut excess = over.saturating_sub(LISTED_MAX);
    order.attempts.retain(|attempt| attempt.is_live() || !take_one(&mut excess));
    let recalled: BTreeSet<u16> = order.recalls.iter().map(|recall| recall.work).collect();
    let is_nothing = |work: &WorkRef| work.lines.is_empty() && !recalled.contains(&work.id.number);
    let nothing = order.works.iter().filter(|work| is_nothing(work)).count();
    let mut excess = nothing.saturating_sub(LISTED_MAX);
    order.works.retain(|work| !is_nothing(work) || !take_one(&mut excess));
}

fn take_one(excess: &mut usize) -> bool {
    let some = *excess > 0;
    *excess = excess.saturating_sub(1);
    some
}
