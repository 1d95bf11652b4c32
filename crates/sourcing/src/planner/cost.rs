//! Costs in millionths of a minor unit, so that weights in grams and quantities in thousandths stay whole numbers.
//! It knows rates, not choices.

use crate::mirror::ItemFacts;
use crate::network::NodeCosts;
use crate::policy::kind_minor;
use waybill_types::network::Policy;

/// Millionths of a minor unit in one minor unit. A rate in minor units per kilogram is the same number in millionths
/// per milligram.
pub(crate) const MICRO: i64 = 1_000_000;

/// The cost of a shipment besides its parcels and units, in minor units: handling, kind of node, split penalty,
/// lateness. With the bounds of the documents it stays below 2 * 10^12.
pub(crate) fn opening_minor(policy: &Policy, node: &NodeCosts, days_late: i64) -> i64 {
    node.handling_minor
        + kind_minor(policy, node.kind)
        + policy.split_penalty_minor
        + policy.lateness_cost_minor_per_day * days_late
}

/// The weight of one unit at the item's scale, in milligrams. Exact: weights are whole grams and scales have at most
/// three decimals.
pub(crate) fn unit_weight_mg(item: ItemFacts) -> u64 {
    u64::from(item.weight_g()) * 1_000 / scale_factor(item) as u64
}

/// An amount per whole unit, such as picking or a backorder, for one unit at the item's scale.
pub(crate) fn per_unit_micro(item: ItemFacts, minor_per_whole_unit: i64) -> i64 {
    minor_per_whole_unit * micro_per_minor(item)
}

/// What a minor unit per whole unit is for one unit at the item's scale: 1,000 to 1,000,000 millionths.
pub(crate) fn micro_per_minor(item: ItemFacts) -> i64 {
    MICRO / scale_factor(item)
}

/// Units at the item's scale in one whole unit: 1, 10, 100 or 1,000.
pub(crate) fn scale_factor(item: ItemFacts) -> i64 {
    10i64.pow(u32::from(item.scale()))
}

/// `units` at `each_micro`.
#[inline]
pub(crate) fn times(units: u64, each_micro: i64) -> i128 {
    i128::from(units) * i128::from(each_micro)
}

/// Minor units as millionths.
#[inline]
pub(crate) fn micro(minor: i64) -> i128 {
    i128::from(minor) * i128::from(MICRO)
}

/// Whole minor units, rounded up, within plus or minus 10^15.
pub(crate) fn minor_up(micro: i128) -> i64 {
    let micro_per_minor = i128::from(MICRO);
    let minor = micro.div_euclid(micro_per_minor) + i128::from(micro.rem_euclid(micro_per_minor) > 0);
    minor.clamp(-1_000_000_000_000_000, 1_000_000_000_000_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gram_at_a_scale_of_thousandths_is_still_counted() {
        let by_the_gram = ItemFacts::new(1_000, 3).unwrap();
        assert_eq!(unit_weight_mg(by_the_gram), 1_000);
        assert_eq!(per_unit_micro(by_the_gram, 7), 7_000);
        assert_eq!(unit_weight_mg(ItemFacts::new(333, 0).unwrap()), 333_000);
        assert_eq!(unit_weight_mg(ItemFacts::new(333, 3).unwrap()), 333);
    }

    #[test]
    fn rounding_is_up_on_both_sides_of_zero() {
        assert_eq!([1, 0, -1, 1_000_001, -1_000_001].map(minor_up), [1, 0, 0, 2, -1]);
    }
}
