//! `waybill bench place --journal URL --processes n`: the same orders at several processes over one journal, each with its
//! share of the callers. What the engine under them used is told apart where it runs on this machine.

use super::super::child::{ServerProcess, Usage, own_usage};
use super::super::disk;
use super::super::drive::{Done, drive};
use super::super::engine_use::EngineUse;
use super::super::instructed::Instructions;
use super::{Args, CHANNEL, STREAM_CONNECTIONS, Source, TEMPLATES, templates, verify};
use crate::config::Config;
use crate::demo::load::{load, refused};
use crate::demo::settle::quiet;
use crate::demo::world::World;
use anyhow::{Context, ensure};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use waybill_client::proto::common::v1::GetClusterRequest;
use waybill_client::{Client, Identity, Retry};
use waybill_fixtures::{Regime, StockShape};

/// How long processes may take until each owns its share.
const SPREAD_WITHIN: Duration = Duration::from_secs(60);

/// The processes, in a directory that is removed after them.
struct Processes {
    all: Vec<ServerProcess>,
    url: String,
    schema: String,
    _dir: tempfile::TempDir,
}

/// What was used up to a moment.
struct Used {
    processes: Vec<Usage>,
    engine_cpu_us: Option<u64>,
    own_cpu_us: u64,
    journal: Journaled,
    orders: u64,
}

/// What all processes appended to the journal.
#[derive(Clone, Copy, Default)]
struct Journaled {
    frames: u64,
    bytes: u64,
}

/// Measures, checks and prints the RESULT line.
///
/// # Errors
/// The journal or a process failed, a call was refused, or orders were left without instructions.
pub(super) async fn run(args: &Args, count: u8) -> anyhow::Result<()> {
    ensure!(args.policy.is_empty(), "--policy compares ways of planning over files; leave --processes out");
    let common = &args.common;
    let processes = Processes::start(args, count).await?;
    let engine = EngineUse::find(&processes.url);
    let shape = common.ample(StockShape::new(Regime::Base, TEMPLATES));
    let world = Arc::new(tokio::task::spawn_blocking(move || World::make(shape, None)).await??);
    let operators = processes.operators().await?;
    let bar = super::super::setup::bar("loading", world.stock().count() as u64)?;
    load(operators.first().context("there is no process")?, &world, &bar).await?;
    processes.spread(&operators).await?;

    let streams = processes.connect(STREAM_CONNECTIONS, "").await?;
    let nodes = world.retailer.nodes.iter().map(|node| node.node_id.clone());
    let mut instructions = Instructions::subscribe(&streams, nodes)?;
    let clients = processes.connect(common.load.connections, CHANNEL).await?;
    let source = Arc::new(Source::new(clients, templates(&world).await?, &instructions));
    drop(world);
    let load_before = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let before = processes.used(&source, engine.as_ref()).await?;
    let time = Duration::from_secs(common.seconds);
    let calls = Arc::clone(&source);
    let done = drive(common.load, time.div_f64(10.0), time, move |worker, _| {
        let source = Arc::clone(&calls);
        async move { source.order(worker).await }
    });
    let done = done.await?;
    let after = processes.used(&source, engine.as_ref()).await?;
    instructions.check()?;
    for operator in &operators {
        quiet(operator).await?;
        verify(&source, operator).await?;
    }
    println!(
        "{} orders in {} s over {} process(es), none left without instructions; load of the machine before: {}; what was \
         journaled stays in {} of the engine",
        done.latencies.count(),
        common.seconds,
        processes.all.len(),
        load_before.split(' ').next().unwrap_or("unknown"),
        processes.schema
    );
    println!("{}", result(&processes.url, &done, &before, &after));
    Ok(())
}

fn result(url: &str, done: &Done, before: &Used, after: &Used) -> String {
    let orders = (after.orders - before.orders).max(1) as f64;
    let per_order = |amount: u64| amount as f64 / orders;
    let pairs = after.processes.iter().zip(&before.processes);
    let cpu: Vec<u64> = pairs.map(|(after, before)| after.cpu_us - before.cpu_us).collect();
    let each: Vec<String> = cpu.iter().map(|us| format!("{:.0}", per_order(*us))).collect();
    let engine = after.engine_cpu_us.zip(before.engine_cpu_us);
    let engine =
        engine.map_or("unknown".to_owned(), |(after, before)| format!("{:.0}", per_order(after - before)));
    let resident = after.processes.iter().map(|usage| usage.resident_bytes >> 20).max().unwrap_or(0);
    let mut latencies = done.latencies.clone();
    format!(
        "RESULT engine={} processes={} orders_per_s={:.0} p50_ms={:.2} p99_ms={:.2} p999_ms={:.2} \
         server_cpu_us_per_order={:.0} process_cpu_us_per_order={} engine_cpu_us_per_order={engine} \
         load_cpu_us_per_order={:.0} journal_bytes_per_order={:.0} frames_per_order={:.2} rss_mb={resident}",
        url.split_once("://").map_or("postgres", |(scheme, _)| scheme),
        cpu.len(),
        done.per_s(),
        latencies.percentile_ms(500),
        latencies.percentile_ms(990),
        latencies.percentile_ms(999),
        per_order(cpu.iter().sum()),
        each.join(","),
        per_order(after.own_cpu_us - before.own_cpu_us),
        per_order(after.journal.bytes - before.journal.bytes),
        per_order(after.journal.frames - before.journal.frames),
    )
}

impl Processes {
    /// Starts them in a part of the engine that nobody has used.
    async fn start(args: &Args, count: u8) -> anyhow::Result<Self> {
        let dir = disk::fresh_dir(args.common.dir.as_deref())?;
        let mut random = [0u8; 4];
        getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let mut config = Config::default();
        config.journal.schema = format!("bench_{:08x}", u32::from_be_bytes(random));
        args.journal.clone().apply(&mut config.journal);
        let needed = "processes have one journal in common: name it, such as --journal postgres://waybill@127.0.0.1/waybill";
        let url = config.journal.url.clone().context(needed)?;
        let file = dir.path().join("config.toml");
        std::fs::write(&file, toml::to_string(&config)?)?;
        let mut all = Vec::new();
        for number in 1..=count {
            all.push(start_one(dir.path(), &file, &format!("bench-{number}")).await?);
        }
        Ok(Self { all, url, schema: config.journal.schema, _dir: dir })
    }

    /// Connections that never send anything twice, each process with its share of them.
    async fn connect(&self, count: u16, channel: &str) -> anyhow::Result<Vec<Client>> {
        let mut clients = Vec::new();
        // Every process has callers, also where there are fewer connections than processes.
        for process in self.all.iter().cycle().take(usize::from(count).max(self.all.len())) {
            let identity = Identity::new(channel, "bench", "operator")?;
            clients.push(Client::connect(&process.endpoint, identity).await?.with_retry(Retry::never()));
        }
        Ok(clients)
    }

    /// One patient client per process.
    async fn operators(&self) -> anyhow::Result<Vec<Client>> {
        let mut clients = Vec::new();
        for process in &self.all {
            clients.push(Client::connect(&process.endpoint, Identity::new("", "bench", "operator")?).await?);
        }
        Ok(clients)
    }

    /// Waits until each process owns its share, to within two partitions.
    async fn spread(&self, operators: &[Client]) -> anyhow::Result<()> {
        let even = async {
            let mut ticks = tokio::time::interval(Duration::from_millis(100));
            loop {
                ticks.tick().await;
                let mut door = operators.first().context("there is no process")?.cluster();
                let cluster =
                    door.get_cluster(GetClusterRequest::default()).await.map_err(refused)?.into_inner();
                let owned: Vec<u32> = cluster.processes.iter().map(|process| process.owned_count).collect();
                let all = owned.iter().sum::<u32>() as usize == cluster.partitions.len();
                let share = cluster.partitions.len() as u32 / self.all.len() as u32;
                let full = owned.iter().filter(|count| **count + 2 >= share).count();
                if all && full == self.all.len() {
                    return anyhow::Ok(owned);
                }
            }
        };
        let owned = tokio::time::timeout(SPREAD_WITHIN, even).await;
        let owned = owned.context("the partitions do not spread over the processes")??;
        println!("partitions owned by each process: {owned:?}");
        Ok(())
    }

    async fn used(&self, source: &Source, engine: Option<&EngineUse>) -> anyhow::Result<Used> {
        let mut journal = Journaled::default();
        for process in &self.all {
            let metrics = process.metrics().await?;
            journal.frames += sum(&metrics, "waybill_partition_frames_total");
            journal.bytes += sum(&metrics, "waybill_partition_frame_bytes_total");
        }
        Ok(Used {
            processes: self.all.iter().map(ServerProcess::usage).collect::<anyhow::Result<_>>()?,
            engine_cpu_us: engine.and_then(EngineUse::cpu_us),
            own_cpu_us: own_usage()?.cpu_us,
            journal,
            orders: source.next.load(Ordering::Relaxed),
        })
    }
}

async fn start_one(dir: &Path, file: &Path, name: &str) -> anyhow::Result<ServerProcess> {
    let file = file.to_str().context("the directory's path is not UTF-8")?;
    let (data, log) = (dir.join(name), dir.join(format!("{name}.log")));
    ServerProcess::serve_measured(&data, &log, &["--config", file, "--name", name]).await
}

/// The sum of a counter over its labels, as Prometheus' text form has it.
fn sum(metrics: &str, counter: &str) -> u64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(counter)?;
        let is_it = rest.starts_with('{') || rest.starts_with(' ');
        rest.rsplit_once(' ').filter(|_| is_it)?.1.parse::<u64>().ok()
    };
    metrics.lines().filter_map(value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_over_their_labels_and_no_others() {
        let metrics = "# HELP a_total all of it\n# TYPE a_total counter\na_total{partition=\"orders/0\"} 3\n\
             a_total{partition=\"orders/1\"} 4\na_total_bytes{partition=\"orders/0\"} 900\nb 1\n";
        assert_eq!(sum(metrics, "a_total"), 7);
        assert_eq!(sum(metrics, "b"), 1);
        assert_eq!(sum(metrics, "c"), 0);
    }
}
