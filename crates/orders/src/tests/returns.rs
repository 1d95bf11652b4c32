//! Returns: a unit comes back once, to whatever node, at the price paid.

use super::build::{delivered, line, order, three_for_ten, units};
use super::world::{World, goods};
use super::world_returns::{here, request};
use crate::command::{Command, NewLine, Place, RequestReturn};
use crate::order::ReturnState;
use crate::refusal::ChangeRefusal;
use crate::units::Bucket;
use crate::{Answer, OrderMoney, Refusal, Returnable, Status, order_money, returnable, status};
use waybill_types::exchange::Landing;
use waybill_types::policy::{OrderPolicy, ReturnTerms};
use waybill_types::{LineNo, OrderId, ReturnId, Timestamp};

const DAY_MS: i64 = 86_400_000;
const SELLABLE: Option<Landing> = Some(Landing::Sellable);

/// A world in which one order has reached its customer.
fn sold(stock: &[(&str, &str, u64)], wanted: Place) -> (World, OrderId) {
    let mut world = World::with_stock(stock);
    let id = world.place(wanted);
    world.settle();
    world.send_all();
    assert_eq!(status(&world.order(id).1), Status::Delivered);
    (world, id)
}

/// Three units for 10.00 in all, so that one of them costs a cent more: two from n1, one from n2.
fn three() -> (World, OrderId) {
    sold(&[("A", "n1", 2), ("A", "n2", 1)], three_for_ten())
}

fn state(world: &World, id: ReturnId) -> ReturnState {
    world.order(id.order).1.return_numbered(id.number).unwrap().state
}

fn bucket(world: &World, id: OrderId, bucket: Bucket) -> u64 {
    world.order(id).1.lines[0].buckets.get(bucket).units()
}

fn money(world: &World, id: OrderId) -> OrderMoney {
    let (opening, order) = world.order(id);
    order_money(order.content(&opening), &order)
}

fn not_returnable(refusal: Refusal) -> (u64, u64) {
    match refusal {
        Refusal::Change(ChangeRefusal::NotReturnable { asked, returnable, .. }) => (asked, returnable),
        other => panic!("{other}"),
    }
}

/// The goods are here.
fn at_once(order: OrderId, at: &str, count: u64) -> RequestReturn {
    RequestReturn { received: Some(here(at, &[(1, count, SELLABLE)])), ..request(order, &[(1, count)]) }
}

#[test]
fn units_of_two_nodes_come_back_to_a_third_and_each_only_once() {
    let (mut world, id) = three();
    let (first, refund) = world.give_back_goods(at_once(id, "n3", 2)).unwrap();
    assert_eq!((first.to_string(), refund), (format!("{id}-R1"), 667), "334 and 333");
    world.settle();
    assert_eq!(world.stock[&goods("A", "n3")], units(2));
    assert_eq!([world.stock[&goods("A", "n1")], world.stock[&goods("A", "n2")]], [units(0), units(0)]);
    assert_eq!((bucket(&world, id, Bucket::Delivered), bucket(&world, id, Bucket::Returned)), (1, 2));
    assert_eq!(status(&world.order(id).1), Status::Delivered);
    let (_, refund) = world.give_back_goods(at_once(id, "n3", 1)).unwrap();
    assert_eq!(refund, 333, "three refunds sum to what was paid");
    assert_eq!(not_returnable(world.give_back_goods(at_once(id, "n3", 1)).unwrap_err()), (1, 0));
    assert_eq!(status(&world.order(id).1), Status::Returned);
    let expected = OrderMoney { ordered: 1000, cancelled: 0, returned: 1000, refunded: 1000, due: 0 };
    assert_eq!(money(&world, id), expected);
    world.settle();
    world.restart();
    world.audit_at_rest();
}

#[test]
fn what_can_be_returned_says_how_many_until_when_and_for_how_much() {
    let (mut world, id) = three();
    let terms = OrderPolicy::sound().returns;
    let found = |world: &World| {
        let (opening, order) = world.order(id);
        returnable(order.content(&opening), &order, &terms)
    };
    let delivered_at = world.order(id).1.works[0].delivered_at.unwrap();
    let closes_at = delivered_at.plus_ms(30 * DAY_MS);
    let all = Returnable { line: LineNo(1), units: units(3), next_unit: 334, all_units: 1000, closes_at };
    assert_eq!(found(&world), [all]);
    world.give_back_goods(request(id, &[(1, 1)])).unwrap();
    let rest = Returnable { units: units(2), next_unit: 333, all_units: 666, ..all };
    assert_eq!(found(&world), [rest], "one unit is spoken for");
    world.give_back_goods(request(id, &[(1, 2)])).unwrap();
    assert_eq!(found(&world), []);
    world.audit();
}

#[test]
fn goods_come_in_parts_and_what_is_refused_at_inspection_stays_the_customers() {
    let (mut world, id) = three();
    let (back, refund) = world.give_back_goods(request(id, &[(1, 3)])).unwrap();
    assert_eq!((refund, state(&world, back)), (0, ReturnState::Authorised));
    assert_eq!(world.take(back, here("n1", &[(1, 1, SELLABLE)])).unwrap(), 334);
    assert_eq!(state(&world, back), ReturnState::PartlyReceived);
    let too_many = world.take(back, here("n1", &[(1, 1, SELLABLE), (1, 2, None)])).unwrap_err();
    assert_eq!(not_returnable(too_many), (3, 2), "never more than asked and not looked at");
    let rest = here("n2", &[(1, 1, Some(Landing::Damaged)), (1, 1, None)]);
    assert_eq!(world.take(back, rest).unwrap(), 333);
    assert_eq!(state(&world, back), ReturnState::Settled);
    assert_eq!((bucket(&world, id, Bucket::Delivered), bucket(&world, id, Bucket::Returned)), (1, 2));
    assert_eq!(money(&world, id).refunded, 667);
    world.settle();
    assert_eq!(world.stock[&goods("A", "n1")], units(1));
    assert_eq!(world.stock[&goods("A", "n2")], units(0), "damaged goods are not for sale");
    // The refused unit may be brought back again.
    let (again, _) = world.give_back_goods(request(id, &[(1, 1)])).unwrap();
    assert_eq!(world.take(again, here("n3", &[(1, 1, Some(Landing::Scrapped))])).unwrap(), 333);
    world.settle();
    world.audit_at_rest();
}

#[test]
fn a_policy_may_want_somebody_to_say_yes() {
    let (mut world, id) = three();
    let returns = ReturnTerms { authorise_at_once: false, window_days: 30 };
    let policy = Box::new(OrderPolicy { returns, ..OrderPolicy::sound() });
    world.ask(&Command::SetOrderPolicy { policy, expected_version: None }).unwrap();
    let (yes, _) = world.give_back_goods(request(id, &[(1, 1)])).unwrap();
    let (no, _) = world.give_back_goods(request(id, &[(1, 2)])).unwrap();
    assert_eq!(state(&world, yes), ReturnState::Requested);
    let early = world.take(yes, here("n1", &[(1, 1, SELLABLE)])).unwrap_err();
    assert!(early.to_string().contains("cannot receive goods of it"), "{early}");
    assert_eq!(not_returnable(world.give_back_goods(request(id, &[(1, 1)])).unwrap_err()), (1, 0));
    let decide = |id, authorise| Command::DecideReturn { id, authorise };
    world.ask(&decide(yes, true)).unwrap();
    world.ask(&decide(no, false)).unwrap();
    assert_eq!([state(&world, yes), state(&world, no)], [ReturnState::Authorised, ReturnState::Refused]);
    for again in [yes, no] {
        let refused = world.ask(&decide(again, true)).unwrap_err();
        assert!(matches!(refused, Refusal::Change(ChangeRefusal::ReturnState { .. })), "{refused}");
    }
    // What was refused can be asked for again; goods that are here need nobody's yes.
    assert_eq!(world.give_back_goods(at_once(id, "n1", 2)).unwrap().1, 667);
    assert_eq!(world.take(yes, here("n1", &[(1, 1, SELLABLE)])).unwrap(), 333);
    world.settle();
    world.audit_at_rest();
}

#[test]
fn the_window_closes_to_the_millisecond_and_an_operator_may_open_it() {
    let (mut world, id) = three();
    let delivered_at = world.order(id).1.works.iter().filter_map(|work| work.delivered_at).max().unwrap();
    let closes = delivered_at.plus_ms(30 * DAY_MS);
    world.tick(closes.since_ms(world.now));
    world.give_back_goods(request(id, &[(1, 1)])).unwrap();
    world.tick(1);
    let late = world.give_back_goods(request(id, &[(1, 1)])).unwrap_err();
    let expected = ChangeRefusal::WindowClosed { order: id, line: LineNo(1), closed_at: closes.as_ms() };
    assert_eq!(late, Refusal::Change(expected));
    let operator = RequestReturn { beyond_window: true, ..request(id, &[(1, 1)]) };
    world.give_back_goods(operator).unwrap();
    world.audit();
}

#[test]
fn an_order_taken_over_as_history_takes_returns_from_its_place_time_on() {
    let mut world = World::new();
    let mut import = delivered("old", vec![line("A", 3)]);
    import.ended[0] = import.ended[0].with(Bucket::Delivered, units(2)).with(Bucket::Returned, units(1));
    import.placed_at = Timestamp::from_ms(1);
    let Answer::Imported { order: id, .. } = world.ask(&Command::Import(Box::new(import))).unwrap() else {
        panic!("not imported")
    };
    world.now = Timestamp::from_ms(1 + 30 * DAY_MS);
    assert_eq!(world.give_back_goods(at_once(id, "n1", 1)).unwrap().1, 1000);
    assert_eq!(not_returnable(world.give_back_goods(at_once(id, "n1", 2)).unwrap_err()), (2, 1));
    world.tick(1);
    let late = world.give_back_goods(at_once(id, "n1", 1)).unwrap_err();
    assert!(matches!(late, Refusal::Change(ChangeRefusal::WindowClosed { .. })), "{late}");
    let expected = OrderMoney { ordered: 3000, cancelled: 0, returned: 2000, refunded: 1000, due: 1000 };
    assert_eq!(money(&world, id), expected);
    world.settle();
    world.restart();
    world.audit_at_rest();
}

#[test]
fn a_line_that_was_given_for_nothing_comes_back_for_nothing_and_is_stock_again() {
    let free = NewLine { discount: 3000, total: 0, ..line("A", 3) };
    let (mut world, id) = sold(&[("A", "n1", 3)], order("1", vec![free]));
    assert_eq!(world.give_back_goods(at_once(id, "n2", 3)).unwrap().1, 0);
    world.settle();
    assert_eq!(world.stock[&goods("A", "n2")], units(3));
    assert_eq!(money(&world, id), OrderMoney::default());
    world.audit_at_rest();
}

#[test]
fn what_does_not_come_in_time_is_not_waited_for() {
    let (mut world, id) = three();
    let (back, _) = world.give_back_goods(request(id, &[(1, 2)])).unwrap();
    world.take(back, here("n1", &[(1, 1, SELLABLE)])).unwrap();
    world.tick(30 * DAY_MS - 1);
    assert_eq!(state(&world, back), ReturnState::PartlyReceived);
    world.tick(1);
    assert_eq!(state(&world, back), ReturnState::Settled);
    let late = world.take(back, here("n1", &[(1, 1, SELLABLE)])).unwrap_err();
    assert!(late.to_string().contains("is settled"), "{late}");
    assert_eq!(world.order(id).1.returnable(LineNo(1)), units(2));
    world.settle();
    world.restart();
    world.audit_at_rest();
}

#[test]
fn a_return_is_closed_once_and_only_where_it_is_open() {
    let (mut world, id) = three();
    let (back, _) = world.give_back_goods(request(id, &[(1, 2)])).unwrap();
    let close = Command::CloseReturn { id: back };
    assert_eq!(world.events(&close), ["ReturnClosed"]);
    let again = world.ask(&close).unwrap_err();
    assert!(matches!(again, Refusal::Change(ChangeRefusal::ReturnState { .. })), "{again}");
    let nobody = ReturnId { order: id, number: 2 };
    let unknown = world.ask(&Command::CloseReturn { id: nobody }).unwrap_err();
    assert_eq!(unknown, Refusal::Change(ChangeRefusal::UnknownReturn(nobody)));
    let unknown = ReturnId { order: OrderId::new(0, 99), number: 1 };
    assert!(world.take(unknown, here("n1", &[(1, 1, SELLABLE)])).is_err());
    world.audit();
}

#[test]
fn a_request_that_makes_no_sense_is_refused_by_field() {
    let (mut world, id) = three();
    let mut field = |request: RequestReturn| match world.give_back_goods(request) {
        Err(Refusal::Malformed(wrong)) => wrong[0].field.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(field(request(id, &[])), "lines");
    assert_eq!(field(request(id, &[(2, 1)])), "lines[0].line_number");
    assert_eq!(field(request(id, &[(1, 0)])), "lines[0].quantity");
    assert_eq!(field(request(id, &[(1, 1), (1, 1)])), "lines[1].line_number");
    let with = |received| RequestReturn { received: Some(received), ..request(id, &[(1, 2)]) };
    assert_eq!(field(with(here("n1", &[]))), "received");
    assert_eq!(field(with(here("n1", &[(2, 1, None)]))), "received[0].line_number");
    assert_eq!(field(with(here("n1", &[(1, 1, None)]))), "lines[0].quantity", "one of two is missing");
    let stale = RequestReturn { expected_revision: Some(1), ..request(id, &[(1, 1)]) };
    assert!(matches!(world.give_back_goods(stale), Err(Refusal::StaleRevision { expected: 1, .. })));
    let unknown = world.give_back_goods(request(OrderId::new(0, 7), &[(1, 1)])).unwrap_err();
    assert_eq!(unknown, Refusal::UnknownOrder(OrderId::new(0, 7)));
}

#[test]
fn an_order_keeps_a_bounded_number_of_returns() {
    let (mut world, id) = three();
    for _ in 0..200 {
        let (back, _) = world.give_back_goods(request(id, &[(1, 1)])).unwrap();
        world.ask(&Command::CloseReturn { id: back }).unwrap();
    }
    let refused = world.give_back_goods(request(id, &[(1, 1)])).unwrap_err();
    assert!(matches!(refused, Refusal::Change(ChangeRefusal::TooManyReturns { max: 200, .. })), "{refused}");
    world.audit();
}
