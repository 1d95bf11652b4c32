//! What no plan can undercut. It knows the problem and no solution.
//!
//! The even-split dual: every unit a row serves bears at least an even part of the row's fixed cost, `f / M`, where `M`
//! is all the row could serve. With `v_l` the least of `c_l + f / M` over all rows (and of a backorder), no plan costs
//! less than the sum of `units_l * v_l`: for a row in use, `f + Σ (c_l - v_l) x_l ≥ f - (f / M) Σ x_l ≥ 0`. Where `f` is
//! negative, a row in use serves at least one unit, and `v_l ≤ c_l + f` makes the same sum non-negative. Parcels that
//! cost by steps of weight enter by a straight line below their cost.

use crate::planner::cost::times;
use crate::planner::problem::Problem;

/// Dual values per want, and what they add up to.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Least cost of one unit of each want.
    pub(crate) unit_micro: Vec<i64>,
    /// No plan costs less.
    pub(crate) total_micro: i128,
}

impl Bound {
    pub(crate) fn of(problem: &Problem<'_>) -> Self {
        let mut unit_micro: Vec<i64> = problem.wants.iter().map(|want| want.backorder_micro).collect();
        let mut serves = vec![0u64; problem.wants.len()];
        for (row, facts) in problem.rows.iter().enumerate() {
            let mut all = 0u64;
            for (index, want) in problem.wants.iter().enumerate() {
                serves[index] = problem.serves(facts.source, index, want.reachable);
                all = all.saturating_add(serves[index].saturating_mul(want.measure));
            }
            for (index, want) in problem.wants.iter().enumerate() {
                if serves[index] > 0 {
                    let share = share_micro(facts.fixed_micro, want.measure, all);
                    unit_micro[index] = unit_micro[index].min(problem.unit(row, index).saturating_add(share));
                }
            }
        }
        let mut bound = Self { unit_micro, total_micro: 0 };
        bound.total_micro = bound.sum(problem);
        bound
    }

    fn sum(&self, problem: &Problem<'_>) -> i128 {
        let served = problem.wants.iter().zip(&self.unit_micro);
        let served: i128 = served.map(|(want, unit)| times(want.reachable, *unit)).sum();
        problem.unreachable_micro() + problem.forced_slack_micro + served - problem.first_shipment_micro()
    }

    /// True when a plan that uses `row` might cost less than `best_micro`.
    pub(crate) fn may_beat(&self, problem: &Problem<'_>, row: usize, best_micro: i128) -> bool {
        let source = problem.rows[row].source;
        let mut least = self.total_micro + i128::from(problem.rows[row].fixed_micro);
        for (index, want) in problem.wants.iter().enumerate() {
            let saving = self.unit_micro[index] - problem.unit(row, index);
            if saving > 0 {
                least -= times(problem.serves(source, index, want.reachable), saving);
            }
        }
        least < best_micro
    }
}

/// The part of a fixed cost that one unit of `measure` bears when all units together measure `all`; rounded down.
fn share_micro(fixed_micro: i64, measure: u64, all: u64) -> i64 {
    if fixed_micro < 0 {
        return fixed_micro;
    }
    match fixed_micro.checked_mul(measure as i64) {
        Some(product) => (product as u64 / all) as i64,
        None => (i128::from(fixed_micro) * i128::from(measure) / i128::from(all)) as i64,
    }
}

impl Problem<'_> {
    /// Every shipment's fixed cost holds the split penalty; the first one is spared it. Where something is pinned, the
    /// first shipment is among the pinned ones and is counted there.
    pub(crate) fn first_shipment_micro(&self) -> i128 {
        let any = self.wants.iter().any(|want| want.reachable > 0);
        if self.forced == 0 && any { i128::from(self.split_micro) } else { 0 }
    }
}
