//! Quantities: whole numbers at an item's scale (pieces, or thousandths of a kg). No floats, no wrapping.

use crate::Invalid;
use minicbor::{Decode, Encode};

/// A quantity at the item's scale, 0 to 10^12. Arithmetic is checked; there is no infinity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Quantity(u64);

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity(0);
    /// One unit at the item's scale.
    pub const ONE: Quantity = Quantity(1);
    /// The largest quantity of one line or position.
    pub const MAX: u64 = 1_000_000_000_000;

    /// A quantity from 0 to [`Self::MAX`].
    ///
    /// # Errors
    /// [`Invalid`] when negative or too large.
    pub fn new(units: i64) -> Result<Self, Invalid> {
        match u64::try_from(units) {
            Ok(units) if units <= Self::MAX => Ok(Self(units)),
            Ok(_) => Err(Invalid::new("quantity", format!("is {units}, at most {} is allowed", Self::MAX))),
            Err(_) => Err(Invalid::new("quantity", format!("is {units}, must not be negative"))),
        }
    }
    /// A quantity known to be in range; clamps at [`Self::MAX`].
    #[must_use]
    pub const fn of(units: u64) -> Self {
        Self(if units > Self::MAX { Self::MAX } else { units })
    }
    /// The number of units.
    #[must_use]
    pub const fn units(self) -> u64 {
        self.0
    }
    /// The number of units as the wire carries it.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        self.0 as i64
    }
    /// True for nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
    /// The sum, or `None` past [`Self::MAX`].
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| *sum <= Self::MAX).map(Self)
    }
    /// The difference, or `None` below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
    /// The difference, but never below zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
    /// The sum of quantities already known to fit (rows of one checked order or position); clamps at the maximum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self::of(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::plus)
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
