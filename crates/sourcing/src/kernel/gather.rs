//! Fills a problem from lists: what each item's shelf says, joined with the ways from nodes to the destination. Both are
//! in ascending order of node, and read once. It knows neither what a node is nor how a way got its cost.

use crate::kernel::problem::{Facility, Problem};

/// A way from a node to the destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The facility as it will stand in the problem; its id is replaced by the way's place in the list.
    pub facility: Facility,
    /// The cost of carrying one unit of weight.
    pub per_weight: i64,
    /// The cost of one unit of anything, besides its weight.
    pub per_unit: i64,
}

/// What an item is to the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shelf<'s> {
    /// Nodes and the units they have, strictly ascending by node.
    pub rows: &'s [(u32, u32)],
    /// The weight of one unit.
    pub weight: i64,
}

/// Joins shelves and ways, in memory that is used again.
#[derive(Debug, Default)]
pub struct Gather {
    /// By node, as bits: some shelf has it.
    stocked: Vec<u64>,
    /// By word of the above: stocked nodes before it.
    before: Vec<u32>,
    /// By stocked node: its first facility, and one behind the last.
    spans: Vec<(u32, u32)>,
}

impl Gather {
    /// A gatherer without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds to `problem`, whose lines are there, a facility for each way from a node that has something, with its costs
    /// and stock. `ways` are ascending by node; `shelves` are by item.
    pub fn fill(&mut self, problem: &mut Problem, ways: &[Way], shelves: &[Shelf<'_>]) {
        let nodes = ways.last().map_or(0, |way| way.facility.node as usize + 1);
        self.mark(nodes, shelves);
        self.add_facilities(problem, ways);
        let items = shelves.len();
        for (item, shelf) in shelves.iter().enumerate() {
            for (node, units) in shelf.rows {
                let Some(place) = self.place(*node as usize) else { continue };
                let (begin, end) = self.spans[place];
                for facility in begin..end {
                    problem.stock[facility as usize * items + item] = *units;
                }
            }
        }
        let mut at = 0;
        for facility in &problem.facilities {
            let way = &ways[facility.id as usize];
            for shelf in shelves {
                problem.costs[at] = way.per_unit + way.per_weight * shelf.weight;
                at += 1;
            }
        }
    }

    fn mark(&mut self, nodes: usize, shelves: &[Shelf<'_>]) {
        self.stocked.clear();
        self.stocked.resize(nodes.div_ceil(64), 0);
        for shelf in shelves {
            for (node, _) in shelf.rows {
                if let Some(word) = self.stocked.get_mut(*node as usize / 64) {
                    *word |= 1 << (node % 64);
                }
            }
        }
        self.before.clear();
        let mut count = 0;
        for word in &self.stocked {
            self.before.push(count);
            count += word.count_ones();
        }
        self.spans.clear();
        self.spans.resize(count as usize, (0, 0));
    }

    /// The place of a stocked node among all of them.
    #[inline]
    fn place(&self, node: usize) -> Option<usize> {
        let word = *self.stocked.get(node / 64)?;
        let bit = 1u64 << (node % 64);
        (word & bit != 0).then(|| self.before[node / 64] as usize + (word & (bit - 1)).count_ones() as usize)
    }

    fn add_facilities(&mut self, problem: &mut Problem, ways: &[Way]) {
        for (number, way) in ways.iter().enumerate() {
            let Some(place) = self.place(way.facility.node as usize) else { continue };
            let next = problem.facilities.len() as u32;
            let span = &mut self.spans[place];
            if span.0 == span.1 {
                span.0 = next;
            }
            span.1 = next + 1;
            problem.facilities.push(Facility { id: number as u32, ..way.facility });
        }
        let cells = problem.facilities.len() * problem.item_line.len();
        problem.costs.resize(cells, 0);
        problem.stock.resize(cells, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::problem::{Bond, Line};

    #[test]
    fn shelves_and_ways_meet_by_node() {
        let mut problem = Problem::new();
        for quantity in [1, 2] {
            problem.add_line(Line { quantity, unfilled: 99, bond: Bond::Free }, 1);
        }
        let way = |node, per_weight| Way {
            facility: Facility { node, fixed: i64::from(node), ..Facility::default() },
            per_weight,
            per_unit: 1,
        };
        let ways = [way(0, 1), way(3, 2), way(3, 5), way(70, 3), way(71, 9)];
        let shelves = [
            Shelf { rows: &[(3, 4), (71, 1), (900, 5)], weight: 10 },
            Shelf { rows: &[(2, 8), (3, 6), (70, 7)], weight: 100 },
        ];
        Gather::new().fill(&mut problem, &ways, &shelves);
        let ids: Vec<u32> = problem.facilities().iter().map(|facility| facility.id).collect();
        assert_eq!(ids, [1, 2, 3, 4], "nodes that have something and a way, every way of them");
        assert_eq!(problem.stock, [4, 6, 4, 6, 0, 7, 1, 0]);
        assert_eq!(problem.costs, [21, 201, 51, 501, 31, 301, 91, 901]);
        assert_eq!(problem.check(), Ok(()));
    }
}
