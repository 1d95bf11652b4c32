//! Processes of a test: each a host with a runtime of its own over one PostgreSQL server, reaching the others in memory.

use super::partition;
use super::toy::{Accounts, Coins, coins};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use waybill_journal::cluster::{Engine, Member};
use waybill_journal::{Journal, LogId};
use waybill_journal_postgres::server::Postgres;
use waybill_journal_postgres::{Options, PostgresJournal};
use waybill_machine::Machine as _;
use waybill_machine::record::decode;
use waybill_replica::{
    Body, Clock, ClusterOptions, DataDir, Delivery, Host, HostOptions, Limits, OpenError, Partitions, Role,
    Wire, WireError, WireFuture,
};
use waybill_store::{Op, Order};
use waybill_types::{Layout, PartitionId};

/// Long enough for a busy machine, short enough for a test.
const LEASE: Duration = Duration::from_millis(1_500);

type Hosts = Arc<Mutex<BTreeMap<String, Weak<Host>>>>;
/// How many answers to commands are still to be lost on their way.
type ToLose = Arc<AtomicUsize>;

/// The server, and whom it knows.
pub(crate) struct World {
    postgres: Postgres,
    outside: Arc<PostgresJournal>,
    hosts: Hosts,
    to_lose: ToLose,
    runtime: Runtime,
}

/// One process.
pub(crate) struct Process {
    runtime: Option<Runtime>,
    host: Arc<Host>,
    hosts: Hosts,
    name: String,
    _dir: Arc<TempDir>,
    pub(crate) partitions: Partitions<Coins>,
}

impl World {
    pub(crate) fn new() -> Self {
        let postgres = Postgres::start().unwrap();
        let outside = Arc::new(PostgresJournal::open(options(&postgres)).unwrap());
        let runtime = Runtime::new().unwrap();
        Self { postgres, outside, hosts: Hosts::default(), to_lose: ToLose::default(), runtime }
    }

    /// The next command that a process puts to another one is done, and its answer is lost.
    pub(crate) fn lose_next_answer(&self) {
        self.to_lose.store(1, Ordering::SeqCst);
    }

    /// What was to be lost is lost.
    pub(crate) fn has_lost(&self) -> bool {
        self.to_lose.load(Ordering::SeqCst) == 0
    }

    pub(crate) fn run<T>(&self, test: impl Future<Output = T>) -> T {
        let limit = Duration::from_secs(120);
        self.runtime
            .block_on(async { tokio::time::timeout(limit, test).await.expect("the test takes too long") })
    }

    /// A process that owns its share.
    pub(crate) async fn process(&self, name: &str) -> Process {
        let process = self.process_without_owning(name).await;
        process.join().await;
        process
    }

    /// A process that follows and forwards only.
    pub(crate) async fn process_without_owning(&self, name: &str) -> Process {
        self.process_reading(name, 1).await.unwrap()
    }

    /// As [`Self::process_without_owning`], of a binary that reads frames up to this version.
    pub(crate) async fn process_reading(&self, name: &str, events: u32) -> Result<Process, OpenError> {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let (path, options, hosts) =
            (dir.path().to_path_buf(), options(&self.postgres), Arc::clone(&self.hosts));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let wire: Arc<dyn Wire> = Arc::new(InMemory(Arc::clone(&hosts), Arc::clone(&self.to_lose)));
        let named = name.to_owned();
        let opened = runtime.spawn_blocking(move || {
            let engine: Arc<dyn Engine> = Arc::new(PostgresJournal::open(options).unwrap());
            let member = Member {
                address: named.clone(),
                instance: instance(&named),
                name: named,
                services: vec!["orders".into()],
                version: "test".into(),
                events,
            };
            let cluster = ClusterOptions { engine, member, wire, lease_ttl: LEASE };
            Host::open_in_cluster(DataDir::new(path), host_options(), cluster)
        });
        let host = match opened.await.unwrap() {
            Ok(host) => Arc::new(host),
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        hosts.lock().unwrap().insert(name.to_owned(), Arc::downgrade(&host));
        let starting = Arc::clone(&host);
        let deaf = |_: PartitionId| Box::new(|_: &Accounts, _: u64, _: Vec<u64>| {}) as Box<_>;
        let started = runtime.spawn(async move { starting.start::<Coins>(deaf).await.unwrap() });
        let partitions = started.await.unwrap();
        Ok(Process { runtime: Some(runtime), host, hosts, name: name.to_owned(), _dir: dir, partitions })
    }

    /// The versions of all frames in all logs.
    pub(crate) async fn versions(&self) -> BTreeSet<u8> {
        let journal = Arc::clone(&self.outside);
        let read = move || {
            let mut versions = BTreeSet::new();
            for index in 0..4 {
                let (log, mut next) = (LogId(partition(index).number()), 1);
                loop {
                    let frames = journal.read(log, next, 1 << 20).unwrap();
                    let Some(last) = frames.last() else { break };
                    next = last.seq + 1;
                    let bodies = frames.iter().filter(|frame| !frame.is_claim());
                    versions.extend(bodies.map(|frame| decode::<Body>(&frame.body).unwrap().version));
                }
            }
            versions
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }

    /// Claims a log from outside.
    pub(crate) async fn claim(&self, of: PartitionId) -> u64 {
        self.outside.claim(LogId(of.number())).await.unwrap().epoch
    }

    pub(crate) async fn until_trimmed(&self, of: PartitionId) {
        let (until, log) = (Instant::now() + Duration::from_secs(20), LogId(of.number()));
        loop {
            let journal = Arc::clone(&self.outside);
            let read = tokio::task::spawn_blocking(move || journal.read(log, 1, 1)).await.unwrap();
            if matches!(read, Err(waybill_journal::Error::Trimmed { .. })) {
                return;
            }
            assert!(Instant::now() < until, "the log is not trimmed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn instance(name: &str) -> [u8; 16] {
    static STARTS: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
    let mut instance = [0; 16];
    instance[0] = name.as_bytes()[0];
    instance[1] = STARTS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    instance
}

fn options(postgres: &Postgres) -> Options {
    // Little is kept behind a base, so that a test sees a log that was trimmed.
    Options { keep_bytes: 0, connections: 4, ..Options::new(postgres.url()) }
}

fn host_options() -> HostOptions {
    HostOptions {
        layout: Layout::even(4).unwrap(),
        clock: Clock::system(),
        limits: Limits {
            checkpoint_rows: 100,
            checkpoint_age_ms: 200,
            compare_frames: 10,
            ..Limits::default()
        },
        journal: waybill_journal::Options::default(),
        store: waybill_store::Options::default(),
    }
}

impl Process {
    async fn within<T: Send + 'static>(&self, job: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.as_ref().unwrap().spawn(job).await.unwrap()
    }

    /// Owns its share from now on.
    pub(crate) async fn join(&self) {
        let host = Arc::clone(&self.host);
        self.within(async move { host.join(Duration::from_secs(20)).await }).await;
    }

    /// Puts a row into this copy's store that no frame has put there.
    pub(crate) fn corrupt(&self, of: PartitionId, account: u64) {
        let table = |prefix: u8| [&of.number().to_be_bytes()[..], &[prefix]].concat();
        let rows = self.host.store().scan(&table(1), &table(2), Order::Ascending, 1).unwrap();
        let (mut key, value) = rows.into_iter().next().expect("a row was saved");
        let end = key.len() - 8;
        key.truncate(end);
        key.extend_from_slice(&account.to_be_bytes());
        self.host.store().commit(&[Op::Put { key, value }]).unwrap();
    }

    /// Where this copy was last found to be what the owner has, and how often it was not.
    pub(crate) fn compared(&self, of: PartitionId) -> (u64, u64) {
        let compare = &self.partitions.of(of).status().compare;
        (compare.equal.load(Ordering::SeqCst), compare.different.load(Ordering::SeqCst))
    }

    pub(crate) fn role(&self, of: PartitionId) -> Role {
        self.partitions.of(of).status().role()
    }

    /// Nothing in it runs for much longer than its leases last, as if it had been stopped and continued.
    pub(crate) fn sleep(&self) {
        // One for each of its workers.
        for _ in 0..2 {
            self.runtime.as_ref().unwrap().spawn(async { std::thread::sleep(LEASE * 4) });
        }
    }

    /// Ends without a word: nothing is handed over, no lease is released.
    pub(crate) fn kill(mut self) {
        self.hosts.lock().unwrap().remove(&self.name);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(crate) async fn hand_over(&self) {
        let host = Arc::clone(&self.host);
        self.within(async move { host.hand_over(Duration::from_secs(10)).await }).await;
    }

    /// Partitions of which this process knows no owner, or itself.
    pub(crate) fn knows_no_other_owner(&self) -> Vec<PartitionId> {
        let owners = self.host.cluster().expect("a process of a cluster").owners().borrow().clone();
        let elsewhere = |id: PartitionId| owners.owner(id).is_some_and(|owner| owner.name != self.name);
        self.host.layout().partitions(Coins::SERVICE).filter(|id| !elsewhere(*id)).collect()
    }

    pub(crate) async fn stop(mut self) {
        let (host, partitions) = (Arc::clone(&self.host), self.partitions.clone());
        self.within(async move {
            partitions.drain().await;
            host.leave().await;
        })
        .await;
        self.hosts.lock().unwrap().remove(&self.name);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Per partition of this process's copies: where it stands, its coins, what waits to be delivered, its hash.
    pub(crate) async fn cut(&self) -> Vec<(u64, u64, usize, [u8; 32])> {
        let look = |core: &mut waybill_replica::Core<Coins>| {
            (coins(core.state()), core.outbox_depth(), core.state_hash())
        };
        let frozen = self.partitions.freeze(look).await.unwrap();
        frozen.results.iter().map(|(_, at, (coins, waiting, hash))| (*at, *coins, *waiting, *hash)).collect()
    }

    /// All coins, read through the owners.
    pub(crate) async fn sum(&self) -> u64 {
        let mut sum = 0;
        for index in 0..4 {
            sum += self.partitions.of(partition(index)).read(|state, _| coins(state)).await.unwrap();
        }
        sum
    }

    pub(crate) async fn give_base(&self, of: PartitionId) {
        let host = Arc::clone(&self.host);
        let given = self.within(async move { host.give_base(of).await.unwrap() }).await;
        assert!(given.is_some(), "there was nothing new to give");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Reaches hosts in memory; a host that is gone cannot be reached.
struct InMemory(Hosts, ToLose);

impl InMemory {
    fn host(&self, address: &str) -> Result<Arc<Host>, WireError> {
        self.0.lock().unwrap().get(address).and_then(Weak::upgrade).ok_or(WireError::NotDone)
    }

    fn owner(&self, address: &str, of: PartitionId) -> Result<Arc<dyn waybill_replica::Owner>, WireError> {
        self.host(address)?.router().owner(of.service).ok_or(WireError::NotDone)
    }
}

impl Wire for InMemory {
    fn submit<'a>(&'a self, address: &'a str, to: PartitionId, command: &'a [u8]) -> WireFuture<'a, Vec<u8>> {
        Box::pin(async move {
            let answer = self.owner(address, to)?.submit_here(to, command.to_vec()).await?;
            let lost = self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if lost.is_ok() { Err(WireError::Unknown) } else { Ok(answer) }
        })
    }
    fn position<'a>(&'a self, address: &'a str, of: PartitionId) -> WireFuture<'a, u64> {
        Box::pin(async move { self.owner(address, of)?.position_here(of).await })
    }
    fn deliver<'a>(&'a self, address: &'a str, delivery: Delivery) -> WireFuture<'a, u64> {
        Box::pin(async move { self.owner(address, delivery.to)?.deliver_here(delivery).await })
    }
    fn nudge<'a>(&'a self, address: &'a str) -> WireFuture<'a, ()> {
        Box::pin(async move {
            self.host(address)?.cluster().ok_or(WireError::NotDone)?.look();
            Ok(())
        })
    }
}
