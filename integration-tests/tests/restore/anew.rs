//! A backup or audit of a process whose copy is taken anew while it is read: rows of two states are never one copy. The process
//! runs in the test's own, so that its store can be reached while it is read.

use super::{SHAPE, place, text, tool, words};
use anyhow::{Context, ensure};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tonic::transport::{Channel, Endpoint};
use waybill::audit::Running;
use waybill::audit::cut::{Anew, ConsistentCut};
use waybill::config::Config;
use waybill::serve::{self, Server};
use waybill_integration_tests::retailer;
use waybill_journal::{Journal, LogId};
use waybill_journal_postgres::server::Postgres;
use waybill_journal_postgres::{Options, PostgresJournal};
use waybill_replica::{Host, Partition, Role};
use waybill_store::Op;
use waybill_types::{PartitionId, Service};

/// Whose copy is taken anew: all the rest goes through it.
const OF: PartitionId = PartitionId::new(Service::Inventory, 0);

/// The process, and another one that claims from outside.
struct World {
    channel: Channel,
    running: Running,
    host: Arc<Host>,
    outside: Arc<PostgresJournal>,
    orders: AtomicUsize,
}

fn inventory(running: &Running) -> anyhow::Result<&Partition<waybill_inventory::Inventory>> {
    Ok(running.inventory.as_ref().context("it runs inventory")?.of(OF))
}

impl World {
    /// Has the copy taken anew, as it is when its log was trimmed beyond its rows: the rows are of no use, and another process has
    /// claimed. Answers where it stands then.
    async fn replace(&self) -> anyhow::Result<u64> {
        let status = inventory(&self.running)?.status();
        let before = status.replaced.load(Ordering::SeqCst);
        let [high, low] = OF.number().to_be_bytes();
        self.host.store().commit(&[Op::Delete { key: vec![high, low, 0] }])?;
        self.outside.claim(LogId(OF.number())).await?;
        let until = Instant::now() + Duration::from_secs(60);
        while status.replaced.load(Ordering::SeqCst) == before || status.role() != Role::Owner {
            ensure!(Instant::now() < until, "the copy is not made anew");
            let number = self.orders.fetch_add(1, Ordering::SeqCst);
            // Who is fenced while it is asked does not know what came of it.
            drop(place(&self.channel, number).await);
        }
        Ok(status.sequence.load(Ordering::SeqCst))
    }
}

async fn started(directory: &std::path::Path, postgres: &Postgres) -> anyhow::Result<(Server, World)> {
    let mut config = Config {
        data_dir: directory.to_path_buf(),
        listen: ([127, 0, 0, 1], 0).into(),
        metrics_listen: None,
        partitions: 1,
        ..Config::default()
    };
    config.journal.url = Some(postgres.url());
    let server = serve::start(config).await?;
    let channel = Endpoint::new(format!("http://{}", server.address()))?.connect().await?;
    retailer::open(&channel, SHAPE).await?;
    let options = Options::new(postgres.url());
    let outside = Arc::new(tokio::task::block_in_place(|| PostgresJournal::open(options))?);
    let (running, host) = (server.running().clone(), Arc::clone(server.host()));
    Ok((server, World { channel, running, host, outside, orders: AtomicUsize::new(0) }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_that_is_taken_anew_meanwhile_has_a_backup_begin_again() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let postgres = tokio::task::block_in_place(Postgres::start)?;
    let (server, world) = started(&directory.path().join("data"), &postgres).await?;
    for number in 0..20 {
        place(&world.channel, number).await?;
    }
    world.orders.store(1_000, Ordering::SeqCst);
    inventory(&world.running)?.checkpoint().await.map_err(|error| anyhow::anyhow!("{error:?}"))?;

    let noted = ConsistentCut::note(&world.running).await?;
    ensure!(noted.stands(&world.running).is_ok());
    world.replace().await?;
    ensure!(noted.stands(&world.running) == Err(Anew(OF)), "what is read of this cut now is of two states");
    drop(noted);
    ensure!(world.running.audit(&world.host).await?.is_clean());

    // While the first rows are written, and never after that.
    let copy = directory.path().join("copy");
    let world = Arc::new(world);
    let (attempts, stands) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
    let replacing = {
        let (world, attempts, stands) = (Arc::clone(&world), Arc::clone(&attempts), Arc::clone(&stands));
        let runtime = tokio::runtime::Handle::current();
        move |_written: u64| {
            if attempts.fetch_add(1, Ordering::SeqCst) == 0 {
                // Zero is noticed below.
                stands.store(runtime.block_on(world.replace()).unwrap_or(0), Ordering::SeqCst);
            }
        }
    };
    let manifest = waybill::backup::backup(&world.host, &world.running, &copy, replacing).await?;
    let (attempts, stands) = (attempts.load(Ordering::SeqCst), stands.load(Ordering::SeqCst));
    ensure!(attempts >= 2 && stands > 0, "{attempts} looks, anew at {stands}");
    let part = manifest.partitions.iter().find(|part| part.number == OF.number()).context("it is in it")?;
    ensure!(part.sequence >= stands, "the cut is of before: {part:?}, made anew at {stands}");

    let restored = directory.path().join("restored");
    tool(&words(&["restore", &text(&copy), &text(&restored)])).await?;
    let audit = words(&["audit", "--partitions", "1", "--data-dir", &text(&restored)]);
    ensure!(!tool(&audit).await?.contains("BROKEN"));
    server.stop().await?;
    tokio::task::block_in_place(|| drop(world));
    Ok(())
}
