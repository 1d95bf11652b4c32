//! Cancels of units that nodes have: what is on the shelf stops, what is in hand the node decides, and each unit ends
//! cancelled or with the customer.

use super::build::{line, node, order, pickup, sku, units};
use super::world::{World, goods};
use crate::command::{Cancel, CancelLine, Command};
use crate::order::{OrderHold, WorkState};
use crate::units::Bucket;
use crate::{Answer, LineCancelled, Refusal, Status, status};
use waybill_types::exchange::{LineUnits, Message, Step, Undelivered};
use waybill_types::policy::{ChangeKind, ChangeRule, ChangeStage, HoldCode, OrderPolicy, Verdict};
use waybill_types::{FulfillmentOrderId, LineNo, OrderId, Text};

const FIRST: LineNo = LineNo(1);

fn cancel(world: &mut World, order: OrderId, count: Option<u64>) -> Result<LineCancelled, Refusal> {
    let lines = count.map(|count| CancelLine { line: FIRST, quantity: Some(units(count)) });
    let lines = lines.into_iter().collect();
    match world.ask(&Command::Cancel(Cancel { order, expected_revision: None, lines }))? {
        Answer::Cancelled { lines, .. } => Ok(lines[0]),
        other => panic!("{other:?}"),
    }
}

/// Cancelled, asked of a node, too late.
fn counts(line: &LineCancelled) -> (u64, u64, u64) {
    (line.cancelled.units(), line.asked_of_node.units(), line.too_late.units())
}

fn placed(world: &mut World, lines: Vec<crate::command::NewLine>) -> (OrderId, Vec<FulfillmentOrderId>) {
    let id = world.place(order("1", lines));
    world.settle();
    (id, world.order(id).1.works.iter().map(|work| work.id).collect())
}

fn bucket(world: &World, id: OrderId, bucket: Bucket) -> u64 {
    world.order(id).1.lines[0].buckets.get(bucket).units()
}

/// Case 2 of the domain: of three units one is picked, and the customer cancels all.
#[test]
fn of_three_units_two_stop_at_once_and_the_picked_one_is_the_nodes_to_decide() {
    for stop in [true, false] {
        let mut world = World::with_stock(&[("A", "n1", 3)]);
        let (id, works) = placed(&mut world, vec![line("A", 3)]);
        world.pick(works[0], FIRST, units(1));
        world.settle();
        let answer = cancel(&mut world, id, None).unwrap();
        assert_eq!(counts(&answer), (0, 3, 0));
        world.settle();
        assert_eq!((bucket(&world, id, Bucket::Cancelled), bucket(&world, id, Bucket::Picked)), (2, 1));
        assert_eq!(world.order(id).1.lines[0].cancel_requested, units(1), "one is asked for");
        assert_eq!(world.stock[&goods("A", "n1")], units(2), "their claims are given back");
        world.audit_at_rest();
        world.answer_cancel(works[0], stop);
        world.settle();
        let (_, order) = world.order(id);
        assert_eq!((order.recalls(), order.lines[0].cancel_requested), (0, units(0)));
        if stop {
            assert_eq!((status(&order), order.works[0].state), (Status::Cancelled, WorkState::Cancelled));
            assert_eq!(world.stock[&goods("A", "n1")], units(3));
        } else {
            world.ship(works[0]);
            world.settle();
            assert_eq!(status(&world.order(id).1), Status::Shipped);
            assert_eq!(world.stock[&goods("A", "n1")], units(2));
        }
        world.audit_at_rest();
    }
}

#[test]
fn a_ship_that_comes_first_wins_and_a_second_cancel_asks_nobody_twice() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let (id, works) = placed(&mut world, vec![line("A", 2)]);
    world.pick(works[0], FIRST, units(2));
    world.settle();
    assert_eq!(counts(&cancel(&mut world, id, Some(1)).unwrap()), (0, 1, 0));
    assert_eq!(counts(&cancel(&mut world, id, Some(1)).unwrap()), (0, 1, 0), "another unit");
    assert_eq!(counts(&cancel(&mut world, id, Some(1)).unwrap()), (0, 1, 0), "both are asked for already");
    assert_eq!(world.order(id).1.recalls(), 2);
    world.settle();
    world.ship(works[0]);
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!((status(&order), order.recalls()), (Status::Shipped, 0));
    assert_eq!(order.lines[0].cancel_requested, units(0));
    assert_eq!(counts(&cancel(&mut world, id, None).unwrap()), (0, 0, 2));
    world.audit_at_rest();
}

/// The node said no, or did not find it, before it heard of the cancel: the customer does not want the units any more.
#[test]
fn units_that_come_back_while_their_cancel_is_under_way_are_not_planned_again() {
    for short in [true, false] {
        let mut world = World::with_stock(&[("A", "n1", 3), ("A", "n2", 9)]);
        let (id, works) = placed(&mut world, vec![line("A", 3)]);
        if short {
            world.short(works[0], FIRST, units(3));
        } else {
            world.reject(works[0]);
        }
        assert_eq!(counts(&cancel(&mut world, id, Some(2)).unwrap()), (0, 2, 0));
        world.settle();
        assert_eq!((bucket(&world, id, Bucket::Cancelled), bucket(&world, id, Bucket::Released)), (2, 1));
        let (_, order) = world.order(id);
        assert_eq!((order.works.len(), &order.works[1].node, order.recalls()), (2, &node("n2"), 0));
        world.audit_at_rest();
    }
}

#[test]
fn a_cancel_that_the_shelf_served_does_not_take_a_unit_too_many() {
    let mut world = World::with_stock(&[("A", "n1", 3), ("A", "n2", 9)]);
    let (id, works) = placed(&mut world, vec![line("A", 3)]);
    world.pick(works[0], FIRST, units(1));
    world.short(works[0], FIRST, units(2));
    // Orders knows of nothing yet. The first unit that comes back serves the cancel; the node puts another one back.
    assert_eq!(counts(&cancel(&mut world, id, Some(1)).unwrap()), (0, 1, 0));
    world.settle();
    world.answer_cancel(works[0], true);
    world.settle();
    assert_eq!(bucket(&world, id, Bucket::Cancelled), 1);
    assert_eq!(bucket(&world, id, Bucket::Released), 2, "the one that nobody wants back is planned again");
    world.audit_at_rest();
}

#[test]
fn a_policy_that_spares_units_in_hand_recalls_firmly_and_is_named_when_nothing_else_is_left() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let mut policy = OrderPolicy::sound();
    let rule = ChangeRule {
        channel: None,
        kind: Some(ChangeKind::Cancel),
        stage: Some(ChangeStage::Picked),
        verdict: Verdict::Refuse,
        note: Text::new("picked is sold").unwrap(),
    };
    policy.rules.insert(0, rule);
    world.ask(&Command::SetOrderPolicy { policy: Box::new(policy), expected_version: None }).unwrap();
    let (id, works) = placed(&mut world, vec![line("A", 2)]);
    // Orders believes both to be on the shelf; one is in hand by now.
    world.pick(works[0], FIRST, units(1));
    assert_eq!(counts(&cancel(&mut world, id, None).unwrap()), (0, 2, 0));
    world.settle();
    assert_eq!((bucket(&world, id, Bucket::Cancelled), bucket(&world, id, Bucket::Picked)), (1, 1));
    assert_eq!(world.order(id).1.recalls(), 0, "the node is not asked");
    for count in [Some(1), None] {
        let Refusal::Change(forbidden) = cancel(&mut world, id, count).unwrap_err() else {
            panic!("forbidden")
        };
        let said = forbidden.to_string();
        assert!(said.contains("at stage picked (rule 0 of policy version 1: picked is sold)"), "{said}");
    }
    world.audit_at_rest();
}

#[test]
fn a_hold_may_stop_cancels_of_the_lines_it_covers() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let mut policy = OrderPolicy::sound();
    policy.hold_types[0].stops_changes.push(ChangeKind::Cancel);
    world.ask(&Command::SetOrderPolicy { policy: Box::new(policy), expected_version: None }).unwrap();
    let (id, _) = placed(&mut world, vec![line("A", 1), line("A", 1)]);
    let code = HoldCode::new("fraud").unwrap();
    let hold = Command::PlaceOrderHold { order: id, line: Some(LineNo(2)), code, note: Text::default() };
    world.ask(&hold).unwrap();
    assert!(world.order(id).1.standing_holds().all(OrderHold::stands));
    assert_eq!(counts(&cancel(&mut world, id, Some(1)).unwrap()), (0, 1, 0), "the other line");
    let stopped = cancel(&mut world, id, None).unwrap_err().to_string();
    assert!(stopped.contains("hold 1 (fraud) stops cancel"), "{stopped}");
}

/// Case 21 of the domain, the order's half: one cancel, one claim given back.
#[test]
fn a_pickup_that_nobody_collects_is_cancelled_and_its_claim_given_back_once() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let (id, works) = placed(&mut world, vec![pickup("A", 2, "n1")]);
    world.pick(works[0], FIRST, units(2));
    world.step(works[0], Step::ReadyForPickup);
    world.settle();
    world.no_show(works[0]);
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!((status(&order), order.works[0].state), (Status::Cancelled, WorkState::NotCollected));
    assert_eq!(world.stock[&goods("A", "n1")], units(2));
    let history = world.state.history(id).unwrap().unwrap();
    let ends: Vec<_> = history.iter().rev().take(2).map(|entry| entry.what.name()).collect();
    assert_eq!(ends, ["UnitsCancelled", "WorkProgressed"]);
    // Another job says the same again: the units are not there any more.
    let again = vec![LineUnits { line: FIRST, quantity: units(2) }];
    assert!(world.hear(Message::WorkProgress(works[0], Step::NotCollected(again))).is_empty());
    world.audit_at_rest();
}

/// Scenario 59: the customer takes one of two.
#[test]
fn of_two_at_the_counter_one_is_taken_and_the_other_waits_or_goes_back() {
    for give_up in [true, false] {
        let mut world = World::with_stock(&[("A", "n1", 2)]);
        let (id, works) = placed(&mut world, vec![pickup("A", 2, "n1")]);
        world.pick(works[0], FIRST, units(2));
        world.step(works[0], Step::ReadyForPickup);
        world.hand_over_one_each(works[0], give_up);
        world.settle();
        let (_, order) = world.order(id);
        assert!(order.works[0].delivered_at.is_some());
        let (delivered, cancelled) =
            (bucket(&world, id, Bucket::Delivered), bucket(&world, id, Bucket::Cancelled));
        assert_eq!((delivered, cancelled), (1, u64::from(give_up)));
        let expected = if give_up { WorkState::HandedOver } else { WorkState::ReadyForPickup };
        assert_eq!(order.works[0].state, expected);
        world.audit_at_rest();
    }
}

#[test]
fn units_that_do_not_arrive_end_where_they_were_last_seen() {
    let mut world = World::with_stock(&[("A", "n1", 4)]);
    let (id, works) = placed(&mut world, vec![line("A", 4)]);
    world.pick(works[0], FIRST, units(4));
    world.ship(works[0]);
    let one = || vec![LineUnits { line: FIRST, quantity: units(1) }];
    for why in [Undelivered::Lost, Undelivered::Refused, Undelivered::Refused, Undelivered::RefusedBack] {
        world.step(works[0], Step::Undelivered(why, one()));
    }
    world.settle();
    let at = [Bucket::Shipped, Bucket::Lost, Bucket::Refused, Bucket::ReturnedToSender];
    assert_eq!(at.map(|there| bucket(&world, id, there)), [1, 1, 1, 1]);
    assert_eq!(world.order(id).1.works[0].lines[0].refused, units(1));
    world.step(works[0], Step::Undelivered(Undelivered::ReturnedToSender, one()));
    world.settle();
    assert_eq!(at.map(|there| bucket(&world, id, there)), [0, 1, 1, 2]);
    let (_, order) = world.order(id);
    assert_eq!((status(&order), order.works[0].state), (Status::Undelivered, WorkState::Undelivered));
    // Nothing is on the road that could come back once more.
    assert!(
        world.hear(Message::WorkProgress(works[0], Step::Undelivered(Undelivered::Lost, one()))).is_empty()
    );
    world.audit();
}

#[test]
fn a_substitute_is_remembered_and_its_own_claim_is_given_back() {
    let mut world = World::with_stock(&[("A", "n1", 3)]);
    let (id, works) = placed(&mut world, vec![line("A", 3)]);
    world.pick(works[0], FIRST, units(2));
    world.substitute(works[0], FIRST, &sku("S"));
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!((order.works[0].substituted.len(), &order.works[0].substituted[0].sku), (1, &sku("S")));
    assert_eq!(order.works[0].state, WorkState::Picked);
    world.audit_at_rest();
    cancel(&mut world, id, Some(2)).unwrap();
    world.settle();
    world.answer_cancel(works[0], true);
    world.settle();
    assert_eq!((world.stock[&goods("S", "n1")], world.stock[&goods("A", "n1")]), (units(1), units(1)));
    assert!(world.order(id).1.works[0].substituted.is_empty(), "what was not ordered goes back first");
    world.audit_at_rest();
}
