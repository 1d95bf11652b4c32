//! Finds the best set of shipments for a problem. The exact kernel solves it with straight lines in place of tariffs,
//! and says which rows matter by the true cost of its plan; among those every way to share the units is gone through.
//! Where there are too many ways, swapping rows improves the plan. It counts steps, not time, so that the same problem
//! gives the same answer on every machine.

use crate::planner::floors::{self, Duals, Law};
use crate::planner::problem::Problem;
use crate::planner::score::{Given, Score, Scorer};
use crate::planner::shares::{self, Shared};

/// Elementary steps (one want of one open row looked at) that swapping may take: well under a millisecond.
const STEPS_MAX: usize = 120_000;

/// Candidates that are scored for each place in a plan; the others only looked at.
const PROMISING_MAX: usize = 24;

/// What the search found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) given: Vec<Given>,
    /// No way of serving the problem costs less.
    pub(crate) bound_micro: i128,
    /// What that is counted from again; empty where numbers were beyond all sense.
    pub(crate) duals: Duals,
}

/// The best plan by the law that more units served go before any saving, and how cheap any plan could be.
pub(crate) fn search(problem: &Problem<'_>) -> Found {
    let cheapest = attempt(problem, Law { unserved_micro: 0 });
    if cheapest.score.unserved == 0 {
        let Attempt { given, bound_micro, duals, .. } = cheapest;
        return Found { given, bound_micro, duals };
    }
    // The cheapest plan leaves something that could be served. What a unit must cost to be worth any saving is more
    // than any plan costs.
    let unserved_micro = i64::try_from(4 * problem.range_micro()).unwrap_or(i64::MAX / 4).max(1);
    let served = attempt(problem, Law { unserved_micro });
    let best = if served.score < cheapest.score { served.given } else { cheapest.given };
    Found { given: best, bound_micro: cheapest.bound_micro, duals: cheapest.duals }
}

/// The outcome under one law.
struct Attempt {
    given: Vec<Given>,
    score: Score,
    bound_micro: i128,
    duals: Duals,
}

fn attempt(problem: &Problem<'_>, law: Law) -> Attempt {
    let offset_micro = problem.unreachable_micro() - problem.first_shipment_micro();
    let mut search = Search { problem, law, scorer: Scorer::new(problem) };
    let forced = problem.forced_rows();
    let floor = floors::solve(problem, law);
    let mut rows = floor.as_ref().map_or(Vec::new(), |floor| floor.rows.clone());
    rows.extend(&forced);
    rows.sort_unstable();
    rows.dedup();
    let mut best = search.scored(rows);
    let alone = search.scored(forced);
    best = search.better(best, alone);
    let bound_micro = floor.as_ref().map_or(i128::MIN, |floor| floor.bound_micro + offset_micro);
    let slack_micro = problem.forced_slack_micro;
    let cost_micro = law.weighed(&best.1);
    let mut duals = floor.as_ref().map_or_else(Duals::default, floors::Floor::duals);
    if bound_micro >= cost_micro {
        return search.finish(best.0, bound_micro + slack_micro, duals);
    }
    let contenders = floor.as_ref().and_then(|floor| {
        let found = floors::contenders(floor, cost_micro - offset_micro)?;
        duals = found.duals(floor.bits);
        Some(found)
    });
    let Some(contenders) = contenders else {
        return search.finish(best.0, bound_micro.saturating_add(slack_micro), duals);
    };
    if let Some(shared) = shares::best(problem, law, &contenders.rows) {
        let exact = law.weighed(&shared.score).min(cost_micro);
        if law.rank(&shared.score) <= law.rank(&best.1) {
            let Shared { given, score } = shared;
            return Attempt { given, score, bound_micro: exact + slack_micro, duals };
        }
        return search.finish(best.0, exact + slack_micro, duals);
    }
    let bound_micro = bound_micro.max(contenders.bound_micro + offset_micro);
    best = search.improve(best, &contenders.rows);
    search.finish(best.0, bound_micro + slack_micro, duals)
}

type Scored = (Vec<u32>, Score);

struct Search<'p> {
    problem: &'p Problem<'p>,
    law: Law,
    scorer: Scorer<'p>,
}

impl Search<'_> {
    fn scored(&mut self, rows: Vec<u32>) -> Scored {
        let score = self.scorer.score(&rows);
        (rows, score)
    }

    fn better(&self, a: Scored, b: Scored) -> Scored {
        if (self.law.rank(&b.1), &b.0) < (self.law.rank(&a.1), &a.0) { b } else { a }
    }

    fn finish(&mut self, rows: Vec<u32>, bound_micro: i128, duals: Duals) -> Attempt {
        let mut given = Vec::new();
        let score = self.scorer.score_into(&rows, |part| given.push(part));
        Attempt { given, score, bound_micro: bound_micro.min(self.law.weighed(&score)), duals }
    }

    /// Takes the best swap, addition or removal of one row, as long as one helps and steps are left.
    fn improve(&mut self, mut best: Scored, contenders: &[u32]) -> Scored {
        let problem = self.problem;
        let candidates: Vec<u32> =
            contenders.iter().copied().filter(|row| !problem.is_forced(*row as usize)).collect();
        loop {
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
        if self.law.rank(&score) < self.law.rank(&best.1) { (trial.to_vec(), score) } else { best }
    }
}
