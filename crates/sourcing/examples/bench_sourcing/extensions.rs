//! The problem with more in it, one extension per row: limits, bonds, days, shared lots, backorders, negative costs,
//! substitutes, bundles, and the questions that take several solves. Each row solves the full baskets of the tight
//! stock regime, extended; the time is that of solving, without gathering.

use crate::dice::Dice;
use crate::streams::{Bench, quantile};
use crate::town::{Basket, Regime, Stock, Stream, Town};
use std::time::Instant;
use waybill_sourcing::kernel::verify::verify;
use waybill_sourcing::kernel::{Ask, Bond, Complete, Facility, Kind, Limits, Line, Problem};

/// One way of being more than plain.
struct Extension {
    name: &'static str,
    /// Changes a line by its place.
    line: fn(usize, &mut Line),
    /// Items of a line by its place: the article itself, and substitutes.
    items: fn(usize) -> u32,
    /// What a facility becomes.
    ways: fn(&Facility) -> Vec<Facility>,
    /// The cost of a unit of an item by its place within its line.
    cost: fn(&Facility, u32, i64) -> i64,
    /// Units that may be given of those that are there.
    left: fn(&Facility, u32) -> u32,
    /// Facilities of one node draw on the same units.
    lots: bool,
    backorder: bool,
    limits: Limits,
    question: Question,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Best,
    Frontier,
    NextBest,
}

const PLAIN: Extension = Extension {
    name: "plain",
    line: |_, _| {},
    items: |_| 1,
    ways: |facility| vec![*facility],
    cost: |_, place, cost| cost + i64::from(place) * 150_000,
    left: |_, units| units,
    lots: false,
    backorder: false,
    limits: Limits { shipments_max: u32::MAX, complete: Complete::No, one_per_node: false },
    question: Question::Best,
};

fn later(facility: &Facility) -> Vec<Facility> {
    let wait = Facility { day: facility.day + 2, fixed: facility.fixed + 60_000, ..*facility };
    vec![*facility, wait]
}

/// Each ninth node is a supplier: it sends for less, some days later.
fn supplied(facility: &Facility) -> Vec<Facility> {
    if !facility.node.is_multiple_of(9) {
        return vec![*facility];
    }
    let days = 2 + facility.node % 5;
    let fixed = facility.fixed - 180_000 + i64::from(days) * 50_000;
    vec![Facility { day: facility.day + days, fixed, ..*facility }]
}

/// The customer fetches everything at one store. What others bring costs a part of a parcel and is no shipment.
fn brought(facility: &Facility) -> Vec<Facility> {
    let fixed = if facility.node == 500 { 0 } else { facility.fixed * 3 / 10 };
    vec![Facility { fixed, kind: Kind::Virtual, ..*facility }]
}

fn express(facility: &Facility) -> Vec<Facility> {
    let fast = Facility { day: facility.day.min(1), fixed: facility.fixed + 240_000, ..*facility };
    vec![*facility, fast]
}

fn all() -> Vec<Extension> {
    let limited = |shipments_max| Limits { shipments_max, ..PLAIN.limits };
    let complete = |complete| Limits { complete, ..PLAIN.limits };
    let once = Limits { one_per_node: true, ..PLAIN.limits };
    vec![
        PLAIN,
        Extension { name: "at most two shipments", limits: limited(2), ..PLAIN },
        Extension { name: "at most three shipments", limits: limited(3), ..PLAIN },
        Extension { name: "no line is split", line: |_, line| line.bond = Bond::Whole, ..PLAIN },
        Extension {
            name: "first two lines together",
            line: |place, line| line.bond = if place < 2 { Bond::Together(1) } else { Bond::Free },
            ..PLAIN
        },
        Extension { name: "complete from one facility", limits: complete(Complete::OneFacility), ..PLAIN },
        Extension { name: "complete on one day", limits: complete(Complete::OneDay), ..PLAIN },
        Extension { name: "ready now or in two days, once", ways: later, limits: once, ..PLAIN },
        Extension { name: "now or in two days, shared lots", ways: later, lots: true, ..PLAIN },
        Extension { name: "suppliers after their lead time", ways: supplied, ..PLAIN },
        Extension { name: "pickup at a store by transfer", ways: brought, ..PLAIN },
        Extension {
            name: "safety stock and buffers",
            left: |facility, units| {
                if facility.node.is_multiple_of(3) { units } else { units.saturating_sub(1) }
            },
            ..PLAIN
        },
        Extension { name: "two services, shared lots", ways: express, lots: true, ..PLAIN },
        Extension { name: "two services, one per node", ways: express, limits: once, ..PLAIN },
        Extension { name: "backorder as a facility", backorder: true, ..PLAIN },
        Extension {
            name: "markdown: negative costs",
            cost: |facility, _, cost| if facility.node % 7 == 0 { cost - 350_000 } else { cost },
            ways: |facility| {
                let bonus = if facility.node % 90 == 0 { 1_400_000 } else { 0 };
                vec![Facility { fixed: facility.fixed - bonus, ..*facility }]
            },
            ..PLAIN
        },
        Extension { name: "scarcity: prices by node", cost: scarce, ..PLAIN },
        Extension {
            name: "room: prices by node and day",
            ways: later,
            cost: |facility, _, cost| {
                cost + i64::from(facility.node % 5) * 60_000 / i64::from(1 + facility.day)
            },
            limits: once,
            ..PLAIN
        },
        Extension { name: "a substitute for each other line", items: |place| 1 + place as u32 % 2, ..PLAIN },
        Extension {
            name: "first two lines as a bundle",
            line: |place, line| {
                if place < 2 {
                    (line.quantity, line.bond) = (2, Bond::Bundle { group: 1, each: 1 });
                }
            },
            ..PLAIN
        },
        Extension { name: "all days: cost against date", question: Question::Frontier, ..PLAIN },
        Extension { name: "three next best plans", question: Question::NextBest, ..PLAIN },
    ]
}

fn scarce(facility: &Facility, _: u32, cost: i64) -> i64 {
    cost + Dice::of(11, u64::from(facility.node)).below(400) as i64 * 1_000
}

/// Measures every extension and prints its row.
pub(crate) fn print(bench: &mut Bench, town: &Town, orders: usize) {
    let stock = town.stock(Regime::Tight);
    println!("\n{} nodes, full baskets, tight stock, {orders} orders; solving alone", town.kinds.len());
    println!("extension                           p50 us    p99 us  p99.9 us    proven  shipments");
    for extension in all() {
        let (mut times, mut proven, mut shipments) = (Vec::new(), 0, 0);
        for number in 0..orders as u64 {
            let basket = town.basket(Stream::Full, number);
            extend(bench, town, &stock, &basket, &extension);
            let mut best = f64::MAX;
            for _ in 0..3 {
                let begin = Instant::now();
                bench.solve(&Ask::default());
                ask_more(bench, extension.question);
                best = best.min(begin.elapsed().as_secs_f64() * 1e6);
            }
            let sound = verify(&bench.problem, &Ask::default(), &bench.solution);
            assert_eq!(sound, Ok(()), "{} {number}", extension.name);
            times.push(best);
            proven += usize::from(bench.solution.certificate.proven);
            shipments += bench.solution.facilities().count();
        }
        times.sort_unstable_by(f64::total_cmp);
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|at| quantile(&times, at));
        let share = |count: usize| count as f64 / orders as f64;
        println!(
            "{:<32} {p50:>9.1} {p99:>9.1} {p999:>9.1} {:>8.2}% {:>10.3}",
            extension.name,
            100.0 * share(proven),
            share(shipments)
        );
    }
}

fn ask_more(bench: &mut Bench, question: Question) {
    let ask = Ask::default();
    let answered = match question {
        Question::Best => Ok(0),
        Question::Frontier => bench.solver.frontier(&bench.problem, &ask).map(|days| days.len()),
        Question::NextBest => {
            bench.solver.next_best(&bench.problem, &ask, &bench.solution, 3).map(|plans| plans.len())
        }
    };
    answered.expect("a gathered problem is sound");
}

/// Gathers the basket and rebuilds the problem with the extension in it.
fn extend(bench: &mut Bench, town: &Town, stock: &Stock, basket: &Basket, extension: &Extension) {
    bench.gather(town, stock, basket);
    let plain = &bench.problem;
    let mut problem = Problem::new();
    let mut first_items = Vec::new();
    for (place, line) in plain.lines().iter().enumerate() {
        let mut line = *line;
        (extension.line)(place, &mut line);
        first_items.push(problem.add_line(line, (extension.items)(place)));
    }
    let mut members: Vec<(u32, Vec<(u32, u32)>)> = Vec::new();
    for (place, facility) in plain.facilities().iter().enumerate() {
        let ways = (extension.ways)(facility);
        let begin = problem.facilities().len() as u32;
        for way in &ways {
            let id = problem.facilities().len() as u32;
            let number = problem.items().to_vec();
            let (costs, units) = problem.add_facility(Facility { id, ..*way });
            for (item, line) in number.iter().enumerate() {
                let within = item as u32 - first_items[*line as usize];
                let line = *line as usize;
                // A substitute is another article: it is somewhere else.
                let of = if within == 0 { place } else { (place * 7 + 13) % plain.facilities().len() };
                costs[item] = (extension.cost)(way, within, plain.unit_cost(place, line));
                units[item] = plain.units_at(of, line);
                // Who waits two days finds what arrives until then.
                let dated = way.day > facility.day && ways.len() > 1;
                units[item] += u32::from(dated && of % 3 == 0) * 2;
                units[item] = (extension.left)(way, units[item]);
            }
        }
        for item in 0..problem.items().len() as u32 {
            let of_way = |way: u32| problem.units_at((begin + way) as usize, item as usize);
            // What comes later comes on top: all of it together is what the last way has.
            let units = (0..ways.len() as u32).map(of_way).max().unwrap_or(0);
            if extension.lots && units > 0 {
                members.push((units, (0..ways.len() as u32).map(|way| (begin + way, item)).collect()));
            }
        }
    }
    if extension.backorder {
        add_backorder(&mut problem);
    }
    members.iter().for_each(|(units, members)| problem.add_lot(*units, members));
    problem.limits = extension.limits;
    bench.problem = problem;
}

/// All that is asked can come in two weeks, at a price.
fn add_backorder(problem: &mut Problem) {
    let last = problem.facilities().last().map_or(0, |facility| facility.node + 1);
    let id = problem.facilities().len() as u32;
    let fixed = 250_000;
    let facility = Facility { id, node: last, fixed, day: 14, kind: Kind::Virtual, barred: 0 };
    let asked: Vec<u32> =
        problem.items().iter().map(|line| problem.lines()[*line as usize].quantity).collect();
    let (costs, units) = problem.add_facility(facility);
    costs.fill(200_000);
    units.copy_from_slice(&asked);
}
