//! A checkout's hold becomes the order's reservation without a gap, or the order is planned like any other.

use super::build::{confirm, line, order, pickup, units};
use super::world::{World, goods};
use crate::units::Bucket;
use crate::{Status, status};

#[test]
fn a_hold_is_adopted_under_its_own_name() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let hold = world.hold(1, &[("A", "n1", 2)]);
    let mut wanted = confirm("1", vec![line("A", 2)]);
    wanted.hold = Some(hold);
    let id = world.place(wanted);
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(status(&order), Status::Released);
    assert_eq!(order.works[0].reservation, hold);
    assert_eq!(world.claims.keys().copied().collect::<Vec<_>>(), [hold], "no other reservation was made");
    world.audit_at_rest();
}

#[test]
fn what_a_hold_has_beyond_the_order_is_given_back_and_what_it_lacks_is_planned() {
    let mut world = World::with_stock(&[("A", "n1", 3), ("B", "n1", 1), ("C", "n2", 1)]);
    let hold = world.hold(1, &[("A", "n1", 3), ("C", "n2", 1)]);
    let mut wanted = confirm("1", vec![line("A", 1), line("B", 1), pickup("A", 1, "n1")]);
    wanted.hold = Some(hold);
    let id = world.place(wanted);
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(status(&order), Status::Released);
    assert_eq!(world.stock[&goods("A", "n1")], units(1));
    assert_eq!(world.stock[&goods("C", "n2")], units(1));
    assert_eq!(order.last_attempt, 2);
    world.audit_at_rest();
}

#[test]
fn a_hold_that_lapsed_is_planned_like_any_other_order_and_never_confirms_without_stock() {
    for left in [0, 1] {
        let mut world = World::with_stock(&[("A", "n1", 1)]);
        let hold = world.hold(1, &[("A", "n1", 1)]);
        world.give_back(hold, &goods("A", "n1"), units(1));
        world.stock.insert(goods("A", "n1"), units(left));
        let mut wanted = confirm("1", vec![line("A", 1)]);
        wanted.hold = Some(hold);
        let id = world.place(wanted);
        world.settle();
        let expected = if left == 1 { Status::Released } else { Status::Refused };
        assert_eq!(status(&world.order(id).1), expected);
        world.audit_at_rest();
    }
}

#[test]
fn of_two_orders_with_one_hold_the_second_finds_it_gone() {
    let mut world = World::with_stock(&[("A", "n1", 1)]);
    let hold = world.hold(1, &[("A", "n1", 1)]);
    let mut first = order("1", vec![line("A", 1)]);
    first.hold = Some(hold);
    let mut second = order("2", vec![line("A", 1)]);
    second.hold = Some(hold);
    let (first, second) = (world.place(first), world.place(second));
    world.settle();
    assert_eq!(status(&world.order(first).1), Status::Released);
    assert_eq!(status(&world.order(second).1), Status::Backordered);
    world.audit_at_rest();
}

#[test]
fn cancelling_at_any_moment_gives_the_hold_back() {
    for steps in 0..6 {
        let mut world = World::with_stock(&[("A", "n1", 3)]);
        let hold = world.hold(1, &[("A", "n1", 3)]);
        let mut wanted = order("1", vec![line("A", 3)]);
        wanted.hold = Some(hold);
        wanted.release_at = Some(world.now.plus_ms(1_000_000));
        let id = world.place(wanted);
        for step in 0..steps {
            match step % 3 {
                0 => world.deliver_out(0),
                1 => world.deliver_in(0),
                _ => world.answer_note(),
            };
        }
        let cancel = |count| {
            let lines = vec![crate::command::CancelLine {
                line: waybill_types::LineNo(1),
                quantity: Some(units(count)),
            }];
            crate::Command::Cancel(crate::command::Cancel { order: id, expected_revision: None, lines })
        };
        world.ask(&cancel(1)).unwrap();
        world.audit();
        if steps % 2 == 0 {
            world.settle();
        }
        world.ask(&cancel(2)).unwrap();
        world.settle();
        assert_eq!(world.order(id).1.lines[0].buckets.get(Bucket::Cancelled), units(3));
        assert_eq!(world.stock[&goods("A", "n1")], units(3), "after {steps} steps");
        world.audit_at_rest();
    }
}
