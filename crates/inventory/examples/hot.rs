//! How much one reservation of a hot SKU costs: decide, apply and encode, without journal and without sockets.
//! Run with `cargo run --release -p waybill-inventory --features driver --example hot`.

use std::time::Instant;
use waybill_inventory::driver::Cluster;
use waybill_inventory::{Command, Condition, Item, ItemFlags, ItemRow, Spot, Unit};
use waybill_types::exchange::{Claim, Message, ReserveMode, ReserveRequest};
use waybill_types::{
    Attributes, NodeId, OrderId, OwnerId, PartitionId, Quantity, ReservationId, Service, Sku, Text,
};

const NODES: usize = 1_000;
const RESERVATIONS: u64 = 200_000;

#[allow(clippy::disallowed_methods)] // a measurement reads the clock; the machine does not
fn main() {
    let mut cluster = Cluster::new(1);
    let here = PartitionId::new(Service::Inventory, 0);
    let sku = Sku::new("HOT").expect("valid");
    let text = || Text::new("").expect("valid");
    let item = Item {
        sku: sku.clone(),
        name: text(),
        unit: Unit::Piece,
        scale: 0,
        weight_g: 0,
        dimensions: None,
        flags: ItemFlags::default(),
        aliases: Vec::new(),
        return_window_days: None,
        bundle_parts: Vec::new(),
        substitutes: Vec::new(),
        attributes: Attributes::default(),
        owner: OwnerId::main(),
        inactive: false,
    };
    let rows = vec![ItemRow { item, expected_revision: None }];
    cluster.ask(here, &Command::UpsertItems(rows)).expect("accepted");
    let nodes: Vec<NodeId> =
        (0..NODES).map(|n| NodeId::new(format!("store-{n:04}")).expect("valid")).collect();
    for node in &nodes {
        let spot = Spot { sku: sku.clone(), owner: OwnerId::main(), node: node.clone() };
        let (condition, quantity) = (Condition::Sellable, Quantity::of(1_000_000));
        cluster
            .ask(here, &Command::Receive { spot, condition, quantity, reference: text() })
            .expect("accepted");
    }
    for (name, spread) in [("one position", 1), ("1,000 positions", NODES)] {
        let began = Instant::now();
        for number in 1..=RESERVATIONS {
            let node = nodes[number as usize % spread].clone();
            let claim = Claim { sku: sku.clone(), owner: OwnerId::main(), node, quantity: Quantity::ONE };
            let order = OrderId::new(0, number + spread as u64 * RESERVATIONS);
            let id = ReservationId::Order { home: 0, order, attempt: 1 };
            let request = ReserveRequest {
                id,
                claims: vec![claim],
                mode: ReserveMode::AllOrNothing,
                expires_at: None,
                takes_over: Vec::new(),
            };
            let message = Message::Reserve(request);
            cluster.ask(here, &Command::Message { from: here, message }).expect("accepted");
        }
        let each = began.elapsed().as_nanos() / u128::from(RESERVATIONS);
        println!("RESULT reservation of one SKU at {name}: {each} ns each");
        cluster.told.clear();
        cluster.notes.clear();
    }
}
