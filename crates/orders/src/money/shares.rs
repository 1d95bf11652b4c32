//! What the units of a line carry, as runs of equal units in a fixed order. Units that come back take theirs from the
//! front, cancelled ones from the back, added ones stand before the cancelled ones: so any sequence of partial refunds
//! sums to the minor unit. It knows runs only, not why units come or go.

use crate::content::Share;
use waybill_types::money::allocate;

/// What some units carry together, in minor units, none negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Price before discounts.
    pub(crate) subtotal: i64,
    /// Line and order discount.
    pub(crate) discount: i64,
    /// Line and order tax.
    pub(crate) tax: i64,
    /// Shipping charge.
    pub(crate) shipping: i64,
    /// Of the discount, what is the order's.
    pub(crate) order_discount: i64,
    /// Of the tax, what is the order's.
    pub(crate) order_tax: i64,
}

impl Carried {
    /// What the customer pays for these units.
    #[must_use]
    pub(crate) const fn total(&self, tax_included: bool) -> i64 {
        self.subtotal - self.discount + self.shipping + if tax_included { 0 } else { self.tax }
    }
}

/// What all units of these runs carry together.
pub(crate) fn sum(shares: &[Share]) -> Carried {
    let of = |amount: fn(&Share) -> i64| shares.iter().map(|run| amount(run) * run.count as i64).sum();
    Carried {
        subtotal: of(|run| run.subtotal),
        discount: of(|run| run.discount),
        tax: of(|run| run.tax),
        shipping: of(|run| run.shipping),
        order_discount: of(|run| run.order_discount),
        order_tax: of(|run| run.order_tax),
    }
}

/// How many units these runs are.
pub(crate) fn count(shares: &[Share]) -> u64 {
    shares.iter().map(|run| run.count).sum()
}

/// What `count` units carry that come back after `skip` others have.
///
/// # Panics
/// When there are fewer units: our own bug.
pub(crate) fn front(shares: &[Share], skip: u64, count: u64) -> Carried {
    sum(&slice(shares, skip, count))
}

/// What `count` units carry that are cancelled after `skip` others were.
///
/// # Panics
/// When there are fewer units: our own bug.
pub(crate) fn back(shares: &[Share], skip: u64, count: u64) -> Carried {
    let all = self::count(shares);
    let Some(first) = all.checked_sub(skip).and_then(|left| left.checked_sub(count)) else {
        panic!("{count} units before the last {skip} of {all}")
    };
    front(shares, first, count)
}

/// The runs of `count` units from the one at index `first` on.
///
/// # Panics
/// When there are fewer units: our own bug.
pub(crate) fn slice(shares: &[Share], first: u64, count: u64) -> Vec<Share> {
    let (mut skip, mut remaining) = (first, count);
    let mut found = Vec::new();
    for run in shares {
        let skipped = skip.min(run.count);
        skip -= skipped;
        let taken = (run.count - skipped).min(remaining);
        remaining -= taken;
        if taken > 0 {
            found.push(Share { count: taken, ..*run });
        }
    }
    assert_eq!(remaining, 0, "{count} units from {first} on of {}", self::count(shares));
    found
}

/// Puts `with` in the place of `count` units from the one at index `first` on.
pub(crate) fn replace(shares: &mut Vec<Share>, first: u64, count: u64, with: &[Share]) {
    let all = self::count(shares);
    let mut whole = slice(shares, 0, first);
    whole.extend_from_slice(with);
    whole.extend(slice(shares, first + count, all - first - count));
    *shares = joined(whole);
}

/// Puts units before the last `tail` ones.
pub(crate) fn insert_before_tail(shares: &mut Vec<Share>, tail: u64, added: &[Share]) {
    let first = count(shares) - tail;
    replace(shares, first, 0, added);
}

/// `count` units from the one at index `first` on carry `whole` together from now on, spread evenly.
pub(crate) fn reprice(shares: &mut Vec<Share>, first: u64, count: u64, whole: &Carried) {
    replace(shares, first, count, &runs(count, whole));
}

/// Neighbours that carry the same are one run.
fn joined(shares: Vec<Share>) -> Vec<Share> {
    let mut whole: Vec<Share> = Vec::with_capacity(shares.len());
    for run in shares {
        match whole.last_mut() {
            Some(last) if (Share { count: run.count, ..*last }) == run => last.count += run.count,
            Some(_) | None => whole.push(run),
        }
    }
    whole
}

/// Takes `amount` off all units together: by what runs of them cost, by largest remainder, then evenly within each run,
/// the first units of it one minor unit more. The order's discount carries it. No unit costs less than nothing; `None`
/// when the units cost less than that together.
pub(crate) fn appease(units: &[Vec<Share>], amount: i64, tax_included: bool) -> Option<Vec<Vec<Share>>> {
    let cost = |run: &Share| (run.total(tax_included) * run.count as i64).unsigned_abs();
    let weights: Vec<u64> = units.iter().flatten().map(cost).collect();
    let whole: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if amount < 0 || u128::from(amount.unsigned_abs()) > whole {
        return None;
    }
    let mut parts = allocate(amount, &weights).into_iter();
    let appeased = units.iter().map(|runs| {
        let lowered = runs.iter().zip(parts.by_ref()).flat_map(|(run, part)| lowered(run, part));
        joined(lowered.collect())
    });
    Some(appeased.collect())
}

/// The units of a run with `part` taken off them together.
fn lowered(run: &Share, part: i64) -> Vec<Share> {
    let more = part % run.count as i64;
    let less = |count: u64, amount: i64| Share {
        count,
        discount: run.discount + amount,
        order_discount: run.order_discount + amount,
        ..*run
    };
    let each = part / run.count as i64;
    let two = [less(more as u64, each + 1), less(run.count - more as u64, each)];
    two.into_iter().filter(|run| run.count > 0).collect()
}

/// Delivering all units costs `charge` together: spread by what runs of them cost without it, by number where they cost
/// nothing, by largest remainder; then evenly within each run, the first units of it one minor unit more. `None` when a unit
/// would cost less than nothing, because it carries more discount than the rest of it costs.
pub(crate) fn charge(units: &[Vec<Share>], charge: i64, tax_included: bool) -> Option<Vec<Vec<Share>>> {
    let all = || units.iter().flatten();
    let cost = |run: &Share| (run.total(tax_included) - run.shipping).max(0) * run.count as i64;
    let mut weights: Vec<u64> = all().map(|run| cost(run).unsigned_abs()).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights = all().map(|run| run.count).collect();
    }
    let mut parts = allocate(charge, &weights).into_iter();
    let charged = units.iter().map(|runs| {
        let charged = runs.iter().zip(parts.by_ref()).flat_map(|(run, part)| charged(run, part));
        joined(charged.collect())
    });
    let charged: Vec<Vec<Share>> = charged.collect();
    charged.iter().flatten().all(|run| run.total(tax_included) >= 0).then_some(charged)
}

/// The units of a run that carry `part` of a delivery charge together.
fn charged(run: &Share, part: i64) -> Vec<Share> {
    let more = part % run.count as i64;
    let with = |count: u64, shipping: i64| Share { count, shipping, ..*run };
    let each = part / run.count as i64;
    let two = [with(more as u64, each + 1), with(run.count - more as u64, each)];
    two.into_iter().filter(|run| run.count > 0).collect()
}

/// Splits what `count` units carry together evenly, into runs of units that carry the same. Every amount goes to units
/// by largest remainder: some carry one minor unit more. Who does is dealt round, price first, then shipping and tax,
/// each going on where the one before ended, and discounts from the first unit on: so a unit carries no more discount
/// than it costs when all of them together do not.
pub(crate) fn runs(count: u64, whole: &Carried) -> Vec<Share> {
    let all = count as i64;
    let Carried { subtotal, discount, tax, shipping, order_discount, order_tax } = *whole;
    assert!(
        count > 0 && [subtotal, discount, tax, shipping, order_discount, order_tax].iter().all(|a| *a >= 0),
        "{count} units carry {whole:?}"
    );
    let ship_from = subtotal % all;
    let tax_from = (ship_from + shipping % all) % all;
    let dealt = [(subtotal, 0), (shipping, ship_from), (tax, tax_from), (order_tax, tax_from)];
    let dealt = dealt.into_iter().chain([(discount, 0), (order_discount, 0)]);
    let mut starts: Vec<i64> = dealt.flat_map(|(amount, from)| [from, (from + amount % all) % all]).collect();
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain(std::iter::once(all));
    let cut = starts.iter().zip(ends).map(|(start, end)| {
        let each =
            |amount: i64, from: i64| amount / all + i64::from((start - from).rem_euclid(all) < amount % all);
        Share {
            count: (end - start) as u64,
            subtotal: each(subtotal, 0),
            discount: each(discount, 0),
            tax: each(tax, tax_from),
            shipping: each(shipping, ship_from),
            order_discount: each(order_discount, 0),
            order_tax: each(order_tax, tax_from),
        }
    });
    let cut = joined(cut.collect());
    debug_assert_eq!((self::count(&cut), sum(&cut)), (count, *whole), "every unit carries its share");
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn carried()(
            subtotal in 0i64..1_000_000, shipping in 0i64..10_000, line_tax in 0i64..10_000, order_tax in 0i64..1_000,
            off in 0i64..=1_000, of_order in 0i64..=1_000,
        ) -> Carried {
            let discount = (subtotal + shipping) * off / 1_000;
            let order_discount = discount * of_order / 1_000;
            Carried { subtotal, discount, tax: line_tax + order_tax, shipping, order_discount, order_tax }
        }
    }

    fn none_is_negative(shares: &[Share]) -> bool {
        shares.iter().all(|run| {
            run.total(true) >= 0
                && run.total(false) >= 0
                && run.discount >= run.order_discount
                && run.tax >= run.order_tax
                && [run.subtotal, run.shipping, run.order_discount, run.order_tax].iter().all(|a| *a >= 0)
        })
    }

    #[test]
    fn a_discount_of_all_that_units_cost_leaves_no_unit_below_nothing() {
        // Dealt all from the first unit on, the second would carry 4 of discount and 3 of price.
        let whole = Carried { subtotal: 10, discount: 11, shipping: 1, ..Carried::default() };
        let shares = runs(3, &whole);
        assert!(shares.iter().all(|run| run.total(true) == 0), "{shares:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn runs_carry_every_amount_to_the_minor_unit(count in 1u64..100_000, whole in carried()) {
            let runs = runs(count, &whole);
            prop_assert_eq!(self::count(&runs), count);
            prop_assert_eq!(sum(&runs), whole);
            prop_assert!(none_is_negative(&runs), "{:?}", runs);
            prop_assert!(runs.len() <= 7);
        }

        #[test]
        fn front_and_back_take_every_unit_once(
            count in 1u64..60, whole in carried(), cuts in prop::collection::vec((any::<bool>(), 1u64..5), 0..60),
        ) {
            let shares = runs(count, &whole);
            let (mut fronts, mut backs, mut taken) = (0, 0, Vec::new());
            for (from_front, wanted) in cuts {
                let units = wanted.min(count - fronts - backs);
                taken.push(if from_front { front(&shares, fronts, units) } else { back(&shares, backs, units) });
                if from_front { fronts += units } else { backs += units }
            }
            taken.push(front(&shares, fronts, count - fronts - backs));
            let total: i64 = taken.iter().map(|units| units.total(true)).sum();
            prop_assert_eq!(total, whole.total(true));
            prop_assert_eq!(taken.iter().map(|units| units.tax).sum::<i64>(), whole.tax);
        }

        #[test]
        fn appeasing_takes_exactly_the_amount_and_no_unit_below_nothing(
            lines in prop::collection::vec((1u64..40, carried()), 1..5), part in 0i64..=1_000, included in any::<bool>(),
        ) {
            let units: Vec<Vec<Share>> = lines.iter().map(|(count, whole)| runs(*count, whole)).collect();
            let total = |units: &[Vec<Share>]| units.iter().map(|runs| sum(runs).total(included)).sum::<i64>();
            let cost = total(&units);
            let amount = cost * part / 1_000;
            let after = appease(&units, amount, included).unwrap();
            prop_assert_eq!(total(&after), cost - amount);
            for (runs, before) in after.iter().zip(&units) {
                prop_assert_eq!(count(runs), count(before));
                prop_assert!(runs.iter().all(|run| run.total(included) >= 0));
            }
            prop_assert!(appease(&units, cost + 1, included).is_none());
        }

        #[test]
        fn a_delivery_charge_is_carried_to_the_minor_unit_and_nothing_else_changes(
            lines in prop::collection::vec((1u64..40, carried()), 1..5), charge in 0i64..100_000, included in any::<bool>(),
        ) {
            let units: Vec<Vec<Share>> = lines.iter().map(|(count, whole)| runs(*count, whole)).collect();
            let whole = |units: &[Vec<Share>]| sum(&units.concat());
            let Some(after) = super::charge(&units, charge, included) else { return Ok(()) };
            prop_assert_eq!(whole(&after), Carried { shipping: charge, ..whole(&units) });
            for (runs, before) in after.iter().zip(&units) {
                prop_assert_eq!(count(runs), count(before));
                prop_assert!(runs.iter().all(|run| run.total(included) >= 0));
            }
        }
    }
}
