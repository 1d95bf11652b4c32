//! `waybill bench scale`: a million positions and half a million orders, most of them finished. Prints what memory follows
//! (open work, not history), what lies on disk, and how long a restart takes after a kill at an arbitrary moment.

use super::child::ServerProcess;
use super::disk::bytes_under;
use super::fill::{history, import_history, place_open, present};
use super::setup::{Bench, Common};
use crate::demo::load::refused;
use crate::demo::settle::quiet;
use crate::demo::world::World;
use crate::demo::{audit, grouped};
use crate::records;
use anyhow::{Context, ensure};
use futures::stream::{StreamExt, TryStreamExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use waybill_client::proto::orders::v1::{
    ExternalOrderKey, GetOrderRequest, PlaceOrderRequest, get_order_request,
};
use waybill_client::{Client, Identity};
use waybill_fixtures::{OrderShape, Regime, StockShape};
use waybill_formats::OrderRecord;

/// What `bench scale` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Orders in all; nineteen of twenty are finished and come in as history.
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(20..=50_000_000))]
    orders: u64,
    /// In how many stores items lie, in thousandths of the usual; the default gives a million positions.
    #[arg(long, hide = true, default_value_t = 4_300)]
    store_reach_permille: u64,
    /// Skip the audit after the restart.
    #[arg(long)]
    no_audit: bool,
}

/// Orders that are read again after the restart, spread over all of them.
const SAMPLE: u64 = 2_000;
const READS: usize = 16;

/// Fills an engine, kills it, starts it again.
///
/// # Errors
/// A refused row, an order that is not there after the restart, an audit that is not clean.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let common = &args.common;
    let bench = Bench::start(common).await?;
    let store_reach_permille = args.store_reach_permille;
    let open = args.orders / 20;
    let stock = StockShape { regime: Regime::Base, orders: open, store_reach_permille };
    let shape = common.ample(stock);
    let (world, loaded) = bench.load(shape).await?;
    let operator = bench.operator().await?;
    let finished = |world: &World, first, count| {
        let orders = world.finished_orders(history(CUSTOMERS), first, count);
        orders.iter().map(records::historic).collect()
    };
    import_history(&operator, &world, args.orders - open, finished).await?;
    place_open(&bench, common, open_orders(&world, open).await?).await?;
    quiet(&operator).await?;
    let full = bench.server.usage()?;
    println!(
        "{} positions, {} orders of which {} are open: {} MB of memory, {} MB at most",
        grouped(loaded.positions),
        grouped(args.orders),
        grouped(open),
        full.resident_bytes >> 20,
        full.resident_peak_bytes >> 20
    );

    let (log, data_dir) = (bench.log(), bench.dir().join("data"));
    let keep = bench.end().await?;
    let disk_bytes = tell_disk(&data_dir)?;
    let began = Instant::now();
    let server = ServerProcess::serve(&data_dir, &log, &[]).await?;
    let client = Client::connect(&server.endpoint, Identity::new("", "bench", "operator")?).await?;
    quiet(&client).await?;
    let restart = began.elapsed();
    let restarted = server.usage()?;
    sample(&client, &world, args.orders - open, open).await?;
    if !args.no_audit {
        check(&client).await?;
    }
    println!(
        "RESULT positions={} orders={} open={open} rss_mb={} rss_restarted_mb={} disk_mb={} restart_s={:.2}",
        loaded.positions,
        args.orders,
        full.resident_bytes >> 20,
        restarted.resident_bytes >> 20,
        disk_bytes >> 20,
        restart.as_secs_f64()
    );
    server.kill().await?;
    drop(keep);
    Ok(())
}

const CUSTOMERS: u64 = 200_000;

async fn open_orders(world: &Arc<World>, count: u64) -> anyhow::Result<Vec<(String, PlaceOrderRequest)>> {
    let world = Arc::clone(world);
    let make = move || {
        let orders = world.orders(present(CUSTOMERS), count);
        orders.iter().map(|order| (order.channel.clone(), records::place(order))).collect()
    };
    Ok(tokio::task::spawn_blocking(make).await?)
}

/// What lies where, in the data directory of a server that is not running.
pub(crate) fn tell_disk(data_dir: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for part in ["journal", "store", "checkpoints", "keys"] {
        let path = data_dir.join(part);
        let bytes = if path.exists() { bytes_under(&path)? } else { 0 };
        println!("{part:>12} {:>8} MB", bytes >> 20);
        sum += bytes;
    }
    Ok(sum)
}

/// Reads orders of all ages.
async fn sample(client: &Client, world: &Arc<World>, closed: u64, open: u64) -> anyhow::Result<()> {
    for (shape, count) in [(history(CUSTOMERS), closed), (present(CUSTOMERS), open)] {
        let world = Arc::clone(world);
        let keys = tokio::task::spawn_blocking(move || sample_keys(&world, &shape, count)).await?;
        let (asked, began) = (keys.len() as u64, Instant::now());
        let read = |key| async move {
            let request =
                GetOrderRequest { key: Some(get_order_request::Key::External(key)), ..Default::default() };
            client.get_order(request).await.map_err(refused)
        };
        let found = futures::stream::iter(keys).map(read).buffer_unordered(READS).try_collect::<Vec<_>>();
        let found = found.await.context("an order is not there after the restart")?;
        ensure!(found.iter().all(|answer| answer.order.is_some()), "an answer came without its order");
        println!(
            "{} of {} orders read in {:.2} s",
            grouped(asked),
            grouped(count),
            began.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

/// The numbers of some orders, evenly spread. A finished order has the number of the order that it was.
fn sample_keys(world: &World, shape: &OrderShape, count: u64) -> Vec<ExternalOrderKey> {
    let indexes = (0..count).step_by((count / SAMPLE).max(1) as usize);
    let key = |order: OrderRecord| ExternalOrderKey {
        channel: order.channel,
        external_order_number: order.external_order_number,
    };
    indexes.flat_map(|index| world.finished_orders(shape.clone(), index, 1)).map(key).collect()
}

pub(crate) async fn check(client: &Client) -> anyhow::Result<()> {
    let began = Instant::now();
    let laws = audit(client).await?;
    let checked: u64 = laws.iter().map(|law| law.checked_count).sum();
    let broken: Vec<&String> = laws.iter().flat_map(|law| &law.violations).take(10).collect();
    ensure!(broken.is_empty(), "the audit is not clean: {broken:?}");
    println!(
        "audit: {} things checked, no violation, {:.1} s",
        grouped(checked),
        began.elapsed().as_secs_f64()
    );
    laws.first().context("the audit checked no law").map(drop)
}
