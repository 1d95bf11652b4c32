//! At the counter: customers who take all, some or nothing of what waits for them.

use super::given::{
    DAY, ask, claim, hand_over, hand_over_some, node_id, order, package, picked_pickup, put_back, recalled,
    reservation, text, units, with_node,
};
use crate::{Capacity, InstructionKind, PICKUP_DAYS, Refusal, Report, Rest, WorkState};
use waybill_machine::{Code, Coded, Machine};
use waybill_types::exchange::{Message, Step};

const DAY_MS: i64 = 86_400_000;

fn ready() -> Report {
    Report::ReadyForPickup { shelf: text("K7") }
}

#[test]
fn a_customer_takes_one_of_two_and_the_other_waits_for_later() {
    let mut driver = with_node(Some(9));
    let id = picked_pickup(&mut driver, 1, &[("A", 2)]);
    driver.report(id, 3, ready()).unwrap();
    let due = crate::Fulfillment::next_due(&driver.state);
    driver.take_sent();
    driver.report(id, 4, hand_over_some(&[(1, 1)], Rest::Later)).unwrap();
    let expected = [
        Message::WorkProgress(id, Step::HandedOver(units(&[(1, 1)]))),
        Message::Consume(reservation(1), vec![claim("A", 1)]),
    ];
    assert_eq!(driver.take_sent(), expected);
    let waiting = order(&driver, id);
    assert!(matches!(waiting.state, WorkState::ReadyForPickup { .. }));
    assert_eq!(waiting.in_hand(), units(&[(1, 1)]));
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY), Capacity { taken: 1, used: 1, wanted: false });
    assert_eq!(crate::Fulfillment::next_due(&driver.state), due, "it does not wait any longer for that");
    driver.report(id, 5, hand_over("code")).unwrap();
    assert_eq!(driver.take_sent(), expected);
    assert!(matches!(order(&driver, id).state, WorkState::HandedOver { .. }));
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY), Capacity { taken: 0, used: 2, wanted: false });
}

#[test]
fn a_customer_takes_one_of_two_and_does_not_want_the_other() {
    let mut driver = with_node(Some(9));
    let id = picked_pickup(&mut driver, 1, &[("A", 2)]);
    driver.report(id, 3, hand_over_some(&[(1, 1)], Rest::GiveUp)).unwrap();
    assert_eq!(
        driver.take_sent(),
        [
            Message::WorkProgress(id, Step::HandedOver(units(&[(1, 1)]))),
            Message::Consume(reservation(1), vec![claim("A", 1)]),
            Message::WorkProgress(id, Step::NotCollected(units(&[(1, 1)]))),
        ]
    );
    assert!(matches!(order(&driver, id).state, WorkState::HandedOver { .. }));
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY), Capacity { taken: 0, used: 1, wanted: false });
}

#[test]
fn what_is_left_of_a_hand_over_straight_from_the_shelves_waits_at_the_counter() {
    let mut driver = with_node(None);
    let id = picked_pickup(&mut driver, 1, &[("A", 2), ("B", 1)]);
    driver.report(id, 3, hand_over_some(&[(2, 1)], Rest::Later)).unwrap();
    let sent = driver.take_sent();
    assert_eq!(
        sent.last(),
        Some(&Message::WorkProgress(id, Step::ReadyForPickup)),
        "orders hears that it waits"
    );
    assert!(crate::Fulfillment::next_due(&driver.state).is_some());
}

#[test]
fn nobody_is_handed_more_than_there_is() {
    let mut driver = with_node(None);
    let id = picked_pickup(&mut driver, 1, &[("A", 2), ("B", 1)]);
    driver.report(id, 3, hand_over_some(&[(1, 2)], Rest::Later)).unwrap();
    let wrong = driver.report(id, 4, hand_over_some(&[(1, 1), (2, 1), (2, 1)], Rest::Later)).unwrap_err();
    assert_eq!(wrong.code(), Code::Malformed);
    let fields: Vec<String> = wrong.violations().into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["taken[0].quantity", "taken[2].line_number"]);
}

/// Case 21 of the domain, the node's half: whoever reports first, there is one end.
#[test]
fn of_two_jobs_that_report_a_no_show_one_does() {
    let mut driver = with_node(Some(9));
    let id = picked_pickup(&mut driver, 1, &[("A", 2)]);
    let early = driver.report(id, 3, Report::NoShow).unwrap_err();
    assert!(matches!(early, Refusal::IllegalNow { state: "picked", .. }), "nobody was called yet: {early}");
    driver.report(id, 3, ready()).unwrap();
    driver.take_sent();
    assert_eq!(driver.report(id, 4, Report::NoShow), Ok(5));
    let second = driver.report(id, 4, Report::NoShow).unwrap_err();
    assert!(matches!(second, Refusal::Stale { current: 5, state: "not collected", .. }), "{second}");
    driver.later(30 * DAY_MS);
    assert_eq!(driver.take_sent(), [Message::WorkProgress(id, Step::NotCollected(units(&[(1, 2)])))]);
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY), Capacity::default());
    assert!(driver.state.instructions(&node_id("n1"), 1, 9).is_empty(), "the node knows");
}

#[test]
fn a_pickup_that_waits_too_long_goes_back_by_itself_and_the_node_is_told_once() {
    let mut driver = with_node(None);
    let ids = [1, 2].map(|order| picked_pickup(&mut driver, order, &[("A", order)]));
    for id in ids {
        driver.report(id, 3, ready()).unwrap();
    }
    driver.take_sent();
    driver.later(PICKUP_DAYS * DAY_MS - 10_000);
    assert!(driver.take_sent().is_empty());
    driver.later(20_000);
    let gone =
        |index: usize, count| Message::WorkProgress(ids[index], Step::NotCollected(units(&[(1, count)])));
    assert_eq!(driver.take_sent(), [gone(0, 1), gone(1, 2)]);
    let told = driver.state.instructions(&node_id("n1"), 2, 9);
    let told: Vec<_> = told.iter().map(|row| (row.number, row.kind, row.id)).collect();
    assert_eq!(told, [(3, InstructionKind::Cancel, ids[0]), (4, InstructionKind::Cancel, ids[1])]);
    driver.later(DAY_MS);
    assert!(driver.take_sent().is_empty());
    let late = driver.report(ids[0], 5, hand_over("code")).unwrap_err();
    assert!(matches!(late, Refusal::IllegalNow { state: "not collected", .. }), "{late}");
}

#[test]
fn a_cancel_that_the_no_show_overtakes_is_over_with_it() {
    let mut driver = with_node(None);
    let id = picked_pickup(&mut driver, 1, &[("A", 2)]);
    driver.report(id, 3, ready()).unwrap();
    driver.receive(ask(id, 4, &[(1, 1)]));
    driver.take_sent();
    driver.report(id, 5, Report::NoShow).unwrap();
    assert_eq!(
        driver.take_sent(),
        [Message::WorkProgress(id, Step::NotCollected(units(&[(1, 2)]))), recalled(id, 4, &[], &[], &[])],
        "the units were told once"
    );
}

#[test]
fn what_waits_goes_on_waiting_when_a_part_is_put_back() {
    let mut driver = with_node(None);
    let id = picked_pickup(&mut driver, 1, &[("A", 3)]);
    driver.report(id, 3, Report::Pack(vec![package("P1", &[(1, 3)])])).unwrap();
    driver.report(id, 4, ready()).unwrap();
    driver.report(id, 5, hand_over_some(&[(1, 1)], Rest::Later)).unwrap();
    driver.receive(ask(id, 1, &[(1, 2)]));
    driver.take_sent();
    driver.report(id, 7, put_back(&[(1, 1)])).unwrap();
    assert!(
        matches!(&order(&driver, id).state, WorkState::ReadyForPickup { packages, .. } if packages.is_empty())
    );
    driver.receive(ask(id, 2, &[(1, 1)]));
    driver.report(id, 9, put_back(&[(1, 1)])).unwrap();
    let WorkState::HandedOver { proof, .. } = &order(&driver, id).state else { panic!("one unit was taken") };
    assert_eq!(proof.as_str(), "code");
}
