//! Measures appends through JetStream on servers of its own on loopback, beside the local journal's: appends a second with
//! 1 and 8 logs, and how long a log stands still when its leader is killed or hands over; and how long the bytes of
//! an erased key stay in the servers' files.
//!
//! `cargo run --profile tools -p waybill-journal-nats --example bench_nats -- [seconds per figure] [rounds of failover]`

#[path = "../tests/servers/mod.rs"]
mod servers;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use servers::{Servers, ledger};
use waybill_journal::cluster::{Keys, VaultIdentity};
use waybill_journal::{Journal, LocalJournal, LogId};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: f64| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (seconds, rounds) = (Duration::from_secs_f64(number(3.0)), number(3.0) as usize);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("engine                 logs   bytes   appends/s   mean ms   worst ms");
    let dir = tempfile::tempdir().expect("a directory");
    let local: Arc<dyn Journal> = Arc::new(LocalJournal::open(dir.path(), Default::default()).expect("open"));
    measure_all(&runtime, "local file", &local, seconds);
    for count in [1, 3] {
        let servers = Servers::start(count);
        let mut options = servers.options();
        drop(servers.open());
        options.log_bytes = 512 << 20;
        let journal: Arc<dyn Journal> =
            Arc::new(waybill_journal_nats::NatsJournal::open(options).expect("open"));
        measure_all(&runtime, &format!("JetStream, {count} servers"), &journal, seconds);
    }
    for how in ["kill -9 of the leader", "step-down of the leader"] {
        let mut worst: Vec<Duration> =
            (0..rounds).map(|_| runtime.block_on(stand_still(how.starts_with("kill")))).collect();
        worst.sort_unstable();
        println!("{how}: a log stood still for {worst:?}");
    }
    runtime.block_on(erasure());
}

fn measure_all(runtime: &tokio::runtime::Runtime, engine: &str, journal: &Arc<dyn Journal>, time: Duration) {
    for bytes in [1 << 10, 16 << 10] {
        for logs in [1, 8] {
            let figures = runtime.block_on(measure(journal, logs, bytes, time));
            let (rate, mean) = (figures.appends as f64 / figures.took, figures.took * 1e3 * f64::from(logs));
            println!(
                "{engine:<22} {logs:>4} {bytes:>7} {rate:>11.0} {:>9.2} {:>10.1}",
                mean / figures.appends as f64,
                figures.worst.as_secs_f64() * 1e3
            );
        }
    }
}

struct Figures {
    appends: u64,
    took: f64,
    worst: Duration,
}

async fn measure(journal: &Arc<dyn Journal>, logs: u16, bytes: usize, time: Duration) -> Figures {
    let mut claims = Vec::new();
    for log in 0..logs {
        claims.push(journal.claim(LogId(log)).await.expect("claim"));
    }
    let (began, body) = (Instant::now(), Bytes::from(vec![b'x'; bytes]));
    let writers = claims.into_iter().map(|claim| {
        let (journal, body) = (Arc::clone(journal), body.clone());
        tokio::spawn(async move {
            let (mut appends, mut worst, mut seq) = (0, Duration::ZERO, claim.head.seq);
            while began.elapsed() < time {
                let asked = Instant::now();
                seq =
                    journal.append(claim.log, claim.epoch, seq + 1, body.clone()).await.expect("append").seq;
                (appends, worst) = (appends + 1, worst.max(asked.elapsed()));
            }
            (appends, worst)
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut figures = Figures { appends: 0, took: 0.0, worst: Duration::ZERO };
    for writer in writers {
        let (appends, worst) = writer.await.expect("writer");
        (figures.appends, figures.worst) = (figures.appends + appends, figures.worst.max(worst));
    }
    figures.took = began.elapsed().as_secs_f64();
    figures
}

/// Longest time between two acknowledgements while the log's leader goes.
async fn stand_still(killed: bool) -> Duration {
    let mut servers = Servers::start(3);
    let (journal, log) = (Arc::new(servers.open()), LogId(1));
    let mut seen = journal.watch(log);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(ledger::write(Arc::clone(&journal), log, Arc::clone(&stop)));
    seen.wait_for(|seq| *seq > 100).await.expect("it goes on");
    let leader = servers.leader("waybill-log-1");
    if killed {
        servers.kill(leader);
    } else {
        let answer = servers.raw(leader).ask("$JS.API.STREAM.LEADER.STEPDOWN.waybill-log-1", "");
        assert!(answer.contains("true"), "{answer}");
    }
    let wanted = *seen.borrow_and_update() + 100;
    seen.wait_for(|seq| *seq >= wanted).await.expect("it goes on");
    stop.store(true, Ordering::Release);
    let ledger = writer.await.expect("the writer ended well");
    ledger.judge(&servers.open());
    ledger.worst
}

/// How long an erased key can be found in the servers' files.
async fn erasure() {
    let servers = Servers::start(3);
    let journal = servers.open();
    journal.found_vault(VaultIdentity { id: [1; 16], digest_secret: [2; 32] }).await.expect("founded");
    let key = Bytes::from((0..32u8).map(|at| at.wrapping_mul(41) ^ 0x5a).collect::<Vec<u8>>());
    let number = journal.add_keys(vec![key.clone()]).await.expect("added");
    journal.erase_key(number).await.expect("erased");
    let (erased, most) = (Instant::now(), Duration::from_secs(300));
    loop {
        let found: Vec<String> = (0..3).flat_map(|at| files_with(&servers.store(at), &key)).collect();
        if found.is_empty() {
            println!("an erased key was gone from all files of three servers after {:?}", erased.elapsed());
            return;
        }
        if erased.elapsed() > most {
            println!("an erased key was still in files after {most:?}: {found:?}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn files_with(dir: &Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in dir.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, wanted));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(wanted.len()).any(|window| window == wanted)
        {
            found.push(path.display().to_string());
        }
    }
    found
}
