//! Bookings at one position.

use super::*;
use crate::{CountOutcome, CountRow, MovementKind, RowRefusal};

fn count(cluster: &mut Cluster, code: &str, units: u64, sequence: u64) -> bool {
    let row =
        CountRow { spot: spot(code, "store-1"), condition: Condition::Sellable, counted: q(units), sequence };
    match cluster.run(code, Command::Count { source: text("wms"), row }).unwrap() {
        Answer::Counted(_, applied) => applied,
        other => panic!("{other:?}"),
    }
}

fn adjust(cluster: &mut Cluster, condition: Condition, delta: i64) -> Result<Position, Refusal> {
    match cluster.run("A", Command::Adjust { spot: spot("A", "store-1"), condition, delta })? {
        Answer::Position(view) => Ok(view.position),
        other => panic!("{other:?}"),
    }
}

#[test]
fn receipts_and_adjustments_move_stock_by_condition() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 10);
    let after = adjust(&mut cluster, Condition::Sellable, -3).unwrap();
    assert_eq!((after.sellable, after.revision), (q(7), 2));
    let after = adjust(&mut cluster, Condition::Damaged, 3).unwrap();
    assert_eq!(after, cluster.position("A", "store-1"), "the answer is the position as it is kept");
    let refusal = adjust(&mut cluster, Condition::Sellable, -8).unwrap_err();
    assert!(matches!(refusal, Refusal::BelowZero { delta: -8, on_hand: 7, .. }), "{refusal}");
    let sums: Vec<(MovementKind, Condition, i64)> =
        after.movements.iter().map(|m| (m.kind, m.condition, m.sum)).collect();
    assert_eq!(
        sums,
        vec![
            (MovementKind::Receipt, Condition::Sellable, 10),
            (MovementKind::Adjustment, Condition::Sellable, -3),
            (MovementKind::Adjustment, Condition::Damaged, 3),
        ]
    );
    cluster.assert_lawful();
}

#[test]
fn hostile_numbers_are_refused_and_change_nothing() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", Quantity::MAX);
    let events = cluster.events();
    for delta in [0, i64::MIN, i64::MAX, 1 + Quantity::MAX as i64, 1] {
        let refusal = adjust(&mut cluster, Condition::Sellable, delta).unwrap_err();
        assert!(matches!(refusal, Refusal::Malformed(_)), "{delta}: {refusal}");
    }
    assert_eq!(cluster.events(), events);
}

#[test]
fn a_snapshot_that_is_older_than_a_later_change_is_ignored() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 10);
    cluster.hold(1, 60_000, &[claim("A", "store-1", 4)]).unwrap();
    assert!(count(&mut cluster, "A", 9, 7));
    assert!(!count(&mut cluster, "A", 1, 6), "older");
    assert!(!count(&mut cluster, "A", 1, 7), "the same");
    let position = cluster.position("A", "store-1");
    assert_eq!((position.sellable, position.reserved, position.revision), (q(9), q(4), 3));
    assert!(count(&mut cluster, "A", 9, 8), "a newer one that says the same is taken");
    cluster.assert_lawful();
}

#[test]
fn a_count_of_two_with_three_reserved_leaves_none_available_and_flags_one() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let held = cluster.hold(1, 60_000, &[claim("A", "store-1", 3)]).unwrap();
    assert!(count(&mut cluster, "A", 2, 1));
    let position = cluster.position("A", "store-1");
    assert_eq!((position.available(), position.over_committed), (q(0), q(1)));
    cluster.assert_lawful();
    assert!(matches!(cluster.hold(2, 60_000, &[claim("A", "store-1", 1)]), Err(Refusal::Short(_))));

    // Stock returns: the flag goes. Or the claim goes: likewise.
    cluster.receive("A", "store-1", 1);
    assert_eq!(cluster.position("A", "store-1").over_committed, q(0));
    assert!(count(&mut cluster, "A", 2, 2));
    cluster.ask(held.id.home(), &Command::Release { id: held.id, claims: None }).unwrap();
    let position = cluster.position("A", "store-1");
    assert_eq!((position.available(), position.over_committed), (q(2), q(0)));
    cluster.assert_lawful();
}

#[test]
fn safety_stock_above_on_hand_leaves_none_available_and_honours_reservations() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    cluster.hold(1, 60_000, &[claim("A", "store-1", 3)]).unwrap();
    let command = Command::SetSafetyStock { spot: spot("A", "store-1"), safety_stock: q(9) };
    cluster.run("A", command.clone()).unwrap();
    let position = cluster.position("A", "store-1");
    assert_eq!((position.available(), position.reserved, position.over_committed), (q(0), q(3), q(0)));
    let events = cluster.events();
    cluster.run("A", command).unwrap();
    assert_eq!(cluster.events(), events, "what is so already is no event");
    cluster.assert_lawful();
}

#[test]
fn rows_of_one_feed_see_the_rows_before_them_and_fail_alone() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    let row = |code: &str, units, sequence| CountRow {
        spot: spot(code, "store-1"),
        condition: Condition::Sellable,
        counted: q(units),
        sequence,
    };
    let rows = vec![row("A", 5, 1), row("B", 5, 1), row("A", 7, 2), row("A", 1, 1)];
    let answer = cluster.run("A", Command::CountMany { source: text("feed"), rows }).unwrap();
    assert_eq!(
        answer,
        Answer::CountedMany(vec![
            CountOutcome::Applied(1),
            CountOutcome::Refused(RowRefusal::UnknownItem(sku("B"))),
            CountOutcome::Applied(2),
            CountOutcome::Ignored(2),
        ])
    );
    assert_eq!(cluster.position("A", "store-1").sellable, q(7));
    cluster.assert_lawful();
}

#[test]
fn one_position_takes_a_bounded_number_of_sources() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    let mut last = None;
    for source in 0..=Position::SOURCES_MAX {
        let row = CountRow {
            spot: spot("A", "store-1"),
            condition: Condition::Sellable,
            counted: q(1),
            sequence: 1,
        };
        last = Some(cluster.run("A", Command::Count { source: text(&format!("s{source}")), row }));
    }
    assert!(matches!(last, Some(Err(Refusal::Row(RowRefusal::TooManySources(16))))));
}
