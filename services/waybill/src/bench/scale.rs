//! `waybill bench scale`: a million positions and half a million orders, most of them finished. Prints what memory follows
//! (open work, not history), what lies on disk, and how long a restart takes after a kill at an arbitrary moment.

use super::child::ServerProcess;
use super::disk::bytes_under;
use super::setup::{Bench, Common, bar};
use crate::demo::load::refused;
use crate::demo::settle::quiet;
use crate::demo::world::World;
use crate::demo::{audit, grouped};
use crate::records;
use anyhow::{Context, ensure};
use futures::stream::{StreamExt, TryStreamExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use waybill_client::proto::orders::v1::{
    ExternalOrderKey, GetOrderRequest, ImportOrdersRequest, PlaceOrderRequest, get_order_request,
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

const ORDERS_PER_MESSAGE: u64 = 500;
const MESSAGES_PER_FEED: u64 = 10;
const FEEDS: usize = 4;
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
    import_history(&operator, &world, args.orders - open).await?;
    place_open(&bench, common, &world, open).await?;
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

fn history() -> OrderShape {
    // A year before the open ones.
    let start_ms = OrderShape::default().start_ms - 365 * 86_400_000;
    OrderShape {
        start_ms,
        interval_ms: 60,
        customers: 200_000,
        pickup_permille: 0,
        run: "H".into(),
        ..OrderShape::default()
    }
}

fn present() -> OrderShape {
    OrderShape { customers: 200_000, pickup_permille: 0, later_permille: 0, ..OrderShape::default() }
}

/// Sends finished orders in feeds, a few at once; each is made while others are under way.
async fn import_history(operator: &Client, world: &Arc<World>, count: u64) -> anyhow::Result<()> {
    let bar = bar("history", count)?;
    let per_feed = ORDERS_PER_MESSAGE * MESSAGES_PER_FEED;
    let firsts = (0..count).step_by(per_feed as usize);
    let send = |first: u64| {
        let (world, bar) = (Arc::clone(world), bar.clone());
        async move {
            let orders = per_feed.min(count - first);
            let feed =
                tokio::task::spawn_blocking(move || feed(&world.finished_orders(history(), first, orders)))
                    .await?;
            let answer = operator.import_orders(feed).await.map_err(refused)?;
            ensure!(answer.refused_count == 0, "history was refused: {:?}", answer.failures.first());
            bar.inc(orders);
            anyhow::Ok(())
        }
    };
    futures::stream::iter(firsts).map(send).buffer_unordered(FEEDS).try_collect::<()>().await?;
    bar.finish_and_clear();
    Ok(())
}

fn feed(orders: &[OrderRecord]) -> Vec<ImportOrdersRequest> {
    let message = |orders: &[OrderRecord]| ImportOrdersRequest {
        orders: orders.iter().map(records::historic).collect(),
        ..Default::default()
    };
    orders.chunks(ORDERS_PER_MESSAGE as usize).map(message).collect()
}

/// Places the open orders; no node works on them.
async fn place_open(bench: &Bench, common: &Common, world: &Arc<World>, count: u64) -> anyhow::Result<()> {
    let world = Arc::clone(world);
    let orders: Vec<(String, PlaceOrderRequest)> = tokio::task::spawn_blocking(move || {
        let orders = world.orders(present(), count);
        orders.iter().map(|order| (order.channel.clone(), records::place(order))).collect()
    })
    .await?;
    let bar = bar("open", count)?;
    let clients = bench.connect(common.load.connections, "").await?;
    let (orders, next) = (Arc::new(orders), Arc::new(AtomicU64::new(0)));
    let place = |(worker, client): (usize, Client)| {
        let (orders, next, bar) = (Arc::clone(&orders), Arc::clone(&next), bar.clone());
        tokio::spawn(async move {
            while let Some((channel, request)) = orders.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                let identity = Identity::new(channel, &format!("till-{worker}"), "channel")?;
                let client = client.with_identity(identity).with_retry(waybill_client::Retry::default());
                client.place_order(request.clone()).await.map_err(refused)?;
                bar.inc(1);
            }
            anyhow::Ok(())
        })
    };
    let workers = (0..usize::from(common.load.concurrency))
        .map(|worker| place((worker, clients[worker % clients.len()].clone())));
    for worker in workers.collect::<Vec<_>>() {
        worker.await??;
    }
    bar.finish_and_clear();
    Ok(())
}

/// What lies where, in the data directory of a server that is not running.
fn tell_disk(data_dir: &Path) -> anyhow::Result<u64> {
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
    for (shape, count) in [(history(), closed), (present(), open)] {
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

async fn check(client: &Client) -> anyhow::Result<()> {
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
