//! Finds a good set of shipments for a problem: the best single node, a greedy cover by cost per unit, then one-for-one
//! swaps, additions and removals while they help. Serving more always goes before saving cost. It counts steps, not
//! time, so that the same problem gives the same answer on every machine.

use crate::planner::bound::Bound;
use crate::planner::cost::times;
use crate::planner::problem::Problem;

/// Elementary steps (one want of one open row looked at) that improvement may take: well under a millisecond.
const STEPS_MAX: usize = 120_000;

/// How good a set of rows is; less is better, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Score {
    /// Reachable units left unserved, weighted.
    pub(crate) unserved: u128,
    /// Cost of everything shipped or unserved.
    pub(crate) cost_micro: i128,
}

/// Units that a row gives to a want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) row: u32,
    pub(crate) want: usize,
    pub(crate) units: u64,
}

/// The best set of rows that the search comes upon.
pub(crate) fn search(problem: &Problem<'_>, bound: &Bound) -> Vec<Given> {
    let mut search = Search { problem, steps: 0, order: Vec::new(), loads: Vec::new(), taken: Vec::new() };
    let forced = problem.forced_rows();
    let mut best = search.scored(forced.clone());
    let single = search.best_single(&forced).map(|rows| search.scored(rows));
    best = single.into_iter().fold(best, better);
    if !search.is_proven(bound, &best) {
        let mut cover = search.cover(&forced, Pick::CheapestPerUnit);
        if search.scored(cover.clone()).1.unserved > 0 {
            let widest = search.cover(&forced, Pick::MostUnits);
            cover = better(search.scored(cover), search.scored(widest)).0;
        }
        best = better(best, search.scored(cover));
        best = search.improve(bound, best);
    }
    let mut given = Vec::new();
    search.score_into(&best.0, |part| given.push(part));
    given
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
    steps: usize,
    /// Scratch: open rows in order of cost for one want.
    order: Vec<u32>,
    /// Scratch: what each open row is loaded with, in milligrams; `None` when it serves nothing.
    loads: Vec<Option<u64>>,
    /// Scratch: units taken from stock that several wants share, by source and stock.
    taken: Vec<(u32, u32, u64)>,
}

impl Search<'_> {
    fn scored(&mut self, rows: Vec<u32>) -> Scored {
        let score = self.score(&rows);
        (rows, score)
    }

    fn score(&mut self, rows: &[u32]) -> Score {
        self.score_into(rows, |_| {})
    }

    /// Serves each want from the open rows, cheapest unit first, and counts the rows that serve anything.
    fn score_into(&mut self, rows: &[u32], mut give: impl FnMut(Given)) -> Score {
        let problem = self.problem;
        self.steps += rows.len() * problem.wants.len();
        self.loads.clear();
        self.loads.resize(rows.len(), None);
        self.taken.clear();
        let mut score = Score { unserved: 0, cost_micro: problem.unreachable_micro() };
        for (index, want) in problem.wants.iter().enumerate() {
            self.order.clear();
            self.order.extend(0..rows.len() as u32);
            if rows.len() > 1 {
                let cost = |at: &u32| {
                    let row = rows[*at as usize] as usize;
                    (problem.unit(row, index), problem.rank(row), row)
                };
                self.order.sort_unstable_by_key(cost);
            }
            let mut remaining = want.reachable;
            for at in &self.order {
                if remaining == 0 {
                    break;
                }
                let row = rows[*at as usize];
                let source = problem.rows[row as usize].source;
                let units = if want.shared {
                    take_shared(problem, &mut self.taken, source, index, remaining)
                } else {
                    problem.serves(source, index, remaining)
                };
                if units == 0 {
                    continue;
                }
                remaining -= units;
                let load_mg = units.saturating_mul(want.weight_mg);
                let before_mg = self.loads[*at as usize].unwrap_or(0);
                self.loads[*at as usize] = Some(before_mg.saturating_add(load_mg));
                score.cost_micro += times(units, problem.unit(row as usize, index));
                give(Given { row, want: index, units });
            }
            score.unserved += u128::from(remaining) * u128::from(want.measure);
            score.cost_micro += times(remaining, want.backorder_micro);
        }
        let mut any = false;
        for (at, row) in rows.iter().enumerate() {
            if let Some(load_mg) = self.loads[at] {
                any = true;
                score.cost_micro += problem.using_micro(*row as usize, load_mg);
            }
        }
        if any && problem.forced == 0 {
            score.cost_micro -= i128::from(problem.split_micro);
        }
        score
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
            self.taken.clear();
            for (index, rest) in remaining.iter_mut().enumerate() {
                let units = take_shared(problem, &mut self.taken, source, index, *rest);
                *rest -= units;
            }
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
    fn improve(&mut self, bound: &Bound, mut best: Scored) -> Scored {
        let problem = self.problem;
        while !self.is_proven(bound, &best) {
            let candidates = self.candidates(bound, &best);
            let opened = best.0.iter().filter(|row| !problem.is_forced(**row as usize)).count();
            let before = best.1;
            let current = best.0.clone();
            let mut trial = Vec::with_capacity(current.len() + 1);
            for leave in (0..=current.len()).rev() {
                if current.get(leave).is_some_and(|row| problem.is_forced(*row as usize)) {
                    continue;
                }
                let rest =
                    || current.iter().enumerate().filter(move |(at, _)| *at != leave).map(|(_, row)| *row);
                if leave < current.len() {
                    trial.clear();
                    trial.extend(rest());
                    best = self.keep_better(best, &trial);
                } else if opened >= problem.shipments_max {
                    continue;
                }
                for candidate in &candidates {
                    if self.steps > STEPS_MAX {
                        return best;
                    }
                    let source = problem.rows[*candidate as usize].source;
                    if rest().any(|row| problem.rows[row as usize].source == source) {
                        continue;
                    }
                    trial.clear();
                    trial.extend(rest());
                    trial.push(*candidate);
                    best = self.keep_better(best, &trial);
                }
            }
            if best.1 == before {
                break;
            }
        }
        best
    }

    fn keep_better(&mut self, best: Scored, trial: &[u32]) -> Scored {
        let score = self.score(trial);
        if score < best.1 { (trial.to_vec(), score) } else { best }
    }

    /// Rows that might be part of a better plan. Rows are ruled out by cost only once everything reachable is served:
    /// serving more may cost more.
    fn candidates(&self, bound: &Bound, best: &Scored) -> Vec<u32> {
        let problem = self.problem;
        let complete = best.1.unserved == 0;
        let open = |row: &usize| {
            !problem.is_forced(*row) && (!complete || bound.may_beat(problem, *row, best.1.cost_micro))
        };
        (0..problem.rows.len()).filter(open).map(|row| row as u32).collect()
    }
}

/// What `source` can give to a want when earlier wants may have taken from the same stock there; notes what it takes.
fn take_shared(
    problem: &Problem<'_>,
    taken: &mut Vec<(u32, u32, u64)>,
    source: u32,
    index: usize,
    asked: u64,
) -> u64 {
    let want = &problem.wants[index];
    if !want.shared {
        return problem.serves(source, index, asked);
    }
    let place = taken.iter().position(|(at, stock, _)| (*at, *stock) == (source, want.stock));
    let before = place.map_or(0, |place| taken[place].2);
    let free = problem.free[source as usize * problem.wants.len() + index].saturating_sub(before);
    if asked == 0 || free < asked {
        return 0;
    }
    match place {
        Some(place) => taken[place].2 += asked,
        None => taken.push((source, want.stock, asked)),
    }
    asked
}
