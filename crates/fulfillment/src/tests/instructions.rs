//! What a node is told: dense numbers, self-contained content, kept until acknowledged.

use super::given::{id, node_id, pick, released, units, with_node};
use crate::driver::Driver;
use crate::{Answer, Command, Fulfillment, InstructionKind, Note, Refusal};
use waybill_machine::{Code, Coded, Machine};
use waybill_types::Sealed;

fn acknowledge(through: u64) -> Command {
    Command::AcknowledgeInstructions { node: node_id("n1"), through }
}

#[test]
fn instructions_are_numbered_without_gaps_and_read_from_any_number_on() {
    let mut driver = with_node(None);
    for order in 1..=3 {
        released(&mut driver, order, &[("A", 2)]);
    }
    driver.receive(crate::tests::given::recall(id(2), units(&[(1, 1)])));
    let numbers = |after| -> Vec<u64> {
        driver.state.instructions(&node_id("n1"), after, 10).iter().map(|row| row.number).collect()
    };
    assert_eq!(numbers(0), vec![1, 2, 3, 4]);
    assert_eq!(numbers(2), vec![3, 4]);
    assert_eq!(numbers(4), Vec::<u64>::new());
    assert_eq!(numbers(u64::MAX), Vec::<u64>::new());
    let page = driver.state.instructions(&node_id("n1"), 1, 2);
    assert_eq!(page.iter().map(|row| row.number).collect::<Vec<_>>(), vec![2, 3], "no more than asked");
    let told: Vec<&Note> = driver.notes.iter().filter(|note| matches!(note, Note::Instructed(..))).collect();
    assert_eq!(told.last(), Some(&&Note::Instructed(node_id("n1"), 4)));
}

#[test]
fn an_instruction_says_everything_and_carries_the_recipient_sealed() {
    let mut driver = with_node(None);
    released(&mut driver, 1, &[("A", 2), ("B", 1)]);
    let row = &driver.state.instructions(&node_id("n1"), 0, 1)[0];
    assert_eq!((row.kind, row.revision, row.lines.len()), (InstructionKind::Pick, 2, 2));
    assert_eq!((row.external.as_str(), row.channel.as_str(), row.priority), ("A-1", "web", 5));
    assert_eq!(row.recipient, Some(Sealed(vec![1, 2, 3])));
}

#[test]
fn what_is_acknowledged_is_forgotten_and_the_numbers_go_on() {
    let mut driver = with_node(None);
    for order in 1..=3 {
        released(&mut driver, order, &[("A", 1)]);
    }
    assert_eq!(driver.run(&acknowledge(2)), Ok(Answer::Acknowledged { through: 2, last: 3 }));
    assert_eq!(driver.run(&acknowledge(1)), Ok(Answer::Acknowledged { through: 2, last: 3 }), "a lower one");
    assert_eq!(driver.state.instructions(&node_id("n1"), 0, 10).len(), 1);
    assert_eq!(driver.run(&acknowledge(3)), Ok(Answer::Acknowledged { through: 3, last: 3 }));
    released(&mut driver, 4, &[("A", 1)]);
    assert_eq!(driver.state.instructions(&node_id("n1"), 0, 10)[0].number, 4);
}

#[test]
fn a_number_that_was_never_given_and_an_unknown_node_are_refused() {
    let mut driver = with_node(None);
    let refusal = driver.run(&acknowledge(1)).unwrap_err();
    assert_eq!(refusal, Refusal::AcknowledgedTooFar { node: node_id("n1"), through: 1, last: 0 });
    let unknown = Command::AcknowledgeInstructions { node: node_id("n2"), through: 0 };
    assert_eq!(driver.run(&unknown).unwrap_err().code(), Code::Unknown);
}

#[test]
fn an_acknowledged_cancel_leaves_nothing_to_ship() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 1)]);
    driver.receive(crate::tests::given::recall(id, units(&[(1, 1)])));
    driver.run(&acknowledge(2)).unwrap();
    for revision in 2..=3 {
        assert!(driver.report(id, revision, pick(&[(1, 1, 0)])).is_err());
        assert!(driver.report(id, revision, super::given::ship(vec![])).is_err());
    }
}

#[test]
fn what_was_acknowledged_leaves_the_audit_something_to_check() {
    let mut driver = with_node(None);
    let first = released(&mut driver, 1, &[("A", 1)]);
    released(&mut driver, 2, &[("A", 1)]);
    driver.run(&acknowledge(2)).unwrap();
    let audit = |driver: &Driver| {
        let mut checked = 0;
        let count = |law: &str, more| checked += if law == "FULFIL-2" { more } else { 0 };
        let mut count = count;
        let violations = Fulfillment::audit(&driver.state, &mut count);
        (checked, violations.into_iter().map(|violation| violation.what).collect::<Vec<_>>())
    };
    assert_eq!(audit(&driver), (2, vec![]), "two pieces of work, no instruction kept");
    driver.state.orders.update(&first, |order| order.last_instruction = 2);
    assert_eq!(audit(&driver).1, ["n1 was told 2 about two pieces of work"]);
    driver.state.orders.update(&first, |order| order.last_instruction = 3);
    assert_eq!(audit(&driver).1, ["n1 was told 2, the newest of its work is 3"]);
    driver.state.orders.update(&first, |order| order.last_instruction = 0);
    assert!(audit(&driver).1[0].ends_with("is released and has no instruction"));
}
