//! Even exchanges: other goods for what comes back, once all of it is here.

use super::build::{line, three_for_ten, units};
use super::world::{World, goods};
use super::world_returns::{here, request};
use crate::command::{Command, NewLine, RequestReturn};
use crate::order::ReturnState;
use crate::refusal::ChangeRefusal;
use crate::units::Bucket;
use crate::{OrderMoney, Refusal, Status, order_money, status};
use waybill_types::exchange::Landing;
use waybill_types::{LineNo, OrderId};

const SELLABLE: Option<Landing> = Some(Landing::Sellable);

/// Three units for 10.00 in all at the customer's, and other goods on a shelf.
fn three() -> (World, OrderId) {
    let mut world = World::with_stock(&[("A", "n1", 3), ("B", "n2", 2)]);
    let id = world.place(three_for_ten());
    world.settle();
    world.send_all();
    (world, id)
}

/// One unit of B at this price.
fn one(price: i64) -> NewLine {
    NewLine { unit_price: price, total: price, ..line("B", 1) }
}

fn exchange(order: OrderId, count: u64, replacements: Vec<NewLine>) -> RequestReturn {
    RequestReturn { replacements, ..request(order, &[(1, count)]) }
}

fn money(world: &World, id: OrderId) -> OrderMoney {
    let (opening, order) = world.order(id);
    order_money(order.content(&opening), &order)
}

#[test]
fn other_goods_go_out_when_all_that_was_asked_back_is_here() {
    let (mut world, id) = three();
    let (back, refund) = world.give_back_goods(exchange(id, 2, vec![one(333), one(334)])).unwrap();
    assert_eq!(refund, 0);
    assert_eq!(world.take(back, here("n3", &[(1, 1, SELLABLE)])).unwrap(), 0, "nothing is paid back yet");
    assert_eq!(world.order(id).1.lines.len(), 1);
    let events =
        world.events(&Command::ReceiveReturn { id: back, received: here("n3", &[(1, 1, SELLABLE)]) });
    assert_eq!(events, ["ReturnReceived", "ReplacementsJoined", "AttemptStarted"]);
    world.settle();
    let (opening, order) = world.order(id);
    assert_eq!(status(&order), Status::PartiallyShipped);
    assert_eq!(order.returns[0].state, ReturnState::Settled);
    assert_eq!(order.returns[0].joined, [LineNo(2), LineNo(3)]);
    assert_eq!(order.content(&opening).amounts.total, 1667);
    assert_eq!(opening.content().lines.len(), 1, "what was placed stays as it was");
    let expected = OrderMoney { ordered: 1667, cancelled: 0, returned: 667, refunded: 0, due: 1000 };
    assert_eq!(money(&world, id), expected);
    assert_eq!(world.stock[&goods("A", "n3")], units(2));
    world.audit_at_rest();
    world.send_all();
    assert_eq!(status(&world.order(id).1), Status::Delivered);
    // What went out in exchange is goods like any other.
    let (again, _) = world.give_back_goods(request(id, &[(3, 1)])).unwrap();
    assert_eq!(world.take(again, here("n1", &[(3, 1, SELLABLE)])).unwrap(), 334);
    world.settle();
    world.restart();
    world.audit_at_rest();
}

#[test]
fn an_exchange_that_is_not_even_is_refused_with_both_amounts() {
    let (mut world, id) = three();
    for (price, count, returned) in [(333, 1, 334), (1000, 2, 667)] {
        let refused = world.give_back_goods(exchange(id, count, vec![one(price)])).unwrap_err();
        let uneven = ChangeRefusal::UnevenExchange { returned, replacements: price };
        assert_eq!(refused, Refusal::Change(uneven));
    }
    let wrong = world.give_back_goods(exchange(id, 1, vec![NewLine { total: 335, ..one(334) }])).unwrap_err();
    assert!(
        matches!(&wrong, Refusal::AmountsDisagree { field, .. } if field == "replacements[0].amounts.total"),
        "{wrong}"
    );
    let twice = NewLine { external: super::world_returns::text("x"), ..one(167) };
    let wrong = world.give_back_goods(exchange(id, 1, vec![twice.clone(), twice])).unwrap_err();
    assert!(
        matches!(&wrong, Refusal::Malformed(wrong) if wrong[0].field == "replacements[1].external_line_id"),
        "{wrong}"
    );
    world.audit();
}

#[test]
fn a_unit_refused_at_inspection_ends_the_exchange_as_a_return_of_the_rest() {
    let (mut world, id) = three();
    let (back, _) = world.give_back_goods(exchange(id, 2, vec![one(667)])).unwrap();
    assert_eq!(world.take(back, here("n1", &[(1, 1, None)])).unwrap(), 0);
    assert_eq!(world.take(back, here("n1", &[(1, 1, SELLABLE)])).unwrap(), 334);
    world.settle();
    let (_, order) = world.order(id);
    assert_eq!((order.lines.len(), order.returns[0].state), (1, ReturnState::Settled));
    assert_eq!(money(&world, id).due, 666);
    world.audit_at_rest();
}

#[test]
fn an_exchange_whose_rest_never_comes_pays_back_what_did() {
    for lapse in [true, false] {
        let (mut world, id) = three();
        let (back, _) = world.give_back_goods(exchange(id, 2, vec![one(667)])).unwrap();
        world.take(back, here("n1", &[(1, 1, SELLABLE)])).unwrap();
        if lapse {
            world.tick(30 * 86_400_000);
        } else {
            world.ask(&Command::CloseReturn { id: back }).unwrap();
        }
        assert_eq!(money(&world, id).refunded, 334);
        world.settle();
        world.audit_at_rest();
    }
}

#[test]
fn of_two_tills_one_returns_and_one_exchanges_the_same_unit_only_the_first_does() {
    for exchange_first in [true, false] {
        let (mut world, id) = three();
        world.give_back_goods(request(id, &[(1, 2)])).unwrap();
        let take_one =
            RequestReturn { received: Some(here("n1", &[(1, 1, SELLABLE)])), ..request(id, &[(1, 1)]) };
        let swap_one = RequestReturn { replacements: vec![one(333)], ..take_one.clone() };
        let (first, second) = if exchange_first { (swap_one, take_one) } else { (take_one, swap_one) };
        world.give_back_goods(first).unwrap();
        match world.give_back_goods(second).unwrap_err() {
            Refusal::Change(ChangeRefusal::NotReturnable { asked: 1, returnable: 0, .. }) => {}
            other => panic!("{other}"),
        }
        world.settle();
        assert_eq!(world.order(id).1.lines[0].buckets.get(Bucket::Returned), units(1));
        world.audit_at_rest();
    }
}

#[test]
fn an_exchange_stays_even_though_another_unit_came_back_in_between() {
    // The first unit costs a cent more. Whichever comes back first is that one.
    let (mut world, id) = three();
    let (other, _) = world.give_back_goods(request(id, &[(1, 1)])).unwrap();
    let (swap, _) = world.give_back_goods(exchange(id, 1, vec![one(333)])).unwrap();
    assert_eq!(world.take(swap, here("n1", &[(1, 1, SELLABLE)])).unwrap(), 1, "334 for goods of 333");
    assert_eq!(world.take(other, here("n1", &[(1, 1, SELLABLE)])).unwrap(), 333);
    let expected = OrderMoney { ordered: 1333, cancelled: 0, returned: 667, refunded: 334, due: 666 };
    assert_eq!(money(&world, id), expected);
    world.settle();
    world.audit_at_rest();

    let (mut world, id) = three();
    let (swap, _) = world.give_back_goods(exchange(id, 1, vec![one(334)])).unwrap();
    let (other, _) = world.give_back_goods(request(id, &[(1, 1)])).unwrap();
    assert_eq!(world.take(other, here("n1", &[(1, 1, SELLABLE)])).unwrap(), 334);
    assert_eq!(world.take(swap, here("n1", &[(1, 1, SELLABLE)])).unwrap(), 0, "333 for goods of 334");
    let (opening, order) = world.order(id);
    let content = order.content(&opening);
    assert_eq!((content.amounts.discount, content.amounts.total), (1, 1333));
    world.settle();
    world.audit_at_rest();
}
