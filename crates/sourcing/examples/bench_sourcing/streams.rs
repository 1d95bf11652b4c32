//! The six streams of orders: how long each order takes, how often the plan is proven optimal, and what the usual rules
//! cost on the same orders.

use crate::town::{Basket, Regime, Stock, Stream, Town};
use crate::usual;
use std::fmt;
use std::time::Instant;
use waybill_sourcing::kernel::{Ask, Bond, Gather, Line, Problem, Shelf, Solution, Solver};

/// A unit that nobody gives costs 1,000.00.
pub(crate) const UNFILLED: i64 = 100_000_000;
/// Each order is solved so many times, and the best time counts.
const RUNS: usize = 3;

/// What one stream took and came to.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) lines: f64,
    pub(crate) gather_us: f64,
    pub(crate) quantiles_us: [f64; 3],
    /// Shares of orders.
    pub(crate) proven: f64,
    pub(crate) split: f64,
    pub(crate) unfilled: f64,
    pub(crate) shipments: f64,
    /// By rule: what it costs more than the optimum, as a share.
    pub(crate) extra: Option<[f64; 6]>,
}

/// What is warm from order to order.
#[derive(Default)]
pub(crate) struct Bench {
    pub(crate) solver: Solver,
    pub(crate) gather: Gather,
    pub(crate) problem: Problem,
    pub(crate) solution: Solution,
}

impl Bench {
    /// From shelves and ways to the problem of one order.
    pub(crate) fn gather(&mut self, town: &Town, stock: &Stock, basket: &Basket) {
        self.problem.clear();
        // An order has few lines: their list lives on the stack of the caller in a service, and in a vector here.
        let mut shelves = Vec::with_capacity(basket.lines.len());
        for line in &basket.lines {
            self.problem.add_line(Line { quantity: line.quantity, unfilled: UNFILLED, bond: Bond::Free }, 1);
            shelves.push(Shelf { rows: &stock[line.sku], weight: town.weights_g[line.sku] });
        }
        self.gather.fill(&mut self.problem, &town.ways[basket.zone], &shelves);
    }

    pub(crate) fn solve(&mut self, ask: &Ask) {
        self.solver.solve_into(&self.problem, ask, &mut self.solution).expect("a gathered problem is sound");
    }

    /// The best of some runs of gathering and solving, in microseconds: all of it, and gathering alone.
    pub(crate) fn time(&mut self, town: &Town, stock: &Stock, basket: &Basket, ask: &Ask) -> (f64, f64) {
        let mut best = (f64::MAX, f64::MAX);
        for _ in 0..RUNS {
            let begin = Instant::now();
            self.gather(town, stock, basket);
            let gathered = begin.elapsed().as_secs_f64() * 1e6;
            self.solve(ask);
            best = (best.0.min(begin.elapsed().as_secs_f64() * 1e6), best.1.min(gathered));
        }
        best
    }
}

/// Runs a stream of orders. `with_rules` also plays the usual rules.
pub(crate) fn measure(
    bench: &mut Bench,
    town: &Town,
    name: String,
    stock: &Stock,
    baskets: &[Basket],
    with_rules: bool,
) -> Row {
    let ask = Ask::default();
    let (mut times, mut gathers) = (Vec::with_capacity(baskets.len()), Vec::with_capacity(baskets.len()));
    let (mut proven, mut split, mut unfilled, mut shipments, mut lines) = (0, 0, 0, 0, 0);
    let (mut optimum, mut rules, mut restricted) = (0i64, [0i64; 6], Solver::new());
    for basket in baskets {
        let (all, gathered) = bench.time(town, stock, basket, &ask);
        times.push(all);
        gathers.push(gathered);
        let solution = &bench.solution;
        let facilities = solution.facilities().count();
        proven += usize::from(solution.certificate.proven);
        split += usize::from(facilities > 1);
        unfilled += usize::from(solution.unfilled.iter().any(|units| *units > 0));
        shipments += facilities;
        lines += basket.lines.len();
        optimum += solution.cost;
        if with_rules {
            let costs = usual::costs(town, basket.zone, &bench.problem, &mut restricted);
            assert!(costs.iter().all(|cost| *cost >= solution.cost), "a rule is never cheaper");
            rules.iter_mut().zip(costs).for_each(|(sum, cost)| *sum += cost);
        }
    }
    times.sort_unstable_by(f64::total_cmp);
    gathers.sort_unstable_by(f64::total_cmp);
    let share = |count: usize| count as f64 / baskets.len() as f64;
    Row {
        name,
        lines: share(lines),
        gather_us: quantile(&gathers, 0.5),
        quantiles_us: [0.5, 0.99, 0.999].map(|at| quantile(&times, at)),
        proven: share(proven),
        split: share(split),
        unfilled: share(unfilled),
        shipments: share(shipments),
        extra: with_rules.then(|| rules.map(|cost| cost as f64 / optimum as f64 - 1.0)),
    }
}

/// `sorted` at a share of its length.
pub(crate) fn quantile(sorted: &[f64], at: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * at) as usize]
}

/// The baskets of a stream.
pub(crate) fn baskets(town: &Town, stream: Stream, orders: usize) -> Vec<Basket> {
    (0..orders as u64).map(|number| town.basket(stream, number)).collect()
}

pub(crate) fn name(stream: Stream, regime: Regime) -> String {
    match stream {
        Stream::Sampled => format!("general merchandise / {regime:?}").to_lowercase(),
        Stream::Full => format!("full baskets / {regime:?}").to_lowercase(),
        Stream::Length(lines) => format!("{lines} lines / {regime:?}").to_lowercase(),
    }
}

pub(crate) const HEADING: &str = "stream                                lines  gather p50    p50 us    p99 us  p99.9 us   \
    proven    split  unfilled  shipments";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, p999] = self.quantiles_us;
        write!(
            f,
            "{:<37} {:>5.2} {:>11.1} {p50:>9.1} {p99:>9.1} {p999:>9.1} {:>7.2}% {:>7.1}% {:>8.2}% {:>10.3}",
            self.name,
            self.lines,
            self.gather_us,
            100.0 * self.proven,
            100.0 * self.split,
            100.0 * self.unfilled,
            self.shipments
        )
    }
}
