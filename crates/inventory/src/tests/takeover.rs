//! Reservations that take units of their claimant's other reservations over: never let go, never counted twice.

use super::*;
use crate::ReservationState;
use waybill_types::exchange::TakeOver;

impl Cluster {
    /// Asks for the order's next reservation, which takes over what `from` has.
    fn replaces(
        &mut self,
        from: ReservationId,
        attempt: u32,
        mode: ReserveMode,
        claims: &[Claim],
        taken: &[Claim],
    ) -> ReservationId {
        let order = crate::reservation::order_of(from).unwrap();
        let id = ReservationId::Order { home: self.lowest(claims), order, attempt };
        let takes_over = vec![TakeOver { from, claims: taken.to_vec() }];
        let request = ReserveRequest { id, claims: claims.to_vec(), mode, expires_at: None, takes_over };
        self.send(ORDERS, id.home(), Message::Reserve(request));
        id
    }

    fn committed(&mut self, number: u64, claims: &[Claim]) -> ReservationId {
        let id = self.order_reserves(number, ReserveMode::AllOrNothing, claims);
        self.deliver_all();
        assert_eq!(self.outcomes(id), vec![&ReserveOutcome::Granted(claims.to_vec())]);
        id
    }

    fn is_granted(&self, id: ReservationId) -> bool {
        matches!(self.outcomes(id)[..], [ReserveOutcome::Granted(_)])
    }

    /// (sellable, reserved, undecided) of a position.
    fn figures(&self, code: &str) -> (u64, u64, u64) {
        let position = self.position(code, "n");
        (position.sellable.units(), position.reserved.units(), position.undecided.units())
    }
}

const ALL: ReserveMode = ReserveMode::AllOrNothing;

/// Two SKUs in two partitions with `units` each, and an order with five of the second.
fn apart(units: u64) -> (Cluster, String, String, ReservationId) {
    let mut cluster = Cluster::new(4);
    let codes = cluster.skus_apart(2);
    for code in &codes {
        cluster.stocked(code, "n", units);
    }
    let old = cluster.committed(7, &[claim(&codes[1], "n", 5)]);
    (cluster, codes[0].clone(), codes[1].clone(), old)
}

/// The order wants seven of the second and one of the first: undecided at the second partition, which has accepted.
fn accepted(
    cluster: &mut Cluster,
    first: &str,
    second: &str,
    old: ReservationId,
) -> (ReservationId, Vec<Message>) {
    let claims = [claim(first, "n", 1), claim(second, "n", 7)];
    let new = cluster.replaces(old, 2, ALL, &claims, &[claim(second, "n", 5)]);
    cluster.deliver(0);
    cluster.deliver(0);
    let decision = cluster.take_wire(cluster.home(second), new.home());
    assert!(matches!(decision[..], [Message::PartsDecided(_, ReserveOutcome::Granted(_))]), "{decision:?}");
    assert_eq!(cluster.violations(), vec![]);
    (new, decision)
}

fn deliver(cluster: &mut Cluster, from: &str, decision: Vec<Message>) {
    for message in decision {
        let Message::PartsDecided(id, _) = &message else { panic!("{message:?}") };
        cluster.send(cluster.home(from), id.home(), message);
    }
    cluster.deliver_all();
}

#[test]
fn a_line_grows_from_five_to_seven_with_seven_on_hand() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 7);
    let old = cluster.committed(7, &[claim("A", "n", 5)]);
    let new = cluster.replaces(old, 2, ALL, &[claim("A", "n", 7)], &[claim("A", "n", 5)]);
    cluster.deliver_all();
    assert!(cluster.is_granted(new));
    assert_eq!(cluster.figures("A"), (7, 7, 0));
    assert_eq!((cluster.live_claims(old), cluster.reservations()), (vec![], 1));
    cluster.assert_lawful();
}

#[test]
fn a_line_that_cannot_grow_stays_as_it_is() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 6);
    let old = cluster.committed(7, &[claim("A", "n", 5)]);
    let new = cluster.replaces(old, 2, ALL, &[claim("A", "n", 7)], &[claim("A", "n", 5)]);
    cluster.deliver_all();
    let [ReserveOutcome::Refused(short)] = cluster.outcomes(new)[..] else { panic!("must be refused") };
    assert_eq!(short[0].available, q(6), "what is its own counts as available to it");
    assert_eq!(cluster.live_claims(old), vec![claim("A", "n", 5)]);
    assert_eq!(cluster.figures("A"), (6, 5, 0));
    // To nobody else.
    let other = cluster.order_reserves(8, ALL, &[claim("A", "n", 2)]);
    cluster.deliver_all();
    assert!(!cluster.is_granted(other));
    cluster.assert_lawful();
}

#[test]
fn some_units_are_taken_over_and_the_rest_stays() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 5);
    let old = cluster.committed(7, &[claim("A", "n", 5)]);
    let new = cluster.replaces(old, 2, ALL, &[claim("A", "n", 2)], &[claim("A", "n", 2)]);
    cluster.deliver_all();
    assert_eq!(cluster.live_claims(old), vec![claim("A", "n", 3)]);
    assert_eq!(cluster.live_claims(new), vec![claim("A", "n", 2)]);
    cluster.assert_lawful();
}

#[test]
fn what_the_old_one_has_not_got_any_more_is_claimed_like_anything_else() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 9);
    let old = cluster.committed(7, &[claim("A", "n", 5)]);
    cluster.send(WORK, old.home(), Message::Consume(old, vec![claim("A", "n", 3)]));
    cluster.deliver_all();
    let new = cluster.replaces(old, 2, ALL, &[claim("A", "n", 6)], &[claim("A", "n", 5)]);
    let unknown = cluster.order_id(9, &[claim("A", "n", 1)]);
    let third = cluster.replaces(unknown, 2, ALL, &[claim("A", "n", 1)], &[claim("A", "n", 1)]);
    cluster.deliver_all();
    assert!(cluster.is_granted(new));
    assert_eq!(cluster.live_claims(new), vec![claim("A", "n", 6)]);
    assert_eq!(cluster.live_claims(old), vec![]);
    let [ReserveOutcome::Refused(short)] = cluster.outcomes(third)[..] else { panic!("must be refused") };
    assert_eq!(short[0].available, q(0));
    cluster.assert_lawful();
}

#[test]
fn nobody_takes_over_what_another_order_has() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 5);
    let theirs = cluster.committed(7, &[claim("A", "n", 5)]);
    let id = cluster.order_id(8, &[claim("A", "n", 1)]);
    let takes_over = vec![TakeOver { from: theirs, claims: vec![claim("A", "n", 1)] }];
    let claims = vec![claim("A", "n", 1)];
    let request = ReserveRequest { id, claims, mode: ALL, expires_at: None, takes_over };
    cluster.send(ORDERS, id.home(), Message::Reserve(request));
    cluster.deliver_all();
    assert!(!cluster.is_granted(id));
    assert_eq!(cluster.live_claims(theirs), vec![claim("A", "n", 5)]);
    cluster.assert_lawful();
}

#[test]
fn over_two_partitions_units_change_hands_when_the_whole_is_decided() {
    let (mut cluster, first, second, old) = apart(7);
    let (new, decision) = accepted(&mut cluster, &first, &second, old);
    assert_eq!(cluster.figures(&second), (7, 7, 2), "five stand in the old name and two in the new");
    assert_eq!(cluster.live_claims(old), vec![claim(&second, "n", 5)]);
    let other = cluster.order_reserves(8, ALL, &[claim(&second, "n", 1)]);
    cluster.deliver_all();
    assert!(matches!(cluster.outcomes(other)[..], [ReserveOutcome::Contended(_)]), "nobody else gets them");
    deliver(&mut cluster, &second, decision);
    assert!(cluster.is_granted(new));
    assert_eq!(cluster.figures(&second), (7, 7, 0));
    assert_eq!((cluster.live_claims(old), cluster.live_claims(new).len()), (vec![], 2));
    let view = read::reservation(cluster.state(cluster.home(&second)), new).unwrap();
    assert_eq!((view.state, view.lines[0].granted), (ReservationState::Committed, q(7)));
    cluster.assert_lawful();
}

#[test]
fn when_another_partition_is_short_nothing_has_changed() {
    let mut cluster = Cluster::new(4);
    let codes = cluster.skus_apart(2);
    cluster.stocked(&codes[0], "n", 5);
    cluster.with_item(&codes[1]);
    let old = cluster.committed(7, &[claim(&codes[0], "n", 5)]);
    let claims = [claim(&codes[0], "n", 5), claim(&codes[1], "n", 1)];
    let new = cluster.replaces(old, 2, ALL, &claims, &claims[..1]);
    cluster.deliver(0);
    assert_eq!(cluster.figures(&codes[0]), (5, 5, 0));
    cluster.deliver_all();
    assert!(matches!(cluster.outcomes(new)[..], [ReserveOutcome::Refused(_)]));
    assert_eq!(cluster.live_claims(old), vec![claim(&codes[0], "n", 5)]);
    assert_eq!((cluster.figures(&codes[0]), cluster.reservations()), ((5, 5, 0), 1));
    cluster.assert_lawful();
}

#[test]
fn units_the_old_one_gives_back_meanwhile_pass_on_at_once() {
    let (mut cluster, first, second, old) = apart(7);
    let (new, decision) = accepted(&mut cluster, &first, &second, old);
    let part = cluster.home(&second);
    cluster.send(ORDERS, part, Message::Release(old, vec![claim(&second, "n", 5)]));
    cluster.deliver_all();
    assert_eq!(cluster.figures(&second), (7, 7, 7), "nothing is free, all of it is the new one's");
    cluster.assert_lawful();
    deliver(&mut cluster, &second, decision);
    assert_eq!(cluster.live_claims(new), vec![claim(&first, "n", 1), claim(&second, "n", 7)]);
    cluster.assert_lawful();
}

#[test]
fn goods_of_the_old_one_that_leave_meanwhile_leave_the_new_one_its_claim() {
    let (mut cluster, first, second, old) = apart(9);
    let (new, decision) = accepted(&mut cluster, &first, &second, old);
    let part = cluster.home(&second);
    cluster.send(WORK, part, Message::Consume(old, vec![claim(&second, "n", 2)]));
    cluster.send(WORK, part, Message::NotFound(old, vec![claim(&second, "n", 1)]));
    cluster.deliver_all();
    let position = cluster.position(&second, "n");
    assert_eq!(
        (position.sellable, position.reserved, position.over_committed),
        (q(6), q(7), q(1)),
        "flagged"
    );
    deliver(&mut cluster, &second, decision);
    assert!(cluster.is_granted(new));
    assert_eq!(cluster.live_claims(new), vec![claim(&first, "n", 1), claim(&second, "n", 7)]);
    assert_eq!(cluster.live_claims(old), vec![]);
    cluster.assert_lawful();
}

#[test]
fn goods_of_the_new_one_leave_before_its_partition_has_heard_that_it_is_granted() {
    let (mut cluster, first, second, old) = apart(7);
    let (new, decision) = accepted(&mut cluster, &first, &second, old);
    let part = cluster.home(&second);
    cluster.send(WORK, part, Message::Consume(new, vec![claim(&second, "n", 6)]));
    cluster.deliver_all();
    assert_eq!(cluster.figures(&second), (1, 1, 1));
    deliver(&mut cluster, &second, decision);
    assert_eq!(cluster.live_claims(new), vec![claim(&first, "n", 1), claim(&second, "n", 1)]);
    assert_eq!(cluster.live_claims(old), vec![]);
    cluster.assert_lawful();
}

#[test]
fn a_claimant_that_gives_up_early_hears_the_truth_about_the_old_one_later() {
    // Decided yes: the units were taken over and are free.
    let (mut cluster, first, second, old) = apart(7);
    let (new, decision) = accepted(&mut cluster, &first, &second, old);
    cluster.each_part(ORDERS, &[claim(&first, "n", 1), claim(&second, "n", 7)], |c| Message::Release(new, c));
    cluster.deliver_all();
    assert_eq!(cluster.figures(&second), (7, 5, 0), "its own units are free at once, the old one's are not");
    deliver(&mut cluster, &second, decision);
    assert!(cluster.is_granted(new));
    assert_eq!((cluster.figures(&second), cluster.reservations()), ((7, 0, 0), 0));
    cluster.assert_lawful();

    // Decided no: the old one has them still.
    let mut cluster = Cluster::new(4);
    let codes = cluster.skus_apart(2);
    cluster.stocked(&codes[0], "n", 7);
    cluster.with_item(&codes[1]);
    let old = cluster.committed(7, &[claim(&codes[0], "n", 5)]);
    let claims = [claim(&codes[0], "n", 7), claim(&codes[1], "n", 1)];
    let new = cluster.replaces(old, 2, ALL, &claims, &[claim(&codes[0], "n", 5)]);
    cluster.deliver(0);
    assert_eq!(cluster.figures(&codes[0]), (7, 7, 2));
    let home = new.home();
    let give_up = Message::Release(new, vec![claim(&codes[0], "n", 7)]);
    cluster.ask(home, &Command::Message { from: ORDERS, message: give_up }).unwrap();
    assert_eq!(cluster.figures(&codes[0]), (7, 5, 0));
    cluster.deliver_all();
    assert!(matches!(cluster.outcomes(new)[..], [ReserveOutcome::Refused(_)]));
    assert_eq!(cluster.live_claims(old), vec![claim(&codes[0], "n", 5)]);
    cluster.assert_lawful();
}

#[test]
fn units_that_are_being_taken_over_are_contended_for_a_second_one() {
    let (mut cluster, first, second, old) = apart(99);
    let (new, decision) = accepted(&mut cluster, &first, &second, old);
    for mode in [ALL, ReserveMode::BestEffort] {
        let attempt = if mode == ALL { 3 } else { 4 };
        let again =
            cluster.replaces(old, attempt, mode, &[claim(&second, "n", 5)], &[claim(&second, "n", 5)]);
        cluster.deliver_all();
        let outcomes = cluster.outcomes(again);
        assert!(matches!(outcomes[..], [ReserveOutcome::Contended(_)]), "not claimed twice: {outcomes:?}");
    }
    deliver(&mut cluster, &second, decision);
    assert!(cluster.is_granted(new));
    assert_eq!(cluster.figures(&second), (99, 7, 0));
    cluster.assert_lawful();
}

#[test]
fn a_chain_of_changes_need_not_wait_for_every_partition_to_hear() {
    let (mut cluster, first, second, old) = apart(9);
    let (new, decision) = accepted(&mut cluster, &first, &second, old);
    // Home decides and tells the order, but its word to the second partition is slow.
    for message in decision {
        cluster.ask(new.home(), &Command::Message { from: cluster.home(&second), message }).unwrap();
    }
    let slow = cluster.take_wire(new.home(), cluster.home(&second));
    assert!(cluster.is_granted(new) && matches!(slow[..], [Message::Settle(..)]), "{slow:?}");
    let third = cluster.replaces(new, 3, ALL, &[claim(&second, "n", 8)], &[claim(&second, "n", 7)]);
    cluster.deliver_all();
    assert!(cluster.is_granted(third));
    assert_eq!(cluster.figures(&second), (9, 8, 0));
    for message in slow {
        cluster.send(new.home(), cluster.home(&second), message);
    }
    cluster.deliver_all();
    assert_eq!(cluster.live_claims(third), vec![claim(&second, "n", 8)]);
    assert_eq!(cluster.live_claims(new), vec![claim(&first, "n", 1)]);
    assert_eq!(cluster.live_claims(old), vec![]);
    cluster.assert_lawful();
}

#[test]
fn the_same_request_again_takes_nothing_more_and_a_restart_forgets_nothing() {
    let (mut cluster, first, second, old) = apart(7);
    let (new, decision) = accepted(&mut cluster, &first, &second, old);
    cluster.restart();
    let claims = vec![claim(&first, "n", 1), claim(&second, "n", 7)];
    let takes_over = vec![TakeOver { from: old, claims: vec![claim(&second, "n", 5)] }];
    let request = ReserveRequest { id: new, claims: claims.clone(), mode: ALL, expires_at: None, takes_over };
    cluster.send(ORDERS, new.home(), Message::Reserve(request.clone()));
    cluster.deliver_all();
    cluster.restart();
    deliver(&mut cluster, &second, decision);
    cluster.restart();
    assert_eq!(cluster.figures(&second), (7, 7, 0));
    let again = Command::Reserve { request, order: None };
    let Ok(Answer::Reservation(view)) = cluster.ask(new.home(), &again) else { panic!("must be answered") };
    assert_eq!((view.state, cluster.live_claims(new)), (ReservationState::Committed, claims));
    cluster.assert_lawful();
}

#[test]
fn the_law_notices_a_take_over_that_only_one_side_knows_of() {
    let spoilt = |spoil: fn(&mut crate::State, ReservationId, ReservationId)| {
        let mut cluster = Cluster::new(4);
        let codes = cluster.skus_apart(2);
        cluster.stocked(&codes[0], "n", 7);
        cluster.stocked(&codes[1], "n", 7);
        let old = cluster.committed(7, &[claim(&codes[0], "n", 5)]);
        let claims = [claim(&codes[0], "n", 7), claim(&codes[1], "n", 1)];
        let new = cluster.replaces(old, 2, ALL, &claims, &[claim(&codes[0], "n", 5)]);
        cluster.deliver(0);
        cluster.spoil(|state| spoil(state, old, new));
        cluster.violations().len()
    };
    assert_eq!(spoilt(|_, _, _| ()), 0);
    assert!(spoilt(|state, old, _| state.reservations.update(&old, |row| row.takers.clear()).unwrap()) > 0);
    assert!(spoilt(|state, _, new| state.reservations.update(&new, |row| row.taking.clear()).unwrap()) > 0);
    assert!(
        spoilt(|state, old, _| state.reservations.update(&old, |row| row.lines[0].released = q(1)).unwrap())
            > 1
    );
}

#[test]
fn a_caller_names_a_bounded_number_of_units_to_take_over() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 7);
    let old = cluster.committed(7, &[claim("A", "n", 5)]);
    let id = cluster.hold_id(1, &[claim("A", "n", 1)]);
    let takes_over = vec![TakeOver { from: old, claims: vec![claim("A", "n", 1)] }; crate::CLAIMS_MAX + 1];
    let claims = vec![claim("A", "n", 1)];
    let request = ReserveRequest { id, claims, mode: ALL, expires_at: None, takes_over };
    let refused = cluster.ask(id.home(), &Command::Reserve { request, order: Some(order(7)) });
    assert!(matches!(refused, Err(Refusal::Malformed(_))), "{refused:?}");
}
