//! Reservations over several partitions, one interleaving at a time.

use super::*;
use crate::reservation::Standing;
use crate::{HOME_PATIENCE_MS, PART_PATIENCE_MS, ReservationState};
use waybill_types::exchange::HoldAnswer;

/// Three SKUs in three partitions, ten units each, and claims of one unit of each.
fn three() -> (Cluster, Vec<String>, Vec<Claim>) {
    let mut cluster = Cluster::new(8);
    let codes = cluster.skus_apart(3);
    for code in &codes {
        cluster.stocked(code, "store-1", 10);
    }
    let claims = codes.iter().map(|code| claim(code, "store-1", 1)).collect();
    (cluster, codes, claims)
}

fn reserved(cluster: &Cluster, codes: &[String]) -> Vec<u64> {
    codes.iter().map(|code| cluster.position(code, "store-1").reserved.units()).collect()
}

#[test]
fn all_parts_are_taken_and_the_order_hears_once() {
    let (mut cluster, codes, claims) = three();
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &claims);
    cluster.deliver(0);
    let view = read::reservation(cluster.state(id.home()), id).unwrap();
    assert_eq!(view.state, ReservationState::Undecided);
    assert_eq!(reserved(&cluster, &codes), vec![1, 0, 0], "parts are taken in ascending order");
    cluster.deliver_all();
    let granted = ReserveOutcome::Granted(claims.clone());
    assert_eq!(cluster.outcomes(id), vec![&granted]);
    assert_eq!(cluster.live_claims(id), claims);
    for code in &codes {
        let row = cluster.state(cluster.home(code)).reservations.get(&id).unwrap();
        assert_eq!(row.standing, Standing::Committed { order: Some(order(7)) });
        assert_eq!(cluster.position(code, "store-1").undecided, q(0));
    }
    cluster.assert_lawful();
}

#[test]
fn when_the_last_part_is_short_nothing_is_left_anywhere() {
    let (mut cluster, codes, mut claims) = three();
    claims[2].quantity = q(11);
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &claims);
    cluster.deliver_all();
    let [ReserveOutcome::Refused(short)] = cluster.outcomes(id)[..] else { panic!("must be refused") };
    assert_eq!((short.len(), short[0].available), (1, q(10)));
    assert_eq!((reserved(&cluster, &codes), cluster.reservations()), (vec![0, 0, 0], 0));
    cluster.assert_lawful();
}

#[test]
fn of_two_orders_for_the_same_two_last_units_one_gets_both_and_the_other_nothing() {
    // Every order of deliveries of the first few steps, by a counter read as digits.
    for script in 0..4_096_u64 {
        let mut cluster = Cluster::new(8);
        let codes = cluster.skus_apart(2);
        for code in &codes {
            cluster.stocked(code, "store-1", 1);
        }
        let forward = [claim(&codes[0], "store-1", 1), claim(&codes[1], "store-1", 1)];
        let backward = [forward[1].clone(), forward[0].clone()];
        let first = cluster.order_reserves(1, ReserveMode::AllOrNothing, &forward);
        let other = PartitionId::new(Service::Orders, 1);
        let second = ReservationId::Order { home: first.home().index, order: OrderId::new(1, 2), attempt: 1 };
        let request = ReserveRequest {
            id: second,
            claims: backward.to_vec(),
            mode: ReserveMode::AllOrNothing,
            expires_at: None,
            takes_over: Vec::new(),
        };
        cluster.send(other, second.home(), Message::Reserve(request));
        let mut digits = script;
        while cluster.deliver(digits) {
            digits /= 2;
        }
        let granted = |id| matches!(cluster.outcomes(id)[..], [ReserveOutcome::Granted(_)]);
        assert!(granted(first) ^ granted(second), "script {script}");
        let (winner, loser) = if granted(first) { (first, second) } else { (second, first) };
        assert_eq!(cluster.live_claims(winner).len(), 2);
        assert_eq!(cluster.live_claims(loser).len(), 0);
        assert_eq!(cluster.reservations(), 2);
        cluster.assert_lawful();
    }
}

#[test]
fn a_refusal_caused_only_by_undecided_claims_is_worth_retrying() {
    let (mut cluster, codes, _) = three();
    let all = [claim(&codes[0], "store-1", 10), claim(&codes[1], "store-1", 11)];
    cluster.order_reserves(1, ReserveMode::AllOrNothing, &all);
    cluster.deliver(0);
    // Another order asks before the first one's second part refuses.
    let one = [claim(&codes[0], "store-1", 1)];
    let second = ReservationId::Order { home: cluster.lowest(&one), order: OrderId::new(1, 2), attempt: 1 };
    let request = ReserveRequest {
        id: second,
        claims: one.to_vec(),
        mode: ReserveMode::AllOrNothing,
        expires_at: None,
        takes_over: Vec::new(),
    };
    let message = Message::Reserve(request);
    let ask = Command::Message { from: PartitionId::new(Service::Orders, 1), message };
    cluster.ask(second.home(), &ask).unwrap();
    assert!(matches!(cluster.outcomes(second)[..], [ReserveOutcome::Contended(_)]));
    cluster.deliver_all();
    cluster.ask(second.home(), &ask).unwrap();
    let outcomes = cluster.outcomes(second);
    assert!(matches!(outcomes.last(), Some(ReserveOutcome::Granted(_))), "now it is free: {outcomes:?}");
    cluster.assert_lawful();
}

#[test]
fn best_effort_parts_take_what_there_is_and_nothing_is_undone() {
    let (mut cluster, codes, mut claims) = three();
    claims[0].quantity = q(99);
    claims[1].sku = sku(&codes[1]);
    claims[1].node = node("nowhere");
    let id = cluster.order_reserves(7, ReserveMode::BestEffort, &claims);
    cluster.deliver_all();
    let expected = vec![claim(&codes[0], "store-1", 10), claim(&codes[2], "store-1", 1)];
    assert_eq!(cluster.outcomes(id), vec![&ReserveOutcome::Granted(expected.clone())]);
    assert_eq!(cluster.live_claims(id), expected);
    assert_eq!(cluster.reservations(), 2, "a part that granted nothing leaves nothing");
    cluster.assert_lawful();
}

#[test]
fn best_effort_that_finds_nothing_anywhere_is_refused() {
    let (mut cluster, codes, _) = three();
    let claims: Vec<Claim> = codes.iter().map(|code| claim(code, "nowhere", 1)).collect();
    let id = cluster.order_reserves(7, ReserveMode::BestEffort, &claims);
    cluster.deliver_all();
    assert!(matches!(cluster.outcomes(id)[..], [ReserveOutcome::Refused(_)]));
    assert_eq!(cluster.reservations(), 0);
    cluster.assert_lawful();
}

#[test]
fn a_chain_that_is_stuck_is_abandoned_and_its_late_part_refused() {
    let (mut cluster, codes, claims) = three();
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &claims);
    cluster.deliver(0);
    // The part for the second partition is late; home loses patience and the last part leaves a tombstone.
    let late = cluster.take_wire(cluster.home(&codes[0]), cluster.home(&codes[1]));
    cluster.advance(HOME_PATIENCE_MS);
    cluster.deliver_all();
    assert_eq!(cluster.outcomes(id), vec![&ReserveOutcome::Contended(vec![])]);
    assert_eq!(reserved(&cluster, &codes), vec![0, 0, 0]);
    // The late part arrives, is taken, handed on and refused; it asks home and is ended.
    for message in late {
        cluster.send(cluster.home(&codes[0]), cluster.home(&codes[1]), message);
    }
    cluster.deliver_all();
    assert_eq!(reserved(&cluster, &codes), vec![0, 1, 0]);
    cluster.advance(PART_PATIENCE_MS);
    cluster.deliver_all();
    assert_eq!((reserved(&cluster, &codes), cluster.reservations()), (vec![0, 0, 0], 0));
    assert_eq!(cluster.outcomes(id).len(), 1, "the order hears one outcome");
    cluster.assert_lawful();
}

#[test]
fn a_decision_that_is_late_is_still_the_decision() {
    let (mut cluster, codes, claims) = three();
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &claims);
    for _ in 0..3 {
        cluster.deliver(0);
    }
    let decision = cluster.take_wire(cluster.home(&codes[2]), id.home());
    assert!(matches!(decision[..], [Message::PartsDecided(..)]));
    for message in decision {
        cluster.send(cluster.home(&codes[2]), id.home(), message);
    }
    // Home asks the last part to end it, but that one has accepted: it says so again.
    cluster.advance(HOME_PATIENCE_MS + PART_PATIENCE_MS);
    cluster.deliver_all();
    assert_eq!(cluster.outcomes(id), vec![&ReserveOutcome::Granted(claims.clone())]);
    assert_eq!(cluster.live_claims(id), claims);
    cluster.assert_lawful();
}

#[test]
fn a_hold_over_partitions_lapses_everywhere_by_homes_timer_alone() {
    let (mut cluster, codes, claims) = three();
    let view = cluster.hold(1, 60_000, &claims).unwrap();
    assert_eq!(view.state, ReservationState::Undecided);
    cluster.deliver_all();
    let decided = cluster.notes.iter().any(|note| {
        matches!(note, crate::Note::ReservationDecided { id, outcome: ReserveOutcome::Granted(_) } if *id == view.id)
    });
    assert!(decided, "the door that waits is told");
    let view = read::reservation(cluster.state(view.id.home()), view.id).unwrap();
    assert_eq!((view.state, view.elsewhere.len()), (ReservationState::Held, 2));
    cluster.advance(60_000);
    assert_eq!(reserved(&cluster, &codes), vec![0, 1, 1], "parts stay reserved until told");
    cluster.deliver_all();
    assert_eq!((reserved(&cluster, &codes), cluster.reservations()), (vec![0, 0, 0], 0));
    cluster.assert_lawful();
}

#[test]
fn a_hold_over_partitions_is_adopted_whole_less_what_was_given_back() {
    let (mut cluster, codes, mut claims) = three();
    claims[1].quantity = q(3);
    let id = cluster.hold(1, 60_000, &claims).unwrap().id;
    cluster.deliver_all();
    let some = Some(vec![claim(&codes[1], "store-1", 2), claims[2].clone()]);
    cluster.ask(id.home(), &Command::Release { id, claims: some }).unwrap();
    cluster.send(ORDERS, id.home(), Message::AdoptHold(id, order(7)));
    cluster.deliver_all();
    let left = vec![claims[0].clone(), claim(&codes[1], "store-1", 1)];
    assert_eq!(
        cluster.told.last().map(|(_, message)| message),
        Some(&Message::HoldAnswered(id, order(7), HoldAnswer::Adopted(left.clone())))
    );
    cluster.advance(600_000);
    assert_eq!(cluster.live_claims(id), left);
    cluster.assert_lawful();
}

#[test]
fn what_is_wanted_of_an_undecided_hold_happens_when_it_is_decided() {
    let (mut cluster, _, claims) = three();
    let id = cluster.hold(1, 60_000, &claims).unwrap().id;
    cluster.send(ORDERS, id.home(), Message::AdoptHold(id, order(7)));
    cluster.send(ORDERS, id.home(), Message::AdoptHold(id, order(8)));
    cluster.deliver_all();
    let answers: Vec<&Message> = cluster.told.iter().map(|(_, message)| message).collect();
    assert!(answers.contains(&&Message::HoldAnswered(id, order(7), HoldAnswer::Adopted(claims.clone()))));
    assert!(answers.contains(&&Message::HoldAnswered(id, order(8), HoldAnswer::Gone(Some(order(7))))));

    let id = cluster.hold(2, 60_000, &claims).unwrap().id;
    cluster.ask(id.home(), &Command::Release { id, claims: None }).unwrap();
    cluster.deliver_all();
    assert_eq!(cluster.live_claims(id), vec![]);
    cluster.assert_lawful();
}

#[test]
fn a_hold_whose_time_passed_before_it_was_decided_lapses_as_it_is_decided() {
    let (mut cluster, codes, claims) = three();
    cluster.hold(1, 1_000, &claims).unwrap();
    cluster.advance(1_000);
    assert_eq!(reserved(&cluster, &codes), vec![1, 0, 0], "undecided parts have no expiry of their own");
    cluster.deliver_all();
    assert_eq!((reserved(&cluster, &codes), cluster.reservations()), (vec![0, 0, 0], 0));
    cluster.assert_lawful();
}

#[test]
fn a_cancel_overtakes_the_parts_and_nothing_is_left() {
    let (mut cluster, codes, claims) = three();
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &claims);
    cluster.deliver(0);
    cluster.each_part(ORDERS, &claims, |claims| Message::Release(id, claims));
    // The newest wires first: the cancel reaches the last partition before the part does.
    while cluster.deliver(u64::MAX) {}
    cluster.advance(PART_PATIENCE_MS);
    cluster.deliver_all();
    assert_eq!((reserved(&cluster, &codes), cluster.reservations()), (vec![0, 0, 0], 0));
    assert_eq!(cluster.outcomes(id).len(), 1);
    cluster.assert_lawful();
}
