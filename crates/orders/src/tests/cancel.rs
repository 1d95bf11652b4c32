//! Cancelling at every stage: at once where no node was told, by asking the node's partition where one was.

use super::build::{line, node, order, units};
use super::world::{World, goods};
use crate::command::{Cancel, CancelLine, Command};
use crate::units::Bucket;
use crate::{Answer, LineCancelled, Refusal, Status};
use waybill_machine::{Code, Coded};
use waybill_types::{LineNo, OrderId};

fn whole(order: OrderId) -> Command {
    Command::Cancel(Cancel { order, expected_revision: None, lines: Vec::new() })
}

fn some(order: OrderId, line: u16, count: u64) -> Command {
    let lines = vec![CancelLine { line: LineNo(line), quantity: Some(units(count)) }];
    Command::Cancel(Cancel { order, expected_revision: None, lines })
}

fn lines(answer: Answer) -> Vec<LineCancelled> {
    match answer {
        Answer::Cancelled { lines, .. } => lines,
        other => panic!("{other:?}"),
    }
}

fn counts(line: &LineCancelled) -> (u64, u64, u64) {
    (line.requested.units(), line.cancelled.units(), line.too_late.units())
}

/// An order of three units, cancelled after `steps` of its flow, ends with nothing reserved unless it was released.
#[test]
fn a_cancel_at_any_moment_of_the_flow_leaves_nothing_over() {
    for steps in 0..12 {
        for cancelled in [1, 3] {
            let mut world = World::with_stock(&[("A", "n1", 2), ("A", "n2", 2)]);
            let mut wanted = order("1", vec![line("A", 3)]);
            wanted.release_at = Some(world.now.plus_ms(1_000_000));
            let id = world.place(wanted);
            for step in 0..steps {
                match step % 3 {
                    0 => world.answer_note(),
                    1 => world.deliver_out(step),
                    _ => world.deliver_in(step),
                };
            }
            let answer = lines(world.ask(&some(id, 1, cancelled)).unwrap());
            assert_eq!(counts(&answer[0]), (cancelled, cancelled, 0), "after {steps} steps");
            world.audit();
            world.settle();
            let reserved: u64 = world.claims.values().flat_map(|c| c.values()).map(|u| u.units()).sum();
            assert_eq!(reserved, 3 - cancelled, "after {steps} steps");
            assert_eq!(world.order(id).1.recalls(), 0);
            world.audit_at_rest();
        }
    }
}

#[test]
fn released_units_stop_when_the_nodes_partition_says_so_and_are_asked_for_once() {
    let mut world = World::with_stock(&[("A", "n1", 1)]);
    let id = world.place(order("1", vec![line("A", 3)]));
    world.settle();
    let answer = lines(world.ask(&whole(id)).unwrap());
    assert_eq!(counts(&answer[0]), (3, 2, 0));
    assert_eq!(answer[0].asked_of_node, units(1));
    assert_eq!(world.order(id).1.lines[0].cancel_requested, units(1));
    let again = lines(world.ask(&whole(id)).unwrap());
    assert_eq!((counts(&again[0]), again[0].asked_of_node), ((1, 0, 0), units(1)));
    assert_eq!(again[0].cancelled_before, units(2));
    assert_eq!(world.order(id).1.recalls(), 1, "nobody is asked twice");
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!((crate::status(&order), order.recalls()), (Status::Cancelled, 0));
    assert_eq!(order.lines[0].cancel_requested, units(0));
    assert!(world.waits.is_empty(), "nobody waits for cancelled units");
    assert_eq!(world.stock[&goods("A", "n1")], units(1), "the claim is given back");
    world.audit_at_rest();
}

#[test]
fn a_cancelled_order_has_that_status_and_a_second_cancel_finds_nothing() {
    let mut world = World::with_stock(&[("A", "n1", 5)]);
    let id = world.place(order("1", vec![line("A", 2), line("A", 1)]));
    match world.ask(&whole(id)).unwrap() {
        Answer::Cancelled { status, lines, .. } => {
            assert_eq!(status, Status::Cancelled);
            assert_eq!(lines.len(), 2);
        }
        other => panic!("{other:?}"),
    }
    let again = lines(world.ask(&whole(id)).unwrap());
    assert_eq!(counts(&again[0]), (0, 0, 0));
    world.settle();
    assert_eq!(world.stock[&goods("A", "n1")], units(5));
    world.audit_at_rest();
}

#[test]
fn part_of_a_wait_is_cancelled_and_the_rest_still_waits() {
    let mut world = World::new();
    let id = world.place(order("1", vec![line("A", 5)]));
    world.settle();
    world.ask(&some(id, 1, 2)).unwrap();
    world.settle();
    assert_eq!(world.waits.values().copied().collect::<Vec<_>>(), [units(3)]);
    world.ask(&whole(id)).unwrap();
    world.settle();
    assert!(world.waits.is_empty());
    world.audit_at_rest();
}

#[test]
fn a_cancel_of_work_that_its_node_refuses_meanwhile_gives_each_unit_back_once() {
    let mut world = World::with_stock(&[("A", "n1", 3)]);
    world.closed = vec![node("n1")];
    let id = world.place(order("1", vec![line("A", 3)]));
    world.answer_note();
    world.deliver_out(0);
    world.deliver_in(0);
    assert_eq!(world.order(id).1.lines[0].buckets.get(Bucket::Reserved), units(3));
    world.ask(&some(id, 1, 2)).unwrap();
    world.settle();
    assert_eq!(world.order(id).1.lines[0].buckets.get(Bucket::Backordered), units(1));
    assert_eq!(world.stock[&goods("A", "n1")], units(3));
    world.audit_at_rest();
}

#[test]
fn a_stale_revision_an_unknown_order_and_wrong_lines_are_refused() {
    let mut world = World::new();
    let id = world.place(order("1", vec![line("A", 2)]));
    let stale = Command::Cancel(Cancel { order: id, expected_revision: Some(9), lines: Vec::new() });
    assert_eq!(world.ask(&stale).unwrap_err(), Refusal::StaleRevision { order: id, expected: 9, current: 1 });
    assert_eq!(world.ask(&whole(OrderId::new(0, 99))).unwrap_err().code(), Code::Unknown);
    let twice = CancelLine { line: LineNo(1), quantity: Some(units(3)) };
    let lines = vec![twice, twice, CancelLine { line: LineNo(2), quantity: None }];
    let refused =
        world.ask(&Command::Cancel(Cancel { order: id, expected_revision: None, lines })).unwrap_err();
    let fields: Vec<String> = refused.violations().into_iter().map(|violation| violation.field).collect();
    assert_eq!(
        fields,
        ["lines[0].quantity", "lines[1].line_number", "lines[1].quantity", "lines[2].line_number"]
    );
}
