//! Cancels against every state, and the race with the pick: one outcome, whoever comes first.

use super::given::{DAY, assign, delivery, id, node_id, order, pick, released, ship, units, with_node, work};
use crate::driver::Driver;
use crate::{InstructionKind, Refusal, RejectKind, Report, WorkState};
use waybill_types::FulfillmentOrderId;
use waybill_types::exchange::{LineUnits, Message};

fn cancel(
    driver: &mut Driver,
    id: FulfillmentOrderId,
    lines: &[(u16, u64)],
) -> (Vec<LineUnits>, Vec<LineUnits>) {
    driver.take_sent();
    driver.receive(crate::tests::given::recall(id, units(lines)));
    match driver.take_sent().pop() {
        Some(Message::WorkCancelled { id: answered, stopped, too_late, .. }) => {
            assert_eq!(answered, id);
            (stopped, too_late)
        }
        other => panic!("a cancel is answered, not {other:?}"),
    }
}

fn last_instruction(driver: &Driver) -> (InstructionKind, u64, Vec<(u16, u64)>) {
    let rows = driver.state.instructions(&node_id("n1"), 0, 100);
    let row = rows.last().expect("there is an instruction");
    (row.kind, row.revision, row.lines.iter().map(|line| (line.line.0, line.quantity.units())).collect())
}

#[test]
fn planned_work_stops_at_once_and_the_node_never_hears_of_it() {
    let mut driver = with_node(Some(5));
    assign(&mut driver, work(1, &[("A", 3)]));
    assert_eq!(cancel(&mut driver, id(1), &[(1, 3)]), (units(&[(1, 3)]), vec![]));
    assert!(matches!(order(&driver, id(1)).state, WorkState::Cancelled { .. }));
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY).taken, 0);
    assert!(driver.state.instructions(&node_id("n1"), 0, 10).is_empty());
    driver.receive(Message::ReleaseWork(id(1)));
    assert!(driver.state.instructions(&node_id("n1"), 0, 10).is_empty(), "a late release tells nobody");
}

#[test]
fn part_of_planned_work_stops_and_the_rest_is_released() {
    let mut driver = with_node(Some(5));
    assign(&mut driver, work(1, &[("A", 3), ("B", 1)]));
    assert_eq!(cancel(&mut driver, id(1), &[(1, 1), (2, 1)]), (units(&[(1, 1), (2, 1)]), vec![]));
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY).taken, 2);
    driver.receive(Message::ReleaseWork(id(1)));
    assert_eq!(last_instruction(&driver), (InstructionKind::Pick, 3, vec![(1, 2)]));
}

#[test]
fn a_cancel_before_the_pick_wins_and_the_pick_is_stale() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 2)]);
    assert_eq!(cancel(&mut driver, id, &[(1, 2)]), (units(&[(1, 2)]), vec![]));
    assert_eq!(last_instruction(&driver), (InstructionKind::Cancel, 3, vec![(1, 2)]));
    let refusal = driver.report(id, 2, pick(&[(1, 2, 0)])).unwrap_err();
    assert_eq!(refusal, Refusal::Stale { id, named: 2, current: 3, state: "cancelled" });
    let refusal = driver.report(id, 3, pick(&[(1, 2, 0)])).unwrap_err();
    assert!(matches!(refusal, Refusal::IllegalNow { state: "cancelled", .. }), "{refusal}");
}

#[test]
fn a_pick_before_the_cancel_wins_and_the_cancel_is_too_late() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 2)]);
    driver.report(id, 2, pick(&[(1, 2, 0)])).unwrap();
    assert_eq!(cancel(&mut driver, id, &[(1, 2)]), (vec![], units(&[(1, 2)])));
    assert_eq!(order(&driver, id).revision, 3, "an answer that changes nothing is no change");
    assert_eq!(driver.report(id, 3, ship(vec![])), Ok(4));
    assert_eq!(cancel(&mut driver, id, &[(1, 1)]), (vec![], units(&[(1, 1)])));
    driver.report(id, 4, delivery(&[])).unwrap();
    assert_eq!(cancel(&mut driver, id, &[(1, 1)]), (vec![], units(&[(1, 1)])));
}

#[test]
fn part_of_released_work_stops_and_the_node_is_told_what_is_left() {
    let mut driver = with_node(Some(9));
    let id = released(&mut driver, 1, &[("A", 3), ("B", 2)]);
    driver.report(id, 2, Report::Accept).unwrap();
    driver.report(id, 3, Report::StartPicking).unwrap();
    assert_eq!(cancel(&mut driver, id, &[(2, 2), (1, 1)]), (units(&[(1, 1), (2, 2)]), vec![]));
    assert_eq!(last_instruction(&driver), (InstructionKind::Amend, 5, vec![(1, 2)]));
    let refusal = driver.report(id, 4, pick(&[(1, 3, 0), (2, 2, 0)])).unwrap_err();
    assert!(matches!(refusal, Refusal::Stale { current: 5, .. }), "{refusal}");
    assert_eq!(driver.report(id, 5, pick(&[(1, 2, 0)])), Ok(6));
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY).taken, 2);
}

#[test]
fn unknown_and_refused_work_is_answered_stopped() {
    let mut driver = with_node(Some(4));
    assert_eq!(cancel(&mut driver, id(7), &[(1, 2)]), (units(&[(1, 2)]), vec![]));
    assign(&mut driver, work(1, &[("A", 5)]));
    assert_eq!(cancel(&mut driver, id(1), &[(1, 5)]), (units(&[(1, 5)]), vec![]), "refused as full");
}

#[test]
fn units_that_were_reported_gone_before_are_not_reported_again() {
    let mut driver = with_node(None);
    let rejected = released(&mut driver, 2, &[("A", 2)]);
    driver.report(rejected, 2, Report::Reject { kind: RejectKind::Closed }).unwrap();
    assert_eq!(cancel(&mut driver, rejected, &[(1, 2)]), (vec![], vec![]));
    let shorted = released(&mut driver, 3, &[("A", 3)]);
    driver.report(shorted, 2, pick(&[(1, 1, 2)])).unwrap();
    assert_eq!(cancel(&mut driver, shorted, &[(1, 3)]), (vec![], units(&[(1, 1)])));
    let stopped = released(&mut driver, 4, &[("A", 3)]);
    assert_eq!(cancel(&mut driver, stopped, &[(1, 2)]), (units(&[(1, 2)]), vec![]));
    assert_eq!(cancel(&mut driver, stopped, &[(1, 3)]), (units(&[(1, 1)]), vec![]));
}

#[test]
fn a_line_asked_for_twice_is_summed_and_a_line_that_is_not_there_counts_for_nothing() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 3)]);
    assert_eq!(cancel(&mut driver, id, &[(1, 1), (1, 1), (4, 9)]), (units(&[(1, 2)]), vec![]));
    assert_eq!(order(&driver, id).live().map(|q| q.units()).collect::<Vec<_>>(), vec![1]);
}
