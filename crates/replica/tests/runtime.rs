//! The runtime over a real store and a real journal: what was answered survives, messages arrive once, retries answer
//! the same, a checkpoint loses nothing.

mod toy;

use futures::future::join_all;
use std::path::Path;
use std::time::Duration;
use toy::{Coins, Command, coins};
use waybill_machine::{Content, Machine};
use waybill_replica::{
    Clock, DataDir, Failure, Host, HostOptions, Limits, OpenError, Partitions, RequestKey, Submission,
};
use waybill_types::{Layout, Origin, PartitionId, RequestId, Service, Timestamp};

fn options(clock: Clock) -> HostOptions {
    HostOptions {
        layout: Layout::even(4).unwrap(),
        clock,
        limits: Limits { checkpoint_rows: 200, ..Limits::default() },
        journal: waybill_journal::Options {
            segment_bytes: 4 << 20,
            max_frame_bytes: 1 << 20,
            ..waybill_journal::Options::default()
        },
        store: waybill_store::Options::default(),
    }
}

fn open(dir: &Path) -> Host {
    Host::open(DataDir::new(dir), options(Clock::system())).unwrap()
}

async fn start(host: &Host) -> Partitions<Coins> {
    host.start(|_| Box::new(|_: &toy::Accounts, _: u64, _: Vec<u64>| {})).await.unwrap()
}

fn plain(command: Command) -> Submission<Coins> {
    Submission { command, origin: Origin::engine("test"), request: None }
}

fn asked(command: Command, id: &str, coins: u64) -> Submission<Coins> {
    let content = Content::new().with("coins", &coins);
    let request = RequestKey { id: RequestId::new(id).unwrap(), target: b"account 1".to_vec(), content };
    Submission { command, origin: Origin::engine("test"), request: Some(request) }
}

fn partition(index: u8) -> PartitionId {
    PartitionId::new(Service::Orders, index)
}

/// Waits until no partition has a message under way, then adds up.
async fn settled_sum(partitions: &Partitions<Coins>) -> u64 {
    loop {
        let waiting: u64 =
            partitions.iter().map(|p| p.status().outbox.load(std::sync::atomic::Ordering::Relaxed)).sum();
        if waiting == 0 {
            let frozen = partitions.freeze(|core| (coins(core.state()), core.outbox_depth())).await.unwrap();
            if frozen.results.iter().all(|(_, _, (_, depth))| *depth == 0) {
                return frozen.results.iter().map(|(_, _, (sum, _))| sum).sum();
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coins_survive_restarts_checkpoints_and_journeys_between_partitions() {
    let dir = tempfile::tempdir().unwrap();
    let mut minted = 0;
    let mut hashes = Vec::new();
    for round in 0..4u64 {
        let host = open(dir.path());
        let partitions = start(&host).await;
        if !hashes.is_empty() {
            let frozen = partitions.freeze(|core| core.state_hash()).await.unwrap();
            let now: Vec<[u8; 32]> = frozen.results.iter().map(|(_, _, hash)| *hash).collect();
            assert_eq!(now, hashes, "replay gives the state that was left");
        }
        let work = (0..400u64).map(|n| {
            let partitions = partitions.clone();
            async move {
                let from = partition((n % 4) as u8);
                let to = partition(((n + 1) % 4) as u8);
                let account = n % 50;
                let at = partitions.of(from);
                at.submit(plain(Command::Mint { account, coins: 10 })).await.unwrap();
                at.submit(plain(Command::Send { account, coins: 3, to })).await.unwrap();
                if n % 97 == 0 {
                    at.checkpoint().await.unwrap();
                }
            }
        });
        join_all(work).await;
        minted += 4000;
        assert_eq!(settled_sum(&partitions).await, minted, "round {round}");
        // Acknowledgements are journaled lazily; let them settle so that the hashes stand still.
        partitions.drain().await;
        drop(partitions);
        drop(host);
        let host = open(dir.path());
        hashes = (0..4).map(|n| host.rebuild::<Coins>(partition(n)).unwrap().state_hash()).collect();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_replayed_is_saved_although_nothing_new_comes() {
    let dir = tempfile::tempdir().unwrap();
    let host = open(dir.path());
    let partitions = start(&host).await;
    partitions.of(partition(0)).submit(plain(Command::Mint { account: 1, coins: 5 })).await.unwrap();
    partitions.drain().await;
    drop((partitions, host));

    let mut options = options(Clock::system());
    options.limits.checkpoint_age_ms = 1;
    let host = Host::open(DataDir::new(dir.path()), options).unwrap();
    let partitions = start(&host).await;
    let saved = async {
        let status = partitions.of(partition(0)).status();
        while status.checkpoint.load(std::sync::atomic::Ordering::Relaxed) == 0 {
            // A read changes nothing; it only gives the partition a turn.
            partitions.of(partition(0)).read(|_, _| ()).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), saved)
        .await
        .expect("frames that were replayed are never saved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_the_state_of_its_cut_whatever_is_written_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let host = open(dir.path());
    let partitions = start(&host).await;
    let mint = async |account| {
        for partition in partitions.iter() {
            partition.submit(plain(Command::Mint { account, coins: 5 })).await.unwrap();
        }
    };
    // Some rows are in the store, some of those have changed since, some are in memory only.
    for account in 0..40 {
        mint(account).await;
    }
    partitions.of(partition(0)).checkpoint().await.unwrap();
    partitions.of(partition(1)).checkpoint().await.unwrap();
    for account in 20..60 {
        mint(account).await;
    }
    let paused = host.pause_checkpoints().await;
    let mut cut = partitions.freeze(|core| (core.snapshot(), core.state_hash())).await.unwrap();
    let results = std::mem::take(&mut cut.results);
    drop(cut);
    for account in 0..90 {
        mint(account).await;
    }
    for (id, _, (snapshot, hash)) in results {
        let mut core = host.look_back(snapshot).unwrap();
        assert_eq!((core.state_hash(), coins(core.state())), (hash, 400), "{id}");
    }
    drop(paused);
    assert_eq!(settled_sum(&partitions).await, 4 * 5 * 170);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_answers_the_same_and_other_content_is_refused_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..2 {
        let host = open(dir.path());
        let partitions = start(&host).await;
        let at = partitions.of(partition(0));
        let mint = |coins| asked(Command::Mint { account: 1, coins }, "r-1", coins);
        let answers = join_all((0..5).map(|_| at.submit(mint(10)))).await;
        for answer in answers {
            assert_eq!(answer.unwrap().answer, 10, "round {round}: one effect, one answer");
        }
        match at.submit(mint(11)).await {
            Err(Failure::Conflict { field }) => assert_eq!(field, "coins"),
            other => panic!("expected a conflict, got {:?}", other.map(|a| a.answer)),
        }
        partitions.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_binds_no_request_id() {
    let dir = tempfile::tempdir().unwrap();
    let host = open(dir.path());
    let partitions = start(&host).await;
    let at = partitions.of(partition(0));
    let send = || asked(Command::Send { account: 1, coins: 5, to: partition(1) }, "s-1", 5);
    assert!(matches!(at.submit(send()).await, Err(Failure::Refused(toy::Poor { has: 0, asked: 5, .. }))));
    at.submit(plain(Command::Mint { account: 1, coins: 7 })).await.unwrap();
    assert_eq!(at.submit(send()).await.unwrap().answer, 2);
    assert_eq!(at.submit(send()).await.unwrap().answer, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_fire_exactly_when_the_virtual_clock_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::virtual_at(Timestamp::from_ms(1_000));
    let host = Host::open(DataDir::new(dir.path()), options(clock.clone())).unwrap();
    let partitions = start(&host).await;
    let at = partitions.of(partition(0));
    let due = Timestamp::from_ms(5_000);
    at.submit(plain(Command::MintAt { account: 1, coins: 9, due })).await.unwrap();
    clock.advance(3_999);
    let early = at.read(|state, at| (coins(state), at.as_ms())).await.unwrap();
    assert_eq!(early, (0, 4_999));
    clock.advance(1);
    let balance = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            match at.read(|state, _| coins(state)).await.unwrap() {
                0 => tokio::task::yield_now().await,
                coins => break coins,
            }
        }
    });
    assert_eq!(balance.await.unwrap(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bug_in_a_machine_stops_its_partition_and_journals_nothing() {
    let dir = tempfile::tempdir().unwrap();
    {
        let host = open(dir.path());
        let partitions = start(&host).await;
        let at = partitions.of(partition(0));
        at.submit(plain(Command::Mint { account: 1, coins: 4 })).await.unwrap();
        assert!(matches!(at.submit(plain(Command::Explode)).await, Err(Failure::OutcomeUnknown)));
        assert!(at.submit(plain(Command::Mint { account: 1, coins: 1 })).await.is_err());
        assert_eq!(partitions.of(partition(1)).read(|state, _| coins(state)).await.unwrap(), 0);
        partitions.drain().await;
    }
    let host = open(dir.path());
    let partitions = start(&host).await;
    assert_eq!(partitions.of(partition(0)).read(|state, _| coins(state)).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_shows_everything_once_and_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let host = open(dir.path());
    let partitions = start(&host).await;
    let at = partitions.of(partition(0));
    for n in 0..20 {
        at.submit(plain(Command::Mint { account: n, coins: 1 })).await.unwrap();
    }
    let mut feed = at.feed(0).unwrap();
    let mut seen = Vec::new();
    while seen.len() < 12 {
        seen.extend(feed.next().await.unwrap().into_iter().map(|change| change.position));
    }
    let mut resumed = at.feed(feed.sequence()).unwrap();
    while seen.len() < 20 {
        seen.extend(resumed.next().await.unwrap().into_iter().map(|change| change.position));
    }
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "in order, nothing twice: {seen:?}");
    assert!(at.feed(1_000_000).is_err(), "a place that was never reached is refused");
}

#[test]
fn a_second_process_and_another_layout_are_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let host = open(dir.path());
    let again = Host::open(DataDir::new(dir.path()), options(Clock::system()));
    assert!(matches!(again, Err(OpenError::InUse(_))));
    drop(host);
    let other = HostOptions { layout: Layout::even(8).unwrap(), ..options(Clock::system()) };
    assert!(matches!(Host::open(DataDir::new(dir.path()), other), Err(OpenError::Layout { .. })));
    assert_eq!(<Coins as Machine>::SERVICE, Service::Orders);
}
