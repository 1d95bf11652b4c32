//! The shape of baskets in the benches: how many lines an order has and how popular its items are, after the published
//! statistics of a general merchandise retailer.
#![allow(dead_code, reason = "each bench uses its own part")]

use crate::dice::Dice;

/// 46 % one line, 23 % two, 12 % three, and a tail to 12 with the 95th percentile at 7.
pub(crate) fn sampled_lines(dice: &mut Dice) -> u64 {
    match dice.below(100) {
        0..46 => 1,
        46..69 => 2,
        69..81 => 3,
        81..87 => 4,
        87..91 => 5,
        91..94 => 6,
        94..96 => 7,
        _ => 8 + dice.below(5),
    }
}

/// 1 % of SKUs make 32 % of lines, 10 % make 72 %.
pub(crate) fn popular(dice: &mut Dice, skus: usize) -> usize {
    let skus = skus as u64;
    let (top, high) = ((skus / 100).max(1), (skus / 10).max(2));
    let rank = match dice.below(100) {
        0..32 => dice.below(top),
        32..72 => top + dice.below(high - top),
        _ => high + dice.below(skus - high),
    };
    rank as usize
}

/// How popular the SKU of this rank is: 3 for the first 1 %, 2 for the first 10 %, 1 for the others.
pub(crate) const fn popularity(rank: usize, skus: usize) -> usize {
    match rank {
        _ if rank * 100 < skus => 3,
        _ if rank * 10 < skus => 2,
        _ => 1,
    }
}
