//! The facilities that are left after the first ruling out, in small tables of finer units, and what has been decided
//! about them on the way down the search. Costs here are scaled up by a power of two, so that duals have fractions.

use crate::kernel::form::{Form, Tables};
use crate::kernel::problem::{Kind, Problem};

/// Units that a row gives to a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) row: u32,
    pub(crate) column: u32,
    pub(crate) units: i64,
}

/// What a plan must keep, for one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// At most so many rows that count.
    pub(crate) rows_max: u32,
    /// Virtual facilities count too.
    pub(crate) all_count: bool,
    /// Nothing may be left.
    pub(crate) must_fill: bool,
    pub(crate) one_per_node: bool,
}

/// Rows and columns of one run.
#[derive(Debug, Default)]
pub(crate) struct Core {
    pub(crate) bits: u32,
    /// Columns.
    pub(crate) width: usize,
    pub(crate) demand_of: Vec<u32>,
    /// By demand: its columns.
    pub(crate) spans: Vec<(u32, u32)>,
    /// By demand: units still to be met.
    pub(crate) quantity: Vec<i64>,
    /// By demand: the cost of a unit that is left; more than any plan where none may be.
    pub(crate) unfilled: Vec<i64>,
    /// By row: place in the problem, ascending.
    pub(crate) place: Vec<u32>,
    pub(crate) node: Vec<u32>,
    pub(crate) fixed: Vec<i64>,
    /// By row: it counts against the limit.
    pub(crate) counts: Vec<bool>,
    /// By row and column.
    pub(crate) cost: Vec<i64>,
    /// By row and column: never more than the demand.
    pub(crate) stock: Vec<i64>,
    pub(crate) lots: Lots,
    pub(crate) must_fill: bool,
    pub(crate) one_per_node: bool,
    pub(crate) rows_max: u32,
}

/// Stock that several columns of several rows draw on.
#[derive(Debug, Default)]
pub(crate) struct Lots {
    pub(crate) stock: Vec<i64>,
    /// By row and column: where its draws end; empty where there are no lots.
    ends: Vec<u32>,
    /// A lot, and how much a unit of the column takes of it.
    draws: Vec<(u32, i64)>,
    /// Scratch: entry, lot, and what a unit takes.
    found: Vec<(u32, u32, i64)>,
}

impl Lots {
    pub(crate) fn is_empty(&self) -> bool {
        self.stock.is_empty()
    }
    /// What a unit of an entry takes.
    #[inline]
    pub(crate) fn of(&self, entry: usize) -> &[(u32, i64)] {
        if self.ends.is_empty() {
            return &[];
        }
        let begin = if entry == 0 { 0 } else { self.ends[entry - 1] as usize };
        &self.draws[begin..self.ends[entry] as usize]
    }
    fn clear(&mut self) {
        self.stock.clear();
        self.ends.clear();
        self.draws.clear();
        self.found.clear();
    }
    /// Takes over the lots that could bind: those of which the rows could take more than there is.
    fn fill(&mut self, problem: &Problem, form: &Form, place: &[u32], width: usize) {
        self.clear();
        for lot in &problem.lots {
            let begin = self.found.len();
            let mut most = 0;
            for (facility, item) in problem.lot(lot) {
                let Ok(row) = place.binary_search(facility) else { continue };
                let (column, each) = form.column_of(*item);
                let quantity = form.demands[form.demand_of[column] as usize].quantity * each;
                most += quantity.min(i64::from(problem.units_at(*facility as usize, *item as usize)));
                self.found.push(((row * width + column) as u32, self.stock.len() as u32, each));
            }
            if most <= i64::from(lot.stock) {
                self.found.truncate(begin);
            } else {
                self.stock.push(i64::from(lot.stock));
            }
        }
        if self.stock.is_empty() {
            return;
        }
        self.found.sort_unstable();
        let mut found = self.found.iter().peekable();
        for entry in 0..(place.len() * width) as u32 {
            while let Some((_, lot, each)) = found.next_if(|(of, _, _)| *of == entry) {
                let begin = if entry == 0 { 0 } else { self.ends[entry as usize - 1] as usize };
                match self.draws[begin..].iter_mut().find(|(other, _)| other == lot) {
                    Some((_, sum)) => *sum += each,
                    None => self.draws.push((*lot, *each)),
                }
            }
            self.ends.push(self.draws.len() as u32);
        }
    }
}

impl Core {
    /// Takes the facilities at `places` in, with costs scaled by `2^bits`.
    pub(crate) fn fill(
        &mut self,
        problem: &Problem,
        form: &Form,
        tables: Tables<'_>,
        rules: Rules,
        scale: Scale,
        places: &[u32],
    ) {
        self.bits = scale.bits;
        self.width = tables.width;
        self.must_fill = rules.must_fill;
        self.one_per_node = rules.one_per_node;
        self.rows_max = rules.rows_max;
        self.demand_of.clone_from(&form.demand_of);
        self.spans.clear();
        self.quantity.clear();
        self.unfilled.clear();
        for demand in &form.demands {
            self.spans.push((demand.begin, demand.end));
            self.quantity.push(demand.quantity);
            let unfilled = if rules.must_fill { scale.forbidden } else { demand.unfilled << scale.bits };
            self.unfilled.push(unfilled);
        }
        self.place.clear();
        self.place.extend_from_slice(places);
        self.node.clear();
        self.fixed.clear();
        self.counts.clear();
        self.cost.clear();
        self.stock.clear();
        for place in places {
            let facility = &problem.facilities[*place as usize];
            self.node.push(facility.node);
            self.fixed.push(facility.fixed << scale.bits);
            self.counts.push(rules.all_count || facility.kind == Kind::Ship);
            let (costs, stock) = tables.row(*place as usize);
            self.cost.extend(costs.iter().map(|cost| cost << scale.bits));
            let clipped = stock.iter().zip(&self.demand_of);
            self.stock.extend(
                clipped.map(|(units, demand)| i64::from(*units).min(self.quantity[*demand as usize])),
            );
        }
        self.lots.fill(problem, form, places, tables.width);
    }

    #[inline]
    pub(crate) fn entry(&self, row: u32, column: usize) -> usize {
        row as usize * self.width + column
    }
    /// A scaled bound in cost units: no plan with a cost in whole units is below it.
    pub(crate) fn unscaled_up(&self, scaled: i64) -> i64 {
        (scaled + ((1 << self.bits) - 1)) >> self.bits
    }
}

/// How costs are scaled, and a cost above that of any plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) bits: u32,
    /// Scaled.
    pub(crate) forbidden: i64,
}

/// What has been decided: rows that are open, and units that are placed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path {
    /// Open rows, in the order of opening.
    pub(crate) open: Vec<u32>,
    /// By row: a unit of it is placed, so that its fixed cost is paid.
    pub(crate) forced: Vec<bool>,
    /// Placed units.
    pub(crate) placed: Vec<Given>,
    /// Fixed costs and unit costs of placed units.
    pub(crate) paid: i64,
    /// Those, and the fixed costs of the other open rows.
    pub(crate) sunk: i64,
    /// Open rows that count.
    pub(crate) counted: u32,
}

impl Path {
    pub(crate) fn clear(&mut self, rows: usize) {
        self.open.clear();
        self.forced.clear();
        self.forced.resize(rows, false);
        self.placed.clear();
        (self.paid, self.sunk, self.counted) = (0, 0, 0);
    }
}
