//! From the lines of a question to demands on stock: what is pinned or collected is settled here, where there is no
//! choice; what is shipped is summed by SKU and owner, so that two lines never count the same units twice.

use crate::interner::NodeIx;
use crate::mirror::{ItemFacts, StockRow};
use crate::planner::cost::unit_weight_mg;
use crate::planner::question::Question;
use crate::planner::terms::Price;
use waybill_types::exchange::{Claim, Delivery, PlanLine, UnplannedReason};
use waybill_types::{OwnerId, Sku};

/// Units of one line from one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Index into [`Demands::lines`].
    pub(crate) line: usize,
    pub(crate) node: NodeIx,
    pub(crate) units: u64,
}

/// Units of one line from nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) line: usize,
    pub(crate) units: u64,
    pub(crate) reason: UnplannedReason,
}

/// Stock that demands share: one SKU of one owner.
pub(crate) struct Stock<'q> {
    pub(crate) sku: &'q Sku,
    pub(crate) owner: &'q OwnerId,
    pub(crate) item: ItemFacts,
    pub(crate) rows: &'q [StockRow],
    /// Units that pickups take, by node.
    pub(crate) collected: Vec<(NodeIx, u64)>,
    /// What units of it cost on top somewhere.
    pub(crate) prices: Vec<Price<'q>>,
}

/// Units to be shipped: all lines of a splittable SKU together, or one line that must not be split.
#[derive(Debug)]
pub(crate) struct Demand {
    /// Index into [`Demands::stocks`]; demands on one stock stand next to each other.
    pub(crate) stock: usize,
    pub(crate) units: u64,
    /// Lines and their units, by line number.
    pub(crate) lines: Vec<(usize, u64)>,
    /// Where several stay together: the stocks and units that make the one unit asked. Else empty.
    pub(crate) pieces: Vec<(usize, u64)>,
}

/// A question taken apart.
pub(crate) struct Demands<'q> {
    /// By line number.
    pub(crate) lines: Vec<&'q PlanLine>,
    /// By line: index into `stocks`.
    pub(crate) stock_of: Vec<usize>,
    pub(crate) stocks: Vec<Stock<'q>>,
    pub(crate) pinned: Vec<Part>,
    pub(crate) collected: Vec<Part>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) shipped: Vec<Demand>,
}

impl<'q> Demands<'q> {
    pub(crate) fn of(question: &Question<'q>) -> Self {
        let mut lines: Vec<&PlanLine> = question.request.lines.iter().collect();
        lines.sort_by_key(|line| line.line);
        let (stocks, stock_of) = stocks_of(question, &lines);
        let mut demands = Self {
            lines,
            stock_of,
            stocks,
            pinned: Vec::new(),
            collected: Vec::new(),
            missing: Vec::new(),
            shipped: Vec::new(),
        };
        let mut open: Vec<u64> = demands.lines.iter().map(|line| line.quantity.units()).collect();
        demands.pin(question, &mut open);
        demands.collect(question, &mut open);
        demands.ship(&open);
        demands.join(question);
        demands
    }

    /// Plans units that are reserved already exactly where they are, pickups first. A pin that can no longer be
    /// carried out (its node is excluded, closed for good, or has no way to the customer) is dropped, and its units
    /// are planned like any others.
    fn pin(&mut self, question: &Question<'q>, open: &mut [u64]) {
        let mut claims: Vec<&Claim> = question.request.pinned.iter().collect();
        claims.sort_unstable();
        for claim in claims {
            let Some(node) = question.network.node_index(&claim.node) else { continue };
            let mut remaining = claim.quantity.units();
            for pickups in [true, false] {
                for (index, line) in self.lines.iter().enumerate() {
                    let fits = match &line.delivery {
                        Delivery::Pickup(at) => pickups && *at == claim.node && question.collects(node),
                        Delivery::Ship => !pickups && question.ships(node),
                    };
                    if !fits || line.sku != claim.sku || line.owner != claim.owner {
                        continue;
                    }
                    let units = remaining.min(open[index]);
                    if units > 0 {
                        self.pinned.push(Part { line: index, node, units });
                        open[index] -= units;
                        remaining -= units;
                    }
                }
            }
        }
    }

    /// Gives pickups the stock of their own node, by line number: nothing else can serve them.
    fn collect(&mut self, question: &Question<'q>, open: &mut [u64]) {
        for (index, line) in self.lines.iter().enumerate() {
            let Delivery::Pickup(at) = &line.delivery else { continue };
            let asked = std::mem::take(&mut open[index]);
            let Some(node) = question.network.node_index(at).filter(|node| question.collects(*node)) else {
                self.missing.extend(missing(index, asked, UnplannedReason::NoPickup));
                continue;
            };
            let stock = &mut self.stocks[self.stock_of[index]];
            let free = stock.free_at(node);
            let given = if stock.item.no_split() && free < asked { 0 } else { free.min(asked) };
            if given > 0 {
                stock.collected.push((node, given));
                self.collected.push(Part { line: index, node, units: given });
            }
            self.missing.extend(missing(index, asked - given, UnplannedReason::NoStock));
        }
    }

    fn ship(&mut self, open: &[u64]) {
        let mut by_stock: Vec<usize> = (0..self.lines.len()).filter(|index| open[*index] > 0).collect();
        by_stock.sort_by_key(|index| (self.stock_of[*index], *index));
        for index in by_stock {
            let stock = self.stock_of[index];
            let joins = !self.stocks[stock].item.no_split();
            match self.shipped.last_mut() {
                Some(last) if last.stock == stock && joins => {
                    last.units += open[index];
                    last.lines.push((index, open[index]));
                }
                _ => {
                    let (units, lines) = (open[index], vec![(index, open[index])]);
                    self.shipped.push(Demand { stock, units, lines, pieces: Vec::new() });
                }
            }
        }
    }
}

impl Stock<'_> {
    /// What is left at a node after pickups.
    pub(crate) fn free_at(&self, node: NodeIx) -> u64 {
        let found = self.rows.binary_search_by_key(&node, |row| row.node);
        let available = found.map_or(0, |at| self.rows[at].available.units());
        self.after_pickups(node, available)
    }

    #[inline]
    pub(crate) fn after_pickups(&self, node: NodeIx, available: u64) -> u64 {
        let taken = self.collected.iter().filter(|(at, _)| *at == node).map(|(_, units)| units).sum();
        available.saturating_sub(taken)
    }
}

fn missing(line: usize, units: u64, reason: UnplannedReason) -> Option<Missing> {
    (units > 0).then_some(Missing { line, units, reason })
}

/// The distinct (SKU, owner) pairs in ascending order, and which of them each line asks for.
fn stocks_of<'q>(question: &Question<'q>, lines: &[&'q PlanLine]) -> (Vec<Stock<'q>>, Vec<usize>) {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|a, b| (&lines[*a].sku, &lines[*a].owner).cmp(&(&lines[*b].sku, &lines[*b].owner)));
    let mut stocks: Vec<Stock<'q>> = Vec::with_capacity(lines.len());
    let mut stock_of = vec![0; lines.len()];
    for index in order {
        let line = lines[index];
        if stocks.last().is_none_or(|last| *last.sku != line.sku || *last.owner != line.owner) {
            stocks.push(Stock {
                sku: &line.sku,
                owner: &line.owner,
                item: question.stock.item(&line.sku),
                rows: question.stock.stock(&line.sku, &line.owner),
                collected: Vec::new(),
                prices: question.prices_of(&line.sku),
            });
        }
        stock_of[index] = stocks.len() - 1;
    }
    (stocks, stock_of)
}

impl Demands<'_> {
    pub(crate) fn is_shipped(&self, line: usize) -> bool {
        self.lines[line].delivery == Delivery::Ship
    }
    pub(crate) fn item(&self, line: usize) -> ItemFacts {
        self.stocks[self.stock_of[line]].item
    }
}

impl Demands<'_> {
    /// The weight of a part in milligrams.
    pub(crate) fn weight_mg(&self, part: &Part) -> u64 {
        part.units.saturating_mul(unit_weight_mg(self.item(part.line)))
    }
}
