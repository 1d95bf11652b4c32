//! What each step of a node does to its units. The node's partition decides the steps; orders only follows.

use crate::content::OrderContent;
use crate::fold::{ordered, shift, work_mut};
use crate::order::{Order, Shunned, WorkRef, WorkState, WorkUnits};
use crate::units::Bucket;
use waybill_types::exchange::{LineUnits, Parcel, Step, StepLine, Substituted, Undelivered};
use waybill_types::{LineNo, OrderId, Quantity, Timestamp};

/// Where units of a node's work are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    ToPick,
    Picked,
    Shipped,
    Refused,
}

impl Place {
    fn of(self, units: &mut WorkUnits) -> &mut Quantity {
        match self {
            Place::ToPick => &mut units.to_pick,
            Place::Picked => &mut units.picked,
            Place::Shipped => &mut units.shipped,
            Place::Refused => &mut units.refused,
        }
    }
    const fn bucket(self) -> Bucket {
        match self {
            Place::ToPick => Bucket::Released,
            Place::Picked => Bucket::Picked,
            Place::Shipped => Bucket::Shipped,
            Place::Refused => Bucket::Refused,
        }
    }
}

/// From where a step takes its units, in this order.
fn sources(step: &Step) -> &'static [Place] {
    match step {
        Step::Picked(_) | Step::Shorted(_) | Step::Substituted(_) => &[Place::ToPick],
        Step::Shipped(_) => &[Place::Picked, Place::ToPick],
        Step::Undelivered(Undelivered::RefusedBack, _) => &[Place::Refused],
        Step::Delivered(_)
        | Step::Undelivered(Undelivered::Lost | Undelivered::Refused | Undelivered::ReturnedToSender, _) => {
            &[Place::Shipped]
        }
        Step::NotCollected(_) => &[Place::Picked],
        Step::HandedOver(_) => &[Place::Picked, Place::Shipped, Place::ToPick],
        Step::Rejected(_) => &[Place::ToPick, Place::Picked],
        Step::Accepted | Step::PickStarted | Step::Packed | Step::ReadyForPickup => &[],
    }
}

/// The units a step moves.
fn moved(step: &Step) -> Vec<LineUnits> {
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
        Step::Accepted | Step::PickStarted | Step::Packed | Step::ReadyForPickup => Some(step.clone()),
        Step::Substituted(lines) => {
            let fitting = lines
                .iter()
                .filter_map(|some| Some(Substituted { units: fit(&some.units)?, ..some.clone() }));
            let fitting: Vec<Substituted> = fitting.collect();
            (!fitting.is_empty()).then_some(Step::Substituted(fitting))
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
pub(crate) fn progress(
    order: &mut Order,
    content: &OrderContent,
    id: OrderId,
    number: u16,
    step: &Step,
    at: Timestamp,
) {
    note_beside(order, content, id, number, step, at);
    for units in moved(step) {
        let mut remaining = units.quantity;
        for place in sources(step) {
            let work = work_mut(order, id, number);
            if let (Place::Picked, Step::Shipped(_) | Step::HandedOver(_)) = (place, step) {
                work.leave_hand(units.line, remaining.min(work.picked(units.line)));
            }
            let taken = drain(work, units.line, remaining, &[*place]);
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
    match step {
        // Whatever comes back wanted is called off by an event of its own, which takes it off the cancels.
        Step::Shorted(_) | Step::Rejected(_) | Step::NotCollected(_) => {}
        Step::Accepted
        | Step::PickStarted
        | Step::Picked(_)
        | Step::Packed
        | Step::Shipped(_)
        | Step::Delivered(_)
        | Step::ReadyForPickup
        | Step::HandedOver(_)
        | Step::Substituted(_)
        | Step::Undelivered(..) => order.trim_wishes(number),
    }
}

/// What a step says beside moving units: what was picked instead, when it arrived, and who is not to be asked again.
fn note_beside(
    order: &mut Order,
    content: &OrderContent,
    id: OrderId,
    number: u16,
    step: &Step,
    at: Timestamp,
) {
    match step {
        Step::Substituted(lines) => work_mut(order, id, number).substituted.extend(lines.iter().cloned()),
        Step::Delivered(_) | Step::HandedOver(_) => work_mut(order, id, number).delivered_at = Some(at),
        Step::Shorted(lines) | Step::Rejected(lines) => {
            shun(order, content, id, number, lines.iter().map(|line| line.units.line));
        }
        Step::NotCollected(units) => {
            for units in units {
                work_mut(order, id, number).put_back(units.line, units.quantity);
            }
        }
        Step::Accepted
        | Step::PickStarted
        | Step::Picked(_)
        | Step::Packed
        | Step::Shipped(_)
        | Step::ReadyForPickup
        | Step::Undelivered(..) => {}
    }
}

/// The node of a fulfilment order is not asked for the goods of these lines again until its stock has changed.
pub(crate) fn shun(
    order: &mut Order,
    content: &OrderContent,
    id: OrderId,
    number: u16,
    lines: impl Iterator<Item = LineNo>,
) {
    let node = work_mut(order, id, number).node.clone();
    for line in lines {
        let line = ordered(content, line);
        let shunned = Shunned { sku: line.sku.clone(), owner: line.owner.clone(), node: node.clone() };
        if !order.shunned.contains(&shunned) {
            order.shunned.push(shunned);
        }
    }
}

/// Puts units that were taken out of `from` where the step brings them.
fn arrive(order: &mut Order, id: OrderId, number: u16, units: LineUnits, from: Place, step: &Step) {
    let LineUnits { line, quantity } = units;
    let bucket = match step {
        Step::Picked(_) => Bucket::Picked,
        Step::Shipped(_) => Bucket::Shipped,
        Step::Delivered(_) | Step::HandedOver(_) => Bucket::Delivered,
        Step::Shorted(_) | Step::Rejected(_) | Step::NotCollected(_) => Bucket::Open,
        Step::Undelivered(Undelivered::Lost, _) => Bucket::Lost,
        Step::Undelivered(Undelivered::Refused, _) => Bucket::Refused,
        Step::Undelivered(Undelivered::ReturnedToSender | Undelivered::RefusedBack, _) => {
            Bucket::ReturnedToSender
        }
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
        Bucket::Refused => there.refused = there.refused.plus(quantity),
        _ => {}
    }
}

/// How far the work is after a step.
fn next_state(work: &WorkRef, step: &Step) -> WorkState {
    let at_node = !work.at_node().is_zero();
    let any = |of: fn(&WorkUnits) -> Quantity| work.lines.iter().any(|units| !of(units).is_zero());
    let (on_the_way, arrived) = (any(|units| units.shipped), any(|units| units.delivered));
    let all_in_hand = at_node && work.to_pick_in_all().is_zero();
    match step {
        Step::Accepted => WorkState::Accepted,
        Step::PickStarted => WorkState::Picking,
        Step::Picked(_) if all_in_hand => WorkState::Picked,
        Step::Picked(_) => WorkState::Picking,
        Step::Shorted(_) if work.lines.is_empty() => WorkState::Shorted,
        Step::Shorted(_) if all_in_hand => WorkState::Picked,
        Step::Packed => WorkState::Packed,
        Step::Shipped(_) if !at_node => WorkState::Shipped,
        Step::Delivered(_) | Step::Undelivered(..) if !at_node && !on_the_way && arrived => {
            WorkState::Delivered
        }
        Step::Undelivered(..) if !at_node && !on_the_way => WorkState::Undelivered,
        Step::ReadyForPickup => WorkState::ReadyForPickup,
        Step::HandedOver(_) | Step::NotCollected(_) if !at_node && !on_the_way && arrived => {
            WorkState::HandedOver
        }
        Step::NotCollected(_) if !at_node && !on_the_way => WorkState::NotCollected,
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
