//! `waybill bench mixed`: what a day brings. Of the commands 60 % place orders, 15 % amend, 10 % cancel, 15 % bring goods
//! back, one command per call, while every node works its instructions off: accept, pick, pack, ship, deliver. Nothing is
//! placed while nodes have too much in hand, so the backlog cannot grow. Then each kind alone, for what it costs.

mod alone;
mod commands;
mod load;
mod orders;
mod report;

use super::echo;
use super::setup::{Bench, Common};
use crate::demo::ledger::Ledger;
use crate::demo::settle::quiet;
use crate::demo::warehouse::{self, Mishaps, Open};
use crate::demo::world::World;
use alone::Alone;
use anyhow::ensure;
use indicatif::ProgressBar;
use load::Mix;
use orders::Shop;
use report::Report;
use std::sync::Arc;
use std::time::Duration;
use waybill_fixtures::{Regime, StockShape};

/// What `bench mixed` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Fulfilment orders in hand at nodes above which nothing more is placed.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    backlog: u64,
}

const CHANNEL: &str = "web";
/// Connections for the streams of all nodes, and for what nodes report.
const NODE_CONNECTIONS: u16 = 4;
/// Percent of commands, in the sequence of `Kind::ALL`.
const MIX: Mix = [60, 15, 10, 15];
/// At nodes all goes well: what goes wrong is the demonstration's matter.
const ALL_WELL: Mishaps = Mishaps {
    reject_permille: 0,
    short_permille: 0,
    no_show_permille: 0,
    in_parts_permille: 0,
    undelivered_permille: 0,
    too_late_permille: 0,
};
const SYNC_MAX: Duration = Duration::from_secs(3);

/// Measures, checks and prints the RESULT line.
///
/// # Errors
/// The server failed, a call failed, a node could not do its work, or the audit is not clean.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let common = &args.common;
    let bench = Bench::start(common).await?;
    let stock = StockShape::new(Regime::Base, orders::TEMPLATES);
    let (world, _) = bench.load(common.ample(stock)).await?;
    let operator = bench.operator().await?;
    let clients = bench.connect(common.load.connections, CHANNEL).await?;
    let worked = ProgressBar::hidden();
    let (shop, nodes) = open(&args, &bench, &world, &worked).await?;

    let time = Duration::from_secs(common.seconds);
    let before = bench.server.usage()?;
    let outcome =
        load::run(&shop, &clients, common.load.concurrency, MIX, (time.div_f64(10.0), time)).await?;
    shop.warehouses.idle().await;
    quiet(&operator).await?;
    let after = bench.server.usage()?;
    drop(nodes);
    let alone = Alone::measure(common, &bench, &world, &shop, &clients).await?;
    let closed = shop.ledger.close();
    ensure!(closed.fault_count == 0, "{} things went wrong: {:?}", closed.fault_count, closed.faults);
    super::scale::check(&operator).await?;

    let (dir, log) = (bench.dir().to_path_buf(), bench.log());
    // The server must be gone before the echo is measured, or the two would share the machine.
    let keep = bench.end().await?;
    let short = time.div_f64(10.0).max(Duration::from_secs(1));
    let echo_per_s = echo::orders_per_s(common.load, shop.templates(), short, &log).await?;
    let syncs = move || super::disk::fdatasync_per_s(&dir, short.min(SYNC_MAX));
    let syncs = tokio::task::spawn_blocking(syncs).await??;
    drop(keep);
    let cpu_us = after.cpu_us - before.cpu_us;
    let report = Report { outcome, cpu_us, worked: worked.position(), instructed: closed.instructed, alone };
    report.print();
    let rss_mb = after.resident_bytes >> 20;
    println!("{} rss_mb={rss_mb} echo_per_s={echo_per_s:.0} fdatasync_per_s={syncs:.0}", report.result());
    Ok(())
}

/// Opens a warehouse at every node, and the shop before them.
async fn open(
    args: &Args,
    bench: &Bench,
    world: &Arc<World>,
    worked: &ProgressBar,
) -> anyhow::Result<(Arc<Shop>, Open)> {
    let ledger = Arc::new(Ledger::default());
    let streams = bench.connect(NODE_CONNECTIONS, "").await?;
    let ids = world.retailer.nodes.iter().map(|node| node.node_id.clone());
    let (seed, done) = (args.common.seed, worked.clone());
    let nodes = warehouse::open(streams, ids, Arc::clone(&ledger), ALL_WELL, seed, done)?;
    let (world, warehouses, backlog) = (Arc::clone(world), Arc::clone(&nodes.warehouses), args.backlog);
    let shop = tokio::task::spawn_blocking(move || Shop::new(&world, warehouses, ledger, backlog)).await??;
    Ok((Arc::new(shop), nodes))
}
