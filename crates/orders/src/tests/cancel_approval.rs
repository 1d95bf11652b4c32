//! Cancels that a rule has somebody say yes to: they wait whole, and end done or not at all.

use super::amending::{
    FIRST, SECOND, amend, in_bucket, is_applied, quantity, refusal, ship, unreleased, wait,
};
use super::build::{line, node, order, units};
use super::world::{World, goods};
use crate::command::{Cancel, CancelLine, Command};
use crate::order::{AmendmentRefused, AmendmentWait};
use crate::refusal::ChangeRefusal;
use crate::units::Bucket;
use crate::{Answer, LineCancelled, Refusal};
use waybill_machine::Coded;
use waybill_types::policy::{ChangeKind, ChangeRule, ChangeStage, HoldCode, OrderPolicy, Verdict};
use waybill_types::{Channel, LineNo, OrderId, Text};

/// Cancels from the web need a yes at this stage; `None` is any.
fn with_rule(world: &mut World, stage: Option<ChangeStage>) {
    let mut policy = OrderPolicy { approve_within_ms: 600_000, ..OrderPolicy::sound() };
    let rule = ChangeRule {
        channel: Channel::new("web").ok(),
        kind: Some(ChangeKind::Cancel),
        stage,
        verdict: Verdict::NeedsApproval,
        note: Text::new("the desk cancels").unwrap(),
    };
    policy.rules.insert(0, rule);
    world.ask(&Command::SetOrderPolicy { policy: Box::new(policy), expected_version: None }).unwrap();
}

fn whole(order: OrderId) -> Command {
    Command::Cancel(Cancel { order, expected_revision: None, lines: Vec::new() })
}

fn some(order: OrderId, line: LineNo, count: u64) -> Command {
    let lines = vec![CancelLine { line, quantity: Some(units(count)) }];
    Command::Cancel(Cancel { order, expected_revision: None, lines })
}

/// The number of the amendment that stands for the cancel, and what each line was answered.
fn asked(world: &mut World, command: &Command) -> (Option<u32>, Vec<LineCancelled>) {
    match world.ask(command).unwrap() {
        Answer::Cancelled { amendment, lines, .. } => (amendment, lines),
        other => panic!("{other:?}"),
    }
}

fn decide(world: &mut World, order: OrderId, amendment: u32, approve: bool) -> Result<Answer, Refusal> {
    world.ask_from("call_center", &Command::DecideAmendment { order, amendment, approve })
}

#[test]
fn a_cancel_that_needs_a_yes_waits_whole_holds_its_work_back_and_is_done_when_somebody_says_so() {
    let mut world = World::with_stock(&[("A", "n1", 5), ("B", "n1", 5)]);
    with_rule(&mut world, None);
    let mut wanted = order("1", vec![line("A", 3), line("B", 1)]);
    wanted.release_at = Some(world.now.plus_ms(300_000));
    let id = world.place(wanted);
    world.settle();
    let (amendment, lines) = asked(&mut world, &some(id, FIRST, 2));
    assert_eq!(amendment, Some(1));
    assert_eq!((lines[0].requested, lines[0].cancelled, lines[0].too_late), (units(2), units(0), units(0)));
    assert_eq!(wait(&world, id), Some(AmendmentWait::Approval));
    assert_eq!(world.order(id).1.amendments[0].kinds, [ChangeKind::Cancel]);
    world.tick(400_000);
    world.settle();
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Reserved), 3, "its work is not released meanwhile");
    assert_eq!(
        world.ask(&some(id, SECOND, 1)).unwrap_err(),
        ChangeRefusal::AmendmentPending { order: id, amendment: 1 }.into()
    );
    world.audit();
    decide(&mut world, id, 1, true).unwrap();
    world.settle();
    assert!(is_applied(&world, id));
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Cancelled), 2);
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Released), 1);
    assert!(world.order(id).1.amended.is_none(), "what is ordered is as it was");
    assert_eq!(world.stock[&goods("A", "n1")], units(4));
    let again = decide(&mut world, id, 1, true).unwrap_err();
    assert_eq!(again.reason(), "AMENDMENT_NOT_WAITING");
    world.audit_at_rest();
}

#[test]
fn nothing_of_a_cancel_happens_when_somebody_says_no_or_nobody_says_anything() {
    for says_no in [true, false] {
        let mut world = World::with_stock(&[("A", "n1", 5)]);
        with_rule(&mut world, None);
        let id = unreleased(&mut world, vec![line("A", 3)]);
        asked(&mut world, &whole(id));
        let expected = if says_no {
            decide(&mut world, id, 1, false).unwrap();
            AmendmentRefused::NotApproved
        } else {
            world.tick(600_001);
            AmendmentRefused::TooLate
        };
        assert_eq!(refusal(&world, id), Some(expected));
        assert_eq!(in_bucket(&world, id, FIRST, Bucket::Reserved), 3);
        world.settle();
        world.audit_at_rest();
    }
}

#[test]
fn only_units_in_hand_need_a_yes_and_the_cancel_of_all_waits_with_them() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    with_rule(&mut world, Some(ChangeStage::Picked));
    let id = world.place(order("1", vec![line("A", 2)]));
    world.settle();
    let work = world.order(id).1.works[0].id;
    world.pick(work, FIRST, units(1));
    world.settle();
    let (amendment, _) = asked(&mut world, &whole(id));
    assert_eq!((amendment, world.order(id).1.recalls()), (Some(1), 0), "no node was asked yet");
    decide(&mut world, id, 1, true).unwrap();
    assert_eq!(world.order(id).1.recalls(), 1);
    world.settle();
    world.answer_all_cancels();
    world.settle();
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Cancelled), 2);
    assert_eq!(world.stock[&goods("A", "n1")], units(2));
    world.audit_at_rest();
}

#[test]
fn a_yes_that_comes_when_all_has_left_is_too_late_and_one_that_a_hold_stops_may_come_again() {
    let mut world = World::with_stock(&[("A", "n1", 9)]);
    with_rule(&mut world, Some(ChangeStage::Picked));
    let id = world.place(order("1", vec![line("A", 1)]));
    world.settle();
    let work = world.order(id).1.works[0].id;
    world.pick(work, FIRST, units(1));
    world.settle();
    asked(&mut world, &whole(id));
    world.ship(work);
    world.settle();
    decide(&mut world, id, 1, true).unwrap();
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::Overtaken));

    with_rule(&mut world, None);
    let held = unreleased_as(&mut world, "2");
    asked(&mut world, &whole(held));
    let mut policy = OrderPolicy::sound();
    policy.hold_types[0].stops_changes = vec![ChangeKind::Cancel];
    world.ask(&Command::SetOrderPolicy { policy: Box::new(policy), expected_version: None }).unwrap();
    let code = HoldCode::new("fraud").unwrap();
    world.ask(&Command::PlaceOrderHold { order: held, line: None, code, note: Text::default() }).unwrap();
    assert_eq!(decide(&mut world, held, 1, true).unwrap_err().reason(), "ORDER_ON_HOLD");
    assert_eq!(wait(&world, held), Some(AmendmentWait::Approval));
    world.ask(&Command::ResolveOrderHold { order: held, hold: 1, note: Text::default() }).unwrap();
    decide(&mut world, held, 1, true).unwrap();
    world.settle();
    assert_eq!(crate::status(&world.order(held).1), crate::Status::Cancelled);
    world.audit_at_rest();
}

fn unreleased_as(world: &mut World, number: &str) -> OrderId {
    let mut wanted = order(number, vec![line("A", 2)]);
    wanted.release_at = Some(world.now.plus_ms(10_000_000));
    let id = world.place(wanted);
    world.settle();
    id
}

#[test]
fn a_cancel_that_waits_is_not_asked_for_while_an_amendment_is_pending_and_ends_when_a_freer_channel_cancels()
{
    let mut world = World::with_stock(&[("A", "n1", 5), ("A", "n2", 5)]);
    with_rule(&mut world, None);
    let id = unreleased(&mut world, vec![line("A", 3)]);
    amend(&mut world, id, vec![quantity(FIRST, 4, 1)]).unwrap();
    let busy = world.ask(&whole(id)).unwrap_err();
    assert_eq!(busy.reason(), "AMENDMENT_PENDING");
    world.settle();
    assert!(is_applied(&world, id));
    asked(&mut world, &whole(id));
    world.ask_from("call_center", &some(id, FIRST, 1)).unwrap();
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::Overtaken));
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Cancelled), 1);
    world.settle();
    world.audit_at_rest();
    // Units that left in between are not called off; the others are.
    let half = world.place(order("2", vec![line("A", 2)]));
    world.settle();
    asked(&mut world, &whole(half));
    assert_eq!(world.order(half).1.works[0].node, node("n1"));
    ship(&mut world, half, 1);
    decide(&mut world, half, 2, true).unwrap_err();
    decide(&mut world, half, 1, true).unwrap();
    world.settle();
    assert_eq!(in_bucket(&world, half, FIRST, Bucket::Shipped), 1);
    assert_eq!(in_bucket(&world, half, FIRST, Bucket::Cancelled), 1);
    world.audit_at_rest();
}
