//! Holds: they lapse exactly, become an order's without a gap, and belong to one order only.

use super::*;
use crate::ReservationState;
use waybill_types::exchange::HoldAnswer;

fn adopt(cluster: &mut Cluster, id: ReservationId, number: u64) -> HoldAnswer {
    cluster.send(ORDERS, id.home(), Message::AdoptHold(id, order(number)));
    cluster.deliver_all();
    match cluster.told.last() {
        Some((_, Message::HoldAnswered(told, who, answer))) if *told == id && *who == order(number) => {
            answer.clone()
        }
        other => panic!("order {number} was not answered: {other:?}"),
    }
}

#[test]
fn a_hold_lapses_at_its_time_and_frees_its_stock_exactly_once() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let id = cluster.hold(1, 900_000, &[claim("A", "store-1", 2)]).unwrap().id;
    cluster.advance(899_999);
    assert_eq!(cluster.available("A", "store-1"), 3);
    cluster.advance(1);
    assert_eq!(cluster.available("A", "store-1"), 5);
    let events = cluster.events();
    cluster.advance(900_000);
    assert_eq!((cluster.available("A", "store-1"), cluster.events()), (5, events));
    assert_eq!(adopt(&mut cluster, id, 7), HoldAnswer::Gone(None));
    cluster.assert_lawful();
}

#[test]
fn a_hold_that_passed_during_checkout_never_confirms_without_stock() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 1);
    let id = cluster.hold(1, 900_000, &[claim("A", "store-1", 1)]).unwrap().id;
    // The clock passes the limit, and the adoption comes before the timer is looked at.
    cluster.now = cluster.now.plus_ms(900_000);
    assert_eq!(adopt(&mut cluster, id, 7), HoldAnswer::Gone(None));
    assert_eq!(cluster.available("A", "store-1"), 1);
    cluster.tick();
    assert_eq!(cluster.available("A", "store-1"), 1);

    // Somebody else takes the unit; the order that reserves anew is refused.
    cluster.hold(2, 900_000, &[claim("A", "store-1", 1)]).unwrap();
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &[claim("A", "store-1", 1)]);
    cluster.deliver_all();
    assert!(matches!(cluster.outcomes(id)[..], [ReserveOutcome::Refused(_)]));
    cluster.assert_lawful();
}

#[test]
fn an_adopted_hold_is_the_orders_and_does_not_lapse_with_the_checkout() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let claims = vec![claim("A", "store-1", 2)];
    let id = cluster.hold(1, 900_000, &claims).unwrap().id;
    cluster.advance(899_999);
    assert_eq!(adopt(&mut cluster, id, 7), HoldAnswer::Adopted(claims.clone()));
    cluster.advance(3 * 24 * 60 * 60 * 1000);
    assert_eq!(cluster.available("A", "store-1"), 3);
    assert_eq!(adopt(&mut cluster, id, 7), HoldAnswer::Adopted(claims), "asking again changes nothing");
    assert_eq!(adopt(&mut cluster, id, 8), HoldAnswer::Gone(Some(order(7))));
    cluster.assert_lawful();
}

#[test]
fn an_external_caller_commits_a_hold_once() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let id = cluster.hold(1, 900_000, &[claim("A", "store-1", 2)]).unwrap().id;
    let commit = |cluster: &mut Cluster, number| {
        cluster.ask(id.home(), &Command::CommitHold { id, order: order(number) })
    };
    let Ok(Answer::Reservation(view)) = commit(&mut cluster, 7) else { panic!("must be committed") };
    assert_eq!((view.state, view.order), (ReservationState::Committed, Some(order(7))));
    assert_eq!(Some(view), read::reservation(cluster.state(id.home()), id));
    assert!(commit(&mut cluster, 7).is_ok());
    assert_eq!(commit(&mut cluster, 8).unwrap_err(), Refusal::HoldTaken { id, order: order(7) });

    let late = cluster.hold(2, 900_000, &[claim("A", "store-1", 2)]).unwrap();
    cluster.now = cluster.now.plus_ms(900_000);
    let refusal = cluster.ask(id.home(), &Command::CommitHold { id: late.id, order: order(9) }).unwrap_err();
    assert_eq!(refusal, Refusal::HoldExpired { id: late.id, at: cluster.now });
}

#[test]
fn releasing_an_unknown_hold_refuses_the_late_one_for_a_day() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let claims = [claim("A", "store-1", 2)];
    let id = cluster.hold_id(1, &claims);
    let answer = cluster.ask(id.home(), &Command::Release { id, claims: None }).unwrap();
    let Answer::Reservation(view) = answer else { panic!("{answer:?}") };
    assert_eq!((view.state, view.lines.len(), view.revision), (ReservationState::Released, 0, 0));
    assert_eq!(cluster.hold(1, 60_000, &claims).unwrap_err(), Refusal::ReservationGivenUp(id));
    cluster.advance(crate::TOMBSTONE_MS);
    assert!(cluster.hold(1, 60_000, &claims).is_ok());
    cluster.assert_lawful();
}

#[test]
fn a_late_reservation_of_a_cancelled_order_is_refused() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let claims = vec![claim("A", "store-1", 2)];
    let id = cluster.order_id(7, &claims);
    cluster.send(ORDERS, id.home(), Message::Release(id, claims.clone()));
    cluster.order_reserves(7, ReserveMode::AllOrNothing, &claims);
    cluster.deliver_all();
    assert_eq!(cluster.outcomes(id), vec![&ReserveOutcome::Refused(vec![])]);
    assert_eq!(cluster.available("A", "store-1"), 5);
    cluster.assert_lawful();
}
