//! Cancels of what is in hand: the node is asked, has until a deadline, and each unit ends put back or gone.

use super::given::{
    DAY, ask, assign, hand_over, id, node_id, order, package, pick, picked_pickup, put_back, recalled,
    released, ship, text, units, with_node, work,
};
use crate::driver::Driver;
use crate::{InstructionKind, Refusal, Report, WorkState};
use waybill_machine::{Code, Coded, Machine};
use waybill_types::FulfillmentOrderId;
use waybill_types::exchange::{Message, Step};

/// Three units of A and one of B in hand, at revision 3.
fn picked(driver: &mut Driver) -> FulfillmentOrderId {
    let id = released(driver, 1, &[("A", 3), ("B", 1)]);
    driver.report(id, 2, pick(&[(1, 3, 0), (2, 1, 0)])).unwrap();
    driver.take_sent();
    id
}

fn next_due(driver: &Driver) -> Option<i64> {
    crate::Fulfillment::next_due(&driver.state).map(|at| at.as_ms())
}

#[test]
fn units_in_hand_are_asked_of_the_node_which_puts_some_back() {
    let mut driver = with_node(Some(10));
    let id = picked(&mut driver);
    driver.receive(ask(id, 7, &[(1, 2)]));
    assert_eq!(driver.take_sent(), [recalled(id, 7, &[], &[], &[(1, 2)])]);
    let told = driver.state.instructions(&node_id("n1"), 1, 10);
    assert_eq!((told[0].kind, told[0].revision), (InstructionKind::CancelRequested, 4));
    assert_eq!((told[0].lines.len(), told[0].lines[0].quantity.units()), (1, 2));
    assert_eq!(told[0].reason.as_str(), "changed my mind");
    assert_eq!(told[0].answer_by.map(|at| at.as_ms()), next_due(&driver));

    let stale = driver.report(id, 3, ship(vec![])).unwrap_err();
    assert!(matches!(stale, Refusal::Stale { named: 3, current: 4, .. }), "{stale}");
    assert_eq!(driver.report(id, 4, put_back(&[(1, 1)])), Ok(5));
    assert_eq!(driver.take_sent(), [recalled(id, 7, &[(1, 1)], &[(1, 1)], &[])]);
    assert_eq!(order(&driver, id).picked(), units(&[(1, 2), (2, 1)]));
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY).taken, 3, "what went back takes no capacity");
    assert_eq!(next_due(&driver), None);
    driver.report(id, 5, ship(vec![])).unwrap();
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY).used, 3);
}

#[test]
fn a_node_that_says_nothing_until_the_deadline_is_too_late() {
    let mut driver = with_node(None);
    let id = picked(&mut driver);
    driver.receive(ask(id, 1, &[(1, 3), (2, 1)]));
    driver.take_sent();
    driver.later(58_999);
    assert!(driver.take_sent().is_empty(), "it still has time");
    driver.later(1);
    assert_eq!(driver.take_sent(), [recalled(id, 1, &[], &[(1, 3), (2, 1)], &[])]);
    let late = driver.report(id, 5, put_back(&[(1, 1)])).unwrap_err();
    assert_eq!((late.code(), late.reason()), (Code::IllegalNow, "CANCEL_NOT_ASKED"));
    driver.later(1);
    assert!(driver.take_sent().is_empty(), "once");
    assert_eq!(driver.report(id, 5, ship(vec![])), Ok(6));
}

#[test]
fn a_ship_that_comes_first_wins_and_the_cancel_is_too_late_at_once() {
    let mut driver = with_node(None);
    let id = picked(&mut driver);
    driver.receive(ask(id, 1, &[(1, 2)]));
    driver.take_sent();
    driver.report(id, 4, ship(vec![])).unwrap();
    let sent = driver.take_sent();
    assert!(matches!(sent[0], Message::WorkProgress(_, Step::Shipped(_))));
    assert_eq!(sent.last(), Some(&recalled(id, 1, &[], &[(1, 2)], &[])));
    assert_eq!(next_due(&driver), None);
    let late = driver.report(id, 5, put_back(&[(1, 1)])).unwrap_err();
    assert!(matches!(late, Refusal::IllegalNow { state: "shipped", .. }), "{late}");
    driver.receive(ask(id, 2, &[(1, 1)]));
    assert_eq!(driver.take_sent(), [recalled(id, 2, &[], &[(1, 1)], &[])]);
}

#[test]
fn work_of_which_everything_goes_back_is_cancelled() {
    let mut driver = with_node(Some(4));
    let id = picked(&mut driver);
    driver.receive(ask(id, 1, &[(1, 3), (2, 1)]));
    driver.report(id, 4, put_back(&[(2, 1), (1, 3)])).unwrap();
    let cancelled = order(&driver, id);
    let WorkState::Cancelled { reason } = &cancelled.state else { panic!("{:?}", cancelled.state) };
    assert_eq!(reason.as_str(), "changed my mind");
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY).taken, 0);
    assert!(driver.state.work_of(&node_id("n1"), true, 0, 10).is_empty());
}

#[test]
fn parcels_that_held_what_went_back_are_packed_again() {
    let mut driver = with_node(None);
    let id = picked(&mut driver);
    driver.report(id, 3, Report::Pack(vec![package("P1", &[(1, 3)]), package("P2", &[(2, 1)])])).unwrap();
    driver.receive(ask(id, 1, &[(2, 1)]));
    driver.report(id, 5, put_back(&[])).unwrap();
    assert!(matches!(order(&driver, id).state, WorkState::Packed { .. }), "nothing went back");
    driver.receive(ask(id, 2, &[(2, 1)]));
    driver.report(id, 7, put_back(&[(2, 1)])).unwrap();
    assert_eq!(order(&driver, id).state, WorkState::Picked);
    let wrong = driver.report(id, 8, Report::Pack(vec![package("P1", &[(1, 3), (2, 1)])])).unwrap_err();
    assert_eq!(wrong.code(), Code::Malformed);
    driver.report(id, 8, Report::Pack(vec![package("P1", &[(1, 3)])])).unwrap();
}

#[test]
fn of_two_cancels_the_older_one_is_served_first_and_nothing_is_asked_twice() {
    let mut driver = with_node(None);
    let id = picked(&mut driver);
    driver.receive(ask(id, 1, &[(1, 1)]));
    driver.receive(ask(id, 2, &[(1, 3)]));
    assert_eq!(
        driver.take_sent(),
        [recalled(id, 1, &[], &[], &[(1, 1)]), recalled(id, 2, &[], &[(1, 1)], &[(1, 2)])]
    );
    driver.report(id, 5, put_back(&[(1, 2)])).unwrap();
    assert_eq!(
        driver.take_sent(),
        [recalled(id, 1, &[(1, 1)], &[], &[]), recalled(id, 2, &[(1, 1)], &[(1, 1)], &[])]
    );
}

#[test]
fn only_what_was_asked_can_be_answered() {
    let mut driver = with_node(None);
    let id = picked(&mut driver);
    let nothing = driver.report(id, 3, put_back(&[(1, 1)])).unwrap_err();
    assert_eq!(nothing, Refusal::NothingAsked { id, current: 3 });
    driver.receive(ask(id, 1, &[(1, 2)]));
    let wrong = driver.report(id, 4, put_back(&[(1, 3), (2, 1), (1, 0)])).unwrap_err();
    let fields: Vec<String> = wrong.violations().into_iter().map(|violation| violation.field).collect();
    assert_eq!(
        fields,
        ["stopped[0].quantity", "stopped[1].quantity", "stopped[2].quantity", "stopped[2].line_number"]
    );
    assert_eq!(order(&driver, id).revision, 4, "nothing has changed");
}

#[test]
fn what_is_on_the_shelf_stops_at_once_even_when_the_node_could_be_asked() {
    let mut driver = with_node(None);
    assign(&mut driver, work(1, &[("A", 3)]));
    driver.receive(ask(id(1), 1, &[(1, 1)]));
    driver.receive(Message::ReleaseWork(id(1)));
    driver.receive(ask(id(1), 2, &[(1, 1)]));
    let sent = driver.take_sent();
    assert_eq!(sent[1..], [recalled(id(1), 1, &[(1, 1)], &[], &[]), recalled(id(1), 2, &[(1, 1)], &[], &[])]);
    let stale = driver.report(id(1), 3, pick(&[(1, 2, 0)])).unwrap_err();
    assert!(matches!(stale, Refusal::Stale { current: 4, .. }), "{stale}");
    assert_eq!(next_due(&driver), None, "nobody is asked");
}

#[test]
fn a_customer_at_the_counter_takes_what_was_to_be_cancelled() {
    let mut driver = with_node(None);
    let id = picked_pickup(&mut driver, 1, &[("A", 2)]);
    driver.report(id, 3, Report::ReadyForPickup { shelf: text("K1") }).unwrap();
    driver.receive(ask(id, 1, &[(1, 2)]));
    driver.take_sent();
    driver.report(id, 5, hand_over("code")).unwrap();
    let sent = driver.take_sent();
    assert_eq!(sent[0], Message::WorkProgress(id, Step::HandedOver(units(&[(1, 2)]))));
    assert_eq!(sent.last(), Some(&recalled(id, 1, &[], &[(1, 2)], &[])));
}
