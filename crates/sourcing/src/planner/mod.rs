//! From a question to a plan. It reads network, policy and stock, and changes nothing.

mod answer;
mod complete;
pub(crate) mod cost;
mod demand;
mod floors;
mod problem;
mod proof;
pub(crate) mod question;
mod score;
mod search;
mod shares;
pub(crate) mod terms;

use crate::mirror::Availability;
use crate::network::{Entry, Network};
use crate::planner::answer::Draft;
use crate::planner::cost::minor_up;
use crate::planner::demand::Demands;
pub use crate::planner::floors::Duals;
use crate::planner::problem::Problem;
pub use crate::planner::proof::Recount;
pub(crate) use crate::planner::proof::{line_values, recount};
use crate::planner::question::Question;
use crate::policy::PolicyVersion;
use waybill_types::exchange::{Plan, PlanRequest, PromiseWindow};
use waybill_types::network::Completeness;

/// One way to serve a basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromiseOption {
    /// Who serves what, by when, at what cost.
    pub plan: Plan,
    /// The dates over all of the plan's assignments; `None` when it serves nothing.
    pub promise: Option<PromiseWindow>,
    /// The plan's cost in minor units of the policy's currency.
    pub cost_minor: i64,
    /// Units are missing: see the plan's unplanned ones.
    pub partial: bool,
}

/// Plans the units asked: which node serves which line, by which service, by when. Changes nothing, reads no clock.
///
/// What holds of every plan:
/// - assignments and unplanned units together are exactly the units asked, per line;
/// - no node gives more of a SKU than it has (pinned units come on top: they are reserved already);
/// - excluded, inactive and unknown nodes serve nothing; pickups come from their own node;
/// - no plan with more served units was passed over to save cost, unless there were too many ways to go through;
/// - the cost terms are those of [`crate::check::recompute`], and `lower_bound_minor` is at most the cost of any plan that serves
///   pinned units and pickups the same way;
/// - the same inputs, in any order, give the same bytes.
#[must_use]
pub(crate) fn plan(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
) -> Plan {
    plan_proven(network, policy, stock, request).0
}

/// The plan of [`plan`], and the duals that its bound is counted from again; none where it is the best of several days.
pub(crate) fn plan_proven(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
) -> (Plan, Option<Duals>) {
    let question = Question::new(network, &policy.policy, stock, request);
    let demands = Demands::of(&question);
    question.solve_proven(&demands, policy)
}

/// The plan of [`plan`] first, then up to `options_max - 1` dearer ones, each of which promises everything earlier than
/// the one before and serves as much: each is the best that has its parcels there by its last day. The fastest is always
/// among them. Changes nothing.
#[must_use]
pub(crate) fn promise(
    network: &Network,
    policy: &PolicyVersion,
    stock: &dyn Availability,
    request: &PlanRequest,
    options_max: usize,
) -> Vec<PromiseOption> {
    let question = Question::new(network, &policy.policy, stock, request);
    let demands = Demands::of(&question);
    let mut plans = vec![question.solve(&demands, policy)];
    while options_max > 1 && plans.len() < FASTER_MAX {
        let last = &plans[plans.len() - 1];
        let sooner = question.days_of(last).and_then(|days| days.checked_sub(1));
        let Some(sooner) = sooner.filter(|days| *days >= 0) else { break };
        let sooner = question.within(sooner);
        let pinned = demands.pinned.iter().filter(|part| demands.is_shipped(part.line));
        if !pinned.map(|part| part.node).all(|node| sooner.ships(node)) {
            break;
        }
        let plan = sooner.solve(&demands, policy);
        let left = |plan: &Plan| plan.unplanned.iter().map(|u| (u.line, u.quantity)).collect::<Vec<_>>();
        if left(&plan) != left(last) {
            break;
        }
        // The bound and the reasons are those of all that could be done, not of what is early enough.
        let (lower_bound_minor, unplanned) = (plans[0].lower_bound_minor, plans[0].unplanned.clone());
        plans.push(Plan { lower_bound_minor, unplanned, ..plan });
    }
    let mut options = frontier(plans.into_iter().map(option).collect());
    while options.len() > options_max.max(1) {
        // The cheapest and the fastest stay, and the cheaper of the others.
        options.remove(if options_max > 1 { options.len() - 2 } else { options.len() - 1 });
    }
    options
}

/// Days that are looked at, one after the other, for something faster.
const FASTER_MAX: usize = 8;

fn option(plan: Plan) -> PromiseOption {
    let earliest = plan.assignments.iter().map(|assignment| assignment.promise.earliest).min();
    let latest = plan.assignments.iter().map(|assignment| assignment.promise.latest).max();
    let promise = earliest.zip(latest).map(|(earliest, latest)| PromiseWindow { earliest, latest });
    PromiseOption { promise, cost_minor: plan.cost_minor(), partial: !plan.unplanned.is_empty(), plan }
}

/// Keeps the first, and each that is earlier than all before it. Where pickups or pinned parcels are the last to come,
/// nothing is.
fn frontier(options: Vec<PromiseOption>) -> Vec<PromiseOption> {
    let mut kept: Vec<PromiseOption> = Vec::with_capacity(options.len());
    for option in options {
        let latest = |option: &PromiseOption| option.promise.map(|promise| promise.latest);
        if kept.last().is_none_or(|last| latest(&option) < latest(last)) {
            kept.push(option);
        }
    }
    kept
}

impl Question<'_> {
    /// The days until the last parcel of a plan arrives; `None` when it ships nothing.
    fn days_of(&self, plan: &Plan) -> Option<i64> {
        let days = plan.assignments.iter().filter_map(|assignment| {
            let service = assignment.service.as_ref()?;
            let node = self.network.node_index(&assignment.node)?;
            let (site, ready_ms) = self.ready(node)?;
            let of_service = |entry: &&Entry| self.network.way(entry.way).record.service == *service;
            let entry = self.lanes?.from(node).iter().find(of_service)?;
            self.days_late(site, ready_ms, entry.way)
        });
        days.max()
    }

    fn solve(&self, demands: &Demands<'_>, policy: &PolicyVersion) -> Plan {
        self.solve_proven(demands, policy).0
    }

    /// The plan, and the duals that its bound is counted from again; none where it is the best of several days.
    fn solve_proven(&self, demands: &Demands<'_>, policy: &PolicyVersion) -> (Plan, Option<Duals>) {
        match self.completeness() {
            Completeness::Apart | Completeness::OneNode => {
                let (plan, duals) = self.solve_apart(demands, policy);
                (plan, Some(duals))
            }
            Completeness::OneDay => (self.solve_on_one_day(demands, policy), None),
        }
    }

    /// The best plan whose parcels come when they come.
    fn solve_apart(&self, demands: &Demands<'_>, policy: &PolicyVersion) -> (Plan, Duals) {
        let problem = Problem::gather(self, demands);
        let found = search::search(&problem);
        let plan = Draft::of(self, demands, &problem, &found.given).say(self, demands, policy);
        let lower_bound_minor = minor_up(found.bound_micro + self.settled_micro(demands));
        debug_assert!(lower_bound_minor <= plan.cost_minor(), "the lower bound is at most the cost");
        (Plan { lower_bound_minor, ..plan }, found.duals)
    }

    /// The cost of what has no choice: pinned units, pickups, and what they leave unserved.
    pub(crate) fn settled_micro(&self, demands: &Demands<'_>) -> i128 {
        self.settled(demands).cost_micro(self, demands)
    }

    /// What has no choice: pinned units, pickups, and what they leave unserved.
    fn settled(&self, demands: &Demands<'_>) -> Draft {
        let mut settled = Draft {
            shipped: Vec::new(),
            collected: demands.collected.clone(),
            missing: demands.missing.clone(),
        };
        for part in &demands.pinned {
            let ships = demands.is_shipped(part.line);
            if ships { &mut settled.shipped } else { &mut settled.collected }.push(*part);
        }
        settled
    }
}
