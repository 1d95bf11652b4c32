//! Units leave a reservation: released, consumed, not found.

use super::*;
use crate::{MovementKind, ReservationState};

fn committed(cluster: &mut Cluster, number: u64, claims: &[Claim]) -> ReservationId {
    let id = cluster.order_reserves(number, ReserveMode::AllOrNothing, claims);
    cluster.deliver_all();
    assert_eq!(cluster.outcomes(id), vec![&ReserveOutcome::Granted(claims.to_vec())]);
    id
}

#[test]
fn units_are_released_and_consumed_until_nothing_is_left_and_the_row_goes() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 10);
    let id = committed(&mut cluster, 7, &[claim("A", "store-1", 5)]);
    cluster.send(ORDERS, id.home(), Message::Release(id, vec![claim("A", "store-1", 1)]));
    cluster.send(WORK, id.home(), Message::Consume(id, vec![claim("A", "store-1", 3)]));
    cluster.deliver_all();
    let position = cluster.position("A", "store-1");
    assert_eq!((position.sellable, position.reserved), (q(7), q(1)));
    assert_eq!(cluster.live_claims(id), vec![claim("A", "store-1", 1)]);
    cluster.assert_lawful();
    cluster.send(WORK, id.home(), Message::Consume(id, vec![claim("A", "store-1", 1)]));
    cluster.deliver_all();
    assert_eq!(cluster.reservations(), 0);
    assert_eq!(cluster.position("A", "store-1").available(), q(6));
    cluster.assert_lawful();
}

#[test]
fn a_release_of_more_than_is_left_gives_back_what_is_left() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 10);
    let id = committed(&mut cluster, 7, &[claim("A", "store-1", 5)]);
    cluster.send(ORDERS, id.home(), Message::Release(id, vec![claim("A", "store-1", 9)]));
    cluster.deliver_all();
    assert_eq!((cluster.available("A", "store-1"), cluster.reservations()), (10, 0));
    cluster.assert_lawful();
}

#[test]
fn goods_that_left_are_gone_even_if_nobody_claimed_them_or_the_books_had_none() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 2);
    cluster.hold(1, 60_000, &[claim("A", "store-1", 2)]).unwrap();
    let id = cluster.order_id(7, &[claim("A", "store-1", 1)]);
    cluster.send(WORK, id.home(), Message::Consume(id, vec![claim("A", "store-1", 3)]));
    cluster.deliver_all();
    let position = cluster.position("A", "store-1");
    assert_eq!((position.sellable, position.reserved, position.over_committed), (q(0), q(2), q(2)));
    let sum = |kind| position.movements.iter().filter(|m| m.kind == kind).map(|m| m.sum).sum::<i64>();
    assert_eq!((sum(MovementKind::Adjustment), sum(MovementKind::Shipment)), (1, -3));
    cluster.assert_lawful();
}

#[test]
fn a_short_pick_shows_the_loss_at_once() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 1);
    let id = committed(&mut cluster, 7, &[claim("A", "store-1", 1)]);
    cluster.send(WORK, id.home(), Message::NotFound(id, vec![claim("A", "store-1", 1)]));
    cluster.deliver_all();
    let position = cluster.position("A", "store-1");
    assert_eq!((position.sellable, position.reserved, position.available()), (q(0), q(0), q(0)));
    assert_eq!(cluster.reservations(), 0);
    cluster.assert_lawful();
}

#[test]
fn a_short_pick_among_other_claims_takes_from_nobody_else() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let first = committed(&mut cluster, 7, &[claim("A", "store-1", 2)]);
    let second = committed(&mut cluster, 8, &[claim("A", "store-1", 3)]);
    cluster.send(WORK, first.home(), Message::NotFound(first, vec![claim("A", "store-1", 2)]));
    cluster.deliver_all();
    let position = cluster.position("A", "store-1");
    assert_eq!((position.sellable, position.reserved, position.over_committed), (q(3), q(3), q(0)));
    assert_eq!(cluster.live_claims(second), vec![claim("A", "store-1", 3)]);
    // Nothing is left of the reservation, and three more are said to be missing.
    cluster.send(WORK, first.home(), Message::NotFound(first, vec![claim("A", "store-1", 1)]));
    cluster.deliver_all();
    assert_eq!(cluster.position("A", "store-1").over_committed, q(1));
    cluster.assert_lawful();
}

#[test]
fn an_external_caller_consumes_only_what_is_committed_and_left() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let id = cluster.hold(1, 60_000, &[claim("A", "store-1", 3)]).unwrap().id;
    let consume = |cluster: &mut Cluster, claims: Option<Vec<Claim>>| {
        cluster.ask(id.home(), &Command::Consume { id, claims })
    };
    assert_eq!(consume(&mut cluster, None).unwrap_err(), Refusal::NotCommitted(id));
    cluster.ask(id.home(), &Command::CommitHold { id, order: order(7) }).unwrap();
    let refusal = consume(&mut cluster, Some(vec![claim("A", "store-1", 4)])).unwrap_err();
    assert!(matches!(refusal, Refusal::NotClaimed { asked: 4, left: 3, .. }), "{refusal}");
    consume(&mut cluster, Some(vec![claim("A", "store-1", 1)])).unwrap();
    let Ok(Answer::Reservation(view)) = consume(&mut cluster, None) else { panic!("must be consumed") };
    assert_eq!((view.state, view.lines[0].consumed), (ReservationState::Consumed, q(3)));
    assert_eq!(consume(&mut cluster, None).unwrap_err(), Refusal::UnknownReservation(id));
    assert_eq!(cluster.position("A", "store-1").sellable, q(2));
    cluster.assert_lawful();
}

#[test]
fn some_units_of_a_hold_are_given_back_and_the_rest_is_adopted() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let id = cluster.hold(1, 60_000, &[claim("A", "store-1", 3)]).unwrap().id;
    let claims = Some(vec![claim("A", "store-1", 1)]);
    cluster.ask(id.home(), &Command::Release { id, claims }).unwrap();
    cluster.send(ORDERS, id.home(), Message::AdoptHold(id, order(7)));
    cluster.deliver_all();
    let adopted = waybill_types::exchange::HoldAnswer::Adopted(vec![claim("A", "store-1", 2)]);
    assert_eq!(cluster.told.last(), Some(&(ORDERS, Message::HoldAnswered(id, order(7), adopted))));
    cluster.assert_lawful();
}
