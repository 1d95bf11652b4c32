//! Weights that are costed alike, so that one search serves many loads. It knows grams, and no rates.

/// Heaviest weights of the light classes, in grams: what letters, parcels and pallets are usually priced by.
const TOPS_G: [u64; 10] = [500, 1_000, 2_000, 5_000, 10_000, 20_000, 31_500, 100_000, 300_000, 1_000_000];
/// Above a tonne each class is twice as heavy as the one before, up to 16 million tonnes.
const DOUBLINGS: u8 = 24;

/// A range of weights. Routes are costed for the heaviest load of a class: an estimate from above, for every rate that
/// does not fall with weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeightClass(u8);

impl WeightClass {
    /// The class of a load of so many grams; what is heavier than all classes is in the last.
    #[must_use]
    pub fn of_g(weight_g: u64) -> Self {
        let fits = |class: &Self| weight_g <= class.top_g();
        Self::all().find(fits).unwrap_or(Self(TOPS_G.len() as u8 + DOUBLINGS - 1))
    }
    /// The heaviest load of the class in grams.
    #[must_use]
    pub fn top_g(self) -> u64 {
        match TOPS_G.get(usize::from(self.0)) {
            Some(top_g) => *top_g,
            None => 1_000_000 << (usize::from(self.0) + 1 - TOPS_G.len()),
        }
    }
    pub(crate) fn weight_mg(self) -> u64 {
        self.top_g().saturating_mul(1_000)
    }
    /// All classes from light to heavy.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..TOPS_G.len() as u8 + DOUBLINGS).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weight_is_in_the_lightest_class_that_holds_it() {
        let tops: Vec<u64> = WeightClass::all().map(WeightClass::top_g).collect();
        assert!(tops.windows(2).all(|pair| pair[0] < pair[1]), "{tops:?}");
        for (below, class) in tops.windows(2).zip(WeightClass::all().skip(1)) {
            assert_eq!([below[0] + 1, below[1]].map(WeightClass::of_g), [class, class]);
        }
        assert_eq!(WeightClass::of_g(0).top_g(), 500);
        assert_eq!(WeightClass::of_g(u64::MAX), WeightClass::all().last().unwrap());
    }
}
