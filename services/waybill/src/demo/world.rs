//! The retailer that demonstration and benches run on: its places, its catalog, its stock and its orders, all by seed.
//! It knows nothing of servers.

use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use waybill_fixtures::{
    Catalog, DEFAULT_SKUS, OrderShape, Orders, Recording, Regime, Retailer, Shelves, Size, StockShape,
};
use waybill_formats::{NodeKind, OrderRecord, StockRecord};

/// How large the world is and what the stock is for.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Same seed, same world.
    pub(crate) seed: u64,
    /// Places, 5 to 5,000.
    pub(crate) nodes: u32,
    /// Items in the catalog, unless recorded baskets say which there are.
    pub(crate) skus: u32,
    /// How stock lies, and for how many orders it is.
    pub(crate) stock: StockShape,
    /// Every place can do so many times its usual daily work: a bench places in a minute what a day brings elsewhere.
    pub(crate) capacity_factor: u64,
    /// No position has less than this, at the item's scale: what a bench orders over and over must not run out.
    pub(crate) stock_floor: i64,
}

impl Shape {
    /// The whole retailer with tight stock for `orders` orders.
    pub(crate) fn tight(seed: u64, orders: u64) -> Self {
        Self {
            seed,
            nodes: Size::default().nodes(),
            skus: DEFAULT_SKUS,
            stock: StockShape::new(Regime::Tight, orders),
            capacity_factor: 1,
            stock_floor: 0,
        }
    }
}

/// Everything made from the shape.
pub(crate) struct World {
    pub(crate) shape: Shape,
    pub(crate) retailer: Retailer,
    pub(crate) catalog: Catalog,
    shelves: Shelves,
    recording: Option<Recording>,
}

impl World {
    /// Makes the world; reads the recorded baskets when there are any. Takes seconds of processor time.
    ///
    /// # Errors
    /// A file of baskets that cannot be read.
    pub(crate) fn make(shape: Shape, baskets: Option<&Path>) -> anyhow::Result<Self> {
        let mut retailer = waybill_fixtures::retailer(shape.seed, Size::of_nodes(shape.nodes));
        for capacity in retailer.nodes.iter_mut().filter_map(|node| node.day_capacity_units.as_mut()) {
            *capacity = capacity.saturating_mul(shape.capacity_factor);
        }
        let recording = baskets.map(waybill_fixtures::baskets_from_file).transpose()?;
        let catalog = match &recording {
            Some(recording) => recording.catalog(shape.seed),
            None => waybill_fixtures::catalog(shape.seed, shape.skus),
        };
        let shelves = Shelves::new(shape.seed, &retailer, &catalog, shape.stock);
        Ok(Self { shape, retailer, catalog, shelves, recording })
    }

    /// What lies where before any order.
    pub(crate) fn stock(&self) -> impl Iterator<Item = StockRecord> + '_ {
        let floor = self.shape.stock_floor;
        let rows = waybill_fixtures::stock(self.shape.seed, &self.retailer, &self.catalog, self.shape.stock);
        rows.map(move |row| StockRecord { quantity: row.quantity.max(floor), ..row })
    }

    /// What kind of place a node is, by its id. Fixtures begin every id with a letter for the kind.
    pub(crate) fn kind_of(node_id: &str) -> Option<NodeKind> {
        match node_id.as_bytes().first()? {
            b'S' => Some(NodeKind::Store),
            b'L' => Some(NodeKind::LocalWarehouse),
            b'C' => Some(NodeKind::CentralWarehouse),
            b'V' => Some(NodeKind::Supplier),
            _ => None,
        }
    }

    fn source(&self, shape: OrderShape) -> Orders<'_> {
        Orders::new(self.shape.seed, &self.retailer, &self.catalog, &self.shelves, shape)
    }

    /// The first `count` orders, as a list.
    pub(crate) fn orders(&self, shape: OrderShape, count: u64) -> Vec<OrderRecord> {
        let source = self.source(shape);
        match &self.recording {
            Some(recording) => recording.orders(&source, count).collect(),
            None => source.take(count).collect(),
        }
    }

    /// Orders of the past, all finished, `first` to `first + count - 1`.
    pub(crate) fn finished_orders(&self, shape: OrderShape, first: u64, count: u64) -> Vec<OrderRecord> {
        let source = self.source(shape);
        (first..first + count).map(|index| source.finished_order(index)).collect()
    }

    /// The first `count` orders, one after the other, made by a thread of its own a little ahead of whoever takes them.
    pub(crate) fn order_stream(
        self: &Arc<Self>,
        shape: OrderShape,
        count: u64,
    ) -> mpsc::Receiver<(u64, OrderRecord)> {
        let (send, receive) = mpsc::channel(1_024);
        let world = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let source = world.source(shape);
            let send = |(index, order)| send.blocking_send((index, order)).is_ok();
            // Nobody takes any more: the run has ended early, and so does this.
            let _all_taken = match &world.recording {
                Some(recording) => (0..).zip(recording.orders(&source, count)).all(send),
                None => (0..).zip(source.take(count)).all(send),
            };
        });
        receive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_stream_gives_the_same_orders_as_the_list() {
        let shape = Shape { nodes: 20, skus: 200, ..Shape::tight(3, 50) };
        let world = Arc::new(World::make(shape, None).unwrap());
        let mut stream = world.order_stream(OrderShape::default(), 50);
        for (index, expected) in (0u64..).zip(world.orders(OrderShape::default(), 50)) {
            assert_eq!(stream.recv().await, Some((index, expected)));
        }
        assert_eq!(stream.recv().await, None);
    }

    #[test]
    fn a_bench_finds_stock_and_capacity_wherever_there_is_any() {
        let shape = Shape { nodes: 20, skus: 50, ..Shape::tight(3, 50) };
        let usual = World::make(shape.clone(), None).unwrap();
        let ample = World::make(Shape { stock_floor: 900, capacity_factor: 10, ..shape }, None).unwrap();
        assert!(usual.stock().any(|row| row.quantity < 900) && ample.stock().all(|row| row.quantity >= 900));
        let capacity = |world: &World| world.retailer.nodes[0].day_capacity_units.unwrap();
        assert_eq!(capacity(&ample), 10 * capacity(&usual));
    }

    #[test]
    fn every_node_of_a_retailer_tells_its_kind_by_its_id() {
        let world = World::make(Shape { nodes: 120, skus: 10, ..Shape::tight(1, 1) }, None).unwrap();
        for node in &world.retailer.nodes {
            assert_eq!(World::kind_of(&node.node_id), Some(node.kind), "{}", node.node_id);
        }
        assert_eq!(World::kind_of(""), None);
    }
}
