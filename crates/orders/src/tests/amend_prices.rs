//! Prices set together with a change that asks inventory: what leaves, or comes back, before inventory answers keeps what it
//! cost when it left.

use super::amending::*;
use super::build::{line, units};
use super::world::World;
use crate::command::{AddedAmounts, Change, Command};
use crate::order::AmendmentWait;
use crate::units::Bucket;

/// Four units of A at 10.00 with a node; from now on they shall cost 7.00, and a unit of B is added, for which inventory has
/// been asked.
fn repriced(world: &mut World) -> waybill_types::OrderId {
    let id = released(world, vec![line("A", 4)]);
    let amounts = AddedAmounts { unit_price: 700, total: 2_800, ..cost(0) };
    let changes = vec![Change::SetPrice { line: FIRST, amounts }, add(line("B", 1))];
    let by_phone = Command::Amend(Box::new(amending(world, id, changes)));
    world.ask_from("call_center", &by_phone).unwrap();
    world.answer_note();
    assert!(matches!(wait(world, id), Some(AmendmentWait::Stock { .. })), "{:?}", wait(world, id));
    id
}

/// What each unit of the first line carries.
fn prices(world: &World, id: waybill_types::OrderId) -> Vec<i64> {
    let (opening, order) = world.order(id);
    let shares = &order.content(&opening).lines[0].shares;
    shares.iter().flat_map(|share| vec![share.subtotal; share.count as usize]).collect()
}

/// Orders hears what nodes have to say, and inventory is still thinking.
fn hear_nodes(world: &mut World) {
    while world.deliver_in(0) {}
}

#[test]
fn units_that_leave_while_stock_is_asked_for_keep_their_price_and_the_others_take_the_new_one() {
    let mut world = World::with_stock(&[("A", "n1", 4), ("B", "n2", 1)]);
    let id = repriced(&mut world);
    let work = world.order(id).1.works[0].id;
    world.pick(work, FIRST, units(2));
    world.ship(work);
    hear_nodes(&mut world);
    assert!(!is_applied(&world, id), "inventory has not answered");
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Shipped), 2);
    world.settle();
    assert!(is_applied(&world, id));
    assert_eq!(prices(&world, id), [1_000, 1_000, 700, 700]);
    assert_eq!(total(&world, id), 2 * 1_000 + 2 * 700 + 1_000);
    world.restart();
    world.audit_at_rest();
}

#[test]
fn without_such_units_all_take_the_new_price() {
    let mut world = World::with_stock(&[("A", "n1", 4), ("B", "n2", 1)]);
    let id = repriced(&mut world);
    world.settle();
    assert!(is_applied(&world, id));
    assert_eq!((prices(&world, id), total(&world, id)), (vec![700; 4], 4 * 700 + 1_000));
    world.audit_at_rest();
}
