//! What the node did: the state moves on, orders hears of it, and stock that left or was not found is told to inventory.

use super::work::{close, on_capacity};
use super::{on_order, tell};
use crate::command::RejectKind;
use crate::event::{PickedLine, ShortedLine};
use crate::machine::Note;
use crate::state::{FulfillmentOrder, FulfillmentState, Package, WorkState, units};
use std::collections::BTreeMap;
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{Claim, LineUnits, Message, Step, StepLine};
use waybill_types::{FulfillmentOrderId, LineNo, PartitionId, Quantity, ReservationId, Text, Timestamp};

pub(super) fn accepted(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    on_order(state, id, cx, |order| order.state = WorkState::Accepted);
    tell(out, id, Step::Accepted);
}

pub(super) fn picking_started(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    on_order(state, id, cx, |order| order.state = WorkState::Picking);
    tell(out, id, Step::PickStarted);
}

/// Orders releases the stock and plans the units elsewhere.
pub(super) fn rejected(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    kind: RejectKind,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let order = on_order(state, id, cx, |order| {
        order.state = WorkState::Rejected { kind, reason: cx.origin.reason.clone() };
        order.clone()
    });
    let freed = order.capacity_units();
    on_capacity(state, &order, |capacity| capacity.taken -= freed);
    close(state, &order);
    let given_up = units(order.lines().map(|(line, progress)| (line.line, progress.live(line.quantity))));
    let reason = because(kind.name(), cx);
    let lines = given_up.into_iter().map(|units| StepLine { units, reason: reason.clone() }).collect();
    tell(out, id, Step::Rejected(lines));
}

/// What was not found is given up here and corrected at the position; orders plans it elsewhere.
pub(super) fn picked(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    picked: &[PickedLine],
    shorted: &[ShortedLine],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let before = state.expect_order(&id).capacity_units();
    let order = on_order(state, id, cx, |order| {
        for line in picked {
            let index = expect_line(order, line.line);
            let progress = &mut order.progress[index];
            progress.picked = progress.picked.plus(line.quantity);
            progress.lots.clone_from(&line.lots);
            progress.serials.clone_from(&line.serials);
        }
        for line in shorted {
            let index = expect_line(order, line.line);
            let progress = &mut order.progress[index];
            progress.shorted = progress.shorted.plus(line.quantity);
        }
        order.state = if picked.is_empty() {
            WorkState::Shorted { reason: cx.origin.reason.clone() }
        } else {
            WorkState::Picked
        };
        order.clone()
    });
    let freed = before - order.capacity_units();
    on_capacity(state, &order, |capacity| capacity.taken -= freed);
    if !order.state.is_open() {
        close(state, &order);
    }
    if !picked.is_empty() {
        tell(out, id, Step::Picked(units(picked.iter().map(|line| (line.line, line.quantity)))));
    }
    if !shorted.is_empty() {
        let lines = shorted.iter().map(|line| StepLine {
            units: LineUnits { line: line.line, quantity: line.quantity },
            reason: because(line.kind.name(), cx),
        });
        tell(out, id, Step::Shorted(lines.collect()));
        let missing = shorted.iter().map(|line| (line.line, line.quantity));
        for (home, reservation, claims) in claims_by_home(state, &order, missing) {
            out.send(home, Message::NotFound(reservation, claims));
        }
    }
}

pub(super) fn packed(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    packages: &[Package],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    on_order(state, id, cx, |order| order.state = WorkState::Packed { packages: packages.to_vec() });
    tell(out, id, Step::Packed);
}

pub(super) fn shipped(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    packages: &[Package],
    shipped_at: Timestamp,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let order = on_order(state, id, cx, |order| {
        order.state = WorkState::Shipped { packages: packages.to_vec(), shipped_at };
        order.clone()
    });
    tell(out, id, Step::Shipped(packages.iter().map(|package| package.parcel.clone()).collect()));
    leave(state, &order, out);
}

pub(super) fn made_ready(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    shelf: &Text,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    on_order(state, id, cx, |order| {
        let packages = order.state.packages().to_vec();
        order.state = WorkState::ReadyForPickup { packages, shelf: shelf.clone() };
    });
    tell(out, id, Step::ReadyForPickup);
}

pub(super) fn handed_over(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    proof: &Text,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let order = on_order(state, id, cx, |order| {
        let packages = order.state.packages().to_vec();
        order.state = WorkState::HandedOver { packages, proof: proof.clone() };
        order.clone()
    });
    tell(out, id, Step::HandedOver(order.picked()));
    leave(state, &order, out);
}

pub(super) fn delivered(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    parcels: &[Text],
    at: Timestamp,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let units = on_order(state, id, cx, |order| {
        let WorkState::Shipped { packages, shipped_at } = &mut order.state else {
            panic!("parcels of {id} were delivered while it was {}", order.state.name());
        };
        let mut arrived: BTreeMap<LineNo, Quantity> = BTreeMap::new();
        for package in packages.iter_mut().filter(|package| parcels.contains(&package.parcel.number)) {
            package.delivered_at = Some(at);
            for units in &package.parcel.lines {
                let sum = arrived.entry(units.line).or_default();
                *sum = sum.plus(units.quantity);
            }
        }
        if packages.iter().all(|package| package.delivered_at.is_some()) {
            let (packages, shipped_at) = (std::mem::take(packages), *shipped_at);
            order.state = WorkState::Delivered { packages, shipped_at };
        }
        units(arrived.into_iter())
    });
    tell(out, id, Step::Delivered(units));
}

/// The goods are gone: capacity is used for good and the claims on stock are consumed.
fn leave(state: &mut FulfillmentState, order: &FulfillmentOrder, out: &mut Outbox<Note>) {
    state.orders.update(&order.work.id, |order| {
        for progress in &mut order.progress {
            progress.shipped = progress.picked;
        }
    });
    let units = order.capacity_units();
    on_capacity(state, order, |capacity| {
        capacity.taken -= units;
        capacity.used += units;
    });
    close(state, order);
    let gone = order.picked().into_iter().map(|units| (units.line, units.quantity));
    for (home, reservation, claims) in claims_by_home(state, order, gone) {
        out.send(home, Message::Consume(reservation, claims));
    }
}

/// The claims behind units of lines: grouped by the partition of the SKU and the reservation, lines of one SKU summed.
fn claims_by_home(
    state: &FulfillmentState,
    order: &FulfillmentOrder,
    lines: impl Iterator<Item = (LineNo, Quantity)>,
) -> Vec<(PartitionId, ReservationId, Vec<Claim>)> {
    let mut groups: BTreeMap<(PartitionId, ReservationId), Vec<Claim>> = BTreeMap::new();
    for (line, quantity) in lines {
        let line = &order.work.lines[expect_line(order, line)];
        let claims = groups.entry((state.layout.sku_home(&line.sku), line.reservation)).or_default();
        match claims.iter_mut().find(|claim| claim.sku == line.sku && claim.owner == line.owner) {
            Some(claim) => claim.quantity = claim.quantity.plus(quantity),
            None => {
                let node = order.work.node.clone();
                claims.push(Claim { sku: line.sku.clone(), owner: line.owner.clone(), node, quantity });
            }
        }
    }
    groups.into_iter().map(|((home, reservation), claims)| (home, reservation, claims)).collect()
}

fn expect_line(order: &FulfillmentOrder, line: LineNo) -> usize {
    order.index_of(line).unwrap_or_else(|| panic!("{} has no line {line:?}", order.work.id))
}

/// The kind of reason, and the node's own words where there are any.
fn because(kind: &str, cx: &Context<'_>) -> Text {
    let words = cx.origin.reason.as_str();
    let text = if words.is_empty() { kind.to_owned() } else { format!("{kind}: {words}") };
    Text::new(&text).unwrap_or_else(|error| panic!("a reason of at most 200 bytes is text: {error}"))
}
