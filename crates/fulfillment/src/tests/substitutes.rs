//! Other goods in place of what is not there.

use super::given::{
    ask, assign, claim, hand_over_some, id, order, picked_pickup, put_back, released, reservation, ship,
    text, units, with_node, work,
};
use crate::driver::Driver;
use crate::{PickReport, Report, Rest, ShortKind, UndeliveredKind};
use waybill_machine::{Code, Coded};
use waybill_types::exchange::{LandedGoods, Landing, Message, Step, Substituted};
use waybill_types::{FulfillmentOrderId, LineNo, Quantity, Sku};

fn sku(name: &str) -> Sku {
    Sku::new(name).unwrap()
}

/// Four units of A, of which X or Y may be picked instead; at revision 2.
fn work_with_substitutes(driver: &mut Driver) -> FulfillmentOrderId {
    let mut given = work(1, &[("A", 4)]);
    given.lines[0].substitutes = vec![sku("X"), sku("Y")];
    assign(driver, given);
    driver.receive(Message::ReleaseWork(id(1)));
    driver.take_sent();
    id(1)
}

fn pick_instead(picked: u64, short: u64, instead: (&str, u64)) -> Report {
    Report::ConfirmPick(vec![PickReport {
        line: LineNo(1),
        picked: Quantity::of(picked),
        short: Quantity::of(short),
        short_kind: (short > 0).then_some(ShortKind::NotFound),
        lots: Vec::new(),
        serials: Vec::new(),
        substitute: Some((sku(instead.0), Quantity::of(instead.1))),
    }])
}

#[test]
fn a_substitute_counts_as_picked_and_is_claimed_and_consumed_as_what_it_is() {
    let mut driver = with_node(None);
    let id = work_with_substitutes(&mut driver);
    let told = driver.state.instructions(&super::given::node_id("n1"), 0, 9);
    assert_eq!(told[0].lines[0].substitutes, [sku("X"), sku("Y")], "the node need not ask back");
    driver.report(id, 2, pick_instead(1, 1, ("Y", 2))).unwrap();
    let instead = Substituted { units: units(&[(1, 2)])[0], sku: sku("Y") };
    let sent = driver.take_sent();
    assert_eq!(sent[0], Message::WorkProgress(id, Step::Substituted(vec![instead])));
    assert_eq!(sent[1], Message::WorkProgress(id, Step::Picked(units(&[(1, 3)]))));
    assert!(
        matches!(&sent[2], Message::WorkProgress(_, Step::Shorted(lines)) if lines[0].units == units(&[(1, 1)])[0])
    );
    assert_eq!(sent[3], Message::NotFound(reservation(1), vec![claim("A", 3)]));
    assert_eq!(sent[4], Message::Seize(reservation(1), vec![claim("Y", 2)]));
    driver.report(id, 3, ship(vec![])).unwrap();
    let consumed = Message::Consume(reservation(1), vec![claim("A", 1), claim("Y", 2)]);
    assert_eq!(driver.take_sent()[1], consumed);
}

#[test]
fn only_what_the_line_allows_may_be_picked_instead_and_every_unit_is_accounted_for() {
    let mut driver = with_node(None);
    let id = work_with_substitutes(&mut driver);
    let wrong = driver.report(id, 2, pick_instead(2, 0, ("Z", 2))).unwrap_err();
    assert_eq!(wrong.violations()[0].field, "lines[0].substitute_sku");
    assert!(wrong.to_string().contains("X, Y may be picked instead"), "{wrong}");
    let wrong = driver.report(id, 2, pick_instead(2, 0, ("X", 1))).unwrap_err();
    assert_eq!((wrong.code(), wrong.violations()[0].field.as_str()), (Code::Malformed, "lines"));
    let none = released(&mut driver, 2, &[("A", 1)]);
    let wrong = driver.report(none, 2, pick_instead(0, 0, ("X", 1))).unwrap_err();
    assert!(wrong.to_string().contains("nothing may be picked instead"), "{wrong}");
}

#[test]
fn substitutes_go_back_first_and_leave_last() {
    let mut driver = with_node(None);
    let id = work_with_substitutes(&mut driver);
    driver.report(id, 2, pick_instead(2, 0, ("X", 2))).unwrap();
    driver.receive(ask(id, 1, &[(1, 1)]));
    driver.report(id, 4, put_back(&[(1, 1)])).unwrap();
    driver.take_sent();
    driver.report(id, 5, ship(vec![])).unwrap();
    let consumed = Message::Consume(reservation(1), vec![claim("A", 2), claim("X", 1)]);
    assert_eq!(driver.take_sent()[1], consumed);
    let back = UndeliveredKind::ReturnedToSender(Landing::Sellable);
    driver.report(id, 6, Report::ReportUndelivered { kind: back, parcels: vec![text("1")] }).unwrap();
    let landed =
        [claim("A", 2), claim("X", 1)].map(|goods| LandedGoods { goods, landing: Landing::Sellable });
    assert_eq!(driver.take_sent()[1], Message::GoodsLanded(id, landed.to_vec()));
}

#[test]
fn a_customer_who_takes_some_takes_what_was_ordered_first() {
    let mut driver = with_node(None);
    let mut given = work(1, &[("A", 3)]);
    given.lines[0].substitutes = vec![sku("X")];
    given.destination = waybill_types::exchange::WorkDestination::Pickup;
    assign(&mut driver, given);
    driver.receive(Message::ReleaseWork(id(1)));
    driver.report(id(1), 2, pick_instead(1, 0, ("X", 2))).unwrap();
    driver.take_sent();
    driver.report(id(1), 3, hand_over_some(&[(1, 2)], Rest::Later)).unwrap();
    assert_eq!(driver.take_sent()[1], Message::Consume(reservation(1), vec![claim("A", 1), claim("X", 1)]));
    assert_eq!(order(&driver, id(1)).progress[0].substitutes[0].quantity, Quantity::of(2));
    let other = picked_pickup(&mut driver, 2, &[("A", 1)]);
    assert!(order(&driver, other).progress[0].substitutes.is_empty());
}
