//! Goods that come back, goods that were looked at, goods that a node has in hand.

use super::*;
use crate::{MovementKind, ReservationState};
use waybill_types::exchange::{LandedGoods, Landing};
use waybill_types::{FulfillmentOrderId, ReturnId};

fn landed(code: &str, at: &str, units: u64, landing: Landing) -> LandedGoods {
    LandedGoods { goods: claim(code, at, units), landing }
}

fn come_back(cluster: &mut Cluster, goods: Vec<LandedGoods>) {
    let id = ReturnId { order: order(7), number: 1 };
    let part = cluster.home("A");
    cluster.send(ORDERS, part, Message::GoodsReturned(order(7), text(&id.to_string()), goods));
    cluster.deliver_all();
}

fn dispose(cluster: &mut Cluster, from: Condition, to: Condition, units: u64) -> Result<Position, Refusal> {
    let (spot, quantity, reference) = (spot("A", "n"), q(units), text("RMA 7"));
    match cluster.run("A", Command::Disposition { spot, from, to, quantity, reference })? {
        Answer::Position(view) => Ok(view.position),
        other => panic!("{other:?}"),
    }
}

fn on_hand(position: &Position) -> [u64; 3] {
    [position.sellable.units(), position.inspect.units(), position.damaged.units()]
}

#[test]
fn two_of_three_come_back_to_another_store_and_only_that_store_gains() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "ware-a", 2);
    cluster.receive("A", "ware-b", 1);
    let claims = [claim("A", "ware-a", 2), claim("A", "ware-b", 1)];
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &claims);
    cluster.each_part(WORK, &claims, |claims| Message::Consume(id, claims));
    cluster.deliver_all();
    assert_eq!(cluster.position("A", "store-c").revision, 0, "nothing was ever there");
    come_back(&mut cluster, vec![landed("A", "store-c", 2, Landing::Sellable)]);
    let position = cluster.position("A", "store-c");
    assert_eq!((position.available(), position.movements[0].kind), (q(2), MovementKind::Return));
    assert_eq!((cluster.available("A", "ware-a"), cluster.available("A", "ware-b")), (0, 0));
    cluster.assert_lawful();
}

#[test]
fn goods_land_in_the_condition_they_are_in_and_scrap_is_no_stock() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 1);
    let goods = vec![
        landed("A", "n", 2, Landing::Inspect),
        landed("A", "n", 3, Landing::Damaged),
        landed("A", "n", 4, Landing::Scrapped),
        landed("A", "n", 1, Landing::Inspect),
    ];
    come_back(&mut cluster, goods);
    assert_eq!(on_hand(&cluster.position("A", "n")), [1, 3, 3]);
    assert_eq!(cluster.available("A", "n"), 1);
    cluster.assert_lawful();
}

#[test]
fn parcels_that_come_back_undelivered_lie_at_the_node_again() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    let id = FulfillmentOrderId { order: order(7), number: 1, partition_index: 0 };
    let goods = vec![landed("A", "n", 2, Landing::Sellable)];
    cluster.send(WORK, cluster.home("A"), Message::GoodsLanded(id, goods));
    cluster.deliver_all();
    assert_eq!(on_hand(&cluster.position("A", "n")), [2, 0, 0]);
    cluster.assert_lawful();
}

#[test]
fn goods_that_this_partition_does_not_know_have_no_effect_here() {
    let mut cluster = Cluster::new(4);
    let codes = cluster.skus_apart(2);
    cluster.stocked(&codes[0], "n", Quantity::MAX - 1);
    cluster.with_item(&codes[1]);
    let here = cluster.home(&codes[0]);
    let events = cluster.events();
    let strange =
        vec![landed("UNKNOWN", "n", 1, Landing::Sellable), landed(&codes[1], "n", 1, Landing::Damaged)];
    cluster.send(ORDERS, here, Message::GoodsReturned(order(7), text("R"), strange));
    cluster.send(ORDERS, here, Message::GoodsReturned(order(7), text("R"), vec![]));
    let seized = vec![claim("UNKNOWN", "n", 1), claim(&codes[1], "n", 1), claim(&codes[0], "n", 0)];
    let id = cluster.order_id(7, &[claim(&codes[0], "n", 1)]);
    cluster.send(WORK, here, Message::Seize(id, seized));
    cluster.deliver_all();
    assert_eq!((cluster.events(), cluster.reservations()), (events, 0));
    // More than can be counted is what can be counted.
    let many = vec![landed(&codes[0], "n", Quantity::MAX, Landing::Sellable)];
    cluster.send(ORDERS, here, Message::GoodsReturned(order(7), text("R"), many));
    cluster.deliver_all();
    assert_eq!(cluster.position(&codes[0], "n").sellable, q(Quantity::MAX));
    cluster.assert_lawful();
}

#[test]
fn goods_that_were_looked_at_change_their_condition_and_nothing_else() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    come_back(&mut cluster, vec![landed("A", "n", 5, Landing::Inspect)]);
    let after = dispose(&mut cluster, Condition::Inspect, Condition::Sellable, 3).unwrap();
    assert_eq!(after, cluster.position("A", "n"), "the answer is the position as it is kept");
    assert_eq!(on_hand(&after), [3, 2, 0]);
    let after = dispose(&mut cluster, Condition::Inspect, Condition::Damaged, 2).unwrap();
    assert_eq!((on_hand(&after), after.available()), ([3, 0, 2], q(3)));
    cluster.assert_lawful();

    // What is claimed may turn out damaged: flagged, as by a count.
    cluster.hold(1, 60_000, &[claim("A", "n", 3)]).unwrap();
    let after = dispose(&mut cluster, Condition::Sellable, Condition::Damaged, 1).unwrap();
    assert_eq!((after.available(), after.over_committed), (q(0), q(1)));
    cluster.assert_lawful();
}

#[test]
fn a_disposition_of_what_is_not_there_is_refused() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    come_back(&mut cluster, vec![landed("A", "n", 5, Landing::Inspect)]);
    let events = cluster.events();
    let refusal = dispose(&mut cluster, Condition::Inspect, Condition::Sellable, 6).unwrap_err();
    assert!(matches!(refusal, Refusal::BelowZero { delta: -6, on_hand: 5, .. }), "{refusal}");
    for (from, to, units) in
        [(Condition::Inspect, Condition::Inspect, 1), (Condition::Inspect, Condition::Sellable, 0)]
    {
        let refusal = dispose(&mut cluster, from, to, units).unwrap_err();
        assert!(matches!(refusal, Refusal::Malformed(_)), "{refusal}");
    }
    let (spot, reference) = (spot("B", "n"), text(""));
    let (from, to, quantity) = (Condition::Inspect, Condition::Sellable, q(1));
    let unknown = cluster.run("B", Command::Disposition { spot, from, to, quantity, reference });
    assert!(matches!(unknown, Err(Refusal::Row(crate::RowRefusal::UnknownItem(_)))));
    assert_eq!(cluster.events(), events);
}

#[test]
fn a_substitute_in_hand_is_claimed_whatever_others_claim_and_what_was_not_free_is_flagged() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 2);
    cluster.stocked("B", "n", 3);
    let held = cluster.hold(1, 60_000, &[claim("B", "n", 2)]).unwrap().id;
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &[claim("A", "n", 2)]);
    cluster.send(WORK, id.home(), Message::NotFound(id, vec![claim("A", "n", 2)]));
    cluster.send(WORK, id.home(), Message::Seize(id, vec![claim("B", "n", 1), claim("B", "n", 1)]));
    cluster.deliver_all();
    let position = cluster.position("B", "n");
    assert_eq!((position.reserved, position.available(), position.over_committed), (q(4), q(0), q(1)));
    let view = read::reservation(cluster.state(id.home()), id).unwrap();
    assert_eq!((view.state, view.order), (ReservationState::Committed, Some(order(7))), "{:?}", view.lines);
    assert_eq!(cluster.live_claims(id), vec![claim("B", "n", 2)]);
    cluster.assert_lawful();

    // It leaves, and the other's claim is short by one, as flagged.
    cluster.send(WORK, id.home(), Message::Consume(id, vec![claim("B", "n", 2)]));
    cluster.deliver_all();
    let position = cluster.position("B", "n");
    assert_eq!((position.sellable, position.reserved, position.over_committed), (q(1), q(2), q(1)));
    assert_eq!((cluster.live_claims(held), cluster.live_claims(id)), (vec![claim("B", "n", 2)], vec![]));
    cluster.assert_lawful();
}

#[test]
fn seized_units_add_to_the_line_and_are_given_back_like_others() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 5);
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &[claim("A", "n", 2)]);
    cluster.deliver_all();
    cluster.send(WORK, id.home(), Message::Seize(id, vec![claim("A", "n", 1)]));
    cluster.deliver_all();
    assert_eq!((cluster.live_claims(id), cluster.available("A", "n")), (vec![claim("A", "n", 3)], 2));
    assert_eq!(cluster.position("A", "n").over_committed, q(0), "it was free");
    cluster.send(ORDERS, id.home(), Message::Release(id, vec![claim("A", "n", 3)]));
    cluster.deliver_all();
    assert_eq!((cluster.reservations(), cluster.available("A", "n")), (0, 5));
    cluster.assert_lawful();
}

#[test]
fn a_substitute_of_a_sku_in_another_partition_makes_a_row_there() {
    let mut cluster = Cluster::new(4);
    let codes = cluster.skus_apart(2);
    cluster.stocked(&codes[0], "n", 1);
    cluster.stocked(&codes[1], "n", 1);
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &[claim(&codes[0], "n", 1)]);
    let there = cluster.home(&codes[1]);
    cluster.send(WORK, there, Message::Seize(id, vec![claim(&codes[1], "n", 1)]));
    cluster.deliver_all();
    let row = cluster.state(there).reservations.get(&id).unwrap();
    assert_eq!(row.chain, vec![id.home().index, there.index]);
    assert_eq!(cluster.live_claims(id), vec![claim(&codes[0], "n", 1), claim(&codes[1], "n", 1)]);
    cluster.assert_lawful();
}

#[test]
fn a_seizure_that_comes_after_the_claimant_gave_up_claims_nothing_for_good() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 1);
    let claims = vec![claim("A", "n", 1)];
    let id = cluster.order_id(7, &claims);
    cluster.send(ORDERS, id.home(), Message::Release(id, claims.clone()));
    cluster.deliver_all();
    cluster.send(WORK, id.home(), Message::Seize(id, claims));
    cluster.deliver_all();
    assert_eq!((cluster.reservations(), cluster.available("A", "n")), (0, 1));
    cluster.assert_lawful();
}
