//! Servers that die, stop and come back under writers; what writers were answered is what stands afterwards.

mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use servers::Servers;
use servers::ledger::{self, Ledger, body};
use servers::proxy::Proxy;
use tokio::task::JoinHandle;
use waybill_journal::{Error, Journal, LogId};
use waybill_journal_nats::NatsJournal;

const LOGS: [LogId; 2] = [LogId(1), LogId(2)];

/// Writers over several logs, on one handle.
struct Writers {
    journal: Arc<NatsJournal>,
    stop: Arc<AtomicBool>,
    running: Vec<JoinHandle<Ledger>>,
}

impl Writers {
    async fn begin(servers: &Servers) -> Self {
        let mut options = servers.options();
        options.patience = Duration::from_secs(2);
        let journal = Arc::new(NatsJournal::open(options).expect("open"));
        let stop = Arc::new(AtomicBool::new(false));
        let write = |log| tokio::spawn(ledger::write(Arc::clone(&journal), log, Arc::clone(&stop)));
        let running = LOGS.into_iter().map(write).collect();
        let writers = Self { journal, stop, running };
        writers.go_on(50).await;
        writers
    }

    /// Waits until every log has so many frames more.
    async fn go_on(&self, more: u64) {
        for log in LOGS {
            let mut seen = self.journal.watch(log);
            let wanted = *seen.borrow() + more;
            let reached = tokio::time::timeout(Duration::from_secs(90), seen.wait_for(|seq| *seq >= wanted));
            reached.await.expect("the log goes on").expect("the journal is open");
        }
    }

    async fn end(self) -> Vec<Ledger> {
        self.stop.store(true, Ordering::Release);
        let mut ledgers = Vec::new();
        for writer in self.running {
            ledgers.push(writer.await.expect("the writer ended well"));
        }
        ledgers
    }
}

/// Judges every ledger through a handle of its own.
fn judge(servers: &Servers, what: &str, ledgers: &[Ledger]) {
    let journal = servers.open();
    for ledger in ledgers {
        let frames = ledger.judge(&journal);
        assert_eq!(frames.len() as u64, ledger.count(), "{what}: something stands that nobody was told of");
        println!(
            "{what}: log {}, {} frames, none lost, worst wait {:?}, asked again {}",
            ledger.log,
            ledger.count(),
            ledger.worst,
            ledger.asked_again
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_servers_are_killed_or_stopped() {
    let mut servers = Servers::start(3);
    drop(servers.open());
    let writers = Writers::begin(&servers).await;

    let leader = servers.leader("waybill-log-1");
    servers.kill(leader);
    writers.go_on(20).await;
    drop(NatsJournal::open(servers.options()).expect("with a server down a process may start all the same"));
    servers.start_one(leader);
    writers.go_on(20).await;

    let leader = servers.leader("waybill-log-1");
    let began = Instant::now();
    servers.signal(leader, "-STOP");
    writers.go_on(20).await;
    assert!(began.elapsed() > Duration::from_millis(100), "a stopped leader was not noticed at all");
    servers.signal(leader, "-CONT");
    writers.go_on(20).await;

    for at in 0..3 {
        servers.kill(at);
    }
    for at in 0..3 {
        servers.start_one(at);
    }
    writers.go_on(20).await;
    let ledgers = writers.end().await;
    judge(&servers, "leader killed, leader stopped, all killed", &ledgers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_an_append_ends_in_time_and_is_stored_once_when_asked_again() {
    let mut servers = Servers::start(3);
    drop(servers.open());
    let log = LogId(1);
    let mut options = servers.options();
    options.patience = Duration::from_millis(1500);
    options.answer_within = Duration::from_millis(500);
    options.control_patience = Duration::from_millis(700);
    let journal = NatsJournal::open(options).expect("open");
    let claim = ledger::claim(&journal, log).await;
    let head = journal.append(log, claim.epoch, 2, body(log, 2)).await.expect("append");

    let leader = servers.leader("waybill-log-1");
    for at in (0..3).filter(|at| *at != leader) {
        servers.kill(at);
    }
    for _ in 0..3 {
        let asked = Instant::now();
        let unknown = journal.append(log, claim.epoch, head.seq + 1, body(log, 3)).await;
        assert!(matches!(unknown, Err(Error::Engine { .. })), "{unknown:?}");
        assert!(asked.elapsed() < Duration::from_secs(4), "it took {:?}", asked.elapsed());
        let waiting = journal.pending();
        assert!(waiting <= 8, "{waiting} requests are kept that nobody answers");
    }
    let asked = Instant::now();
    let lease = waybill_journal::cluster::Leases::hold(&journal, &[log], "one", Duration::from_secs(5)).await;
    assert!(matches!(lease, Err(Error::Engine { .. })), "{lease:?}");
    assert!(asked.elapsed() < Duration::from_secs(3), "it took {:?}", asked.elapsed());

    for at in (0..3).filter(|at| *at != leader) {
        servers.start_one(at);
    }
    let began = Instant::now();
    let stored = loop {
        match journal.append(log, claim.epoch, head.seq + 1, body(log, 3)).await {
            Ok(stored) => break stored,
            Err(Error::Engine { what }) => assert!(began.elapsed() < Duration::from_secs(40), "{what}"),
            Err(other) => panic!("{other}"),
        }
    };
    println!("no quorum: answered again {:?} after the others were back", began.elapsed());
    assert_eq!(stored.seq, 3);
    let frames = waybill_journal::conformance::read_all(&servers.open(), log);
    assert_eq!(frames.len(), 3, "it was stored once: {frames:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_only_the_last_claimant_appends() {
    let servers = Servers::start(1);
    let (one, other) = (servers.open(), servers.open());
    let log = LogId(7);
    let mut acknowledged = Vec::new();
    for round in 0..20u64 {
        let (owner, deposed) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let old = deposed.claim(log).await.expect("claim");
        let (new, late) = tokio::join!(
            owner.claim(log),
            deposed.append(log, old.epoch, old.head.seq + 1, body(log, old.head.seq + 1))
        );
        let new = new.expect("claim");
        assert_eq!(new.epoch, old.epoch + 1, "claims of one log are in order");
        match late {
            Ok(head) => acknowledged.push(head),
            Err(Error::Fenced { current_epoch }) => assert_eq!(current_epoch, new.epoch),
            Err(other) => panic!("{other}"),
        }
        let refused = deposed.append(log, old.epoch, new.head.seq + 1, body(log, new.head.seq + 1)).await;
        assert!(matches!(refused, Err(Error::Fenced { .. } | Error::Sequence { .. })), "{refused:?}");
        let again = deposed.append(log, old.epoch, old.head.seq + 2, body(log, old.head.seq + 2)).await;
        assert!(matches!(again, Err(Error::Fenced { .. } | Error::Sequence { .. })), "{again:?}");
        let seq = new.head.seq + 1;
        acknowledged
            .push(owner.append(log, new.epoch, seq, body(log, seq)).await.expect("the owner appends"));
    }
    let frames = waybill_journal::conformance::read_all(&one, log);
    assert_eq!(frames.iter().filter(|frame| frame.is_claim()).count(), 40);
    let stored: Vec<_> =
        frames.iter().filter(|frame| !frame.is_claim()).map(waybill_journal::Frame::head).collect();
    assert_eq!(stored, acknowledged, "what was acknowledged stands, and nothing else");
}

/// A journal behind a wire that loses things.
fn behind(proxy: &Proxy, servers: &Servers) -> NatsJournal {
    let mut options = servers.options();
    options.servers = vec![format!("nats://127.0.0.1:{}", proxy.port)];
    options.answer_within = Duration::from_millis(200);
    options.patience = Duration::from_secs(20);
    NatsJournal::open(options).expect("open")
}

/// Waits until the log has this frame, as another process sees it.
async fn stored(journal: &NatsJournal, log: LogId, seq: u64) {
    let mut seen = journal.watch(log);
    let reached = tokio::time::timeout(Duration::from_secs(20), seen.wait_for(|at| *at >= seq)).await;
    reached.expect("it is stored").expect("the journal is open");
}

/// Waits until an answer is missed: what is stored may have its answer on the way still, and an answer is lost once it is
/// missed.
async fn missed(journal: &NatsJournal) {
    let mut seen = tokio::time::interval(Duration::from_millis(10));
    let wait = async {
        while journal.doubts() == 0 {
            seen.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("an answer is missed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_whose_answer_was_lost_is_found_where_it_stands() {
    let servers = Servers::start(1);
    let proxy = Proxy::before(servers.servers[0].port);
    let (journal, other, log) = (behind(&proxy, &servers), servers.open(), LogId(3));
    let claim = journal.claim(log).await.expect("claim");
    proxy.lose_answers(true);
    let append = journal.append(log, claim.epoch, 2, body(log, 2));
    stored(&other, log, 2).await;
    missed(&journal).await;
    proxy.lose_answers(false);
    let head = append.await.expect("it was stored, and is found");
    assert_eq!(head.seq, 2);

    // The same, and somebody claims before the retry comes: it stands before the claim, and so is true.
    proxy.lose_answers(true);
    let append = journal.append(log, claim.epoch, 3, body(log, 3));
    stored(&other, log, 3).await;
    let new = other.claim(log).await.expect("claim");
    assert_eq!(new.head.seq, 4);
    proxy.lose_answers(false);
    assert_eq!(append.await.expect("it was stored before the claim").seq, 3);
    let late = journal.append(log, claim.epoch, 4, body(log, 4)).await;
    assert!(matches!(late, Err(Error::Fenced { current_epoch }) if current_epoch == new.epoch), "{late:?}");
    assert_eq!(waybill_journal::conformance::read_all(&other, log).len(), 4, "nothing stands twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_was_lost_itself_is_stored_by_the_retry_unless_another_claimed() {
    let servers = Servers::start(1);
    let proxy = Proxy::before(servers.servers[0].port);
    let (journal, other, log) = (behind(&proxy, &servers), servers.open(), LogId(3));
    let claim = journal.claim(log).await.expect("claim");
    proxy.lose_requests(true);
    let append = journal.append(log, claim.epoch, 2, body(log, 2));
    let mut seen = tokio::time::interval(Duration::from_millis(10));
    while journal.doubts() == 0 {
        seen.tick().await;
    }
    proxy.lose_requests(false);
    assert_eq!(append.await.expect("the retry stores it").seq, 2);

    let before = journal.doubts();
    proxy.lose_requests(true);
    let append = journal.append(log, claim.epoch, 3, body(log, 3));
    while journal.doubts() == before {
        seen.tick().await;
    }
    let new = other.claim(log).await.expect("claim");
    assert_eq!(new.head.seq, 3, "the lost append is not there");
    proxy.lose_requests(false);
    let late = append.await;
    assert!(matches!(late, Err(Error::Fenced { current_epoch }) if current_epoch == new.epoch), "{late:?}");
    let frames = waybill_journal::conformance::read_all(&other, log);
    assert_eq!(frames.len(), 3);
    assert!(frames[2].is_claim(), "the deposed owner's frame is not among them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_given_up_in_doubt_is_not_overwritten_by_another_body() {
    let servers = Servers::start(1);
    let proxy = Proxy::before(servers.servers[0].port);
    let mut options = servers.options();
    options.servers = vec![format!("nats://127.0.0.1:{}", proxy.port)];
    options.answer_within = Duration::from_millis(200);
    options.patience = Duration::from_secs(3);
    let (journal, other, log) = (NatsJournal::open(options).expect("open"), servers.open(), LogId(3));
    let claim = journal.claim(log).await.expect("claim");
    proxy.lose_answers_from("PUB waybill.log.3 ");
    let unknown = journal.append(log, claim.epoch, 2, body(log, 2)).await;
    assert!(matches!(unknown, Err(Error::Engine { .. })), "{unknown:?}");
    proxy.lose_answers(false);
    let began = Instant::now();
    let refused = loop {
        match journal.append(log, claim.epoch, 2, body(log, 99)).await {
            Err(Error::Engine { what }) => assert!(began.elapsed() < Duration::from_secs(20), "{what}"),
            answer => break answer,
        }
    };
    assert!(matches!(refused, Err(Error::Sequence { expected: 3, got: 2 })), "{refused:?}");
    let head = journal.append(log, claim.epoch, 2, body(log, 2)).await.expect("the first body stands");
    assert_eq!(head.seq, 2);
    journal.append(log, claim.epoch, 3, body(log, 3)).await.expect("the log goes on");
    let frames = waybill_journal::conformance::read_all(&other, log);
    assert_eq!(frames[1].body, body(log, 2));
    assert_eq!(frames.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_answer_was_lost_is_one_claim() {
    let servers = Servers::start(1);
    let proxy = Proxy::before(servers.servers[0].port);
    let (journal, other, log) = (behind(&proxy, &servers), servers.open(), LogId(3));
    other.claim(log).await.expect("claim");
    proxy.lose_answers_from("PUB waybill.log.3 ");
    let claim = journal.claim(log);
    stored(&other, log, 2).await;
    missed(&journal).await;
    proxy.lose_answers(false);
    let claim = claim.await.expect("claim");
    assert_eq!((claim.head.seq, claim.epoch), (2, 2));
    let head = journal
        .append(log, claim.epoch, claim.head.seq + 1, body(log, claim.head.seq + 1))
        .await
        .expect("append");
    let frames = waybill_journal::conformance::read_all(&other, log);
    assert_eq!(frames.last().map(waybill_journal::Frame::head), Some(head));
    assert_eq!(frames.iter().filter(|frame| frame.epoch == claim.epoch && frame.is_claim()).count(), 1);
}
