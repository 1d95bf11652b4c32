//! What no plan can undercut: values for a unit of each demand, and what follows from them. Any values give a bound, so
//! that finding good ones may be as rough as it likes.
//!
//! With values `v`, every plan costs at least `Σ quantity·v` plus, for each row, the least of 0 and what using it costs
//! when it is paid `v` for every unit: `fixed - Σ stock·(v - cost)+`. A row with a negative fixed cost gives at least one
//! unit, at a loss if need be. An open row is counted in any case. Of the rows that count against a limit only the best
//! that fit are counted, and of one node only the best where a node may be used once.

use crate::kernel::core::{Core, Path};

/// How much of the way to the goal the first step goes, in 256ths.
const PACE: i128 = 200;
/// Steps without gain after which steps become shorter.
const PATIENCE: u32 = 3;

/// Values and what they come to, with scratch space.
#[derive(Debug, Default)]
pub(crate) struct Bounder {
    /// By place in the list of free rows: what using the row costs beyond what it is paid.
    pub(crate) worth: Vec<i64>,
    /// Scratch: prices at which units of one demand are offered.
    offers: Vec<(i64, i64)>,
    /// Scratch: negative worths of rows that count.
    best: Vec<i64>,
    slope: Vec<i64>,
    trial: Vec<i64>,
    pub(crate) steps: u64,
}

impl Bounder {
    /// What the row pays for being used, when its units are paid `values`.
    #[inline]
    fn worth(core: &Core, row: u32, values: &[i64]) -> i64 {
        let begin = row as usize * core.width;
        let fixed = core.fixed[row as usize];
        let costs = &core.cost[begin..begin + core.width];
        let stock = &core.stock[begin..begin + core.width];
        let mut sum = 0;
        for ((cost, units), demand) in costs.iter().zip(stock).zip(&core.demand_of) {
            sum += units * (values[*demand as usize] - cost).max(0);
        }
        if fixed >= 0 || sum > 0 {
            return fixed - sum;
        }
        let gains = costs.iter().zip(stock).zip(&core.demand_of).filter(|((_, units), _)| **units > 0);
        let best = gains.map(|((cost, _), demand)| values[*demand as usize] - cost).max();
        best.map_or(i64::MAX / 4, |best| fixed - best)
    }

    /// The bound of `values`, scaled. Counts every free row's worth.
    pub(crate) fn total(&mut self, core: &Core, path: &Path, free: &[u32], values: &[i64]) -> i64 {
        self.steps += (core.width * (free.len() + path.open.len())) as u64;
        self.worth.clear();
        self.worth.extend(free.iter().map(|row| Self::worth(core, *row, values)));
        let mut total = path.sunk;
        for (demand, value) in values.iter().enumerate() {
            total += core.quantity[demand] * (*value).min(core.unfilled[demand]);
        }
        for row in &path.open {
            total +=
                Self::worth(core, *row, values).min(core.fixed[*row as usize]) - core.fixed[*row as usize];
        }
        total + self.best_rows(core, path, free)
    }

    /// The sum of the negative worths that may be taken together.
    fn best_rows(&mut self, core: &Core, path: &Path, free: &[u32]) -> i64 {
        let left = core.rows_max.saturating_sub(path.counted) as usize;
        let (mut sum, mut at) = (0, 0);
        self.best.clear();
        while at < free.len() {
            let row = free[at] as usize;
            let (mut worth, mut counts) = (self.worth[at], core.counts[row]);
            at += 1;
            while core.one_per_node && at < free.len() && core.node[free[at] as usize] == core.node[row] {
                worth = worth.min(self.worth[at]);
                counts &= core.counts[free[at] as usize];
                at += 1;
            }
            if worth < 0 && counts {
                self.best.push(worth);
            } else {
                sum += worth.min(0);
            }
        }
        if self.best.len() > left {
            self.best.sort_unstable();
            self.best.truncate(left);
        }
        sum + self.best.iter().sum::<i64>()
    }

    /// Moves each value in turn to where it bounds best while the others stay, `rounds` times; the first round goes half
    /// the way, so that the first demand does not take what rows could pay for all. Keeps the best values. Returns their
    /// bound, with worths counted for them.
    pub(crate) fn ascend(
        &mut self,
        core: &Core,
        path: &Path,
        free: &[u32],
        values: &mut [i64],
        rounds: usize,
        goal: i64,
    ) -> i64 {
        let mut best = self.total(core, path, free, values);
        let mut trial = std::mem::take(&mut self.trial);
        trial.clear();
        trial.extend_from_slice(values);
        for round in 0..rounds {
            if best >= goal {
                break;
            }
            for demand in 0..trial.len() {
                if core.quantity[demand] == 0 {
                    continue;
                }
                let price = self.price(core, path, free, &trial, demand);
                let half = round == 0 && rounds > 1 && price > trial[demand];
                let next = if half { trial[demand] + (price - trial[demand]) / 2 } else { price };
                self.move_to(core, free, &mut trial, demand, next);
            }
            let total = self.total(core, path, free, &trial);
            let gained = total > best;
            if gained {
                best = total;
                values.copy_from_slice(&trial);
            }
            if !gained && round > 0 {
                break;
            }
        }
        if *values != *trial {
            self.total(core, path, free, values);
        }
        self.trial = trial;
        best
    }

    /// The price at which the demand is met, where each row asks what it must be paid beyond the other demands.
    fn price(&mut self, core: &Core, path: &Path, free: &[u32], values: &[i64], demand: usize) -> i64 {
        let (begin, end) = core.spans[demand];
        let value = values[demand];
        self.offers.clear();
        self.offers.push((core.unfilled[demand], core.quantity[demand]));
        // Whoever offers all units at some price makes dearer offers meaningless, before they are counted out.
        let mut cap = core.unfilled[demand];
        for row in &path.open {
            for column in begin..end {
                let entry = core.entry(*row, column as usize);
                self.offer(core, demand, core.cost[entry], core.stock[entry], &mut cap);
            }
        }
        for (at, row) in free.iter().enumerate() {
            let fixed = core.fixed[*row as usize];
            let mut rest = self.worth[at];
            for column in begin..end {
                let entry = core.entry(*row, column as usize);
                rest += core.stock[entry] * (value - core.cost[entry]).max(0);
            }
            for column in begin..end {
                let entry = core.entry(*row, column as usize);
                let (cost, stock) = (core.cost[entry], core.stock[entry]);
                if fixed < 0 {
                    self.offer(core, demand, cost + fixed, stock, &mut cap);
                } else if stock > 0 && cost < cap && rest < (cap - cost).saturating_mul(stock) {
                    let share = (rest.max(0) as u64 / stock as u64) as i64;
                    self.offer(core, demand, cost + share, stock, &mut cap);
                }
            }
        }
        self.steps += free.len() as u64;
        marginal(&self.offers, core.quantity[demand])
    }

    #[inline]
    fn offer(&mut self, core: &Core, demand: usize, price: i64, stock: i64, cap: &mut i64) {
        if stock > 0 && price <= *cap {
            self.offers.push((price, stock));
            if stock >= core.quantity[demand] {
                *cap = price;
            }
        }
    }

    fn move_to(&mut self, core: &Core, free: &[u32], values: &mut [i64], demand: usize, next: i64) {
        let (begin, end) = core.spans[demand];
        let old = values[demand];
        values[demand] = next;
        for (at, row) in free.iter().enumerate() {
            if core.fixed[*row as usize] < 0 {
                self.worth[at] = Self::worth(core, *row, values);
                continue;
            }
            for column in begin..end {
                let entry = core.entry(*row, column as usize);
                let cost = core.cost[entry];
                self.worth[at] -= core.stock[entry] * ((next - cost).max(0) - (old - cost).max(0));
            }
        }
    }

    /// Moves all values together along the slope of the bound, with steps that aim at `goal`. Keeps the best values;
    /// returns their bound, with worths counted for them.
    pub(crate) fn climb(
        &mut self,
        core: &Core,
        path: &Path,
        free: &[u32],
        values: &mut [i64],
        rounds: usize,
        goal: i64,
    ) -> i64 {
        let mut trial = std::mem::take(&mut self.trial);
        trial.clear();
        trial.extend_from_slice(values);
        let mut best = self.total(core, path, free, &trial);
        let (mut pace, mut failed) = (PACE, 0);
        let mut current = best;
        for _ in 0..rounds {
            if best >= goal || pace == 0 {
                break;
            }
            let steepness = self.slopes(core, path, free, &trial);
            if steepness == 0 {
                break;
            }
            let way = i128::from((goal - current).max(1)) * pace;
            for (demand, value) in trial.iter_mut().enumerate() {
                let step = way * i128::from(self.slope[demand]) / (256 * steepness);
                let most = core.unfilled[demand];
                *value = (i128::from(*value) + step)
                    .clamp(-i128::from(most.abs().max(1 << 40)), i128::from(most))
                    as i64;
            }
            current = self.total(core, path, free, &trial);
            if current > best {
                best = current;
                values.copy_from_slice(&trial);
                failed = 0;
            } else {
                failed += 1;
                if failed == PATIENCE {
                    (pace, failed) = (pace / 2, 0);
                }
            }
        }
        self.total(core, path, free, values);
        self.trial = trial;
        best
    }

    /// How much the bound rises with each value, by the worths counted last; and the sum of squares.
    fn slopes(&mut self, core: &Core, path: &Path, free: &[u32], values: &[i64]) -> i128 {
        self.slope.clear();
        self.slope.extend_from_slice(&core.quantity);
        let left = core.rows_max.saturating_sub(path.counted) as usize;
        // Worths of rows that count and are not among the best do not move the bound.
        let worst = if self.best.len() == left { self.best.last().copied() } else { None };
        let mut node = None;
        for (at, row) in free.iter().enumerate() {
            let worth = self.worth[at];
            let counted = core.counts[*row as usize];
            if worth >= 0 || (counted && (left == 0 || worst.is_some_and(|worst| worth > worst))) {
                continue;
            }
            if core.one_per_node && node.replace(core.node[*row as usize]) == Some(core.node[*row as usize]) {
                continue;
            }
            self.take_off(core, *row, values);
        }
        for row in &path.open {
            self.take_off(core, *row, values);
        }
        self.slope.iter().map(|slope| i128::from(*slope) * i128::from(*slope)).sum()
    }

    fn take_off(&mut self, core: &Core, row: u32, values: &[i64]) {
        for (column, demand) in core.demand_of.iter().enumerate() {
            let entry = core.entry(row, column);
            if values[*demand as usize] > core.cost[entry] {
                self.slope[*demand as usize] -= core.stock[entry];
            }
        }
    }
}

/// The price of the last of `quantity` units, cheapest offers first; there are offers for all of them.
fn marginal(offers: &[(i64, i64)], quantity: i64) -> i64 {
    let mut above = i64::MIN;
    let mut left = quantity;
    loop {
        let (mut least, mut units) = (i64::MAX, 0);
        for (price, stock) in offers {
            if *price > above {
                if *price < least {
                    (least, units) = (*price, *stock);
                } else if *price == least {
                    units += stock;
                }
            }
        }
        left -= units;
        if left <= 0 || least == i64::MAX {
            return least;
        }
        above = least;
    }
}
