//! How many availability reads and baskets a mirror answers per second while it is written to.
//! Run with `cargo run --release -p waybill-mirror --example reads`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use waybill_mirror::{Figures, ItemChange, Mirror, StockChange};
use waybill_types::{Layout, NodeId, OwnerId, PartitionId, Quantity, Service, Sku, Text, Timestamp};

const SKUS: usize = 50_000;
const NODES: usize = 20;

fn main() {
    let layout = Layout::even(8).expect("valid");
    let mirror = Mirror::new(layout);
    let owner = OwnerId::main();
    let skus: Vec<Sku> = (0..SKUS).map(|n| Sku::new(format!("SKU-{n}")).expect("valid")).collect();
    let nodes: Vec<NodeId> = (0..NODES).map(|n| NodeId::new(format!("store-{n}")).expect("valid")).collect();
    let change = |sku: &Sku, node: &NodeId, version| StockChange {
        sku: sku.clone(),
        owner: OwnerId::main(),
        node: node.clone(),
        figures: Figures { sellable: Quantity::of(version % 90 + 10), ..Figures::default() },
        version,
        at: Timestamp::ZERO,
    };
    let began = Instant::now();
    for partition in layout.partitions(Service::Inventory) {
        let mine = || skus.iter().filter(move |sku| layout.sku_home(sku) == partition);
        let item = |sku: &Sku| ItemChange {
            sku: sku.clone(),
            scale: 0,
            weight_g: 500,
            no_split: false,
            inactive: false,
            name: Text::default(),
            class: None,
        };
        let stock = mine().flat_map(|sku| nodes.iter().map(move |node| change(sku, node, 1)));
        mirror.load(partition, 1, mine().map(item), stock);
    }
    println!("RESULT load of {} positions: {} ms", mirror.positions(), began.elapsed().as_millis());

    let stop = AtomicBool::new(false);
    let (reads, baskets, writes) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut version = 2;
            while !stop.load(Ordering::Relaxed) {
                let sku = &skus[version as usize * 7_919 % SKUS];
                let home: PartitionId = layout.sku_home(sku);
                mirror.apply(home, version, [], [change(sku, &nodes[version as usize % NODES], version)]);
                writes.fetch_add(1, Ordering::Relaxed);
                version += 1;
                // About 10,000 changes a second.
                std::thread::sleep(Duration::from_micros(40));
            }
        });
        scope.spawn(|| {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let sku = &skus[n * 104_729 % SKUS];
                if n % 4 == 0 {
                    let next = &skus[n * 104_723 % SKUS];
                    std::hint::black_box(mirror.basket([(sku, &owner), (next, &owner)]));
                    baskets.fetch_add(1, Ordering::Relaxed);
                } else {
                    std::hint::black_box(mirror.stock(sku, &owner));
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        std::thread::sleep(Duration::from_secs(3));
        stop.store(true, Ordering::Relaxed);
    });
    let per_s = |count: &AtomicU64| count.load(Ordering::Relaxed) / 3;
    println!(
        "RESULT one reader: {} reads/s with 20 nodes each and {} baskets/s, beside {} writes/s",
        per_s(&reads),
        per_s(&baskets),
        per_s(&writes)
    );
}
