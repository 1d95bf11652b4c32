//! The best plan by true tariffs among a few rows: every way to share the units is gone through, node by node. It is
//! for the problems of which the straight lines below the tariffs do not tell the best plan.

use crate::kernel::Sets;
use crate::planner::cost::times;
use crate::planner::floors::Law;
use crate::planner::problem::Problem;
use crate::planner::score::{Given, Score, group_end};

/// Pairs of sets of units that may be looked at: a millisecond or so.
const STEPS_MAX: u64 = 600_000;

/// The best plan with some rows.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) given: Vec<Given>,
    pub(crate) score: Score,
}

/// The best plan that uses no other rows than `rows`, in ascending order. `None` when there are too many ways to share.
pub(crate) fn best(problem: &Problem<'_>, law: Law, rows: &[u32]) -> Option<Shared> {
    let wants: Vec<usize> =
        (0..problem.wants.len()).filter(|want| problem.wants[*want].reachable > 0).collect();
    let quantities: Option<Vec<u32>> =
        wants.iter().map(|want| u32::try_from(units_of(problem, *want)).ok()).collect();
    let quantities = quantities?;
    let nodes: Vec<&[u32]> =
        rows.chunk_by(|a, b| problem.rank(*a as usize) == problem.rank(*b as usize)).collect();
    let units: u64 = quantities.iter().map(|units| u64::from(*units)).sum();
    let givers_max = problem.shipments_max.min(units as usize) as u64;
    let layers = if givers_max >= units { 1 } else { givers_max + 1 };
    let pairs = Sets::pairs(&quantities).saturating_mul(nodes.len() as u64).saturating_mul(layers);
    if pairs > STEPS_MAX {
        return None;
    }
    let mut sets = Sets::new();
    sets.start(&quantities, u32::try_from(givers_max).ok()?).ok()?;
    for of_node in &nodes {
        let counts = !problem.is_forced(of_node[0] as usize);
        sets.add(counts, |units| cheapest(problem, &wants, of_node, units).map(|(cost, _)| cost));
    }
    let (score, units) = choose(problem, law, &wants, &sets)?;
    let mut given = Vec::new();
    for (giver, units) in sets.parts(&units) {
        let (_, row) = cheapest(problem, &wants, nodes[giver], &units)?;
        for (want, units) in wants.iter().zip(&units).filter(|(_, units)| **units > 0) {
            given.push(Given { row, want: *want, units: u64::from(*units) * unit_of(problem, *want) });
        }
    }
    Some(Shared { given, score })
}

/// A want that stays whole is one unit of all it asks.
fn unit_of(problem: &Problem<'_>, want: usize) -> u64 {
    let want = &problem.wants[want];
    if want.whole { want.reachable } else { 1 }
}

fn units_of(problem: &Problem<'_>, want: usize) -> u64 {
    problem.wants[want].reachable / unit_of(problem, want)
}

/// The cheapest row of a node for these units, and its cost; `None` where the node does not have them.
fn cheapest(problem: &Problem<'_>, wants: &[usize], rows: &[u32], units: &[u32]) -> Option<(i64, u32)> {
    let source = problem.rows[rows[0] as usize].source as usize;
    let mut load_mg = 0u64;
    let mut of_group = (usize::MAX, 0);
    for (want, units) in wants.iter().zip(units) {
        let asked = u64::from(*units) * unit_of(problem, *want);
        let end = group_end(problem, first_of_group(problem, *want));
        // Wants of one group take from the same stock.
        let taken = if of_group.0 == end { of_group.1 } else { 0 };
        if taken + asked > problem.free[source * problem.wants.len() + want] && asked > 0 {
            return None;
        }
        of_group = (end, taken + asked);
        load_mg = load_mg.saturating_add(asked.saturating_mul(problem.wants[*want].weight_mg));
    }
    let cost = |row: &u32| {
        let of_want = |(want, units): (&usize, &u32)| {
            times(u64::from(*units) * unit_of(problem, *want), problem.unit(*row as usize, *want))
        };
        let cost = wants.iter().zip(units).map(of_want).sum::<i128>();
        Some((i64::try_from(cost + problem.using_micro(*row as usize, load_mg)).ok()?, *row))
    };
    rows.iter().filter_map(cost).min()
}

fn first_of_group(problem: &Problem<'_>, want: usize) -> usize {
    let stock = problem.wants[want].stock;
    let before = problem.wants[..want].iter().rev();
    want - before.take_while(|other| other.stock == stock).count()
}

/// The best of all sets that can be given.
fn choose(problem: &Problem<'_>, law: Law, wants: &[usize], sets: &Sets) -> Option<(Score, Vec<u32>)> {
    let mut best: Option<((u128, i128), Score, Vec<u32>)> = None;
    sets.each(|units, cost| {
        let mut score = Score { unserved: 0, cost_micro: problem.unreachable_micro() + i128::from(cost) };
        for (want, units) in wants.iter().zip(units) {
            let left = problem.wants[*want].reachable - u64::from(*units) * unit_of(problem, *want);
            score.unserved += u128::from(left) * u128::from(problem.wants[*want].measure);
            score.cost_micro += times(left, problem.wants[*want].backorder_micro);
        }
        if problem.forced == 0 && units.iter().any(|units| *units > 0) {
            score.cost_micro -= i128::from(problem.split_micro);
        }
        let rank = law.rank(&score);
        if best.as_ref().is_none_or(|(least, _, _)| rank < *least) {
            best = Some((rank, score, units.to_vec()));
        }
    });
    best.map(|(_, score, units)| (score, units))
}
