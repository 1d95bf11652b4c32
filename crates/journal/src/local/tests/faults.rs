//! Failed syncs, torn writes, full disks, a second process: what the operating system may do to a running journal.

use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;

use crate::conformance::read_all;
use crate::disk::{Chance, Disk, FaultyDisk, SimDisk};
use crate::{Error, Head, Journal, LocalJournal, LogId};

use super::helpers::{MAX_FRAME, body, dir, fill, open, small, wait_for};

const LOG: LogId = LogId(1);

fn faulty() -> (Arc<FaultyDisk>, Arc<dyn Disk>) {
    let faulty = Arc::new(FaultyDisk::new(Arc::new(SimDisk::new(1 << 30))));
    (Arc::clone(&faulty), faulty)
}

#[tokio::test]
async fn a_failed_sync_poisons_and_nobody_waiting_gets_ok() {
    let (faults, disk) = faulty();
    let journal = open(&disk, &small()).unwrap();
    let mut claims = Vec::new();
    for log in 1..=20 {
        claims.push(journal.claim(LogId(log)).await.unwrap());
    }
    wait_for(&journal, "a spare segment", |stats| stats.segments_spare > 0);
    faults.fail_sync(1);
    let waiting: Vec<_> = claims
        .iter()
        .map(|claim| journal.append(claim.log, claim.epoch, 2, body(claim.log, 2, 50)))
        .collect();
    for answer in waiting {
        let answer = answer.await;
        assert!(matches!(answer, Err(Error::Poisoned)), "{answer:?}");
    }
    assert!(journal.is_poisoned());
    assert!(
        journal.poison_cause().unwrap().contains("injected: failed sync"),
        "{:?}",
        journal.poison_cause()
    );
    // The disk works again, and still nothing is retried on this handle.
    for claim in &claims {
        let late = journal.append(claim.log, claim.epoch, 2, body(claim.log, 2, 50)).await;
        assert!(matches!(late, Err(Error::Poisoned)), "{late:?}");
        assert!(matches!(journal.claim(claim.log).await, Err(Error::Poisoned)));
        assert!(matches!(journal.ensure_room(claim.log), Err(Error::Poisoned)));
        assert!(matches!(journal.trim(claim.log, 1), Err(Error::Poisoned)));
        assert_eq!(journal.head(claim.log), claim.head, "only what was acknowledged counts");
        assert_eq!(journal.read(claim.log, 1, 1000).unwrap().len(), 1);
    }
    assert!(matches!(journal.close(), Err(Error::Poisoned)));

    let journal = open(&disk, &small()).unwrap();
    for claim in &claims {
        let frames = read_all(&journal, claim.log);
        assert!((1..=2).contains(&frames.len()), "the unacknowledged frame is there or not, whole");
        assert_eq!(fill(&journal, claim.log, 1, 10).await.seq, frames.len() as u64 + 2);
    }
}

#[tokio::test]
async fn a_panicking_writer_leaves_nobody_waiting() {
    let (faults, disk) = faulty();
    let journal = open(&disk, &small()).unwrap();
    let head = fill(&journal, LOG, 5, 100).await;
    wait_for(&journal, "a spare segment", |stats| stats.segments_spare > 0);
    faults.panic_in_next_write();
    for seq in head.seq + 1..head.seq + 4 {
        let appended = journal.append(LOG, head.epoch, seq, body(LOG, seq, 100)).await;
        assert!(matches!(appended, Err(Error::Poisoned)), "{appended:?}");
    }
    assert!(matches!(journal.claim(LOG).await, Err(Error::Poisoned)));
    assert!(journal.poison_cause().unwrap().contains("panicked"));
    drop(journal);
    assert_eq!(open(&disk, &small()).unwrap().head(LOG), head);
}

#[tokio::test]
async fn what_a_failed_sync_left_in_the_page_cache_is_made_durable() {
    for seed in 0..20 {
        let sim = SimDisk::new(1 << 30);
        let disk: Arc<dyn Disk> = Arc::new(sim.clone());
        let journal = open(&disk, &small()).unwrap();
        let claim = journal.claim(LOG).await.unwrap();
        wait_for(&journal, "a spare segment", |stats| stats.segments_spare > 0);
        sim.fail_next_sync();
        assert!(journal.append(LOG, claim.epoch, 2, body(LOG, 2, 2000)).await.is_err());
        drop(journal);
        // Opening sees the frame in the page cache; from then on it counts, and a cut must not take it away again.
        let journal = open(&disk, &small()).unwrap();
        assert_eq!(journal.head(LOG).seq, 2);
        let disk: Arc<dyn Disk> = Arc::new(sim.power_cut(&mut Chance::new(seed)));
        assert_eq!(open(&disk, &small()).unwrap().head(LOG).seq, 2, "seed {seed}");
    }
}

#[tokio::test]
async fn a_torn_write_poisons_and_is_cut_when_reopened() {
    for keep in [0, 1, 40, 56, 57, 100, 900, 1000] {
        let (faults, disk) = faulty();
        let journal = open(&disk, &small()).unwrap();
        let head = fill(&journal, LOG, 20, 300).await;
        wait_for(&journal, "a spare segment", |stats| stats.segments_spare > 0);
        faults.tear_write(1, keep);
        let torn = journal.append(LOG, head.epoch, head.seq + 1, body(LOG, head.seq + 1, 1000)).await;
        // The write torn may also be the seal of the round before; then this append finds the journal poisoned.
        assert!(matches!(torn, Err(Error::Poisoned)), "{torn:?}");
        assert!(journal.is_poisoned());
        drop(journal);
        let journal = open(&disk, &small()).unwrap();
        assert_eq!(journal.head(LOG), head, "torn after {keep} bytes");
        fill(&journal, LOG, 100, 300).await;
        drop(journal);
        read_all(&open(&disk, &small()).unwrap(), LOG);
    }
}

#[tokio::test]
async fn a_full_disk_refuses_before_anything_is_written_and_recovers() {
    let sim = SimDisk::new(500 << 10);
    let disk: Arc<dyn Disk> = Arc::new(sim.clone());
    let journal = open(&disk, &small()).unwrap();
    let claim = journal.claim(LOG).await.unwrap();
    let mut head = claim.head;
    let refusal = loop {
        if let Err(refusal) = journal.ensure_room(LOG) {
            break refusal;
        }
        // What was promised holds, although the disk has no room for another segment by now.
        let body = Bytes::from(vec![1; MAX_FRAME]);
        head = journal.append(LOG, claim.epoch, head.seq + 1, body).await.expect("reserved room");
        assert!(head.seq < 1000, "the disk never filled");
    };
    assert!(matches!(refusal, Error::Full { .. }), "{refusal}");
    assert!(head.seq > 40, "most of 500 KiB was used before refusing: {head:?}");
    let unreserved = journal.append(LOG, claim.epoch, head.seq + 1, Bytes::from(vec![1; MAX_FRAME])).await;
    assert!(matches!(unreserved, Err(Error::Full { .. })), "{unreserved:?}");
    assert!(!journal.is_poisoned(), "a full disk is a refusal, not a failure");
    assert_eq!(journal.head(LOG), head);
    assert_eq!(read_all(&journal, LOG).len() as u64, head.seq);

    // Reopening on the full disk works, and trimming makes room again.
    drop(journal);
    let journal = open(&disk, &small()).unwrap();
    assert_eq!(journal.head(LOG), head);
    journal.trim(LOG, head.seq).unwrap();
    wait_for(&journal, "recycling", |stats| stats.segments == 1);
    journal.ensure_room(LOG).expect("room after trimming");
    let appended = journal.append(LOG, claim.epoch, head.seq + 1, Bytes::from(vec![1; MAX_FRAME])).await;
    assert_eq!(appended.unwrap().seq, head.seq + 1);

    // So does a larger disk.
    sim.set_capacity(1 << 30);
    let claim = journal.claim(LOG).await.unwrap();
    head = claim.head;
    for _ in 0..200 {
        journal.ensure_room(LOG).expect("room on a larger disk");
        let body = Bytes::from(vec![1; MAX_FRAME]);
        head = journal.append(LOG, claim.epoch, head.seq + 1, body).await.expect("append");
    }
}

#[tokio::test]
async fn promised_room_is_not_taken_by_others() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(300 << 10));
    let journal = open(&disk, &small()).unwrap();
    let mut heads: Vec<Head> = Vec::new();
    for log in 0..8 {
        heads.push(journal.claim(LogId(log)).await.unwrap().head);
    }
    for log in 0..4 {
        journal.ensure_room(LogId(log)).unwrap();
    }
    // The other logs take whatever they get.
    let mut refused = 0;
    while refused < 20 {
        for log in 4..8u16 {
            let head = &mut heads[log as usize];
            match journal.append(LogId(log), head.epoch, head.seq + 1, body(LogId(log), 0, 1500)).await {
                Ok(now) => *head = now,
                Err(Error::Full { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
    for log in 0..4u16 {
        let head = heads[log as usize];
        let largest = Bytes::from(vec![log as u8 + 1; MAX_FRAME]);
        journal.append(LogId(log), head.epoch, head.seq + 1, largest).await.expect("promised room");
    }
}

#[test]
fn a_second_handle_is_locked_out_until_the_first_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let first = LocalJournal::open(dir.path(), small()).unwrap();
    let second = LocalJournal::open(dir.path(), small());
    assert!(matches!(second.err(), Some(Error::Locked { path }) if path == dir.path().join("LOCK")));
    first.close().unwrap();
    LocalJournal::open(dir.path(), small()).expect("free again");
}

const LOCK_DIR: &str = "WAYBILL_JOURNAL_TEST_LOCK_DIR";

#[test]
fn a_second_process_is_locked_out() {
    if let Some(dir) = std::env::var_os(LOCK_DIR) {
        // The second process. Its exit code says what it met.
        let locked = matches!(LocalJournal::open(dir.as_ref(), small()), Err(Error::Locked { .. }));
        std::process::exit(if locked { 42 } else { 43 });
    }
    let dir = tempfile::tempdir().unwrap();
    let other_process = || {
        let name = "local::tests::faults::a_second_process_is_locked_out";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name]).env(LOCK_DIR, dir.path()).output().unwrap().status.code()
    };
    let journal = LocalJournal::open(dir.path(), small()).unwrap();
    assert_eq!(other_process(), Some(42), "locked out");
    drop(journal);
    assert_eq!(other_process(), Some(43), "let in once the first is gone");
}

#[test]
fn options_out_of_range_are_refused() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1 << 30));
    for (segment_bytes, max_frame_bytes) in [(1 << 20, 0), (1 << 20, 1 << 20), (0, 100), (2 << 30, 100)] {
        let options = crate::Options { segment_bytes, max_frame_bytes, ..small() };
        let refused = LocalJournal::open_on(Arc::clone(&disk), dir(), options);
        assert!(matches!(refused.err(), Some(Error::Options { .. })), "{segment_bytes} / {max_frame_bytes}");
    }
}
