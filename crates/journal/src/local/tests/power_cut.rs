//! Power cuts at random moments: whatever was answered is there afterwards, and the chain holds. A run that never
//! syncs shows that this test can fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::disk::{Chance, Disk, FaultyDisk, SimDisk};
use crate::local::format::{FRAME_HEADER_BYTES, FrameHeader, Kind};
use crate::local::scan::{Ends, scan};
use crate::local::segment::{SegmentFile, segment_name};
use crate::{
    ArchivePolicy, Error, Frame, Hash, Journal, LocalJournal, LogId, Options, SyncPolicy, chain_hash,
};

use super::helpers::{body, dir, fill, open, small, wait_for};

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
            oldest <= last.saturating_sub(10) + 1,
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

/// A fixed course of appends to two logs with trims, until the disk fails.
fn work_until_cut(journal: &LocalJournal, known: &Mutex<Acknowledged>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    runtime.block_on(async {
        for _ in 0..4 {
            for log in [LogId(0), LogId(1)] {
                let Ok(claim) = journal.claim(log).await else { return };
                let mut head = claim.head;
                for _ in 0..16 {
                    known.lock().unwrap().entry(log).or_default().insert(head.seq, head.hash);
                    let next = head.seq + 1;
                    let Ok(next) = journal.append(log, claim.epoch, next, body(log, next, 3500)).await else {
                        return;
                    };
                    head = next;
                }
                known.lock().unwrap().entry(log).or_default().insert(head.seq, head.hash);
                // A failed trim means the power is gone.
                let _ = journal.trim(log, head.seq - 10);
            }
        }
    });
}

#[test]
fn a_cut_at_any_one_change_of_the_disk_loses_nothing_answered() {
    let mut cut_short = 0;
    for nth in 1..=400 {
        let disk = SimDisk::new(1 << 30);
        let keep_bytes = [0, 1 << 30][nth as usize % 2];
        let options = Options { archive: ArchivePolicy { keep_bytes }, ..small() };
        let known = Arc::default();
        disk.cut_power_at(nth, Chance::new(nth));
        let storage: Arc<dyn Disk> = Arc::new(disk.clone());
        if let Ok(journal) = open(&storage, &options) {
            work_until_cut(&journal, &known);
        }
        cut_short += u64::from(storage.list(dir()).is_err());
        // Once more in the next life, cut early: recovery itself is cut.
        let disk = disk.revived();
        disk.cut_power_at(1 + nth % 13, Chance::new(nth + 1));
        let storage: Arc<dyn Disk> = Arc::new(disk.clone());
        match open(&storage, &options) {
            Ok(journal) => work_until_cut(&journal, &known),
            Err(Error::Io { .. }) => {}
            Err(other) => panic!("cut at {nth}: {other}"),
        }
        let storage: Arc<dyn Disk> = Arc::new(disk.revived());
        let journal = open(&storage, &options).unwrap_or_else(|error| panic!("cut at {nth}: {error}"));
        check(&journal, &known);
    }
    assert!(cut_short > 150, "only {cut_short} runs were cut short");
}

#[tokio::test]
async fn frames_after_a_torn_one_never_come_back() {
    let (one, two) = (LogId(1), LogId(2));
    for seed in 0..20 {
        let sim = SimDisk::new(1 << 30);
        let storage: Arc<dyn Disk> = Arc::new(sim.clone());
        let journal = open(&storage, &small()).unwrap();
        let torn = fill(&journal, one, 3, 100).await;
        let kept = fill(&journal, two, 3, 100).await;
        journal.close().unwrap();
        // A round of two frames, of which the cut kept the second only.
        let path = dir().join(segment_name(1));
        let (segment, _) = SegmentFile::open(&*storage, path, 1).unwrap();
        let end = scan(&segment, &mut Ends::new()).unwrap().end;
        let text = body(two, kept.seq + 1, 100);
        let second = FrameHeader {
            kind: Kind::Data,
            log: two,
            body_bytes: text.len() as u32,
            durable_to: end as u32,
            seq: kept.seq + 1,
            epoch: kept.epoch,
            hash: chain_hash(&kept.hash, kept.seq + 1, kept.epoch, &text),
            body_crc: crc32c::crc32c(&text),
        };
        let at = end + second.span();
        segment.file.write_at(&second.encode(segment.stamp), at).unwrap();
        segment.file.write_at(&text, at + FRAME_HEADER_BYTES as u64).unwrap();
        segment.file.sync().unwrap();

        let journal = open(&storage, &small()).unwrap();
        assert_eq!(
            (journal.head(one), journal.head(two)),
            (torn, kept),
            "the round is cut at its first frame"
        );
        // A frame that ends exactly where the second one stood.
        journal.append(one, torn.epoch, torn.seq + 1, body(one, torn.seq + 1, 100)).await.unwrap();
        let storage: Arc<dyn Disk> = Arc::new(sim.power_cut(&mut Chance::new(seed)));
        let journal = open(&storage, &small()).unwrap();
        assert_eq!(journal.head(one).seq, torn.seq + 1);
        assert_eq!(journal.head(two), kept, "a frame nobody answered came back");
    }
}

#[tokio::test]
async fn a_cut_that_loses_the_seal_and_keeps_the_next_round_is_no_damage() {
    let log = LogId(1);
    for seed in 0..30 {
        let sim = SimDisk::new(1 << 30);
        let faults = Arc::new(FaultyDisk::new(Arc::new(sim.clone())));
        let storage: Arc<dyn Disk> = Arc::clone(&faults) as Arc<dyn Disk>;
        let journal = open(&storage, &small()).unwrap();
        let head = fill(&journal, log, 3, 400).await;
        wait_for(&journal, "a spare segment", |stats| stats.segments_spare > 0);
        // The idle writer seals the round. It may have sealed an earlier one too, so the last frame says where.
        let (segment, _) = SegmentFile::open(&*storage, dir().join(segment_name(1)), 1).unwrap();
        let sealed = || {
            let end = scan(&segment, &mut Ends::new()).unwrap().end - FRAME_HEADER_BYTES as u64;
            let mut header = [0; FRAME_HEADER_BYTES];
            segment.file.read_at(&mut header, end).unwrap();
            FrameHeader::decode(&header, segment.stamp).is_some_and(|header| header.kind == Kind::Seal)
        };
        wait_for(&journal, "a seal", |_| sealed());
        faults.fail_sync(1);
        let next = head.seq + 1;
        assert!(journal.append(log, head.epoch, next, body(log, next, 3000)).await.is_err());
        let storage: Arc<dyn Disk> = Arc::new(sim.power_cut(&mut Chance::new(seed)));
        let journal = open(&storage, &small()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!((head.seq..=next).contains(&journal.head(log).seq));
    }
}
