//! The laws one fulfilment partition can check alone. Tests call them after every step, audits on a durable cut.

use crate::state::{Capacity, FulfillmentOrder, FulfillmentState, Whereabouts, WorkState, key_day};
use std::collections::{BTreeMap, BTreeSet};
use waybill_machine::Violation;
use waybill_types::{FulfillmentOrderId, LineNo, NodeId, OrderId, Quantity};

/// Units of one line on a node's open fulfilment order: this partition's half of FULFIL-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenUnits {
    /// The order.
    pub order: OrderId,
    /// Its fulfilment order.
    pub id: FulfillmentOrderId,
    /// Its line.
    pub line: LineNo,
    /// Units that are this node's work: in hand or still to be picked.
    pub units: Quantity,
    /// Those of them that are in hand.
    pub picked: Quantity,
}

/// Calls `visit` for every line of every open fulfilment order, to be compared with what orders thinks (FULFIL-1).
pub fn open_units(state: &FulfillmentState, mut visit: impl FnMut(OpenUnits)) {
    state.open.for_each(|_, id| {
        let order = state.expect_order(id);
        for (line, progress) in order.lines() {
            let units = progress.live(line.quantity).saturating_sub(progress.shipped);
            let order = order.work.order;
            visit(OpenUnits { order, id: *id, line: line.line, units, picked: progress.in_hand() });
        }
    });
}

pub(crate) fn audit(state: &FulfillmentState, checked: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation> {
    let mut violations = Vec::new();
    checked("FULFIL-2", instructions_are_dense_and_rising(state, &mut violations));
    checked("FULFIL-2", desks_have_told_their_work(state, &mut violations));
    checked("FULFIL-1", units_have_one_fate(state, &mut violations));
    checked("FULFIL-1", asks_are_of_what_is_in_hand(state, &mut violations));
    checked("CAPACITY-1", capacity_is_the_sum_of_work(state, &mut violations));
    violations
}

/// FULFIL-2: what a node has not acknowledged is there without a gap, and the revisions of one fulfilment order rise
/// along it; nothing that was called off has left the node.
fn instructions_are_dense_and_rising(state: &FulfillmentState, violations: &mut Vec<Violation>) -> u64 {
    const LAW: &str = "FULFIL-2";
    let mut broken = |what: String| violations.push(Violation { law: LAW, what });
    let mut count = 0;
    let mut next: BTreeMap<NodeId, u64> = BTreeMap::new();
    let mut revisions: BTreeMap<FulfillmentOrderId, u64> = BTreeMap::new();
    state.desks.for_each(|node, desk| {
        if desk.acknowledged > desk.last_instruction {
            broken(format!("{node} acknowledged {} of {}", desk.acknowledged, desk.last_instruction));
        }
        next.insert(node, desk.acknowledged + 1);
    });
    state.instructions.for_each(|(node, number), row| {
        count += 1;
        let expected = next.entry(node.clone()).or_default();
        if *expected != number {
            broken(format!("{node} has instruction {number} where {expected} is due"));
        }
        *expected = number + 1;
        let before = revisions.insert(row.id, row.revision).unwrap_or(0);
        if row.revision <= before {
            broken(format!("{} states revision {} after {before} to {node}", row.id, row.revision));
        }
    });
    state.desks.for_each(|node, desk| {
        let expected = next.get(&node).copied().unwrap_or(0);
        if expected != desk.last_instruction + 1 {
            broken(format!(
                "{node} was told {} instructions, the last kept is {}",
                desk.last_instruction,
                expected - 1
            ));
        }
    });
    count
}

/// FULFIL-2, of what was acknowledged and is not kept: the work still knows the number of its last instruction. At each
/// node these numbers are different ones, none is beyond the newest, the newest is among them, and all released work has
/// one. So no instruction was given twice, none is about nothing, and no work was released without.
fn desks_have_told_their_work(state: &FulfillmentState, violations: &mut Vec<Violation>) -> u64 {
    const LAW: &str = "FULFIL-2";
    let mut broken = |what: String| violations.push(Violation { law: LAW, what });
    let mut count = 0;
    let mut nodes: BTreeMap<NodeId, (u64, Vec<u64>)> = BTreeMap::new();
    state.orders.for_each(|id, order| {
        count += 1;
        let (works, told) = nodes.entry(order.work.node.clone()).or_default();
        *works += 1;
        told.extend(Some(order.last_instruction).filter(|number| *number > 0));
        let wrong = match (&order.state, order.last_instruction) {
            (WorkState::Planned, 1..) => Some("has an instruction"),
            // Work that is cancelled before its release is never told.
            (WorkState::Planned | WorkState::Cancelled { .. }, _) | (_, 1..) => None,
            (_, 0) => Some("has no instruction"),
        };
        if let Some(wrong) = wrong {
            broken(format!("{id} is {} and {wrong}", order.state.name()));
        }
    });
    state.desks.for_each(|node, desk| {
        let (works, mut told) = nodes.remove(&node).unwrap_or_default();
        if works != desk.last_work {
            broken(format!("{node} was given {} pieces of work, {works} are kept", desk.last_work));
        }
        told.sort_unstable();
        let newest = told.last().copied().unwrap_or(0);
        if newest != desk.last_instruction {
            broken(format!("{node} was told {}, the newest of its work is {newest}", desk.last_instruction));
        }
        for pair in told.windows(2).filter(|pair| pair[0] == pair[1]) {
            broken(format!("{node} was told {} about two pieces of work", pair[0]));
        }
    });
    for node in nodes.keys() {
        broken(format!("{node} has work and no desk"));
    }
    count
}

/// The local half of FULFIL-1: every unit asked of a node has at most one fate, in line with the state; the index of
/// open work names exactly the open work.
fn units_have_one_fate(state: &FulfillmentState, violations: &mut Vec<Violation>) -> u64 {
    const LAW: &str = "FULFIL-1";
    let mut broken = |what: String| violations.push(Violation { law: LAW, what });
    let mut count = 0;
    state.orders.for_each(|id, order| {
        count += 1;
        let listed = state.open.get(&(order.work.node.clone(), order.number));
        if listed.is_some() != order.state.is_open() || listed.is_some_and(|listed| *listed != id) {
            broken(format!("{id} is {} and its place among open work disagrees", order.state.name()));
        }
        if state.history.get(&(order.work.node.clone(), order.number)).as_deref() != Some(&id) {
            broken(format!("{id} is not work {} of {}", order.number, order.work.node));
        }
        for (index, (line, progress)) in order.lines().enumerate() {
            if let Some(why) = wrong_fate(order, index) {
                broken(format!("{id} ({}) line {}: {why}: {progress:?}", order.state.name(), line.line.0));
            }
        }
    });
    count
}

fn wrong_fate(order: &FulfillmentOrder, index: usize) -> Option<&'static str> {
    let (asked, progress) = (order.work.lines[index].quantity, &order.progress[index]);
    let live = progress.live(asked);
    if progress.shorted.plus(progress.cancelled).plus(live) != asked {
        return Some("more units were shorted and cancelled than asked");
    }
    let has_left = match (&order.state, order.state.whereabouts()) {
        (_, Whereabouts::Gone) => progress.shipped == progress.picked,
        (WorkState::ReadyForPickup { .. }, _) => progress.shipped <= progress.picked,
        (_, Whereabouts::Unpicked | Whereabouts::InHand | Whereabouts::CalledOff) => {
            progress.shipped.is_zero()
        }
    };
    if !has_left {
        return Some("units left the node that the state does not know of");
    }
    let instead: Quantity = progress.substitutes.iter().map(|some| some.quantity).sum();
    if instead > progress.picked || progress.returned > progress.shipped {
        return Some("more units are substitutes, or came back, than there are");
    }
    let ended_empty = matches!(
        order.state,
        WorkState::Cancelled { .. } | WorkState::Shorted { .. } | WorkState::NotCollected { .. }
    );
    match order.state.whereabouts() {
        Whereabouts::Unpicked | Whereabouts::CalledOff if !progress.picked.is_zero() => {
            Some("units are in hand")
        }
        Whereabouts::CalledOff if ended_empty && !live.is_zero() => Some("units are left"),
        Whereabouts::InHand | Whereabouts::Gone if progress.picked != live => {
            Some("units are neither picked nor short")
        }
        Whereabouts::Unpicked | Whereabouts::InHand | Whereabouts::Gone | Whereabouts::CalledOff => None,
    }
}

/// Nobody is asked to put back what is not in hand, and whatever is due by itself has its timer.
fn asks_are_of_what_is_in_hand(state: &FulfillmentState, violations: &mut Vec<Violation>) -> u64 {
    let mut broken = |what: String| violations.push(Violation { law: "FULFIL-1", what });
    let mut count = 0;
    let mut due = BTreeSet::new();
    state.orders.for_each(|id, order| {
        count += 1;
        due.extend(order.due().map(|at| (at, id)));
        for (line, progress) in order.lines() {
            let in_hand = match order.state.whereabouts() {
                Whereabouts::InHand => progress.in_hand(),
                Whereabouts::Unpicked | Whereabouts::Gone | Whereabouts::CalledOff => Quantity::ZERO,
            };
            let asked = order.asked(line.line);
            if asked > in_hand {
                let (line, state) = (line.line.0, order.state.name());
                broken(format!("{id} ({state}) line {line}: {asked} units asked back, {in_hand} in hand"));
            }
        }
    });
    let listed: BTreeSet<_> = state.timers.all().into_iter().map(|(key, _)| key).collect();
    if due != listed {
        broken(format!("due are {due:?}, listed are {listed:?}"));
    }
    count
}

/// What is taken and used of each node's day is the sum over its work, and more than the limit only where the limit
/// was lowered later.
fn capacity_is_the_sum_of_work(state: &FulfillmentState, violations: &mut Vec<Violation>) -> u64 {
    let mut sums: BTreeMap<(NodeId, u32), Capacity> = BTreeMap::new();
    state.orders.for_each(|_, order| {
        let day = crate::state::day_key(order.capacity_day());
        let sum = sums.entry((order.work.node.clone(), day)).or_default();
        sum.taken += order.taken_units();
        sum.used += order.used_units();
    });
    let mut count = 0;
    state.capacity.for_each(|(node, day), row| {
        count += 1;
        let sum = sums.remove(&(node.clone(), day)).unwrap_or_default();
        // Whether some was wanted is no sum of anything.
        let sum = Capacity { wanted: row.wanted, ..sum };
        if sum != *row {
            let what = format!("{node} on day {}: {row:?} is kept, work sums to {sum:?}", key_day(day).0);
            violations.push(Violation { law: "CAPACITY-1", what });
        }
    });
    for ((node, day), sum) in sums {
        let what = format!("{node} on day {}: nothing is kept, work sums to {sum:?}", key_day(day).0);
        violations.push(Violation { law: "CAPACITY-1", what });
    }
    count
}
