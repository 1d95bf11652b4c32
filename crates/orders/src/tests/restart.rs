//! Killed at every point between accept, reserve and record: afterwards the order has its reservation, or neither exists.

use super::build::{confirm, line, node, order};
use super::world::World;
use crate::{Status, status};

/// Runs one order to rest, restarting before step `at`; says how many steps there were.
fn run(at: usize, closed: bool, stock: u64, with_hold: bool, confirmed: bool) -> (World, usize) {
    let mut world = World::with_stock(&[("A", "n1", stock), ("B", "n2", 2)]);
    if closed {
        world.closed = vec![node("n1")];
    }
    let lines = vec![line("A", 2), line("B", 1)];
    let mut wanted = if confirmed { confirm("1", lines) } else { order("1", lines) };
    if with_hold {
        wanted.hold = Some(world.hold(1, &[("B", "n2", 2)]));
    }
    world.place(wanted);
    let mut steps = 0;
    loop {
        if steps == at {
            world.restart();
            // Twice in a row changes nothing either.
            world.restart();
        }
        steps += 1;
        let moved = world.deliver_in(steps) || world.deliver_out(steps) || world.answer_note();
        if !moved && world.tick(500).is_empty() {
            break;
        }
        assert!(steps < 1_000, "the flow does not come to rest");
    }
    (world, steps)
}

#[test]
fn an_order_killed_at_any_event_ends_as_if_it_had_not_been() {
    for closed in [false, true] {
        for stock in [0, 1, 5] {
            for (with_hold, confirmed) in [(false, false), (true, false), (false, true), (true, true)] {
                let (whole, steps) = run(usize::MAX, closed, stock, with_hold, confirmed);
                let id = waybill_types::OrderId::new(0, 1);
                let expected = status(&whole.order(id).1);
                for at in 0..steps {
                    let (world, _) = run(at, closed, stock, with_hold, confirmed);
                    assert_eq!(status(&world.order(id).1), expected, "killed before step {at}");
                    assert_eq!(world.claims, whole.claims, "killed before step {at}");
                    world.audit_at_rest();
                    if expected == Status::Refused {
                        assert!(world.claims.is_empty(), "a refused order keeps nothing");
                    }
                }
            }
        }
    }
}
