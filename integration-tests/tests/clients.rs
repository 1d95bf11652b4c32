//! The Rust client and the commands over several processes of one engine: processes are killed and told to stop under them,
//! and nobody is refused, nothing is done twice, no stream leaves anything out.

use anyhow::{Context, ensure};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;
use waybill_client::proto::common::v1::{GetClusterRequest, PartitionCursor};
use waybill_client::proto::orders::v1::{PlaceMode, WatchChangesRequest, WatchChangesResponse};
use waybill_client::{Client, Identity, Resumed};
use waybill_integration_tests::engine::{self, Engine, Setting};
use waybill_integration_tests::retailer::{self, Shape, order};
use waybill_integration_tests::shared_journal::{Kind, SharedJournal};
use waybill_integration_tests::world::{PATIENCE, until};

/// Processes over one PostgreSQL.
struct Place {
    journal: SharedJournal,
    dir: TempDir,
}

impl Place {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { journal: SharedJournal::start(Kind::Postgres)?, dir: tempfile::tempdir()? })
    }

    async fn start(&self, name: &str, listen: &str) -> anyhow::Result<Engine> {
        let mut setting = Setting::new(&self.dir.path().join(name));
        setting.listen = listen.to_owned();
        setting.flags.extend(self.journal.flags());
        setting.flags.extend(["--name", name].map(str::to_owned));
        Engine::start(&setting).await
    }
}

/// Two addresses that were free a moment ago, for processes that come back to theirs.
fn addresses() -> anyhow::Result<[String; 2]> {
    let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([listeners[0].local_addr()?.to_string(), listeners[1].local_addr()?.to_string()])
}

fn both(addresses: &[String; 2]) -> String {
    addresses.each_ref().map(|address| format!("http://{address}")).join(",")
}

/// Places orders one after the other until told to stop; answers with their ids.
async fn shop(
    client: Client,
    name: String,
    stop: Arc<AtomicBool>,
    placed: Arc<AtomicU64>,
) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let request = order(&format!("{name}-{n}"), &[(n % 4, 1)], PlaceMode::Confirm);
        let answer = client.place_order(request).await.with_context(|| format!("{name}-{n}"))?;
        ids.push(answer.order_id);
        placed.fetch_add(1, Ordering::Relaxed);
    }
    Ok(ids)
}

/// Takes from the feed until it has told of every order in `missing`.
async fn told(feed: &mut Resumed<WatchChangesResponse>, mut missing: BTreeSet<String>) -> anyhow::Result<()> {
    let reading = async {
        while !missing.is_empty() {
            let change = feed.next().await.context("the feed ended")??;
            missing.remove(&change.event.context("a message without an event")?.order_id);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, reading).await.context("the feed leaves orders out")?
}

/// Every event of every order from the beginning.
fn feed(client: &Client) -> Resumed<WatchChangesResponse> {
    let cursors = (0..8).map(|partition| PartitionCursor { partition, sequence: 0 }).collect();
    client.watch_changes(WatchChangesRequest { cursors, ..Default::default() })
}

/// Waits until both own a share.
async fn shared(operator: &Client) -> anyhow::Result<()> {
    until("both own a share", || async {
        let cluster = operator.cluster().get_cluster(GetClusterRequest::default()).await?.into_inner();
        let owns = |name: &str| cluster.processes.iter().any(|one| one.name == name && one.owned_count >= 6);
        Ok((owns("a") && owns("b")).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_are_killed_and_told_to_stop_under_a_client_and_it_is_refused_nothing() -> anyhow::Result<()>
{
    let (place, at) = (Place::new()?, addresses()?);
    let (a, b) = (place.start("a", &at[0]).await?, place.start("b", &at[1]).await?);
    retailer::open(&a.channel().await?, Shape { nodes: 2, items: 4, stock: 100_000 }).await?;
    let operator = Client::connect(&both(&at), Identity::default()).await?;
    shared(&operator).await?;
    let (stop, placed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut shops = tokio::task::JoinSet::new();
    for caller in 0..4 {
        let client = Client::connect(&both(&at), Identity::new("web", "shop-1", "channel")?).await?;
        shops.spawn(shop(client, format!("c{caller}"), Arc::clone(&stop), Arc::clone(&placed)));
    }
    let more = async |what: &str| {
        let from = placed.load(Ordering::Relaxed);
        until(what, || async { Ok((placed.load(Ordering::Relaxed) > from + 40).then_some(())) }).await
    };
    more("orders are placed").await?;
    a.kill().await?;
    more("orders are placed after a kill").await?;
    let a = place.start("a", &at[0]).await?;
    shared(&operator).await?;
    more("orders are placed at both").await?;
    b.signal("-TERM")?;
    more("orders are placed while one leaves").await?;
    ensure!(b.ended().await?.success(), "the process did not end well");
    more("orders are placed at the last one").await?;
    stop.store(true, Ordering::Relaxed);
    let mut ids = BTreeSet::new();
    while let Some(shop) = shops.join_next().await {
        ids.extend(shop??);
    }

    ensure!(ids.len() as u64 == placed.load(Ordering::Relaxed), "two numbers were answered with one order");
    told(&mut feed(&operator), ids).await?;
    a.settle().await?;
    a.audit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_at_another_process_and_leaves_nothing_out() -> anyhow::Result<()> {
    let (place, at) = (Place::new()?, addresses()?);
    let a = place.start("a", &at[0]).await?;
    retailer::open(&a.channel().await?, Shape { nodes: 1, items: 4, stock: 1_000 }).await?;
    // It knows both and can only be at the one that is there.
    let watcher = Client::connect(&both(&at), Identity::default()).await?;
    let mut feed = feed(&watcher);
    let shop = watcher.with_identity(Identity::new("web", "shop-1", "channel")?);
    let place_ten = async |round: &str| {
        let mut ids = BTreeSet::new();
        for n in 0..10 {
            let asked = order(&format!("{round}-{n}"), &[(n % 4, 1)], PlaceMode::Confirm);
            ids.insert(shop.place_order(asked).await?.order_id);
        }
        anyhow::Ok(ids)
    };
    told(&mut feed, place_ten("at a").await?).await?;
    let b = place.start("b", &at[1]).await?;
    let unread = place_ten("unread").await?;
    a.kill().await?;
    told(&mut feed, unread).await?;
    told(&mut feed, place_ten("at b").await?).await?;
    let _a = place.start("a", &at[0]).await?;
    shared(&watcher).await?;
    b.signal("-TERM")?;
    told(&mut feed, place_ten("at a again").await?).await?;
    ensure!(b.ended().await?.success(), "the process did not end well");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_take_the_process_that_is_there() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let engine = Engine::start(&Setting::new(&dir.path().join("data"))).await?;
    let status = async |endpoint: &str| {
        let said = engine::run(["audit", "--endpoint", endpoint]).await?;
        anyhow::Ok((said.status.success(), String::from_utf8_lossy(&said.stderr).into_owned()))
    };
    let gone = "http://127.0.0.1:1";
    for endpoints in [format!("{gone},{}", engine.endpoint), format!("{},{gone}", engine.endpoint)] {
        let (ok, said) = status(&endpoints).await?;
        ensure!(ok, "{endpoints}: {said}");
    }
    let (ok, said) = status(&format!("{gone},http://127.0.0.1:2")).await?;
    ensure!(!ok && said.contains("cannot connect to"), "{said}");
    let drained =
        engine::run(["cluster", "drain", "--endpoint", &format!("{gone},{}", engine.endpoint)]).await?;
    let said = String::from_utf8_lossy(&drained.stderr).into_owned();
    ensure!(!drained.status.success() && said.contains("one process"), "{said}");
    Ok(())
}

#[tokio::test]
async fn commands_show_a_certificate_where_one_is_asked_for() -> anyhow::Result<()> {
    let (authority, dir) =
        (waybill_integration_tests::certificates::Authority::new("ours")?, tempfile::tempdir()?);
    let mut setting = Setting::new(&dir.path().join("data"));
    setting.flags.extend(authority.process()?.write(dir.path(), "process")?.flags());
    let engine = Engine::start(&setting).await?;
    let caller = authority.caller("shop-1.example")?.write(dir.path(), "caller")?;
    let text = |path: &Path| path.display().to_string();
    let (ca, certificate, key) = (text(&caller.ca), text(&caller.certificate), text(&caller.key));
    let audit = ["audit", "--endpoint", &engine.endpoint];
    let shown = ["--ca", &ca, "--certificate", &certificate, "--key", &key];
    let said = engine::run(audit.iter().chain(&shown)).await?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    for (what, flags) in [("needs --ca", &shown[..0]), ("cannot connect to", &shown[..2])] {
        let said = engine::run(audit.iter().chain(flags)).await?;
        let told = String::from_utf8_lossy(&said.stderr).into_owned();
        ensure!(!said.status.success() && told.contains(what), "{told}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bench_over_two_processes_tells_what_each_of_them_used() -> anyhow::Result<()> {
    let journal = SharedJournal::start(Kind::Postgres)?;
    let small =
        ["--seconds", "3", "--nodes", "20", "--skus", "100", "--concurrency", "8", "--connections", "4"];
    let mut words = ["bench", "place", "--processes", "2"].map(str::to_owned).to_vec();
    words.extend(small.map(str::to_owned));
    words.extend(journal.flags());
    let said = engine::run(words).await?;
    let told = String::from_utf8_lossy(&said.stdout).into_owned();
    ensure!(said.status.success(), "{told}{}", String::from_utf8_lossy(&said.stderr));
    let result = told.lines().find_map(|line| line.strip_prefix("RESULT ")).context("no RESULT line")?;
    let value = |name: &str| {
        let pair = result.split(' ').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        pair.with_context(|| format!("no {name} in {result}"))
    };
    let number = |name: &str| anyhow::Ok(value(name)?.parse::<f64>()?);
    ensure!(value("engine")? == "postgres" && value("processes")? == "2", "{result}");
    ensure!(number("orders_per_s")? > 0.0 && number("frames_per_order")? > 0.0, "{result}");
    ensure!(number("journal_bytes_per_order")? > 100.0, "an order takes hundreds of bytes: {result}");
    let each: Vec<f64> =
        value("process_cpu_us_per_order")?.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let all = number("server_cpu_us_per_order")?;
    ensure!(each.len() == 2 && each.iter().all(|us| *us > 0.0), "{result}");
    ensure!((each.iter().sum::<f64>() - all).abs() <= 2.0, "the parts are not the whole: {result}");
    Ok(())
}
