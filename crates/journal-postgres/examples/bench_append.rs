//! Measures what an append to the PostgreSQL journal costs, beside the local journal in the same run: frames a second,
//! latency, and processor time of this process, with one frame in flight per log.
//!
//! `cargo run --profile tools -p waybill-journal-postgres --example bench_append -- [seconds per figure] [url]`
//! Without a URL a server is started for the run, on the disk of the temporary directory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use waybill_journal::{Journal, LocalJournal, LogId};
use waybill_journal_postgres::server::Postgres;
use waybill_journal_postgres::{Options, PostgresJournal};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(3.0);
    let url = arguments.next();
    let server = url.is_none().then(|| Postgres::start().expect("a server"));
    let url = url.or_else(|| server.as_ref().map(Postgres::url)).expect("a URL");
    let dir = tempfile::tempdir().expect("a directory to write in");
    println!("engine     logs   body bytes   frames/s    MiB/s   p50 ms   p99 ms   CPU us/frame");
    for (logs, bytes) in
        [(1, 1 << 10), (8, 1 << 10), (32, 1 << 10), (1, 16 << 10), (8, 16 << 10), (1, 256 << 10)]
    {
        let options = Options { connections: usize::from(logs), ..Options::new(&url) };
        let postgres: Arc<dyn Journal> = Arc::new(PostgresJournal::open(options).expect("open"));
        print("postgres", measure(postgres, logs, bytes, Duration::from_secs_f64(seconds)), logs, bytes);
        let place = dir.path().join(format!("{logs}-{bytes}"));
        let local: Arc<dyn Journal> =
            Arc::new(LocalJournal::open(&place, waybill_journal::Options::default()).expect("open"));
        print("local", measure(local, logs, bytes, Duration::from_secs_f64(seconds)), logs, bytes);
    }
}

struct Figures {
    latencies: Vec<Duration>,
    wall_s: f64,
    cpu_s: f64,
}

fn print(engine: &str, mut figures: Figures, logs: u16, bytes: usize) {
    figures.latencies.sort_unstable();
    let frames = figures.latencies.len() as f64;
    let at = |part: f64| figures.latencies[((frames - 1.0) * part) as usize].as_secs_f64() * 1e3;
    println!(
        "{engine:<8} {logs:>6} {bytes:>12} {:>10.0} {:>8.1} {:>8.2} {:>8.2} {:>14.1}",
        frames / figures.wall_s,
        frames * bytes as f64 / figures.wall_s / f64::from(1 << 20),
        at(0.5),
        at(0.99),
        figures.cpu_s * 1e6 / frames,
    );
}

/// Appends to so many logs at once, to each one frame after the other.
fn measure(journal: Arc<dyn Journal>, logs: u16, bytes: usize, time: Duration) -> Figures {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("runtime");
    let (started, cpu) = (Instant::now(), cpu_s());
    let writers: Vec<_> = (0..logs)
        .map(|log| {
            let journal = Arc::clone(&journal);
            runtime.spawn(async move {
                let claim = journal.claim(LogId(log)).await.expect("claim");
                // Bytes that do not compress, as sealed ones do not.
                let mut state = 0x9e37_79b9_7f4a_7c15_u64 + u64::from(log);
                let body = (0..bytes).map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state as u8
                });
                let body: Bytes = body.collect::<Vec<u8>>().into();
                let (mut seq, mut latencies) = (claim.head.seq, Vec::new());
                while started.elapsed() < time {
                    seq += 1;
                    let asked = Instant::now();
                    journal.append(LogId(log), claim.epoch, seq, body.clone()).await.expect("append");
                    latencies.push(asked.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for writer in writers {
        latencies.extend(runtime.block_on(writer).expect("writer"));
    }
    Figures { latencies, wall_s: started.elapsed().as_secs_f64(), cpu_s: cpu_s() - cpu }
}

/// Processor time of this process so far, its journal's threads counted and the database's not.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
