//! The mirror as processes share it: one lock per inventory partition, held for one lookup or one batch.

use crate::basket::Basket;
use crate::change::{ItemChange, NodeStock, Stock, StockChange};
use crate::shard::{Found, Shard, Shelf};
use hashbrown::HashSet;
use parking_lot::RwLock;
use std::sync::Arc;
use tokio::sync::watch;
use waybill_sourcing::{Interner, StockRow};
use waybill_types::{Layout, OwnerId, PartitionId, Service, Sku, Text};

/// Some partition has not told yet what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReady(pub PartitionId);

impl std::fmt::Display for NotReady {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the mirror of {} is still filling", self.0)
    }
}

impl std::error::Error for NotReady {}

/// A place in one partition's order of versions, good for as long as this process lives; `version` alone is good for
/// ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Everything of lower versions was seen.
    pub version: u64,
    /// Of this version, everything up to this slot.
    slot: u32,
}

impl Cursor {
    /// Everything of `version` and before was seen.
    #[must_use]
    pub fn after(version: u64) -> Self {
        Self { version, slot: u32::MAX }
    }
    /// The version up to which everything was seen: where a later process may go on.
    #[must_use]
    pub fn safe(&self) -> u64 {
        if self.slot == u32::MAX { self.version } else { self.version.saturating_sub(1) }
    }
}

struct Inner {
    layout: Layout,
    names: Arc<RwLock<Interner>>,
    shards: Vec<RwLock<Shard>>,
    changes: watch::Sender<u64>,
}

/// What may be promised, shared by everybody in the process. Cheap to clone.
#[derive(Clone)]
pub struct Mirror(Arc<Inner>);

impl Mirror {
    /// An empty mirror; no partition is loaded.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        let shards = layout.partitions(Service::Inventory).map(|_| RwLock::default()).collect();
        let names = Arc::new(RwLock::new(Interner::new()));
        Self(Arc::new(Inner { layout, names, shards, changes: watch::channel(0).0 }))
    }

    /// The numbers of node ids, to be shared with the network that plans are made over. Lock it briefly, and never
    /// while a read of the mirror is under way in the same task.
    #[must_use]
    pub fn names(&self) -> &Arc<RwLock<Interner>> {
        &self.0.names
    }

    fn shard(&self, partition: PartitionId) -> &RwLock<Shard> {
        &self.0.shards[usize::from(partition.index)]
    }

    fn home(&self, sku: &Sku) -> &RwLock<Shard> {
        self.shard(self.0.layout.sku_home(sku))
    }

    /// Fills a partition's part with all it has at `sequence`. Done again it replaces nothing that is newer.
    pub fn load(
        &self,
        partition: PartitionId,
        sequence: u64,
        items: impl IntoIterator<Item = ItemChange>,
        stock: impl IntoIterator<Item = StockChange>,
    ) {
        self.feed(partition, sequence, items, stock);
        self.shard(partition).write().loaded = true;
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// Takes changes of a partition, complete through `sequence`.
    pub fn apply(
        &self,
        partition: PartitionId,
        sequence: u64,
        items: impl IntoIterator<Item = ItemChange>,
        stock: impl IntoIterator<Item = StockChange>,
    ) {
        self.feed(partition, sequence, items, stock);
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// The feeder knows that entries through `sequence`, which changed no stock, are durable: whoever waits for
    /// [`Self::version`] to get there need not wait for a later change. Streams do not go by it, so a number that runs
    /// ahead of the changes makes no stream skip any.
    pub fn reached(&self, partition: PartitionId, sequence: u64) {
        if self.version(partition) < sequence {
            let mut shard = self.shard(partition).write();
            shard.heard = shard.heard.max(sequence);
            drop(shard);
            self.0.changes.send_modify(|count| *count += 1);
        }
    }

    fn feed(
        &self,
        partition: PartitionId,
        sequence: u64,
        items: impl IntoIterator<Item = ItemChange>,
        stock: impl IntoIterator<Item = StockChange>,
    ) {
        let mut shard = self.shard(partition).write();
        for item in items {
            shard.set_item(&item, sequence);
        }
        for change in stock {
            let known = self.0.names.read().get(&change.node);
            let node = known.unwrap_or_else(|| self.0.names.write().intern(&change.node));
            shard.set_stock(&change.sku, &change.owner, node, change.figures, change.version, change.at);
        }
        shard.version = shard.version.max(sequence);
    }

    /// Rises with each batch of changes; to wait on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// The journal sequence through which a partition's part is complete.
    #[must_use]
    pub fn version(&self, partition: PartitionId) -> u64 {
        let shard = self.shard(partition).read();
        shard.version.max(shard.heard)
    }

    /// The journal sequence of the last batch that was fed: how far [`Self::since`] can go now.
    #[must_use]
    pub fn fed(&self, partition: PartitionId) -> u64 {
        self.shard(partition).read().version
    }

    /// How many positions there are.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.0.shards.iter().map(|shard| shard.read().positions()).sum()
    }

    /// Whether every partition has told what it has.
    ///
    /// # Errors
    /// The first that has not.
    pub fn ready(&self) -> Result<(), NotReady> {
        let filling = self.0.layout.partitions(Service::Inventory).find(|id| !self.shard(*id).read().loaded);
        filling.map_or(Ok(()), |id| Err(NotReady(id)))
    }

    /// The stock of one SKU and owner; `None` when the SKU is no item.
    #[must_use]
    pub fn stock(&self, sku: &Sku, owner: &OwnerId) -> Option<Stock> {
        let shard = self.home(sku).read();
        let shelf = shard.shelf(sku).filter(|shelf| shelf.item.known)?;
        let rows = shelf.rows(owner);
        let names = self.0.names.read();
        let mut nodes: Vec<NodeStock> = rows
            .iter()
            .filter(|row| !(row.figures.sellable.is_zero() && row.figures.reserved.is_zero()))
            .filter_map(|row| {
                let available = available(shelf, row);
                names.id(row.node).map(|node| NodeStock {
                    node: node.clone(),
                    available,
                    figures: row.figures,
                })
            })
            .collect();
        let version = rows.iter().map(|row| row.version).max().unwrap_or(0);
        let scale = shelf.item.scale;
        drop((names, shard));
        nodes.sort_unstable_by(|a, b| a.node.cmp(&b.node));
        Some(Stock { scale, nodes, version })
    }

    /// What people call an item; may be empty. `None` when the SKU is no item.
    #[must_use]
    pub fn item_name(&self, sku: &Sku) -> Option<Text> {
        let shard = self.home(sku).read();
        shard.shelf(sku).filter(|shelf| shelf.item.known).map(|shelf| shelf.name.clone())
    }

    /// Decimals of an item's quantities; `None` when the SKU is no item.
    #[must_use]
    pub fn item_scale(&self, sku: &Sku) -> Option<u8> {
        let shard = self.home(sku).read();
        shard.shelf(sku).filter(|shelf| shelf.item.known).map(|shelf| shelf.item.scale)
    }

    /// The sum over all nodes of one SKU and owner without listing them, the scale, and the version; `None` when the SKU
    /// is no item.
    #[must_use]
    pub fn total(&self, sku: &Sku, owner: &OwnerId) -> Option<(waybill_types::Quantity, u8, u64)> {
        let shard = self.home(sku).read();
        let shelf = shard.shelf(sku).filter(|shelf| shelf.item.known)?;
        let rows = shelf.rows(owner);
        let sum = rows.iter().map(|row| available(shelf, row)).sum();
        Some((sum, shelf.item.scale, rows.iter().map(|row| row.version).max().unwrap_or(0)))
    }

    /// What the planner may take of some SKUs: a copy of one moment per SKU.
    #[must_use]
    pub fn basket<'a>(&self, wanted: impl IntoIterator<Item = (&'a Sku, &'a OwnerId)>) -> Basket {
        let mut basket = Basket { version: self.total_version(), ..Basket::default() };
        for (sku, owner) in wanted {
            if basket.rows.iter().any(|(s, o, _)| s == sku && o == owner) {
                continue;
            }
            let shard = self.home(sku).read();
            let Some(shelf) = shard.shelf(sku) else { continue };
            let all = shelf.rows(owner);
            // Nearly all of them have something.
            let mut rows = Vec::with_capacity(all.len());
            let stock = all.iter().map(|row| StockRow { node: row.node, available: available(shelf, row) });
            rows.extend(stock.filter(|row| !row.available.is_zero()));
            basket.rows.push((sku.clone(), owner.clone(), rows));
            basket.items.push((sku.clone(), shelf.item.facts, shelf.class.clone()));
        }
        basket
    }

    /// The sum of all partitions' versions: rises with every change, for stamping plans.
    #[must_use]
    pub fn total_version(&self) -> u64 {
        self.0.shards.iter().map(|shard| shard.read().version).sum()
    }

    /// The positions of a partition that changed after `cursor`, oldest change first, and where to go on. At most
    /// `limit` are looked at; `only` limits what is answered. The second part is true when nothing newer was left.
    #[must_use]
    pub fn since(
        &self,
        partition: PartitionId,
        cursor: Cursor,
        limit: usize,
        only: Option<&HashSet<Sku>>,
    ) -> (Vec<(StockChange, Cursor)>, Cursor, bool) {
        let shard = self.shard(partition).read();
        let names = self.0.names.read();
        let (mut changes, mut at, mut seen) = (Vec::new(), cursor, 0);
        for (wanted, found) in shard.since((cursor.version, cursor.slot), limit, only) {
            seen += 1;
            at = Cursor { version: found.row.version, slot: found.slot };
            if let (true, Some(node)) = (wanted, names.id(found.row.node)) {
                changes.push((change_of(&found, node), at));
            }
        }
        let complete = seen < limit;
        if complete {
            at = Cursor::after(shard.version.max(at.version));
            // The last one ends its version, so a reader who stops after it has missed nothing.
            if let Some((change, end)) = changes.last_mut() {
                *end = Cursor::after(change.version);
            }
        }
        (changes, at, complete)
    }
}

fn change_of(found: &Found<'_>, node: &waybill_types::NodeId) -> StockChange {
    let mut figures = found.row.figures;
    if found.inactive {
        // Nothing of an inactive item can be promised; the claims on it stay visible.
        figures.sellable = figures.sellable.min(figures.reserved);
    }
    StockChange {
        sku: found.sku.clone(),
        owner: found.owner.clone(),
        node: node.clone(),
        figures,
        version: found.row.version,
        at: found.row.at,
    }
}

fn available(shelf: &Shelf, row: &crate::shard::Row) -> waybill_types::Quantity {
    if shelf.item.inactive { waybill_types::Quantity::ZERO } else { row.figures.available() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Figures;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use waybill_sourcing::Availability as _;
    use waybill_types::{NodeId, Quantity, Timestamp};

    fn sku(n: u8) -> Sku {
        Sku::new(format!("S{n}")).unwrap()
    }

    fn item(n: u8, inactive: bool) -> ItemChange {
        let name = Text::new(format!("item {n}")).unwrap();
        ItemChange { sku: sku(n), scale: 0, weight_g: 100, no_split: false, inactive, name, class: None }
    }

    fn change(n: u8, node: u8, units: u64, version: u64) -> StockChange {
        StockChange {
            sku: sku(n),
            owner: OwnerId::main(),
            node: NodeId::new(format!("n{node}")).unwrap(),
            figures: Figures { sellable: Quantity::of(units), ..Figures::default() },
            version,
            at: Timestamp::ZERO,
        }
    }

    fn mirror() -> (Mirror, PartitionId) {
        (Mirror::new(Layout::even(1).unwrap()), PartitionId::new(Service::Inventory, 0))
    }

    #[test]
    fn what_the_asker_has_reserved_counts_as_there_besides_what_is_available() {
        let (mirror, part) = mirror();
        mirror.load(part, 1, [item(1, false)], [change(1, 2, 3, 1), change(1, 7, 1, 1), change(1, 5, 0, 1)]);
        let claim = |node: &str, quantity| waybill_types::exchange::Claim {
            sku: sku(1),
            owner: OwnerId::main(),
            node: NodeId::new(node).unwrap(),
            quantity: Quantity::of(quantity),
        };
        let own = [claim("n2", 4), claim("n5", 2), claim("nowhere", 9)];
        let basket = mirror.basket([(&sku(1), &OwnerId::main())]).with_own(&own, &mirror.names().read());
        let names = mirror.names().read();
        let there = basket.stock(&sku(1), &OwnerId::main()).iter();
        let there: BTreeMap<String, u64> =
            there.map(|row| (names.id(row.node).unwrap().to_string(), row.available.units())).collect();
        let expected = [("n2", 7), ("n5", 2), ("n7", 1)].map(|(node, units)| (node.to_owned(), units));
        assert_eq!(there, BTreeMap::from(expected));
        let rows = basket.stock(&sku(1), &OwnerId::main());
        assert!(rows.is_sorted_by_key(|row| row.node), "ascending, as the planner needs them");
    }

    #[test]
    fn a_mirror_is_ready_when_every_partition_is_loaded() {
        let mirror = Mirror::new(Layout::even(2).unwrap());
        let part = |index| PartitionId::new(Service::Inventory, index);
        mirror.load(part(0), 5, [], []);
        assert_eq!(mirror.ready(), Err(NotReady(part(1))));
        mirror.load(part(1), 9, [], []);
        assert_eq!((mirror.ready(), mirror.total_version()), (Ok(()), 14));
    }

    #[test]
    fn stock_of_an_item_is_listed_by_node_and_of_an_inactive_one_nothing_is_promised() {
        let (mirror, part) = mirror();
        mirror.load(part, 3, [item(1, false)], [change(1, 2, 5, 2), change(1, 1, 7, 3), change(1, 3, 0, 3)]);
        let stock = mirror.stock(&sku(1), &OwnerId::main()).unwrap();
        let nodes: Vec<_> = stock.nodes.iter().map(|n| (n.node.as_str(), n.available.units())).collect();
        assert_eq!((nodes, stock.version), (vec![("n1", 7), ("n2", 5)], 3));
        assert_eq!(mirror.stock(&sku(9), &OwnerId::main()), None);
        let basket = mirror.basket([(&sku(1), &OwnerId::main())]);
        assert_eq!(basket.stock(&sku(1), &OwnerId::main()).len(), 2);
        assert_eq!((basket.item(&sku(1)).weight_g(), basket.version()), (100, 3));

        mirror.apply(part, 4, [item(1, true)], []);
        assert_eq!(mirror.total(&sku(1), &OwnerId::main()), Some((Quantity::ZERO, 0, 4)));
        let (told, ..) = mirror.since(part, Cursor::after(3), 10, None);
        assert!(told.len() == 3 && told.iter().all(|(change, _)| change.figures.available().is_zero()));
        assert!(mirror.basket([(&sku(1), &OwnerId::main())]).stock(&sku(1), &OwnerId::main()).is_empty());
    }

    #[test]
    fn an_item_is_called_by_its_latest_name_and_what_is_no_item_has_none() {
        let (mirror, part) = mirror();
        mirror.load(part, 3, [item(1, false)], [change(1, 1, 5, 3), change(2, 1, 5, 3)]);
        let name = |n| mirror.item_name(&sku(n)).map(|name| name.to_string());
        assert_eq!((name(1), name(2), name(3)), (Some("item 1".into()), None, None));
        let renamed = ItemChange { name: Text::new("lamp").unwrap(), ..item(1, false) };
        mirror.apply(part, 4, [renamed], []);
        assert_eq!(name(1).as_deref(), Some("lamp"));
    }

    #[test]
    fn a_number_that_runs_ahead_of_the_changes_makes_no_stream_skip_any() {
        let (mirror, part) = mirror();
        mirror.load(part, 3, [item(1, false)], [change(1, 1, 5, 3)]);
        mirror.reached(part, 4);
        assert_eq!((mirror.version(part), mirror.fed(part)), (4, 3));
        let (_, cursor, _) = mirror.since(part, Cursor::default(), 10, None);
        mirror.apply(part, 4, [], [change(1, 1, 6, 4)]);
        assert_eq!(mirror.since(part, cursor, 10, None).0.len(), 1);
    }

    proptest! {
        /// Whoever follows from any safe place, in pages of any size, ends with exactly what the mirror has.
        #[test]
        fn a_reader_that_resumes_anywhere_ends_with_what_there_is(
            batches in prop::collection::vec(prop::collection::vec((0u8..4, 0u8..4, 0u64..9), 1..6), 1..20),
            stops in prop::collection::vec((any::<bool>(), 1usize..6), 1..40),
        ) {
            let (mirror, part) = mirror();
            mirror.load(part, 0, [], []);
            let mut truth = BTreeMap::new();
            let mut seen = BTreeMap::new();
            let mut cursor = Cursor::default();
            let mut stops = stops.into_iter().cycle();
            let read = |cursor: &mut Cursor, seen: &mut BTreeMap<_, _>, limit| {
                let (changes, next, complete) = mirror.since(part, *cursor, limit, None);
                for (change, _) in changes {
                    seen.insert((change.sku.to_string(), change.node.to_string()), change.figures);
                }
                *cursor = next;
                complete
            };
            for (index, batch) in batches.iter().enumerate() {
                let version = index as u64 + 1;
                let changes: Vec<_> = batch.iter().map(|(s, n, q)| change(*s, *n, *q, version)).collect();
                for change in &changes {
                    truth.insert((change.sku.to_string(), change.node.to_string()), change.figures);
                }
                mirror.apply(part, version, [], changes);
                let (restarted, limit) = stops.next().unwrap();
                read(&mut cursor, &mut seen, limit);
                if restarted {
                    cursor = Cursor::after(cursor.safe());
                }
            }
            while !read(&mut cursor, &mut seen, 3) {}
            prop_assert_eq!(seen, truth);
            prop_assert_eq!(cursor.safe(), batches.len() as u64);
        }
    }
}
