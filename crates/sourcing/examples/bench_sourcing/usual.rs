//! What shops usually do instead: simple rules, played on the same problem and priced with the same costs.

use crate::town::{NodeKind, Town};
use waybill_sourcing::kernel::{Ask, Problem, Solver};

/// The rules, in the order of the table.
pub(crate) const NAMES: [&str; 6] = [
    "walk by distance",
    "nearest complete, else walk",
    "fewest shipments (greedy), then distance",
    "warehouse first, by distance",
    "cheapest complete, else walk",
    "rank ten nodes, then optimise",
];

/// The cost of each rule's plan.
pub(crate) fn costs(town: &Town, zone: usize, problem: &Problem, solver: &mut Solver) -> [i64; 6] {
    let km = &town.km[zone];
    let node = |place: &u32| problem.facilities()[*place as usize].node as usize;
    let mut near: Vec<u32> = (0..problem.facilities().len() as u32).collect();
    near.sort_by_key(|place| (km[node(place)], *place));
    let complete = |place: &&u32| gives_all(problem, **place as usize);
    let walk = price(problem, near.iter().copied());
    let nearest = near.iter().find(complete).map_or(walk, |place| price(problem, [*place].into_iter()));
    let cheapest =
        near.iter().filter(complete).map(|place| price(problem, [*place].into_iter())).min().unwrap_or(walk);
    let mut warehouses = near.clone();
    warehouses.sort_by_key(|place| (town.kinds[node(place)] == NodeKind::Store, km[node(place)], *place));
    let fewest = price(problem, widest(problem, &near).into_iter());
    [
        walk,
        nearest,
        fewest,
        price(problem, warehouses.into_iter()),
        cheapest,
        rank_ten(problem, &near, solver),
    ]
}

fn gives_all(problem: &Problem, place: usize) -> bool {
    problem.lines().iter().enumerate().all(|(item, line)| problem.units_at(place, item) >= line.quantity)
}

/// Facilities in the given order, each giving all it can of what is left.
fn price(problem: &Problem, order: impl Iterator<Item = u32>) -> i64 {
    let mut left: Vec<u32> = problem.lines().iter().map(|line| line.quantity).collect();
    let mut cost = 0;
    for place in order {
        let mut gave = false;
        for (item, left) in left.iter_mut().enumerate() {
            let units = (*left).min(problem.units_at(place as usize, item));
            gave |= units > 0;
            cost += i64::from(units) * problem.unit_cost(place as usize, item);
            *left -= units;
        }
        cost += if gave { problem.facilities()[place as usize].fixed } else { 0 };
        if left.iter().all(|units| *units == 0) {
            break;
        }
    }
    cost + left
        .iter()
        .zip(problem.lines())
        .map(|(units, line)| i64::from(*units) * line.unfilled)
        .sum::<i64>()
}

/// Takes the facility that gives most of what is left, the nearest of those, until nothing is.
fn widest(problem: &Problem, near: &[u32]) -> Vec<u32> {
    let mut left: Vec<u32> = problem.lines().iter().map(|line| line.quantity).collect();
    let mut chosen: Vec<u32> = Vec::new();
    loop {
        let gives = |place: &u32| -> u32 {
            let units = |(item, left): (usize, &u32)| (*left).min(problem.units_at(*place as usize, item));
            left.iter().enumerate().map(units).sum()
        };
        let mut best = (0, 0);
        // A facility that was chosen has given all it has.
        for place in near.iter().filter(|place| !chosen.contains(*place)) {
            let units = gives(place);
            if units > best.0 {
                best = (units, *place);
            }
        }
        if best.0 == 0 {
            return chosen;
        }
        for (item, left) in left.iter_mut().enumerate() {
            *left -= (*left).min(problem.units_at(best.1 as usize, item));
        }
        chosen.push(best.1);
    }
}

/// The ten nodes that have most of the basket, the nearest first among equals; then the best plan with those alone.
fn rank_ten(problem: &Problem, near: &[u32], solver: &mut Solver) -> i64 {
    let units = |place: &u32| -> u32 {
        let of_line = |(item, line): (usize, &waybill_sourcing::kernel::Line)| {
            line.quantity.min(problem.units_at(*place as usize, item))
        };
        problem.lines().iter().enumerate().map(of_line).sum()
    };
    let mut ranked = near.to_vec();
    ranked.sort_by_key(|place| std::cmp::Reverse(units(place)));
    let mut kept: Vec<u32> = ranked.into_iter().take(10).collect();
    kept.sort_unstable();
    let without = (0..problem.facilities().len() as u32).filter(|place| kept.binary_search(place).is_err());
    let ask = Ask { without: without.collect(), ..Ask::default() };
    solver.solve(problem, &ask).expect("a part of a sound problem is sound").cost
}
