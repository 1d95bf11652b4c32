//! What each step of a node does to its units. The node's partition decides the steps; orders only follows.

use crate::fold::{shift, work_mut};
use crate::order::{Order, WorkRef, WorkState, WorkUnits};
use crate::units::Bucket;
use waybill_types::exchange::{LineUnits, Parcel, Step, StepLine, Undelivered};
use waybill_types::{LineNo, OrderId, Quantity};

/// Where units of a node's work are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    ToPick,
    Picked,
    Shipped,
}

impl Place {
    fn of(self, units: &mut WorkUnits) -> &mut Quantity {
        match self {
            Place::ToPick => &mut units.to_pick,
            Place::Picked => &mut units.picked,
            Place::Shipped => &mut units.shipped,
        }
    }
    const fn bucket(self) -> Bucket {
        match self {
            Place::ToPick => Bucket::Released,
            Place::Picked => Bucket::Picked,
            Place::Shipped => Bucket::Shipped,
        }
    }
}

/// From where a step takes its units, in this order.
fn sources(step: &Step) -> &'static [Place] {
    match step {
        Step::Picked(_) | Step::Shorted(_) => &[Place::ToPick],
        Step::Shipped(_) => &[Place::Picked, Place::ToPick],
        Step::Delivered(_) | Step::Undelivered(..) => &[Place::Shipped],
        Step::NotCollected(_) => &[Place::Picked],
        Step::HandedOver(_) => &[Place::Picked, Place::Shipped, Place::ToPick],
        Step::Rejected(_) => &[Place::ToPick, Place::Picked],
        Step::Accepted | Step::PickStarted | Step::Packed | Step::ReadyForPickup | Step::Substituted(_) => {
            &[]
        }
    }
}

/// The units a step speaks of.
fn spoken_of(step: &Step) -> Vec<LineUnits> {
    match step {
        Step::Picked(units)
        | Step::Delivered(units)
        | Step::HandedOver(units)
        | Step::NotCollected(units)
        | Step::Undelivered(_, units) => units.clone(),
        Step::Shorted(lines) | Step::Rejected(lines) => lines.iter().map(|line| line.units).collect(),
        Step::Shipped(parcels) => parcels.iter().flat_map(|parcel| parcel.lines.clone()).collect(),
        Step::Accepted | Step::PickStarted | Step::Packed | Step::ReadyForPickup | Step::Substituted(_) => {
            Vec::new()
        }
    }
}

/// The step with only units that the order knows to be where the step takes them from; `None` when it speaks of units
/// and none is there. A correct node's partition never reports others; an audit of FULFIL-1 finds the one that does.
pub(crate) fn fitting(work: &WorkRef, step: &Step) -> Option<Step> {
    let mut work = work.clone();
    let mut fit = |units: &LineUnits| {
        let quantity = drain(&mut work, units.line, units.quantity, sources(step));
        (!quantity.is_zero()).then_some(LineUnits { line: units.line, quantity })
    };
    let some = |units: Vec<LineUnits>| (!units.is_empty()).then_some(units);
    let mut fit_lines = |lines: &[StepLine]| {
        let fitting = lines
            .iter()
            .filter_map(|line| Some(StepLine { units: fit(&line.units)?, reason: line.reason.clone() }));
        let fitting: Vec<StepLine> = fitting.collect();
        (!fitting.is_empty()).then_some(fitting)
    };
    match step {
        Step::Accepted | Step::PickStarted | Step::Packed | Step::ReadyForPickup | Step::Substituted(_) => {
            Some(step.clone())
        }
        Step::Shorted(lines) => fit_lines(lines).map(Step::Shorted),
        Step::Rejected(lines) => fit_lines(lines).map(Step::Rejected),
        Step::Picked(units) => some(units.iter().filter_map(fit).collect()).map(Step::Picked),
        Step::Delivered(units) => some(units.iter().filter_map(fit).collect()).map(Step::Delivered),
        Step::HandedOver(units) => some(units.iter().filter_map(fit).collect()).map(Step::HandedOver),
        Step::NotCollected(units) => some(units.iter().filter_map(fit).collect()).map(Step::NotCollected),
        Step::Undelivered(why, units) => {
            some(units.iter().filter_map(fit).collect()).map(|units| Step::Undelivered(*why, units))
        }
        Step::Shipped(parcels) => {
            let fitting = parcels.iter().map(|parcel| {
                let lines = parcel.lines.iter().filter_map(&mut fit).collect();
                Parcel { lines, ..parcel.clone() }
            });
            let fitting: Vec<Parcel> = fitting.collect();
            fitting.iter().any(|parcel| !parcel.lines.is_empty()).then_some(Step::Shipped(fitting))
        }
    }
}

/// Takes up to `wanted` units of a line out of `places`; says how many.
fn drain(work: &mut WorkRef, line: LineNo, wanted: Quantity, places: &[Place]) -> Quantity {
    let mut remaining = wanted;
    for units in work.lines.iter_mut().filter(|units| units.line == line) {
        for place in places {
            let there = place.of(units);
            let taken = remaining.min(*there);
            *there = there.saturating_sub(taken);
            remaining = remaining.saturating_sub(taken);
        }
    }
    wanted.saturating_sub(remaining)
}

/// Changes the order by one step.
pub(crate) fn progress(order: &mut Order, id: OrderId, number: u16, step: &Step) {
    for units in spoken_of(step) {
        let mut remaining = units.quantity;
        for place in sources(step) {
            let taken = drain(work_mut(order, id, number), units.line, remaining, &[*place]);
            remaining = remaining.saturating_sub(taken);
            arrive(order, id, number, LineUnits { line: units.line, quantity: taken }, *place, step);
        }
        assert!(
            remaining.is_zero(),
            "order {id} fulfilment order {number} lacks {remaining} units of {step:?}"
        );
    }
    let work = work_mut(order, id, number);
    work.lines.retain(|units| !units.all().is_zero());
    if let Step::Shipped(parcels) = step {
        for parcel in parcels {
            if !parcel.carrier.as_str().is_empty() {
                work.carrier = parcel.carrier.clone();
            }
            if !parcel.tracking.as_str().is_empty() {
                work.tracking.push(parcel.tracking.clone());
            }
        }
    }
    work.state = next_state(work, step);
}

/// Puts units that were taken out of `from` where the step brings them.
fn arrive(order: &mut Order, id: OrderId, number: u16, units: LineUnits, from: Place, step: &Step) {
    let LineUnits { line, quantity } = units;
    let bucket = match step {
        Step::Picked(_) => Bucket::Picked,
        Step::Shipped(_) => Bucket::Shipped,
        Step::Delivered(_) | Step::HandedOver(_) => Bucket::Delivered,
        Step::Shorted(_) | Step::Rejected(_) => Bucket::Open,
        Step::NotCollected(_) => Bucket::Cancelled,
        Step::Undelivered(Undelivered::Lost, _) => Bucket::Lost,
        Step::Undelivered(Undelivered::Refused, _) => Bucket::Refused,
        Step::Undelivered(Undelivered::ReturnedToSender, _) => Bucket::ReturnedToSender,
        Step::Accepted | Step::PickStarted | Step::Packed | Step::ReadyForPickup | Step::Substituted(_) => {
            return;
        }
    };
    shift(order, line, from.bucket(), bucket, quantity);
    let work = work_mut(order, id, number);
    let Some(there) = work.lines.iter_mut().find(|units| units.line == line) else { return };
    match bucket {
        Bucket::Picked => there.picked = there.picked.plus(quantity),
        Bucket::Shipped => there.shipped = there.shipped.plus(quantity),
        Bucket::Delivered => there.delivered = there.delivered.plus(quantity),
        _ => {}
    }
}

/// How far the work is after a step.
fn next_state(work: &WorkRef, step: &Step) -> WorkState {
    let at_node = !work.at_node().is_zero();
    let on_the_way = work.lines.iter().any(|units| !units.shipped.is_zero());
    match step {
        Step::Accepted => WorkState::Accepted,
        Step::PickStarted => WorkState::Picking,
        Step::Picked(_) if work.lines.iter().all(|units| units.to_pick.is_zero()) => WorkState::Picked,
        Step::Picked(_) => WorkState::Picking,
        Step::Shorted(_) if work.lines.is_empty() => WorkState::Shorted,
        Step::Shorted(_) if at_node && work.lines.iter().all(|units| units.to_pick.is_zero()) => {
            WorkState::Picked
        }
        Step::Packed => WorkState::Packed,
        Step::Shipped(_) if !at_node => WorkState::Shipped,
        Step::Delivered(_) if !at_node && !on_the_way => WorkState::Delivered,
        Step::ReadyForPickup => WorkState::ReadyForPickup,
        Step::HandedOver(_) if !at_node && !on_the_way => WorkState::HandedOver,
        Step::Rejected(_) if work.lines.is_empty() => WorkState::Rejected,
        Step::Shorted(_)
        | Step::Shipped(_)
        | Step::Delivered(_)
        | Step::HandedOver(_)
        | Step::NotCollected(_)
        | Step::Undelivered(..)
        | Step::Substituted(_)
        | Step::Rejected(_) => work.state,
    }
}
