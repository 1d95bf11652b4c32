//! Sets of units against the exact kernel, and nested for hubs against every way there is.

use crate::random::{self, Dice, Spice};
use waybill_sourcing::kernel::{
    Ask, Bond, Facility, Hub, Kind, Line, Malformed, Problem, Sets, Solver, merge,
};

#[test]
fn sets_of_units_cost_what_the_kernel_says() {
    let mut solver = Solver::new();
    for seed in 0..3_000 {
        let dice = &mut Dice(1_000_000 + seed);
        let spice = Spice { negative: dice.percent(50), few_shipments: dice.percent(50), ..Spice::default() };
        let (problem, _) = random::problem(dice, spice);
        let exact = solver.solve(&problem, &Ask::default()).unwrap();
        let merged = merge(&problem, &[]).unwrap();
        assert_eq!(merged.cost, exact.cost, "seed {seed}");
        let counted: i64 = merged
            .direct
            .iter()
            .map(|share| {
                i64::from(share.units) * problem.unit_cost(share.facility as usize, share.item as usize)
            })
            .sum();
        let mut used: Vec<u32> = merged.direct.iter().map(|share| share.facility).collect();
        used.dedup();
        let fixed: i64 = used.iter().map(|place| problem.facilities()[*place as usize].fixed).sum();
        let left = merged.unfilled.iter().zip(problem.lines());
        let unfilled: i64 = left.map(|(units, line)| i64::from(*units) * line.unfilled).sum();
        assert_eq!(counted + fixed + unfilled, merged.cost, "seed {seed}: {merged:?}");
    }
}

fn small(dice: &mut Dice, lines: &[u32], facilities: u32, kind: Kind) -> Problem {
    let mut problem = Problem::new();
    for quantity in lines {
        problem.add_line(Line { quantity: *quantity, unfilled: 700, bond: Bond::Free }, 1);
    }
    for id in 0..facilities {
        let fixed = dice.between(0, 400);
        let (costs, units) =
            problem.add_facility(Facility { id, node: id, fixed, kind, ..Facility::default() });
        for (cost, units) in costs.iter_mut().zip(units) {
            *cost = dice.between(0, 100);
            *units = dice.below(3) as u32;
        }
    }
    problem
}

/// Units through the hub in every way; the kernel solves what is left on either side.
fn every_split(direct: &Problem, hub: &Hub<'_>, solver: &mut Solver) -> i64 {
    let asked: Vec<u32> = direct.lines().iter().map(|line| line.quantity).collect();
    let mut best = solver.solve(direct, &Ask::default()).unwrap().cost;
    let mut units = vec![0u32; asked.len()];
    loop {
        let Some(kind) = (0..units.len()).find(|kind| units[*kind] < asked[*kind]) else { return best };
        units[..kind].fill(0);
        units[kind] += 1;
        let inbound = limited(hub.inbound, &units, 1_000_000, u32::MAX);
        let rest: Vec<u32> = asked.iter().zip(&units).map(|(asked, units)| asked - units).collect();
        let direct = limited(direct, &rest, 700, direct.limits.shipments_max.saturating_sub(1));
        let mut cost = hub.fixed;
        if direct.lines().is_empty() && inbound.lines().is_empty() {
            continue;
        }
        cost += units.iter().zip(hub.units).map(|(units, each)| i64::from(*units) * each).sum::<i64>();
        for side in [&inbound, &direct] {
            if !side.lines().is_empty() {
                cost += solver.solve(side, &Ask::default()).unwrap().cost;
            }
        }
        best = best.min(cost);
    }
}

/// The same facilities for other quantities; lines of none are left out.
fn limited(problem: &Problem, quantities: &[u32], unfilled: i64, shipments_max: u32) -> Problem {
    let mut other = Problem::new();
    let kept: Vec<usize> = (0..quantities.len()).filter(|line| quantities[*line] > 0).collect();
    for line in &kept {
        other.add_line(Line { quantity: quantities[*line], unfilled, bond: Bond::Free }, 1);
    }
    for (place, facility) in problem.facilities().iter().enumerate() {
        let (costs, units) = other.add_facility(*facility);
        for (item, line) in kept.iter().enumerate() {
            costs[item] = problem.unit_cost(place, *line);
            units[item] = problem.units_at(place, *line);
        }
    }
    other.limits.shipments_max = shipments_max;
    other
}

#[test]
fn goods_are_merged_at_a_hub_when_that_is_cheapest() {
    let (mut solver, mut merged_often) = (Solver::new(), 0);
    for seed in 0..600 {
        let dice = &mut Dice(1_100_000 + seed);
        let lines: Vec<u32> = (0..1 + dice.below(3)).map(|_| 1 + dice.below(2) as u32).collect();
        let mut direct = small(dice, &lines, 3, Kind::Ship);
        if dice.percent(50) {
            direct.limits.shipments_max = 1 + dice.below(2) as u32;
        }
        let inbound = small(dice, &lines, 3, Kind::Virtual);
        let each: Vec<i64> = lines.iter().map(|_| dice.between(0, 30)).collect();
        let hub = Hub { fixed: dice.between(0, 300), units: &each, inbound: &inbound };
        let merged = merge(&direct, &[hub]).unwrap();
        assert_eq!(merged.cost, every_split(&direct, &hub, &mut solver), "seed {seed}: {merged:?}");
        merged_often += u32::from(!merged.through[0].is_empty());
    }
    assert!((50..590).contains(&merged_often), "{merged_often} of 600 went through the hub");
}

#[test]
fn a_giver_may_ask_by_steps_and_too_many_sets_are_refused() {
    let mut sets = Sets::new();
    sets.start(&[2, 3], 5).unwrap();
    // A parcel of up to two units costs 10, one of up to four 13.
    let by_steps = |units: &[u32]| match units.iter().sum::<u32>() {
        0..=2 => Some(10),
        3..=4 => Some(13),
        _ => None,
    };
    sets.add(true, by_steps);
    assert_eq!((sets.cost(&[1, 1]), sets.cost(&[2, 2]), sets.cost(&[2, 3])), (Some(10), Some(13), None));
    sets.add(true, |units| by_steps(units).map(|cost| cost + 1));
    assert_eq!(sets.cost(&[2, 3]), Some(24));
    assert_eq!(sets.parts(&[2, 3]).iter().map(|(_, units)| units.iter().sum::<u32>()).sum::<u32>(), 5);
    assert!(matches!(sets.start(&[1; 13], 1), Err(Malformed::TooManySets(..))));
}
