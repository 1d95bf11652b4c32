//! Seeded chance for tests and benches (SplitMix64): the same seed, the same numbers, on any machine.
#![allow(dead_code, reason = "each file that includes it uses its own part")]

/// A seeded generator.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A generator of its own for each thing that is made, so that one more draw here changes nothing there.
    pub(crate) fn of(purpose: u64, index: u64) -> Self {
        let mut dice = Self(purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ index);
        dice.next();
        dice
    }
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// From 0 to `bound - 1`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
    /// From `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
    pub(crate) fn permille(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }
}
