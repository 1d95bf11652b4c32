//! Good plans: what a set of rows gives and costs, and how a set becomes better by adding, dropping and swapping rows.
//! It proves nothing.

use crate::kernel::core::{Core, Given, Path};

/// No plan costs this much.
pub(crate) const NEVER: i64 = i64::MAX / 4;

/// Rows that are tried for each place in a plan; the others are only looked at.
const TRIALS_MAX: usize = 12;

/// Fills demands from rows, and keeps the best plan.
#[derive(Debug, Default)]
pub(crate) struct Primal {
    /// The cost of the best plan, scaled; of one known beforehand where `best` is empty.
    pub(crate) best_cost: i64,
    /// The best plan.
    pub(crate) best: Vec<Given>,
    pub(crate) found: bool,
    /// The last fill, without what was placed before.
    pub(crate) given: Vec<Given>,
    /// By demand: what the dearest unit of the last fill cost.
    pub(crate) prices: Vec<i64>,
    /// By place in the set: it gave something.
    used: Vec<bool>,
    /// By lot: what is left of it.
    left: Vec<i64>,
    set: Vec<u32>,
    trial: Vec<u32>,
    hopes: Vec<(i64, u32)>,
    /// By demand: what the cover so far leaves.
    unserved: Vec<i64>,
    pub(crate) steps: u64,
}

/// Whether stock that rows share is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// What is given can be given.
    Kept,
    /// Every row has its stock for itself: a bound, not always a plan.
    Ignored,
}

impl Primal {
    pub(crate) fn clear(&mut self, cost: i64) {
        self.best_cost = cost;
        self.best.clear();
        self.found = false;
    }

    /// Serves each demand from the rows of `set`, cheapest unit first. Returns the cost, scaled: what is paid, units,
    /// and the fixed costs of rows that give something; [`NEVER`] where something is left that must not be.
    pub(crate) fn fill(&mut self, core: &Core, path: &Path, set: &[u32], sharing: Sharing) -> i64 {
        self.given.clear();
        self.prices.clear();
        self.used.clear();
        self.used.resize(set.len(), false);
        self.steps += (set.len() * core.width) as u64;
        let shared = sharing == Sharing::Kept && !core.lots.is_empty();
        if shared {
            self.left.clone_from(&core.lots.stock);
            for part in &path.placed {
                take(core, &mut self.left, core.entry(part.row, part.column as usize), part.units);
            }
        }
        let (mut cost, mut missing) = (path.paid, false);
        for demand in 0..core.quantity.len() {
            let mut need = core.quantity[demand];
            let mut price = i64::MIN;
            let mut last = (i64::MIN, 0, 0);
            while need > 0 {
                let Some(offer) = cheapest(core, set, demand, last) else { break };
                last = offer;
                let (each, at, column) = offer;
                if each > core.unfilled[demand] {
                    break;
                }
                let entry = core.entry(set[at], column as usize);
                let mut units = need.min(core.stock[entry]);
                if shared {
                    units = units.min(spare(core, &self.left, entry));
                    take(core, &mut self.left, entry, units);
                }
                if units > 0 {
                    need -= units;
                    price = each;
                    cost += units * each;
                    self.used[at] = true;
                    self.given.push(Given { row: set[at], column, units });
                }
            }
            if need > 0 {
                missing = true;
                cost += need * core.unfilled[demand];
                price = core.unfilled[demand];
            }
            self.prices.push(price);
        }
        if missing && core.must_fill {
            return NEVER;
        }
        for (at, row) in set.iter().enumerate() {
            if self.used[at] && !path.forced[*row as usize] {
                cost += core.fixed[*row as usize];
            }
        }
        cost
    }

    /// Fills from the rows and keeps the plan if it is the best so far. Returns its cost.
    pub(crate) fn consider(&mut self, core: &Core, path: &Path, set: &[u32]) -> i64 {
        let cost = self.fill(core, path, set, Sharing::Kept);
        if cost < self.best_cost {
            self.keep(path, cost);
        }
        cost
    }

    /// Keeps the last fill.
    pub(crate) fn keep(&mut self, path: &Path, cost: i64) {
        self.best_cost = cost;
        self.found = true;
        self.best.clear();
        self.best.extend_from_slice(&path.placed);
        self.best.extend_from_slice(&self.given);
    }

    /// What the last filled rows, which cost `cost`, cost at the least with `row` beside them.
    #[inline]
    fn hope(&mut self, core: &Core, cost: i64, row: u32) -> i64 {
        self.steps += core.width as u64;
        let begin = row as usize * core.width;
        let mut saving = 0;
        for (column, demand) in core.demand_of.iter().enumerate() {
            let gain = self.prices[*demand as usize].saturating_sub(core.cost[begin + column]);
            saving += core.stock[begin + column] * gain.max(0);
        }
        cost + core.fixed[row as usize] - saving
    }

    fn fits(core: &Core, path: &Path, extra: &[u32], row: u32) -> bool {
        let counted = || extra.iter().filter(|other| core.counts[**other as usize]).count() as u32;
        let room = !core.counts[row as usize] || path.counted + counted() < core.rows_max;
        let node = core.node[row as usize];
        let alone = || extra.iter().all(|other| core.node[*other as usize] != node);
        room && !extra.contains(&row) && (!core.one_per_node || alone())
    }

    /// Adds the row that promises most to the open ones, as long as that helps. Returns the rows added.
    pub(crate) fn complete(&mut self, core: &Core, path: &Path, free: &[u32], added: &mut Vec<u32>) {
        added.clear();
        let mut set = std::mem::take(&mut self.set);
        set.clear();
        set.extend_from_slice(&path.open);
        let mut cost = self.consider(core, path, &set);
        loop {
            let floor = if cost == NEVER { self.leaving(core, path) } else { cost };
            let mut best = (if cost == NEVER { i64::MAX } else { cost }, u32::MAX);
            for row in free {
                let hope = self.hope(core, floor, *row);
                if hope < best.0 && Self::fits(core, path, added, *row) {
                    best = (hope, *row);
                }
            }
            if best.1 == u32::MAX {
                break;
            }
            set.push(best.1);
            let next = self.consider(core, path, &set);
            if next >= cost && cost != NEVER || added.len() > core.quantity.len() + 16 {
                break;
            }
            cost = next;
            added.push(best.1);
        }
        self.set = set;
    }

    /// The rows that promise most beside the last filled ones, best first.
    fn look_around(&mut self, core: &Core, path: &Path, free: &[u32], set: &[u32], floor: i64) {
        let mut hopes = std::mem::take(&mut self.hopes);
        hopes.clear();
        for row in free {
            let hope = self.hope(core, floor, *row);
            if hope < self.best_cost && Self::fits(core, path, set, *row) {
                hopes.push((hope, *row));
            }
        }
        if hopes.len() > TRIALS_MAX {
            hopes.select_nth_unstable(TRIALS_MAX);
            hopes.truncate(TRIALS_MAX);
        }
        hopes.sort_unstable();
        self.hopes = hopes;
    }

    /// A stand-in for the cost of a set that leaves something that must not be left.
    fn leaving(&self, core: &Core, path: &Path) -> i64 {
        let left: i64 = core.quantity.iter().zip(&self.prices).map(|(units, price)| units * price).sum();
        path.paid.saturating_add(left)
    }

    /// Opens the row that costs least for a unit not yet served, until all are or no more may be opened.
    pub(crate) fn cover(&mut self, core: &Core, path: &Path, free: &[u32], added: &mut Vec<u32>) {
        added.clear();
        let mut left = std::mem::take(&mut self.unserved);
        left.clone_from(&core.quantity);
        loop {
            let mut best: Option<(i128, i128, u32)> = None;
            for row in free {
                self.steps += core.width as u64;
                let (cost, units) = serve(core, *row, &mut left, Serving::Ask);
                if units == 0 || !Self::fits(core, path, added, *row) {
                    continue;
                }
                let (cost, units) = (i128::from(cost + core.fixed[*row as usize]), i128::from(units));
                if best.is_none_or(|(least, of, _)| cost * of < least * units) {
                    best = Some((cost, units, *row));
                }
            }
            let Some((_, _, row)) = best else { break };
            serve(core, row, &mut left, Serving::Take);
            added.push(row);
        }
        self.unserved = left;
    }

    /// Takes the best drop, addition or swap of a row, as long as one helps and there are steps left.
    pub(crate) fn improve(
        &mut self,
        core: &Core,
        path: &Path,
        free: &[u32],
        set: &mut Vec<u32>,
        steps_max: u64,
    ) {
        let mut trial = std::mem::take(&mut self.trial);
        let mut cost = self.consider(core, path, set);
        let until = self.steps + steps_max;
        loop {
            let mut best: Option<(i64, Option<usize>, Option<u32>)> = None;
            for leave in (0..=set.len()).rev() {
                trial.clear();
                trial.extend(set.iter().enumerate().filter(|(at, _)| *at != leave).map(|(_, row)| *row));
                let rest = self.consider(core, path, &trial);
                let floor = if rest == NEVER { self.leaving(core, path) } else { rest };
                let drop = (leave < set.len()).then_some(leave);
                if rest < best.map_or(cost, |best| best.0) {
                    best = Some((rest, drop, None));
                }
                self.look_around(core, path, free, &trial, floor);
                for tried in 0..self.hopes.len().min(TRIALS_MAX) {
                    let (hope, row) = self.hopes[tried];
                    if hope >= best.map_or(cost, |best| best.0) || self.steps > until {
                        break;
                    }
                    trial.push(row);
                    let next = self.consider(core, path, &trial);
                    trial.pop();
                    if next < best.map_or(cost, |best| best.0) {
                        best = Some((next, drop, Some(row)));
                    }
                }
            }
            let Some((next, leave, enter)) = best else { break };
            if let Some(leave) = leave {
                set.remove(leave);
            }
            set.extend(enter);
            cost = next;
            if self.steps > until {
                break;
            }
        }
        self.trial = trial;
    }
}

/// The next offer for a demand after `last`, by cost, then by place in the set, then by column.
#[inline]
fn cheapest(core: &Core, set: &[u32], demand: usize, last: (i64, usize, u32)) -> Option<(i64, usize, u32)> {
    let (begin, end) = core.spans[demand];
    let mut best: Option<(i64, u32, usize, u32)> = None;
    let after = |cost: i64, row: u32, column: u32| {
        last.0 == i64::MIN || (cost, row, column) > (last.0, set[last.1], last.2)
    };
    for (at, row) in set.iter().enumerate() {
        for column in begin..end {
            let entry = core.entry(*row, column as usize);
            if core.stock[entry] == 0 {
                continue;
            }
            let cost = core.cost[entry];
            let better = best.is_none_or(|best| (cost, *row, column) < (best.0, best.1, best.3));
            if better && after(cost, *row, column) {
                best = Some((cost, *row, at, column));
            }
        }
    }
    best.map(|(cost, _, at, column)| (cost, at, column))
}

/// Whether what a row could give is taken from what is left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Serving {
    Ask,
    Take,
}

/// What a row could give of what is left: its cost and units.
fn serve(core: &Core, row: u32, left: &mut [i64], serving: Serving) -> (i64, i64) {
    let (mut cost, mut units) = (0, 0);
    for (demand, (begin, end)) in core.spans.iter().enumerate() {
        let mut need = left[demand];
        for column in *begin..*end {
            let entry = core.entry(row, column as usize);
            let given = need.min(core.stock[entry]);
            if given > 0 && core.cost[entry] <= core.unfilled[demand] {
                need -= given;
                units += given;
                cost += given * core.cost[entry];
            }
        }
        if serving == Serving::Take {
            left[demand] = need;
        }
    }
    (cost, units)
}

/// Units that the lots of an entry still allow.
fn spare(core: &Core, left: &[i64], entry: usize) -> i64 {
    core.lots
        .of(entry)
        .iter()
        .map(|(lot, each)| (left[*lot as usize] / each).max(0))
        .min()
        .unwrap_or(i64::MAX)
}

fn take(core: &Core, left: &mut [i64], entry: usize, units: i64) {
    for (lot, each) in core.lots.of(entry) {
        left[*lot as usize] -= each * units;
    }
}
