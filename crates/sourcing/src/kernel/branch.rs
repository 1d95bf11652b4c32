//! The search that proves: rows are decided one by one, open or closed, until the bound of what is left reaches the
//! cost of the best plan. It counts its steps and stops when they are used up, with the bound of what it left.

use crate::kernel::bound::Bounder;
use crate::kernel::core::{Core, Given, Path};
use crate::kernel::primal::{NEVER, Primal, Sharing};

/// How often the values are improved at one place of the search.
const ROUNDS: usize = 2;

/// The search below the root, with its memory.
#[derive(Debug, Default)]
pub(crate) struct Branching {
    /// Lists of free rows, one behind the other, deepest last.
    pool: Vec<u32>,
    /// Values, likewise.
    values: Vec<i64>,
    added: Vec<u32>,
    pub(crate) steps_max: u64,
    /// The least bound of a place that was left undecided, scaled; more than any where there is none.
    pub(crate) left_bound: i64,
    /// Places looked at.
    pub(crate) places: u64,
}

/// All that the search works on.
pub(crate) struct Ground<'g> {
    pub(crate) core: &'g mut Core,
    pub(crate) path: &'g mut Path,
    pub(crate) bounder: &'g mut Bounder,
    pub(crate) primal: &'g mut Primal,
}

impl Ground<'_> {
    fn steps(&self) -> u64 {
        self.bounder.steps + self.primal.steps
    }
    /// True when a plan under this bound would not be cheaper than the best: costs are whole units.
    fn is_closed(&self, bound: i64) -> bool {
        self.core.unscaled_up(bound) << self.core.bits >= self.primal.best_cost
    }
}

impl Branching {
    /// Searches everything below the root. Afterwards the primal has the best plan, and `left_bound` says whether
    /// something was left.
    pub(crate) fn run(&mut self, ground: &mut Ground<'_>, free: &[u32], values: &[i64], steps_max: u64) {
        self.pool.clear();
        self.pool.extend_from_slice(free);
        self.values.clear();
        self.values.extend_from_slice(values);
        self.steps_max = steps_max;
        self.left_bound = i64::MAX;
        self.places = 0;
        self.place(ground, 0, 0);
    }

    /// Decides everything about the rows `pool[begin..]`, with the values `values[at..]` to begin with.
    fn place(&mut self, ground: &mut Ground<'_>, begin: usize, at: usize) {
        self.places += 1;
        let mut bound = self.tighten(ground, begin, at);
        if ground.is_closed(bound) {
            return;
        }
        if ground.steps() > self.steps_max {
            self.left_bound = self.left_bound.min(bound);
            return;
        }
        let mut added = std::mem::take(&mut self.added);
        ground.primal.complete(ground.core, ground.path, &self.pool[begin..], &mut added);
        if !ground.is_closed(bound) {
            bound = self.rule_out(ground, begin, bound);
            let row = self.choose(ground, begin, &added);
            self.added = added;
            match row {
                Some(row) => self.branch(ground, begin, at, row),
                None => self.leaf(ground, begin, at),
            }
        } else {
            self.added = added;
        }
        let _ = bound;
    }

    /// Improves the values, and rules rows out. Returns the bound.
    fn tighten(&mut self, ground: &mut Ground<'_>, begin: usize, at: usize) -> i64 {
        let goal = ground.primal.best_cost;
        let mut bound = ground.bounder.ascend(
            ground.core,
            ground.path,
            &self.pool[begin..],
            &mut self.values[at..],
            ROUNDS,
            goal,
        );
        if !ground.is_closed(bound) {
            let before = self.pool.len();
            bound = self.rule_out(ground, begin, bound);
            if self.pool.len() < before {
                bound = ground.bounder.ascend(
                    ground.core,
                    ground.path,
                    &self.pool[begin..],
                    &mut self.values[at..],
                    ROUNDS,
                    goal,
                );
            }
        }
        bound
    }

    /// Closes rows that no cheaper plan opens, by the worths counted last.
    fn rule_out(&mut self, ground: &mut Ground<'_>, begin: usize, bound: i64) -> i64 {
        let full = ground.path.counted >= ground.core.rows_max;
        let mut kept = begin;
        for place in begin..self.pool.len() {
            let row = self.pool[place];
            let worth = ground.bounder.worth[place - begin];
            let counted = full && ground.core.counts[row as usize];
            if !counted && !ground.is_closed(bound.saturating_add(worth.max(0))) {
                self.pool[kept] = row;
                ground.bounder.worth[kept - begin] = worth;
                kept += 1;
            }
        }
        self.pool.truncate(kept);
        ground.bounder.worth.truncate(kept - begin);
        bound
    }

    /// The row to decide next: of those that the best completion added, the one that gives most; otherwise the one that
    /// is worth most.
    fn choose(&self, ground: &Ground<'_>, begin: usize, added: &[u32]) -> Option<u32> {
        let free = &self.pool[begin..];
        let core = &*ground.core;
        let gives = |row: &u32| {
            let entries = (0..core.width).map(|column| core.entry(*row, column));
            entries.filter(|entry| core.stock[*entry] > 0).count()
        };
        let best = added
            .iter()
            .filter(|row| free.contains(row))
            .max_by_key(|row| (gives(row), std::cmp::Reverse(**row)));
        let worth = |(at, row): &(usize, &u32)| (ground.bounder.worth[*at], **row);
        best.copied().or_else(|| free.iter().enumerate().min_by_key(worth).map(|(_, row)| *row))
    }

    fn branch(&mut self, ground: &mut Ground<'_>, begin: usize, at: usize, row: u32) {
        if ground.core.fixed[row as usize] >= 0 {
            self.open(ground, begin, at, row, None);
        } else {
            self.open_by_column(ground, begin, at, row);
        }
        let length = (self.pool.len(), self.values.len());
        self.pool.extend_from_within(begin..);
        let copy = length.0;
        if let Some(place) = self.pool[copy..].iter().position(|other| *other == row) {
            self.pool.remove(copy + place);
        }
        self.values.extend_from_within(at..);
        self.place(ground, copy, length.1);
        self.pool.truncate(length.0);
        self.values.truncate(length.1);
    }

    /// Opens a row that must give something: its first unit in each column in turn, with none in the columns before.
    fn open_by_column(&mut self, ground: &mut Ground<'_>, begin: usize, at: usize, row: u32) {
        let entries = ground.core.entry(row, 0)..ground.core.entry(row + 1, 0);
        let stock = ground.core.stock[entries.clone()].to_vec();
        for (column, units) in stock.iter().enumerate() {
            let demand = ground.core.demand_of[column] as usize;
            if *units > 0 && ground.core.quantity[demand] > 0 {
                self.open(ground, begin, at, row, Some(column));
                ground.core.stock[entries.start + column] = 0;
            }
        }
        ground.core.stock[entries].copy_from_slice(&stock);
    }

    /// Opens a row, with a unit placed in `column` if that is given, and decides the others.
    fn open(&mut self, ground: &mut Ground<'_>, begin: usize, at: usize, row: u32, column: Option<usize>) {
        let length = (self.pool.len(), self.values.len());
        let core = &mut *ground.core;
        let node = core.node[row as usize];
        for place in begin..length.0 {
            let other = self.pool[place];
            if other != row && !(core.one_per_node && core.node[other as usize] == node) {
                self.pool.push(other);
            }
        }
        self.values.extend_from_within(at..);
        let fixed = core.fixed[row as usize];
        let path = &mut *ground.path;
        let before = (path.paid, path.sunk, path.counted);
        path.open.push(row);
        path.counted += u32::from(core.counts[row as usize]);
        path.sunk += fixed;
        if let Some(column) = column {
            let entry = core.entry(row, column);
            path.forced[row as usize] = true;
            path.paid += fixed + core.cost[entry];
            path.sunk += core.cost[entry];
            path.placed.push(Given { row, column: column as u32, units: 1 });
            core.quantity[core.demand_of[column] as usize] -= 1;
            core.stock[entry] -= 1;
        }
        if overdrawn(ground.core, ground.path, &[]).is_none() {
            self.place(ground, length.0, length.1);
        }
        if let Some(column) = column {
            let core = &mut *ground.core;
            let entry = core.entry(row, column);
            ground.path.forced[row as usize] = false;
            ground.path.placed.pop();
            core.quantity[core.demand_of[column] as usize] += 1;
            core.stock[entry] += 1;
        }
        ground.path.open.pop();
        (ground.path.paid, ground.path.sunk, ground.path.counted) = before;
        self.pool.truncate(length.0);
        self.values.truncate(length.1);
    }

    /// All rows are decided: the cheapest fill of the open ones is the best there is, unless it takes more of a lot than
    /// there is. Then some entry that draws on the lot gives less in every plan: each of them in turn.
    fn leaf(&mut self, ground: &mut Ground<'_>, begin: usize, at: usize) {
        let open = std::mem::take(&mut ground.path.open);
        let cost = ground.primal.fill(ground.core, ground.path, &open, Sharing::Ignored);
        let overdrawn = overdrawn(ground.core, ground.path, &ground.primal.given);
        if cost != NEVER && cost < ground.primal.best_cost && overdrawn.is_none() {
            ground.primal.keep(ground.path, cost);
        }
        let given: Vec<Given> = match overdrawn {
            Some(lot) if cost != NEVER => {
                ground.primal.given.iter().filter(|part| draws(ground.core, part, lot)).copied().collect()
            }
            _ => Vec::new(),
        };
        ground.path.open = open;
        // A row that gives nothing costs nothing there; the branch in which it is closed has such plans.
        for part in given {
            let entry = ground.core.entry(part.row, part.column as usize);
            let before = std::mem::replace(&mut ground.core.stock[entry], part.units - 1);
            self.place(ground, begin, at);
            ground.core.stock[entry] = before;
        }
    }
}

fn draws(core: &Core, part: &Given, lot: usize) -> bool {
    core.lots.of(core.entry(part.row, part.column as usize)).iter().any(|(of, _)| *of as usize == lot)
}

/// The first lot of which more is taken than there is.
fn overdrawn(core: &Core, path: &Path, given: &[Given]) -> Option<usize> {
    if core.lots.is_empty() {
        return None;
    }
    let mut left = core.lots.stock.clone();
    for part in path.placed.iter().chain(given) {
        for (lot, each) in core.lots.of(core.entry(part.row, part.column as usize)) {
            left[*lot as usize] -= each * part.units;
        }
    }
    left.iter().position(|rest| *rest < 0)
}
