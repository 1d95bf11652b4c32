//! Reservations that lie in one partition.

use super::*;
use crate::ReservationState;

#[test]
fn a_thousand_buyers_of_a_hundred_units_get_exactly_a_hundred() {
    let mut cluster = Cluster::new(8);
    cluster.stocked("HOT", "store-1", 100);
    let mut ids = Vec::new();
    for buyer in 1..=1_000 {
        ids.push(cluster.order_reserves(buyer, ReserveMode::AllOrNothing, &[claim("HOT", "store-1", 1)]));
    }
    cluster.deliver_all();
    let granted = ids.iter().filter(|id| matches!(cluster.outcomes(**id)[..], [ReserveOutcome::Granted(_)]));
    assert_eq!(granted.count(), 100);
    let refused = ids.iter().filter(|id| matches!(cluster.outcomes(**id)[..], [ReserveOutcome::Refused(_)]));
    assert_eq!(refused.count(), 900);
    let position = cluster.position("HOT", "store-1");
    assert_eq!((position.reserved, position.available()), (q(100), q(0)));
    cluster.assert_lawful();
}

#[test]
fn when_the_fifth_line_is_short_nothing_is_reserved() {
    let mut cluster = Cluster::new(1);
    let codes = ["A", "B", "C", "D", "E"];
    for code in codes {
        cluster.stocked(code, "store-1", if code == "E" { 1 } else { 9 });
    }
    let claims = codes.map(|code| claim(code, "store-1", 2));
    let refusal = cluster.hold(1, 60_000, &claims).unwrap_err();
    let Refusal::Short(short) = refusal else { panic!("{refusal}") };
    assert_eq!((short.len(), short[0].asked.sku.as_str(), short[0].available), (1, "E", q(1)));
    for code in codes {
        assert_eq!(cluster.position(code, "store-1").reserved, q(0));
    }
    assert_eq!(cluster.reservations(), 0);
}

#[test]
fn demand_of_two_lines_of_one_sku_is_summed_before_it_is_checked() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 3);
    let twice = [claim("A", "store-1", 2), claim("A", "store-1", 2)];
    assert!(matches!(cluster.hold(1, 60_000, &twice), Err(Refusal::Short(_))));
    let fits = [claim("A", "store-1", 2), claim("A", "store-1", 1)];
    let view = cluster.hold(2, 60_000, &fits).unwrap();
    assert_eq!((view.lines.len(), view.lines[0].granted), (1, q(3)));
    assert_eq!(cluster.available("A", "store-1"), 0);
}

#[test]
fn best_effort_takes_what_there_is_and_nothing_at_all_is_a_refusal() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 2);
    cluster.with_item("B");
    let claims = [claim("A", "store-1", 5), claim("B", "store-1", 1)];
    let id = cluster.hold_id(1, &claims);
    let view = cluster.reserve(id, &claims, ReserveMode::BestEffort, None).unwrap();
    let got: Vec<(Quantity, Quantity)> = view.lines.iter().map(|l| (l.requested, l.granted)).collect();
    assert_eq!(got, vec![(q(5), q(2)), (q(1), q(0))]);
    let id = cluster.hold_id(2, &claims);
    assert!(matches!(cluster.reserve(id, &claims, ReserveMode::BestEffort, None), Err(Refusal::Short(_))));
    cluster.assert_lawful();
}

#[test]
fn safety_stock_is_not_for_reservations() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    cluster.run("A", Command::SetSafetyStock { spot: spot("A", "store-1"), safety_stock: q(4) }).unwrap();
    assert!(cluster.hold(1, 60_000, &[claim("A", "store-1", 2)]).is_err());
    assert!(cluster.hold(2, 60_000, &[claim("A", "store-1", 1)]).is_ok());
}

#[test]
fn the_same_id_again_is_the_same_reservation_and_other_content_is_refused() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let first = cluster.hold(1, 60_000, &[claim("A", "store-1", 2)]).unwrap();
    let again = cluster.hold(1, 60_000, &[claim("A", "store-1", 2)]).unwrap();
    assert_eq!(first, again);
    assert_eq!(cluster.available("A", "store-1"), 3);
    let refusal = cluster.hold(1, 60_000, &[claim("A", "store-1", 3)]).unwrap_err();
    assert_eq!(refusal, Refusal::ReservationDiffers { id: first.id, field: "lines" });

    let claims = [claim("A", "store-1", 1)];
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &claims);
    cluster.order_reserves(7, ReserveMode::AllOrNothing, &claims);
    cluster.deliver_all();
    let granted = ReserveOutcome::Granted(claims.to_vec());
    assert_eq!(cluster.outcomes(id), vec![&granted, &granted]);
    assert_eq!(cluster.available("A", "store-1"), 2);
}

#[test]
fn an_orders_own_reservation_is_committed_at_once_and_never_lapses() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let id = cluster.order_reserves(7, ReserveMode::AllOrNothing, &[claim("A", "store-1", 2)]);
    cluster.deliver_all();
    cluster.advance(3 * 24 * 60 * 60 * 1000);
    let view = read::reservation(cluster.state(id.home()), id).unwrap();
    assert_eq!(
        (view.state, view.order, view.expires_at),
        (ReservationState::Committed, Some(order(7)), None)
    );
    assert_eq!(cluster.available("A", "store-1"), 3);
}

#[test]
fn malformed_reservations_are_refused() {
    let mut cluster = Cluster::new(2);
    let codes = cluster.skus_apart(2);
    for code in &codes {
        cluster.stocked(code, "store-1", 5);
    }
    let fine = [claim(&codes[0], "store-1", 1)];
    let id = cluster.hold_id(1, &fine);
    let late = Some(cluster.now);
    let cases: [(&[Claim], Option<Timestamp>); 5] = [
        (&[], None),
        (&[claim(&codes[0], "store-1", 0)], None),
        (&fine, late),
        (&vec![claim(&codes[0], "store-1", 1); 501], None),
        (&[claim(&codes[1], "store-1", 1)], None),
    ];
    for (claims, expires_at) in cases {
        let refused = cluster.reserve(id, claims, ReserveMode::AllOrNothing, expires_at);
        assert!(matches!(refused, Err(Refusal::Malformed(_))), "{claims:?} {expires_at:?}: {refused:?}");
    }
    assert_eq!(cluster.reservations(), 0);
}
