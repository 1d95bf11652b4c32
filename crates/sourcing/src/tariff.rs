//! What a parcel costs by weight, and straight lines below that cost. It knows weights and rates, not lanes.

use waybill_types::network::{Rate, RateCard};

/// The largest amount of one rate, in minor units; what is dearer is kept out of plans, never miscounted.
pub(crate) const AMOUNT_MINOR_MAX: i64 = 1_000_000_000;

/// Millionths of a minor unit in one minor unit.
const MICRO: i64 = 1_000_000;
const MG_PER_G: u64 = 1_000;
const MG_PER_KG: u64 = 1_000_000;

/// The rate of parcels up to a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Step {
    /// Inclusive; `u64::MAX` is any weight.
    up_to_mg: u64,
    base_minor: i64,
    per_kg_minor: i64,
}

/// A rate card, or a lane's own rate, ready for counting. A shipment heavier than the last step goes in several parcels,
/// all but one filled to that step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tariff {
    first: Step,
    more: Vec<Step>,
}

/// A line that the tariff's cost never falls below, for some range of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Floor {
    /// In millionths of a minor unit; may be negative.
    pub(crate) base_micro: i64,
    /// By the gram, not by the started kilogram.
    pub(crate) per_kg_minor: i64,
}

/// Floors of one range of weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floors {
    high_mg: u64,
    lines: [Floor; 3],
}

impl Floors {
    /// The line that is highest at the heavy end, so that a shipment of everything is bounded best; but none that,
    /// with `opening_minor`, begins below zero: it would bound small shipments by less than nothing.
    pub(crate) fn best(&self, opening_minor: i64) -> Floor {
        let at_end = |floor: &Floor| {
            i128::from(floor.base_micro) + i128::from(floor.per_kg_minor) * i128::from(self.high_mg)
        };
        let fits = |floor: &Floor| floor.base_micro.saturating_add(opening_minor * MICRO) >= 0;
        let better = |best: Floor, line: &Floor| {
            if fits(line) && at_end(line) > at_end(&best) { *line } else { best }
        };
        self.lines[1..].iter().fold(self.lines[0], better)
    }
}

impl Tariff {
    /// A lane's own rate; `None` when an amount is too large.
    pub(crate) fn of_rate(rate: &Rate) -> Option<Self> {
        Some(Self { first: step(u64::MAX, rate)?, more: Vec::new() })
    }

    /// A rate card; `None` when it has no steps or an amount is too large.
    pub(crate) fn of_card(card: &RateCard) -> Option<Self> {
        let up_to_mg = |g: Option<u64>| g.map_or(u64::MAX, |g| g.saturating_mul(MG_PER_G));
        let steps = card.steps.iter().map(|s| step(up_to_mg(s.up_to_weight_g), &s.rate));
        let mut steps = steps.collect::<Option<Vec<Step>>>()?.into_iter();
        Some(Self { first: steps.next().filter(|step| step.up_to_mg > 0)?, more: steps.collect() })
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        std::iter::once(&self.first).chain(&self.more)
    }

    fn last(&self) -> &Step {
        self.more.last().unwrap_or(&self.first)
    }

    fn parcel(&self, weight_mg: u64) -> (i128, i128) {
        let step = self.steps().find(|step| weight_mg <= step.up_to_mg).unwrap_or(self.last());
        let started_kg = weight_mg.div_ceil(MG_PER_KG);
        (i128::from(step.base_minor), i128::from(step.per_kg_minor) * i128::from(started_kg))
    }

    /// What a shipment of `weight_mg` milligrams costs in minor units: its parcels, and their started kilograms.
    #[inline]
    pub(crate) fn cost_minor(&self, weight_mg: u64) -> (i128, i128) {
        let capacity_mg = self.last().up_to_mg;
        if weight_mg <= capacity_mg {
            return self.parcel(weight_mg);
        }
        let (full, rest_mg) = (i128::from(weight_mg / capacity_mg), weight_mg % capacity_mg);
        let (base, carriage) = self.parcel(capacity_mg);
        let rest = if rest_mg > 0 { self.parcel(rest_mg) } else { (0, 0) };
        (full * base + rest.0, full * carriage + rest.1)
    }

    /// The least cost of a shipment of `low_mg` to `high_mg`, in minor units.
    pub(crate) fn least_minor(&self, low_mg: u64, high_mg: u64) -> i64 {
        let capacity_mg = self.last().up_to_mg;
        let mut least = i128::MAX;
        let mut above_mg = 0;
        for step in self.steps() {
            // A step's cost rises with weight, so the lightest parcel in it is the cheapest.
            let lightest_mg = low_mg.max(above_mg);
            if lightest_mg <= step.up_to_mg && lightest_mg <= high_mg {
                let (base, carriage) = self.parcel(lightest_mg);
                least = least.min(base + carriage);
            }
            above_mg = step.up_to_mg.saturating_add(1);
        }
        if high_mg > capacity_mg {
            let (base, carriage) = self.parcel(capacity_mg);
            least = least.min(base + carriage);
        }
        i64::try_from(least).unwrap_or(i64::MAX / 4)
    }

    /// Lines below the cost of every shipment of `low_mg` to `high_mg`.
    pub(crate) fn floors(&self, low_mg: u64, high_mg: u64) -> Floors {
        let flat =
            Floor { base_micro: self.least_minor(low_mg, high_mg).saturating_mul(MICRO), per_kg_minor: 0 };
        let sloped = self.slope(high_mg);
        let touching = self.touching(low_mg, high_mg).unwrap_or(flat);
        Floors { high_mg, lines: [flat, sloped, touching] }
    }

    /// The least base and the least rate per kilogram of the steps that shipments up to `high_mg` can fall into.
    fn slope(&self, high_mg: u64) -> Floor {
        let (mut base_minor, mut per_kg_minor) = (self.first.base_minor, self.first.per_kg_minor);
        let mut above_mg = self.first.up_to_mg;
        for step in &self.more {
            if above_mg >= high_mg {
                break;
            }
            base_minor = base_minor.min(step.base_minor);
            per_kg_minor = per_kg_minor.min(step.per_kg_minor);
            above_mg = step.up_to_mg;
        }
        Floor { base_micro: base_minor * MICRO, per_kg_minor }
    }

    /// The flattest line that meets the cost of `high_mg` and is below the cost of every lighter parcel down to
    /// `low_mg`; `None` where that takes several parcels or is out of range.
    fn touching(&self, low_mg: u64, high_mg: u64) -> Option<Floor> {
        if high_mg > self.last().up_to_mg {
            return None;
        }
        let cost = |weight_mg: u64| self.parcel(weight_mg).0 + self.parcel(weight_mg).1;
        let top = cost(high_mg);
        let mut per_kg = 0i128;
        let mut from_mg = 0;
        for step in self.steps() {
            if from_mg > high_mg {
                break;
            }
            let to_mg = step.up_to_mg.min(high_mg);
            if to_mg >= low_mg {
                // The cost rises in steps, so a rising line is nearest to it where a step ends: at whole kilograms and
                // at the end of the rate. Between the first and the last of those it cannot come nearer.
                let first_kg = from_mg.max(low_mg).div_ceil(MG_PER_KG).max(1) * MG_PER_KG;
                let last_kg = (high_mg.saturating_sub(1).min(to_mg)) / MG_PER_KG * MG_PER_KG;
                for corner_mg in [low_mg, first_kg, last_kg, to_mg] {
                    if corner_mg >= from_mg.max(low_mg) && corner_mg <= to_mg && corner_mg < high_mg {
                        let rise = (top - cost(corner_mg)) * i128::from(MG_PER_KG);
                        let run = i128::from(high_mg - corner_mg);
                        per_kg = per_kg.max(rise.div_euclid(run) + i128::from(rise.rem_euclid(run) > 0));
                    }
                }
            }
            from_mg = step.up_to_mg.saturating_add(1);
        }
        let per_kg_minor = i64::try_from(per_kg).ok().filter(|per_kg| *per_kg <= AMOUNT_MINOR_MAX)?;
        let base_micro = top * i128::from(MICRO) - i128::from(per_kg_minor) * i128::from(high_mg);
        Some(Floor { base_micro: i64::try_from(base_micro).ok()?, per_kg_minor })
    }

    /// True when no shipment of any weight costs more by `self` and `fixed_minor` than by `other` and its own fixed
    /// cost. Only plain rates are compared.
    pub(crate) fn dominates(&self, fixed_minor: i64, other: &Tariff, other_fixed_minor: i64) -> bool {
        let plain = |tariff: &Tariff| tariff.more.is_empty() && tariff.first.up_to_mg == u64::MAX;
        plain(self)
            && plain(other)
            && self.first.base_minor + fixed_minor <= other.first.base_minor + other_fixed_minor
            && self.first.per_kg_minor <= other.first.per_kg_minor
    }
}

fn step(up_to_mg: u64, rate: &Rate) -> Option<Step> {
    let within = |minor: i64| (0..=AMOUNT_MINOR_MAX).contains(&minor).then_some(minor);
    let per_kg_minor = rate.per_kg.map_or(0, |per_kg| per_kg.minor);
    Some(Step { up_to_mg, base_minor: within(rate.base.minor)?, per_kg_minor: within(per_kg_minor)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use waybill_types::network::{RateCardId, RateStep};
    use waybill_types::{Currency, Money, Text};

    fn rate(base: i64, per_kg: i64) -> Rate {
        let money = |minor| Money { currency: Currency::new("EUR").unwrap(), minor };
        Rate { base: money(base), per_kg: Some(money(per_kg)) }
    }

    fn card(steps: &[(Option<u64>, i64, i64)]) -> Tariff {
        let steps = steps.iter().map(|(up_to_weight_g, base, per_kg)| RateStep {
            up_to_weight_g: *up_to_weight_g,
            rate: rate(*base, *per_kg),
        });
        let (id, name) = (RateCardId::new("card").unwrap(), Text::new("").unwrap());
        Tariff::of_card(&RateCard { id, name, steps: steps.collect() }).unwrap()
    }

    #[test]
    fn every_started_kilogram_counts() {
        let tariff = Tariff::of_rate(&rate(300, 50)).unwrap();
        let cost = |g: u64| tariff.cost_minor(g * 1_000).0 + tariff.cost_minor(g * 1_000).1;
        assert_eq!([0, 1, 1_000, 1_001].map(cost), [300, 350, 350, 400]);
    }

    #[test]
    fn a_shipment_above_the_last_step_goes_in_several_parcels() {
        let tariff = card(&[(Some(1_000), 400, 0), (Some(5_000), 700, 0)]);
        let base = |g: u64| tariff.cost_minor(g * 1_000).0;
        assert_eq!(
            [1_000, 1_001, 5_000, 5_001, 10_000, 11_000].map(base),
            [400, 700, 700, 1_100, 1_400, 1_800]
        );
    }

    #[test]
    fn absurd_rates_and_empty_cards_are_no_tariff() {
        assert!(Tariff::of_rate(&rate(AMOUNT_MINOR_MAX + 1, 0)).is_none());
        assert!(Tariff::of_rate(&rate(0, -1)).is_none());
        let (id, name) = (RateCardId::new("card").unwrap(), Text::new("").unwrap());
        assert!(Tariff::of_card(&RateCard { id, name, steps: vec![] }).is_none());
        let tariff = Tariff::of_rate(&rate(AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)).unwrap();
        assert!(tariff.cost_minor(u64::MAX).1 > 0);
    }

    proptest! {
        #[test]
        fn no_weight_in_range_costs_less_than_the_floor(
            steps in prop::collection::vec((1u64..4_000, 0i64..1_000, 0i64..300), 1..5),
            open in any::<bool>(), low in 0u64..9_000, span in 0u64..9_000, at in 0u64..=100,
        ) {
            let mut up_to = 0;
            let mut steps: Vec<_> = steps.into_iter().map(|(width, base, per_kg)| {
                up_to += width;
                (Some(up_to), base, per_kg)
            }).collect();
            if open {
                steps.last_mut().unwrap().0 = None;
            }
            let tariff = card(&steps);
            let (low_mg, high_mg) = (low * 1_000, (low + span) * 1_000);
            let weight_mg = low_mg + (high_mg - low_mg) * at / 100;
            let (base, carriage) = tariff.cost_minor(weight_mg);
            let floor = tariff.floors(low_mg, high_mg).best(300);
            let line_micro = i128::from(floor.base_micro)
                + i128::from(floor.per_kg_minor) * i128::from(weight_mg);
            prop_assert!((base + carriage) * 1_000_000 >= line_micro, "{floor:?} at {weight_mg}");
            prop_assert!(base + carriage >= i128::from(tariff.least_minor(low_mg, high_mg)));
        }
    }
}
