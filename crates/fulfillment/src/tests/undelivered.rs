//! Parcels that do not reach the customer.

use super::given::{
    claim, delivery, node_id, order, package, pick, released, reservation, ship, text, units, with_node,
};
use crate::driver::Driver;
use crate::{Refusal, Report, UndeliveredKind, WorkState};
use waybill_machine::{Code, Coded};
use waybill_types::FulfillmentOrderId;
use waybill_types::exchange::{LandedGoods, Landing, Message, Step, Undelivered};

fn report(kind: UndeliveredKind, parcels: &[&str]) -> Report {
    Report::ReportUndelivered { kind, parcels: parcels.iter().map(|number| text(number)).collect() }
}

fn step(id: FulfillmentOrderId, why: Undelivered, lines: &[(u16, u64)]) -> Message {
    Message::WorkProgress(id, Step::Undelivered(why, units(lines)))
}

/// Three parcels of A on their way, at revision 4.
fn shipped(driver: &mut Driver) -> FulfillmentOrderId {
    let id = released(driver, 1, &[("A", 6)]);
    driver.report(id, 2, pick(&[(1, 6, 0)])).unwrap();
    let parcels = vec![package("P1", &[(1, 1)]), package("P2", &[(1, 2)]), package("P3", &[(1, 3)])];
    driver.report(id, 3, ship(parcels)).unwrap();
    driver.take_sent();
    id
}

#[test]
fn each_parcel_has_one_fate_and_the_work_ends_delivered_when_any_arrived() {
    let mut driver = with_node(None);
    let id = shipped(&mut driver);
    driver.report(id, 4, report(UndeliveredKind::Lost, &["P1"])).unwrap();
    driver.report(id, 5, report(UndeliveredKind::Refused, &["P2"])).unwrap();
    assert!(matches!(order(&driver, id).state, WorkState::Shipped { .. }));
    driver.report(id, 6, delivery(&[])).unwrap();
    assert!(matches!(order(&driver, id).state, WorkState::Delivered { .. }));
    let back = UndeliveredKind::ReturnedToSender(Landing::Inspect);
    driver.report(id, 7, report(back, &[])).unwrap();
    let landed = vec![LandedGoods { goods: claim("A", 2), landing: Landing::Inspect }];
    assert_eq!(
        driver.take_sent(),
        [
            step(id, Undelivered::Lost, &[(1, 1)]),
            step(id, Undelivered::Refused, &[(1, 2)]),
            Message::WorkProgress(id, Step::Delivered(units(&[(1, 3)]))),
            step(id, Undelivered::RefusedBack, &[(1, 2)]),
            Message::GoodsLanded(id, landed),
        ]
    );
    for (kind, parcels) in [
        (UndeliveredKind::Lost, vec!["P1"]),
        (UndeliveredKind::Refused, vec!["P3"]),
        (back, vec!["P2"]),
        (back, vec!["P3"]),
        (back, vec![]),
        (UndeliveredKind::Lost, vec!["P9"]),
    ] {
        let wrong = driver.report(id, 8, report(kind, &parcels)).unwrap_err();
        assert_eq!(wrong.code(), Code::Malformed, "{parcels:?} {wrong}");
    }
}

#[test]
fn work_of_which_nothing_arrives_ends_undelivered() {
    let mut driver = with_node(None);
    let id = shipped(&mut driver);
    driver.report(id, 4, report(UndeliveredKind::Refused, &["P1"])).unwrap();
    let back = UndeliveredKind::ReturnedToSender(Landing::Sellable);
    driver.report(id, 5, report(back, &["P1", "P2"])).unwrap();
    driver.take_sent();
    driver.report(id, 6, report(UndeliveredKind::Lost, &[])).unwrap();
    assert_eq!(driver.take_sent(), [step(id, Undelivered::Lost, &[(1, 3)])]);
    assert!(matches!(order(&driver, id).state, WorkState::Undelivered { .. }));
    let late = driver.report(id, 7, delivery(&[])).unwrap_err();
    assert!(matches!(late, Refusal::IllegalNow { state: "undelivered", .. }), "{late}");
}

#[test]
fn parcels_from_the_road_and_after_a_refusal_are_told_apart() {
    let mut driver = with_node(None);
    let id = shipped(&mut driver);
    driver.report(id, 4, report(UndeliveredKind::Refused, &["P1"])).unwrap();
    driver.take_sent();
    driver.report(id, 5, report(UndeliveredKind::ReturnedToSender(Landing::Damaged), &["P1", "P2"])).unwrap();
    let landed = vec![LandedGoods { goods: claim("A", 3), landing: Landing::Damaged }];
    assert_eq!(
        driver.take_sent(),
        [
            step(id, Undelivered::ReturnedToSender, &[(1, 2)]),
            step(id, Undelivered::RefusedBack, &[(1, 1)]),
            Message::GoodsLanded(id, landed),
        ]
    );
}

#[test]
fn what_is_thrown_away_is_no_stock() {
    let mut driver = with_node(None);
    let id = shipped(&mut driver);
    driver.report(id, 4, report(UndeliveredKind::ReturnedToSender(Landing::Scrapped), &[])).unwrap();
    assert_eq!(driver.take_sent(), [step(id, Undelivered::ReturnedToSender, &[(1, 6)])]);
}

#[test]
fn only_what_has_left_can_be_undelivered() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 1)]);
    driver.report(id, 2, pick(&[(1, 1, 0)])).unwrap();
    let early = driver.report(id, 3, report(UndeliveredKind::Lost, &[])).unwrap_err();
    assert!(matches!(early, Refusal::IllegalNow { state: "picked", .. }), "{early}");
    assert_eq!(driver.state.capacity(&node_id("n1"), super::given::DAY).taken, 1);
    driver.take_sent();
    driver.report(id, 3, ship(vec![])).unwrap();
    let consumed = Message::Consume(reservation(1), vec![claim("A", 1)]);
    assert!(driver.take_sent().contains(&consumed));
}
