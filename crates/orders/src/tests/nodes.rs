//! What nodes report: picks, parcels, shorts, rejections.

use super::build::{line, node, order, pickup, units};
use super::world::World;
use crate::order::WorkState;
use crate::units::Bucket;
use crate::{Status, status};
use waybill_types::exchange::{LineUnits, Message, Step};
use waybill_types::{FulfillmentOrderId, LineNo, OrderId};

const FIRST: LineNo = LineNo(1);

fn placed(world: &mut World, lines: Vec<crate::command::NewLine>) -> (OrderId, Vec<FulfillmentOrderId>) {
    let id = world.place(order("1", lines));
    world.settle();
    let works = world.order(id).1.works.iter().map(|work| work.id).collect();
    (id, works)
}

#[test]
fn units_follow_the_node_to_the_customer() {
    let mut world = World::with_stock(&[("A", "n1", 3)]);
    let (id, works) = placed(&mut world, vec![line("A", 3)]);
    world.pick(works[0], FIRST, units(3));
    world.settle();
    assert_eq!(status(&world.order(id).1), Status::Picked);
    world.ship(works[0]);
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(status(&order), Status::Shipped);
    assert_eq!((order.works[0].carrier.as_str(), order.works[0].tracking[0].as_str()), ("post", "T1"));
    world.deliver(works[0]);
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(status(&order), Status::Delivered);
    assert!(crate::status::is_closed(&order));
    world.audit_at_rest();
}

#[test]
fn a_pickup_is_handed_over_at_the_counter() {
    let mut world = World::with_stock(&[("A", "n1", 1)]);
    let (id, works) = placed(&mut world, vec![pickup("A", 1, "n1")]);
    world.pick(works[0], FIRST, units(1));
    world.step(works[0], Step::ReadyForPickup);
    world.settle();
    assert_eq!(world.order(id).1.works[0].state, WorkState::ReadyForPickup);
    world.hand_over(works[0]);
    world.settle();
    assert_eq!(status(&world.order(id).1), Status::Delivered);
    world.audit_at_rest();
}

#[test]
fn what_a_node_does_not_find_is_planned_elsewhere() {
    let mut world = World::with_stock(&[("A", "n1", 9), ("A", "n2", 1)]);
    let (id, works) = placed(&mut world, vec![line("A", 3)]);
    world.pick(works[0], FIRST, units(1));
    world.short(works[0], FIRST, units(2));
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(order.works[1].node, node("n2"), "the node that lacks it is not asked again");
    assert_eq!(order.lines[0].buckets.get(Bucket::Released), units(1));
    assert_eq!(order.lines[0].buckets.get(Bucket::Picked), units(1));
    assert_eq!(order.lines[0].buckets.get(Bucket::Backordered), units(1));
    assert_eq!(order.works[0].state, WorkState::Picked);
    world.audit_at_rest();
}

#[test]
fn a_rejection_gives_the_claim_back_and_is_planned_elsewhere() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("A", "n2", 2)]);
    let (id, works) = placed(&mut world, vec![line("A", 2)]);
    world.reject(works[0]);
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(order.works[0].state, WorkState::Rejected);
    assert_eq!(order.works[1].node, node("n2"));
    assert_eq!(world.stock[&super::world::goods("A", "n1")], units(2));
    world.audit_at_rest();
}

#[test]
fn a_node_that_refuses_work_is_not_asked_again_until_its_stock_changes() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    world.closed.push(node("n1"));
    let (id, _) = placed(&mut world, vec![line("A", 2)]);
    let arrived = |at: Option<&str>| {
        Message::StockArrived(
            id,
            super::build::sku("A"),
            waybill_types::OwnerId::main(),
            at.map(super::build::node),
        )
    };
    let asked = world.order(id).1.last_work;
    world.hear(arrived(None));
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(order.last_work, asked, "what it gave back itself is no reason to ask again");
    assert_eq!(order.lines[0].buckets.get(Bucket::Backordered), units(2));
    world.closed.clear();
    world.hear(arrived(Some("n1")));
    world.settle();
    assert_eq!(world.order(id).1.lines[0].buckets.get(Bucket::Released), units(2));
    world.audit_at_rest();
}

#[test]
fn units_that_a_second_node_sends_back_go_to_the_first_once_its_stock_has_changed() {
    for changed in [false, true] {
        let mut world = World::with_stock(&[("A", "n1", 2), ("A", "n2", 2)]);
        let (id, works) = placed(&mut world, vec![line("A", 2)]);
        world.reject(works[0]);
        world.settle();
        let second = world.order(id).1.works[1].id;
        if changed {
            let at = Some(node("n1"));
            let main = waybill_types::OwnerId::main();
            world.hear(Message::StockArrived(id, super::build::sku("A"), main, at));
        }
        world.reject(second);
        world.settle();
        let (_, order) = world.order(id);
        let nodes: Vec<_> = order.works.iter().map(|work| work.node.as_str()).collect();
        assert_eq!(nodes, if changed { vec!["n1", "n2", "n1"] } else { vec!["n1", "n2"] });
        let waiting = order.lines[0].buckets.get(Bucket::Backordered);
        assert_eq!(waiting, units(if changed { 0 } else { 2 }));
        world.audit_at_rest();
    }
}

#[test]
fn one_line_may_be_in_several_buckets_at_several_nodes() {
    let mut world = World::with_stock(&[("A", "n1", 1), ("A", "n2", 1)]);
    let (id, works) = placed(&mut world, vec![line("A", 3)]);
    world.pick(works[0], FIRST, units(1));
    world.ship(works[0]);
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(status(&order), Status::PartiallyShipped);
    assert_eq!(crate::status::span(&order), Some((Bucket::Backordered, Bucket::Shipped)));
    let buckets = order.lines[0].buckets;
    let at = [Bucket::Shipped, Bucket::Released, Bucket::Backordered].map(|b| buckets.get(b).units());
    assert_eq!(at, [1, 1, 1]);
    world.audit_at_rest();
}

#[test]
fn a_report_about_work_the_order_does_not_have_changes_nothing() {
    let mut world = World::with_stock(&[("A", "n1", 1)]);
    let (_, works) = placed(&mut world, vec![line("A", 1)]);
    let unknown = FulfillmentOrderId { number: 9, ..works[0] };
    let too_many = vec![LineUnits { line: LineNo(2), quantity: units(4) }];
    for message in [
        Message::WorkProgress(unknown, Step::Accepted),
        Message::WorkProgress(works[0], Step::Picked(too_many.clone())),
        Message::WorkPlanned(works[0]),
        Message::WorkCancelled {
            id: works[0],
            stopped: too_many,
            too_late: Vec::new(),
            recall: 0,
            asked: Vec::new(),
        },
        Message::ForgetStock(unknown.order, super::build::sku("A"), waybill_types::OwnerId::main()),
    ] {
        assert!(world.hear(message).is_empty());
    }
    world.audit_at_rest();
}
