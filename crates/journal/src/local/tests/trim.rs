//! Trimming, recycling, the archive and its retention.

use std::path::PathBuf;
use std::sync::Arc;

use crate::conformance::{check_chain, read_all};
use crate::disk::{Disk, SimDisk};
use crate::{ArchivePolicy, Error, Head, Journal, LocalJournal, LogId, Options};

use super::helpers::{dir, fill, open, small, wait_for};

const ONE: LogId = LogId(1);
const TWO: LogId = LogId(2);

fn archiving(keep_bytes: u64) -> Options {
    Options { archive: ArchivePolicy { keep_bytes }, ..small() }
}

fn sim() -> Arc<dyn Disk> {
    Arc::new(SimDisk::new(1 << 30))
}

/// Fills about `segments` segments with both logs.
async fn fill_both(journal: &LocalJournal, segments: u64) {
    for _ in 0..segments * 2 {
        fill(journal, ONE, 15, 2000).await;
        fill(journal, TWO, 15, 2000).await;
    }
}

#[tokio::test]
async fn trimmed_segments_are_recycled_and_the_rest_says_trimmed() {
    let disk = sim();
    let journal = open(&disk, &small()).unwrap();
    fill_both(&journal, 8).await;
    let full = journal.stats();
    assert!(full.segments >= 8, "{full:?}");
    let head = journal.head(ONE).seq;
    journal.trim(ONE, head).unwrap();
    let pinned = journal.stats();
    assert_eq!(pinned.logs[&TWO].oldest_live, 1, "the idle log shows as the one that pins");
    assert_eq!(pinned.segments, full.segments, "nothing goes while one log needs it");
    journal.trim(TWO, journal.head(TWO).seq).unwrap();
    let after = wait_for(&journal, "recycling", |stats| stats.segments == 1);
    assert!(after.segments_spare <= 3, "surplus segments are removed: {after:?}");
    let oldest = after.logs[&ONE].oldest;
    assert!(oldest > 1);
    let gone = journal.read(ONE, oldest - 1, 1000);
    assert!(matches!(gone, Err(Error::Trimmed { oldest: named }) if named == oldest), "{gone:?}");
    let rest = journal.read(ONE, oldest, usize::MAX).unwrap();
    assert_eq!(rest.len() as u64, head + 1 - oldest);

    // The same after a restart, and the recycled files serve new frames without showing their old ones.
    drop(journal);
    let journal = open(&disk, &small()).unwrap();
    assert_eq!(journal.head(ONE).seq, head);
    assert!(matches!(journal.read(ONE, 1, 1000), Err(Error::Trimmed { .. })));
    fill_both(&journal, 8).await;
    drop(journal);
    let journal = open(&disk, &small()).unwrap();
    let (start, end) = (rest[0].seq, journal.head(ONE));
    let frames = journal.read(ONE, start, usize::MAX).unwrap();
    assert_eq!(frames.last().map(|frame| frame.head()), Some(end));
    check_chain(&frames[1..], frames[0].head());
}

#[tokio::test]
async fn an_idle_logs_head_outlives_the_segments_its_frames_stood_in() {
    let disk = sim();
    let journal = open(&disk, &small()).unwrap();
    let idle = fill(&journal, TWO, 3, 100).await;
    journal.trim(TWO, idle.seq).unwrap();
    for _ in 0..10 {
        let head = fill(&journal, ONE, 60, 2000).await;
        journal.trim(ONE, head.seq).unwrap();
    }
    wait_for(&journal, "recycling", |stats| stats.logs[&TWO].oldest_live == idle.seq + 1);
    drop(journal);
    let journal = open(&disk, &small()).unwrap();
    assert_eq!(journal.head(TWO), idle);
    assert!(matches!(journal.read(TWO, 1, 10), Err(Error::Trimmed { oldest }) if oldest == idle.seq + 1));
    assert_eq!(fill(&journal, TWO, 1, 10).await.epoch, idle.epoch + 1, "the epoch is remembered too");
}

#[tokio::test]
async fn archived_frames_are_read_like_live_ones() {
    let disk = sim();
    let journal = open(&disk, &archiving(1 << 30)).unwrap();
    fill_both(&journal, 6).await;
    let before = [read_all(&journal, ONE), read_all(&journal, TWO)];
    for log in [ONE, TWO] {
        journal.trim(log, journal.head(log).seq).unwrap();
    }
    let stats = wait_for(&journal, "archiving", |stats| stats.segments == 1);
    assert!(stats.segments_archived >= 6 && stats.bytes_archived > 500_000, "{stats:?}");
    assert_eq!(stats.logs[&ONE].oldest, 1);
    assert!(stats.logs[&ONE].oldest_live > 1);
    assert_eq!([read_all(&journal, ONE), read_all(&journal, TWO)], before);
    drop(journal);
    let journal = open(&disk, &archiving(1 << 30)).unwrap();
    assert_eq!([read_all(&journal, ONE), read_all(&journal, TWO)], before);
    for (place, frame) in before[0].iter().enumerate() {
        assert_eq!(journal.read(ONE, place as u64 + 1, 0).unwrap(), std::slice::from_ref(frame));
    }
}

#[tokio::test]
async fn the_archive_keeps_its_limit_and_names_the_oldest_left() {
    let disk = sim();
    let keep = 400 << 10;
    let journal = open(&disk, &archiving(keep)).unwrap();
    for _ in 0..10 {
        fill_both(&journal, 1).await;
        for log in [ONE, TWO] {
            journal.trim(log, journal.head(log).seq).unwrap();
        }
    }
    let kept = |stats: &crate::Stats| stats.bytes_archived <= keep && stats.segments == 1;
    let stats = wait_for(&journal, "retention", kept);
    assert!(stats.segments_archived >= 2, "{stats:?}");
    let oldest = stats.logs[&ONE].oldest;
    assert!(oldest > 1, "{stats:?}");
    let check = |journal: &LocalJournal| {
        assert!(matches!(journal.read(ONE, 1, 10), Err(Error::Trimmed { oldest: named }) if named == oldest));
        let frames = read_from(journal, ONE, oldest);
        check_chain(&frames[1..], frames[0].head());
        assert_eq!(frames.last().map(|frame| frame.head()), Some(journal.head(ONE)));
    };
    check(&journal);
    drop(journal);
    check(&open(&disk, &archiving(keep)).unwrap());
}

fn read_from(journal: &LocalJournal, log: LogId, from: u64) -> Vec<crate::Frame> {
    let mut frames: Vec<crate::Frame> = Vec::new();
    loop {
        let next = from + frames.len() as u64;
        let more = journal.read(log, next, 50_000).unwrap();
        if more.is_empty() {
            return frames;
        }
        frames.extend(more);
    }
}

#[tokio::test]
async fn a_file_missing_from_the_archive_is_a_hole() {
    let disk = sim();
    let journal = open(&disk, &archiving(1 << 30)).unwrap();
    fill_both(&journal, 6).await;
    for log in [ONE, TWO] {
        journal.trim(log, journal.head(log).seq).unwrap();
    }
    wait_for(&journal, "archiving", |stats| stats.segments == 1);
    drop(journal);
    disk.remove(&dir().join("archive").join("segment-000000000003.wbj")).unwrap();
    let journal = open(&disk, &archiving(1 << 30)).unwrap();
    let mut next = 1;
    let hole = loop {
        match journal.read(ONE, next, 10_000) {
            Ok(frames) => next = frames.last().expect("frames before the hole").seq + 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(hole, Error::Hole { at } if at == next), "{hole:?} at {next}");
}

#[tokio::test]
async fn a_reader_racing_trim_sees_frames_or_trimmed_and_nothing_else() {
    for keep in [0, 300 << 10] {
        let disk = sim();
        let journal = Arc::new(open(&disk, &archiving(keep)).unwrap());
        let reader = {
            let journal = Arc::clone(&journal);
            std::thread::spawn(move || {
                let (mut next, mut read, mut trimmed) = (1, 0u64, 0u64);
                let mut last: Option<Head> = None;
                while next <= 4000 {
                    match journal.read(ONE, next, 3000) {
                        Ok(frames) => {
                            if let Some(head) = last {
                                check_chain(&frames, head);
                            }
                            read += frames.len() as u64;
                            last = frames.last().map(|frame| frame.head()).or(last);
                            next += frames.len() as u64;
                        }
                        Err(Error::Trimmed { oldest }) => {
                            assert!(oldest > next);
                            (next, last, trimmed) = (oldest, None, trimmed + 1);
                        }
                        Err(other) => panic!("at {next}: {other}"),
                    }
                }
                (read, trimmed)
            })
        };
        while journal.head(ONE).seq <= 4000 {
            let head = fill(&journal, ONE, 50, 1500).await;
            journal.trim(ONE, head.seq).unwrap();
        }
        let (read, trimmed) = reader.join().unwrap();
        assert!(read > 0, "keep {keep}: read {read}, trimmed {trimmed} times");
    }
}

#[tokio::test]
async fn a_file_that_a_reader_holds_is_not_written_again() {
    let disk = sim();
    let journal = open(&disk, &small()).unwrap();
    let head = fill(&journal, ONE, 90, 2000).await;
    let held = Arc::clone(&crate::local::shared::lock(&journal.shared.state).live[&1].segment);
    let bytes = |segment: &crate::local::segment::SegmentFile| {
        let mut bytes = vec![0; segment.segment_bytes as usize];
        segment.file.read_at(&mut bytes, 0).map(|_| bytes).unwrap()
    };
    let before = bytes(&held);
    journal.trim(ONE, head.seq).unwrap();
    fill(&journal, ONE, 10, 2000).await;
    for _ in 0..6 {
        let head = fill(&journal, ONE, 60, 2000).await;
        journal.trim(ONE, head.seq).unwrap();
        wait_for(&journal, "recycling", |stats| stats.segments == 1);
    }
    assert!(before == bytes(&held), "the reader's frames were overwritten");
}

#[tokio::test]
async fn an_archive_copy_cut_short_by_a_crash_is_made_again() {
    let disk = sim();
    let journal = open(&disk, &archiving(1 << 30)).unwrap();
    fill_both(&journal, 3).await;
    let before = read_all(&journal, ONE);
    drop(journal);
    // Left behind by a crash: an unfinished copy, and a finished one whose segment is still live.
    let archive: PathBuf = dir().join("archive");
    disk.create(&archive.join("segment-000000000002.wbj.tmp"), 10).unwrap();
    disk.create(&archive.join("segment-000000000001.wbj"), 10).unwrap();
    let journal = open(&disk, &archiving(1 << 30)).unwrap();
    assert_eq!(read_all(&journal, ONE), before);
    for log in [ONE, TWO] {
        journal.trim(log, journal.head(log).seq).unwrap();
    }
    wait_for(&journal, "archiving", |stats| stats.segments == 1);
    assert_eq!(read_all(&journal, ONE), before);
    assert!(!disk.list(&archive).unwrap().iter().any(|(name, _)| name.ends_with(".tmp")));
}
