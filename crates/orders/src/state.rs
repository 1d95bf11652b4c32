//! The tables of one orders partition. An order takes an opening row (what was ordered, written once), an order row
//! (what became of it, with its newest history), a number row, a row for when it was placed, and one row per look-up and
//! per node with work; long histories add chunks.

use crate::content::{LookupKind, OrderContent};
use crate::event::{OrderImported, OrderPlaced, What};
use crate::order::Order;
use minicbor::{Decode, Encode};
use std::cell::RefCell;
use std::sync::Arc;
use waybill_machine::{AnyTable, Position, ScanOrder, State, Table};
use waybill_types::policy::{HoldCode, OrderPolicy};
use waybill_types::{
    Channel, ExternalNumber, Layout, LookupDigest, NodeId, OrderId, Origin, PartitionId, Timestamp,
};

/// The first entry of an order's history, which is also where its content is kept.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Opening {
    /// Where it stands in the journal.
    #[n(0)]
    pub position: Position,
    /// When it was journaled.
    #[n(1)]
    pub at: Timestamp,
    /// Who, from where, why.
    #[n(2)]
    pub origin: Origin,
    /// What it was.
    #[n(3)]
    pub opened: Opened,
}

/// How an order came to be.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Opened {
    /// It was placed.
    #[n(0)]
    Placed(#[cbor(n(0), with = "waybill_machine::record::shared")] Arc<OrderPlaced>),
    /// It was imported as history.
    #[n(1)]
    Imported(#[n(0)] Box<OrderImported>),
}

impl Opening {
    /// What was ordered.
    #[must_use]
    pub fn content(&self) -> &OrderContent {
        match &self.opened {
            Opened::Placed(placed) => &placed.content,
            Opened::Imported(imported) => &imported.content,
        }
    }
    /// The event it came from.
    #[must_use]
    pub fn what(&self) -> What {
        match &self.opened {
            Opened::Placed(placed) => What::OrderPlaced(placed.clone()),
            Opened::Imported(imported) => What::OrderImported(imported.clone()),
        }
    }
}

/// A run of history entries that no longer changes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Chunk(#[cbor(with = "minicbor::bytes")] pub Vec<u8>);

/// What the partition counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Counters {
    /// The last order number given.
    #[n(0)]
    pub last_order: u64,
}

/// One orders partition.
pub struct OrdersState {
    pub(crate) partition: PartitionId,
    pub(crate) layout: Layout,
    pub(crate) counters: Table<(), Counters>,
    pub(crate) openings: Table<OrderId, Opening>,
    pub(crate) orders: Table<OrderId, Order>,
    pub(crate) history: Table<(OrderId, u16), Chunk>,
    pub(crate) numbers: Table<(ExternalNumber, Channel), OrderId>,
    pub(crate) lookups: Table<(u8, LookupDigest, OrderId), ()>,
    /// Attempts whose plan is asked and not recorded; empty of finished work.
    pub(crate) asks: Table<(OrderId, u32), ()>,
    /// The next moment at which an order has something to do; at most one per order.
    pub(crate) timers: Table<(Timestamp, OrderId), ()>,
    /// Every version of the order policy.
    policies: Table<u64, OrderPolicy>,
    /// The newest of them once it was looked up, since every command asks.
    in_force: RefCell<Option<(u64, Arc<OrderPolicy>)>>,
    /// Orders with units that wait for more than stock, by the moment since when; at most one row per order.
    pub(crate) exceptions: Table<(Timestamp, OrderId), ()>,
    /// Orders by when they were placed, which for imported ones is long before they came.
    pub(crate) placed: Table<(Timestamp, OrderId), ()>,
    /// Orders by the types of their standing holds.
    pub(crate) held: Table<(HoldCode, OrderId), ()>,
    /// Orders by the nodes that ever had work for them.
    pub(crate) nodes: Table<(NodeId, OrderId), ()>,
}

impl OrdersState {
    pub(crate) fn new(partition: PartitionId, layout: Layout) -> Self {
        Self {
            partition,
            layout,
            counters: Table::resident(1),
            openings: Table::new(2),
            orders: Table::new(3),
            history: Table::new(4),
            numbers: Table::new(5),
            lookups: Table::new(6),
            asks: Table::resident(7),
            timers: Table::resident(8),
            policies: Table::resident(9),
            in_force: RefCell::default(),
            exceptions: Table::resident(10),
            placed: Table::new(11),
            held: Table::new(12),
            nodes: Table::new(13),
        }
    }

    /// The order policy in force and its version; version 0 is the sound default, until one is set.
    #[must_use]
    pub fn policy(&self) -> (u64, Arc<OrderPolicy>) {
        let newest = || self.policies.scan(&(), None, ScanOrder::Descending, 1).pop();
        let or_sound = || newest().unwrap_or_else(|| (0, Arc::new(OrderPolicy::sound())));
        self.in_force.borrow_mut().get_or_insert_with(or_sound).clone()
    }

    pub(crate) fn set_policy(&mut self, version: u64, policy: &OrderPolicy) {
        self.policies.put(&version, policy.clone());
        self.in_force.take();
    }

    /// One version of the order policy.
    #[must_use]
    pub fn policy_version(&self, version: u64) -> Option<Arc<OrderPolicy>> {
        self.policies.get(&version)
    }

    /// The partition this is.
    #[must_use]
    pub const fn partition(&self) -> PartitionId {
        self.partition
    }

    /// What was ordered.
    #[must_use]
    pub fn opening(&self, id: OrderId) -> Option<Arc<Opening>> {
        self.openings.get(&id)
    }

    /// What was ordered and what became of it.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<(Arc<Opening>, Arc<Order>)> {
        Some((self.openings.get(&id)?, self.orders.get(&id)?))
    }

    /// The order that has this number in this channel. A refused order does not.
    #[must_use]
    pub fn by_number(&self, channel: &Channel, external: &ExternalNumber) -> Option<OrderId> {
        self.numbers.get(&(external.clone(), channel.clone())).map(|id| *id)
    }

    /// The orders that have this number, of whatever channel, by channel.
    #[must_use]
    pub fn by_number_of_any_channel(&self, external: &ExternalNumber) -> Vec<OrderId> {
        let rows = self.numbers.scan(external, None, ScanOrder::Ascending, 1_000);
        rows.into_iter().map(|(_, id)| *id).collect()
    }

    /// Orders found by a digest, newest first, older than `before`, at most `limit`.
    #[must_use]
    pub fn by_lookup(
        &self,
        kind: LookupKind,
        digest: LookupDigest,
        before: Option<OrderId>,
        limit: usize,
    ) -> Vec<OrderId> {
        let after = before.map(|id| (kind.number(), digest, id));
        let rows = self.lookups.scan(&(kind.number(), digest), after.as_ref(), ScanOrder::Descending, limit);
        rows.into_iter().map(|((_, _, id), _)| id).collect()
    }

    /// Orders newest first, older than `before`, at most `limit`.
    #[must_use]
    pub fn newest(&self, before: Option<OrderId>, limit: usize) -> Vec<(OrderId, Arc<Order>)> {
        self.orders.scan(&(), before.as_ref(), ScanOrder::Descending, limit)
    }

    /// Orders by when they were placed, last first: placed before `before`, or at that moment with a lower id; at most
    /// `limit`.
    #[must_use]
    pub fn by_time(&self, before: Option<(Timestamp, OrderId)>, limit: usize) -> Vec<OrderId> {
        let rows = self.placed.scan(&(), before.as_ref(), ScanOrder::Descending, limit);
        rows.into_iter().map(|((_, id), _)| id).collect()
    }

    /// Orders with a standing hold of this type, newest first, older than `before`, at most `limit`.
    #[must_use]
    pub fn by_hold(&self, code: &HoldCode, before: Option<OrderId>, limit: usize) -> Vec<OrderId> {
        let after = before.map(|id| (code.clone(), id));
        let rows = self.held.scan(code, after.as_ref(), ScanOrder::Descending, limit);
        rows.into_iter().map(|((_, id), _)| id).collect()
    }

    /// Orders that a node ever had work for, newest first, older than `before`, at most `limit`. The work may have come to
    /// nothing.
    #[must_use]
    pub fn by_node(&self, node: &NodeId, before: Option<OrderId>, limit: usize) -> Vec<OrderId> {
        let after = before.map(|id| (node.clone(), id));
        let rows = self.nodes.scan(node, after.as_ref(), ScanOrder::Descending, limit);
        rows.into_iter().map(|((_, id), _)| id).collect()
    }

    /// How many orders there ever were here.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counters.get(&()).map_or(0, |counters| counters.last_order)
    }
}

impl State for OrdersState {
    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.counters,
            &mut self.openings,
            &mut self.orders,
            &mut self.history,
            &mut self.numbers,
            &mut self.lookups,
            &mut self.asks,
            &mut self.timers,
            &mut self.policies,
            &mut self.exceptions,
            &mut self.placed,
            &mut self.held,
            &mut self.nodes,
        ]
    }
}
