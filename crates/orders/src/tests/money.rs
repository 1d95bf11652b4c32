//! Amounts are checked to the minor unit, and shares always sum.

use super::build::{line, order, place};
use super::world::World;
use crate::command::{NewLine, Place};
use crate::content::Share;
use crate::invariants::money;
use crate::{Refusal, command::Command};
use proptest::prelude::*;
use waybill_types::{Currency, Quantity};

/// What `count` units refunded one by one from the front and from the back come to.
fn refunds(shares: &[Share], included: bool) -> (Vec<i64>, i64) {
    let each: Vec<i64> =
        shares.iter().flat_map(|run| vec![run.total(included); run.count as usize]).collect();
    let sum = each.iter().sum();
    (each, sum)
}

#[test]
fn ten_units_at_a_quarter_off_with_tax_inside_refund_to_the_last_cent() {
    for (currency, unit_price, discount, tax, total) in
        [("EUR", 2390, 5975, 2988, 17925), ("JPY", 239, 598, 299, 1792), ("KWD", 23900, 59750, 29875, 179250)]
    {
        let mut wanted = order("1", vec![line("A", 10)]);
        wanted.basket.lines[0] = NewLine { unit_price, discount, tax, total, ..line("A", 10) };
        wanted.basket.amounts.total = total;
        wanted.basket.amounts.currency = Currency::new(currency).unwrap();
        let mut world = World::new();
        let id = world.place(wanted);
        let (opening, _) = world.order(id);
        let (each, sum) = refunds(&opening.content().lines[0].shares, true);
        assert_eq!((each.len(), sum), (10, total), "{currency}");
        assert!(money(id, opening.content()).is_empty());
    }
}

#[test]
fn a_discount_of_ten_over_three_lines_is_shared_exactly() {
    let mut wanted = order(
        "1",
        [3333, 3333, 3334].map(|price| NewLine { unit_price: price, total: price, ..line("A", 1) }).into(),
    );
    wanted.basket.amounts.discount = 1000;
    wanted.basket.amounts.total = 9000;
    let mut world = World::new();
    let id = world.place(wanted);
    let (opening, _) = world.order(id);
    let discounts: Vec<i64> = opening.content().lines.iter().map(|line| line.shares[0].discount).collect();
    assert_eq!(discounts.iter().sum::<i64>(), 1000);
    assert_eq!(discounts, [333, 333, 334]);
}

fn refused(change: impl FnOnce(&mut Place)) -> Refusal {
    let mut wanted = order("1", vec![line("A", 2)]);
    change(&mut wanted);
    World::new().ask(&place(wanted)).unwrap_err()
}

#[test]
fn amounts_that_do_not_add_up_are_refused_with_field_and_numbers() {
    let disagree =
        |field: &str, given, computed| Refusal::AmountsDisagree { field: field.into(), given, computed };
    assert_eq!(
        refused(|p| p.basket.lines[0].subtotal = Some(1999)),
        disagree("lines[0].amounts.subtotal", 1999, 2000)
    );
    assert_eq!(refused(|p| p.basket.lines[0].discount = 1), disagree("lines[0].amounts.total", 2000, 1999));
    assert_eq!(refused(|p| p.basket.amounts.shipping = 500), disagree("amounts.total", 2000, 2500));
}

#[test]
fn negative_huge_and_overflowing_amounts_are_refused_by_field() {
    for (change, field) in [
        (
            (|p: &mut Place| p.basket.lines[0].unit_price = -1) as fn(&mut Place),
            "lines[0].amounts.unit_price",
        ),
        (|p| p.basket.lines[0].tax = i64::MAX, "lines[0].amounts.tax"),
        (|p| p.basket.amounts.discount = i64::MIN, "amounts.discount"),
        (|p| p.basket.amounts.total = 1_000_000_000_000_001, "amounts.total"),
    ] {
        match refused(change) {
            Refusal::Malformed(violations) => assert_eq!(violations[0].field, field),
            other => panic!("{other:?}"),
        }
    }
    let overflow = refused(|p| {
        p.basket.lines[0].unit_price = 1_000_000_000_000_000;
        p.basket.lines[0].quantity = Quantity::of(1_000_000_000_000);
    });
    assert!(matches!(overflow, Refusal::AmountsDisagree { .. } | Refusal::Malformed(_)), "{overflow:?}");
}

#[test]
fn a_weighed_quantity_is_priced_by_the_whole_unit() {
    // 1.255 kg at 9.99 a kilo is 12.537..., half up 12.54.
    let mut wanted = order("1", vec![NewLine { scale: 3, unit_price: 999, total: 1254, ..line("A", 1255) }]);
    wanted.basket.amounts.total = 1254;
    let mut world = World::new();
    let id = world.place(wanted);
    let (opening, _) = world.order(id);
    assert_eq!(refunds(&opening.content().lines[0].shares, true).1, 1254);
}

prop_compose! {
    fn any_line()(price in 0i64..100_000, count in 1u64..40, off in 0i64..100, tax in 0i64..5_000, scale in 0u8..4)
        -> (NewLine, i64) {
        let subtotal = (price * count as i64 * 2 + 10i64.pow(scale.into())) / (2 * 10i64.pow(scale.into()));
        let discount = subtotal * off / 100;
        (NewLine { unit_price: price, discount, tax, scale, ..line("A", count) }, subtotal)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    /// MONEY-1 for whatever adds up: any set of partial refunds sums, since each unit's share is fixed.
    #[test]
    fn shares_sum_for_whatever_adds_up(
        lines in prop::collection::vec(any_line(), 1..12),
        included in any::<bool>(), shipping in 0i64..2_000, tax in 0i64..500, off in 0i64..100,
    ) {
        let mut total = 0;
        let lines: Vec<NewLine> = lines.into_iter().map(|(mut line, subtotal)| {
            line.total = subtotal - line.discount + if included { 0 } else { line.tax };
            total += line.total;
            line
        }).collect();
        let discount = total * off / 100;
        let mut wanted = order("1", lines);
        let amounts = &mut wanted.basket.amounts;
        (amounts.shipping, amounts.discount, amounts.tax, amounts.tax_included) = (shipping, discount, tax, included);
        amounts.total = total + shipping - discount + if included { 0 } else { tax };
        let paid = amounts.total;
        let mut world = World::new();
        let command: Command = place(wanted);
        world.ask(&command).unwrap();
        world.audit();
        let id = waybill_types::OrderId::new(0, 1);
        let (opening, _) = world.order(id);
        let sum: i64 = opening.content().lines.iter().map(|line| refunds(&line.shares, included).1).sum();
        prop_assert_eq!(sum, paid);
    }
}
