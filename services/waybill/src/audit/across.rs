//! The laws that no partition can check alone.

use super::Report;
use super::part::{Books, FulfillmentPart, InventoryPart, OrdersPart, is_granted};
use std::collections::{BTreeMap, BTreeSet};
use waybill_journal::{Journal, LogId};
use waybill_machine::Violation;
use waybill_machine::record::decode;
use waybill_types::exchange::{Claim, Message};
use waybill_types::{Layout, NodeId, OrderId, OwnerId, PartitionId, Quantity, ReservationId, Service, Sku};

/// ONCE-1 between partitions: nobody has applied a message that was never sent, and nothing sent has been skipped.
pub(super) fn messages_arrive_once(books: &[&Books], report: &mut Report) {
    let by_id: BTreeMap<PartitionId, &Books> = books.iter().map(|book| (book.id, *book)).collect();
    for book in books {
        let mut lanes: BTreeMap<PartitionId, (u64, u64)> = BTreeMap::new();
        for (to, number, _) in &book.undelivered {
            let lane = lanes.entry(*to).or_insert((*number, *number));
            lane.1 = *number;
        }
        for (to, (first, last)) in lanes {
            let Some(receiver) = by_id.get(&to) else { continue };
            let mark = receiver.received.get(&book.id).copied().unwrap_or(0);
            report.checked("ONCE-1", 1);
            // The receiver may be ahead of what the sender has heard, never ahead of what was sent, never behind
            // what the sender has put away.
            if mark + 1 < first || mark > last {
                let what =
                    format!("{to} applied message {mark} of {}, which keeps {first} to {last}", book.id);
                report.violated(Violation { law: "ONCE-1", what });
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
            | Message::CancelWork(id, _)
            | Message::WorkPlanned(id)
            | Message::WorkRefused(id, _)
            | Message::WorkProgress(id, _)
            | Message::WorkCancelled { id, .. } => {
                self.orders.insert(id.order);
            }
            Message::NodeChanged(_) => {}
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

/// STOCK-3: every live claim belongs to an open order that knows of it (or to a checkout's hold), and every claim an
/// order believes in stands.
pub(super) fn reservations_belong_to_orders(
    orders: &[OrdersPart],
    inventory: &[InventoryPart],
    moving: &Moving,
    report: &mut Report,
) {
    let mut believed: BTreeMap<Spot, Quantity> = BTreeMap::new();
    let mut asked: BTreeSet<ReservationId> = BTreeSet::new();
    for (_, live) in orders.iter().flat_map(|part| &part.claims) {
        if !is_granted(live) {
            asked.insert(live.reservation);
        }
        for claim in live.claims.iter().filter(|_| is_granted(live)) {
            let sum = believed.entry(spot(live.reservation, claim)).or_default();
            *sum = sum.plus(claim.quantity);
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
        let believes = believed.get(spot).copied().unwrap_or_default();
        let order = order.or(match spot.0 {
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

/// DURABLE-1, as far as one machine can show it: every kept frame reads back, dense and chained.
pub(super) fn journal_reads_back(journal: &dyn Journal, layout: Layout, report: &mut Report) {
    let stats = journal.stats();
    for id in Service::ALL.into_iter().flat_map(|service| layout.partitions(service)) {
        let log = LogId(id.number());
        let Some(kept) = stats.logs.get(&log) else { continue };
        let mut next = kept.oldest;
        while next <= kept.head {
            match journal.read(log, next, 4 << 20) {
                Ok(frames) => {
                    report.checked("DURABLE-1", frames.len() as u64);
                    match frames.last() {
                        Some(last) => next = last.seq + 1,
                        None => {
                            let what =
                                format!("{id}: the journal ends at {}, not at {}", next - 1, kept.head);
                            report.violated(Violation { law: "DURABLE-1", what });
                            break;
                        }
                    }
                }
                // Trimmed while we read: what is gone is behind a checkpoint.
                Err(waybill_journal::Error::Trimmed { oldest, .. }) if oldest > next => next = oldest,
                Err(error) => {
                    report.violated(Violation { law: "DURABLE-1", what: format!("{id}: {error}") });
                    break;
                }
            }
        }
    }
}
