//! Random small problems from a seed, with everything that can be told to the kernel.

pub(crate) use super::dice::Dice;
use waybill_sourcing::kernel::{Ask, Bond, Complete, Days, Facility, Kind, Line, Problem};

/// What may occur in a problem besides partial stock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spice {
    pub(crate) negative: bool,
    pub(crate) bonds: bool,
    pub(crate) few_shipments: bool,
    pub(crate) complete: bool,
    pub(crate) one_per_node: bool,
    pub(crate) lots: bool,
    pub(crate) substitutes: bool,
    pub(crate) days: bool,
    /// Costs from a small range, so that many plans cost the same.
    pub(crate) ties: bool,
}

impl Spice {
    pub(crate) const ALL: Spice = Spice {
        negative: true,
        bonds: true,
        few_shipments: true,
        complete: true,
        one_per_node: true,
        lots: true,
        substitutes: true,
        days: true,
        ties: false,
    };

    /// Each spice by itself half of the time.
    pub(crate) fn some(dice: &mut Dice) -> Self {
        let mut coin = || dice.percent(35);
        Self {
            negative: coin(),
            bonds: coin(),
            few_shipments: coin(),
            complete: coin(),
            one_per_node: coin(),
            lots: coin(),
            substitutes: coin(),
            days: coin(),
            ties: coin(),
        }
    }
}

/// A problem that can be gone through exhaustively, and a question.
pub(crate) fn problem(dice: &mut Dice, spice: Spice) -> (Problem, Ask) {
    let mut problem = Problem::new();
    let lines = 1 + dice.below(3) as u32;
    let facilities = if lines == 3 { 1 + dice.below(4) } else { 1 + dice.below(5) };
    add_lines(&mut problem, dice, spice, lines);
    for id in 0..facilities as u32 {
        add_facility(&mut problem, dice, spice, id);
    }
    if spice.lots {
        add_lots(&mut problem, dice);
    }
    let limits = &mut problem.limits;
    if spice.few_shipments {
        limits.shipments_max = dice.below(4) as u32;
    }
    if spice.complete {
        limits.complete = [Complete::OneFacility, Complete::OneDay][dice.below(2) as usize];
    }
    limits.one_per_node = spice.one_per_node;
    let mut ask = Ask::default();
    if spice.days && dice.percent(50) {
        let day = dice.below(3) as u32;
        ask.days = if dice.percent(50) { Days::Until(day) } else { Days::On(day) };
    }
    if dice.percent(15) {
        ask.without.push(dice.below(facilities) as u32);
    }
    (problem, ask)
}

fn add_lines(problem: &mut Problem, dice: &mut Dice, spice: Spice, lines: u32) {
    let bundle = (1 + dice.below(2) as u32, dice.percent(50));
    for _ in 0..lines {
        let mut quantity = 1 + dice.below(if lines == 3 { 2 } else { 3 }) as u32;
        let mut items = 1;
        let mut bond = Bond::Free;
        if spice.bonds {
            bond = match dice.below(4) {
                0 => Bond::Free,
                1 => Bond::Whole,
                2 => Bond::Together(1),
                _ if bundle.1 => {
                    let each = 1 + dice.below(2) as u32;
                    quantity = each * bundle.0;
                    Bond::Bundle { group: 1, each }
                }
                _ => Bond::Whole,
            };
        }
        if spice.substitutes && matches!(bond, Bond::Free | Bond::Whole) && quantity < 3 && dice.percent(50) {
            items = 2;
        }
        let unfilled = if spice.ties { 12 } else { dice.between(20, 900) };
        problem.add_line(Line { quantity, unfilled, bond }, items);
    }
}

fn add_facility(problem: &mut Problem, dice: &mut Dice, spice: Spice, id: u32) {
    let low = if spice.negative && dice.percent(40) { -300 } else { 0 };
    let facility = Facility {
        id: id * 3 + 1,
        node: if spice.one_per_node || spice.lots { id / 2 } else { id },
        fixed: if spice.ties { dice.between(low / 100, 3) } else { dice.between(low, 500) },
        day: dice.below(3) as u32,
        kind: if dice.percent(15) { Kind::Virtual } else { Kind::Ship },
        barred: if dice.percent(5) { 1 + dice.below(3) as u8 } else { 0 },
    };
    let (costs, stock) = problem.add_facility(facility);
    for (cost, units) in costs.iter_mut().zip(stock) {
        *cost = if spice.ties { dice.between(low / 100, 4) } else { dice.between(low, 250) };
        *units = if dice.percent(70) { 1 + dice.below(3) as u32 } else { 0 };
    }
}

fn add_lots(problem: &mut Problem, dice: &mut Dice) {
    for _ in 0..1 + dice.below(2) {
        let mut members = Vec::new();
        for facility in 0..problem.facilities().len() as u32 {
            for item in 0..problem.items().len() as u32 {
                if dice.percent(35) {
                    members.push((facility, item));
                }
            }
        }
        problem.add_lot(dice.below(4) as u32, &members);
    }
}

/// The same problem with other stock.
pub(crate) fn rebuilt(problem: &Problem, mut stock: impl FnMut(u32) -> u32) -> Problem {
    let mut other = Problem::new();
    for (number, line) in problem.lines().iter().enumerate() {
        let items = problem.items().iter().filter(|of| **of as usize == number).count();
        other.add_line(*line, items as u32);
    }
    for (place, facility) in problem.facilities().iter().enumerate() {
        let (costs, units) = other.add_facility(*facility);
        for item in 0..costs.len() {
            costs[item] = problem.unit_cost(place, item);
            units[item] = stock(problem.units_at(place, item));
        }
    }
    for (units, members) in problem.lots() {
        other.add_lot(units, members);
    }
    other.limits = problem.limits;
    other
}
