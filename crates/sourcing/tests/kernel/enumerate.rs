//! Every plan there is for a small problem: the referee of the kernel, with its own reading of every rule.

use std::collections::BTreeMap;
use waybill_sourcing::kernel::{Ask, Bond, Complete, Kind, Problem};

/// The least cost of any plan.
pub(crate) fn optimum(problem: &Problem, ask: &Ask) -> i64 {
    let items = problem.items().len();
    let given = vec![vec![0u32; items]; problem.facilities().len()];
    let usable = (0..problem.facilities().len()).filter(|place| {
        let facility = problem.facilities()[*place];
        facility.barred == 0 && ask.days.contains(facility.day) && !ask.without.contains(&(*place as u32))
    });
    let usable: Vec<usize> = usable.collect();
    let slots: Vec<Vec<(usize, usize)>> = (0..problem.lines().len())
        .map(|line| {
            let of_line = |item: &usize| problem.items()[*item] as usize == line;
            usable.iter().flat_map(|f| (0..items).filter(of_line).map(|item| (*f, item))).collect()
        })
        .collect();
    let mut every = Every { problem, slots, given, best: i64::MAX };
    every.line(0, 0);
    every.best
}

struct Every<'p> {
    problem: &'p Problem,
    /// By line: facilities and items that could serve it.
    slots: Vec<Vec<(usize, usize)>>,
    /// By facility and item.
    given: Vec<Vec<u32>>,
    best: i64,
}

impl Every<'_> {
    fn line(&mut self, line: usize, cost: i64) {
        match self.problem.lines().get(line) {
            Some(asked) => self.slot(line, 0, asked.quantity, cost),
            None => self.judge(cost),
        }
    }

    fn slot(&mut self, line: usize, slot: usize, left: u32, cost: i64) {
        let Some((facility, item)) = self.slots[line].get(slot).copied() else {
            let unfilled = i64::from(left) * self.problem.lines()[line].unfilled;
            if self.keeps_whole(line, left) {
                self.line(line + 1, cost + unfilled);
            }
            return;
        };
        for units in 0..=left.min(self.problem.units_at(facility, item)) {
            self.given[facility][item] = units;
            let each = self.problem.unit_cost(facility, item);
            self.slot(line, slot + 1, left - units, cost + i64::from(units) * each);
        }
        self.given[facility][item] = 0;
    }

    /// A line that is not to be split is all in one place, or nowhere.
    fn keeps_whole(&self, line: usize, left: u32) -> bool {
        let asked = self.problem.lines()[line];
        match asked.bond {
            Bond::Free | Bond::Bundle { .. } => true,
            Bond::Whole | Bond::Together(_) => {
                let places = self.slots[line]
                    .iter()
                    .filter(|(facility, item)| self.given[*facility][*item] > 0)
                    .count();
                (places == 1 && left == 0) || left == asked.quantity
            }
        }
    }

    fn judge(&mut self, cost: i64) {
        let problem = self.problem;
        let used: Vec<usize> =
            (0..self.given.len()).filter(|f| self.given[*f].iter().any(|units| *units > 0)).collect();
        let fixed: i64 = used.iter().map(|f| problem.facilities()[*f].fixed).sum();
        if cost + fixed < self.best && self.keeps_limits(&used) && self.keeps_groups() && self.keeps_lots() {
            self.best = cost + fixed;
        }
    }

    fn keeps_limits(&self, used: &[usize]) -> bool {
        let problem = self.problem;
        let facility = |place: &usize| problem.facilities()[*place];
        let ships = used.iter().filter(|place| facility(place).kind == Kind::Ship).count();
        let alone = used.iter().all(|a| used.iter().all(|b| a == b || facility(a).node != facility(b).node));
        let all: u32 = problem.lines().iter().map(|line| line.quantity).sum();
        let given: u32 = self.given.iter().flatten().sum();
        let whole = given == all || given == 0;
        let complete = match problem.limits.complete {
            Complete::No => true,
            Complete::OneFacility => whole && used.len() <= 1,
            Complete::OneDay => whole && used.iter().all(|f| facility(f).day == facility(&used[0]).day),
        };
        ships <= problem.limits.shipments_max as usize && (alone || !problem.limits.one_per_node) && complete
    }

    fn keeps_groups(&self) -> bool {
        // By group and facility: how many whole units of the group each of its lines makes.
        let mut made: BTreeMap<(bool, u32, usize), Vec<Option<u32>>> = BTreeMap::new();
        for (line, asked) in self.problem.lines().iter().enumerate() {
            let (group, each) = match asked.bond {
                Bond::Together(group) => ((false, group), asked.quantity),
                Bond::Bundle { group, each } => ((true, group), each),
                Bond::Free | Bond::Whole => continue,
            };
            for (facility, of_facility) in self.given.iter().enumerate() {
                let of_line =
                    self.problem.items().iter().zip(of_facility).filter(|(of, _)| **of as usize == line);
                let units: u32 = of_line.map(|(_, units)| units).sum();
                let whole = units.is_multiple_of(each).then_some(units / each);
                made.entry((group.0, group.1, facility)).or_default().push(whole);
            }
        }
        made.values().all(|lines| lines[0].is_some() && lines.iter().all(|other| *other == lines[0]))
    }

    fn keeps_lots(&self) -> bool {
        self.problem.lots().all(|(stock, members)| {
            let drawn: u32 = members.iter().map(|(f, item)| self.given[*f as usize][*item as usize]).sum();
            drawn <= stock
        })
    }
}
