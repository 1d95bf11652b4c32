//! Merge at a hub, with few nodes in question, since sets of units are gone through for each: the forty nodes with the
//! cheapest parcels, and a hub that each of them reaches for less than a parcel to the customer.

use crate::streams::{Bench, quantile};
use crate::town::{Regime, Stream, Town};
use std::time::Instant;
use waybill_sourcing::kernel::{Facility, Hub, Kind, Problem, merge};

/// Nodes that give directly or through the hub.
const NODES: usize = 40;
/// Orders of more units are left out.
const UNITS_MAX: u32 = 7;

/// Measures and prints one row.
pub(crate) fn print(bench: &mut Bench, town: &Town, orders: usize) {
    let stock = town.stock(Regime::Fragmented);
    let (mut times, mut merged_orders, mut saved, mut spent) = (Vec::new(), 0, 0i64, 0i64);
    for number in 0..orders as u64 {
        let basket = town.basket(Stream::Full, number);
        if basket.lines.iter().map(|line| line.quantity).sum::<u32>() > UNITS_MAX {
            continue;
        }
        bench.gather(town, &stock, &basket);
        let direct = nearest(&bench.problem, Kind::Ship, |fixed| fixed);
        let inbound = nearest(&bench.problem, Kind::Virtual, |fixed| fixed * 3 / 10);
        let units = vec![0; direct.lines().len()];
        let hub = Hub { fixed: 900_000, units: &units, inbound: &inbound };
        let begin = Instant::now();
        let merged = merge(&direct, &[hub]).expect("few units have few sets");
        times.push(begin.elapsed().as_secs_f64() * 1e6);
        let alone = merge(&direct, &[]).expect("few units have few sets");
        merged_orders += usize::from(!merged.through[0].is_empty());
        saved += alone.cost - merged.cost;
        spent += alone.cost;
    }
    times.sort_unstable_by(f64::total_cmp);
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|at| quantile(&times, at));
    println!(
        "\nmerge at a hub, {NODES} nodes, fragmented stock, {} orders of at most {UNITS_MAX} units: p50 {p50:.0} us, \
         p99 {p99:.0} us, p99.9 {p999:.0} us; {:.1} % are merged, which saves {:.1} %",
        times.len(),
        100.0 * merged_orders as f64 / times.len() as f64,
        100.0 * saved as f64 / spent.max(1) as f64
    );
}

/// The facilities with the lowest fixed cost, at a fixed cost made from it.
fn nearest(problem: &Problem, kind: Kind, fixed: fn(i64) -> i64) -> Problem {
    let mut order: Vec<usize> = (0..problem.facilities().len()).collect();
    order.sort_by_key(|place| (problem.facilities()[*place].fixed, *place));
    order.truncate(NODES);
    order.sort_unstable();
    let mut other = Problem::new();
    for line in problem.lines() {
        other.add_line(*line, 1);
    }
    for place in order {
        let facility = problem.facilities()[place];
        let facility = Facility { fixed: fixed(facility.fixed), kind, ..facility };
        let (costs, units) = other.add_facility(facility);
        for item in 0..costs.len() {
            costs[item] = problem.unit_cost(place, item);
            units[item] = problem.units_at(place, item);
        }
    }
    other
}
