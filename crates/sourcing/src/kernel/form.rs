//! A problem brought into one form: demands that are met unit by unit, and columns that can meet them. Lines that stay
//! whole or together, and bundles, become one demand whose unit is all that stays together. It only rewrites.

use crate::kernel::problem::{Bond, Problem};

/// What is to be met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    pub(crate) quantity: i64,
    /// The cost of a unit that is left.
    pub(crate) unfilled: i64,
    /// Its columns.
    pub(crate) begin: u32,
    pub(crate) end: u32,
}

/// Items that make one unit of a column, and how many of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) item: u32,
    pub(crate) each: u32,
}

/// The form of one problem; its memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) demands: Vec<Demand>,
    /// By column: its demand.
    pub(crate) demand_of: Vec<u32>,
    /// By column: where its pieces end; they begin where those of the one before end.
    ends: Vec<u32>,
    pieces: Vec<Piece>,
    /// Every column is one unit of one item, so that the problem's own tables serve.
    plain: bool,
    costs: Vec<i64>,
    stock: Vec<u32>,
    /// Scratch: lines that have their demand.
    placed: Vec<bool>,
}

/// Tables by facility and column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tables<'t> {
    pub(crate) width: usize,
    pub(crate) costs: &'t [i64],
    pub(crate) stock: &'t [u32],
}

impl Tables<'_> {
    #[inline]
    pub(crate) fn row(&self, facility: usize) -> (&[i64], &[u32]) {
        let begin = facility * self.width;
        (&self.costs[begin..begin + self.width], &self.stock[begin..begin + self.width])
    }
}

impl Form {
    /// Rewrites the problem, which must be sound.
    pub(crate) fn of(&mut self, problem: &Problem) {
        self.demands.clear();
        self.demand_of.clear();
        self.ends.clear();
        self.pieces.clear();
        self.plain = true;
        self.placed.clear();
        self.placed.resize(problem.lines.len(), false);
        let mut item = 0;
        for number in 0..problem.lines.len() {
            let begin = item;
            while item < problem.item_line.len() && problem.item_line[item] as usize == number {
                item += 1;
            }
            if !self.placed[number] {
                self.add_demand(problem, number, begin as u32..item as u32);
            }
        }
        if !self.plain {
            self.fill_tables(problem);
        }
    }

    fn add_demand(&mut self, problem: &Problem, number: usize, items: std::ops::Range<u32>) {
        let line = problem.lines[number];
        let demand = self.demands.len() as u32;
        let begin = self.demand_of.len() as u32;
        let (quantity, unfilled) = match line.bond {
            Bond::Free | Bond::Whole => {
                let each = if line.bond == Bond::Whole { line.quantity } else { 1 };
                for item in items {
                    self.pieces.push(Piece { item, each });
                    self.close_column(demand);
                }
                self.plain &= each == 1;
                (line.quantity / each, line.unfilled.saturating_mul(i64::from(each)))
            }
            Bond::Together(_) | Bond::Bundle { .. } => {
                self.plain = false;
                let unfilled = self.add_group(problem, number);
                self.close_column(demand);
                (each_of(line.bond, line.quantity).1, unfilled)
            }
        };
        let end = self.demand_of.len() as u32;
        self.demands.push(Demand { quantity: i64::from(quantity), unfilled, begin, end });
    }

    /// Takes all lines of the group of line `number` into one column. Returns what a unit of it costs unfilled.
    fn add_group(&mut self, problem: &Problem, number: usize) -> i64 {
        let group = group_of(problem.lines[number].bond);
        let mut unfilled = 0i64;
        for (other, line) in problem.lines.iter().enumerate().skip(number) {
            if group_of(line.bond) != group {
                continue;
            }
            self.placed[other] = true;
            let (each, _) = each_of(line.bond, line.quantity);
            let item = problem.item_line.partition_point(|of| (*of as usize) < other) as u32;
            self.pieces.push(Piece { item, each });
            unfilled = unfilled.saturating_add(line.unfilled.saturating_mul(i64::from(each)));
        }
        unfilled
    }

    fn close_column(&mut self, demand: u32) {
        self.demand_of.push(demand);
        self.ends.push(self.pieces.len() as u32);
    }

    fn fill_tables(&mut self, problem: &Problem) {
        let items = problem.item_line.len();
        self.costs.clear();
        self.stock.clear();
        for facility in 0..problem.facilities.len() {
            let begin = facility * items;
            for column in 0..self.demand_of.len() {
                let (mut cost, mut stock) = (0i64, u32::MAX);
                for piece in self.pieces(column) {
                    let at = begin + piece.item as usize;
                    cost = cost.saturating_add(problem.costs[at].saturating_mul(i64::from(piece.each)));
                    stock = stock.min(problem.stock[at] / piece.each);
                }
                self.costs.push(cost);
                self.stock.push(stock);
            }
        }
    }

    /// The items of one unit of a column.
    #[inline]
    pub(crate) fn pieces(&self, column: usize) -> &[Piece] {
        let begin = if column == 0 { 0 } else { self.ends[column - 1] as usize };
        &self.pieces[begin..self.ends[column] as usize]
    }

    /// The column that an item is in, and how many of it make one unit there.
    pub(crate) fn column_of(&self, item: u32) -> (usize, i64) {
        if self.plain {
            return (item as usize, 1);
        }
        let found = (0..self.ends.len()).find_map(|column| {
            let piece = self.pieces(column).iter().find(|piece| piece.item == item)?;
            Some((column, i64::from(piece.each)))
        });
        found.unwrap_or((0, 0))
    }

    /// Cost and stock by facility and column.
    pub(crate) fn tables<'t>(&'t self, problem: &'t Problem) -> Tables<'t> {
        let width = self.demand_of.len();
        if self.plain {
            Tables { width, costs: &problem.costs, stock: &problem.stock }
        } else {
            Tables { width, costs: &self.costs, stock: &self.stock }
        }
    }

    /// Units of every demand together.
    pub(crate) fn units(&self) -> i64 {
        self.demands.iter().map(|demand| demand.quantity).sum()
    }
}

/// Units of a line in one unit of its group, and how many such units there are.
fn each_of(bond: Bond, quantity: u32) -> (u32, u32) {
    match bond {
        Bond::Bundle { each, .. } => (each, quantity / each),
        Bond::Free => (1, quantity),
        Bond::Whole | Bond::Together(_) => (quantity, 1),
    }
}

fn group_of(bond: Bond) -> Option<(bool, u32)> {
    match bond {
        Bond::Together(group) => Some((false, group)),
        Bond::Bundle { group, .. } => Some((true, group)),
        Bond::Free | Bond::Whole => None,
    }
}
