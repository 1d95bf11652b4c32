//! The state of one partition: tables and the reads that doors and audits make of them. Nothing here decides.

mod desk;
mod instruction;
mod network;
mod order;
mod progress;
mod work_state;

pub use desk::{Capacity, Desk};
pub(crate) use instruction::Why;
pub use instruction::{Instruction, InstructionKind, InstructionLine};
pub use network::{Kept, NetworkHead, PolicyFacts};
pub use order::{Ask, FulfillmentOrder, Package};
pub(crate) use order::{capacity_day, capacity_needed, units};
pub use progress::{LineProgress, Substitute};
pub(crate) use work_state::Whereabouts;
pub use work_state::WorkState;

use std::sync::Arc;
use waybill_machine::{AnyTable, ScanOrder, State, Table};
use waybill_types::network::{Calendar, Lane, LaneId, LocalDay, Node, Policy, RateCard, RateCardId, Zone};
use waybill_types::{CalendarId, FulfillmentOrderId, Layout, NodeId, PartitionId, Timestamp, ZoneId};

/// The tables of one fulfilment partition.
pub struct FulfillmentState {
    /// Which partition this is.
    pub(crate) partition: PartitionId,
    /// How many partitions there are.
    pub(crate) layout: Layout,
    pub(crate) head: Table<(), NetworkHead>,
    pub(crate) nodes: Table<NodeId, Kept<Node>>,
    pub(crate) lanes: Table<LaneId, Kept<Lane>>,
    pub(crate) zones: Table<ZoneId, Kept<Zone>>,
    pub(crate) calendars: Table<CalendarId, Kept<Calendar>>,
    pub(crate) rate_cards: Table<RateCardId, Kept<RateCard>>,
    pub(crate) policies: Table<u64, Policy>,
    /// How each version of the policy came into force; versions of before this was kept have no row.
    pub(crate) policy_facts: Table<u64, PolicyFacts>,
    pub(crate) desks: Table<NodeId, Desk>,
    pub(crate) orders: Table<FulfillmentOrderId, FulfillmentOrder>,
    /// Work that is at the node now, by node and age.
    pub(crate) open: Table<(NodeId, u64), FulfillmentOrderId>,
    /// All work a node ever had, by node and age.
    pub(crate) history: Table<(NodeId, u64), FulfillmentOrderId>,
    pub(crate) instructions: Table<(NodeId, u64), Instruction>,
    pub(crate) capacity: Table<(NodeId, u32), Capacity>,
    /// The next moment at which a fulfilment order has something to do by itself; at most one each.
    pub(crate) timers: Table<(Timestamp, FulfillmentOrderId), ()>,
    /// The node that the event being applied gave capacity back to, where some had been wanted; not kept beyond it.
    pub(crate) freed: Option<NodeId>,
}

impl FulfillmentState {
    pub(crate) fn new(partition: PartitionId, layout: Layout) -> Self {
        Self {
            partition,
            layout,
            head: Table::resident(1),
            nodes: Table::new(2),
            lanes: Table::new(3),
            zones: Table::new(4),
            calendars: Table::new(5),
            rate_cards: Table::new(6),
            policies: Table::new(7),
            policy_facts: Table::new(8),
            desks: Table::new(10),
            orders: Table::new(11),
            open: Table::new(12),
            history: Table::new(13),
            instructions: Table::new(14),
            capacity: Table::new(15),
            timers: Table::resident(16),
            freed: None,
        }
    }

    /// The network's version, currency and sizes. All zero outside partition 0.
    #[must_use]
    pub fn network(&self) -> NetworkHead {
        self.head.get(&()).map(|head| *head).unwrap_or_default()
    }
    /// One node's document.
    #[must_use]
    pub fn node(&self, id: &NodeId) -> Option<Arc<Kept<Node>>> {
        self.nodes.get(id)
    }
    /// Nodes after `after` by id, at most `limit`.
    #[must_use]
    pub fn nodes(&self, after: Option<&NodeId>, limit: usize) -> Vec<Arc<Kept<Node>>> {
        page(&self.nodes, after, limit)
    }
    /// Lanes after `after` by id, at most `limit`.
    #[must_use]
    pub fn lanes(&self, after: Option<&LaneId>, limit: usize) -> Vec<Arc<Kept<Lane>>> {
        page(&self.lanes, after, limit)
    }
    /// Zones after `after` by id, at most `limit`.
    #[must_use]
    pub fn zones(&self, after: Option<&ZoneId>, limit: usize) -> Vec<Arc<Kept<Zone>>> {
        page(&self.zones, after, limit)
    }
    /// True when there is a zone of this id.
    #[must_use]
    pub fn has_zone(&self, id: &ZoneId) -> bool {
        self.zones.contains(id)
    }
    /// Calendars after `after` by id, at most `limit`.
    #[must_use]
    pub fn calendars(&self, after: Option<&CalendarId>, limit: usize) -> Vec<Arc<Kept<Calendar>>> {
        page(&self.calendars, after, limit)
    }
    /// Rate cards after `after` by id, at most `limit`.
    #[must_use]
    pub fn rate_cards(&self, after: Option<&RateCardId>, limit: usize) -> Vec<Arc<Kept<RateCard>>> {
        page(&self.rate_cards, after, limit)
    }
    /// The policy in force; `None` when none was ever set.
    #[must_use]
    pub fn policy(&self) -> Option<Arc<Policy>> {
        self.policies.get(&self.network().policy)
    }
    /// A version of the policy; `None` when there never was one of this number.
    #[must_use]
    pub fn policy_version(&self, version: u64) -> Option<Arc<Policy>> {
        self.policies.get(&version)
    }
    /// How a version of the policy came into force.
    #[must_use]
    pub fn policy_facts(&self, version: u64) -> Option<Arc<PolicyFacts>> {
        self.policy_facts.get(&version)
    }
    /// What this partition keeps about a node whose work it does.
    #[must_use]
    pub fn desk(&self, node: &NodeId) -> Option<Arc<Desk>> {
        self.desks.get(node)
    }
    /// One fulfilment order.
    #[must_use]
    pub fn fulfillment_order(&self, id: &FulfillmentOrderId) -> Option<Arc<FulfillmentOrder>> {
        self.orders.get(id)
    }
    /// A node's work from its number `after` (exclusive) on, oldest first, at most `limit`: only what is at the node
    /// now, or everything it ever had. Each comes with its number.
    #[must_use]
    pub fn work_of(
        &self,
        node: &NodeId,
        open_only: bool,
        after: u64,
        limit: usize,
    ) -> Vec<(u64, Arc<FulfillmentOrder>)> {
        let index = if open_only { &self.open } else { &self.history };
        let rows = index.scan(node, Some(&(node.clone(), after)), ScanOrder::Ascending, limit);
        rows.into_iter().map(|((_, number), id)| (number, self.expect_order(&id))).collect()
    }
    /// A node's instructions that it has not acknowledged, after number `after`, at most `limit`.
    #[must_use]
    pub fn instructions(&self, node: &NodeId, after: u64, limit: usize) -> Vec<Arc<Instruction>> {
        let Some(desk) = self.desk(node) else { return Vec::new() };
        let first = after.max(desk.acknowledged).saturating_add(1);
        // They are there without a gap (FULFIL-2), so each is found by its number: a scan would ask the rows below too, once
        // for each instruction that a stream waits for.
        let numbers = (first..=desk.last_instruction).take(limit);
        numbers.filter_map(|number| self.instructions.get(&(node.clone(), number))).collect()
    }
    /// Units of a node's local day that are taken and used.
    #[must_use]
    pub fn capacity(&self, node: &NodeId, day: LocalDay) -> Capacity {
        self.capacity.get(&(node.clone(), day_key(day))).map(|row| *row).unwrap_or_default()
    }

    pub(crate) fn expect_order(&self, id: &FulfillmentOrderId) -> Arc<FulfillmentOrder> {
        self.orders.get(id).unwrap_or_else(|| panic!("fulfillment order {id} has gone from its table"))
    }
}

fn page<K: waybill_machine::Key, V: waybill_machine::Record + Clone>(
    table: &Table<K, V>,
    after: Option<&K>,
    limit: usize,
) -> Vec<Arc<V>> {
    table.scan(&(), after, ScanOrder::Ascending, limit).into_iter().map(|(_, row)| row).collect()
}

/// Days sort as keys with the sign bit flipped.
pub(crate) const fn day_key(day: LocalDay) -> u32 {
    (day.0 as u32) ^ (1 << 31)
}

/// The day behind a [`day_key`].
pub(crate) const fn key_day(key: u32) -> LocalDay {
    LocalDay((key ^ (1 << 31)) as i32)
}

impl State for FulfillmentState {
    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.head,
            &mut self.nodes,
            &mut self.lanes,
            &mut self.zones,
            &mut self.calendars,
            &mut self.rate_cards,
            &mut self.policies,
            &mut self.policy_facts,
            &mut self.desks,
            &mut self.orders,
            &mut self.open,
            &mut self.history,
            &mut self.instructions,
            &mut self.capacity,
            &mut self.timers,
        ]
    }
}
