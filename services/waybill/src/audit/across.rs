//! The laws that no partition can check alone.

use super::Report;
use super::part::{Books, FulfillmentPart, InventoryPart, OrdersPart, is_granted};
use std::collections::{BTreeMap, BTreeSet};
use waybill_inventory::Alias;
use waybill_machine::Violation;
use waybill_machine::record::decode;
use waybill_types::exchange::{Claim, Message};
use waybill_types::{NodeId, OrderId, OwnerId, PartitionId, Quantity, ReservationId, Sku};

/// ONCE-1 between partitions: nobody has applied a message that was never sent, nothing that a sender has put away is
/// still to be applied, and whatever is not put away is there to be sent again.
pub(super) fn messages_arrive_once(books: &[&Books], report: &mut Report) {
    let by_id: BTreeMap<PartitionId, &Books> = books.iter().map(|book| (book.id, *book)).collect();
    for book in books {
        let mut kept: BTreeMap<PartitionId, Vec<u64>> = BTreeMap::new();
        for (to, number, _) in &book.undelivered {
            kept.entry(*to).or_default().push(*number);
        }
        for (to, last, acknowledged) in &book.sent {
            report.checked("ONCE-1", 1);
            let mut broken = |what| report.violated(Violation { law: "ONCE-1", what });
            let kept = kept.remove(to).unwrap_or_default();
            if !(acknowledged + 1..=*last).eq(kept.iter().copied()) {
                let (from, count) = (book.id, kept.len());
                broken(format!(
                    "{from} keeps {count} messages to {to}, {acknowledged} of {last} are applied"
                ));
            }
            // A receiver in another process is not in this cut.
            let Some(receiver) = by_id.get(to) else { continue };
            let mark = receiver.received.get(&book.id).copied().unwrap_or(0);
            // It may be ahead of what the sender has heard.
            if !(*acknowledged..=*last).contains(&mark) {
                let from = book.id;
                broken(format!(
                    "{to} applied message {mark} of {from}, which knows of {acknowledged} to {last}"
                ));
            }
        }
    }
}

/// What messages under way speak of: its two sides may differ until they arrive.
#[derive(Default)]
pub(super) struct Moving {
    orders: BTreeSet<OrderId>,
    reservations: BTreeSet<ReservationId>,
}

impl Moving {
    pub(super) fn of(books: &[&Books]) -> Self {
        let by_id: BTreeMap<PartitionId, &Books> = books.iter().map(|book| (book.id, *book)).collect();
        let mut moving = Self::default();
        for book in books {
            for (to, number, bytes) in &book.undelivered {
                let mark =
                    by_id.get(to).and_then(|receiver| receiver.received.get(&book.id)).copied().unwrap_or(0);
                if *number > mark
                    && let Ok(message) = decode::<Message>(bytes)
                {
                    moving.note(&message);
                }
            }
        }
        moving
    }

    fn note(&mut self, message: &Message) {
        match message {
            Message::Reserve(request) => self.reservation(request.id),
            Message::ReservePart(part) => self.reservation(part.request.id),
            Message::Release(id, _)
            | Message::Reserved(id, _)
            | Message::PartsDecided(id, _)
            | Message::Settle(id, _)
            | Message::Abandon(id)
            | Message::AskHome(id, _)
            | Message::Consume(id, _)
            | Message::NotFound(id, _) => self.reservation(*id),
            Message::AdoptHold(id, order) | Message::HoldAnswered(id, order, _) => {
                self.reservation(*id);
                self.orders.insert(*order);
            }
            Message::AwaitStock { order, .. }
            | Message::ForgetStock(order, ..)
            | Message::StockArrived(order, ..) => {
                self.orders.insert(*order);
            }
            Message::AssignWork(work) => {
                self.orders.insert(work.order);
            }
            Message::ReleaseWork(id)
            | Message::CancelWork { id, .. }
            | Message::WorkPlanned(id)
            | Message::WorkRefused(id, _)
            | Message::WorkProgress(id, _)
            | Message::WorkCancelled { id, .. } => {
                self.orders.insert(id.order);
            }
            Message::Seize(id, _) => self.reservation(*id),
            Message::GoodsReturned(order, ..) => {
                self.orders.insert(*order);
            }
            Message::GoodsLanded(id, _) => {
                self.orders.insert(id.order);
            }
            Message::NodeOpened(_) | Message::NodeChanged(_) | Message::OrderPolicyChanged(..) => {}
        }
    }

    fn reservation(&mut self, id: ReservationId) {
        self.reservations.insert(id);
        if let ReservationId::Order { order, .. } = id {
            self.orders.insert(order);
        }
    }

    fn has(&self, id: ReservationId, order: Option<OrderId>) -> bool {
        self.reservations.contains(&id) || order.is_some_and(|order| self.orders.contains(&order))
    }
}

type Spot = (ReservationId, Sku, OwnerId, NodeId);

fn spot(id: ReservationId, claim: &Claim) -> Spot {
    (id, claim.sku.clone(), claim.owner.clone(), claim.node.clone())
}

/// ITEM-1: no code is of two items, whatever partitions they lie in.
pub(super) fn codes_are_of_one_item(inventory: &[InventoryPart], report: &mut Report) {
    let mut items: BTreeMap<&Alias, &Sku> = BTreeMap::new();
    for (alias, sku) in inventory.iter().flat_map(|part| &part.codes) {
        report.checked("ITEM-1", 1);
        if let Some(other) = items.insert(alias, sku) {
            let what = format!("{} {} is of item {other} and of item {sku}", alias.kind, alias.value);
            report.violated(Violation { law: "ITEM-1", what });
        }
    }
}

/// STOCK-3: every live claim belongs to an open order that knows of it (or to a checkout's hold), and every claim an
/// order believes in stands.
pub(super) fn reservations_belong_to_orders(
    orders: &[OrdersPart],
    inventory: &[InventoryPart],
    moving: &Moving,
    report: &mut Report,
) {
    let mut believed: BTreeMap<Spot, (Quantity, OrderId)> = BTreeMap::new();
    let mut asked: BTreeSet<ReservationId> = BTreeSet::new();
    for (order, live) in orders.iter().flat_map(|part| &part.claims) {
        if !is_granted(live) {
            asked.insert(live.reservation);
        }
        for claim in live.claims.iter().filter(|_| is_granted(live)) {
            let sum = believed.entry(spot(live.reservation, claim)).or_insert((Quantity::ZERO, *order));
            sum.0 = sum.0.plus(claim.quantity);
        }
    }
    let mut standing: BTreeMap<Spot, (Quantity, Option<OrderId>)> = BTreeMap::new();
    for (id, order, claim) in inventory.iter().flat_map(|part| &part.claims) {
        let sum = standing.entry(spot(*id, claim)).or_insert((Quantity::ZERO, *order));
        sum.0 = sum.0.plus(claim.quantity);
    }
    let spots: BTreeSet<&Spot> = believed.keys().chain(standing.keys()).collect();
    for spot in spots {
        let (stands, order) = standing.get(spot).copied().unwrap_or_default();
        let (believes, believer) = believed.get(spot).copied().unzip();
        let believes = believes.unwrap_or_default();
        // Of a hold that an order took over and of which nothing stands any more only the order knows whose it was.
        let order = order.or(believer).or(match spot.0 {
            ReservationId::Order { order, .. } => Some(order),
            ReservationId::Hold { .. } => None,
        });
        let of_a_checkout = order.is_none() && believes.is_zero();
        if of_a_checkout || asked.contains(&spot.0) || moving.has(spot.0, order) {
            continue;
        }
        report.checked("STOCK-3", 1);
        if stands != believes {
            let (id, sku, owner, node) = spot;
            let what = format!(
                "{id}: {stands} of {sku} ({owner}) stand at {node}, the order believes in {believes}"
            );
            report.violated(Violation { law: "STOCK-3", what });
        }
    }
}

/// FULFIL-1: units on open fulfilment orders are the units the order thinks its nodes have.
pub(super) fn nodes_have_what_orders_think(
    orders: &[OrdersPart],
    fulfillment: &[FulfillmentPart],
    moving: &Moving,
    report: &mut Report,
) {
    let mut units: BTreeMap<_, (Quantity, Quantity)> = BTreeMap::new();
    for (key, quantity) in orders.iter().flat_map(|part| &part.at_nodes) {
        units.entry(*key).or_default().0 = *quantity;
    }
    for (key, quantity) in fulfillment.iter().flat_map(|part| &part.at_nodes) {
        units.entry(*key).or_default().1 = *quantity;
    }
    for ((work, line), (thought, had)) in units {
        if moving.orders.contains(&work.order) {
            continue;
        }
        report.checked("FULFIL-1", 1);
        if thought != had {
            let what = format!("{work} line {}: the order thinks {thought}, the node has {had}", line.0);
            report.violated(Violation { law: "FULFIL-1", what });
        }
    }
}
