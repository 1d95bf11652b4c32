//! The exact kernel against every plan there is, against simple rules and against random plans; its certificates
//! against the separate checker.

#[path = "common/dice.rs"]
mod dice;
#[path = "kernel/enumerate.rs"]
mod enumerate;
#[path = "kernel/random.rs"]
mod random;
#[path = "kernel/sets.rs"]
mod sets;

use random::{Dice, Spice};
use std::collections::BTreeMap;
use waybill_sourcing::kernel::verify::{Fault, verify};
use waybill_sourcing::kernel::{
    Ask, Bond, Complete, Days, Facility, Kind, Line, Malformed, Problem, Solution, Solver,
};

/// What a problem has besides partial stock, by name.
fn extensions(problem: &Problem, ask: &Ask) -> Vec<&'static str> {
    let lines = || problem.lines().iter();
    let facilities = || problem.facilities().iter();
    let items = 0..problem.items().len();
    let cells =
        || (0..problem.facilities().len()).flat_map(|place| items.clone().map(move |item| (place, item)));
    let mut found = Vec::new();
    let mut says = |holds: bool, name| found.extend(holds.then_some(name));
    says(lines().any(|line| line.bond == Bond::Whole), "whole lines");
    says(lines().filter(|line| matches!(line.bond, Bond::Together(_))).count() > 1, "together");
    says(lines().any(|line| matches!(line.bond, Bond::Bundle { .. })), "bundles");
    says(problem.items().len() > problem.lines().len(), "substitutes");
    says(problem.lots().any(|(_, members)| members.len() > 1), "lots");
    says(problem.limits.shipments_max < 4, "shipment limits");
    says(problem.limits.complete == Complete::OneFacility, "complete from one");
    says(problem.limits.complete == Complete::OneDay, "complete on one day");
    says(problem.limits.one_per_node, "one per node");
    says(ask.days != Days::Any, "days");
    says(facilities().any(|facility| facility.kind == Kind::Virtual), "virtual facilities");
    says(facilities().any(|facility| facility.fixed < 0), "negative fixed costs");
    says(cells().any(|(place, item)| problem.unit_cost(place, item) < 0), "negative unit costs");
    found
}

/// Solves random problems and holds each against every plan there is. Returns how often each extension occurred.
fn hold_against_enumeration(
    problems: u64,
    from: u64,
    spice: impl Fn(&mut Dice) -> Spice,
) -> BTreeMap<&'static str, u32> {
    let mut drawn = BTreeMap::new();
    let mut solver = Solver::new();
    let mut solution = Solution::default();
    for seed in from..from + problems {
        let dice = &mut Dice(seed);
        let spice = spice(dice);
        let (problem, ask) = random::problem(dice, spice);
        solver.solve_into(&problem, &ask, &mut solution).unwrap();
        for name in extensions(&problem, &ask) {
            *drawn.entry(name).or_default() += 1;
        }
        let best = enumerate::optimum(&problem, &ask);
        let said = || format!("seed {seed}: {problem:?} {ask:?} {solution:?}");
        assert_eq!(verify(&problem, &ask, &solution), Ok(()), "{}", said());
        assert_eq!(solution.cost, best, "{}", said());
        assert!(solution.certificate.proven, "{}", said());
    }
    drawn
}

/// Problems held against enumeration by the four tests below.
const PROBLEMS: [u64; 4] = [10_000, 8_000, 20_000, 6_000];
const _: () = assert!(PROBLEMS[0] + PROBLEMS[1] + PROBLEMS[2] + PROBLEMS[3] >= 40_000);

#[test]
fn plain_problems_with_partial_stock_are_solved_exactly() {
    hold_against_enumeration(PROBLEMS[0], 1, |_| Spice::default());
}

#[test]
fn negative_costs_are_solved_exactly() {
    let drawn =
        hold_against_enumeration(PROBLEMS[1], 100_000, |_| Spice { negative: true, ..Spice::default() });
    assert!(drawn["negative fixed costs"] > 2_000 && drawn["negative unit costs"] > 2_000, "{drawn:?}");
}

#[test]
fn limits_bonds_lots_and_days_are_solved_exactly_in_every_mixture() {
    let drawn = hold_against_enumeration(PROBLEMS[2], 200_000, Spice::some);
    assert_eq!(drawn.len(), 13, "{drawn:?}");
    assert!(drawn.values().all(|count| *count >= 500), "each is drawn often: {drawn:?}");
}

#[test]
fn everything_at_once_is_solved_exactly() {
    let drawn = hold_against_enumeration(PROBLEMS[3], 300_000, |_| Spice::ALL);
    assert!(drawn["lots"] > 2_000 && drawn["shipment limits"] == 6_000, "{drawn:?}");
}

/// A problem with far more facilities than can be gone through.
fn wide(dice: &mut Dice, lines: u32, facilities: u32) -> Problem {
    let mut problem = Problem::new();
    for _ in 0..lines {
        let quantity = if dice.percent(80) { 1 } else { 2 + dice.below(3) as u32 };
        let bond = if dice.percent(10) { Bond::Whole } else { Bond::Free };
        problem.add_line(Line { quantity, unfilled: 5_000, bond }, 1);
    }
    for id in 0..facilities {
        let low = if dice.percent(5) { -50 } else { 300 };
        let fixed = dice.between(low, 900);
        let (costs, stock) = problem.add_facility(Facility { id, node: id, fixed, ..Facility::default() });
        for (cost, units) in costs.iter_mut().zip(stock) {
            let low = if dice.percent(5) { -40 } else { 5 };
            *cost = dice.between(low, 120);
            *units = if dice.percent(35) { 1 + dice.below(4) as u32 } else { 0 };
        }
    }
    problem
}

/// The cost of opening facilities in the given order, each giving all it can, as far as shipments are allowed.
fn walk(problem: &Problem, order: impl Iterator<Item = usize>) -> i64 {
    let mut left: Vec<u32> = problem.lines().iter().map(|line| line.quantity).collect();
    let mut cost = 0;
    for facility in order {
        let mut gave = false;
        for (item, left) in left.iter_mut().enumerate() {
            let mut units = (*left).min(problem.units_at(facility, item));
            if problem.lines()[item].bond == Bond::Whole && units < *left {
                units = 0;
            }
            gave |= units > 0;
            cost += i64::from(units) * problem.unit_cost(facility, item);
            *left -= units;
        }
        cost += if gave { problem.facilities()[facility].fixed } else { 0 };
    }
    cost + left
        .iter()
        .zip(problem.lines())
        .map(|(units, line)| i64::from(*units) * line.unfilled)
        .sum::<i64>()
}

#[test]
fn no_rule_and_no_random_plan_is_cheaper() {
    let mut solver = Solver::new();
    for seed in 0..300 {
        let dice = &mut Dice(400_000 + seed);
        let (lines, facilities) = (1 + dice.below(7) as u32, 2 + dice.below(120) as u32);
        let problem = wide(dice, lines, facilities);
        let solution = solver.solve(&problem, &Ask::default()).unwrap();
        assert_eq!(verify(&problem, &Ask::default(), &solution), Ok(()), "seed {seed}");
        assert!(solution.certificate.proven, "seed {seed}");
        let mut orders: Vec<Vec<usize>> = vec![(0..facilities as usize).collect()];
        let sorted = |key: &dyn Fn(usize) -> i64| {
            let mut order: Vec<usize> = (0..facilities as usize).collect();
            order.sort_by_key(|facility| key(*facility));
            order
        };
        let has =
            |f: usize| (0..lines as usize).map(|item| i64::from(problem.units_at(f, item))).sum::<i64>();
        orders.push(sorted(&|f| problem.facilities()[f].fixed));
        orders.push(sorted(&|f| -has(f)));
        orders.push(sorted(&|f| problem.facilities()[f].fixed * 100 / has(f).max(1)));
        for _ in 0..40 {
            let salt = dice.next();
            orders.push(sorted(&|f| Dice(salt ^ f as u64).next() as i64));
        }
        for order in orders {
            let keep = order.len().min(1 + dice.below(8) as usize);
            for length in [keep, order.len()] {
                assert!(walk(&problem, order[..length].iter().copied()) >= solution.cost, "seed {seed}");
            }
        }
    }
}

#[test]
fn more_stock_never_makes_the_optimum_dearer() {
    let mut solver = Solver::new();
    for seed in 0..3_000 {
        let dice = &mut Dice(500_000 + seed);
        let spice = Spice::some(dice);
        let (problem, ask) = random::problem(dice, spice);
        let before = solver.solve(&problem, &ask).unwrap().cost;
        let richer = random::rebuilt(&problem, |units| units + dice.below(2) as u32);
        let after = solver.solve(&richer, &ask).unwrap().cost;
        assert!(after <= before, "seed {seed}: {before} became {after} with more stock");
    }
}

#[test]
fn a_solver_that_has_solved_other_problems_gives_the_same_bytes() {
    let mut used = Solver::new();
    let mut kept = Solution::default();
    for seed in 0..2_000 {
        let dice = &mut Dice(600_000 + seed);
        let spice = Spice::some(dice);
        let (problem, ask) = random::problem(dice, spice);
        used.solve_into(&problem, &ask, &mut kept).unwrap();
        let fresh = Solver::new().solve(&problem, &ask).unwrap();
        assert_eq!(format!("{kept:?}"), format!("{fresh:?}"), "seed {seed}");
    }
}

#[test]
fn with_no_steps_left_the_plan_can_still_be_carried_out_and_its_gap_is_true() {
    let (mut solver, mut open) = (Solver::new(), 0);
    for seed in 0..400 {
        let dice = &mut Dice(700_000 + seed);
        let problem = wide(dice, 6, 60);
        let exact = solver.solve(&problem, &Ask::default()).unwrap();
        let hasty = Ask { steps_max: 0, ..Ask::default() };
        let rough = solver.solve(&problem, &hasty).unwrap();
        assert_eq!(verify(&problem, &hasty, &rough), Ok(()), "seed {seed}");
        assert!(rough.cost >= exact.cost && rough.certificate.lower_bound <= exact.cost, "seed {seed}");
        assert_eq!(rough.certificate.proven, rough.gap() == 0);
        open += u32::from(!rough.certificate.proven);
    }
    assert!(open > 10, "only {open} problems needed the search");
}

#[test]
fn what_is_changed_in_an_answer_is_noticed() {
    let mut solver = Solver::new();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..4_000 {
        let dice = &mut Dice(800_000 + seed);
        let spice = Spice::some(dice);
        let (problem, ask) = random::problem(dice, spice);
        let solution = solver.solve(&problem, &ask).unwrap();
        let mut changed = solution.clone();
        match dice.below(8) {
            0 => changed.cost -= 1,
            1 => changed.certificate.dual_bound = changed.cost + 1,
            2 => changed.certificate.lower_bound = changed.cost + 1,
            3 => changed.certificate.proven = !changed.certificate.proven,
            4 if !changed.certificate.parts.is_empty() => changed.certificate.parts.clear(),
            5 if !changed.shares.is_empty() => changed.shares[0].units += 1,
            6 if !changed.shares.is_empty() => drop(changed.shares.remove(0)),
            7 if !changed.certificate.parts.is_empty() => {
                // Lower values prove less: the claimed bound no longer follows.
                for part in &mut changed.certificate.parts {
                    part.stages.iter_mut().flatten().for_each(|value| *value -= 5_000_000);
                }
            }
            _ => continue,
        }
        let found = verify(&problem, &ask, &changed);
        let fault = found.expect_err("a changed answer is not sound");
        seen.insert(format!("{fault:?}").split([' ', '(', '{']).next().unwrap().to_owned());
    }
    for kind in ["Cost", "Bound", "Order", "Cover", "Units"] {
        assert!(seen.contains(kind), "{kind} was never found: {seen:?}");
    }
    let problem = wide(&mut Dice(1), 2, 3);
    let mut solution = solver.solve(&problem, &Ask::default()).unwrap();
    let place = solution.shares[0].facility;
    let without = Ask { without: vec![place], ..Ask::default() };
    assert_eq!(verify(&problem, &without, &solution), Err(Fault::Facility(place)));
    solution.shares[0].facility = 77;
    assert_eq!(verify(&problem, &Ask::default(), &solution), Err(Fault::Share(0)));
}

#[test]
fn the_order_of_lines_does_not_change_the_cost_and_the_order_of_facilities_is_fixed() {
    let mut solver = Solver::new();
    for seed in 0..300 {
        let dice = &mut Dice(900_000 + seed);
        let problem = wide(dice, 5, 40);
        let mut turned = Problem::new();
        for line in problem.lines().iter().rev() {
            turned.add_line(*line, 1);
        }
        for (place, facility) in problem.facilities().iter().enumerate() {
            let (costs, units) = turned.add_facility(*facility);
            for item in 0..5 {
                costs[item] = problem.unit_cost(place, 4 - item);
                units[item] = problem.units_at(place, 4 - item);
            }
        }
        let (told, other) = (
            solver.solve(&problem, &Ask::default()).unwrap(),
            solver.solve(&turned, &Ask::default()).unwrap(),
        );
        assert_eq!(told.cost, other.cost, "seed {seed}");
    }
    let mut unsorted = Problem::new();
    unsorted.add_line(Line { quantity: 1, unfilled: 1, bond: Bond::Free }, 1);
    unsorted.add_facility(Facility { id: 2, node: 0, ..Facility::default() });
    unsorted.add_facility(Facility { id: 1, node: 1, ..Facility::default() });
    assert_eq!(solver.solve(&unsorted, &Ask::default()), Err(Malformed::Unsorted(1)));
}

#[test]
fn numbers_that_could_overflow_are_refused() {
    let mut problem = Problem::new();
    problem.add_line(Line { quantity: 1_000_000, unfilled: 1 << 50, bond: Bond::Free }, 1);
    let refused = Solver::new().solve(&problem, &Ask::default());
    assert!(matches!(refused, Err(Malformed::TooLarge(bits)) if bits > 62), "{refused:?}");
}
