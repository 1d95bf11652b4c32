//! The first look at a problem, where most are settled: a bound by splitting fixed costs evenly, the best single
//! facility, and ruling out what no cheaper plan uses. What is left goes to the small tables and, if need be, to the
//! search.

use crate::kernel::bound::Bounder;
use crate::kernel::branch::{Branching, Ground};
use crate::kernel::core::{Core, Given, Path, Rules, Scale};
use crate::kernel::form::{Form, Tables};
use crate::kernel::primal::Primal;
use crate::kernel::problem::{Kind, Problem};
use crate::kernel::solution::{Ask, Counts, Days, Part};

/// Rounds of climbing along the slope before the search begins.
const CLIMBS: usize = 40;
/// Rounds of moving one value after the other.
const ASCENTS: usize = 4;
/// Steps that swapping may take before the bound is looked at again.
const SWAP_STEPS: u64 = 150_000;

/// The memory of a run.
#[derive(Debug, Default)]
pub(crate) struct Root {
    alive: Vec<u32>,
    free: Vec<u32>,
    /// Values by demand, in whole units at first and scaled later.
    values: Vec<i64>,
    set: Vec<u32>,
    other: Vec<u32>,
    pub(crate) core: Core,
    path: Path,
    pub(crate) bounder: Bounder,
    pub(crate) primal: Primal,
    pub(crate) branching: Branching,
}

/// What a run works on.
#[derive(Clone, Copy)]
pub(crate) struct Run<'r> {
    pub(crate) problem: &'r Problem,
    pub(crate) form: &'r Form,
    pub(crate) tables: Tables<'r>,
    pub(crate) rules: Rules,
    pub(crate) scale: Scale,
    pub(crate) days: Days,
    pub(crate) ask: &'r Ask,
}

/// What a run found out besides the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// In whole units; may be above the cost of the best plan.
    pub(crate) lower_bound: i64,
    pub(crate) dual_bound: i64,
}

/// What the first pass over the rows gives.
struct Scan {
    /// The cheapest row that gives everything, and its cost in whole units.
    single: Option<(i64, u32)>,
}

impl Root {
    /// Looks for a plan cheaper than `best_cost`, in whole units. It is in `self.primal` when `found` is set there.
    pub(crate) fn run(
        &mut self,
        run: &Run<'_>,
        best_cost: i64,
        counts: &mut Counts,
        part: &mut Part,
    ) -> Outcome {
        let scan = self.scan(run, counts);
        self.primal.clear(best_cost << run.scale.bits);
        let bound = self.even_bound(run);
        let single = scan.single.filter(|(cost, _)| *cost < best_cost);
        let known = single.map_or(best_cost, |(cost, _)| cost);
        push_stage(part, self.values.iter().map(|value| value << run.scale.bits));
        if scan.single.is_some() {
            self.rule_out(run, bound, known, counts);
        }
        if let Some((_, row)) = single {
            self.keep_single(run, row, known);
        }
        // Nothing is left to look at; or one facility gives everything, and the cheapest is known.
        let alone = run.rules.must_fill && run.rules.all_count && run.problem.lots.is_empty();
        if alone || self.alive.is_empty() {
            return Outcome { lower_bound: known, dual_bound: bound.min(known) };
        }
        if bound >= known {
            return Outcome { lower_bound: bound, dual_bound: bound };
        }
        self.core.fill(run.problem, run.form, run.tables, run.rules, run.scale, &self.alive);
        let outcome = self.settle(run, scan.single.is_some(), counts, part);
        self.translate();
        outcome
    }

    /// The rows that a plan under `cost`, in whole units, may use; and the bound of what they could come to.
    /// `part` gets the values that prove it.
    pub(crate) fn contenders(
        &mut self,
        run: &Run<'_>,
        cost: i64,
        places: &mut Vec<u32>,
        part: &mut Part,
    ) -> i64 {
        let counts = &mut Counts::default();
        self.scan(run, counts);
        self.primal.clear(cost << run.scale.bits);
        let bound = self.even_bound(run);
        push_stage(part, self.values.iter().map(|value| value << run.scale.bits));
        self.rule_out(run, bound, cost, counts);
        places.clear();
        if bound >= cost {
            return cost;
        }
        if self.alive.is_empty() {
            let nothing = run.form.demands.iter().map(|demand| demand.quantity * demand.unfilled);
            return cost.min(nothing.sum());
        }
        self.core.fill(run.problem, run.form, run.tables, run.rules, run.scale, &self.alive);
        let bound = self.narrow(run, counts, part);
        if self.is_closed(bound) {
            return cost;
        }
        places.extend(self.free.iter().map(|row| self.core.place[*row as usize]));
        self.core.unscaled_up(bound)
    }

    /// Raises the values and drops rows by turns. Returns the bound.
    fn narrow(&mut self, run: &Run<'_>, counts: &mut Counts, part: &mut Part) -> i64 {
        self.values.iter_mut().for_each(|value| *value <<= run.scale.bits);
        self.path.clear(self.core.place.len());
        self.free.clear();
        self.free.extend(0..self.core.place.len() as u32);
        let mut bound = i64::MIN;
        for step in [Step::Ascend, Step::Climb, Step::Ascend] {
            bound = bound.max(self.take(step));
            if self.is_closed(bound) || self.free.is_empty() {
                break;
            }
            if self.drop_rows(bound, counts) {
                push_stage(part, self.values.iter().copied());
            }
        }
        push_stage(part, self.values.iter().copied());
        bound
    }

    /// Reads every row once: which can be used, the even-split values, the best single row.
    fn scan(&mut self, run: &Run<'_>, counts: &mut Counts) -> Scan {
        let Run { problem, form, tables, rules, .. } = run;
        self.alive.clear();
        self.values.clear();
        let forbidden = run.scale.forbidden >> run.scale.bits;
        let ceiling = |unfilled: i64| if rules.must_fill { forbidden } else { unfilled };
        self.values.extend(form.demands.iter().map(|demand| ceiling(demand.unfilled)));
        let mut single: Option<(i64, u32)> = None;
        // Where one facility gives everything, no other kind of facility is of use.
        let alone = rules.must_fill && rules.all_count;
        let mut without = run.ask.without.iter().copied().peekable();
        for (place, facility) in problem.facilities.iter().enumerate() {
            while without.next_if(|other| (*other as usize) < place).is_some() {}
            if without.peek() == Some(&(place as u32)) {
                counts.without += 1;
            } else if facility.barred > 0 {
                counts.barred[usize::from(facility.barred).min(15)] += 1;
            } else if !(run.days.contains(facility.day) && run.ask.days.contains(facility.day)) {
                counts.day += 1;
            } else if facility.kind == Kind::Ship && problem.limits.shipments_max == 0 {
                counts.cost += 1;
            } else {
                let (costs, stock) = tables.row(place);
                let units = self.read_row(form, facility.fixed, costs, stock);
                if units == 0 {
                    counts.empty += 1;
                    continue;
                }
                let full = units >= form.units();
                let cost = if full { complete_cost(form, facility.fixed, costs, stock) } else { None };
                if alone && cost.is_none() {
                    counts.empty += 1;
                    continue;
                }
                self.alive.push(place as u32);
                let cost = cost.filter(|cost| single.is_none_or(|(least, _)| *cost < least));
                if let Some(cost) = cost.filter(|_| problem.lots.is_empty()) {
                    single = Some((cost, place as u32));
                }
            }
        }
        self.bounder.steps += (problem.facilities.len() * tables.width) as u64;
        Scan { single }
    }

    /// Lowers the values to what this row would ask, if its fixed cost were split evenly over all it can give. Returns
    /// how many units that are.
    #[inline]
    fn read_row(&mut self, form: &Form, fixed: i64, costs: &[i64], stock: &[u32]) -> i64 {
        let mut units = 0;
        for (stock, demand) in stock.iter().zip(&form.demand_of) {
            units += i64::from(*stock).min(form.demands[*demand as usize].quantity);
        }
        if units == 0 {
            return 0;
        }
        let share = if fixed >= 0 { (fixed as u64 / units as u64) as i64 } else { fixed };
        for ((cost, stock), demand) in costs.iter().zip(stock).zip(&form.demand_of) {
            if *stock > 0 {
                let value = &mut self.values[*demand as usize];
                *value = (*value).min(cost + share);
            }
        }
        units
    }

    fn even_bound(&self, run: &Run<'_>) -> i64 {
        run.form.demands.iter().zip(&self.values).map(|(demand, value)| demand.quantity * value).sum()
    }

    /// Keeps the rows that a plan cheaper than `known` may use.
    fn rule_out(&mut self, run: &Run<'_>, bound: i64, known: i64, counts: &mut Counts) {
        let Run { problem, form, tables, .. } = run;
        let values = &self.values;
        let before = self.alive.len();
        self.alive.retain(|place| {
            let (costs, stock) = tables.row(*place as usize);
            let mut worth = problem.facilities[*place as usize].fixed.max(0);
            for ((cost, stock), demand) in costs.iter().zip(stock).zip(&form.demand_of) {
                let gain = values[*demand as usize] - cost;
                if gain > 0 {
                    worth -= gain * i64::from(*stock).min(form.demands[*demand as usize].quantity);
                }
            }
            bound + worth < known
        });
        self.bounder.steps += (before * tables.width) as u64;
        counts.cost += (before - self.alive.len()) as u32;
    }

    /// Makes the plan of one row that gives everything.
    fn keep_single(&mut self, run: &Run<'_>, row: u32, cost: i64) {
        self.primal.best.clear();
        let (costs, stock) = run.tables.row(row as usize);
        for demand in &run.form.demands {
            for (column, units) in cheapest_fill(demand.begin..demand.end, demand.quantity, costs, stock) {
                self.primal.best.push(Given { row, column, units });
            }
        }
        self.primal.best_cost = cost << run.scale.bits;
        self.primal.found = true;
    }

    /// From the small tables to the end. Plans found before name facilities by place, those found here by row.
    fn settle(&mut self, run: &Run<'_>, single: bool, counts: &mut Counts, part: &mut Part) -> Outcome {
        let bits = run.scale.bits;
        self.values.iter_mut().for_each(|value| *value <<= bits);
        self.path.clear(self.core.place.len());
        self.free.clear();
        self.free.extend(0..self.core.place.len() as u32);
        let singles = std::mem::take(&mut self.primal.best);
        let was_found = std::mem::replace(&mut self.primal.found, false);
        let mut bound = i64::MIN;
        let begin = if single { Step::Ascend } else { Step::Cover };
        for step in [begin, Step::Ascend, Step::Improve, Step::Climb, Step::Ascend] {
            bound = bound.max(self.take(step));
            if self.is_closed(bound) {
                break;
            }
            if self.drop_rows(bound, counts) {
                push_stage(part, self.values.iter().copied());
            }
        }
        push_stage(part, self.values.iter().copied());
        counts.looked_at = self.free.len() as u32;
        let dual_bound = self.core.unscaled_up(bound);
        let mut lower_bound = dual_bound;
        if !self.is_closed(bound) {
            lower_bound = self.search(run, dual_bound);
        }
        if !self.primal.found {
            self.primal.best = singles;
            self.primal.found = was_found;
            self.free.clear();
        } else {
            self.free.clear();
            self.free.push(1);
        }
        Outcome { lower_bound, dual_bound }
    }

    fn is_closed(&self, bound: i64) -> bool {
        self.core.unscaled_up(bound) << self.core.bits >= self.primal.best_cost
    }

    /// Takes a step and returns the bound, with worths counted for the values as they are then.
    fn take(&mut self, step: Step) -> i64 {
        let Self { core, path, free, values, set, primal, bounder, .. } = self;
        match step {
            Step::Cover | Step::Improve => {
                let other = &mut self.other;
                primal.complete(core, path, free, other);
                primal.cover(core, path, free, set);
                let covered = primal.consider(core, path, set);
                if primal.consider(core, path, other) < covered {
                    std::mem::swap(set, other);
                }
                if step == Step::Improve {
                    primal.improve(core, path, free, set, SWAP_STEPS);
                }
                bounder.total(core, path, free, values)
            }
            Step::Ascend => bounder.ascend(core, path, free, values, ASCENTS, primal.best_cost),
            Step::Climb => bounder.climb(core, path, free, values, CLIMBS, primal.best_cost),
        }
    }

    /// Drops rows that no cheaper plan uses, by the worths counted last. True when there were any.
    fn drop_rows(&mut self, bound: i64, counts: &mut Counts) -> bool {
        let before = self.free.len();
        let mut kept = 0;
        for at in 0..before {
            let worth = self.bounder.worth[at];
            if !self.is_closed(bound.saturating_add(worth.max(0))) {
                self.free[kept] = self.free[at];
                self.bounder.worth[kept] = worth;
                kept += 1;
            }
        }
        self.free.truncate(kept);
        self.bounder.worth.truncate(kept);
        counts.cost += (before - kept) as u32;
        kept < before
    }

    fn search(&mut self, run: &Run<'_>, dual_bound: i64) -> i64 {
        let used = self.bounder.steps + self.primal.steps;
        let steps_max = run.ask.steps_max.max(used);
        let mut ground = Ground {
            core: &mut self.core,
            path: &mut self.path,
            bounder: &mut self.bounder,
            primal: &mut self.primal,
        };
        self.branching.run(&mut ground, &self.free, &self.values, steps_max);
        let cost = self.primal.best_cost >> self.core.bits;
        match self.branching.left_bound {
            i64::MAX => cost,
            left => self.core.unscaled_up(left).clamp(dual_bound.min(cost), cost),
        }
    }

    /// Names facilities by place where the plan was found in the small tables.
    fn translate(&mut self) {
        if !self.free.is_empty() {
            for part in &mut self.primal.best {
                part.row = self.core.place[part.row as usize];
            }
        }
    }
}

/// What is done between one ruling out and the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A first plan where no row gives everything.
    Cover,
    /// Values, one after the other.
    Ascend,
    /// A better plan.
    Improve,
    /// Values, all together.
    Climb,
}

fn push_stage(part: &mut Part, values: impl Iterator<Item = i64>) {
    part.stages.push(values.collect());
}

/// The cost of a row that gives everything; `None` when it cannot.
fn complete_cost(form: &Form, fixed: i64, costs: &[i64], stock: &[u32]) -> Option<i64> {
    let mut cost = fixed;
    for demand in &form.demands {
        let columns = demand.begin as usize..demand.end as usize;
        if columns.len() == 1 {
            if i64::from(stock[columns.start]) < demand.quantity {
                return None;
            }
            cost += demand.quantity * costs[columns.start];
            continue;
        }
        let mut left = demand.quantity;
        for (column, units) in cheapest_fill(demand.begin..demand.end, demand.quantity, costs, stock) {
            cost += units * costs[column as usize];
            left -= units;
        }
        if left > 0 {
            return None;
        }
    }
    Some(cost)
}

/// Units of one demand from one row, cheapest column first.
fn cheapest_fill(
    columns: std::ops::Range<u32>,
    quantity: i64,
    costs: &[i64],
    stock: &[u32],
) -> impl Iterator<Item = (u32, i64)> {
    let mut left = quantity;
    let mut last = None;
    std::iter::from_fn(move || {
        let key = |column: &u32| (costs[*column as usize], *column);
        while left > 0 {
            let after = columns.clone().filter(|column| last.is_none_or(|last| key(column) > last));
            let column = after.min_by_key(key)?;
            last = Some(key(&column));
            let units = left.min(i64::from(stock[column as usize]));
            if units > 0 {
                left -= units;
                return Some((column, units));
            }
        }
        None
    })
}
