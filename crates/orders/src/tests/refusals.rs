//! Nodes that say no or do not find it: nobody is asked twice unless their stock has changed, and what every node refused
//! is in the exception queue.

use super::build::{line, node, order, units};
use super::world::{World, goods};
use crate::command::{Cancel, Command};
use crate::order::UnservedReason;
use crate::units::Bucket;
use crate::{Status, status};
use waybill_types::exchange::Message;
use waybill_types::policy::OrderPolicy;
use waybill_types::{LineNo, NodeId, OrderId};

const FIRST: LineNo = LineNo(1);

fn nodes(world: &World, id: OrderId) -> Vec<NodeId> {
    world.order(id).1.works.iter().map(|work| work.node.clone()).collect()
}

/// Every node that has the work now says no.
fn reject_all(world: &mut World) {
    let open: Vec<_> =
        world.works.iter().filter(|(_, work)| !work.to_pick.is_empty()).map(|(id, _)| *id).collect();
    for id in open {
        world.reject(id);
    }
    world.settle();
}

/// Case 11 of the domain, scenario 25.
#[test]
fn when_every_node_rejects_somebody_has_to_look_and_nobody_is_asked_twice_unless_their_stock_changes() {
    let mut world = World::with_stock(&[("A", "n1", 9), ("A", "n2", 9), ("A", "n3", 9)]);
    let id = world.place(order("1", vec![line("A", 2)]));
    world.settle();
    let began = world.now;
    for _ in 0..5 {
        reject_all(&mut world);
    }
    assert_eq!(nodes(&world, id), [node("n1"), node("n2"), node("n3")]);
    assert_eq!(status(&world.order(id).1), Status::Backordered);
    let queue = world.state.exceptions(None, 10);
    assert_eq!((queue.len(), queue[0].order, queue[0].since), (1, id, began));
    let stuck = &queue[0].lines[0];
    assert_eq!((stuck.line, stuck.quantity, stuck.reason), (FIRST, units(2), UnservedReason::NodesRefused));
    assert_eq!(stuck.tried, [node("n1"), node("n2"), node("n3")]);
    assert!(
        world.state.exceptions(Some((queue[0].since, id)), 10).is_empty(),
        "pages go on after the last row"
    );
    world.audit_at_rest();

    // A claim somewhere was given back: their stock has not changed.
    world.now = world.now.plus_ms(60_000);
    let owner = waybill_types::OwnerId::main();
    world.hear(Message::StockArrived(id, super::build::sku("A"), owner, None));
    world.settle();
    assert_eq!(nodes(&world, id).len(), 3, "nobody was asked again");
    assert_eq!(world.state.exceptions(None, 10)[0].since, began, "it has waited since then");

    world.receive_stock("A", "n2", 1);
    world.settle();
    assert_eq!(nodes(&world, id).last(), Some(&node("n2")));
    assert_eq!(nodes(&world, id).len(), 4);
    assert!(world.state.exceptions(None, 10).is_empty(), "it left the queue by itself");
    reject_all(&mut world);
    assert_eq!(world.state.exceptions(None, 10).len(), 1);
    let cancel = Command::Cancel(Cancel { order: id, expected_revision: None, lines: Vec::new() });
    world.ask(&cancel).unwrap();
    world.settle();
    assert!(world.state.exceptions(None, 10).is_empty());
    world.audit_at_rest();
}

#[test]
fn a_node_that_lacks_one_line_is_still_asked_for_the_others() {
    let mut world = World::with_stock(&[("A", "n1", 9), ("B", "n1", 9), ("A", "n2", 9), ("B", "n2", 1)]);
    let id = world.place(order("1", vec![line("A", 1)]));
    world.settle();
    let work = world.order(id).1.works[0].id;
    world.short(work, FIRST, units(1));
    world.settle();
    assert_eq!(nodes(&world, id), [node("n1"), node("n2")]);
    // Another order hears nothing of it: what one order was told is not about the others.
    let other = world.place(order("2", vec![line("A", 1), line("B", 1)]));
    world.settle();
    assert_eq!(nodes(&world, other), [node("n1")]);
    let work = world.order(other).1.works[0].id;
    world.short(work, FIRST, units(1));
    world.reject(work);
    world.settle();
    let (_, after) = world.order(other);
    assert_eq!(after.works[1..].iter().map(|work| work.node.as_str()).collect::<Vec<_>>(), ["n2", "n2"]);
    world.audit_at_rest();
}

#[test]
fn the_policy_says_how_often_nodes_may_send_units_back() {
    let mut world = World::with_stock(&[("A", "n1", 9), ("A", "n2", 9), ("A", "n3", 9)]);
    let policy = OrderPolicy { bounces_max: 1, ..OrderPolicy::sound() };
    world.ask(&Command::SetOrderPolicy { policy: Box::new(policy), expected_version: None }).unwrap();
    let id = world.place(order("1", vec![line("A", 1)]));
    world.settle();
    reject_all(&mut world);
    reject_all(&mut world);
    assert_eq!(nodes(&world, id), [node("n1"), node("n2")], "the third is not asked");
    assert_eq!(world.state.exceptions(None, 1)[0].lines[0].reason, UnservedReason::NodesRefused);
    world.audit_at_rest();
}

#[test]
fn an_order_that_simply_waits_for_stock_needs_nobody() {
    let mut world = World::new();
    let id = world.place(order("1", vec![line("A", 1)]));
    world.settle();
    assert_eq!(world.order(id).1.lines[0].waits.unwrap().reason, UnservedReason::NoStock);
    assert!(world.state.exceptions(None, 10).is_empty());
    world.receive_stock("A", "n1", 1);
    world.settle();
    assert_eq!(world.order(id).1.lines[0].waits, None);
    assert_eq!(world.stock[&goods("A", "n1")], units(0));
}

#[test]
fn nodes_that_were_full_or_closed_are_why_units_wait_and_are_asked_again_when_their_stock_changes() {
    let mut world = World::with_stock(&[("A", "n1", 9), ("A", "n2", 9)]);
    world.closed = vec![node("n1"), node("n2")];
    let id = world.place(order("1", vec![line("A", 1)]));
    world.settle();
    let queue = world.state.exceptions(None, 10);
    assert_eq!(queue[0].lines[0].reason, UnservedReason::NodesRefused);
    assert_eq!(queue[0].lines[0].tried, [node("n1"), node("n2")]);
    world.closed.clear();
    let arrived = |at| Message::StockArrived(id, super::build::sku("A"), waybill_types::OwnerId::main(), at);
    world.hear(arrived(None));
    world.settle();
    assert_eq!(nodes(&world, id).len(), 2, "or its own claim, given back, would have it ask for ever");
    world.hear(arrived(Some(node("n2"))));
    world.settle();
    assert_eq!(nodes(&world, id).last(), Some(&node("n2")));
    assert_eq!(world.order(id).1.lines[0].buckets.get(Bucket::Released), units(1));
    assert!(world.state.exceptions(None, 10).is_empty());
    world.audit_at_rest();
}
