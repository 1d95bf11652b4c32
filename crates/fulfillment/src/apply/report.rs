//! What the node did, up to the parcel that leaves: the state moves on, orders hears of it, and stock that left or was not
//! found is told to inventory.

use super::{claims_by_home, expect_line, on_order, tell};
use crate::command::RejectKind;
use crate::event::{PickedLine, ShortedLine};
use crate::machine::Note;
use crate::state::{Ask, FulfillmentOrder, FulfillmentState, Package, Substitute, WorkState, units};
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{LineUnits, Message, Step, StepLine, Substituted};
use waybill_types::{FulfillmentOrderId, LineNo, Text, Timestamp};

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
    let given_up = on_order(state, id, cx, |order| {
        order.state = WorkState::Rejected { kind, reason: cx.origin.reason.clone() };
        units(order.lines().map(|(line, progress)| (line.line, progress.live(line.quantity))))
    });
    let reason = because(kind.name(), cx);
    let lines = given_up.into_iter().map(|units| StepLine { units, reason: reason.clone() }).collect();
    tell(out, id, Step::Rejected(lines));
}

/// What was not found is given up here and corrected at the position; orders plans it elsewhere. Substitutes are claimed
/// at once: they are in somebody's hand.
pub(super) fn picked(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    picked: &[PickedLine],
    shorted: &[ShortedLine],
    substituted: &[Substituted],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    on_order(state, id, cx, |order| {
        for line in picked {
            let index = expect_line(order, line.line);
            let progress = &mut order.progress[index];
            progress.picked = progress.picked.plus(line.quantity);
            progress.lots.clone_from(&line.lots);
            progress.serials.clone_from(&line.serials);
        }
        for line in substituted {
            let index = expect_line(order, line.units.line);
            let (sku, quantity) = (line.sku.clone(), line.units.quantity);
            order.progress[index].substitutes.push(Substitute { sku, quantity });
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
    });
    if !substituted.is_empty() {
        tell(out, id, Step::Substituted(substituted.to_vec()));
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
    }
    let order = state.expect_order(&id);
    let own = |line: LineNo| order.work.lines[expect_line(&order, line)].sku.clone();
    let not_found = shorted.iter().map(|line| (line.line, own(line.line), line.quantity));
    let instead = substituted.iter().map(|some| (some.units.line, own(some.units.line), some.units.quantity));
    for (home, reservation, claims) in claims_by_home(state, &order, not_found.chain(instead)) {
        out.send(home, Message::NotFound(reservation, claims));
    }
    let seized = substituted.iter().map(|some| (some.units.line, some.sku.clone(), some.units.quantity));
    for (home, reservation, claims) in claims_by_home(state, &order, seized) {
        out.send(home, Message::Seize(reservation, claims));
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

/// The goods are gone: capacity is used for good, the claims on stock are consumed, and cancels of them are too late.
pub(super) fn shipped(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    packages: &[Package],
    shipped_at: Timestamp,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let left = state.expect_order(&id).in_hand();
    tell(out, id, Step::Shipped(packages.iter().map(|package| package.parcel.clone()).collect()));
    consume(state, id, &left, out);
    let asks = on_order(state, id, cx, |order| {
        order.state = WorkState::Shipped { packages: packages.to_vec(), shipped_at };
        leave(order, &left);
        std::mem::take(&mut order.asks)
    });
    for ask in asks {
        too_late(id, ask, out);
    }
}

/// A cancel that the node was asked about is too late.
pub(super) fn too_late(id: FulfillmentOrderId, ask: Ask, out: &mut Outbox<Note>) {
    let (stopped, too_late, asked) = (Vec::new(), ask.units, Vec::new());
    out.send(
        id.order.partition(),
        Message::WorkCancelled { id, stopped, too_late, recall: ask.recall, asked },
    );
}

/// Units in hand leave the node.
pub(super) fn leave(order: &mut FulfillmentOrder, left: &[LineUnits]) {
    for units in left {
        let index = expect_line(order, units.line);
        let progress = &mut order.progress[index];
        progress.shipped = progress.shipped.plus(units.quantity);
    }
}

/// The claims of units that are about to leave are consumed: of what was really picked.
pub(super) fn consume(
    state: &FulfillmentState,
    id: FulfillmentOrderId,
    left: &[LineUnits],
    out: &mut Outbox<Note>,
) {
    let order = state.expect_order(&id);
    let goods = left.iter().flat_map(|units| {
        let index = expect_line(&order, units.line);
        let progress = &order.progress[index];
        let goods = progress.goods(&order.work.lines[index].sku, progress.shipped, units.quantity);
        goods.into_iter().map(|(sku, quantity)| (units.line, sku, quantity))
    });
    for (home, reservation, claims) in claims_by_home(state, &order, goods) {
        out.send(home, Message::Consume(reservation, claims));
    }
}

/// The kind of reason, and the node's own words where there are any.
fn because(kind: &str, cx: &Context<'_>) -> Text {
    let words = cx.origin.reason.as_str();
    let text = if words.is_empty() { kind.to_owned() } else { format!("{kind}: {words}") };
    Text::new(&text).unwrap_or_else(|error| panic!("a reason of at most 200 bytes is text: {error}"))
}
