//! The sourcing policy: what the planner weighs besides what lanes and nodes cost.

use super::{Document, Fault, Faults, NodeKind, Rules};
use crate::{Currency, Money};
use minicbor::{Decode, Encode};

/// What using a kind of node costs on top, per fulfilment order; may be negative to prefer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KindCost {
    /// Which kind.
    #[n(0)]
    pub kind: NodeKind,
    /// Minor units of the policy's currency.
    #[n(1)]
    pub minor: i64,
}

/// A sourcing policy. Its version is kept beside it and stamped on every plan. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Policy {
    /// The currency of every amount in the network.
    #[n(0)]
    pub currency: Currency,
    /// What leaving one whole unit unserved costs.
    #[n(1)]
    pub backorder_cost_minor: i64,
    /// What each parcel beyond the first costs on top.
    #[n(2)]
    pub split_penalty_minor: i64,
    /// What each day until the last promised day costs, per shipment: the price of being slow.
    #[n(3)]
    pub lateness_cost_minor_per_day: i64,
    /// At most this many shipments per order, 1 to 1,000; pickups do not count.
    #[n(4)]
    pub shipments_max: u16,
    /// Preferences between kinds of nodes; a kind not named costs nothing on top.
    #[n(5)]
    pub kind_costs: Vec<KindCost>,
    /// Who serves what, what is kept back, preferences by channel and zone, and what to do when that serves too little;
    /// `None` is no rule at all.
    #[n(6)]
    pub rules: Option<Box<Rules>>,
}

impl Policy {
    /// A sound beginning: a unit unserved costs 1,000.00, a further parcel 2.00, a day 0.50; warehouses go a little
    /// before stores and suppliers come last; up to 16 shipments.
    #[must_use]
    pub fn sound(currency: Currency) -> Self {
        let kind_costs = vec![
            KindCost { kind: NodeKind::Store, minor: 100 },
            KindCost { kind: NodeKind::Supplier, minor: 300 },
        ];
        Self {
            currency,
            backorder_cost_minor: 100_000,
            split_penalty_minor: 200,
            lateness_cost_minor_per_day: 50,
            shipments_max: 16,
            kind_costs,
            rules: None,
        }
    }
}

impl Document for Policy {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults::default();
        let range = 0..=1_000_000_000i64;
        for (minor, field) in [
            (self.backorder_cost_minor, "backorder_cost_minor"),
            (self.split_penalty_minor, "split_penalty_minor"),
            (self.lateness_cost_minor_per_day, "lateness_cost_minor_per_day"),
        ] {
            faults.unless(range.contains(&minor), field, || {
                format!("is {minor}, must be 0 to 10^9 minor units")
            });
        }
        faults.unless((1..=1000).contains(&self.shipments_max), "shipments_max", || {
            format!("is {}, must be 1 to 1000", self.shipments_max)
        });
        faults.at_most(self.kind_costs.len(), 4, "kind_costs");
        for (index, cost) in self.kind_costs.iter().enumerate() {
            faults.unless(
                cost.minor.unsigned_abs() <= 1_000_000_000,
                format!("kind_costs[{index}].cost_minor"),
                || format!("is {}, must be within 10^9 minor units", cost.minor),
            );
        }
        if let Some(rules) = &self.rules {
            rules.check(&mut faults);
        }
        faults.0
    }
    fn amounts(&self) -> Vec<Money> {
        vec![Money { currency: self.currency, minor: 0 }]
    }
}
