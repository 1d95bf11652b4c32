//! Counts the lower bound of a plan again from its duals. It reads the question as the planner does, and uses neither the
//! kernel's search nor the planner's: duals are followed by [`follow`], and what they leave open is gone through here,
//! node by node, by true tariffs.

use crate::kernel::verify::follow;
use crate::kernel::{self, Ask};
use crate::planner::cost::times;
use crate::planner::demand::Demands;
use crate::planner::floors::{Duals, Law, tell};
use crate::planner::problem::Problem;
use crate::planner::question::Question;
use crate::planner::score::group_end;
use std::collections::BTreeMap;

/// Ways of joining what nodes give that are looked at.
const STEPS_MAX: u64 = 2_000_000;

/// What came of counting a bound again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recount {
    /// No plan costs less than the bound.
    Holds,
    /// A plan costs less; so much, in minor units.
    Cheaper(i64),
    /// The duals leave more open than can be gone through, or are none.
    Open,
}

/// Counts whether every plan of the question costs at least `bound_minor`.
pub(crate) fn recount(question: &Question<'_>, bound_minor: i64, duals: &Duals) -> Recount {
    let demands = Demands::of(question);
    let problem = Problem::gather(question, &demands);
    let settled = question.settled_micro(&demands);
    // A cost is said in whole minor units, rounded up: all that costs more than one less is no cheaper.
    let least_micro = i128::from(bound_minor - 1) * 1_000_000 + 1 - settled;
    if !problem.wants.iter().any(|want| want.reachable > 0) {
        return weigh(problem.unreachable_micro(), least_micro, settled);
    }
    let mut told = kernel::Problem::new();
    let bits = duals.coarser_bits;
    if bits > 62 || tell(&problem, Law { unserved_micro: 0 }, bits, &mut told).is_none() {
        return Recount::Open;
    }
    // What the floors do not hold: what no stock serves, the first parcel's split, and forced parcels that get cheaper.
    let besides = problem.unreachable_micro() - problem.first_shipment_micro() + problem.forced_slack_micro;
    let cutoff = least_micro - besides;
    let Ok(cutoff) = i64::try_from((cutoff >> bits) + i128::from(cutoff & ((1 << bits) - 1) != 0)) else {
        return Recount::Open;
    };
    let Some(followed) = follow(&told, &Ask::default(), duals.scale_bits, &duals.stages, cutoff) else {
        return Recount::Open;
    };
    if !duals.stages.is_empty() && followed.bound >= i128::from(cutoff) {
        return Recount::Holds;
    }
    match Ways::of(&problem, &followed.rows).and_then(|ways| ways.least()) {
        Some(least) => weigh(least, least_micro, settled),
        None => Recount::Open,
    }
}

fn weigh(found_micro: i128, least_micro: i128, settled_micro: i128) -> Recount {
    match found_micro >= least_micro {
        true => Recount::Holds,
        false => Recount::Cheaper(crate::planner::cost::minor_up(found_micro + settled_micro)),
    }
}

/// What some rows can give together, and the least that it costs.
struct Ways<'p> {
    problem: &'p Problem<'p>,
    /// Wants that something can serve, with how many portions each asks: units, or all of it where it stays whole.
    wants: Vec<(usize, u64)>,
    /// By node: what it could give, portions by want, and the least cost of that.
    nodes: Vec<(bool, Vec<(Vec<u64>, i128)>)>,
}

impl<'p> Ways<'p> {
    /// `None` where there are too many.
    fn of(problem: &'p Problem<'p>, rows: &[usize]) -> Option<Self> {
        let portions = |want: usize| {
            let facts = &problem.wants[want];
            if facts.whole { 1 } else { facts.reachable }
        };
        let wants: Vec<(usize, u64)> = (0..problem.wants.len())
            .filter(|want| problem.wants[*want].reachable > 0)
            .map(|want| (want, portions(want)))
            .collect();
        let sets = wants.iter().try_fold(1u64, |all, (_, most)| all.checked_mul(most.checked_add(1)?))?;
        let by_node: Vec<&[usize]> =
            rows.chunk_by(|a, b| problem.rows[*a].source == problem.rows[*b].source).collect();
        let layers = problem.shipments_max.min(by_node.len()) as u64 + 1;
        let pairs = sets.checked_mul(sets)?.checked_mul(by_node.len() as u64)?.checked_mul(layers)?;
        if pairs > STEPS_MAX {
            return None;
        }
        let mut ways = Self { problem, wants, nodes: Vec::new() };
        for rows in by_node {
            let gives = ways.gives(rows);
            ways.nodes.push((!problem.is_forced(rows[0]), gives));
        }
        Some(ways)
    }

    /// All that a node could give, with the least cost by any of its rows.
    fn gives(&self, rows: &[usize]) -> Vec<(Vec<u64>, i128)> {
        let mut found = Vec::new();
        let mut portions = vec![0u64; self.wants.len()];
        loop {
            let Some(at) = (0..portions.len()).find(|at| portions[*at] < self.wants[*at].1) else {
                return found;
            };
            portions[..at].fill(0);
            portions[at] += 1;
            if let Some(cost) = self.cost(rows, &portions) {
                found.push((portions.clone(), cost));
            }
        }
    }

    fn cost(&self, rows: &[usize], portions: &[u64]) -> Option<i128> {
        let problem = self.problem;
        let source = problem.rows[rows[0]].source as usize;
        let mut drawn: BTreeMap<usize, u64> = BTreeMap::new();
        let mut load_mg = 0u64;
        for ((want, _), portion) in self.wants.iter().zip(portions).filter(|(_, portion)| **portion > 0) {
            let facts = &problem.wants[*want];
            let units = if facts.whole { facts.reachable } else { *portion };
            // Wants of one stock draw on it together.
            let drawn = drawn.entry(group_end(problem, self.first_of_stock(*want))).or_default();
            *drawn += units;
            if *drawn > problem.free[source * problem.wants.len() + want] {
                return None;
            }
            load_mg = load_mg.saturating_add(units.saturating_mul(facts.weight_mg));
        }
        let of_row = |row: &usize| {
            let units = self.wants.iter().zip(portions).map(|((want, _), portion)| {
                let facts = &problem.wants[*want];
                let units = if facts.whole { facts.reachable * portion } else { *portion };
                times(units, problem.unit(*row, *want))
            });
            units.sum::<i128>() + problem.using_micro(*row, load_mg)
        };
        rows.iter().map(of_row).min()
    }

    fn first_of_stock(&self, want: usize) -> usize {
        let stock = self.problem.wants[want].stock;
        let before = self.problem.wants[..want].iter().rev().take_while(|other| other.stock == stock);
        want - before.count()
    }

    /// The least cost of any plan with these rows, what it leaves included.
    fn least(&self) -> Option<i128> {
        let problem = self.problem;
        let mut states: BTreeMap<(Vec<u64>, usize), i128> = BTreeMap::new();
        states.insert((vec![0; self.wants.len()], 0), 0);
        for (counts, gives) in &self.nodes {
            let mut next = states.clone();
            for ((given, opened), cost) in &states {
                let opened = opened + usize::from(*counts);
                if opened > problem.shipments_max {
                    continue;
                }
                for (portions, each) in gives {
                    let joined: Vec<u64> = given.iter().zip(portions).map(|(a, b)| a + b).collect();
                    if joined.iter().zip(&self.wants).all(|(sum, (_, most))| sum <= most) {
                        let least = next.entry((joined, opened)).or_insert(i128::MAX);
                        *least = (*least).min(cost + each);
                    }
                }
            }
            states = next;
        }
        let whole = |((given, _), cost): ((Vec<u64>, usize), i128)| {
            let left = given.iter().zip(&self.wants).map(|(portions, (want, most))| {
                let facts = &problem.wants[*want];
                let units = if facts.whole { (most - portions) * facts.reachable } else { most - portions };
                times(units, facts.backorder_micro)
            });
            let any = problem.forced == 0 && given.iter().any(|portions| *portions > 0);
            let first = if any { i128::from(problem.split_micro) } else { 0 };
            cost + left.sum::<i128>() - first
        };
        states.into_iter().map(whole).min().map(|least| least + problem.unreachable_micro())
    }
}

/// What one whole unit of each line is worth by the last of the duals, in minor units rounded down: some node serves it
/// for no more, and a node that asks more is not needed. By place of the line in the question; lines that no stock serves,
/// that are fetched or pinned have none.
pub(crate) fn line_values(question: &Question<'_>, duals: &Duals) -> Vec<(usize, i64)> {
    let demands = Demands::of(question);
    let problem = Problem::gather(question, &demands);
    let Some(values) = duals.stages.last() else { return Vec::new() };
    let reachable = demands.shipped.iter().zip(&problem.wants).filter(|(_, want)| want.reachable > 0);
    let mut found = Vec::new();
    for ((demand, want), value) in reachable.zip(values) {
        let micro = (i128::from(*value) << duals.coarser_bits) >> duals.scale_bits;
        let units = if want.whole { want.reachable } else { 1 };
        // Of lines that stay together the value is that of all of it.
        let scale = if demand.pieces.is_empty() {
            i128::from(crate::planner::cost::scale_factor(demands.stocks[demand.stock].item))
        } else {
            1
        };
        let minor = (micro * scale).div_euclid(i128::from(units.max(1)) * 1_000_000);
        for (line, _) in &demand.lines {
            let place = question.request.lines.iter().position(|one| one.line == demands.lines[*line].line);
            found.extend(place.map(|place| (place, i64::try_from(minor).unwrap_or(i64::MAX))));
        }
    }
    found.sort_unstable();
    found
}
