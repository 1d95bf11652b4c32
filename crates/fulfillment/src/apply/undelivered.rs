//! What became of parcels after they left: the customer has them, or they are lost, refused, or back at the node.

use super::{claims_by_home, expect_line, on_order, tell};
use crate::command::UndeliveredKind;
use crate::machine::Note;
use crate::state::{FulfillmentOrder, FulfillmentState, Package, WorkState, units};
use std::collections::BTreeMap;
use waybill_machine::{Context, Outbox};
use waybill_types::exchange::{LandedGoods, Landing, LineUnits, Message, Step, Undelivered};
use waybill_types::{FulfillmentOrderId, LineNo, Quantity, Text, Timestamp};

pub(super) fn delivered(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    parcels: &[Text],
    at: Timestamp,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let units = on_order(state, id, cx, |order| {
        let arrived = on_parcels(order, parcels, |package| package.delivered_at = Some(at));
        settle(order);
        arrived.iter().map(|(_, units)| *units).collect::<Vec<_>>()
    });
    tell(out, id, Step::Delivered(summed(&units)));
}

pub(super) fn undelivered(
    state: &mut FulfillmentState,
    id: FulfillmentOrderId,
    kind: UndeliveredKind,
    parcels: &[Text],
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let fate = match kind {
        UndeliveredKind::Lost => Undelivered::Lost,
        UndeliveredKind::Refused => Undelivered::Refused,
        UndeliveredKind::ReturnedToSender(_) => Undelivered::ReturnedToSender,
    };
    let before = state.expect_order(&id);
    let concerned = on_order(state, id, cx, |order| {
        let concerned = on_parcels(order, parcels, |package| package.undelivered = Some(fate));
        if let UndeliveredKind::ReturnedToSender(_) = kind {
            for (_, units) in &concerned {
                let index = expect_line(order, units.line);
                let progress = &mut order.progress[index];
                progress.returned = progress.returned.plus(units.quantity);
            }
        }
        settle(order);
        concerned
    });
    let of = |was: Option<Undelivered>| -> Vec<LineUnits> {
        let same = concerned.iter().filter(|(before, _)| *before == was).map(|(_, units)| *units);
        summed(&same.collect::<Vec<_>>())
    };
    let (from_the_road, after_refusal) = (of(None), of(Some(Undelivered::Refused)));
    if !from_the_road.is_empty() {
        tell(out, id, Step::Undelivered(fate, from_the_road));
    }
    if !after_refusal.is_empty() {
        tell(out, id, Step::Undelivered(Undelivered::RefusedBack, after_refusal));
    }
    if let UndeliveredKind::ReturnedToSender(landing) = kind {
        let back: Vec<LineUnits> = concerned.into_iter().map(|(_, units)| units).collect();
        land(state, &before, &summed(&back), landing, out);
    }
}

/// Goods that lie at the node again. What is thrown away is no stock.
fn land(
    state: &FulfillmentState,
    before: &FulfillmentOrder,
    back: &[LineUnits],
    landing: Landing,
    out: &mut Outbox<Note>,
) {
    if landing == Landing::Scrapped {
        return;
    }
    let goods = back.iter().flat_map(|units| {
        let index = expect_line(before, units.line);
        let progress = &before.progress[index];
        let goods = progress.goods(&before.work.lines[index].sku, progress.returned, units.quantity);
        goods.into_iter().map(|(sku, quantity)| (units.line, sku, quantity))
    });
    for (home, _, claims) in claims_by_home(state, before, goods) {
        let landed = claims.into_iter().map(|goods| LandedGoods { goods, landing }).collect();
        out.send(home, Message::GoodsLanded(before.work.id, landed));
    }
}

/// Changes the named parcels; says what is in them, with what had become of each before.
fn on_parcels(
    order: &mut FulfillmentOrder,
    parcels: &[Text],
    mut change: impl FnMut(&mut Package),
) -> Vec<(Option<Undelivered>, LineUnits)> {
    let name = order.state.name();
    let packages = match &mut order.state {
        WorkState::Shipped { packages, .. }
        | WorkState::Delivered { packages, .. }
        | WorkState::Undelivered { packages, .. } => packages,
        _ => panic!("parcels of {} are said to have left while it is {name}", order.work.id),
    };
    let mut found = Vec::new();
    for package in packages.iter_mut().filter(|package| parcels.contains(&package.parcel.number)) {
        found.extend(package.parcel.lines.iter().map(|units| (package.undelivered, *units)));
        change(package);
    }
    found
}

/// With no parcel on its way the work is delivered when any of them was, and undelivered otherwise.
fn settle(order: &mut FulfillmentOrder) {
    let WorkState::Shipped { packages, shipped_at } = &mut order.state else { return };
    if packages.iter().any(Package::is_under_way) {
        return;
    }
    let (packages, shipped_at) = (std::mem::take(packages), *shipped_at);
    order.state = if packages.iter().any(|package| package.delivered_at.is_some()) {
        WorkState::Delivered { packages, shipped_at }
    } else {
        WorkState::Undelivered { packages, shipped_at }
    };
}

/// Each line once.
fn summed(all: &[LineUnits]) -> Vec<LineUnits> {
    let mut sums: BTreeMap<LineNo, Quantity> = BTreeMap::new();
    for some in all {
        let sum = sums.entry(some.line).or_default();
        *sum = sum.plus(some.quantity);
    }
    units(sums.into_iter())
}
