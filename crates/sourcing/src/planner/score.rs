//! What a set of open rows serves, and what that costs. It takes the rows as given and chooses only which unit comes
//! from which of them.

use crate::planner::cost::times;
use crate::planner::problem::Problem;
use std::ops::Range;

/// Ways of placing unsplittable lines of one SKU that are looked at; the first is the greedy one.
const PLACEMENTS_MAX: usize = 500;

/// How good a set of rows is; less is better, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Score {
    /// Reachable units left unserved, measured so that whole units count alike.
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

/// Scores sets of rows, and counts the work of doing so.
pub(crate) struct Scorer<'p> {
    problem: &'p Problem<'p>,
    /// Wants of open rows looked at so far.
    pub(crate) steps: usize,
    /// Scratch: open rows in order of cost for one want.
    order: Vec<u32>,
    /// What the dearest unit of each want cost in the last score; a backorder where one was left.
    prices: Vec<i64>,
    /// Scratch: what each open row is loaded with, in milligrams; `None` when it serves nothing.
    loads: Vec<Option<u64>>,
}

impl<'p> Scorer<'p> {
    pub(crate) fn new(problem: &'p Problem<'p>) -> Self {
        Self { problem, steps: 0, order: Vec::new(), prices: Vec::new(), loads: Vec::new() }
    }

    pub(crate) fn score(&mut self, rows: &[u32]) -> Score {
        self.score_into(rows, |_| {})
    }

    /// Serves each want from the open rows, cheapest unit first, and counts the rows that serve anything.
    pub(crate) fn score_into(&mut self, rows: &[u32], mut give: impl FnMut(Given)) -> Score {
        let problem = self.problem;
        self.steps += rows.len() * problem.wants.len();
        self.loads.clear();
        self.loads.resize(rows.len(), None);
        self.prices.clear();
        self.prices.resize(problem.wants.len(), i64::MIN);
        let mut score = Score { unserved: 0, cost_micro: problem.unreachable_micro() };
        let mut index = 0;
        while index < problem.wants.len() {
            let end = group_end(problem, index);
            if end - index == 1 {
                let rest = self.serve(rows, index, &mut score, &mut give);
                self.leave(index, rest, &mut score);
            } else {
                self.place(rows, index..end, &mut score, &mut give);
            }
            index = end;
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

    /// About what the last scored rows would cost with `row` beside them, at best: it takes over what it can serve for
    /// less, and pays its floor. Only a row that looks good is worth a score.
    #[inline]
    pub(crate) fn with_row(&mut self, last: Score, row: u32) -> i128 {
        let problem = self.problem;
        self.steps += 1 + problem.wants.len() / 4;
        let facts = &problem.rows[row as usize];
        let mut cost_micro = last.cost_micro + i128::from(facts.fixed_micro);
        for (index, want) in problem.wants.iter().enumerate() {
            let saving = self.prices[index].saturating_sub(problem.unit(row as usize, index));
            if saving > 0 {
                cost_micro -= times(problem.serves(facts.source, index, want.reachable), saving);
            }
        }
        cost_micro
    }

    /// Sorts the open rows by the cost of one unit of a want, then by node.
    fn sort_rows(&mut self, rows: &[u32], index: usize) {
        let problem = self.problem;
        self.order.clear();
        self.order.extend(0..rows.len() as u32);
        if rows.len() > 1 {
            self.order.sort_unstable_by_key(|at| {
                let row = rows[*at as usize] as usize;
                (problem.unit(row, index), problem.rank(row), row)
            });
        }
    }

    /// Serves one want, and returns the units that are left.
    fn serve(&mut self, rows: &[u32], index: usize, score: &mut Score, give: &mut impl FnMut(Given)) -> u64 {
        let problem = self.problem;
        self.sort_rows(rows, index);
        let mut remaining = problem.wants[index].reachable;
        for place in 0..rows.len() {
            if remaining == 0 {
                break;
            }
            let at = self.order[place] as usize;
            let source = problem.rows[rows[at] as usize].source;
            let units = problem.serves(source, index, remaining);
            if units > 0 {
                remaining -= units;
                self.load(rows, at, index, units, score, give);
            }
        }
        remaining
    }

    fn load(
        &mut self,
        rows: &[u32],
        at: usize,
        index: usize,
        units: u64,
        score: &mut Score,
        give: &mut impl FnMut(Given),
    ) {
        let unit = self.problem.unit(rows[at] as usize, index);
        self.prices[index] = self.prices[index].max(unit);
        let load_mg = units.saturating_mul(self.problem.wants[index].weight_mg);
        self.loads[at] = Some(self.loads[at].unwrap_or(0).saturating_add(load_mg));
        score.cost_micro += times(units, unit);
        give(Given { row: rows[at], want: index, units });
    }

    fn leave(&mut self, index: usize, units: u64, score: &mut Score) {
        let want = &self.problem.wants[index];
        if units > 0 {
            self.prices[index] = want.backorder_micro;
        }
        score.unserved += u128::from(units) * u128::from(want.measure);
        score.cost_micro += times(units, want.backorder_micro);
    }

    /// Places unsplittable lines that take from the same stock: as many units as possible, then as cheap as possible.
    fn place(&mut self, rows: &[u32], group: Range<usize>, score: &mut Score, give: &mut impl FnMut(Given)) {
        self.sort_rows(rows, group.start);
        let free = |at: &u32| {
            let source = self.problem.rows[rows[*at as usize] as usize].source as usize;
            self.problem.free[source * self.problem.wants.len() + group.start]
        };
        let mut placing = Placing {
            problem: self.problem,
            rows,
            order: &self.order,
            free: self.order.iter().map(free).collect(),
            chosen: Vec::new(),
            best: None,
            tried: 0,
        };
        placing.next(group.clone(), 0, 0);
        self.steps += placing.tried;
        let chosen = placing.best.map_or(Vec::new(), |(_, _, chosen)| chosen);
        for (index, place) in group.zip(chosen) {
            let units = self.problem.wants[index].reachable;
            match place {
                Some(at) => self.load(rows, at as usize, index, units, score, give),
                None => self.leave(index, units, score),
            }
        }
    }
}

/// The wants from `index` on that share its stock.
pub(crate) fn group_end(problem: &Problem<'_>, index: usize) -> usize {
    let stock = problem.wants[index].stock;
    let same = problem.wants[index..].iter().take_while(|want| want.shared && want.stock == stock).count();
    index + same.max(1)
}

/// A bounded search for places of unsplittable lines.
struct Placing<'a> {
    problem: &'a Problem<'a>,
    rows: &'a [u32],
    /// Open rows, cheapest first.
    order: &'a [u32],
    /// What is left of the stock, in that order.
    free: Vec<u64>,
    /// By line so far: the open row, or none.
    chosen: Vec<Option<u32>>,
    best: Option<(u64, i128, Vec<Option<u32>>)>,
    tried: usize,
}

impl Placing<'_> {
    fn next(&mut self, group: Range<usize>, unserved: u64, cost_micro: i128) {
        if self.tried >= PLACEMENTS_MAX && self.best.is_some() {
            return;
        }
        self.tried += 1;
        if self.best.as_ref().is_some_and(|(least, cost, _)| (unserved, cost_micro) >= (*least, *cost)) {
            return;
        }
        let Some(index) = group.clone().next() else {
            self.best = Some((unserved, cost_micro, self.chosen.clone()));
            return;
        };
        let units = self.problem.wants[index].reachable;
        for place in 0..self.order.len() {
            if units == 0 || self.free[place] < units {
                continue;
            }
            let at = self.order[place];
            self.free[place] -= units;
            self.chosen.push(Some(at));
            let unit = self.problem.unit(self.rows[at as usize] as usize, index);
            self.next(index + 1..group.end, unserved, cost_micro + times(units, unit));
            self.chosen.pop();
            self.free[place] += units;
        }
        self.chosen.push(None);
        self.next(index + 1..group.end, unserved.saturating_add(units), cost_micro);
        self.chosen.pop();
    }
}
