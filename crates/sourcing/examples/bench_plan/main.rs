//! How long one plan takes, on one core: a generated network of 1,000 stores, 40 local and 6 central warehouses and 60
//! suppliers, baskets of the shape of a general merchandise retailer, and three regimes of stock. It measures the
//! planner alone: no service, no journal, no reading of files.
//!
//! `cargo run --release -p waybill-sourcing --example bench_plan -- [nodes] [orders]`

#![allow(clippy::disallowed_methods, reason = "a bench reads the clock; the planner never does")]

#[path = "../common/baskets.rs"]
mod baskets;
#[path = "../../tests/common/dice.rs"]
mod dice;
mod shape;

use shape::{Regime, Stream, Town};
use std::time::Instant;
use waybill_sourcing::plan;
use waybill_types::exchange::PlanRequest;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (nodes, orders) = (numbers.next().unwrap_or(1_106), numbers.next().unwrap_or(2_000));
    let built = Instant::now();
    let town = Town::generate(nodes, 4_000);
    let (known, lanes, zones) = town.network.size();
    println!("network: {known} nodes, {lanes} lanes, {zones} zones, built in {:?}", built.elapsed());
    println!(
        "stream                  lines  p50 us  p99 us  p99.9 us  proven  gap     shipments  unserved  cost"
    );
    let mut worst = (0.0f64, 0.0f64);
    for stream in [Stream::Sampled, Stream::Full] {
        for regime in [Regime::Base, Regime::Tight, Regime::Fragmented] {
            let row = measure(&town, stream, regime, orders);
            println!("{row}");
            worst = (worst.0.max(row.p50_us), worst.1.max(row.p99_us));
        }
    }
    println!("RESULT p50_us_worst={:.0} p99_us_worst={:.0}", worst.0, worst.1);
}

/// What one stream of orders took and came to.
struct Row {
    name: String,
    lines: f64,
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
    proven: f64,
    gap: f64,
    shipments: f64,
    unserved: f64,
    cost_minor: f64,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:<23} {:>5.2} {:>7.1} {:>7.1} {:>9.1} {:>6.1}% {:>5.2}% {:>9.3} {:>8.2}% {:>9.1}",
            self.name,
            self.lines,
            self.p50_us,
            self.p99_us,
            self.p999_us,
            100.0 * self.proven,
            100.0 * self.gap,
            self.shipments,
            100.0 * self.unserved,
            self.cost_minor
        )
    }
}

/// Plans every order three times and keeps the best time of each.
fn measure(town: &Town, stream: Stream, regime: Regime, orders: usize) -> Row {
    let mirror = town.stock(regime);
    let requests: Vec<PlanRequest> = (0..orders).map(|number| town.order(stream, number as u64)).collect();
    let mut micros = Vec::with_capacity(orders);
    let (mut proven, mut cost, mut bound, mut shipments, mut unserved, mut lines) = (0, 0, 0, 0, 0, 0);
    for request in &requests {
        let mut best = f64::MAX;
        for run in 0..3 {
            let begin = Instant::now();
            let plan = plan(&town.network, &town.policy, &mirror, request);
            best = best.min(begin.elapsed().as_secs_f64() * 1e6);
            if run > 0 {
                continue;
            }
            assert!(plan.lower_bound_minor <= plan.cost_minor());
            proven += usize::from(plan.lower_bound_minor == plan.cost_minor());
            cost += plan.cost_minor();
            bound += plan.lower_bound_minor;
            let mut nodes: Vec<_> = plan.assignments.iter().map(|assignment| &assignment.node).collect();
            nodes.sort_unstable();
            nodes.dedup();
            shipments += nodes.len();
            unserved += usize::from(!plan.unplanned.is_empty());
        }
        lines += request.lines.len();
        micros.push(best);
    }
    micros.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize];
    let share = |count: usize| count as f64 / orders as f64;
    Row {
        name: format!("{stream:?} / {regime:?}"),
        lines: share(lines),
        p50_us: quantile(0.5),
        p99_us: quantile(0.99),
        p999_us: quantile(0.999),
        proven: share(proven),
        gap: (cost - bound) as f64 / cost.max(1) as f64,
        shipments: share(shipments),
        unserved: share(unserved),
        cost_minor: cost as f64 / orders as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bench_runs_on_a_small_town_and_serves_most_orders() {
        let town = Town::generate(60, 200);
        for regime in [Regime::Base, Regime::Tight, Regime::Fragmented] {
            let row = measure(&town, Stream::Sampled, regime, 40);
            assert!((1.0..6.0).contains(&row.lines), "{row}");
            assert!(row.unserved < 0.5 && row.shipments > 0.5 && row.gap < 0.5, "{row}");
        }
    }
}
