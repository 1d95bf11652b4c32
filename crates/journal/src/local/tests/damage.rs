//! Damaged files: whatever bit flips and whichever file goes missing, the journal says so, or nothing is lost.

use std::path::PathBuf;
use std::sync::Arc;

use crate::conformance::read_all;
use crate::disk::{Chance, Disk, SimDisk, flip_bit};
use crate::local::format::{FRAME_HEADER_BYTES, FrameHeader};
use crate::local::segment::{SegmentFile, segment_name};
use crate::{Error, Frame, Journal, LogId, Options};

use super::helpers::{dir, fill, open, small, wait_for};

const ONE: LogId = LogId(1);
const TWO: LogId = LogId(2);

fn segment_path(id: u64) -> PathBuf {
    dir().join(segment_name(id))
}

/// A closed journal of about three segments, and what is in it.
async fn written(disk: &Arc<dyn Disk>) -> [Vec<Frame>; 2] {
    let journal = open(disk, &small()).unwrap();
    for _ in 0..3 {
        fill(&journal, ONE, 20, 2000).await;
        fill(&journal, TWO, 60, 700).await;
    }
    assert!(journal.stats().segments >= 2);
    let frames = [read_all(&journal, ONE), read_all(&journal, TWO)];
    journal.close().unwrap();
    frames
}

fn last_segment(disk: &Arc<dyn Disk>) -> u64 {
    let names = disk.list(dir()).unwrap();
    names.iter().filter(|(name, _)| name.starts_with("segment")).count() as u64
}

/// Offsets and headers of all frames of a segment.
fn frames_in(disk: &Arc<dyn Disk>, id: u64) -> Vec<(u64, FrameHeader)> {
    let (segment, _) = SegmentFile::open(&**disk, segment_path(id), id).unwrap();
    let mut window = segment.window(segment.segment_bytes, 1 << 20);
    let (mut at, mut frames) = (segment.frames_start, Vec::new());
    while let Some(header) = FrameHeader::decode(window.bytes(at, FRAME_HEADER_BYTES).unwrap(), segment.stamp)
    {
        frames.push((at, header));
        at += header.span();
    }
    frames
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_reported_or_changes_nothing() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1 << 30));
    let before = written(&disk).await;
    let mut chance = Chance::new(7);
    let (mut reported, mut harmless) = (0, 0);
    for round in 0..300 {
        let id = 1 + chance.below(last_segment(&disk));
        let end = frames_in(&disk, id).last().map(|(at, header)| at + header.span()).unwrap();
        let offset = chance.below(end);
        flip_bit(&*disk, &segment_path(id), offset).unwrap();
        match open(&disk, &small()) {
            Err(Error::Damaged { file, .. }) => {
                assert_eq!(file, segment_path(id), "round {round}");
                reported += 1;
            }
            Err(Error::Version { .. }) if (8..10).contains(&offset) => reported += 1,
            Err(other) => panic!("round {round}, segment {id}, offset {offset}: {other}"),
            Ok(journal) => {
                assert_eq!([read_all(&journal, ONE), read_all(&journal, TWO)], before, "round {round}");
                harmless += 1;
            }
        }
        // Closing seals again, so the next round starts from a whole journal.
        flip_bit(&*disk, &segment_path(id), offset).unwrap();
    }
    assert!(reported > 200, "only {reported} of 300 flips were reported, {harmless} were harmless");
}

#[tokio::test]
async fn a_flipped_bit_while_running_is_reported_by_the_reader() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1 << 30));
    written(&disk).await;
    let journal = open(&disk, &small()).unwrap();
    let whole = frames_in(&disk, 1);
    for (at, header) in whole.iter().filter(|(_, header)| header.body_bytes > 0).step_by(7) {
        for offset in [at + 20, at + FRAME_HEADER_BYTES as u64 + 5] {
            flip_bit(&*disk, &segment_path(1), offset).unwrap();
            let read = journal.read(header.log, header.seq, 1);
            assert!(matches!(read, Err(Error::Damaged { .. })), "offset {offset}: {read:?}");
            flip_bit(&*disk, &segment_path(1), offset).unwrap();
        }
        assert_eq!(journal.read(header.log, header.seq, 0).unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_frame_with_a_right_checksum_and_a_wrong_chain_is_reported() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1 << 30));
    written(&disk).await;
    let (segment, _) = SegmentFile::open(&*disk, segment_path(1), 1).unwrap();
    let (at, mut header) = frames_in(&disk, 1)[9];
    let journal = open(&disk, &small()).unwrap();
    header.hash[3] ^= 1;
    segment.file.write_at(&header.encode(segment.stamp), at).unwrap();
    let read = journal.read(header.log, header.seq, 1);
    assert!(matches!(read, Err(Error::BadChain { at }) if at == header.seq), "{read:?}");
    header.hash[3] ^= 1;
    header.seq += 1;
    segment.file.write_at(&header.encode(segment.stamp), at).unwrap();
    let read = journal.read(header.log, header.seq - 1, 1);
    assert!(matches!(read, Err(Error::Hole { at }) if at == header.seq - 1), "{read:?}");
    drop(journal);
    let reopened = open(&disk, &small()).err();
    assert!(matches!(reopened, Some(Error::Damaged { offset, .. }) if offset == at), "{reopened:?}");
}

#[tokio::test]
async fn a_tail_cut_between_frames_is_found_by_the_high_water_mark() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1 << 30));
    let before = written(&disk).await;
    let id = last_segment(&disk);
    let frames = frames_in(&disk, id);
    // The last frames are gone as if never written: nothing in the files can tell.
    let cut = frames[frames.len() - 4].0;
    let (segment, _) = SegmentFile::open(&*disk, segment_path(id), id).unwrap();
    segment.file.write_at(&vec![0; (segment.segment_bytes - cut) as usize], cut).unwrap();
    segment.file.sync().unwrap();
    let expected = before[1].len() as u64;
    let marked = Options { expected_heads: vec![(ONE, 1), (TWO, expected)], ..small() };
    for _ in 0..2 {
        let lost = open(&disk, &marked).err();
        let named = matches!(lost, Some(Error::LostTail { log: TWO, expected: mark, found })
            if mark == expected && found < mark);
        assert!(named, "{lost:?}");
    }
    let found = open(&disk, &small()).unwrap().head(TWO).seq;
    let reached = Options { expected_heads: vec![(TWO, found)], ..small() };
    open(&disk, &reached).expect("a mark that was reached");
}

#[tokio::test]
async fn missing_and_cut_files_are_named() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1 << 30));
    written(&disk).await;
    assert!(last_segment(&disk) >= 3);
    let middle = segment_path(2);
    disk.rename(&middle, &dir().join("elsewhere")).unwrap();
    let missing = open(&disk, &small()).err();
    assert!(matches!(&missing, Some(Error::Damaged { file, .. }) if *file == middle), "{missing:?}");
    // A file of the right name that is another segment.
    let (other, _) = SegmentFile::open(&*disk, segment_path(1), 1).unwrap();
    let copy = disk.create(&middle, other.segment_bytes).unwrap();
    let mut bytes = vec![0; other.segment_bytes as usize];
    other.file.read_at(&mut bytes, 0).unwrap();
    copy.write_at(&bytes, 0).unwrap();
    let wrong = open(&disk, &small()).err();
    assert!(matches!(&wrong, Some(Error::Damaged { file, .. }) if *file == middle), "{wrong:?}");
    // A file shorter than its header says.
    disk.remove(&middle).unwrap();
    let short = disk.create(&middle, 100_000).unwrap();
    let original = disk.open(&dir().join("elsewhere")).unwrap();
    let mut bytes = vec![0; 100_000];
    original.read_at(&mut bytes, 0).unwrap();
    short.write_at(&bytes, 0).unwrap();
    let cut = open(&disk, &small()).err();
    assert!(matches!(cut, Some(Error::Damaged { offset: 100_000, .. })), "{cut:?}");
}

#[tokio::test]
async fn files_of_a_newer_version_are_refused() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1 << 30));
    written(&disk).await;
    disk.open(&segment_path(1)).unwrap().write_at(&[9, 0], 8).unwrap();
    let newer = open(&disk, &small()).err();
    assert!(matches!(newer, Some(Error::Version { found: 9, supported: 1 })), "{newer:?}");
}

#[tokio::test]
async fn damage_in_the_archive_is_reported_and_does_not_stop_the_live_part() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1 << 30));
    let options = Options { archive: crate::ArchivePolicy { keep_bytes: 1 << 30 }, ..small() };
    let journal = open(&disk, &options).unwrap();
    let head = fill(&journal, ONE, 200, 2000).await;
    journal.trim(ONE, head.seq).unwrap();
    let stats = wait_for(&journal, "archiving", |stats| stats.segments == 1);
    let archived = dir().join("archive").join(segment_name(2));
    let bytes = disk.open(&archived).unwrap().len().unwrap();
    for offset in [0, 20, 6000, bytes / 2, bytes - 300, bytes - 20, bytes - 1] {
        flip_bit(&*disk, &archived, offset).unwrap();
        let mut next = 1;
        let damage = loop {
            match journal.read(ONE, next, 10_000) {
                Ok(frames) if frames.is_empty() => break None,
                Ok(frames) => next += frames.len() as u64,
                Err(error) => break Some(error),
            }
        };
        assert!(
            matches!(&damage, Some(Error::Damaged { file, .. }) if *file == archived),
            "{offset}: {damage:?}"
        );
        let live = stats.logs[&ONE].oldest_live;
        assert!(!journal.read(ONE, live, 1000).unwrap().is_empty());
        flip_bit(&*disk, &archived, offset).unwrap();
    }
}

#[tokio::test]
async fn stale_frames_of_a_recycled_segment_are_never_live() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1 << 30));
    let journal = open(&disk, &small()).unwrap();
    let mut last = 0;
    for _ in 0..12 {
        // Frames of one size, so that old and new ones stand at the same offsets.
        last = fill(&journal, ONE, 60, 2000).await.seq;
        journal.trim(ONE, last).unwrap();
        wait_for(&journal, "recycling", |stats| stats.segments == 1);
    }
    let stats = journal.stats();
    assert!(stats.segments_spare > 0, "segments are reused here: {stats:?}");
    let before = journal.read(ONE, stats.logs[&ONE].oldest, usize::MAX).unwrap();
    drop(journal);
    let journal = open(&disk, &small()).unwrap();
    assert_eq!(journal.head(ONE).seq, last);
    assert_eq!(journal.read(ONE, before[0].seq, usize::MAX).unwrap(), before);
}
