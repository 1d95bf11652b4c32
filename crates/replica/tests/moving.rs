//! A partition's state and log carried into an engine and back: the same rows, the same hash, whatever lies in the journal
//! and not yet in rows.

mod toy;

use futures::future::join_all;
use std::sync::Arc;
use toy::{Accounts, Coins, Command, coins};
use waybill_journal::cluster::Engine;
use waybill_journal::{Journal, LogId};
use waybill_journal_postgres::server::Postgres;
use waybill_journal_postgres::{Options, PostgresJournal};
use waybill_replica::moving::{self, Moved};
use waybill_replica::{Clock, DataDir, Host, HostOptions, Limits, Submission};
use waybill_store::{SledStore, Store};
use waybill_types::{Layout, Origin, PartitionId, Service};

const OF: PartitionId = PartitionId::new(Service::Orders, 1);
const LOG: LogId = LogId(OF.number());
/// More than a page of rows, several times over.
const ACCOUNTS: u64 = 3_000;

fn host(dir: &std::path::Path) -> Arc<Host> {
    let options = HostOptions {
        layout: Layout::even(4).unwrap(),
        clock: Clock::system(),
        limits: Limits { checkpoint_rows: 1_000, ..Limits::default() },
        journal: waybill_journal::Options::default(),
        store: waybill_store::Options::default(),
    };
    Arc::new(Host::open(DataDir::new(dir), options).unwrap())
}

/// Fills a partition: some of it is in rows, the rest in the journal alone.
async fn fill(host: &Arc<Host>) {
    let deaf = |_: PartitionId| Box::new(|_: &Accounts, _: u64, _: Vec<u64>| {}) as Box<_>;
    let partitions = host.start::<Coins>(deaf).await.unwrap();
    let mint = |account| {
        let command = Command::Mint { account, coins: account + 1 };
        partitions.of(OF).submit(Submission { command, origin: Origin::engine("test"), request: None })
    };
    for accounts in (0..ACCOUNTS).collect::<Vec<_>>().chunks(500) {
        join_all(accounts.iter().map(|account| mint(*account))).await.into_iter().for_each(|done| {
            done.unwrap();
        });
    }
    partitions.of(OF).checkpoint().await.unwrap();
    join_all((0..200).map(|account| mint(7 * account))).await.into_iter().for_each(|done| {
        done.unwrap();
    });
    let minted: u64 =
        (0..ACCOUNTS).chain((0..200).map(|account| 7 * account)).map(|account| account + 1).sum();
    assert_eq!(partitions.of(OF).read(|state, _| coins(state)).await.unwrap(), minted);
    partitions.drain().await;
}

/// Carries the partition out of its directory.
async fn send(host: &Arc<Host>, engine: &Arc<dyn Engine>) -> Moved {
    let reading = Arc::clone(host.journal());
    let stretch = tokio::task::spawn_blocking(move || moving::stretch(&*reading, LOG, 1 << 20)).await;
    let stretch = stretch.unwrap().unwrap().expect("a log");
    let (end, _) = moving::send_log(host.journal(), engine, stretch).await.unwrap();
    moving::send_state::<Coins>(host, engine, OF, end).await.unwrap()
}

/// Carries it into a store that has nothing.
async fn take(engine: &Arc<dyn Engine>, layout: Layout, dir: &std::path::Path) -> Moved {
    let path = dir.to_path_buf();
    let opened =
        tokio::task::spawn_blocking(move || SledStore::open(&path, waybill_store::Options::default()));
    let store: Arc<dyn Store> = Arc::new(opened.await.unwrap().unwrap());
    let journal = Arc::clone(engine);
    let end = tokio::task::spawn_blocking(move || Journal::head(&*journal, LOG)).await.unwrap();
    let moved = moving::take_state::<Coins>(engine, &store, (OF, layout), end, 1_000_000).await.unwrap();
    tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
    moved
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_is_partly_in_rows_is_what_it_was_there_and_back() {
    let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let postgres = tokio::task::block_in_place(|| Postgres::start().unwrap());
    let opened = tokio::task::block_in_place(|| PostgresJournal::open(Options::new(postgres.url())).unwrap());
    let engine: Arc<dyn Engine> = Arc::new(opened);
    let host = host(old.path());
    fill(&host).await;
    let there = send(&host, &engine).await;
    assert_eq!(there.sent, there.arrived);
    assert!(there.rows >= ACCOUNTS, "{there:?}");
    let back = take(&engine, host.layout(), new.path()).await;
    assert_eq!((back.sent, back.rows, back.bytes), (there.sent, there.rows, there.bytes));
    tokio::task::block_in_place(|| drop((engine, host)));
}
