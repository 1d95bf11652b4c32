//! Another delivery charge: for what has not left, to the minor unit, once.

use super::amending::{FIRST, amending, collect, in_bucket, is_applied, quantity, refusal, ship, wait};
use super::build::{line, node, order, units};
use super::world::{World, goods};
use crate::command::{Change, Command};
use crate::order::{AmendmentRefused, AmendmentWait};
use crate::units::Bucket;
use crate::{Answer, Refusal, order_money};
use waybill_machine::{Code, Coded};
use waybill_types::policy::ChangeKind;
use waybill_types::{LineNo, OrderId};

/// `lines` that cost 10.00 a unit, and their delivery.
fn placed(world: &mut World, lines: &[(&str, u64)], shipping: i64) -> OrderId {
    let mut wanted = order("1", lines.iter().map(|(sku, count)| line(sku, *count)).collect());
    wanted.basket.amounts.shipping = shipping;
    wanted.basket.amounts.total += shipping;
    let id = world.place(wanted);
    world.settle();
    id
}

fn charge(charge: i64) -> Change {
    Change::SetDeliveryCharge { charge }
}

fn by_call(world: &mut World, id: OrderId, changes: Vec<Change>) -> Result<Answer, Refusal> {
    let amend = amending(world, id, changes);
    world.ask_from("call_center", &Command::Amend(Box::new(amend)))
}

/// What each unit of a line carries of the charge, in the order of its shares.
fn carried(world: &World, id: OrderId, number: LineNo) -> Vec<i64> {
    let (opening, order) = world.order(id);
    let line = order.content(&opening).line(number).unwrap();
    line.shares.iter().flat_map(|run| (0..run.count).map(|_| run.shipping)).collect()
}

fn shipping_and_due(world: &World, id: OrderId) -> (i64, i64) {
    let (opening, order) = world.order(id);
    let content = order.content(&opening);
    (content.amounts.shipping, order_money(content, &order).due)
}

/// Scenario 17: four units, two of them shipped, the others fetched in a store instead.
#[test]
fn when_half_was_shipped_and_the_rest_is_fetched_only_the_rest_moves_and_delivery_is_charged_anew_once() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("A", "n2", 2)]);
    let id = placed(&mut world, &[("A", 4)], 499);
    assert_eq!(shipping_and_due(&world, id), (499, 4_499));
    ship(&mut world, id, 2);
    assert_eq!(carried(&world, id, FIRST), [125, 125, 125, 124]);
    let before = world.order(id).1.works[0].clone();
    by_call(&mut world, id, vec![collect(&[FIRST], "n2"), charge(0)]).unwrap();
    world.settle();
    assert!(is_applied(&world, id));
    let (_, after) = world.order(id);
    assert_eq!(after.works[0].lines, before.lines, "what has left is as it was");
    let fetched = after.works.last().unwrap();
    assert_eq!(
        (&fetched.node, fetched.to_pick(FIRST), fetched.service.is_none()),
        (&node("n2"), units(2), true)
    );
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Shipped), 2);
    assert_eq!(carried(&world, id, FIRST), [125, 125, 0, 0], "what has left keeps what it carries");
    assert_eq!(shipping_and_due(&world, id), (250, 4_250));
    let again = by_call(&mut world, id, vec![charge(0)]).unwrap_err();
    assert_eq!(again.reason(), "NOTHING_CHANGES");
    assert_eq!(world.stock[&goods("A", "n2")], units(0));
    world.audit_at_rest();
}

#[test]
fn a_charge_goes_to_lines_by_what_they_cost_with_added_units_and_without_cancelled_ones() {
    let mut world = World::with_stock(&[("A", "n1", 9), ("B", "n1", 9)]);
    let id = placed(&mut world, &[("A", 2), ("B", 1)], 0);
    by_call(&mut world, id, vec![quantity(FIRST, 3, 1), quantity(LineNo(2), 0, 0), charge(500)]).unwrap();
    world.settle();
    assert_eq!(carried(&world, id, FIRST), [167, 167, 166]);
    assert_eq!(carried(&world, id, LineNo(2)), [0]);
    assert_eq!(shipping_and_due(&world, id), (500, 3_500));
    by_call(&mut world, id, vec![charge(100)]).unwrap();
    assert_eq!(shipping_and_due(&world, id), (100, 3_100));
    world.audit_at_rest();
}

#[test]
fn the_web_needs_an_approval_a_marketplace_may_not_and_nobody_charges_for_what_has_left() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = placed(&mut world, &[("A", 2)], 300);
    let amend = |world: &World, changes| Command::Amend(Box::new(amending(world, id, changes)));
    let forbidden = amend(&world, vec![charge(0)]);
    let forbidden = world.ask_from("marketplace", &forbidden).unwrap_err();
    assert_eq!(forbidden.reason(), "CHANGE_FORBIDDEN");
    let twice = amend(&world, vec![charge(0), charge(1)]);
    assert_eq!(world.ask(&twice).unwrap_err().violations()[0].field, "changes[1]");
    let negative = by_call(&mut world, id, vec![charge(-1)]).unwrap_err();
    assert_eq!(negative.violations()[0].field, "changes[0].charge");
    // The parcel leaves while somebody is to say yes: what has left keeps its charge.
    let asked = amend(&world, vec![charge(0)]);
    world.ask(&asked).unwrap();
    assert_eq!(wait(&world, id), Some(AmendmentWait::Approval));
    assert_eq!(world.order(id).1.amendments[0].kinds, [ChangeKind::DeliveryCharge]);
    ship(&mut world, id, 2);
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::Overtaken));
    assert_eq!(shipping_and_due(&world, id), (300, 2_300));
    let late = by_call(&mut world, id, vec![charge(0)]).unwrap_err();
    assert_eq!((late.code(), late.violations()[0].field.as_str()), (Code::Malformed, "changes[0].charge"));
    world.audit_at_rest();
}
