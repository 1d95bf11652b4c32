//! From accepted to released: plans, reservations, backorders, confirmations.

use super::build::{confirm, line, node, order, pickup, units};
use super::world::World;
use crate::content::Backorder;
use crate::order::{AttemptState, Ending, WorkState};
use crate::units::Bucket;
use crate::{Note, Status, status};
use waybill_machine::Machine;
use waybill_types::OrderId;

fn bucket(world: &World, id: OrderId, line: usize, bucket: Bucket) -> u64 {
    world.order(id).1.lines[line].buckets.get(bucket).units()
}

#[test]
fn an_accepted_order_is_planned_reserved_handed_over_and_released() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("B", "n2", 5)]);
    let id = world.place(order("1", vec![line("A", 2), line("B", 1), pickup("B", 1, "n2")]));
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(status(&order), Status::Released);
    let works: Vec<_> = order.works.iter().map(|work| (work.node.as_str(), work.service.is_some())).collect();
    assert_eq!(works, [("n1", true), ("n2", true), ("n2", false)], "one per node and destination");
    assert!(world.works.values().all(|work| work.released));
    let names: Vec<_> = world.state.history(id).unwrap().unwrap().iter().map(|e| e.what.name()).collect();
    assert_eq!(
        names,
        [
            "OrderPlaced",
            "PlanRecorded",
            "ReservationGranted",
            "WorkPlanned",
            "WorkPlanned",
            "WorkPlanned",
            "WorkReleased"
        ]
    );
    world.audit_at_rest();
}

#[test]
fn demand_of_two_lines_of_one_sku_is_summed_before_it_is_claimed() {
    let mut world = World::with_stock(&[("A", "n1", 5)]);
    world.place(order("1", vec![line("A", 2), line("A", 3)]));
    world.answer_note();
    let (_, sent) = world.sent.iter().next().unwrap();
    match &sent[0] {
        waybill_types::exchange::Message::Reserve(request) => {
            assert_eq!(request.claims.len(), 1);
            assert_eq!(request.claims[0].quantity, units(5));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn units_that_no_stock_serves_wait_and_are_planned_when_stock_arrives() {
    let mut world = World::with_stock(&[("A", "n1", 1)]);
    let id = world.place(order("1", vec![line("A", 3)]));
    world.settle();
    assert_eq!(bucket(&world, id, 0, Bucket::Backordered), 2);
    assert_eq!(bucket(&world, id, 0, Bucket::Released), 1);
    assert_eq!(world.waits.len(), 1);
    world.receive_stock("A", "n2", 5);
    world.settle();
    assert_eq!(bucket(&world, id, 0, Bucket::Released), 3);
    assert!(world.waits.is_empty(), "a served order waits no longer");
    world.audit_at_rest();
}

#[test]
fn a_waiting_order_keeps_its_place_while_it_is_planned_again() {
    let mut world = World::new();
    let id = world.place(order("1", vec![line("A", 1)]));
    world.settle();
    // Somebody else was faster: the plan finds nothing again.
    world.receive_stock("A", "n1", 1);
    world.stock.clear();
    world.settle();
    assert_eq!(bucket(&world, id, 0, Bucket::Backordered), 1);
    assert_eq!(world.waits.len(), 1);
    assert_eq!(world.order(id).1.last_attempt, 2);
}

#[test]
fn without_backorders_what_nothing_serves_is_cancelled() {
    let mut world = World::with_stock(&[("A", "n1", 1)]);
    let mut wanted = order("1", vec![line("A", 3)]);
    wanted.backorder = Backorder::Forbid;
    let id = world.place(wanted);
    world.settle();
    assert_eq!(bucket(&world, id, 0, Bucket::Cancelled), 2);
    assert_eq!(status(&world.order(id).1), Status::Released);
    world.audit_at_rest();
}

#[test]
fn a_refused_reservation_is_planned_anew_with_growing_delays_and_at_last_takes_what_there_is() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    world.blind_planner = true;
    let id = world.place(order("1", vec![line("A", 3)]));
    let began = world.now;
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(order.last_attempt, 6, "the last try looks once more for what it did not get");
    assert_eq!(world.now.since_ms(began), 20 + 40 + 60 + 80);
    let refused =
        order.attempts.iter().filter(|a| matches!(a.state, AttemptState::Ended(Ending::Refused(_))));
    assert_eq!(refused.count(), 5);
    assert_eq!(bucket(&world, id, 0, Bucket::Released), 2, "the last try takes what there is");
    assert_eq!(bucket(&world, id, 0, Bucket::Backordered), 1);
    world.audit_at_rest();
}

#[test]
fn what_the_last_try_did_not_get_is_looked_for_at_other_nodes() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("A", "n2", 1)]);
    world.blind_planner = true;
    let id = world.place(order("1", vec![line("A", 3)]));
    let last = |world: &World| {
        let (_, order) = world.order(id);
        order.attempt(5).is_some_and(|attempt| matches!(attempt.state, AttemptState::Reserving { .. }))
    };
    while !last(&world) {
        if !(world.answer_note() || world.deliver_out(0) || world.deliver_in(0)) {
            world.tick(20);
        }
    }
    world.blind_planner = false;
    world.settle();
    assert_eq!(bucket(&world, id, 0, Bucket::Released), 3);
    assert!(world.waits.is_empty());
    world.audit_at_rest();
}

#[test]
fn a_confirmed_order_is_reserved_wholly_or_refused_with_nothing_left_over() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("B", "n1", 1)]);
    let yes = world.place(confirm("1", vec![line("A", 1), line("B", 1)]));
    assert_eq!(status(&world.order(yes).1), Status::Pending);
    world.settle();
    assert_eq!(status(&world.order(yes).1), Status::Released);
    let no = world.place(confirm("2", vec![line("A", 1), line("B", 1)]));
    world.settle();
    let (_, order) = world.order(no);
    assert_eq!(status(&order), Status::Refused);
    assert_eq!(
        world.stock[&super::world::goods("A", "n1")],
        units(1),
        "nothing of the refused one is reserved"
    );
    assert!(world.waits.is_empty());
    world.audit_at_rest();
}

#[test]
fn two_orders_for_a_and_b_with_one_of_each_end_with_one_whole_and_one_refused() {
    for order_of_delivery in 0..8 {
        let mut world = World::with_stock(&[("A", "n1", 1), ("B", "n2", 1)]);
        let first = world.place(confirm("1", vec![line("A", 1), line("B", 1)]));
        let second = world.place(confirm("2", vec![line("B", 1), line("A", 1)]));
        world.answer_note();
        world.answer_note();
        for step in 0..3 {
            world.deliver_out(order_of_delivery >> step);
        }
        world.settle();
        let ends = [status(&world.order(first).1), status(&world.order(second).1)];
        assert!(ends.contains(&Status::Released) && ends.contains(&Status::Refused), "{ends:?}");
        world.audit_at_rest();
    }
}

#[test]
fn of_a_thousand_confirmed_buyers_of_a_hundred_units_exactly_a_hundred_are_served() {
    let mut world = World::with_stock(&[("HOT", "n1", 100)]);
    world.blind_planner = true;
    let ids: Vec<OrderId> =
        (0..1_000).map(|n| world.place(confirm(&n.to_string(), vec![line("HOT", 1)]))).collect();
    for _ in 0..3_000 {
        world.answer_note();
        world.deliver_out(0);
        world.deliver_in(0);
    }
    world.blind_planner = false;
    while world.answer_note() | world.deliver_out(0) | world.deliver_in(0) | !world.tick(100).is_empty() {}
    let count = |wanted: Status| ids.iter().filter(|id| status(&world.order(**id).1) == wanted).count();
    assert_eq!((count(Status::Released), count(Status::Refused)), (100, 900));
    world.audit_at_rest();
}

#[test]
fn a_pending_order_nobody_decides_is_refused_and_gives_back_what_is_granted_late() {
    let mut world = World::with_stock(&[("A", "n1", 1)]);
    let id = world.place(confirm("1", vec![line("A", 1)]));
    world.answer_note();
    world.deliver_out(0);
    world.tick(crate::CONFIRM_MS);
    assert_eq!(status(&world.order(id).1), Status::Refused);
    world.settle();
    assert_eq!(world.stock[&super::world::goods("A", "n1")], units(1));
    world.audit_at_rest();
}

#[test]
fn work_with_a_release_time_waits_for_it() {
    let mut world = World::with_stock(&[("A", "n1", 1)]);
    let mut wanted = order("1", vec![line("A", 1)]);
    wanted.release_at = Some(world.now.plus_ms(3_600_000));
    let id = world.place(wanted);
    world.settle();
    assert_eq!(status(&world.order(id).1), Status::Reserved);
    assert_eq!(crate::Orders::next_due(&world.state), Some(world.now.plus_ms(3_600_000)));
    world.tick(3_599_999);
    assert_eq!(status(&world.order(id).1), Status::Reserved);
    world.tick(1);
    assert_eq!(status(&world.order(id).1), Status::Released);
    assert_eq!(crate::Orders::next_due(&world.state), None);
    world.settle();
    world.audit_at_rest();
}

#[test]
fn a_node_that_refuses_gives_its_claim_back_and_is_not_asked_again() {
    let mut world = World::with_stock(&[("A", "n1", 5), ("A", "n2", 5)]);
    world.closed = vec![node("n1")];
    let id = world.place(order("1", vec![line("A", 2)]));
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(status(&order), Status::Released);
    assert_eq!(order.works.last().unwrap().node, node("n2"));
    assert_eq!(world.stock[&super::world::goods("A", "n1")], units(5));
    assert_eq!(order.last_attempt, 2);
    world.audit_at_rest();
}

#[test]
fn when_every_node_refuses_the_units_wait_after_a_bounded_number_of_rounds() {
    let nodes: Vec<String> = (0..12).map(|n| format!("n{n:02}")).collect();
    let stock: Vec<(&str, &str, u64)> = nodes.iter().map(|node| ("A", node.as_str(), 1)).collect();
    let mut world = World::with_stock(&stock);
    world.closed = nodes.iter().map(|name| node(name)).collect();
    let id = world.place(order("1", vec![line("A", 1)]));
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(status(&order), Status::Backordered);
    assert_eq!(order.last_attempt, u32::from(waybill_types::policy::OrderPolicy::sound().bounces_max) + 1);
    assert!(order.works.iter().all(|work| matches!(work.state, WorkState::Refused(_))));
    world.audit_at_rest();
}

#[test]
fn a_plan_that_comes_twice_or_late_has_one_effect() {
    let mut world = World::with_stock(&[("A", "n1", 5)]);
    world.place(order("1", vec![line("A", 2)]));
    let Some(Note::AskPlan(question)) = world.notes.iter().find(|n| matches!(n, Note::AskPlan(_))).cloned()
    else {
        panic!("the planner is asked")
    };
    let outcome = Ok(world.plan(&question));
    let plan = crate::command::RecordPlan { order: question.order, attempt: 1, outcome };
    let record = crate::Command::RecordPlan(plan);
    assert_eq!(world.events(&record), ["PlanRecorded"]);
    assert!(world.events(&record).is_empty());
    world.settle();
    assert!(world.events(&record).is_empty());
    world.audit_at_rest();
}

#[test]
fn a_settled_order_leaves_nothing_resident() {
    let mut world = World::with_stock(&[("A", "n1", 5)]);
    world.place(confirm("1", vec![line("A", 2)]));
    world.settle();
    assert!(world.state.asks.all().is_empty());
    assert!(world.state.timers.all().is_empty());
}
