//! Answers to the exception queue: units that every node refused are sourced again, at every node where somebody says so,
//! or called off.

use super::build::{line, node, order, units};
use super::world::{World, goods};
use crate::command::Command;
use crate::event::ExceptionAnswer;
use crate::order::UnservedReason;
use crate::refusal::ChangeRefusal;
use crate::units::Bucket;
use crate::{Answer, Refusal};
use waybill_machine::{Code, Coded};
use waybill_types::exchange::LineUnits;
use waybill_types::policy::{ChangeKind, ChangeRule, OrderPolicy, Verdict};
use waybill_types::{LineNo, OrderId, Text};

const FIRST: LineNo = LineNo(1);
const AGAIN: ExceptionAnswer = ExceptionAnswer::SourceAgain { ask_all: false };
const AT_ALL_NODES: ExceptionAnswer = ExceptionAnswer::SourceAgain { ask_all: true };

fn answer(order: OrderId, lines: &[u16], answer: ExceptionAnswer) -> Command {
    let lines = lines.iter().map(|line| LineNo(*line)).collect();
    Command::AnswerException { order, lines, answer, note: Text::new("called the store").unwrap() }
}

fn taken(answer: Result<Answer, Refusal>) -> Vec<LineUnits> {
    match answer.unwrap() {
        Answer::ExceptionAnswered { units, .. } => units,
        other => panic!("{other:?}"),
    }
}

/// Every node that has work says no, until nobody has any.
fn reject_all(world: &mut World) {
    loop {
        world.settle();
        let open: Vec<_> =
            world.works.iter().filter(|(_, work)| !work.to_pick.is_empty()).map(|(id, _)| *id).collect();
        if open.is_empty() {
            return;
        }
        open.into_iter().for_each(|id| world.reject(id));
    }
}

fn asked(world: &World, id: OrderId) -> usize {
    world.order(id).1.works.len()
}

/// Two A and three B that n1 and n2 refused, in the queue.
fn stuck() -> (World, OrderId) {
    let mut world = World::with_stock(&[("A", "n1", 9), ("A", "n2", 9), ("B", "n1", 9), ("B", "n2", 9)]);
    let id = world.place(order("1", vec![line("A", 2), line("B", 3)]));
    reject_all(&mut world);
    let queue = world.state.exceptions(None, 10);
    assert_eq!((queue.len(), queue[0].lines.len(), asked(&world, id)), (1, 2, 2));
    (world, id)
}

#[test]
fn sourcing_again_asks_only_nodes_that_have_not_said_no() {
    let (mut world, id) = stuck();
    let since = world.state.exceptions(None, 1)[0].since;
    world.now = world.now.plus_ms(60_000);
    let events = world.events(&answer(id, &[], AGAIN));
    assert_eq!(events, ["ExceptionAnswered", "AttemptStarted"]);
    world.settle();
    assert_eq!(asked(&world, id), 2, "the two that said no are not asked again");
    assert_eq!(world.state.exceptions(None, 1)[0].since, since, "and it has waited since then");
    // A new store is on the network, which nobody told the order about.
    world.stock.insert(goods("A", "n3"), units(9));
    taken(world.ask(&answer(id, &[1], AGAIN)));
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(order.works.last().unwrap().node, node("n3"));
    assert_eq!(order.lines[0].buckets.get(Bucket::Released), units(2));
    assert_eq!(order.lines[1].buckets.get(Bucket::Backordered), units(3), "nobody spoke of line 2");
    world.audit_at_rest();
}

#[test]
fn sourcing_again_at_all_nodes_lifts_the_bar_for_those_goods_only() {
    let (mut world, id) = stuck();
    assert_eq!(
        taken(world.ask(&answer(id, &[1], AT_ALL_NODES))),
        [LineUnits { line: FIRST, quantity: units(2) }]
    );
    let content = world.order(id).0.content().clone();
    assert!(world.order(id).1.shunned_for(&content, FIRST).is_empty());
    assert_eq!(world.order(id).1.shunned_for(&content, LineNo(2)), [node("n1"), node("n2")]);
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!(order.lines[0].buckets.get(Bucket::Released), units(2));
    let queue = world.state.exceptions(None, 10);
    assert_eq!(queue[0].lines.iter().map(|line| line.line).collect::<Vec<_>>(), [LineNo(2)]);
    world.audit_at_rest();
    // Refused once more, it needs somebody once more.
    reject_all(&mut world);
    assert_eq!(world.state.exceptions(None, 10)[0].lines.len(), 2);
    world.audit_at_rest();
}

#[test]
fn units_that_nobody_will_give_are_called_off_and_nobody_waits_for_them() {
    let (mut world, id) = stuck();
    let off = taken(world.ask(&answer(id, &[2], ExceptionAnswer::CallOff)));
    assert_eq!(off, [LineUnits { line: LineNo(2), quantity: units(3) }]);
    world.settle();
    assert_eq!(world.order(id).1.lines[1].buckets.get(Bucket::Cancelled), units(3));
    assert_eq!(world.waits.len(), 1, "A is still waited for");
    taken(world.ask(&answer(id, &[], ExceptionAnswer::CallOff)));
    world.settle();
    assert!(world.waits.is_empty());
    assert!(world.state.exceptions(None, 10).is_empty());
    assert_eq!(crate::status(&world.order(id).1), crate::Status::Cancelled);
    world.audit_at_rest();
}

#[test]
fn calling_off_obeys_the_rules_of_any_cancel() {
    let (mut world, id) = stuck();
    let mut policy = OrderPolicy::sound();
    let refused = ChangeRule {
        channel: None,
        kind: Some(ChangeKind::Cancel),
        stage: None,
        verdict: Verdict::Refuse,
        note: Text::new("marketplace cancels").unwrap(),
    };
    policy.rules.insert(0, refused);
    world.ask(&Command::SetOrderPolicy { policy: Box::new(policy), expected_version: None }).unwrap();
    let before = world.order(id).1.revision;
    let no = world.ask(&answer(id, &[], ExceptionAnswer::CallOff)).unwrap_err();
    assert_eq!(no.reason(), "CHANGE_FORBIDDEN");
    assert_eq!(world.order(id).1.revision, before);
}

#[test]
fn what_needs_nobody_is_not_answered() {
    let (mut world, id) = stuck();
    let mut refused = |lines: &[u16]| world.ask(&answer(id, lines, AGAIN)).unwrap_err();
    for (lines, field) in
        [(vec![3], "line_numbers[0]"), (vec![0], "line_numbers[0]"), (vec![1, 1], "line_numbers[1]")]
    {
        let wrong = refused(&lines);
        assert_eq!((wrong.code(), wrong.violations()[0].field.as_str()), (Code::Malformed, field));
    }
    let never = OrderId::new(0, 99);
    assert_eq!(world.ask(&answer(never, &[], AGAIN)).unwrap_err(), Refusal::UnknownOrder(never));
    taken(world.ask(&answer(id, &[1], AT_ALL_NODES)));
    // Somebody else has the same row before their eyes.
    let late = world.ask(&answer(id, &[1], AT_ALL_NODES)).unwrap_err();
    assert_eq!(late, ChangeRefusal::NoException { order: id, line: Some(FIRST) }.into());
    let other = world.place(order("2", vec![line("C", 1)]));
    world.settle();
    assert_eq!(world.order(other).1.lines[0].waits.unwrap().reason, UnservedReason::NoStock);
    let none = world.ask(&answer(other, &[], AGAIN)).unwrap_err();
    assert_eq!((none.code(), none.reason()), (Code::IllegalNow, "EXCEPTION_NOT_THERE"));
}
