//! Measures what an append costs: CPU time, wall time and syncs, at several numbers of concurrent appends; and how
//! long opening takes.
//!
//! `cargo run --release -p waybill-journal --example bench_append -- [seconds per figure] [body bytes] [directory]`
//! The directory decides which disk is measured; the default is the current one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use waybill_journal::{Journal, LocalJournal, LogId, Options};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(3.0);
    let body_bytes: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(256);
    let parent = arguments.next().map_or_else(|| PathBuf::from("."), PathBuf::from);
    println!("bodies of {body_bytes} bytes, {seconds} s each");
    println!("concurrent   appends/s   CPU us/append   appends/sync   ms/round");
    for concurrent in [1, 16, 64, 256] {
        let figures = measure(&parent, concurrent, body_bytes, Duration::from_secs_f64(seconds));
        println!(
            "{concurrent:>10} {:>11.0} {:>15.2} {:>14.1} {:>10.3}",
            figures.appends / figures.wall_s,
            figures.cpu_s * 1e6 / figures.appends,
            figures.appends / figures.syncs,
            figures.wall_s * 1e3 / figures.syncs,
        );
    }
    print_opening(&parent, 500_000, body_bytes);
    print_opening(&parent, 16_000, 16 << 10);
}

/// Writes so many frames to one log, opens the journal again, and prints how long that took.
fn print_opening(parent: &Path, frames: u64, body_bytes: usize) {
    let dir = tempfile::tempdir_in(parent).expect("a directory to write in");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    let journal = LocalJournal::open(dir.path(), Options::default()).expect("open");
    runtime.block_on(async {
        let claim = journal.claim(LogId(0)).await.expect("claim");
        let body = Bytes::from(vec![b'x'; body_bytes]);
        for seq in claim.head.seq + 1..=claim.head.seq + frames {
            let appended = journal.append(LogId(0), claim.epoch, seq, body.clone());
            // Many in flight: this part is about opening.
            if seq % 1000 == 0 {
                appended.await.expect("append");
            }
        }
    });
    journal.close().expect("close");
    let started = Instant::now();
    let journal = LocalJournal::open(dir.path(), Options::default()).expect("open");
    let opened = started.elapsed();
    let mib = frames as f64 * body_bytes as f64 / f64::from(1 << 20);
    println!("opening {frames} frames, {mib:.0} MiB of bodies: {:.0} ms", opened.as_secs_f64() * 1e3);
    let (started, mut next) = (Instant::now(), 1);
    loop {
        let read = journal.read(LogId(0), next, 1 << 20).expect("read");
        if read.is_empty() {
            break;
        }
        next += read.len() as u64;
    }
    println!("reading them in pieces of 1 MiB: {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
}

struct Figures {
    appends: f64,
    syncs: f64,
    wall_s: f64,
    cpu_s: f64,
}

/// So many tasks, each with a log of its own and one append in flight, for so long.
fn measure(parent: &Path, concurrent: u16, body_bytes: usize, time: Duration) -> Figures {
    let dir = tempfile::tempdir_in(parent).expect("a directory to write in");
    // Every log may reserve a largest frame: with hundreds of them, a smaller one keeps the disk's share small.
    let options = Options { max_frame_bytes: 1 << 20, ..Options::default() };
    let journal = Arc::new(LocalJournal::open(dir.path(), options).expect("open"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("runtime");
    let figures = runtime.block_on(async {
        let mut claims = Vec::new();
        for log in 0..concurrent {
            claims.push(journal.claim(LogId(log)).await.expect("claim"));
        }
        let (before, cpu, started) = (journal.stats(), cpu_seconds(), Instant::now());
        let body = Bytes::from(vec![b'x'; body_bytes]);
        let writers: Vec<_> = claims
            .into_iter()
            .map(|claim| {
                let (journal, body) = (Arc::clone(&journal), body.clone());
                tokio::spawn(async move {
                    let mut head = claim.head;
                    while started.elapsed() < time {
                        journal.ensure_room(claim.log).expect("room");
                        let appended =
                            journal.append(claim.log, claim.epoch, head.seq + 1, body.clone()).await;
                        head = appended.expect("append");
                        if head.seq % 4096 == 0 {
                            journal.trim(claim.log, head.seq).expect("trim");
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.expect("writer");
        }
        let (after, wall) = (journal.stats(), started.elapsed());
        Figures {
            appends: (after.appends - before.appends) as f64,
            syncs: (after.syncs - before.syncs) as f64,
            wall_s: wall.as_secs_f64(),
            cpu_s: cpu_seconds() - cpu,
        }
    });
    drop(journal);
    figures
}

/// CPU time of this process, user and system, in seconds; in steps of a hundredth.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc/self/stat");
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

#[test]
fn the_bench_runs_and_shares_syncs() {
    let figures = measure(&std::env::temp_dir(), 16, 100, Duration::from_millis(200));
    assert!(figures.appends >= 16.0, "{} appends", figures.appends);
    assert!(figures.syncs <= figures.appends, "{} syncs for {} appends", figures.syncs, figures.appends);
}
