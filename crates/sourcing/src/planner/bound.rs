//! What no plan can undercut. It knows the problem and no solution.
//!
//! The even-split dual: every unit a row serves bears at least an even part of the row's fixed cost, `f / M`, where `M`
//! is all the row could serve. With `v_l` the least of `c_l + f / M` over all rows (and of a backorder), no plan costs
//! less than the sum of `units_l * v_l`: for a row in use, `f + Σ (c_l - v_l) x_l ≥ f - (f / M) Σ x_l ≥ 0`. Where `f` is
//! negative, a row in use serves at least one unit, and `v_l ≤ c_l + f` makes the same sum non-negative. Parcels that
//! cost by steps of weight enter by a straight line below their cost.

use crate::planner::cost::times;
use crate::planner::problem::Problem;

/// How often rows are ruled out and the bound is raised in a row; it rarely gains anything after the second time.
const TIGHTENINGS: usize = 3;

/// Dual values per want, and what they add up to.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Least cost of one unit of each want.
    unit_micro: Vec<i64>,
    /// What the dual values add up to: no plan over `rows` costs less.
    dual_micro: i128,
    /// No plan costs less.
    pub(crate) total_micro: i128,
    /// Rows were ruled out and the values raised: from here on they only rise.
    raised: bool,
    /// The rows that a plan cheaper than the best known one may use, ascending.
    pub(crate) rows: Vec<u32>,
}

impl Bound {
    pub(crate) fn of(problem: &Problem<'_>) -> Self {
        let mut bound = Self {
            unit_micro: Vec::new(),
            dual_micro: 0,
            total_micro: i128::MIN,
            raised: false,
            rows: (0..problem.rows.len() as u32).collect(),
        };
        bound.split_evenly(problem);
        bound.total_micro = bound.dual_micro;
        bound
    }

    /// Rules out the rows that no plan cheaper than `best_micro` uses, and bounds again over the others: a plan either
    /// uses one that is ruled out, and costs at least `best_micro`, or costs at least the new dual.
    pub(crate) fn tighten(&mut self, problem: &Problem<'_>, best_micro: i128) {
        for _ in 0..TIGHTENINGS {
            if self.total_micro >= best_micro {
                return;
            }
            let before = self.rows.len();
            let rows = std::mem::take(&mut self.rows);
            self.rows =
                rows.into_iter().filter(|row| self.may_beat(problem, *row as usize, best_micro)).collect();
            if !self.raised {
                self.split_evenly(problem);
            }
            self.raise(problem);
            self.raised = true;
            self.total_micro = self.total_micro.max(self.dual_micro.min(best_micro));
            if self.rows.len() == before {
                return;
            }
        }
    }

    fn split_evenly(&mut self, problem: &Problem<'_>) {
        self.unit_micro.clear();
        self.unit_micro.extend(problem.wants.iter().map(|want| want.backorder_micro));
        for row in &self.rows {
            let row = *row as usize;
            let facts = &problem.rows[row];
            let mut all = 0u64;
            for (index, want) in problem.wants.iter().enumerate() {
                let units = problem.serves(facts.source, index, want.reachable);
                all = all.saturating_add(units.saturating_mul(want.measure));
            }
            if all == 0 {
                continue;
            }
            let (mut measure, mut share) = (1, share_micro(facts.fixed_micro, 1, all));
            for (index, want) in problem.wants.iter().enumerate() {
                if problem.serves(facts.source, index, want.reachable) == 0 {
                    continue;
                }
                if want.measure != measure {
                    (measure, share) = (want.measure, share_micro(facts.fixed_micro, want.measure, all));
                }
                let unit = problem.unit(row, index).saturating_add(share);
                self.unit_micro[index] = self.unit_micro[index].min(unit);
            }
        }
        self.sum(problem);
    }

    /// Raises one dual value after the other as far as every row's fixed cost still pays for the savings against it:
    /// `Σ units * (v - c)+ ≤ f`.
    fn raise(&mut self, problem: &Problem<'_>) {
        let mut rest_micro: Vec<i128> =
            self.rows.iter().map(|row| self.slack(problem, *row as usize)).collect();
        for (index, want) in problem.wants.iter().enumerate() {
            let old = self.unit_micro[index];
            let mut raised = want.backorder_micro;
            for (row, rest) in self.rows.iter().zip(&rest_micro) {
                let facts = &problem.rows[*row as usize];
                let units = problem.serves(facts.source, index, want.reachable);
                if units == 0 {
                    continue;
                }
                let unit = problem.unit(*row as usize, index);
                let limit = if facts.fixed_micro < 0 {
                    unit + facts.fixed_micro
                } else {
                    let own = times(units, (old - unit).max(0));
                    unit.saturating_add(divide(rest + own, units))
                };
                raised = raised.min(limit);
            }
            if raised <= old {
                continue;
            }
            self.unit_micro[index] = raised;
            for (row, rest) in self.rows.iter().zip(&mut rest_micro) {
                let facts = &problem.rows[*row as usize];
                let unit = problem.unit(*row as usize, index);
                let units = problem.serves(facts.source, index, want.reachable);
                *rest -= times(units, (raised - unit).max(0) - (old - unit).max(0));
            }
        }
        self.sum(problem);
    }

    /// What is left of a row's fixed cost when every unit it could serve is paid its dual value.
    fn slack(&self, problem: &Problem<'_>, row: usize) -> i128 {
        let source = problem.rows[row].source;
        let mut slack = i128::from(problem.rows[row].fixed_micro);
        for (index, want) in problem.wants.iter().enumerate() {
            let saving = self.unit_micro[index] - problem.unit(row, index);
            if saving > 0 {
                slack -= times(problem.serves(source, index, want.reachable), saving);
            }
        }
        slack
    }

    fn sum(&mut self, problem: &Problem<'_>) {
        let served = problem.wants.iter().zip(&self.unit_micro);
        let served: i128 = served.map(|(want, unit)| times(want.reachable, *unit)).sum();
        self.dual_micro = problem.unreachable_micro() + problem.forced_slack_micro + served
            - problem.first_shipment_micro();
    }

    /// True when a plan that uses `row` might cost less than `best_micro`.
    fn may_beat(&self, problem: &Problem<'_>, row: usize, best_micro: i128) -> bool {
        self.dual_micro + self.slack(problem, row) < best_micro
    }
}

/// Rounded down; both are at least zero. Most amounts fit the short division, which is several times as fast.
fn divide(micro: i128, units: u64) -> i64 {
    match u64::try_from(micro) {
        Ok(short) => (short / units) as i64,
        Err(_) => (micro / i128::from(units)) as i64,
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
