//! The exact kernel against every plan there is, against simple rules and against random plans; its certificates
//! against the separate checker.

#[path = "kernel/enumerate.rs"]
mod enumerate;
#[path = "kernel/random.rs"]
mod random;

use random::{Dice, Spice};
use waybill_sourcing::kernel::verify::verify;
use waybill_sourcing::kernel::{Solution, Solver};

/// Solves random problems and holds each against every plan there is.
fn hold_against_enumeration(problems: u64, from: u64, spice: impl Fn(&mut Dice) -> Spice) {
    let mut solver = Solver::new();
    let mut solution = Solution::default();
    for seed in from..from + problems {
        let dice = &mut Dice(seed);
        let spice = spice(dice);
        let (problem, ask) = random::problem(dice, spice);
        solver.solve_into(&problem, &ask, &mut solution).unwrap();
        let best = enumerate::optimum(&problem, &ask);
        let said = || format!("seed {seed}: {problem:?} {ask:?} {solution:?}");
        assert_eq!(verify(&problem, &ask, &solution), Ok(()), "{}", said());
        assert_eq!(solution.cost, best, "{}", said());
        assert!(solution.certificate.proven, "{}", said());
    }
}

#[test]
fn plain_problems_with_partial_stock_are_solved_exactly() {
    hold_against_enumeration(10_000, 1, |_| Spice::default());
}

#[test]
fn negative_costs_are_solved_exactly() {
    hold_against_enumeration(8_000, 100_000, |_| Spice { negative: true, ..Spice::default() });
}

#[test]
fn limits_bonds_lots_and_days_are_solved_exactly_in_every_mixture() {
    hold_against_enumeration(20_000, 200_000, Spice::some);
}

#[test]
fn everything_at_once_is_solved_exactly() {
    hold_against_enumeration(6_000, 300_000, |_| Spice::ALL);
}
