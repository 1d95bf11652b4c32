//! Finds a good set of shipments for a problem: the best single node, a greedy cover by cost per unit, then one-for-one
//! swaps, additions and removals while they help. Serving more always goes before saving cost. It counts steps, not
//! time, so that the same problem gives the same answer on every machine.

use crate::planner::bound::Bound;
use crate::planner::cost::times;
use crate::planner::problem::Problem;
use crate::planner::score::{Given, Score, Scorer, group_end};

/// Elementary steps (one want of one open row looked at) that improvement may take: well under a millisecond.
const STEPS_MAX: usize = 120_000;

/// Candidates that are scored for each place in a plan; the others only looked at.
const PROMISING_MAX: usize = 24;

/// What the search found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) given: Vec<Given>,
    /// No way of serving the problem costs less.
    pub(crate) bound_micro: i128,
}

/// The best set of rows that the search comes upon, and how good any could be.
pub(crate) fn search(problem: &Problem<'_>) -> Found {
    let mut search = Search { problem, scorer: Scorer::new(problem) };
    let mut bound = Bound::of(problem);
    let forced = problem.forced_rows();
    let mut best = search.scored(forced.clone());
    let single = search.best_single(&forced).map(|rows| search.scored(rows));
    best = single.into_iter().fold(best, better);
    bound.tighten(problem, best.1.cost_micro);
    if !search.is_proven(&bound, &best) {
        let mut cover = search.cover(&forced, Pick::CheapestPerUnit);
        if search.scored(cover.clone()).1.unserved > 0 {
            let widest = search.cover(&forced, Pick::MostUnits);
            cover = better(search.scored(cover), search.scored(widest)).0;
        }
        best = better(best, search.scored(cover));
        best = search.improve(&mut bound, best);
    }
    let mut given = Vec::new();
    search.scorer.score_into(&best.0, |part| given.push(part));
    Found { given, bound_micro: bound.total_micro }
}

type Scored = (Vec<u32>, Score);

/// What a greedy cover looks for next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pick {
    CheapestPerUnit,
    MostUnits,
}

fn better(a: Scored, b: Scored) -> Scored {
    if (b.1, &b.0) < (a.1, &a.0) { b } else { a }
}

struct Search<'p> {
    problem: &'p Problem<'p>,
    scorer: Scorer<'p>,
}

impl Search<'_> {
    fn scored(&mut self, rows: Vec<u32>) -> Scored {
        let score = self.scorer.score(&rows);
        (rows, score)
    }

    /// The cheapest row that serves everything reachable alone; ties go to the first node by id.
    fn best_single(&mut self, forced: &[u32]) -> Option<Vec<u32>> {
        let problem = self.problem;
        if !forced.is_empty() || problem.shipments_max == 0 || problem.wants.iter().any(|want| want.shared) {
            return None;
        }
        let mut best: Option<(i128, usize)> = None;
        for (row, facts) in problem.rows.iter().enumerate() {
            let (mut cost, mut load_mg) = (0, 0u64);
            let complete = problem.wants.iter().enumerate().all(|(index, want)| {
                cost += times(want.reachable, problem.unit(row, index));
                load_mg = load_mg.saturating_add(want.reachable.saturating_mul(want.weight_mg));
                problem.serves(facts.source, index, want.reachable) == want.reachable
            });
            if !complete {
                continue;
            }
            cost += problem.using_micro(row, load_mg);
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, row));
            }
        }
        best.map(|(_, row)| vec![row as u32])
    }

    fn is_proven(&self, bound: &Bound, best: &Scored) -> bool {
        best.1.unserved == 0 && best.1.cost_micro <= bound.total_micro
    }

    /// Opens row after row until nothing reachable is left or no more shipments are allowed.
    fn cover(&mut self, forced: &[u32], pick: Pick) -> Vec<u32> {
        let problem = self.problem;
        let mut rows = forced.to_vec();
        let mut remaining: Vec<u64> = problem.wants.iter().map(|want| want.reachable).collect();
        let mut opened = 0;
        let mut seen = vec![false; problem.sources.len()];
        loop {
            let Some(next) = self.next_row(&seen, &remaining, opened < problem.shipments_max, pick) else {
                return rows;
            };
            let source = problem.rows[next].source;
            seen[source as usize] = true;
            take(problem, source, &mut remaining);
            if !problem.is_forced(next) {
                rows.push(next as u32);
                opened += 1;
            }
        }
    }

    fn next_row(&mut self, seen: &[bool], remaining: &[u64], may_open: bool, pick: Pick) -> Option<usize> {
        let problem = self.problem;
        let mut best: Option<(i128, i128, usize)> = None;
        for (row, facts) in problem.rows.iter().enumerate() {
            if seen[facts.source as usize] || !(may_open || problem.is_forced(row)) {
                continue;
            }
            let (mut units, mut cost) = (0i128, i128::from(facts.fixed_micro));
            for (index, want) in problem.wants.iter().enumerate() {
                let served = problem.serves(facts.source, index, remaining[index]);
                units += times(served, want.measure as i64);
                cost += times(served, problem.unit(row, index));
            }
            if units == 0 {
                continue;
            }
            let wins = best.is_none_or(|(best_cost, best_units, _)| match pick {
                Pick::CheapestPerUnit => cost.saturating_mul(best_units) < best_cost.saturating_mul(units),
                Pick::MostUnits => (units, best_cost) > (best_units, cost),
            });
            if wins {
                best = Some((cost, units, row));
            }
        }
        best.map(|(_, _, row)| row)
    }

    /// Takes the best swap, addition or removal of one row, as long as one helps and steps are left.
    fn improve(&mut self, bound: &mut Bound, mut best: Scored) -> Scored {
        let problem = self.problem;
        loop {
            bound.tighten(problem, best.1.cost_micro);
            if self.is_proven(bound, &best) {
                return best;
            }
            let candidates = self.candidates(bound, &best);
            let opened = best.0.iter().filter(|row| !problem.is_forced(**row as usize)).count();
            let before = best.1;
            let current = best.0.clone();
            let (mut trial, mut promising) = (Vec::with_capacity(current.len() + 1), Vec::new());
            for leave in (0..=current.len()).rev() {
                let adds = leave == current.len();
                if adds && opened >= problem.shipments_max
                    || !adds && problem.is_forced(current[leave] as usize)
                {
                    continue;
                }
                let rest: Vec<u32> =
                    current.iter().enumerate().filter(|(at, _)| *at != leave).map(|(_, row)| *row).collect();
                best = self.keep_better(best, &rest);
                self.look_around(&rest, &candidates, &mut promising);
                for (hoped_micro, candidate) in &promising {
                    if best.1.unserved == 0 && *hoped_micro >= best.1.cost_micro {
                        break;
                    }
                    trial.clear();
                    trial.extend(&rest);
                    trial.push(*candidate);
                    best = self.keep_better(best, &trial);
                }
                if self.scorer.steps > STEPS_MAX {
                    bound.tighten(problem, best.1.cost_micro);
                    return best;
                }
            }
            if best.1 == before {
                return best;
            }
        }
    }

    /// The candidates that might go well with `rest`, the most promising first, not more than are worth a score.
    fn look_around(&mut self, rest: &[u32], candidates: &[u32], promising: &mut Vec<(i128, u32)>) {
        let problem = self.problem;
        let alone = self.scorer.score(rest);
        promising.clear();
        for candidate in candidates {
            let source = problem.rows[*candidate as usize].source;
            if rest.iter().all(|row| problem.rows[*row as usize].source != source) {
                promising.push((self.scorer.with_row(alone, *candidate), *candidate));
            }
        }
        if promising.len() > PROMISING_MAX {
            promising.select_nth_unstable(PROMISING_MAX);
            promising.truncate(PROMISING_MAX);
        }
        promising.sort_unstable();
    }

    fn keep_better(&mut self, best: Scored, trial: &[u32]) -> Scored {
        let score = self.scorer.score(trial);
        if score < best.1 { (trial.to_vec(), score) } else { best }
    }

    /// Rows that might be part of a better plan. Rows are ruled out by cost only once everything reachable is served:
    /// serving more may cost more.
    fn candidates(&self, bound: &Bound, best: &Scored) -> Vec<u32> {
        let problem = self.problem;
        let all: Vec<u32>;
        let rows = if best.1.unserved == 0 {
            &bound.rows
        } else {
            all = (0..problem.rows.len() as u32).collect();
            &all
        };
        rows.iter().copied().filter(|row| !problem.is_forced(*row as usize)).collect()
    }
}

/// Takes from a newly opened source what it can give of each want that is still open.
fn take(problem: &Problem<'_>, source: u32, remaining: &mut [u64]) {
    let mut index = 0;
    while index < remaining.len() {
        let end = group_end(problem, index);
        // Wants of one group see the same stock: what one takes, the next does not find.
        let mut taken = 0;
        for (offset, asked) in remaining[index..end].iter_mut().enumerate() {
            let want = &problem.wants[index + offset];
            let free = problem.free[source as usize * problem.wants.len() + index + offset] - taken;
            let units = if want.whole && free < *asked { 0 } else { free.min(*asked) };
            *asked -= units;
            if want.shared {
                taken += units;
            }
        }
        index = end;
    }
}
