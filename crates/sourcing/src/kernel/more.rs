//! Questions that take several solves: what each promised day costs, and which plans come next.

use crate::kernel::problem::{Malformed, Problem};
use crate::kernel::solution::{Ask, Days, Solution};
use crate::kernel::solve::Solver;

impl Solver {
    /// The trade of cost against date: for each day by which everything could be there, the cheapest plan with
    /// facilities of that day or earlier, where it is cheaper than all plans of earlier days. Ascending by day, so
    /// descending by cost; the last is the cheapest plan of all. Days on which something stays unfilled that a later day
    /// would give are among them, as the dearest.
    ///
    /// # Errors
    /// [`Malformed`] as for [`Solver::solve`].
    pub fn frontier(&mut self, problem: &Problem, ask: &Ask) -> Result<Vec<(u32, Solution)>, Malformed> {
        let mut days: Vec<u32> = problem.facilities().iter().map(|facility| facility.day).collect();
        days.retain(|day| ask.days.contains(*day));
        days.sort_unstable();
        days.dedup();
        let mut kept: Vec<(u32, Solution)> = Vec::new();
        for day in days {
            let by_then = Ask { days: Days::Until(day), ..ask.clone() };
            let solution = self.solve(problem, &by_then)?;
            if kept.last().is_none_or(|(_, before)| solution.cost < before.cost) {
                kept.push((day, solution));
            }
        }
        Ok(kept)
    }

    /// The next best plans after `best`, up to `count`: each does without at least one facility of every plan before it,
    /// and is the cheapest that does. Ascending by cost.
    ///
    /// # Errors
    /// [`Malformed`] as for [`Solver::solve`].
    pub fn next_best(
        &mut self,
        problem: &Problem,
        ask: &Ask,
        best: &Solution,
        count: usize,
    ) -> Result<Vec<Solution>, Malformed> {
        let mut open: Vec<(Vec<u32>, Solution)> = Vec::new();
        let mut seen: Vec<Vec<u32>> = Vec::new();
        let mut found: Vec<Solution> = Vec::new();
        let mut current = (ask.without.clone(), best.clone());
        while found.len() < count {
            for facility in current.1.facilities() {
                let mut without = current.0.clone();
                without.push(facility);
                without.sort_unstable();
                if seen.contains(&without) {
                    continue;
                }
                let narrower = Ask { without: without.clone(), ..ask.clone() };
                open.push((without.clone(), self.solve(problem, &narrower)?));
                seen.push(without);
            }
            let cheapest = (0..open.len()).min_by_key(|at| (open[*at].1.cost, &open[*at].0));
            let Some(at) = cheapest else { break };
            current = open.swap_remove(at);
            if found.iter().all(|other| other.shares != current.1.shares) {
                found.push(current.1.clone());
            }
        }
        Ok(found)
    }
}
