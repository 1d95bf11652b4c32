//! `waybill bench find`: two million orders, nineteen of twenty of them finished, and every way to find one. The server is
//! started anew before it is asked, so that what is asked for lies on disk. Prints latency and processor time by way,
//! memory and disk.

mod people;
mod questions;

use super::child::ServerProcess;
use super::fill::{import_history, place_open};
use super::latency::Latencies;
use super::scale::tell_disk;
use super::setup::{Bench, Common};
use crate::demo::grouped;
use crate::demo::settle::quiet;
use crate::demo::world::World;
use anyhow::{Context, ensure};
use futures::stream::{StreamExt, TryStreamExt};
use people::Past;
use questions::{Kind, Question};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use waybill_client::{Client, Identity, Retry};
use waybill_fixtures::{Regime, StockShape};

/// What `bench find` takes. The measured seconds are spread evenly over the ways of finding.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Orders in all; nineteen of twenty are finished and come in as history.
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(100..=50_000_000))]
    orders: u64,
    /// Callers that ask at once, 1 to 1,000.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    callers: u16,
    /// A data directory to be kept: filled where it is not there yet, and asked as it is where it is. It must have been
    /// filled with the same number of orders and seed.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    filled: Option<PathBuf>,
}

/// Different questions of one kind; a run that asks more asks them again.
const QUESTIONS: u64 = 10_000;
/// Those that need another call each before they can be asked.
const PREPARED: u64 = 1_000;
const PREPARED_AT_ONCE: usize = 16;

/// Fills an engine, starts it again, asks.
///
/// # Errors
/// A refused row or question, or an answer without the order it was made from.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let past = Arc::new(Past::of(args.orders));
    let Ground { world, filled, data_dir, log, keep } = ground(&args, &past).await?;
    let disk_bytes = tell_disk(&data_dir)?;
    let began = Instant::now();
    let server = ServerProcess::serve(&data_dir, &log, &[]).await?;
    let client = client(&server).await?;
    quiet(&client).await?;
    let (restart, restarted) = (began.elapsed(), server.usage()?);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "restart: {:.2} s, {} MB of memory; load of the machine: {}",
        restart.as_secs_f64(),
        restarted.resident_bytes >> 20,
        load.split(' ').next().unwrap_or("unknown")
    );

    let worst = ask_all(&args, &server, &world, &past).await?;
    let asked = server.usage()?;
    println!("after all questions: {} MB of memory", asked.resident_bytes >> 20);
    println!(
        "RESULT orders={} p99_ms_worst_exact={worst:.2} rss_mb={} rss_restarted_mb={} rss_asked_mb={} disk_mb={} \
         import_per_s={:.0} restart_s={:.2}",
        args.orders,
        filled.resident_bytes >> 20,
        restarted.resident_bytes >> 20,
        asked.resident_bytes >> 20,
        disk_bytes >> 20,
        filled.import_per_s,
        restart.as_secs_f64()
    );
    server.kill().await?;
    drop(keep);
    Ok(())
}

/// What is asked about: the retailer, and the directory that its orders lie in.
struct Ground {
    world: Arc<World>,
    filled: Filled,
    data_dir: PathBuf,
    log: PathBuf,
    /// Removed with everything in it when this is dropped.
    keep: Option<tempfile::TempDir>,
}

async fn ground(args: &Args, past: &Arc<Past>) -> anyhow::Result<Ground> {
    let common = &args.common;
    let shape = common.ample(StockShape::new(Regime::Base, past.open));
    if let Some(data_dir) = args.filled.clone().filter(|dir| dir.exists()) {
        let world = Arc::new(tokio::task::spawn_blocking(move || World::make(shape, None)).await??);
        let log = data_dir.with_extension("log");
        return Ok(Ground { world, filled: Filled::default(), data_dir, log, keep: None });
    }
    let bench = Bench::start(common).await?;
    let (world, _) = bench.load(shape).await?;
    let filled = fill(args, &bench, &world, past).await?;
    let (log, data_dir) = (bench.log(), bench.dir().join("data"));
    let keep = Some(bench.end().await?);
    let data_dir = match &args.filled {
        Some(kept) => {
            std::fs::rename(&data_dir, kept).with_context(|| format!("cannot keep {}", kept.display()))?;
            kept.clone()
        }
        None => data_dir,
    };
    Ok(Ground { world, filled, data_dir, log, keep })
}

/// What filling came to; nothing where it was done before.
#[derive(Default)]
struct Filled {
    resident_bytes: u64,
    import_per_s: f64,
}

async fn fill(args: &Args, bench: &Bench, world: &Arc<World>, past: &Arc<Past>) -> anyhow::Result<Filled> {
    let operator = bench.operator().await?;
    let make = {
        let past = Arc::clone(past);
        move |world: &World, first, count| past.finished(world, first, count)
    };
    let cpu = bench.server.usage()?.cpu_us;
    let took = import_history(&operator, world, past.finished, make).await?;
    let imported = bench.server.usage()?;
    let import_per_s = past.finished as f64 / took.as_secs_f64().max(f64::EPSILON);
    println!(
        "{} finished orders imported in {:.0} s: {import_per_s:.0} per second, {:.0} us of the server's processor time each; {} \
         MB of memory",
        grouped(past.finished),
        took.as_secs_f64(),
        (imported.cpu_us - cpu) as f64 / past.finished as f64,
        imported.resident_bytes >> 20
    );
    let (orders, shop) = (Arc::clone(past), Arc::clone(world));
    let open = tokio::task::spawn_blocking(move || orders.open(&shop)).await?;
    place_open(bench, &args.common, open).await?;
    quiet(&operator).await?;
    let full = bench.server.usage()?;
    println!(
        "{} open orders placed: {} MB of memory, {} MB at most",
        grouped(past.open),
        full.resident_bytes >> 20,
        full.resident_peak_bytes >> 20
    );
    Ok(Filled { resident_bytes: full.resident_bytes, import_per_s })
}

async fn client(server: &ServerProcess) -> anyhow::Result<Client> {
    let identity = Identity::new("", "bench", "operator")?;
    Ok(Client::connect(&server.endpoint, identity).await?.with_retry(Retry::never()))
}

/// Asks every kind of question in turn and tells the table; answers the worst p99 of the exact keys in milliseconds.
async fn ask_all(
    args: &Args,
    server: &ServerProcess,
    world: &Arc<World>,
    past: &Arc<Past>,
) -> anyhow::Result<f64> {
    let time = Duration::from_secs(args.common.seconds).div_f64(Kind::ALL.len() as f64);
    println!(
        "{} callers; latency in ms; orders in an answer; the server's processor time in us",
        args.callers
    );
    println!(
        "{:<22}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "looked for by", "asked", "per s", "p50", "p99", "p99.9", "orders", "cpu"
    );
    let mut worst = 0.0f64;
    for kind in Kind::ALL {
        let questions = questions(server, world, past, kind).await?;
        let mut told = ask(args.callers, server, questions, time).await.with_context(|| kind.name())?;
        let p99 = told.latencies.percentile_ms(990);
        println!(
            "{:<22}{:>9}{:>9.0}{:>9.2}{p99:>9.2}{:>9.2}{:>9.1}{:>9.0}",
            kind.name(),
            told.asked(),
            told.asked() / told.time.as_secs_f64(),
            told.latencies.percentile_ms(500),
            told.latencies.percentile_ms(999),
            told.orders as f64 / told.asked(),
            told.cpu_us as f64 / told.asked()
        );
        if kind.is_exact() {
            worst = worst.max(p99);
        }
    }
    Ok(worst)
}

async fn questions(
    server: &ServerProcess,
    world: &Arc<World>,
    past: &Arc<Past>,
    kind: Kind,
) -> anyhow::Result<Vec<Question>> {
    let needs_more = matches!(kind, Kind::Id | Kind::NamePage2 | Kind::ChannelPage2);
    let count = if needs_more { PREPARED } else { QUESTIONS };
    let (world, past) = (Arc::clone(world), Arc::clone(past));
    let made = tokio::task::spawn_blocking(move || questions::made(&world, &past, kind, count)).await?;
    if !needs_more {
        return Ok(made);
    }
    let client = client(server).await?;
    let prepare = |question: Question| question.prepared(kind, &client);
    let prepared = futures::stream::iter(made).map(prepare).buffer_unordered(PREPARED_AT_ONCE);
    prepared.try_filter_map(|question| async move { Ok(question) }).try_collect().await
}

/// What one kind of question came to.
struct Told {
    latencies: Latencies,
    orders: u64,
    cpu_us: u64,
    time: Duration,
}

impl Told {
    fn asked(&self) -> f64 {
        self.latencies.count() as f64
    }
}

/// Asks questions from `callers` connections for `time`.
async fn ask(
    callers: u16,
    server: &ServerProcess,
    questions: Vec<Question>,
    time: Duration,
) -> anyhow::Result<Told> {
    ensure!(!questions.is_empty(), "no order can be looked for so");
    let (questions, next) = (Arc::new(questions), Arc::new(AtomicU64::new(0)));
    let mut clients = Vec::new();
    for _ in 0..callers {
        clients.push(client(server).await?);
    }
    let (before, began) = (server.usage()?, Instant::now());
    let mut workers = JoinSet::new();
    for client in clients {
        let (questions, next) = (Arc::clone(&questions), Arc::clone(&next));
        workers.spawn(async move {
            let (mut latencies, mut orders) = (Latencies::default(), 0u64);
            while began.elapsed() < time {
                let index = next.fetch_add(1, Ordering::Relaxed) as usize % questions.len();
                let sent = Instant::now();
                orders += questions[index].ask(&client).await? as u64;
                latencies.add(sent.elapsed());
            }
            anyhow::Ok((latencies, orders))
        });
    }
    let mut told = Told { latencies: Latencies::default(), orders: 0, cpu_us: 0, time };
    while let Some(worker) = workers.join_next().await {
        let (latencies, orders) = worker??;
        told.latencies.join(latencies);
        told.orders += orders;
    }
    told.time = began.elapsed();
    told.cpu_us = server.usage()?.cpu_us - before.cpu_us;
    Ok(told)
}
