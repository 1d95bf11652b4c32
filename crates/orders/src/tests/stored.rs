//! What is stored stays readable and small.

use super::build::{line, order, units};
use super::world::World;
use crate::history::Entry;
use waybill_machine::record::{decode, encode};
use waybill_types::LineNo;

#[test]
fn a_usual_order_takes_few_bytes() {
    let mut world = World::with_stock(&[("A", "n1", 5), ("B", "n1", 5), ("C", "n1", 5)]);
    let id = world.place(order("1000001", vec![line("A", 1), line("B", 2), line("C", 1)]));
    world.settle();
    let work = world.order(id).1.works[0].id;
    for (number, count) in [(1, 1), (2, 2), (3, 1)] {
        world.pick(work, LineNo(number), units(count));
    }
    world.ship(work);
    world.deliver(work);
    world.settle();
    let (opening, order) = world.order(id);
    let (opening, order) = (encode(&*opening).len(), encode(&*order).len());
    assert!(opening < 900, "the opening row takes {opening} bytes");
    assert!(order < 1_500, "the order row takes {order} bytes");
    assert_eq!(world.state.history.all().len(), 0, "its history still fits the order row");
}

#[test]
fn a_long_history_is_kept_in_chunks_and_rebuilds_the_order() {
    let mut world = World::new();
    let id = world.place(order("1", vec![line("A", 3)]));
    world.settle();
    for round in 0..150 {
        world.receive_stock("A", &format!("n{round}"), 1);
        world.stock.clear();
        world.settle();
    }
    assert!(world.state.history.all().len() >= 3);
    let (_, order) = world.order(id);
    assert!(order.tail.entries.len() < crate::history::CHUNK_BYTES);
    assert!(order.attempts.len() <= 17, "attempts that are over are not listed for ever");
    world.audit_at_rest();
    let history = world.state.history(id).unwrap().unwrap();
    assert_eq!(history.len() as u64, order.revision);
    let origin = history[0].origin.as_ref().unwrap();
    assert_eq!((origin.channel.as_str(), origin.actor.as_str()), ("web", "anna"));
}

#[test]
fn a_history_entry_is_stored_as_an_entry() {
    let mut world = World::new();
    let id = world.place(order("1", vec![line("A", 3)]));
    world.settle();
    for entry in world.state.history(id).unwrap().unwrap() {
        assert_eq!(decode::<Entry>(&encode(&entry)).unwrap(), entry);
    }
}
