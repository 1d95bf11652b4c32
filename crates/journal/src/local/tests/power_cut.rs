//! Power cuts at random moments: whatever was answered is there afterwards, and the chain holds. A run that never
//! syncs shows that this test can fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::disk::{Chance, Disk, SimDisk};
use crate::{ArchivePolicy, Error, Frame, Hash, Journal, LocalJournal, LogId, Options, SyncPolicy};

use super::helpers::{body, open, small};

/// What was answered: hashes of acknowledged frames, per log and sequence.
type Acknowledged = BTreeMap<LogId, BTreeMap<u64, Hash>>;

/// One life of the process: several writers append until the power is cut at a random moment. Answers the disk of
/// the next life.
fn live_until_cut(
    disk: &SimDisk,
    options: &Options,
    chance: &mut Chance,
    known: &Arc<Mutex<Acknowledged>>,
) -> SimDisk {
    let storage: Arc<dyn Disk> = Arc::new(disk.clone());
    let journal =
        Arc::new(open(&storage, options).unwrap_or_else(|error| panic!("reopen after a cut: {error}")));
    check(&journal, known);
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3u16)
        .map(|log| {
            let (journal, known, stop) = (Arc::clone(&journal), Arc::clone(known), Arc::clone(&stop));
            let mut chance = Chance::new(chance.number());
            std::thread::spawn(move || write(&journal, LogId(log), &mut chance, &known, &stop))
        })
        .collect();
    let enough = journal.stats().appends + 3 + chance.below(120);
    let started = Instant::now();
    while journal.stats().appends < enough && !journal.is_poisoned() && started.elapsed().as_secs() < 20 {
        std::thread::yield_now();
    }
    // In the middle of whatever the threads are doing.
    let next_life = disk.power_cut(chance);
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().expect("writer");
    }
    next_life
}

fn write(
    journal: &LocalJournal,
    log: LogId,
    chance: &mut Chance,
    known: &Mutex<Acknowledged>,
    stop: &AtomicBool,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    runtime.block_on(async {
        let Ok(claim) = journal.claim(log).await else { return };
        let mut head = claim.head;
        while !stop.load(Ordering::Relaxed) {
            let record = |head: crate::Head| {
                known.lock().unwrap().entry(log).or_default().insert(head.seq, head.hash);
            };
            record(head);
            let body = body(log, head.seq + 1, chance.below(4000) as usize);
            match journal.append(log, claim.epoch, head.seq + 1, body).await {
                Ok(next) => head = next,
                Err(Error::Poisoned | Error::Io { .. }) => return,
                Err(other) => panic!("append to log {log}: {other}"),
            }
            record(head);
            if head.seq % 40 == 0 {
                // A failed trim means the power is gone.
                let _ = journal.trim(log, head.seq - 10);
            }
        }
    });
}

/// Everything answered is read back, unless it was trimmed; what is beyond it may be there or not.
fn check(journal: &LocalJournal, known: &Mutex<Acknowledged>) {
    let mut known = known.lock().unwrap();
    for (log, answered) in known.iter_mut() {
        let last = answered.last_key_value().map_or(0, |(seq, _)| *seq);
        assert!(
            journal.head(*log).seq >= last,
            "log {log} lost its tail: {:?} of {last}",
            journal.head(*log)
        );
        let frames = read_rest(journal, *log);
        for frame in &frames {
            // Frames that were never answered are part of the log for good once a reader has seen them.
            let hash = answered.entry(frame.seq).or_insert(frame.hash);
            assert_eq!(*hash, frame.hash, "log {log} changed at {}", frame.seq);
        }
        let oldest = frames.first().map_or(last + 1, |frame| frame.seq);
        assert!(
            oldest <= last.saturating_sub(10).max(1),
            "log {log} begins at {oldest}, trimmed to {last} - 10"
        );
    }
}

fn read_rest(journal: &LocalJournal, log: LogId) -> Vec<Frame> {
    let mut next = 1;
    let mut frames = Vec::new();
    loop {
        match journal.read(log, next, 20_000) {
            Ok(more) if more.is_empty() => return frames,
            Ok(more) => {
                next += more.len() as u64;
                frames.extend(more);
            }
            // Retention may go on while this reads.
            Err(Error::Trimmed { oldest }) => {
                frames.clear();
                next = oldest;
            }
            Err(other) => panic!("read log {log} at {next}: {other}"),
        }
    }
}

fn seed() -> u64 {
    let given = std::env::var("WAYBILL_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| Chance::new(u64::from(std::process::id())).number() % 1_000_000)
}

#[test]
fn nothing_answered_is_lost_over_240_power_cuts() {
    let seed = seed();
    println!("seed {seed}; repeat with WAYBILL_SEED={seed} (threads still race)");
    for disk_number in 0..24 {
        let mut chance = Chance::new(seed + disk_number);
        let mut disk = SimDisk::new(1 << 30);
        let keep_bytes = [0, 400 << 10][chance.below(2) as usize];
        let options = Options { archive: ArchivePolicy { keep_bytes }, ..small() };
        let known = Arc::default();
        for _ in 0..10 {
            disk = live_until_cut(&disk, &options, &mut chance, &known);
        }
        let storage: Arc<dyn Disk> = Arc::new(disk);
        check(&open(&storage, &options).expect("open"), &known);
    }
}

#[test]
fn a_journal_that_never_syncs_is_caught_by_this_test() {
    let lost = (0..20).filter(|round| {
        let outcome = std::panic::catch_unwind(|| {
            let mut chance = Chance::new(*round);
            let mut disk = SimDisk::new(1 << 30);
            let options = Options { sync: SyncPolicy::Never, ..small() };
            let known = Arc::default();
            for _ in 0..3 {
                disk = live_until_cut(&disk, &options, &mut chance, &known);
            }
            let storage: Arc<dyn Disk> = Arc::new(disk);
            check(&open(&storage, &options).expect("open"), &known);
        });
        outcome.is_err()
    });
    assert!(lost.count() > 10, "a journal without syncs must lose answered frames");
}
