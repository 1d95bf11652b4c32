//! Rate cards: costs by weight that several lanes share.

use crate::FieldError;
use crate::cell::textual;
use crate::record::{at, record, text_up_to};
use std::fmt;
use std::str::FromStr;
use waybill_types::Currency;
use waybill_types::network::RateCardId;

/// The cost of parcels up to a weight. Written `5000:460+35`, up to 5,000 g for 460 and 35 more per started kilogram;
/// `any:900` for any weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateStep {
    /// Heaviest parcel in grams, inclusive; `None` is any weight.
    pub up_to_weight_g: Option<i64>,
    /// Per parcel, in minor units.
    pub base_minor: i64,
    /// Per started kilogram, in minor units.
    pub per_kg_minor: i64,
}

record! {
    /// Costs by weight.
    RateCardRecord = "rate-cards"
    required {
        /// The retailer's own code, 1 to 64 bytes.
        rate_card_id: String,
        /// ISO 4217 code of the costs; one network has one currency.
        currency_code: String,
        /// From light to heavy; the first that holds the parcel's weight counts.
        steps: Vec<RateStep>,
    }
    optional {
        /// Name for people, at most 200 characters.
        name: String,
    }
}

impl RateCardRecord {
    fn check_fields(&self) -> Result<(), FieldError> {
        at("rate_card_id", RateCardId::new(&self.rate_card_id))?;
        at("currency_code", Currency::new(&self.currency_code))?;
        text_up_to("name", &self.name, 200)?;
        if self.steps.is_empty() {
            return Err(FieldError::new("steps", "are none, give at least one such as any:460"));
        }
        let heavier = |pair: &[RateStep]| match (pair[0].up_to_weight_g, pair[1].up_to_weight_g) {
            (Some(lighter), Some(heavier)) => lighter < heavier,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if !self.steps.windows(2).all(heavier) {
            return Err(FieldError::new("steps", "must go from light to heavy, and `any` stand last"));
        }
        Ok(())
    }
}

impl fmt::Display for RateStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.up_to_weight_g {
            Some(weight_g) => write!(f, "{weight_g}:{}", self.base_minor)?,
            None => write!(f, "any:{}", self.base_minor)?,
        }
        if self.per_kg_minor == 0 { Ok(()) } else { write!(f, "+{}", self.per_kg_minor) }
    }
}

impl FromStr for RateStep {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("is {text:?}, must look like 5000:460+35, or any:460 for any weight");
        let (weight, cost) = text.split_once(':').ok_or_else(refused)?;
        let number = |digits: &str, max: i64| {
            let number = digits.parse().ok().filter(|number| (0..=max).contains(number));
            number.filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(refused)
        };
        let up_to_weight_g = match weight {
            "any" => None,
            // The heaviest step of the contract: a million tonnes. Nothing weighs nothing.
            digits => Some(number(digits, 1_000_000_000_000)?).filter(|weight| *weight > 0),
        };
        if up_to_weight_g.is_none() && weight != "any" {
            return Err(refused());
        }
        let (base, per_kg) = cost.split_once('+').map_or((cost, None), |(base, per_kg)| (base, Some(per_kg)));
        let most = waybill_types::Money::MAX_MINOR;
        let per_kg_minor = per_kg.map_or(Ok(0), |digits| number(digits, most))?;
        Ok(Self { up_to_weight_g, base_minor: number(base, most)?, per_kg_minor })
    }
}

textual!(RateStep);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    #[test]
    fn a_step_reads_back_as_it_is_written() {
        for text in ["5000:460+35", "any:900", "1:0", "1000000000000:1+1"] {
            assert_eq!(text.parse::<RateStep>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "5000",
            "0:460",
            "any",
            "any:",
            "any:-1",
            "+5:1",
            "5:1+",
            "5:1+2+3",
            "1000000000001:1",
            "5kg:1",
        ] {
            assert!(text.parse::<RateStep>().is_err(), "{text}");
        }
    }

    #[test]
    fn steps_go_from_light_to_heavy() {
        let card = |steps: &[&str]| RateCardRecord {
            rate_card_id: "PARCEL".into(),
            currency_code: "EUR".into(),
            steps: steps.iter().map(|step| step.parse().unwrap()).collect(),
            ..RateCardRecord::default()
        };
        assert!(card(&["5000:460", "any:900"]).check().is_ok());
        for wrong in [&[][..], &["5000:1", "5000:2"], &["any:1", "5000:2"], &["any:1", "any:2"]] {
            assert!(card(wrong).check().is_err(), "{wrong:?}");
        }
    }
}
