//! Whatever is added, cancelled, returned, repriced or forgiven in whatever order: amounts sum, and money that was given
//! back is never counted again.

use super::build::{line, order, units};
use super::world::World;
use crate::command::{AddedAmounts, NewLine};
use crate::content::{OrderContent, line_no};
use crate::invariants::money;
use crate::money::{Units, add_line, add_units, appease, new_line, reprice};
use crate::money::{back, front};
use crate::{OrderMoney, Refusal, order_money};
use proptest::prelude::*;
use waybill_types::{Currency, LineNo, OrderId};

const ID: OrderId = OrderId::new(0, 1);

/// An order as content, with the amounts of the order itself spread over its lines.
fn ordered(lines: Vec<NewLine>, discount: i64, shipping: i64) -> OrderContent {
    let mut wanted = order("1", lines);
    let amounts = &mut wanted.basket.amounts;
    (amounts.discount, amounts.shipping) = (discount, shipping);
    amounts.total += shipping - discount;
    let mut world = World::new();
    let id = world.place(wanted);
    world.order(id).0.content().clone()
}

fn added(unit_price: i64, quantity: u64, discount: i64) -> AddedAmounts {
    AddedAmounts { unit_price, discount, tax: 0, total: unit_price * quantity as i64 - discount }
}

#[test]
fn ten_single_refunds_at_a_quarter_off_sum_to_the_last_minor_unit_in_any_order() {
    for (currency, unit_price, discount, tax, total) in
        [("EUR", 2390, 5975, 2988, 17925), ("JPY", 239, 598, 299, 1792), ("KWD", 23900, 59750, 29875, 179250)]
    {
        let ten = NewLine { unit_price, discount, tax, total, ..line("A", 10) };
        let mut wanted = order("1", vec![ten]);
        wanted.basket.amounts.currency = Currency::new(currency).unwrap();
        let mut world = World::new();
        let id = world.place(wanted);
        let shares = world.order(id).0.content().lines[0].shares.clone();
        // Every way to cancel some from the back and return some from the front, one by one.
        for from_front in 0..=10u64 {
            let fronts = (0..from_front).map(|at| front(&shares, at, 1));
            let backs = (0..10 - from_front).map(|at| back(&shares, at, 1));
            let refunds: Vec<_> = fronts.chain(backs).collect();
            assert_eq!(refunds.iter().map(|unit| unit.total(true)).sum::<i64>(), total, "{currency}");
            assert_eq!(refunds.iter().map(|unit| unit.tax).sum::<i64>(), tax, "{currency}");
        }
    }
}

#[test]
fn a_partial_refund_uses_the_share_that_was_stored() {
    let three = [3333, 3333, 3334].map(|price| NewLine { unit_price: price, total: price, ..line("A", 1) });
    let mut content = ordered(three.into(), 1000, 0);
    let refund = |content: &OrderContent, index: usize| front(&content.lines[index].shares, 0, 1).total(true);
    assert_eq!([0, 1, 2].map(|index| refund(&content, index)), [3000, 3000, 3000]);
    // A line more does not spread the discount anew.
    let more = new_line(&line("B", 1), true, "line").unwrap();
    assert_eq!(add_line(&mut content, more).unwrap(), LineNo(4));
    assert_eq!([0, 1, 2, 3].map(|index| refund(&content, index)), [3000, 3000, 3000, 1000]);
    assert!(money(ID, &content).is_empty());
}

#[test]
fn a_new_price_keeps_what_the_units_carry_of_the_orders_discount() {
    let mut content = ordered(vec![line("A", 2), line("B", 1)], 300, 0);
    let one = Units { line: LineNo(1), first: 1, count: 1 };
    reprice(&mut content, one, &added(800, 1, 0), "price").unwrap();
    assert_eq!(front(&content.lines[0].shares, 1, 1).total(true), 700);
    assert_eq!(front(&content.lines[0].shares, 0, 1).total(true), 900);
    assert_eq!((content.amounts.discount, content.amounts.total), (300, 2500));
    assert_eq!((content.lines[0].amounts.unit_price, content.lines[0].amounts.subtotal), (800, 1800));
    assert!(money(ID, &content).is_empty());
    // Less than the discount it carries would make the unit cost less than nothing.
    let refused = reprice(&mut content.clone(), one, &added(99, 1, 0), "price").unwrap_err();
    assert!(matches!(&refused, Refusal::Malformed(wrong) if wrong[0].field == "price.total"), "{refused}");
}

#[test]
fn money_off_is_spread_over_what_is_left_and_never_more_than_that() {
    let mut content = ordered(vec![line("A", 3), line("B", 1)], 0, 0);
    // One unit of A came back, one was cancelled: 10.00 of A and 10.00 of B are left.
    let left = [Units { line: LineNo(1), first: 1, count: 1 }, Units { line: LineNo(2), first: 0, count: 1 }];
    let refused = appease(&mut content.clone(), &left, 2001, "amount").unwrap_err();
    assert!(refused.to_string().contains("1 to the 2000"), "{refused}");
    assert!(appease(&mut content.clone(), &left, 0, "amount").is_err());
    appease(&mut content, &left, 501, "amount").unwrap();
    let total = |line: usize, first| front(&content.lines[line].shares, first, 1).total(true);
    assert_eq!([total(0, 0), total(0, 1), total(0, 2), total(1, 0)], [1000, 749, 1000, 750]);
    assert_eq!((content.amounts.discount, content.amounts.total), (501, 3499));
    assert!(money(ID, &content).is_empty());
}

#[test]
fn amounts_that_do_not_add_up_or_grow_out_of_range_are_refused() {
    let content = ordered(vec![line("A", 1)], 0, 0);
    let (none, one, two) = (units(0), units(1), units(2));
    let add = |added| add_units(&mut content.clone(), LineNo(1), none, two, &added, "added");
    let wrong = add(AddedAmounts { total: 1999, ..added(1000, 2, 0) });
    assert!(matches!(wrong, Err(Refusal::AmountsDisagree { given: 1999, computed: 2000, .. })), "{wrong:?}");
    let most = 1_000_000_000_000_000;
    let huge = add_units(&mut content.clone(), LineNo(1), none, one, &added(most, 1, 0), "added");
    assert!(matches!(huge, Err(Refusal::Malformed(_))), "{huge:?}");
}

#[derive(Clone, Debug)]
enum Change {
    Add { line: usize, quantity: u64, price: i64, off: i64 },
    AddLine { quantity: u64, price: i64 },
    Cancel { line: usize, quantity: u64 },
    Return { line: usize, quantity: u64 },
    Reprice { line: usize, quantity: u64, price: i64, off: i64 },
    Appease { line: Option<usize>, part: i64 },
}

fn change() -> impl Strategy<Value = Change> {
    let (at, some, cents) = (0usize..8, 1u64..5, 0i64..2_000);
    let off = 0i64..=100;
    prop_oneof![
        (at.clone(), some.clone(), cents.clone(), off.clone())
            .prop_map(|(line, quantity, price, off)| Change::Add { line, quantity, price, off }),
        (some.clone(), cents.clone()).prop_map(|(quantity, price)| Change::AddLine { quantity, price }),
        (at.clone(), some.clone()).prop_map(|(line, quantity)| Change::Cancel { line, quantity }),
        (at.clone(), some.clone()).prop_map(|(line, quantity)| Change::Return { line, quantity }),
        (at.clone(), some, cents, off).prop_map(|(line, quantity, price, off)| Change::Reprice {
            line,
            quantity,
            price,
            off
        }),
        (prop::option::of(at), 1i64..=1_000).prop_map(|(line, part)| Change::Appease { line, part }),
    ]
}

/// Of one line: units that came back and what they gave back, units cancelled and what they were worth.
#[derive(Clone, Copy, Debug, Default)]
struct Gone {
    back: u64,
    refunded: i64,
    cancelled: u64,
    dropped: i64,
}

/// The units of a line that are neither back nor cancelled.
fn left(content: &OrderContent, gone: &[Gone], index: usize) -> Units {
    let Gone { back, cancelled, .. } = gone[index];
    let count = content.lines[index].quantity.units() - back - cancelled;
    Units { line: line_no(index), first: back, count }
}

fn run(content: &mut OrderContent, gone: &mut Vec<Gone>, change: &Change) {
    let lines = content.lines.len();
    match *change {
        Change::Add { line, quantity, price, off } => {
            let index = line % lines;
            let some = added(price, quantity, price * quantity as i64 * off / 100);
            let cancelled = units(gone[index].cancelled);
            add_units(content, line_no(index), cancelled, units(quantity), &some, "added").unwrap();
        }
        Change::AddLine { quantity, price } => {
            let total = price * quantity as i64;
            let new = new_line(&NewLine { unit_price: price, total, ..line("B", quantity) }, true, "line");
            add_line(content, new.unwrap()).unwrap();
            gone.push(Gone::default());
        }
        Change::Cancel { line, quantity } => {
            let index = line % lines;
            let quantity = quantity.min(left(content, gone, index).count);
            let shares = &content.lines[index].shares;
            gone[index].dropped += back(shares, gone[index].cancelled, quantity).total(true);
            gone[index].cancelled += quantity;
        }
        Change::Return { line, quantity } => {
            let index = line % lines;
            let quantity = quantity.min(left(content, gone, index).count);
            let shares = &content.lines[index].shares;
            gone[index].refunded += front(shares, gone[index].back, quantity).total(true);
            gone[index].back += quantity;
        }
        Change::Reprice { line, quantity, price, off } => {
            let all = left(content, gone, line % lines);
            let count = quantity.min(all.count);
            let last = Units { first: all.first + all.count - count, count, ..all };
            if count > 0 {
                let _ = try_out(content, |content| {
                    reprice(content, last, &added(price, count, price * count as i64 * off / 100), "price")
                });
            }
        }
        Change::Appease { line, part } => {
            let every = (0..lines).filter(|index| line.is_none_or(|line| line % lines == *index));
            let some: Vec<Units> = every.map(|index| left(content, gone, index)).collect();
            let shares = |units: &Units| &content.lines[usize::from(units.line.0) - 1].shares;
            let cost: i64 = some.iter().map(|u| front(shares(u), u.first, u.count).total(true)).sum();
            let amount = cost * part / 1_000;
            if amount > 0 {
                appease(content, &some, amount, "amount").unwrap();
            }
        }
    }
}

/// A change that is refused leaves nothing behind.
fn try_out(
    content: &mut OrderContent,
    change: impl FnOnce(&mut OrderContent) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut tried = content.clone();
    change(&mut tried)?;
    *content = tried;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_to_units_their_money_sums_and_what_was_given_back_stays(
        lines in prop::collection::vec((1u64..8, 0i64..2_000), 1..4), part in 0i64..=100, shipping in 0i64..700,
        changes in prop::collection::vec(change(), 0..40),
    ) {
        let lines: Vec<NewLine> = lines.into_iter()
            .map(|(quantity, price)| NewLine { unit_price: price, total: price * quantity as i64, ..line("A", quantity) })
            .collect();
        let goods: i64 = lines.iter().map(|line| line.total).sum();
        let mut content = ordered(lines, (goods + shipping) * part / 100, shipping);
        let mut gone = vec![Gone::default(); content.lines.len()];
        for change in &changes {
            run(&mut content, &mut gone, change);
            let broken = money(ID, &content);
            prop_assert!(broken.is_empty(), "{change:?}: {broken:?}");
            let mut whole = 0;
            for (index, gone_of) in gone.iter().enumerate() {
                let shares = &content.lines[index].shares;
                // What was given back is what those units carry, whatever happened since.
                prop_assert_eq!(front(shares, 0, gone_of.back).total(true), gone_of.refunded);
                prop_assert_eq!(back(shares, 0, gone_of.cancelled).total(true), gone_of.dropped);
                let rest = left(&content, &gone, index);
                whole += gone_of.refunded + gone_of.dropped + front(shares, rest.first, rest.count).total(true);
            }
            prop_assert_eq!(whole, content.amounts.total);
        }
    }
}

#[test]
fn an_order_is_due_what_was_ordered_less_what_was_called_off() {
    let mut world = World::with_stock(&[("A", "n1", 3)]);
    let mut wanted = order("1", vec![line("A", 3)]);
    wanted.basket.amounts.discount = 100;
    wanted.basket.amounts.total = 2900;
    wanted.release_at = Some(world.now.plus_ms(1_000_000));
    let id = world.place(wanted);
    world.settle();
    let lines = vec![crate::command::CancelLine { line: LineNo(1), quantity: Some(units(1)) }];
    let cancel = crate::command::Cancel { order: id, expected_revision: None, lines };
    world.ask(&crate::Command::Cancel(cancel)).unwrap();
    world.settle();
    let (opening, order) = world.order(id);
    let expected = OrderMoney { ordered: 2900, cancelled: 967, returned: 0, refunded: 0, due: 1933 };
    assert_eq!(order_money(order.content(&opening), &order), expected);
}
