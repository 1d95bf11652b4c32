//! How well the run was sourced: whose plans are proven optimal, and what a usual rule would have done with the same
//! orders over the same stock. Both are counted by the engine from the decisions it has kept, not by the demonstration.

use super::load::refused;
use waybill_client::Client;
use waybill_client::proto::common::v1::Money;
use waybill_client::proto::fulfillment::v1::{
    CompareSourcingPolicyRequest, PlanFigures, PolicyComparison, UsualRule, VerifySourcingDecisionsRequest,
};

/// What it came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sourced {
    /// Decisions of all attempts that are kept.
    pub(crate) decisions: u64,
    /// Of these, plans that serve everything and than which none is cheaper.
    pub(crate) proven: u64,
    /// Of these, decisions that the checker found wrong.
    pub(crate) wrong: u64,
    /// Orders whose first plan is kept with the stock of every node.
    pub(crate) compared: u64,
    /// Of these, orders of which planner and rule would serve the same units; the figures below are theirs.
    pub(crate) alike: u64,
    pub(crate) planner: Side,
    pub(crate) rule: Side,
}

/// One way of sourcing the same orders. Amounts are in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Side {
    /// Parcels of all orders; pickups are none.
    pub(crate) parcels: u64,
    /// Orders in more than one parcel.
    pub(crate) split: u64,
    /// Parcels, carriage, handling and picking.
    pub(crate) paid: i64,
    /// With what the policy makes up for splits and lateness.
    pub(crate) weighed: i64,
}

impl Side {
    fn add(&mut self, figures: &PlanFigures) {
        let minor = |amount: Option<&Money>| amount.map_or(0, |amount| amount.minor_units);
        self.parcels += u64::from(figures.shipments);
        self.split += u64::from(figures.shipments > 1);
        self.paid += minor(figures.paid_cost.as_ref());
        self.weighed += minor(figures.cost.as_ref());
    }
}

impl Sourced {
    fn add(&mut self, comparison: &PolicyComparison) {
        let (Some(was), Some(rule)) = (&comparison.was, &comparison.would_be) else { return };
        self.compared += 1;
        // What serves less is cheaper for a bad reason.
        if was.unserved_units == rule.unserved_units {
            self.alike += 1;
            self.planner.add(was);
            self.rule.add(rule);
        }
    }

    /// What sourcing by the rule would have cost more, in minor units.
    pub(crate) fn saved(&self) -> i64 {
        self.rule.paid - self.planner.paid
    }
}

/// Has all kept decisions counted again.
///
/// # Errors
/// The server refused.
pub(crate) async fn sourced(operator: &Client) -> anyhow::Result<Sourced> {
    let mut sourced = Sourced::default();
    let mut door = operator.sourcing();
    let checking = door.verify_sourcing_decisions(VerifySourcingDecisionsRequest::default()).await;
    let mut checked = checking.map_err(refused)?.into_inner();
    while let Some(told) = checked.message().await.map_err(refused)? {
        (sourced.decisions, sourced.proven) = (told.checked, told.proven);
        sourced.wrong += u64::from(!told.findings.is_empty());
    }
    let rule = UsualRule::NearestComplete.into();
    let request = CompareSourcingPolicyRequest { usual_rule: rule, ..Default::default() };
    let mut compared = door.compare_sourcing_policy(request).await.map_err(refused)?.into_inner();
    while let Some(told) = compared.message().await.map_err(refused)? {
        told.comparison.iter().for_each(|comparison| sourced.add(comparison));
    }
    Ok(sourced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(paid: i64, shipments: u32, unserved_units: u64) -> Option<PlanFigures> {
        let eur = |minor_units| Some(Money { currency_code: "EUR".into(), minor_units });
        Some(PlanFigures {
            cost: eur(paid + 10),
            paid_cost: eur(paid),
            shipments,
            unserved_units,
            ..Default::default()
        })
    }

    #[test]
    fn only_orders_that_both_serve_alike_are_held_against_each_other() {
        let mut sourced = Sourced::default();
        for (was, would_be) in [
            (figures(500, 1, 0), figures(800, 2, 0)),
            (figures(400, 2, 0), figures(100, 1, 3)),
            (figures(300, 1, 1), figures(350, 1, 1)),
        ] {
            sourced.add(&PolicyComparison { was, would_be, ..Default::default() });
        }
        assert_eq!((sourced.compared, sourced.alike, sourced.saved()), (3, 2, 350));
        assert_eq!(sourced.planner, Side { parcels: 2, split: 0, paid: 800, weighed: 820 });
        assert_eq!(sourced.rule, Side { parcels: 3, split: 1, paid: 1_150, weighed: 1_170 });
    }
}
