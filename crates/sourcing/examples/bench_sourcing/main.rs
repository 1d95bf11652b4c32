//! How long exact sourcing takes, on one core, and what it saves: six streams of orders on networks of 200 and 1,106
//! nodes, orders of fixed length on up to 5,000, and every extension of the problem as a row of its own. It measures
//! gathering and solving; routes are warm. It also plays the usual rules on the same orders, and lets HiGHS solve some.
//!
//! `cargo run --release -p waybill-sourcing --example bench_sourcing -- [--orders N] [--baskets FILE] [--highs PYTHON
//! SCRIPT]`
//!
//! It takes about two and a half minutes of a free core, and as much again for HiGHS, which stops asking after five.

#![allow(clippy::disallowed_methods, reason = "a bench reads the clock; the kernel never does")]

#[path = "../common/baskets.rs"]
mod baskets;
#[path = "../../tests/common/dice.rs"]
mod dice;
mod extensions;
mod highs;
mod hubs;
mod recorded;
mod streams;
mod town;
mod usual;

use highs::Highs;
use std::path::PathBuf;
use std::time::Instant;
use streams::{Bench, Row};
use town::{Basket, Regime, Stream, Town};
use waybill_sourcing::kernel::Ask;

/// Different articles that the retailer sells.
const SKUS: usize = 4_000;
/// The network of the targets.
const NODES: usize = 1_106;
/// Orders of each of the six streams that HiGHS solves again.
const HIGHS_ORDERS: usize = 40;
/// HiGHS is not asked any more after so long.
const HIGHS_SECONDS: u64 = 300;

struct Arguments {
    orders: usize,
    baskets: Option<PathBuf>,
    highs: Option<(String, String)>,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments { orders: 2_000, baskets: None, highs: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--orders" => {
                found.orders = value()?.parse().map_err(|_| "--orders takes a number".to_owned())?
            }
            "--baskets" => found.baskets = Some(value()?.into()),
            "--highs" => found.highs = Some((value()?, value()?)),
            other => return Err(format!("{other} is unknown; see the head of the bench")),
        }
    }
    Ok(found)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = arguments()?;
    let recorded = arguments.baskets.as_deref().map(recorded::read).transpose()?;
    let mut bench = Bench::default();
    let mut worst = Worst::default();
    for nodes in [200, NODES] {
        let town = Town::generate(nodes, SKUS);
        let rows = six_streams(&mut bench, &town, &arguments, recorded.as_deref());
        if nodes == NODES {
            rows.iter().for_each(|row| worst.add(row));
        }
    }
    lengths(&mut bench, arguments.orders / 4);
    let town = Town::generate(NODES, SKUS);
    extensions::print(&mut bench, &town, arguments.orders / 4);
    hubs::print(&mut bench, &town, arguments.orders / 4);
    if let Some((python, script)) = &arguments.highs {
        compare(&mut bench, &town, Highs::start(python, script)?)?;
    }
    println!(
        "RESULT exact={:.4} p99_us_worst={:.0} p999_us_worst={:.0}",
        worst.proven, worst.p99_us, worst.p999_us
    );
    Ok(())
}

/// The worst of the six streams on the network of the targets.
struct Worst {
    proven: f64,
    p99_us: f64,
    p999_us: f64,
}

impl Default for Worst {
    fn default() -> Self {
        Self { proven: 1.0, p99_us: 0.0, p999_us: 0.0 }
    }
}

impl Worst {
    fn add(&mut self, row: &Row) {
        self.proven = self.proven.min(row.proven);
        self.p99_us = self.p99_us.max(row.quantiles_us[1]);
        self.p999_us = self.p999_us.max(row.quantiles_us[2]);
    }
}

/// The six streams with the rules played beside them.
fn six_streams(
    bench: &mut Bench,
    town: &Town,
    arguments: &Arguments,
    recorded: Option<&[Basket]>,
) -> Vec<Row> {
    let source = if recorded.is_some() { "recorded baskets" } else { "generated baskets" };
    println!(
        "\n{} nodes, {} ways into each of {} zones, {source}",
        town.kinds.len(),
        town.ways[0].len(),
        town::ZONES
    );
    println!("{}", streams::HEADING);
    let mut rows = Vec::new();
    for stream in [Stream::Sampled, Stream::Full] {
        let baskets = match recorded {
            Some(recorded) => recorded::stream(recorded, stream, arguments.orders),
            None => streams::baskets(town, stream, arguments.orders),
        };
        for regime in Regime::ALL {
            let stock = town.stock(regime);
            let row = streams::measure(bench, town, streams::name(stream, regime), &stock, &baskets, true);
            println!("{row}");
            rows.push(row);
        }
    }
    println!("what the usual rules cost more than the optimum, on the same orders:");
    for (number, rule) in usual::NAMES.iter().enumerate() {
        let of = |row: &Row| row.extra.map_or(0.0, |extra| 100.0 * extra[number]);
        let extra: Vec<String> = rows.iter().map(|row| format!("{:>8.1} %", of(row))).collect();
        println!("  {rule:<42} {}", extra.join(" "));
    }
    rows
}

/// Orders of a fixed number of lines, on networks up to 5,000 nodes.
fn lengths(bench: &mut Bench, orders: usize) {
    for nodes in [50, 200, NODES, 5_000] {
        let town = Town::generate(nodes, SKUS);
        println!("\n{nodes} nodes, orders of a fixed number of lines, {orders} of each");
        println!("{}", streams::HEADING);
        for regime in Regime::ALL {
            let stock = town.stock(regime);
            for lines in [1, 2, 4, 8, 12] {
                let stream = Stream::Length(lines);
                let baskets = streams::baskets(&town, stream, orders);
                let name = streams::name(stream, regime);
                println!("{}", streams::measure(bench, &town, name, &stock, &baskets, false));
            }
        }
    }
}

/// Lets HiGHS solve some orders of each stream again: those that were split first, since they are the hard ones.
fn compare(bench: &mut Bench, town: &Town, mut highs: Highs) -> std::io::Result<()> {
    let begun = Instant::now();
    for stream in [Stream::Sampled, Stream::Full] {
        for regime in Regime::ALL {
            let stock = town.stock(regime);
            let mut baskets = streams::baskets(town, stream, 20 * HIGHS_ORDERS);
            baskets.sort_by_cached_key(|basket| {
                bench.gather(town, &stock, basket);
                bench.solve(&Ask::default());
                bench.solution.facilities().count() < 2
            });
            for basket in baskets.iter().take(HIGHS_ORDERS) {
                if begun.elapsed().as_secs() > HIGHS_SECONDS {
                    break;
                }
                bench.gather(town, &stock, basket);
                bench.solve(&Ask::default());
                highs.compare(&bench.problem, bench.solution.cost)?;
            }
        }
    }
    println!(
        "\nHiGHS: {} of {} optima agree; it took {:.1} ms for each",
        highs.agreed,
        highs.compared,
        1e3 * highs.seconds / highs.compared.max(1) as f64
    );
    highs.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bench_runs_on_a_small_town_and_every_plan_is_proven() {
        let town = Town::generate(60, 300);
        let arguments = Arguments { orders: 60, baskets: None, highs: None };
        let rows = six_streams(&mut Bench::default(), &town, &arguments, None);
        assert_eq!(rows.len(), 6);
        for row in rows {
            assert!(row.proven == 1.0 && row.lines >= 1.0, "{row}");
            let extra = row.extra.unwrap();
            assert!(extra.iter().all(|extra| (0.0..20.0).contains(extra)), "{row}: {extra:?}");
        }
        extensions::print(&mut Bench::default(), &town, 20);
        hubs::print(&mut Bench::default(), &town, 20);
    }
}
