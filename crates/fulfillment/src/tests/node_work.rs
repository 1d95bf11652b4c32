//! The node's side, from plan to delivery, with its refusals.

use super::given::{
    DAY, assign, claim, delivery, hand_over, id, node, node_id, order, package, pick, released, reservation,
    ship, text, units, with_node, work,
};
use crate::{Capacity, Command, Refusal, RejectKind, Report, WorkState};
use waybill_machine::{Code, Coded};
use waybill_types::exchange::{Message, Step, WorkDestination, WorkRefusal};

#[test]
fn an_order_goes_from_planned_to_delivered_and_consumes_its_claims_once() {
    let mut driver = with_node(None);
    assign(&mut driver, work(1, &[("A", 2), ("B", 1), ("A", 3)]));
    assert_eq!(driver.take_sent(), vec![Message::WorkPlanned(id(1))]);
    driver.receive(Message::ReleaseWork(id(1)));
    assert!(driver.take_sent().is_empty(), "orders knows that it released");
    assert_eq!(driver.report(id(1), 2, Report::Accept), Ok(3));
    assert_eq!(driver.report(id(1), 3, Report::StartPicking), Ok(4));
    assert_eq!(driver.report(id(1), 4, pick(&[(1, 2, 0), (2, 1, 0), (3, 3, 0)])), Ok(5));
    let parcels = vec![package("P1", &[(1, 2), (2, 1)]), package("P2", &[(3, 3)])];
    assert_eq!(driver.report(id(1), 5, Report::Pack(parcels)), Ok(6));
    assert_eq!(driver.report(id(1), 6, ship(vec![])), Ok(7));
    assert_eq!(driver.report(id(1), 7, delivery(&["P2"])), Ok(8));
    assert!(matches!(order(&driver, id(1)).state, WorkState::Shipped { .. }));
    assert_eq!(driver.report(id(1), 8, delivery(&[])), Ok(9));
    assert!(matches!(order(&driver, id(1)).state, WorkState::Delivered { .. }));

    let sent = driver.take_sent();
    let steps: Vec<&Step> = sent
        .iter()
        .filter_map(|message| match message {
            Message::WorkProgress(_, step) => Some(step),
            _ => None,
        })
        .collect();
    assert!(matches!(
        steps[..],
        [
            Step::Accepted,
            Step::PickStarted,
            Step::Picked(_),
            Step::Packed,
            Step::Shipped(_),
            Step::Delivered(_),
            Step::Delivered(_)
        ]
    ));
    assert_eq!(steps[5], &Step::Delivered(units(&[(3, 3)])));
    assert_eq!(steps[6], &Step::Delivered(units(&[(1, 2), (2, 1)])));
    let Step::Shipped(parcels) = steps[4] else { unreachable!("matched above") };
    assert_eq!(parcels[0].carrier, text("dhl"));
    // Two lines of one SKU are one claim.
    let consumed = Message::Consume(reservation(1), vec![claim("A", 5), claim("B", 1)]);
    assert_eq!(sent.iter().filter(|message| **message == consumed).count(), 1);
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY), Capacity { taken: 0, used: 6, wanted: false });
}

#[test]
fn a_simple_warehouse_confirms_and_ships_without_accept_start_or_pack() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 2)]);
    assert_eq!(driver.report(id, 2, pick(&[(1, 2, 0)])), Ok(3));
    assert_eq!(driver.report(id, 3, ship(vec![])), Ok(4));
    let shipped = order(&driver, id);
    assert_eq!(shipped.state.packages().len(), 1);
    assert_eq!(shipped.state.packages()[0].parcel.lines, units(&[(1, 2)]));
    assert_eq!(driver.report(id, 4, delivery(&["1"])), Ok(5));
}

#[test]
fn nothing_is_shipped_before_it_is_picked() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 2)]);
    let refusal = driver.report(id, 2, ship(vec![])).unwrap_err();
    assert!(matches!(refusal, Refusal::IllegalNow { state: "released", current: 2, .. }), "{refusal}");
    assert_eq!(refusal.code(), Code::IllegalNow);
}

#[test]
fn a_pickup_is_made_ready_and_handed_over_and_never_shipped() {
    let mut driver = with_node(None);
    let mut pickup = work(1, &[("A", 2)]);
    pickup.destination = WorkDestination::Pickup;
    assign(&mut driver, pickup);
    driver.receive(Message::ReleaseWork(id(1)));
    driver.report(id(1), 2, pick(&[(1, 2, 0)])).unwrap();
    let wrong = driver.report(id(1), 3, ship(vec![])).unwrap_err();
    assert!(matches!(wrong, Refusal::WrongDestination { .. }), "{wrong}");
    driver.report(id(1), 3, Report::ReadyForPickup { shelf: text("K7") }).unwrap();
    driver.take_sent();
    driver.report(id(1), 4, hand_over("code")).unwrap();
    let sent = driver.take_sent();
    assert_eq!(sent[0], Message::WorkProgress(id(1), Step::HandedOver(units(&[(1, 2)]))));
    assert_eq!(sent[1], Message::Consume(reservation(1), vec![claim("A", 2)]));
    let again = driver.report(id(1), 5, hand_over("")).unwrap_err();
    assert!(matches!(again, Refusal::IllegalNow { state: "handed over", .. }), "{again}");
}

#[test]
fn two_workers_confirm_the_same_pick_and_the_first_counts() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 2)]);
    assert_eq!(driver.report(id, 2, pick(&[(1, 2, 0)])), Ok(3));
    let refusal = driver.report(id, 2, pick(&[(1, 1, 1)])).unwrap_err();
    assert_eq!(refusal, Refusal::Stale { id, named: 2, current: 3, state: "picked" });
    assert_eq!(refusal.code(), Code::Stale);
    assert_eq!(order(&driver, id).picked(), units(&[(1, 2)]));
}

#[test]
fn a_short_pick_gives_up_claim_and_capacity_and_goes_on_with_the_rest() {
    let mut driver = with_node(Some(10));
    let id = released(&mut driver, 1, &[("A", 3), ("B", 1)]);
    driver.report(id, 2, pick(&[(1, 1, 2), (2, 1, 0)])).unwrap();
    let sent = driver.take_sent();
    assert_eq!(sent[0], Message::WorkProgress(id, Step::Picked(units(&[(1, 1), (2, 1)]))));
    let Message::WorkProgress(_, Step::Shorted(lines)) = &sent[1] else { panic!("{sent:?}") };
    assert_eq!((lines[0].units, lines[0].reason.as_str()), (units(&[(1, 2)])[0], "not_found"));
    assert_eq!(sent[2], Message::NotFound(reservation(1), vec![claim("A", 2)]));
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY).taken, 2);
    driver.report(id, 3, ship(vec![])).unwrap();
    assert_eq!(driver.take_sent()[1], Message::Consume(reservation(1), vec![claim("A", 1), claim("B", 1)]));
}

#[test]
fn work_of_which_nothing_is_found_ends_shorted() {
    let mut driver = with_node(Some(10));
    let id = released(&mut driver, 1, &[("A", 3)]);
    driver.report(id, 2, pick(&[(1, 0, 3)])).unwrap();
    assert!(matches!(order(&driver, id).state, WorkState::Shorted { .. }));
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY), Capacity::default());
    assert!(driver.state.work_of(&node_id("n1"), true, 0, 10).is_empty());
    assert_eq!(driver.state.work_of(&node_id("n1"), false, 0, 10).len(), 1);
}

#[test]
fn a_pick_accounts_for_every_unit_and_every_violation_is_named() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 3), ("B", 1)]);
    let refusal = driver.report(id, 2, pick(&[(1, 3, 1), (9, 1, 0)])).unwrap_err();
    let fields: Vec<String> = refusal.violations().into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["lines[1].line_number", "lines", "lines"]);
    let Report::ConfirmPick(mut lines) = pick(&[(1, 1, 2), (1, 1, 2)]) else { unreachable!("a pick") };
    lines[0].short_kind = None;
    let refusal = driver.report(id, 2, Report::ConfirmPick(lines)).unwrap_err();
    let fields: Vec<String> = refusal.violations().into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["lines[0].short_reason", "lines[1].line_number"]);
}

#[test]
fn parcels_hold_exactly_what_was_picked() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 3), ("B", 1)]);
    driver.report(id, 2, pick(&[(1, 3, 0), (2, 1, 0)])).unwrap();
    for wrong in [
        vec![package("P1", &[(1, 3)])],
        vec![package("P1", &[(1, 3), (2, 2)])],
        vec![package("P1", &[(1, 3), (2, 1), (3, 1)])],
        vec![package("P1", &[(1, 3)]), package("P1", &[(2, 1)])],
        vec![],
    ] {
        let refusal = driver.report(id, 3, Report::Pack(wrong)).unwrap_err();
        assert_eq!(refusal.code(), Code::Malformed, "{refusal}");
    }
    assert_eq!(driver.report(id, 3, Report::Pack(vec![package("P1", &[(1, 1), (1, 2), (2, 1)])])), Ok(4));
}

#[test]
fn a_parcel_arrives_once() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 3)]);
    driver.report(id, 2, pick(&[(1, 3, 0)])).unwrap();
    driver.report(id, 3, ship(vec![package("P1", &[(1, 1)]), package("P2", &[(1, 2)])])).unwrap();
    driver.report(id, 4, delivery(&["P1"])).unwrap();
    for wrong in [&["P1"][..], &["P3"], &["P2", "P2"]] {
        assert_eq!(driver.report(id, 5, delivery(wrong)).unwrap_err().code(), Code::Malformed);
    }
    assert_eq!(driver.report(id, 5, delivery(&["P2"])), Ok(6));
}

#[test]
fn a_rejection_gives_everything_back_with_the_reason() {
    let mut driver = with_node(Some(4));
    let id = released(&mut driver, 1, &[("A", 3), ("B", 1)]);
    driver.report(id, 2, Report::Reject { kind: RejectKind::NoCapacity }).unwrap();
    let sent = driver.take_sent();
    let Message::WorkProgress(_, Step::Rejected(lines)) = &sent[0] else { panic!("{sent:?}") };
    assert_eq!(lines.iter().map(|line| line.units).collect::<Vec<_>>(), units(&[(1, 3), (2, 1)]));
    assert_eq!(lines[0].reason.as_str(), "no_capacity");
    assert_eq!(sent.len(), 1, "orders releases the stock");
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY), Capacity::default());
}

#[test]
fn picked_work_can_no_longer_be_rejected() {
    let mut driver = with_node(None);
    let id = released(&mut driver, 1, &[("A", 3)]);
    driver.report(id, 2, pick(&[(1, 3, 0)])).unwrap();
    let refusal = driver.report(id, 3, Report::Reject { kind: RejectKind::Other }).unwrap_err();
    assert!(matches!(refusal, Refusal::IllegalNow { state: "picked", .. }), "{refusal}");
}

/// Case 16 of the domain: day capacity 10, 10 promised, 1 cancelled before pick, 1 shipped: free capacity is 1.
#[test]
fn capacity_given_back_by_a_cancel_is_free_and_capacity_used_by_a_shipment_is_not() {
    let mut driver = with_node(Some(10));
    for order in 1..=10 {
        released(&mut driver, order, &[("A", 1)]);
    }
    assign(&mut driver, work(11, &[("A", 1)]));
    assert_eq!(driver.take_sent(), vec![Message::WorkRefused(id(11), WorkRefusal::Full)]);
    driver.receive(crate::tests::given::recall(id(1), units(&[(1, 1)])));
    driver.report(id(2), 2, pick(&[(1, 1, 0)])).unwrap();
    driver.report(id(2), 3, ship(vec![])).unwrap();
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY).free(Some(10)), Some(1));
    driver.take_sent();
    assign(&mut driver, work(12, &[("A", 2)]));
    assign(&mut driver, work(13, &[("A", 1)]));
    assert_eq!(
        driver.take_sent(),
        vec![Message::WorkRefused(id(12), WorkRefusal::Full), Message::WorkPlanned(id(13))]
    );
}

#[test]
fn capacity_counts_whole_units_of_weighed_goods() {
    let mut driver = with_node(Some(10));
    let mut weighed = work(1, &[("CHEESE", 1_250)]);
    weighed.lines[0].scale = 3;
    assign(&mut driver, weighed);
    assert_eq!(driver.state.capacity(&node_id("n1"), DAY).taken, 2, "each kilogram begun");
}

#[test]
fn capacity_is_kept_day_by_day() {
    let mut driver = with_node(Some(1));
    assign(&mut driver, work(1, &[("A", 1)]));
    let mut tomorrow = work(2, &[("A", 1)]);
    tomorrow.capacity_day = Some(waybill_types::network::LocalDay(DAY.0 + 1));
    assign(&mut driver, tomorrow);
    assert_eq!(driver.take_sent(), vec![Message::WorkPlanned(id(1)), Message::WorkPlanned(id(2))]);
}

#[test]
fn inactive_incapable_and_unknown_nodes_take_no_new_work() {
    let mut driver = with_node(None);
    assign(&mut driver, work(1, &[("A", 1)]));
    let mut closed = node("n1", None);
    closed.active = false;
    driver.run(&Command::UpsertNodes(vec![closed])).unwrap();
    driver.take_sent();
    assign(&mut driver, work(2, &[("A", 1)]));
    let mut elsewhere = work(3, &[("A", 1)]);
    elsewhere.node = node_id("nobody");
    assign(&mut driver, elsewhere);
    let mut counterless = node("n1", None);
    counterless.can.pickup = false;
    driver.run(&Command::UpsertNodes(vec![counterless])).unwrap();
    let mut pickup = work(4, &[("A", 1)]);
    pickup.destination = WorkDestination::Pickup;
    assign(&mut driver, pickup);
    assert_eq!(
        driver.take_sent(),
        vec![
            Message::WorkRefused(id(2), WorkRefusal::Closed),
            Message::WorkRefused(id(3), WorkRefusal::UnknownNode),
            Message::NodeOpened(node_id("n1")),
            Message::WorkRefused(id(4), WorkRefusal::Closed),
        ]
    );
    assert!(order(&driver, id(1)).state.is_open(), "work that is there stays");
}

#[test]
fn inventory_hears_of_a_node_that_can_do_more_and_of_no_other() {
    let mut driver = with_node(Some(2));
    let mut set = |limit: Option<u64>, active: bool, pickup: bool| {
        let mut changed = node("n1", limit);
        (changed.active, changed.can.pickup) = (active, pickup);
        driver.run(&Command::UpsertNodes(vec![changed])).unwrap();
        driver.take_sent().contains(&Message::NodeOpened(node_id("n1")))
    };
    assert!(!set(Some(1), true, true), "a lower limit");
    assert!(set(Some(3), true, true), "a higher limit");
    assert!(!set(Some(3), true, false), "no counter");
    assert!(set(Some(3), true, true), "a counter again");
    assert!(!set(None, false, true), "closed");
    assert!(set(None, true, true), "open again");
}

#[test]
fn capacity_that_is_given_back_is_told_once_where_some_was_wanted() {
    let mut driver = with_node(Some(2));
    assign(&mut driver, work(1, &[("A", 2)]));
    let give_back = |driver: &mut crate::driver::Driver| {
        driver.receive(Message::CancelWork {
            id: id(1),
            units: units(&[(1, 1)]),
            recall: 1,
            manner: waybill_types::exchange::RecallManner::Firm,
            reason: waybill_types::Reason::default(),
        });
        driver.take_sent().iter().filter(|message| matches!(message, Message::NodeOpened(_))).count()
    };
    assign(&mut driver, work(2, &[("A", 1)]));
    assert_eq!(give_back(&mut driver), 1, "the second was refused for want of it");
    assert_eq!(give_back(&mut driver), 0, "nobody wanted more since");
}

#[test]
fn a_report_on_unknown_work_is_refused() {
    let mut driver = with_node(None);
    let refusal = driver.report(id(9), 1, Report::Accept).unwrap_err();
    assert_eq!((refusal.code(), refusal.reason()), (Code::Unknown, "FULFILLMENT_ORDER_UNKNOWN"));
}
