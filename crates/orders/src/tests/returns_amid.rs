//! Returns amid other things: amendments under way, money off, units that never arrived, goods that are not the line's.

use super::amending::{FIRST, SECOND, amend, collect, cost, is_applied, quantity, refusal, wait};
use super::build::{line, order, sku, three_for_ten, units};
use super::world::{World, goods};
use super::world_returns::{here, request};
use crate::command::{Change, NewLine, RequestReturn};
use crate::order::{AmendmentRefused, AmendmentWait};
use crate::refusal::ChangeRefusal;
use crate::{OrderMoney, Refusal, order_money};
use waybill_types::exchange::{Landing, Undelivered};
use waybill_types::{LineNo, OrderId};

const SELLABLE: Option<Landing> = Some(Landing::Sellable);

/// A has been delivered, B waits for stock.
fn half_delivered() -> (World, OrderId) {
    let mut world = World::with_stock(&[("A", "n1", 2), ("C", "n1", 1)]);
    let id = world.place(order("1", vec![line("A", 2), line("B", 1)]));
    world.settle();
    world.send_all();
    (world, id)
}

fn dearer() -> Change {
    Change::SetPrice { line: SECOND, amounts: cost(2) }
}

fn one_of_first(id: OrderId, replacements: Vec<NewLine>) -> RequestReturn {
    let received = Some(here("n3", &[(1, 1, SELLABLE)]));
    RequestReturn { received, replacements, ..request(id, &[(1, 1)]) }
}

fn money(world: &World, id: OrderId) -> OrderMoney {
    let (opening, order) = world.order(id);
    order_money(order.content(&opening), &order)
}

#[test]
fn a_return_leaves_an_amendment_of_other_units_alone() {
    let (mut world, id) = half_delivered();
    amend(&mut world, id, vec![quantity(SECOND, 2, 1), dearer()]).unwrap();
    assert_eq!(wait(&world, id), Some(AmendmentWait::Approval));
    assert_eq!(world.give_back_goods(one_of_first(id, Vec::new())).unwrap().1, 1000);
    assert_eq!(wait(&world, id), Some(AmendmentWait::Approval));
    world.settle();
    world.restart();
    world.audit_at_rest();
}

#[test]
fn an_exchange_that_joins_the_order_overtakes_an_amendment_made_without_it() {
    let (mut world, id) = half_delivered();
    amend(&mut world, id, vec![dearer(), quantity(SECOND, 2, 1)]).unwrap();
    world.give_back_goods(one_of_first(id, vec![line("C", 1)])).unwrap();
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::Overtaken));
    assert_eq!(world.order(id).1.lines.len(), 3);
    world.settle();
    world.restart();
    world.audit_at_rest();
}

#[test]
fn money_off_that_waits_for_a_yes_is_overtaken_by_a_return_of_units_it_was_for() {
    let (mut world, id) = half_delivered();
    let off = Change::Appease { line: None, amount: 300 };
    amend(&mut world, id, vec![off, quantity(SECOND, 2, 1), dearer()]).unwrap();
    assert_eq!(wait(&world, id), Some(AmendmentWait::Approval));
    assert_eq!(world.give_back_goods(one_of_first(id, Vec::new())).unwrap().1, 1000);
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::Overtaken));
    world.settle();
    world.audit_at_rest();
}

#[test]
fn an_exchange_waits_for_inventory_to_answer_an_amendment_and_then_joins() {
    let (mut world, id) = half_delivered();
    world.receive_stock("B", "n2", 5);
    world.settle();
    amend(&mut world, id, vec![collect(&[SECOND], "n2")]).unwrap();
    while !matches!(wait(&world, id), Some(AmendmentWait::Stock { .. })) {
        assert!(world.deliver_in(0) || world.answer_note() || world.deliver_out(0));
    }
    let refused = world.give_back_goods(one_of_first(id, vec![line("C", 1)])).unwrap_err();
    assert!(matches!(refused, Refusal::Change(ChangeRefusal::AmendmentPending { .. })), "{refused}");
    world.give_back_goods(one_of_first(id, Vec::new())).unwrap();
    world.settle();
    assert!(is_applied(&world, id));
    world.give_back_goods(one_of_first(id, vec![line("C", 1)])).unwrap();
    world.settle();
    assert_eq!(
        money(&world, id),
        OrderMoney { ordered: 4000, cancelled: 0, returned: 2000, refunded: 1000, due: 2000 }
    );
    world.restart();
    world.audit_at_rest();
}

#[test]
fn what_was_forgiven_is_not_paid_back() {
    let mut world = World::with_stock(&[("A", "n1", 3)]);
    let id = world.place(three_for_ten());
    world.settle();
    world.send_all();
    assert_eq!(world.give_back_goods(one_of_first(id, Vec::new())).unwrap().1, 334);
    let refused =
        amend(&mut world, id, vec![Change::Appease { line: Some(FIRST), amount: 667 }]).unwrap_err();
    assert!(refused.to_string().contains("1 to the 666"), "{refused}");
    amend(&mut world, id, vec![Change::Appease { line: Some(FIRST), amount: 333 }]).unwrap();
    let refunds = [0, 1].map(|_| world.give_back_goods(one_of_first(id, Vec::new())).unwrap().1);
    assert_eq!(refunds, [166, 167]);
    let expected = OrderMoney { ordered: 667, cancelled: 0, returned: 667, refunded: 667, due: 0 };
    assert_eq!(money(&world, id), expected);
    world.settle();
    world.audit_at_rest();
}

#[test]
fn a_line_that_was_forgiven_whole_comes_back_for_nothing() {
    let mut world = World::with_stock(&[("A", "n1", 3)]);
    let id = world.place(three_for_ten());
    world.settle();
    world.send_all();
    amend(&mut world, id, vec![Change::Appease { line: Some(FIRST), amount: 1000 }]).unwrap();
    let received = Some(here("n2", &[(1, 3, SELLABLE)]));
    let all = RequestReturn { received, ..request(id, &[(1, 3)]) };
    assert_eq!(world.give_back_goods(all).unwrap().1, 0);
    world.settle();
    assert_eq!(world.stock[&goods("A", "n2")], units(3));
    assert_eq!(money(&world, id), OrderMoney::default());
    world.audit_at_rest();
}

#[test]
fn units_that_never_arrived_are_owed_back_and_cannot_be_returned() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("A", "n2", 1)]);
    let id = world.place(three_for_ten());
    world.settle();
    let works: Vec<_> = world.works.keys().copied().collect();
    for (work, count) in works.iter().zip([2, 1]) {
        world.pick(*work, LineNo(1), units(count));
        world.ship(*work);
    }
    world.undelivered(works[0], Undelivered::Lost);
    world.deliver(works[1]);
    world.settle();
    let expected = OrderMoney { ordered: 1000, cancelled: 0, returned: 667, refunded: 0, due: 333 };
    assert_eq!(money(&world, id), expected);
    assert_eq!(world.order(id).1.returnable(FIRST), units(1));
    assert_eq!(
        world.give_back_goods(one_of_first(id, Vec::new())).unwrap().1,
        333,
        "the two before are lost"
    );
    assert_eq!(money(&world, id).due, 0);
    world.settle();
    world.audit_at_rest();
}

#[test]
fn goods_picked_in_place_of_the_lines_come_back_as_what_they_are() {
    let mut world = World::with_stock(&[("A", "n1", 3)]);
    let with_substitute = NewLine { substitutes: vec![sku("S")], ..line("A", 3) };
    let id = world.place(order("1", vec![with_substitute]));
    world.settle();
    let work = *world.works.keys().next().unwrap();
    world.pick(work, FIRST, units(2));
    world.substitute(work, FIRST, &sku("S"));
    world.ship(work);
    world.deliver(work);
    world.settle();
    for (expected, count) in [("S", 1), ("A", 1), ("A", 2)] {
        world.give_back_goods(one_of_first(id, Vec::new())).unwrap();
        world.settle();
        assert_eq!(world.stock[&goods(expected, "n3")], units(count));
    }
    world.audit_at_rest();
}
