//! What one partition contributes to an audit: its own laws, its messages, and its half of the laws across partitions.

use std::collections::BTreeMap;
use waybill_fulfillment::Fulfillment;
use waybill_inventory::read::{each_code, each_live_claim};
use waybill_inventory::reservation::Standing;
use waybill_inventory::{Alias, Inventory};
use waybill_machine::{Machine, Violation};
use waybill_orders::Orders;
use waybill_orders::invariants::{Certainty, LiveClaims, at_nodes, live_claims};
use waybill_replica::Core;
use waybill_types::exchange::Claim;
use waybill_types::{
    FulfillmentOrderId, LineNo, OrderId, PartitionId, Quantity, ReservationId, Service, Sku,
};

/// What every partition has: its own laws and its messages.
pub struct Books {
    /// Which partition.
    pub id: PartitionId,
    /// What it checked alone.
    pub laws: Vec<(&'static str, u64)>,
    /// What it found alone.
    pub violations: Vec<Violation>,
    /// Messages it has not heard to be applied.
    pub undelivered: Vec<(PartitionId, u64, Vec<u8>)>,
    /// Per receiver: the last message sent, and the last one it has heard to be applied.
    pub sent: Vec<(PartitionId, u64, u64)>,
    /// The highest message applied, per sender.
    pub received: BTreeMap<PartitionId, u64>,
}

impl Books {
    /// Looks at one partition.
    pub fn of<M: Machine>(core: &Core<M>) -> Self {
        let mut laws = Vec::new();
        let violations = M::audit(core.state(), &mut |law, count| laws.push((law, count)));
        let everybody = Service::ALL.into_iter().flat_map(|service| core.layout().partitions(service));
        let received =
            everybody.map(|from| (from, core.received(from))).filter(|(_, mark)| *mark > 0).collect();
        let (undelivered, sent) = (core.undelivered(), core.sent());
        Self { id: core.id(), laws, violations, undelivered, sent, received }
    }
}

/// An orders partition's contribution.
pub struct OrdersPart {
    /// What every partition has.
    pub books: Books,
    /// What open orders believe to have reserved.
    pub claims: Vec<(OrderId, LiveClaims)>,
    /// Units that orders believe to be with nodes, per fulfilment order and line.
    pub at_nodes: BTreeMap<(FulfillmentOrderId, LineNo), Quantity>,
}

impl OrdersPart {
    /// Looks at one partition.
    pub fn look(core: &Core<Orders>) -> Self {
        let books = Books::of(core);
        let (mut claims, mut at) = (Vec::new(), BTreeMap::new());
        core.state().for_each_open(|id, content, order| {
            claims.extend(live_claims(content, order).into_iter().map(|live| (id, live)));
            for (work, lines) in at_nodes(order) {
                at.extend(lines.into_iter().map(|units| ((work, units.line), units.quantity)));
            }
        });
        Self { books, claims, at_nodes: at }
    }
}

/// An inventory partition's contribution.
pub struct InventoryPart {
    /// What every partition has.
    pub books: Books,
    /// Live claims, with the order that has them; `None` for a hold of a checkout.
    pub claims: Vec<(ReservationId, Option<OrderId>, Claim)>,
    /// Codes of items, each with its item.
    pub codes: Vec<(Alias, Sku)>,
}

impl InventoryPart {
    /// Looks at one partition.
    pub fn look(core: &Core<Inventory>) -> Self {
        let books = Books::of(core);
        let mut claims = Vec::new();
        each_live_claim(core.state(), |id, row, claim| claims.push((id, claimant(&row.standing), claim)));
        let mut codes = Vec::new();
        each_code(core.state(), |alias, sku| codes.push((alias, sku.clone())));
        Self { books, claims, codes }
    }
}

fn claimant(standing: &Standing) -> Option<OrderId> {
    match standing {
        Standing::Undecided { order, .. } | Standing::Committed { order } => *order,
        Standing::Held { .. } => None,
    }
}

/// A fulfilment partition's contribution.
pub struct FulfillmentPart {
    /// What every partition has.
    pub books: Books,
    /// Units on open fulfilment orders.
    pub at_nodes: BTreeMap<(FulfillmentOrderId, LineNo), Quantity>,
}

impl FulfillmentPart {
    /// Looks at one partition.
    pub fn look(core: &Core<Fulfillment>) -> Self {
        let books = Books::of(core);
        let mut at = BTreeMap::new();
        waybill_fulfillment::open_units(core.state(), |open| {
            if !open.units.is_zero() {
                at.insert((open.id, open.line), open.units);
            }
        });
        Self { books, at_nodes: at }
    }
}

/// True for a claim that inventory surely has.
pub(super) fn is_granted(live: &LiveClaims) -> bool {
    live.certainty == Certainty::Granted
}
