//! `waybill bench place`: orders per second, from the call until the pick instructions of all its units are durable and
//! have reached their nodes. A worker sends its next order only then, so the backlog is the concurrency and cannot grow.

mod policies;
mod several;

use super::child::own_usage;
use super::drive::{Done, drive};
use super::echo;
use super::instructed::{Board, Instructions};
use super::setup::{Bench, Common};
use crate::config::SourcingMethod;
use crate::demo::load::refused;
use crate::demo::settle::quiet;
use crate::demo::world::World;
use crate::operate::journal::JournalArgs;
use crate::records;
use anyhow::{Context, bail, ensure};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use waybill_client::Client;
use waybill_client::proto::common::v1::{CheckpointRequest, GetStatusRequest};
use waybill_client::proto::orders::v1::{
    ExternalOrderKey, GetOrderRequest, PlaceOrderRequest, PlaceOutcome, get_order_request,
};
use waybill_fixtures::{OrderShape, Regime, StockShape};

/// What `bench place` takes. More calls under way than elsewhere: it asks what the machine carries, and waiting for the disk
/// is most of an order's time.
#[derive(Clone, Debug, clap::Args)]
#[command(mut_arg("concurrency", |concurrency| concurrency.default_value("1024")))]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    /// Checkpoints of all partitions during the measured time, evenly spread, on top of those the engine makes itself.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub(super) checkpoints: u32,
    /// Ways of planning to be held against each other, such as simple,exact: an engine each, turn and turn about.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "POLICIES")]
    pub(super) policy: Vec<SourcingMethod>,
    /// Processes over one journal, which --journal names, each with its share of the callers: in a fresh schema, or name of
    /// streams, which stays there afterwards. Without it, one process with files of its own.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(super) processes: Option<u8>,
    #[command(flatten)]
    pub(super) journal: JournalArgs,
}

impl Args {
    /// One process with files of its own, and only the checkpoints that it makes itself.
    pub(super) fn alone(common: Common) -> Self {
        Self { common, checkpoints: 0, policy: Vec::new(), processes: None, journal: JournalArgs::default() }
    }
}

pub(super) const CHANNEL: &str = "web";
/// Different orders; a run takes them again and again under new numbers.
const TEMPLATES: u64 = 20_000;
/// Connections for the streams of all nodes.
pub(super) const STREAM_CONNECTIONS: u16 = 4;
/// An order that is not instructed by then counts as stuck.
const STUCK: Duration = Duration::from_secs(20);

/// Orders to send, and who waits for them.
pub(super) struct Source {
    clients: Vec<Client>,
    templates: Arc<Vec<PlaceOrderRequest>>,
    board: Arc<Board>,
    next: AtomicU64,
    stuck: Mutex<Vec<String>>,
}

/// Measures, checks and prints the RESULT line.
///
/// # Errors
/// The server failed, a call was refused, orders were left without instructions, or too few checkpoints were made.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let common = &args.common;
    if let Some(processes) = args.processes {
        return several::run(&args, processes).await;
    }
    ensure!(args.journal.journal.is_none(), "a journal is named; say how many --processes shall share it");
    if !args.policy.is_empty() {
        return policies::run(&args).await;
    }
    let bench = Bench::start(common).await?;
    let shape = common.ample(StockShape::new(Regime::Base, TEMPLATES));
    let world = Arc::new(tokio::task::spawn_blocking(move || World::make(shape, None)).await??);
    let templates = templates(&world).await?;
    let time = Duration::from_secs(common.seconds.div_ceil(10));
    // The machine's speed changes while a bench runs, so the echo is measured before and after. An empty server is idle.
    let echo_before = echo::orders_per_s(common.load, Arc::clone(&templates), time, &bench.log()).await?;
    bench.fill(&world).await?;
    let streams = bench.connect(STREAM_CONNECTIONS, "").await?;
    let nodes = world.retailer.nodes.iter().map(|node| node.node_id.clone());
    let mut instructions = Instructions::subscribe(&streams, nodes)?;
    drop(world);
    let clients = bench.connect(common.load.connections, CHANNEL).await?;
    let source = Arc::new(Source::new(clients, Arc::clone(&templates), &instructions));

    let operator = bench.operator().await?;
    let measured = measure(&args, &bench, &source, &operator).await?;
    instructions.check()?;
    verify(&source, &operator).await?;
    let usage = bench.server.usage()?;
    println!(
        "{} orders in {} s with {} checkpoints of all partitions, none left without instructions; {:.2} journal frames \
         an order; {:.0} us of processor time an order in this process, which makes the load; {} MB at most",
        measured.done.latencies.count(),
        common.seconds,
        args.checkpoints,
        measured.frames as f64 / (measured.orders as f64).max(1.0),
        measured.own_cpu_us as f64 / (measured.orders as f64).max(1.0),
        usage.resident_peak_bytes >> 20
    );
    let dir = bench.dir().to_path_buf();
    let log = bench.log();
    // The server must be gone before the echo is measured, or the two would share the machine.
    let keep = bench.end().await?;
    let echo_after = echo::orders_per_s(common.load, templates, time, &log).await?;
    println!("the bare echo: {echo_before:.0} calls/s before, {echo_after:.0} after");
    let echo_per_s = f64::midpoint(echo_before, echo_after);
    let syncs =
        tokio::task::spawn_blocking(move || super::disk::fdatasync_per_s(&dir, time.min(SYNC_MAX))).await??;
    drop(keep);
    println!("{}", measured.result(usage.resident_bytes, echo_per_s, syncs));
    Ok(())
}

const SYNC_MAX: Duration = Duration::from_secs(3);

pub(super) struct Measured {
    pub(super) done: Done,
    pub(super) cpu_us: u64,
    /// Processor time of the load generator for the same orders, in microseconds.
    own_cpu_us: u64,
    /// Orders that processor time and frames were spent on: those of the measured time and of the warm-up's tail alike.
    pub(super) orders: u64,
    /// Frames that all partitions journaled for them.
    frames: u64,
}

impl Measured {
    fn result(&self, resident_bytes: u64, echo_per_s: f64, syncs: f64) -> String {
        let mut latencies = self.done.latencies.clone();
        format!(
            "RESULT orders_per_s={:.0} p50_ms={:.2} p99_ms={:.2} p999_ms={:.2} server_cpu_us_per_order={:.0} \
             rss_mb={} echo_per_s={echo_per_s:.0} fdatasync_per_s={syncs:.0}",
            self.done.per_s(),
            latencies.percentile_ms(500),
            latencies.percentile_ms(990),
            latencies.percentile_ms(999),
            self.cpu_us as f64 / (self.orders as f64).max(1.0),
            resident_bytes >> 20
        )
    }
}

pub(super) async fn source(
    bench: &Bench,
    common: &Common,
    world: &Arc<World>,
    instructions: &Instructions,
) -> anyhow::Result<Source> {
    let clients = bench.connect(common.load.connections, CHANNEL).await?;
    Ok(Source::new(clients, templates(world).await?, instructions))
}

/// The orders that are sent, again and again under new numbers.
async fn templates(world: &Arc<World>) -> anyhow::Result<Arc<Vec<PlaceOrderRequest>>> {
    let orders = OrderShape { later_permille: 0, pickup_permille: 0, ..OrderShape::default() };
    let world = Arc::clone(world);
    let make = move || world.orders(orders, TEMPLATES).iter().map(records::place).collect::<Vec<_>>();
    Ok(Arc::new(tokio::task::spawn_blocking(make).await?))
}

pub(super) async fn measure(
    args: &Args,
    bench: &Bench,
    source: &Arc<Source>,
    operator: &Client,
) -> anyhow::Result<Measured> {
    let time = Duration::from_secs(args.common.seconds);
    let warm_up = time.div_f64(10.0);
    let checkpointer =
        tokio::spawn(checkpoint(operator.clone(), Instant::now() + warm_up, time, args.checkpoints));
    let calls = Arc::clone(source);
    let driving = drive(args.common.load, warm_up, time, move |worker, _| {
        let source = Arc::clone(&calls);
        async move { source.order(worker).await }
    });
    let frames = journaled(operator).await?;
    let (usage, own) = (bench.server.usage()?, own_usage()?);
    let orders = source.next.load(Ordering::Relaxed);
    let done = driving.await?;
    let cpu_us = bench.server.usage()?.cpu_us - usage.cpu_us;
    let own_cpu_us = own_usage()?.cpu_us - own.cpu_us;
    let orders = source.next.load(Ordering::Relaxed) - orders;
    checkpointer.await.context("the maker of checkpoints panicked")??;
    let frames = journaled(operator).await? - frames;
    Ok(Measured { done, cpu_us, own_cpu_us, orders, frames })
}

/// The number of the order that is placed as number `index`.
pub(super) fn number(index: u64) -> String {
    format!("B{index:09}")
}

impl Source {
    fn new(
        clients: Vec<Client>,
        templates: Arc<Vec<PlaceOrderRequest>>,
        instructions: &Instructions,
    ) -> Self {
        let board = Arc::clone(&instructions.board);
        Self { clients, templates, board, next: AtomicU64::new(0), stuck: Mutex::default() }
    }

    /// How many orders were sent so far.
    pub(super) fn placed(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Sends one order and waits until all its units are instructed. `false` when they are not in time.
    async fn order(&self, worker: usize) -> anyhow::Result<bool> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let mut request = self.templates[(index % self.templates.len() as u64) as usize].clone();
        let number = number(index);
        request.request_id.clone_from(&number);
        request.external_order_number.clone_from(&number);
        let units = request.lines.iter().map(|line| line.quantity).sum();
        let instructed = self.board.expect(&number, units);
        let client = &self.clients[worker % self.clients.len()];
        let answer = client.place_order(request).await.map_err(refused)?;
        ensure!(answer.outcome() == PlaceOutcome::Accepted, "an order was answered {:?}", answer.outcome());
        match tokio::time::timeout(STUCK, instructed).await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(_)) => bail!("nobody waits for order {number} any more"),
            Err(_) => {
                self.board.forget(&number);
                self.stuck.lock().unwrap_or_else(PoisonError::into_inner).push(number);
                Ok(false)
            }
        }
    }
}

/// Makes `count` checkpoints of all partitions, evenly spread over the measured time.
async fn checkpoint(operator: Client, from: Instant, time: Duration, count: u32) -> anyhow::Result<()> {
    for number in 1..=count {
        let due = from + time * number / (count + 1);
        tokio::time::sleep_until(due.into()).await;
        let before = operator.get_status(GetStatusRequest {}).await.map_err(refused)?.partitions;
        let after = operator.checkpoint(CheckpointRequest::default()).await.map_err(refused)?.partitions;
        // Each partition has checkpointed all that was durable when it was asked; one without new frames has nothing to do.
        let made = before.iter().zip(&after).all(|(was, is)| is.checkpoint_sequence >= was.durable_sequence);
        ensure!(made && before.len() == after.len(), "a checkpoint was answered and not made");
    }
    Ok(())
}

/// Frames that all partitions ever journaled.
async fn journaled(operator: &Client) -> anyhow::Result<u64> {
    let status = operator.get_status(GetStatusRequest {}).await.map_err(refused)?;
    Ok(status.partitions.iter().map(|partition| partition.durable_sequence).sum())
}

/// Nothing may be left over: no order without instructions, no message on its way.
pub(super) async fn verify(source: &Source, operator: &Client) -> anyhow::Result<()> {
    quiet(operator).await?;
    let stuck = std::mem::take(&mut *source.stuck.lock().unwrap_or_else(PoisonError::into_inner));
    let mut states = BTreeMap::new();
    for number in &stuck {
        let key = ExternalOrderKey { channel: CHANNEL.to_owned(), external_order_number: number.clone() };
        let request =
            GetOrderRequest { key: Some(get_order_request::Key::External(key)), ..Default::default() };
        let order = operator.get_order(request).await.map_err(refused)?.order.unwrap_or_default();
        *states.entry(format!("{:?}", order.status())).or_insert(0u64) += 1;
    }
    let all = source.next.load(Ordering::Relaxed);
    ensure!(
        stuck.is_empty(),
        "{} of {all} orders had no instructions after {STUCK:?}; now: {states:?}",
        stuck.len()
    );
    Ok(())
}
