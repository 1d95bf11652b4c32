//! From a question to a plan. It reads network, policy and stock, and changes nothing.

mod answer;
mod cost;
mod demand;
mod floors;
mod problem;
mod question;
mod score;
mod search;
mod shares;

use crate::mirror::Availability;
use crate::network::Network;
use crate::planner::answer::Draft;
use crate::planner::cost::minor_up;
use crate::planner::demand::Demands;
use crate::planner::problem::Problem;
use crate::planner::question::Question;
use crate::policy::PolicyVersion;
use waybill_types::exchange::{Plan, PlanRequest, PromiseWindow};
use waybill_types::network::Policy;

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
/// - no plan with more served units was passed over to save cost, as far as the search could see;
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
    let question = Question::new(network, &policy.policy, stock, request);
    let demands = Demands::of(&question);
    question.solve(&demands, policy)
}

/// The plan of [`plan`] first, then up to `options_max - 1` dearer ones, each of which promises everything earlier than
/// the one before. They are found by planning with a dearer day, so not every trade between cost and date is among
/// them. Changes nothing.
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
    let first = question.solve(&demands, policy);
    let lower_bound_minor = first.lower_bound_minor;
    let mut options = vec![option(first)];
    let day_minor = policy.policy.lateness_cost_minor_per_day;
    for dearer_minor in [day_minor.max(1) * 10, day_minor.max(1) * 100, HURRY_MINOR_PER_DAY] {
        if options.len() >= options_max.max(1) {
            break;
        }
        let hurried = Policy {
            lateness_cost_minor_per_day: dearer_minor.clamp(day_minor, HURRY_MINOR_PER_DAY.max(day_minor)),
            ..policy.policy.clone()
        };
        let haste = Question::new(network, &hurried, stock, request);
        let problem = Problem::gather(&haste, &demands);
        let found = search::search(&problem);
        let plan = Draft::of(&haste, &demands, &problem, &found.given).say(&haste, &demands, policy);
        options.push(option(Plan { lower_bound_minor, ..plan }));
    }
    frontier(options)
}

/// With a day this dear (10,000.00 in most currencies) the earliest date wins over any usual cost.
const HURRY_MINOR_PER_DAY: i64 = 1_000_000;

fn option(plan: Plan) -> PromiseOption {
    let earliest = plan.assignments.iter().map(|assignment| assignment.promise.earliest).min();
    let latest = plan.assignments.iter().map(|assignment| assignment.promise.latest).max();
    let promise = earliest.zip(latest).map(|(earliest, latest)| PromiseWindow { earliest, latest });
    PromiseOption { promise, cost_minor: plan.cost_minor(), partial: !plan.unplanned.is_empty(), plan }
}

/// Keeps the first, and each that is earlier than all before it without serving less.
fn frontier(mut options: Vec<PromiseOption>) -> Vec<PromiseOption> {
    options[1..].sort_by_key(|option| option.cost_minor);
    let mut kept: Vec<PromiseOption> = Vec::with_capacity(options.len());
    for option in options {
        let earlier = kept.last().is_none_or(|last| {
            let (new, old) = (option.promise.map(|p| p.latest), last.promise.map(|p| p.latest));
            new < old && option.plan.unplanned == last.plan.unplanned
        });
        if earlier {
            kept.push(option);
        }
    }
    kept
}

impl Question<'_> {
    fn solve(&self, demands: &Demands<'_>, policy: &PolicyVersion) -> Plan {
        let problem = Problem::gather(self, demands);
        let found = search::search(&problem);
        let plan = Draft::of(self, demands, &problem, &found.given).say(self, demands, policy);
        let lower_bound_minor = minor_up(found.bound_micro + self.settled_micro(demands));
        debug_assert!(lower_bound_minor <= plan.cost_minor(), "the lower bound is at most the cost");
        Plan { lower_bound_minor, ..plan }
    }

    /// The cost of what has no choice: pinned units, pickups, and what they leave unserved.
    fn settled_micro(&self, demands: &Demands<'_>) -> i128 {
        let mut settled = Draft {
            shipped: Vec::new(),
            collected: demands.collected.clone(),
            missing: demands.missing.clone(),
        };
        for part in &demands.pinned {
            let ships = demands.is_shipped(part.line);
            if ships { &mut settled.shipped } else { &mut settled.collected }.push(*part);
        }
        settled.cost_micro(self, demands)
    }
}
