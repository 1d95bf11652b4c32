//! Items.

use super::*;
use crate::{Alias, ItemOutcome, RowRefusal};

fn upsert(cluster: &mut Cluster, rows: Vec<ItemRow>) -> Vec<ItemOutcome> {
    let home = rows[0].item.sku.clone();
    match cluster.run(home.as_str(), Command::UpsertItems(rows)).unwrap() {
        Answer::Items(outcomes) => outcomes,
        other => panic!("{other:?}"),
    }
}

fn row(item: Item) -> ItemRow {
    ItemRow { item, expected_revision: None }
}

fn coded(code: &str, gtin: &str) -> Item {
    Item { aliases: vec![Alias { kind: text("gtin"), value: text(gtin) }], ..item(code) }
}

#[test]
fn an_item_is_created_updated_and_left_alone_when_it_is_so_already() {
    let mut cluster = Cluster::new(1);
    assert_eq!(upsert(&mut cluster, vec![row(item("A"))]), vec![ItemOutcome::Created(1)]);
    assert_eq!(upsert(&mut cluster, vec![row(item("A"))]), vec![ItemOutcome::Unchanged(1)]);
    let heavier = Item { weight_g: 200, ..item("A") };
    assert_eq!(upsert(&mut cluster, vec![row(heavier)]), vec![ItemOutcome::Updated(2)]);
    let stale = ItemRow { item: item("A"), expected_revision: Some(1) };
    let refusal = RowRefusal::StaleRevision { expected: 1, current: 2 };
    assert_eq!(upsert(&mut cluster, vec![stale]), vec![ItemOutcome::Refused(refusal)]);
    cluster.assert_lawful();
}

#[test]
fn an_alias_finds_its_item_and_belongs_to_one_item_only() {
    let mut cluster = Cluster::new(1);
    let outcomes =
        upsert(&mut cluster, vec![row(coded("A", "4006381333931")), row(coded("B", "4006381333931"))]);
    assert_eq!(outcomes[0], ItemOutcome::Created(1));
    assert!(matches!(outcomes[1], ItemOutcome::Refused(RowRefusal::AliasTaken { .. })), "{outcomes:?}");
    let gtin = Alias { kind: text("gtin"), value: text("4006381333931") };
    let state = cluster.state(cluster.home("A"));
    assert_eq!(read::item_by_alias(state, &gtin).unwrap().item.sku, sku("A"));

    // The code moves when its holder gives it up, even within one command.
    let outcomes = upsert(&mut cluster, vec![row(item("A")), row(coded("B", "4006381333931"))]);
    assert_eq!(outcomes, vec![ItemOutcome::Updated(2), ItemOutcome::Created(1)]);
    let state = cluster.state(cluster.home("A"));
    assert_eq!(read::item_by_alias(state, &gtin).unwrap().item.sku, sku("B"));
    cluster.assert_lawful();
}

#[test]
fn the_scale_is_fixed_once_there_was_stock() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    let by_weight = Item { unit: Unit::Kilogram, scale: 3, ..item("A") };
    assert_eq!(upsert(&mut cluster, vec![row(by_weight.clone())]), vec![ItemOutcome::Updated(2)]);
    cluster.receive("A", "store-1", 2_350);
    let outcomes = upsert(&mut cluster, vec![row(item("A"))]);
    assert_eq!(outcomes, vec![ItemOutcome::Refused(RowRefusal::UnitFixed(sku("A")))]);
    assert_eq!(upsert(&mut cluster, vec![row(by_weight)]), vec![ItemOutcome::Unchanged(2)]);
}

#[test]
fn stock_of_an_unknown_item_is_refused() {
    let mut cluster = Cluster::new(1);
    let (spot, condition) = (spot("A", "store-1"), Condition::Sellable);
    let command = Command::Receive { spot, condition, quantity: q(1), reference: text("") };
    let refusal = cluster.run("A", command).unwrap_err();
    assert_eq!(refusal, Refusal::Row(RowRefusal::UnknownItem(sku("A"))));
    assert_eq!(cluster.events(), 0);
}

#[test]
fn an_inactive_item_may_not_be_reserved_but_what_is_reserved_stays() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    cluster.hold(1, 60_000, &[claim("A", "store-1", 2)]).unwrap();
    upsert(&mut cluster, vec![row(Item { inactive: true, ..item("A") })]);
    let refusal = cluster.hold(2, 60_000, &[claim("A", "store-1", 1)]).unwrap_err();
    assert_eq!(refusal, Refusal::ItemInactive(sku("A")));
    assert_eq!(cluster.position("A", "store-1").reserved, q(2));
}
