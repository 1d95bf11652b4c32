//! Money in minor units with its currency, and the one way shares are allocated. No floats, no rates, no tax law.

use crate::Invalid;
use minicbor::{Decode, Encode};

/// An ISO 4217 code: three upper-case letters. How many decimals its minor unit has is the caller's knowledge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Currency(#[cbor(with = "minicbor::bytes")] [u8; 3]);

impl Currency {
    /// Checks the three letters.
    ///
    /// # Errors
    /// [`Invalid`] for anything but three upper-case ASCII letters.
    pub fn new(code: &str) -> Result<Self, Invalid> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            _ => Err(Invalid::new(
                "currency",
                format!("is {code:?}, must be three upper-case letters (ISO 4217)"),
            )),
        }
    }
    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in minor units (cents, yen, thousandths of a dinar). May be negative: a discount is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Money {
    /// The currency of the amount.
    #[n(0)]
    pub currency: Currency,
    /// Minor units, within plus or minus 10^15.
    #[n(1)]
    pub minor: i64,
}

impl Money {
    /// The largest absolute amount.
    pub const MAX_MINOR: i64 = 1_000_000_000_000_000;

    /// Checks the range.
    ///
    /// # Errors
    /// [`Invalid`] when the amount is past plus or minus 10^15 minor units.
    pub fn new(currency: Currency, minor: i64) -> Result<Self, Invalid> {
        if minor.checked_abs().is_none_or(|abs| abs > Self::MAX_MINOR) {
            return Err(Invalid::new("money", format!("is {minor} minor units, at most 10^15 are allowed")));
        }
        Ok(Self { currency, minor })
    }
}

/// Splits `total` over `weights` by largest remainder: shares sum to `total` exactly, and ties go to the earlier
/// weight, so the split is the same on every machine. All-zero weights split evenly; no weights give no shares.
///
/// Source: Hamilton's method of apportionment.
#[must_use]
pub fn allocate(total: i64, weights: &[u64]) -> Vec<i64> {
    if total == 0 || weights.is_empty() {
        return vec![0; weights.len()];
    }
    let sum: u128 = weights.iter().map(|w| u128::from(*w)).sum();
    let (even, sum) = if sum == 0 { (true, weights.len() as u128) } else { (false, sum) };
    let magnitude = u128::from(total.unsigned_abs());
    let mut shares: Vec<u128> = Vec::with_capacity(weights.len());
    let mut remainders: Vec<(u128, usize)> = Vec::with_capacity(weights.len());
    for (index, weight) in weights.iter().enumerate() {
        let product = magnitude * if even { 1 } else { u128::from(*weight) };
        shares.push(product / sum);
        remainders.push((product % sum, index));
    }
    let mut remaining = magnitude - shares.iter().sum::<u128>();
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, index) in remainders {
        if remaining == 0 {
            break;
        }
        shares[index] += 1;
        remaining -= 1;
    }
    assert_eq!(remaining, 0, "largest remainder gives every unit away");
    shares.into_iter().map(|share| if total < 0 { -(share as i64) } else { share as i64 }).collect()
}

#[cfg(test)]
mod tests {
    use super::allocate;
    use proptest::prelude::*;

    #[test]
    fn ten_units_at_a_quarter_off_sum_to_the_order_total() {
        let shares = allocate(17_925, &[2_390; 10]);
        assert_eq!(shares.iter().sum::<i64>(), 17_925);
        assert_eq!(shares.iter().filter(|s| **s == 1_793).count(), 5);
    }

    proptest! {
        #[test]
        fn shares_always_sum_to_the_total_and_differ_from_exact_by_less_than_one(
            total in -1_000_000_000_000i64..1_000_000_000_000, weights in prop::collection::vec(0u64..1_000_000, 1..40)
        ) {
            let shares = allocate(total, &weights);
            prop_assert_eq!(shares.iter().sum::<i64>(), total);
            let sum: u64 = weights.iter().sum();
            if sum > 0 {
                for (share, weight) in shares.iter().zip(&weights) {
                    let scaled = i128::from(*share) * i128::from(sum);
                    let exact = i128::from(total) * i128::from(*weight);
                    prop_assert!((scaled - exact).abs() < i128::from(sum));
                }
            }
        }
    }
}
