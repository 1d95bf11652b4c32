//! Amendments that wait: new units that are sourced alone, units that are planned anew, units that nodes give back. The
//! claims of what the order has are never let go before the new ones stand.

use super::amending::*;
use super::build::{line, node, order, pickup, units};
use super::world::{World, goods};
use crate::command::{Cancel, Change, Command};
use crate::content::Backorder;
use crate::order::{AmendmentRefused, AmendmentWait, UnservedReason, WorkState};
use crate::refusal::ChangeRefusal;
use crate::units::Bucket;
use crate::{Answer, Refusal, What, preview};
use waybill_types::exchange::{LineUnits, Message, ReserveRequest, Step};
use waybill_types::policy::{ChangeKind, ChangeRule, OrderPolicy, Verdict};
use waybill_types::{LineNo, OrderId, Text, Timestamp};

/// The reservations that are under way to inventory.
fn asked(world: &World) -> Vec<ReserveRequest> {
    let sent = world.sent.values().flatten().filter_map(|message| match message {
        Message::Reserve(request) => Some(request.clone()),
        _ => None,
    });
    sent.collect()
}

fn releases(world: &World) -> usize {
    world.sent.values().flatten().filter(|message| matches!(message, Message::Release(..))).count()
}

fn node_of(world: &World, id: OrderId, work: usize) -> String {
    world.order(id).1.works[work].node.to_string()
}

fn whole(order: OrderId) -> Command {
    Command::Cancel(Cancel { order, expected_revision: None, lines: Vec::new() })
}

#[test]
fn a_line_of_two_with_one_shipped_grows_to_four_and_only_the_new_ones_are_sourced() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("A", "n2", 2)]);
    let id = released(&mut world, vec![line("A", 2)]);
    ship(&mut world, id, 1);
    let shipped = world.order(id).1.works[0].clone();
    let shares = world.order(id).0.content().lines[0].shares.clone();
    amend(&mut world, id, vec![quantity(FIRST, 4, 2)]).unwrap();
    world.answer_note();
    let request = asked(&world).remove(0);
    assert_eq!((request.claims[0].quantity, request.takes_over.len()), (units(2), 0), "the new units alone");
    world.settle();
    assert!(is_applied(&world, id));
    let (opening, order) = world.order(id);
    assert_eq!(order.works[0], shipped, "what was there is untouched");
    assert_eq!((node_of(&world, id, 1).as_str(), order.works.len()), ("n2", 2));
    let content = order.content(&opening);
    assert_eq!((content.lines[0].quantity, content.amounts.total), (units(4), 4_000));
    assert_eq!(content.lines[0].shares[0].subtotal, shares[0].subtotal, "the shipped unit keeps its price");
    let at = [Bucket::Shipped, Bucket::Released].map(|bucket| in_bucket(&world, id, FIRST, bucket));
    assert_eq!(at, [1, 3]);
    world.audit_at_rest();
}

#[test]
fn an_address_that_changes_before_release_is_planned_anew_and_never_lets_go_of_the_last_units() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("B", "n1", 1)]);
    // Two lines of one SKU: what they claim and take over is summed.
    let id = unreleased(&mut world, vec![line("A", 1), line("A", 1), line("B", 1)]);
    let before = world.order(id).1.promise().unwrap();
    world.tick(5_000_000);
    let amend_it = amending(&world, id, vec![Change::ShipTo]);
    let seen = world.look(|state, cx| preview(state, &amend_it, cx)).unwrap();
    let question = seen.needs.question.unwrap();
    assert_eq!(question.lines.len(), 3);
    assert_eq!(
        question.own.iter().map(|claim| claim.quantity.units()).sum::<u64>(),
        3,
        "its own count as there"
    );
    assert_eq!(question.recipient, Some(waybill_types::Sealed(vec![9; 3])), "asked for the new address");
    amend(&mut world, id, vec![Change::ShipTo]).unwrap();
    world.answer_note();
    let request = asked(&world).remove(0);
    let claims: Vec<u64> = request.claims.iter().map(|claim| claim.quantity.units()).collect();
    assert_eq!(claims, [2, 1], "two lines of one SKU are one claim");
    assert_eq!(request.takes_over.len(), 1);
    assert_eq!(request.takes_over[0].claims, request.claims, "all of it is the order's own already");
    assert_eq!(releases(&world), 0, "nothing is let go first");
    world.settle();
    assert!(is_applied(&world, id));
    let (_, order) = world.order(id);
    assert_eq!(order.works[0].state, WorkState::Cancelled);
    assert_eq!(order.works[1].state, WorkState::Planned);
    assert_ne!(order.promise().unwrap(), before, "another promise");
    let work = &world.works[&order.works[1].id].work;
    assert_eq!(work.recipient, Some(waybill_types::Sealed(vec![9; 3])), "the node is given the new address");
    world.audit_at_rest();
}

#[test]
fn units_that_move_to_another_node_are_given_back_where_they_were_only_once_the_new_ones_stand() {
    let mut world = World::with_stock(&[("A", "n2", 2), ("B", "n2", 1)]);
    let id = unreleased(&mut world, vec![line("A", 2), line("B", 1)]);
    world.receive_stock("A", "n1", 5);
    amend(&mut world, id, vec![Change::ShipTo]).unwrap();
    world.answer_note();
    assert_eq!(releases(&world), 0);
    let request = asked(&world).remove(0);
    assert_eq!(request.takes_over[0].claims.len(), 1, "B stays, A goes to n1");
    world.settle();
    assert!(is_applied(&world, id));
    assert_eq!(world.stock[&goods("A", "n2")], units(2));
    assert_eq!(world.stock[&goods("A", "n1")], units(3));
    world.audit_at_rest();
}

#[test]
fn an_address_that_changes_after_release_is_recalled_first() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = released(&mut world, vec![line("A", 2)]);
    amend(&mut world, id, vec![Change::ShipTo]).unwrap();
    assert_eq!(wait(&world, id), Some(AmendmentWait::Recalls));
    let amended = whole(id);
    let refused = world.ask(&amended).unwrap_err();
    let pending = ChangeRefusal::AmendmentPending { order: id, amendment: 1 };
    assert_eq!(refused, pending.into(), "the node's answer comes first, and at once");
    world.deliver_out(0);
    world.deliver_in(0);
    assert!(matches!(wait(&world, id), Some(AmendmentWait::Plan { .. })));
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Open), 2);
    assert_eq!(releases(&world), 0, "their claims stand");
    world.settle();
    assert!(is_applied(&world, id));
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Released), 2);
    assert_eq!(world.order(id).1.works.len(), 2);
    world.audit_at_rest();
}

#[test]
fn a_pick_that_comes_before_the_recall_refuses_the_whole_amendment_and_nothing_is_lost() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("B", "n2", 2)]);
    let id = released(&mut world, vec![line("A", 2), line("B", 2)]);
    amend(&mut world, id, vec![Change::ShipTo, quantity(SECOND, 1, 0)]).unwrap();
    let work = world.order(id).1.works[0].id;
    world.pick(work, FIRST, units(1));
    world.settle();
    let in_hand = vec![LineUnits { line: FIRST, quantity: units(1) }];
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::AlreadyPicked(in_hand)));
    let (opening, order) = world.order(id);
    assert!(order.amended.is_none());
    assert_eq!(order.content(&opening).lines[1].quantity, units(2));
    let at = [Bucket::Picked, Bucket::Released].map(|bucket| in_bucket(&world, id, FIRST, bucket));
    assert_eq!(at, [1, 1], "what the node gave back is with it again");
    assert_eq!(in_bucket(&world, id, SECOND, Bucket::Released), 2);
    let again: Vec<_> = order.works.iter().filter(|work| !work.lines.is_empty()).collect();
    assert_eq!(again.len(), 3);
    for work in again {
        assert_eq!(work.reservation, order.works[0].reservation, "on the claims it had all along");
    }
    world.audit_at_rest();
}

#[test]
fn an_abandoned_amendment_ends_whole_at_its_deadline() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("C", "n1", 5)]);
    let id = unreleased(&mut world, vec![line("A", 2)]);
    let (claims, total_before) = (world.claims.clone(), total(&world, id));
    amend(&mut world, id, vec![Change::ShipTo, add(line("C", 3)), quantity(FIRST, 1, 0)]).unwrap();
    // The planner never answers.
    world.notes.clear();
    world.tick(59_999);
    assert!(matches!(wait(&world, id), Some(AmendmentWait::Plan { .. })));
    world.tick(1);
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::TooLate));
    world.settle();
    assert_eq!((&world.claims, total(&world, id)), (&claims, total_before));
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Reserved), 2);
    world.audit_at_rest();
}

#[test]
fn new_units_that_nothing_serves_wait_where_they_may_and_refuse_the_whole_where_they_may_not() {
    for backorder in [Backorder::Allow, Backorder::Forbid] {
        let mut world = World::with_stock(&[("A", "n1", 3)]);
        let mut wanted = order("1", vec![line("A", 2)]);
        wanted.backorder = backorder;
        let id = world.place(wanted);
        world.settle();
        amend(&mut world, id, vec![quantity(FIRST, 5, 3)]).unwrap();
        world.settle();
        if backorder == Backorder::Allow {
            assert!(is_applied(&world, id));
            let at =
                [Bucket::Released, Bucket::Backordered].map(|bucket| in_bucket(&world, id, FIRST, bucket));
            assert_eq!(at, [3, 2]);
            assert_eq!(world.waits.values().copied().collect::<Vec<_>>(), [units(2)]);
        } else {
            let short = vec![LineUnits { line: FIRST, quantity: units(2) }];
            assert_eq!(refusal(&world, id), Some(AmendmentRefused::Unserved(short, UnservedReason::NoStock)));
            assert_eq!((total(&world, id), world.stock[&goods("A", "n1")]), (2_000, units(1)));
        }
        world.audit_at_rest();
    }
}

#[test]
fn units_that_no_node_serves_any_more_stay_as_they_are() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = released(&mut world, vec![line("A", 2)]);
    amend(&mut world, id, vec![collect(&[FIRST], "n2")]).unwrap();
    world.settle();
    let both = vec![LineUnits { line: FIRST, quantity: units(2) }];
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::Unserved(both, UnservedReason::NoStock)));
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Released), 2);
    assert_eq!(node_of(&world, id, 1), "n1", "recalled, and with its node again");
    world.audit_at_rest();
}

#[test]
fn of_a_line_half_shipped_only_the_rest_is_fetched_at_the_store() {
    let mut world = World::with_stock(&[("A", "n1", 4), ("A", "n2", 2)]);
    let id = released(&mut world, vec![line("A", 4)]);
    ship(&mut world, id, 2);
    amend(&mut world, id, vec![collect(&[FIRST], "n2")]).unwrap();
    world.settle();
    assert!(is_applied(&world, id));
    let (_, order) = world.order(id);
    assert_eq!((node_of(&world, id, 1).as_str(), order.works[1].service.is_none()), ("n2", true));
    let at = [Bucket::Shipped, Bucket::Released].map(|bucket| in_bucket(&world, id, FIRST, bucket));
    assert_eq!(at, [2, 2]);
    assert_eq!(world.stock[&goods("A", "n1")], units(2));
    world.audit_at_rest();
}

#[test]
fn stock_that_others_were_faster_at_is_asked_for_a_bounded_number_of_times() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = unreleased(&mut world, vec![line("A", 2)]);
    world.blind_planner = true;
    amend(&mut world, id, vec![Change::ShipTo, add(line("B", 1)), add(pickup("A", 1, "n9"))]).unwrap();
    let began = world.now;
    // The planner believes in nodes that have nothing.
    world.stock.insert(goods("B", "n3"), units(0));
    world.stock.insert(goods("A", "n9"), units(0));
    world.settle();
    assert_eq!(world.now.since_ms(began), 20 + 40 + 60 + 80);
    match refusal(&world, id) {
        Some(AmendmentRefused::Unserved(units, UnservedReason::NoStock)) => assert_eq!(units.len(), 3),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.order(id).1.last_attempt, 6, "no attempt's number is used twice");
    world.audit_at_rest();
}

#[test]
fn a_cancel_goes_before_an_amendment_that_waits_for_its_plan() {
    let mut world = World::with_stock(&[("A", "n1", 3), ("C", "n1", 1)]);
    let id = unreleased(&mut world, vec![line("A", 3)]);
    amend(&mut world, id, vec![Change::ShipTo, add(line("C", 1))]).unwrap();
    match world.ask(&whole(id)).unwrap() {
        Answer::Cancelled { lines, .. } => assert_eq!(lines[0].cancelled, units(3)),
        other => panic!("{other:?}"),
    }
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::Overtaken));
    world.settle();
    assert!(world.claims.is_empty());
    world.audit_at_rest();
}

#[test]
fn a_cancel_that_meets_inventory_being_asked_is_refused_and_succeeds_after_its_answer() {
    let mut world = World::with_stock(&[("A", "n1", 3)]);
    let id = unreleased(&mut world, vec![line("A", 3)]);
    amend(&mut world, id, vec![Change::ShipTo]).unwrap();
    world.answer_note();
    assert!(matches!(wait(&world, id), Some(AmendmentWait::Stock { .. })));
    assert_eq!(
        world.ask(&whole(id)).unwrap_err(),
        ChangeRefusal::AmendmentPending { order: id, amendment: 1 }.into()
    );
    // Even a deadline that passes waits for the answer: it says where the claims are.
    world.tick(100_000);
    assert!(matches!(wait(&world, id), Some(AmendmentWait::Stock { .. })));
    world.settle();
    assert!(is_applied(&world, id));
    world.ask(&whole(id)).unwrap();
    world.settle();
    assert!(world.claims.is_empty());
    world.audit_at_rest();
}

#[test]
fn work_that_an_amendment_touches_is_not_released_meanwhile_and_other_work_is() {
    let mut world = World::with_stock(&[("A", "n1", 1), ("B", "n2", 1)]);
    let id = world.place(order("1", vec![line("A", 1), line("B", 1)]));
    world.answer_note();
    world.deliver_out(0);
    world.deliver_in(0);
    // Both works are with their nodes' partitions, which have not answered; then one line is to be fetched instead.
    world.receive_stock("A", "n4", 1);
    amend(&mut world, id, vec![collect(&[FIRST], "n4")]).unwrap();
    assert_eq!(wait(&world, id), Some(AmendmentWait::Recalls), "first the node says whether it has the work");
    world.notes.clear();
    for _ in 0..6 {
        world.deliver_out(0);
        world.deliver_in(0);
    }
    let states: Vec<WorkState> = world.order(id).1.works.iter().map(|work| work.state).collect();
    assert_eq!(states, [WorkState::Planned, WorkState::Released]);
    world.restart();
    world.settle();
    assert!(is_applied(&world, id));
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Released), 1);
    world.audit_at_rest();
}

#[test]
fn another_release_time_is_planned_anew_and_keeps_what_was_released() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = unreleased(&mut world, vec![line("A", 2)]);
    let now = Change::SetTime { release_at: None, requested: None };
    amend(&mut world, id, vec![now]).unwrap();
    world.settle();
    assert!(is_applied(&world, id));
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Released), 2);
    let later = Change::SetTime { release_at: Some(Timestamp::from_ms(9_000_000_000)), requested: None };
    amend(&mut world, id, vec![later]).unwrap();
    assert!(is_applied(&world, id), "nothing is left to plan");
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Released), 2);
    world.audit_at_rest();
}

#[test]
fn an_address_that_changes_at_any_moment_of_the_flow_reaches_every_unit() {
    for steps in 0..14 {
        for hold in [false, true] {
            let mut world = World::with_stock(&[("A", "n1", 2), ("A", "n2", 2), ("B", "n2", 1)]);
            let mut wanted = order("1", vec![line("A", 3), line("B", 2)]);
            wanted.hold = hold.then(|| world.hold(1, &[("A", "n2", 1), ("B", "n2", 1)]));
            let id = world.place(wanted);
            for step in 0..steps {
                match step % 3 {
                    0 => world.answer_note(),
                    1 => world.deliver_out(step),
                    _ => world.deliver_in(step),
                };
            }
            amend(&mut world, id, vec![Change::ShipTo]).unwrap();
            world.audit();
            if steps % 2 == 0 {
                world.restart();
            }
            world.settle();
            assert!(is_applied(&world, id), "after {steps} steps: {:?}", last(&world, id));
            assert_eq!(in_bucket(&world, id, FIRST, Bucket::Released), 3, "after {steps} steps");
            let (_, order) = world.order(id);
            for work in order.works.iter().filter(|work| !work.lines.is_empty()) {
                let given = world.works[&work.id].work.recipient.clone().unwrap();
                assert_eq!(given.0, [9; 3], "after {steps} steps {} goes to the old address", work.id);
            }
            world.receive_stock("B", "n1", 2);
            world.settle();
            assert_eq!(in_bucket(&world, id, SECOND, Bucket::Released), 2);
            world.audit_at_rest();
        }
    }
}

#[test]
fn an_amended_order_killed_at_any_event_ends_as_if_it_had_not_been() {
    let run = |at: usize, picked: bool, blind: bool| {
        let mut world = World::with_stock(&[("A", "n1", 3), ("A", "n2", 3), ("B", "n1", 1)]);
        let id = released(&mut world, vec![line("A", 3), line("B", 1)]);
        let changes = vec![Change::ShipTo, quantity(FIRST, 2, 0), add(line("A", 2)), add(line("C", 1))];
        amend(&mut world, id, changes).unwrap();
        // The planner then believes in stock that is not there, so that inventory is asked again and again.
        world.blind_planner = blind;
        if blind {
            world.stock.insert(goods("C", "n1"), units(0));
        }
        if picked {
            let work = world.order(id).1.works[0].id;
            world.pick(work, SECOND, units(1));
        }
        let mut steps = 0;
        loop {
            if steps == at {
                world.restart();
                world.restart();
            }
            steps += 1;
            let moved = world.deliver_in(steps) || world.deliver_out(steps) || world.answer_note();
            if !moved && world.tick(500).is_empty() {
                break;
            }
            assert!(steps < 1_000, "the flow does not come to rest");
        }
        world.audit_at_rest();
        (world, id, steps)
    };
    for (picked, blind) in [(false, false), (true, false), (false, true)] {
        let (whole, id, steps) = run(usize::MAX, picked, blind);
        assert_eq!(is_applied(&whole, id), !picked && !blind, "{:?}", last(&whole, id));
        for at in 0..steps {
            let (world, id, _) = run(at, picked, blind);
            assert_eq!(last(&world, id).state, last(&whole, id).state, "killed before step {at}");
            assert_eq!(world.claims, whole.claims, "killed before step {at}");
            assert_eq!(total(&world, id), total(&whole, id));
        }
    }
}

#[test]
fn a_node_that_refuses_work_before_it_is_moved_does_not_stop_the_amendment() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("A", "n2", 2)]);
    world.closed = vec![node("n1")];
    let id = world.place(order("1", vec![line("A", 2)]));
    world.answer_note();
    world.deliver_out(0);
    world.deliver_in(0);
    amend(&mut world, id, vec![Change::ShipTo]).unwrap();
    world.settle();
    assert!(is_applied(&world, id));
    assert_eq!(in_bucket(&world, id, LineNo(1), Bucket::Released), 2);
    world.audit_at_rest();
}

#[test]
fn a_shelf_that_turns_out_empty_during_a_recall_is_planned_elsewhere() {
    let mut world = World::with_stock(&[("A", "n1", 3), ("A", "n2", 3)]);
    let id = released(&mut world, vec![line("A", 3)]);
    amend(&mut world, id, vec![Change::ShipTo, quantity(FIRST, 2, 0)]).unwrap();
    let work = world.order(id).1.works[0].id;
    world.short(work, FIRST, units(2));
    world.settle();
    assert!(is_applied(&world, id), "{:?}", last(&world, id));
    let at = [Bucket::Released, Bucket::Cancelled].map(|bucket| in_bucket(&world, id, FIRST, bucket));
    assert_eq!(at, [2, 1]);
    world.step(work, Step::Accepted);
    world.settle();
    world.audit_at_rest();
}

#[test]
fn each_decision_names_the_one_version_of_the_policy_that_made_it() {
    let mut world = World::with_stock(&[("A", "n1", 5)]);
    let id = unreleased(&mut world, vec![line("A", 5)]);
    let set = |policy| Command::SetOrderPolicy { policy: Box::new(policy), expected_version: None };
    amend(&mut world, id, vec![quantity(FIRST, 4, 0)]).unwrap();
    let mut strict = OrderPolicy::sound();
    strict.rules.insert(
        0,
        ChangeRule {
            channel: None,
            kind: Some(ChangeKind::ReduceQuantity),
            stage: None,
            verdict: Verdict::Refuse,
            note: Text::new("not this week").unwrap(),
        },
    );
    world.ask(&set(strict)).unwrap();
    match amend(&mut world, id, vec![quantity(FIRST, 3, 0)]).unwrap_err() {
        Refusal::Change(ChangeRefusal::Forbidden { rule, version, note, .. }) => {
            assert_eq!((rule.as_str(), version, note.as_str()), ("0", 1, "not this week"));
        }
        other => panic!("{other:?}"),
    }
    world.ask(&set(OrderPolicy::sound())).unwrap();
    amend(&mut world, id, vec![quantity(FIRST, 2, 0)]).unwrap();
    let history = world.state.history(id).unwrap().unwrap();
    let versions: Vec<u64> = history
        .iter()
        .filter_map(|entry| match &entry.what {
            What::AmendmentStarted(started) => Some(started.policy_version),
            _ => None,
        })
        .collect();
    assert_eq!(versions, [0, 2]);
    world.audit();
}

#[test]
fn an_erasure_ends_an_amendment_that_waits() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = unreleased(&mut world, vec![line("A", 2)]);
    amend(&mut world, id, vec![Change::ShipTo]).unwrap();
    world.ask(&Command::EraseSubject(id)).unwrap();
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::Overtaken));
    world.settle();
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Reserved), 2);
    world.audit_at_rest();
}

#[test]
fn work_that_came_late_and_that_its_node_then_refuses_does_not_break_an_amendment_that_asks_again() {
    let mut world = World::with_stock(&[("A", "n0", 0), ("A", "n1", 1)]);
    let id = unreleased(&mut world, vec![line("A", 2)]);
    world.blind_planner = true;
    amend(&mut world, id, vec![Change::ShipTo]).unwrap();
    while !matches!(wait(&world, id), Some(AmendmentWait::Retry { .. })) {
        assert!(world.answer_note() || world.deliver_out(0) || world.deliver_in(0));
    }
    // The unit that waited is served at a node that is closed, which has not said so yet.
    world.blind_planner = false;
    world.closed = vec![node("n3")];
    world.receive_stock("A", "n3", 1);
    while world.order(id).1.works.len() < 2 {
        assert!(world.deliver_in(0) || world.answer_note() || world.deliver_out(0));
    }
    assert_eq!(world.order(id).1.works[1].state, WorkState::Assigned);
    world.tick(100);
    assert!(matches!(wait(&world, id), Some(AmendmentWait::Plan { .. })));
    while !matches!(world.order(id).1.works[1].state, WorkState::Refused(_)) {
        assert!(world.deliver_out(0) | world.deliver_in(0));
    }
    world.audit();
    world.settle();
    assert!(is_applied(&world, id));
    world.audit_at_rest();
}
