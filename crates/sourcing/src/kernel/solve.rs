//! From a problem to its best plan: one run, or one for each day where all must have one day. It puts runs together and
//! says what they found in terms of the problem.

use crate::kernel::core::{Rules, Scale};
use crate::kernel::form::Form;
use crate::kernel::problem::{Complete, Malformed, Problem};
use crate::kernel::root::{Root, Run};
use crate::kernel::solution::{Ask, Certificate, Counts, Days, Part, Share, Solution};

/// Bits that sums may take.
const BITS_MAX: u32 = 62;

/// Solves problems one after the other in the same memory. After the largest plain problem only the certificate's few
/// values are allocated anew.
#[derive(Debug, Default)]
pub struct Solver {
    form: Form,
    root: Root,
    days: Vec<u32>,
}

impl Solver {
    /// A solver without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The cheapest plan for the problem.
    ///
    /// # Errors
    /// [`Malformed`] when the problem is not sound or its numbers are too large.
    pub fn solve(&mut self, problem: &Problem, ask: &Ask) -> Result<Solution, Malformed> {
        let mut solution = Solution::default();
        self.solve_into(problem, ask, &mut solution)?;
        Ok(solution)
    }

    /// As [`Solver::solve`], into a solution whose memory is used again.
    ///
    /// # Errors
    /// [`Malformed`] when the problem is not sound or its numbers are too large.
    pub fn solve_into(
        &mut self,
        problem: &Problem,
        ask: &Ask,
        solution: &mut Solution,
    ) -> Result<(), Malformed> {
        problem.check()?;
        self.form.of(problem);
        let limits = problem.limits;
        let complete = limits.complete;
        let rules = Rules {
            rows_max: if complete == Complete::OneFacility { 1 } else { limits.shipments_max },
            all_count: complete == Complete::OneFacility,
            must_fill: complete != Complete::No,
            one_per_node: limits.one_per_node,
        };
        let scale = self.scale(problem, rules)?;
        (self.root.bounder.steps, self.root.primal.steps) = (0, 0);
        self.start(problem, solution, scale);
        if complete == Complete::OneDay {
            self.each_day(problem, ask, rules, scale, solution);
        } else {
            self.one_run(problem, ask, rules, scale, Days::Any, solution);
        }
        let certificate = &mut solution.certificate;
        certificate.lower_bound = certificate.lower_bound.min(solution.cost);
        certificate.dual_bound = certificate.dual_bound.min(solution.cost);
        certificate.proven = certificate.lower_bound == solution.cost;
        solution.steps = self.root.bounder.steps + self.root.primal.steps;
        Ok(())
    }

    /// Places of the facilities that a plan under `cost` may use, as far as duals tell, in ascending order; and a lower
    /// bound of the cost of every plan, never more than `cost`. For callers whose true costs are above those of the
    /// problem, such as rates with steps. Takes plans that need not be complete. The certificate gets the values that
    /// prove it, which [`follow`](super::verify::follow) counts again.
    ///
    /// # Errors
    /// [`Malformed`] as for [`Solver::solve`].
    pub fn contenders(
        &mut self,
        problem: &Problem,
        ask: &Ask,
        cost: i64,
        places: &mut Vec<u32>,
        certificate: &mut Certificate,
    ) -> Result<i64, Malformed> {
        problem.check()?;
        self.form.of(problem);
        let limits = problem.limits;
        let (rows_max, one_per_node) = (limits.shipments_max, limits.one_per_node);
        let rules = Rules { rows_max, all_count: false, must_fill: false, one_per_node };
        let scale = self.scale(problem, rules)?;
        let bits = 64 - cost.unsigned_abs().leading_zeros() + scale.bits;
        if bits > BITS_MAX {
            return Err(Malformed::TooLarge(bits));
        }
        let tables = self.form.tables(problem);
        let run = Run { problem, form: &self.form, tables, rules, scale, days: Days::Any, ask };
        let mut part = Part { days: Days::Any, stages: Vec::new() };
        let bound = self.root.contenders(&run, cost, places, &mut part);
        *certificate = Certificate {
            lower_bound: bound,
            dual_bound: bound,
            scale_bits: scale.bits,
            parts: vec![part],
            proven: false,
        };
        Ok(bound)
    }

    /// The plan that gives nothing.
    fn start(&self, problem: &Problem, solution: &mut Solution, scale: Scale) {
        solution.shares.clear();
        solution.unfilled.clear();
        solution.unfilled.extend(problem.lines.iter().map(|line| line.quantity));
        solution.cost = self.form.demands.iter().map(|demand| demand.quantity * demand.unfilled).sum();
        solution.counts = Counts::default();
        solution.certificate = Certificate {
            lower_bound: i64::MAX,
            dual_bound: i64::MAX,
            scale_bits: scale.bits,
            parts: Vec::new(),
            proven: false,
        };
    }

    fn one_run(
        &mut self,
        problem: &Problem,
        ask: &Ask,
        rules: Rules,
        scale: Scale,
        days: Days,
        solution: &mut Solution,
    ) {
        let tables = self.form.tables(problem);
        let run = Run { problem, form: &self.form, tables, rules, scale, days, ask };
        let mut part = Part { days, stages: Vec::new() };
        let outcome = self.root.run(&run, solution.cost, &mut solution.counts, &mut part);
        let certificate = &mut solution.certificate;
        certificate.lower_bound = certificate.lower_bound.min(outcome.lower_bound);
        certificate.dual_bound = certificate.dual_bound.min(outcome.dual_bound);
        certificate.parts.push(part);
        if self.root.primal.found {
            self.tell(problem, scale, solution);
        }
    }

    /// One run for each day on which a facility has something.
    fn each_day(
        &mut self,
        problem: &Problem,
        ask: &Ask,
        rules: Rules,
        scale: Scale,
        solution: &mut Solution,
    ) {
        let mut days = std::mem::take(&mut self.days);
        days.clear();
        let wanted = problem.facilities.iter().map(|facility| facility.day);
        days.extend(wanted.filter(|day| ask.days.contains(*day)));
        days.sort_unstable();
        days.dedup();
        for day in &days {
            solution.counts = Counts::default();
            self.one_run(problem, ask, rules, scale, Days::On(*day), solution);
        }
        self.days = days;
    }

    /// Says the best plan in terms of the problem.
    fn tell(&self, problem: &Problem, scale: Scale, solution: &mut Solution) {
        solution.cost = self.root.primal.best_cost >> scale.bits;
        solution.shares.clear();
        for (unfilled, line) in solution.unfilled.iter_mut().zip(&problem.lines) {
            *unfilled = line.quantity;
        }
        for part in &self.root.primal.best {
            for piece in self.form.pieces(part.column as usize) {
                let units = part.units as u32 * piece.each;
                solution.shares.push(Share { facility: part.row, item: piece.item, units });
            }
        }
        solution.shares.sort_unstable();
        solution.shares.dedup_by(|next, kept| {
            let same = (next.facility, next.item) == (kept.facility, kept.item);
            if same {
                kept.units += next.units;
            }
            same
        });
        for share in &solution.shares {
            let line = problem.item_line[share.item as usize] as usize;
            solution.unfilled[line] -= share.units;
        }
    }

    /// How far costs can be scaled so that no sum is too large; as far as duals need to be exact, if possible.
    fn scale(&self, problem: &Problem, rules: Rules) -> Result<Scale, Malformed> {
        let tables = self.form.tables(problem);
        let size = |mask: i64| 64 - mask.leading_zeros();
        let spread = |mask: i64, cost: i64| mask | (cost ^ (cost >> 63));
        let unit = tables.costs.iter().fold(0, |mask, cost| spread(mask, *cost));
        let unit = self.form.demands.iter().fold(unit, |mask, demand| spread(mask, demand.unfilled));
        let fixed = problem.facilities.iter().fold(0, |mask, facility| spread(mask, facility.fixed));
        let units = self.form.units();
        let rows = problem.facilities.len().max(1) as i64;
        // No plan costs more than so many bits, and a value may be as much as that.
        let plan = size(units) + size(unit).max(size(fixed)) + 2;
        let value = if rules.must_fill { plan + 1 } else { size(unit).max(size(fixed)) + 1 };
        let most = value + size(units) + size(rows) + 2;
        if most > BITS_MAX || plan > BITS_MAX - 4 {
            return Err(Malformed::TooLarge(most.max(plan + 4)));
        }
        let bits = (BITS_MAX - most).min(size(units) + 2);
        let forbidden = if rules.must_fill { 1 << (plan + bits) } else { 0 };
        Ok(Scale { bits, forbidden })
    }
}
