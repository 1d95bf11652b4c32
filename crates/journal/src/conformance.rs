//! The suite every journal engine must pass, as functions over a way to open the engine under test. Knows no engine:
//! what only files can suffer (torn tails, power cuts, full disks) is tested beside the files.
//!
//! Each function opens a journal of its own through the given closure and panics where the engine breaks a promise.
//! Use a fresh log set per function, or call [`all`], which uses logs 100 to 109.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{Error, Frame, Head, Journal, LogId, chain_hash};

/// How to get at the engine under test.
pub struct Engine<'a> {
    /// Opens a handle on the same storage every time. The suite drops one handle before it opens the next.
    pub open: &'a (dyn Fn() -> Arc<dyn Journal> + Send + Sync),
    /// Largest body the engine accepts, in bytes.
    pub max_frame_bytes: usize,
}

/// Runs every test of the suite.
pub async fn all(engine: &Engine<'_>) {
    appends_are_dense_chained_and_read_back(engine, LogId(100)).await;
    a_reopened_journal_continues(engine, LogId(101)).await;
    a_deposed_owner_is_fenced(engine, LogId(102)).await;
    of_racing_claimants_one_wins(engine, LogId(103)).await;
    a_wrong_sequence_is_refused(engine, LogId(104)).await;
    a_retry_of_the_same_frame_answers_ok(engine, LogId(105)).await;
    the_largest_frame_fits_and_one_byte_more_does_not(engine, LogId(106)).await;
    reads_are_bounded_and_start_anywhere(engine, LogId(107)).await;
    watchers_follow_and_logs_are_independent(engine, LogId(108), LogId(109)).await;
}

/// Bodies that tell where they belong.
fn body(log: LogId, seq: u64) -> Bytes {
    Bytes::from(format!("log {log} sequence {seq} {}", "x".repeat((seq % 97) as usize)))
}

async fn append(journal: &dyn Journal, log: LogId, epoch: u64, seq: u64) -> Head {
    let appended = journal.append(log, epoch, seq, body(log, seq)).await;
    appended.unwrap_or_else(|error| panic!("append {seq} to log {log}: {error}"))
}

/// Reads a whole log and checks order and chain on its own account.
pub fn read_all(journal: &dyn Journal, log: LogId) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    loop {
        let next = frames.len() as u64 + 1;
        let more = journal
            .read(log, next, 10_000)
            .unwrap_or_else(|error| panic!("read log {log} at {next}: {error}"));
        if more.is_empty() {
            break;
        }
        frames.extend(more);
    }
    check_chain(&frames, Head::EMPTY);
    frames
}

/// Panics unless the frames continue `head` without a gap.
pub fn check_chain(frames: &[Frame], mut head: Head) {
    for frame in frames {
        assert_eq!(frame.seq, head.seq + 1, "sequence is not dense");
        assert!(frame.epoch >= head.epoch, "epoch went back at {}", frame.seq);
        assert_eq!(
            frame.hash,
            chain_hash(&head.hash, frame.seq, frame.epoch, &frame.body),
            "chain at {}",
            frame.seq
        );
        head = frame.head();
    }
}

pub async fn appends_are_dense_chained_and_read_back(engine: &Engine<'_>, log: LogId) {
    let journal = (engine.open)();
    assert_eq!(journal.head(log), Head::EMPTY);
    assert!(journal.read(log, 1, 1000).expect("read an empty log").is_empty());
    let claim = journal.claim(log).await.expect("claim");
    assert_eq!(claim.head.seq, 1, "the claim frame is the first");
    let mut head = claim.head;
    for seq in 2..=200 {
        journal.ensure_room(log).expect("room");
        head = append(&*journal, log, claim.epoch, seq).await;
        assert_eq!((head.seq, head.epoch), (seq, claim.epoch));
        assert_eq!(journal.head(log), head, "durable when answered");
    }
    let frames = read_all(&*journal, log);
    assert_eq!(frames.len(), 200);
    assert!(frames[0].is_claim());
    assert_eq!(frames[199].head(), head);
    for frame in &frames[1..] {
        assert_eq!(frame.body, body(log, frame.seq));
    }
}

pub async fn a_reopened_journal_continues(engine: &Engine<'_>, log: LogId) {
    let mut last = Head::EMPTY;
    for round in 0..5u64 {
        let journal = (engine.open)();
        assert_eq!(journal.head(log), last, "round {round}");
        let claim = journal.claim(log).await.expect("claim");
        assert!(claim.epoch > last.epoch, "epochs go up over restarts");
        last = claim.head;
        for seq in last.seq + 1..last.seq + 20 {
            last = append(&*journal, log, claim.epoch, seq).await;
        }
        assert_eq!(read_all(&*journal, log).last().map(Frame::head), Some(last));
    }
}

pub async fn a_deposed_owner_is_fenced(engine: &Engine<'_>, log: LogId) {
    let journal = (engine.open)();
    let old = journal.claim(log).await.expect("claim");
    append(&*journal, log, old.epoch, 2).await;
    let new = journal.claim(log).await.expect("claim");
    assert_eq!((new.epoch, new.head.seq), (old.epoch + 1, 3));
    for seq in [3, 4, 5] {
        let late = journal.append(log, old.epoch, seq, body(log, seq)).await;
        assert!(
            matches!(late, Err(Error::Fenced { current_epoch }) if current_epoch == new.epoch),
            "{late:?}"
        );
    }
    append(&*journal, log, new.epoch, 4).await;
    let never = journal.append(log, new.epoch + 1, 5, body(log, 5)).await;
    assert!(matches!(never, Err(Error::Fenced { .. })), "an epoch nobody was given: {never:?}");
    assert_eq!(read_all(&*journal, log).len(), 4);
}

pub async fn of_racing_claimants_one_wins(engine: &Engine<'_>, log: LogId) {
    let journal = (engine.open)();
    let mut racers = Vec::new();
    for _ in 0..8 {
        let journal = Arc::clone(&journal);
        racers.push(tokio::spawn(async move {
            let claim = journal.claim(log).await.expect("claim");
            let (mut seq, mut stored) = (claim.head.seq, 0u64);
            loop {
                seq += 1;
                match journal.append(log, claim.epoch, seq, body(log, seq)).await {
                    Ok(_) if stored == 50 => return (claim.epoch, stored + 1),
                    Ok(_) => stored += 1,
                    Err(Error::Fenced { .. }) => return (claim.epoch, stored),
                    Err(other) => panic!("append {seq}: {other}"),
                }
            }
        }));
    }
    let mut total = 0;
    let mut epochs = Vec::new();
    for racer in racers {
        let (epoch, stored) = racer.await.expect("racer");
        total += stored;
        epochs.push(epoch);
    }
    epochs.sort_unstable();
    assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]), "an epoch was given twice: {epochs:?}");
    let frames = read_all(&*journal, log);
    assert_eq!(frames.len() as u64, total + 8, "every answered append stands, and nothing else");
    assert_eq!(frames.iter().filter(|frame| frame.is_claim()).count(), 8);
}

pub async fn a_wrong_sequence_is_refused(engine: &Engine<'_>, log: LogId) {
    let journal = (engine.open)();
    let claim = journal.claim(log).await.expect("claim");
    append(&*journal, log, claim.epoch, 2).await;
    for got in [0, 1, 2, 4, 5, u64::MAX] {
        let refused = journal.append(log, claim.epoch, got, Bytes::from_static(b"elsewhere")).await;
        let right = matches!(refused, Err(Error::Sequence { expected: 3, got: named }) if named == got);
        assert!(right, "append at {got}: {refused:?}");
    }
    let empty = journal.append(log, claim.epoch, 3, Bytes::new()).await;
    assert!(matches!(empty, Err(Error::Empty)), "{empty:?}");
    append(&*journal, log, claim.epoch, 3).await;
    assert_eq!(read_all(&*journal, log).len(), 3, "a refused append leaves nothing behind");
}

pub async fn a_retry_of_the_same_frame_answers_ok(engine: &Engine<'_>, log: LogId) {
    let journal = (engine.open)();
    let claim = journal.claim(log).await.expect("claim");
    let first = append(&*journal, log, claim.epoch, 2).await;
    assert_eq!(append(&*journal, log, claim.epoch, 2).await, first);
    let other = journal.append(log, claim.epoch, 2, Bytes::from_static(b"other")).await;
    assert!(matches!(other, Err(Error::Sequence { expected: 3, got: 2 })), "{other:?}");
    assert_eq!(read_all(&*journal, log).len(), 2);
}

pub async fn the_largest_frame_fits_and_one_byte_more_does_not(engine: &Engine<'_>, log: LogId) {
    let journal = (engine.open)();
    let claim = journal.claim(log).await.expect("claim");
    let max = engine.max_frame_bytes;
    let too_large = journal.append(log, claim.epoch, 2, Bytes::from(vec![7; max + 1])).await;
    let named = |bytes: u64, most: u64| bytes == max as u64 + 1 && most == max as u64;
    assert!(matches!(too_large, Err(Error::TooLarge { bytes, max }) if named(bytes, max)), "{too_large:?}");
    for seq in 2..6 {
        journal.ensure_room(log).expect("room");
        let body = Bytes::from(vec![seq as u8; max]);
        journal.append(log, claim.epoch, seq, body).await.expect("a frame of the largest size");
    }
    for frame in &read_all(&*journal, log)[1..] {
        assert_eq!(frame.body.len(), max);
        assert!(frame.body.iter().all(|byte| *byte == frame.seq as u8));
    }
}

pub async fn reads_are_bounded_and_start_anywhere(engine: &Engine<'_>, log: LogId) {
    let journal = (engine.open)();
    let claim = journal.claim(log).await.expect("claim");
    for seq in 2..=300 {
        append(&*journal, log, claim.epoch, seq).await;
    }
    let all = read_all(&*journal, log);
    for from in [1, 2, 57, 299, 300] {
        let one = journal.read(log, from, 0).expect("read");
        assert_eq!(one, all[from as usize - 1..from as usize], "at least one frame, from {from}");
        let some = journal.read(log, from, 1000).expect("read");
        assert_eq!(some, all[from as usize - 1..][..some.len()], "from {from}");
        let bytes: usize = some.iter().map(|frame| frame.body.len()).sum();
        assert!(bytes < 2000, "{bytes} bytes where 1,000 were asked for");
    }
    assert!(journal.read(log, 301, 1000).expect("read").is_empty());
}

pub async fn watchers_follow_and_logs_are_independent(engine: &Engine<'_>, one: LogId, other: LogId) {
    let journal = (engine.open)();
    let mut seen = journal.watch(one);
    let (claim_one, claim_other) = tokio::join!(journal.claim(one), journal.claim(other));
    let (claim_one, claim_other) = (claim_one.expect("claim"), claim_other.expect("claim"));
    let follower = tokio::spawn(async move { seen.wait_for(|seq| *seq >= 51).await.map(|seq| *seq) });
    for seq in 2..=51 {
        let (a, b) = tokio::join!(
            journal.append(one, claim_one.epoch, seq, body(one, seq)),
            journal.append(other, claim_other.epoch, seq, body(other, seq)),
        );
        assert_eq!((a.expect("append").seq, b.expect("append").seq), (seq, seq));
    }
    let followed = tokio::time::timeout(Duration::from_secs(20), follower).await;
    assert_eq!(followed.expect("the watcher was told").expect("follower").expect("watch"), 51);
    for log in [one, other] {
        for frame in &read_all(&*journal, log)[1..] {
            assert_eq!(frame.body, body(log, frame.seq));
        }
    }
}
