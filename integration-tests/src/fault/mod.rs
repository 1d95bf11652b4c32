//! Fault tests: mixed load with a ledger of what was acknowledged, faults at random moments, and a judge who believes
//! the ledger and not the engine.

mod crash;
mod image;
pub(crate) mod judge;
pub(crate) mod ledger;
pub(crate) mod load;
mod powercut;
pub(crate) mod warehouse;

pub use crash::{CrashOptions, crash};
pub use powercut::{PowercutOptions, powercut};

/// A small seeded generator (SplitMix64), so that a failure's seed replays the choices.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Seeded.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }
}
