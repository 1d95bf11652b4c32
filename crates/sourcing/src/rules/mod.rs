//! A policy's rules put in front of the planner: nodes that do not serve a case have no stock in it, buffers are less
//! stock, preferences are costs of kinds, limits are the policy's limit. The planner knows none of them, and they know
//! no plan but whether it leaves units unserved.

mod left;

pub(crate) use left::{Kept, Left, Sieve};

use crate::interner::NodeIx;
use crate::mirror::{Availability, StockRow};
use crate::network::Network;
use crate::planner::question::Question;
use crate::planner::{self, Duals, PromiseOption, Recount};
use crate::policy::PolicyVersion;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{Plan, PlanRequest, UnplannedReason};
use waybill_types::network::{FallbackStep, KindCost, NodeKind, Policy, Rules, Terms};
use waybill_types::{OwnerId, Quantity, Sku, ZoneId};

/// Plans the units asked under the policy's rules. See [`planner::plan`] for what holds of every plan; in addition, rules
/// that leave units unserved are relaxed in the order the policy states, each step on top of those before, and of two
/// plans that serve the same the one with fewer steps is taken. The lower bound is that of the rules as relaxed.
#[must_use]
pub fn plan(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
) -> Plan {
    relaxed_plan(network, policy, stock, request).0
}

/// What the bound of a plan is counted from again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Proof {
    /// Steps of the policy's fallback that were taken.
    #[n(0)]
    steps: u32,
    /// Duals of the problem that was left.
    #[n(1)]
    duals: Duals,
}

/// The plan of [`plan`] with its proof; `None` where its bound comes of more than one problem.
#[must_use]
pub fn plan_with_proof(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
) -> (Plan, Option<Proof>) {
    let (plan, steps, duals) = relaxed(network, policy, stock, request);
    (plan, duals.map(|duals| Proof { steps: steps as u32, duals }))
}

impl Proof {
    /// Counts again whether every plan of the question costs at least `bound_minor`, over the stock given.
    pub(crate) fn recount(
        &self,
        network: &Network,
        policy: &PolicyVersion,
        stock: &dyn Availability,
        request: &PlanRequest,
        bound_minor: i64,
    ) -> Recount {
        self.asked(network, policy, stock, request, |question| {
            planner::recount(question, bound_minor, &self.duals)
        })
    }

    /// What a whole unit of each line is worth, in minor units, by the line's place in the request.
    pub(crate) fn line_values(
        &self,
        network: &Network,
        policy: &PolicyVersion,
        stock: &dyn Availability,
        request: &PlanRequest,
    ) -> Vec<(usize, i64)> {
        self.asked(network, policy, stock, request, |question| planner::line_values(question, &self.duals))
    }

    /// The question as the rules left it after the steps taken.
    fn asked<T>(
        &self,
        network: &Network,
        policy: &PolicyVersion,
        stock: &dyn Availability,
        request: &PlanRequest,
        see: impl FnOnce(&Question<'_>) -> T,
    ) -> T {
        let Some(rules) = &policy.policy.rules else {
            return see(&Question::new(network, &policy.policy, stock, request));
        };
        let case = Case::new(network, rules, request);
        let given_up = &rules.fallback[..(self.steps as usize).min(rules.fallback.len())];
        let (of_case, left) = (case.policy(policy, given_up), case.left(stock, given_up));
        see(&Question::new(network, &of_case.policy, &left, request))
    }
}

/// The options of [`planner::promise`] under the policy's rules, relaxed as [`plan`] relaxes them.
#[must_use]
pub fn promise(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
    options_max: usize,
) -> Vec<PromiseOption> {
    let Some(rules) = &policy.policy.rules else {
        return planner::promise(network, policy, stock, request, options_max);
    };
    let (_, steps) = relaxed_plan(network, policy, stock, request);
    let case = Case::new(network, rules, request);
    let given_up = &rules.fallback[..steps];
    let left = case.left(stock, given_up);
    planner::promise(network, &case.policy(policy, given_up), &left, request, options_max)
}

/// The plan, and how many steps of the policy's fallback it took.
pub(crate) fn relaxed_plan(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
) -> (Plan, usize) {
    let (plan, steps, _) = relaxed(network, policy, stock, request);
    (plan, steps)
}

fn relaxed(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
) -> (Plan, usize, Option<Duals>) {
    let Some(rules) = &policy.policy.rules else {
        let (plan, duals) = planner::plan_proven(network, policy, stock, request);
        return (plan, 0, duals);
    };
    let case = Case::new(network, rules, request);
    let solve = |steps: usize| {
        let given_up = &rules.fallback[..steps];
        let left = case.left(stock, given_up);
        planner::plan_proven(network, &case.policy(policy, given_up), &left, request)
    };
    let (plan, duals) = solve(0);
    let mut best = (plan, 0, duals);
    for steps in 1..=rules.fallback.len() {
        if unserved(&best.0) == 0 {
            break;
        }
        let (plan, duals) = solve(steps);
        if unserved(&plan) < unserved(&best.0) {
            best = (plan, steps, duals);
        }
    }
    best
}

/// Units that relaxing a rule might serve.
fn unserved(plan: &Plan) -> u64 {
    let missing = plan.unplanned.iter().filter(|missing| missing.reason != UnplannedReason::NoPickup);
    missing.map(|missing| missing.quantity.units()).sum()
}

/// One question as the rules see it.
pub(crate) struct Case<'a> {
    pub(crate) network: &'a Network,
    pub(crate) rules: &'a Rules,
    pub(crate) request: &'a PlanRequest,
    zone: Option<&'a ZoneId>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(network: &'a Network, rules: &'a Rules, request: &'a PlanRequest) -> Self {
        let zone = request.destination.as_ref().and_then(|to| network.zone_of(to));
        Self { network, rules, request, zone }
    }

    /// What the rules leave of the stock, but for the steps given up.
    pub(crate) fn left<'s>(&self, stock: &'s dyn Availability, given_up: &[FallbackStep]) -> Left<'s> {
        Left::of(self, stock, given_up)
    }

    /// The policy for this case: its costs with the preferences in them, its limit, the terms that hold, and no other
    /// rules any more.
    pub(crate) fn policy(&self, policy: &PolicyVersion, given_up: &[FallbackStep]) -> PolicyVersion {
        let channel = self.request.channel.as_ref();
        let mut kind_costs = policy.policy.kind_costs.clone();
        for kind in KINDS {
            let preferred = self.rules.preferences.iter().filter(|preference| {
                preference.kind == kind && preference.when.fits_order(channel, self.zone)
            });
            let minor = preferred.map(|preference| preference.minor).sum::<i64>();
            if minor != 0 {
                // Within the bounds of the documents, so that no sum of costs overflows.
                let minor = minor.clamp(-1_000_000_000, 1_000_000_000);
                kind_costs.push(KindCost { kind, minor });
            }
        }
        let lifted = given_up.contains(&FallbackStep::LiftSplitLimits);
        let limit = self.rules.splits.iter().find(|limit| limit.when.fits_order(channel, self.zone));
        let shipments_max =
            limit.filter(|_| !lifted).map_or(policy.policy.shipments_max, |limit| limit.shipments_max);
        // Rules may be long; a policy for one question carries only the terms that hold for it.
        let policy_of_case = Policy {
            currency: policy.policy.currency,
            backorder_cost_minor: policy.policy.backorder_cost_minor,
            split_penalty_minor: policy.policy.split_penalty_minor,
            lateness_cost_minor_per_day: policy.policy.lateness_cost_minor_per_day,
            shipments_max,
            kind_costs,
            rules: self
                .terms(given_up)
                .map(|terms| Box::new(Rules { terms: Some(terms), ..Rules::default() })),
        };
        PolicyVersion { version: policy.version, policy: policy_of_case }
    }
}

impl Case<'_> {
    /// True when the rules let a node serve what it will have of an item.
    pub(crate) fn serves_there(
        &self,
        stock: &dyn Availability,
        sku: &Sku,
        owner: &OwnerId,
        node: NodeIx,
        given_up: &[FallbackStep],
    ) -> bool {
        let row = StockRow { node, available: Quantity::of(1) };
        Sieve::new(self, stock, sku, owner, given_up).keeps(&row) != Kept::NotServed
    }

    /// The terms that hold for this order, but for the steps given up; `None` where there are none.
    fn terms(&self, given_up: &[FallbackStep]) -> Option<Box<Terms>> {
        let terms = self.rules.terms.as_ref()?;
        let channel = self.request.channel.as_ref();
        let apart = given_up.contains(&FallbackStep::ShipApart);
        let complete = terms.complete.iter().find(|rule| rule.when.fits_order(channel, self.zone));
        let of_order = Terms {
            prices: terms
                .prices
                .iter()
                .filter(|price| price.when.fits_order(channel, self.zone))
                .cloned()
                .collect(),
            complete: complete.filter(|_| !apart).cloned().into_iter().collect(),
            together: terms
                .together
                .iter()
                .filter(|rule| !apart && rule.when.fits_order(channel, self.zone))
                .cloned()
                .collect(),
        };
        (!of_order.is_empty()).then(|| Box::new(of_order))
    }
}

const KINDS: [NodeKind; 4] =
    [NodeKind::Store, NodeKind::LocalWarehouse, NodeKind::CentralWarehouse, NodeKind::Supplier];
