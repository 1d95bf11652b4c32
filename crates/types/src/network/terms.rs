//! Further rules of a sourcing policy: what units cost on top at some nodes, and what must come from one place or on one
//! day. It says what each value may be and refuses to know stock, dates or an order.

use super::rules::{NodeSet, When, names_in, no_classes};
use super::{Faults, LocalDay};
use crate::Sku;
use minicbor::{Decode, Encode};

/// What a unit costs on top at some nodes: the price of what is scarce there, of a day on which they have little room, or
/// a credit for what had better go. All that match add up.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct UnitPrice {
    /// In this case.
    #[n(0)]
    pub when: When,
    /// At these nodes.
    #[n(1)]
    pub nodes: NodeSet,
    /// Of these items; empty is every item of the case.
    #[n(2)]
    pub skus: Vec<Sku>,
    /// Minor units of the policy's currency per whole unit, within 10^9; negative is a credit.
    #[n(3)]
    pub minor: i64,
    /// Only where the node has the goods ready on this local day or later.
    #[n(4)]
    pub from_day: Option<LocalDay>,
    /// Only where it has them ready on this local day or before.
    #[n(5)]
    pub until_day: Option<LocalDay>,
}

impl UnitPrice {
    /// True when it holds on that day.
    #[must_use]
    pub fn holds_on(&self, day: LocalDay) -> bool {
        self.from_day.is_none_or(|from| from <= day) && self.until_day.is_none_or(|until| day <= until)
    }
}

/// What all parcels of an order have in common, or nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Completeness {
    /// No demand: parcels come when they come.
    #[n(0)]
    Apart,
    /// One node sends everything.
    #[n(1)]
    OneNode,
    /// Everything arrives on one day.
    #[n(2)]
    OneDay,
}

/// Orders that are sent complete. The first rule that matches decides; else parcels may come apart.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CompleteRule {
    /// In this case; classes are not allowed here.
    #[n(0)]
    pub when: When,
    /// What their parcels have in common.
    #[n(1)]
    pub how: Completeness,
}

/// Lines that stay together: those of an order whose items have one of the classes named come from one node, or none of
/// them does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TogetherRule {
    /// In this case; the classes are those that stay together, at least one. An item follows the first rule that names it.
    #[n(0)]
    pub when: When,
}

/// All further rules of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Terms {
    /// What units cost on top.
    #[n(0)]
    pub prices: Vec<UnitPrice>,
    /// What is sent complete.
    #[n(1)]
    pub complete: Vec<CompleteRule>,
    /// What stays together.
    #[n(2)]
    pub together: Vec<TogetherRule>,
}

impl Terms {
    /// True when there is no rule in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty() && self.complete.is_empty() && self.together.is_empty()
    }

    pub(super) fn names(&self) -> usize {
        let prices =
            self.prices.iter().map(|price| names_in(&price.when, Some(&price.nodes)) + price.skus.len());
        let complete = self.complete.iter().map(|rule| names_in(&rule.when, None));
        let together = self.together.iter().map(|rule| names_in(&rule.when, None));
        prices.chain(complete).chain(together).sum()
    }

    pub(super) fn check(&self, faults: &mut Faults, rows_max: usize) {
        faults.at_most(self.prices.len(), rows_max, "unit_prices");
        faults.at_most(self.complete.len(), rows_max, "complete_rules");
        faults.at_most(self.together.len(), rows_max, "together_rules");
        for (index, price) in self.prices.iter().enumerate() {
            let at = format!("unit_prices[{index}]");
            faults.unless(price.minor.unsigned_abs() <= 1_000_000_000, format!("{at}.cost_minor"), || {
                format!("is {}, must be within 10^9 minor units", price.minor)
            });
            let ordered = price.from_day.zip(price.until_day).is_none_or(|(from, until)| from <= until);
            faults.unless(ordered, format!("{at}.until_date"), || {
                "is before from_date; exchange them, or leave one empty".to_owned()
            });
        }
        for (index, rule) in self.complete.iter().enumerate() {
            no_classes(faults, &rule.when, &format!("complete_rules[{index}]"));
        }
        for (index, rule) in self.together.iter().enumerate() {
            let at = format!("together_rules[{index}].when.sku_classes");
            faults.unless(!rule.when.classes.is_empty(), at, || {
                "are none; name the classes that stay together".to_owned()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Document, Policy, Rules};
    use crate::{Currency, Text};

    fn with(terms: Terms) -> Vec<String> {
        let rules = Rules { terms: Some(Box::new(terms)), ..Rules::default() };
        let policy = Policy { rules: Some(Box::new(rules)), ..Policy::sound(Currency::new("EUR").unwrap()) };
        policy.faults().into_iter().map(|fault| fault.field).collect()
    }

    fn price(minor: i64) -> UnitPrice {
        UnitPrice {
            when: When::default(),
            nodes: NodeSet::default(),
            skus: Vec::new(),
            minor,
            from_day: None,
            until_day: None,
        }
    }

    #[test]
    fn every_term_out_of_range_is_named_by_its_path() {
        let furniture = When { classes: vec![Text::new("furniture").unwrap()], ..When::default() };
        let turned =
            UnitPrice { from_day: Some(LocalDay(9)), until_day: Some(LocalDay(8)), ..price(1_000_000_001) };
        let terms = Terms {
            prices: vec![price(-1_000_000_000), turned],
            complete: vec![CompleteRule { when: furniture.clone(), how: Completeness::OneNode }],
            together: vec![TogetherRule { when: When::default() }, TogetherRule { when: furniture }],
        };
        assert_eq!(
            with(terms),
            [
                "unit_prices[1].cost_minor",
                "unit_prices[1].until_date",
                "complete_rules[0].when.sku_classes",
                "together_rules[0].when.sku_classes",
            ]
        );
        assert!(with(Terms::default()).is_empty());
        let many = Terms { prices: vec![price(1); 257], ..Terms::default() };
        assert_eq!(with(many), ["unit_prices"]);
        let named = UnitPrice { skus: vec![Sku::new("A").unwrap(); 5_001], ..price(1) };
        assert_eq!(with(Terms { prices: vec![named], ..Terms::default() }), ["serve_rules"]);
    }

    #[test]
    fn rules_without_terms_are_stored_as_they_were_before_there_were_terms() {
        let bytes = |rules: &Rules| minicbor::to_vec(rules).unwrap();
        let old = Rules { name: Text::new("spring").unwrap(), ..Rules::default() };
        // Six fields: the name, five empty lists.
        assert_eq!(bytes(&old), [&[0x86, 0x66][..], &b"spring"[..], &[0x80; 5][..]].concat());
        assert_eq!(minicbor::decode::<Rules>(&bytes(&old)).unwrap(), old);
        let terms = Terms { prices: vec![price(-7)], ..Terms::default() };
        let new = Rules { terms: Some(Box::new(terms)), ..old };
        assert_eq!(bytes(&new)[0], 0x87);
        assert_eq!(minicbor::decode::<Rules>(&bytes(&new)).unwrap(), new);
    }

    #[test]
    fn a_price_holds_from_its_first_day_to_its_last() {
        let days = UnitPrice { from_day: Some(LocalDay(5)), until_day: Some(LocalDay(6)), ..price(1) };
        assert_eq!([4, 5, 6, 7].map(|day| days.holds_on(LocalDay(day))), [false, true, true, false]);
        assert!(price(1).holds_on(LocalDay(-3)));
    }
}
