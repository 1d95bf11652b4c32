//! Files of decisions, one frame after the other, the oldest file dropped first. A file is written by one run of the
//! process: a new run begins a new one, so a torn end is never written over and only ends its file.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use waybill_types::exchange::AskedFor;
use waybill_types::{OrderId, Timestamp};

/// Bytes of one file.
const SEGMENT_BYTES: u64 = 8 << 20;
/// Length, check, order, attempt, time and network version before each payload.
const HEAD_BYTES: usize = 4 + 4 + 8 + 4 + 8 + 8;
/// No decision is longer.
const PAYLOAD_BYTES_MAX: u32 = 4 << 20;

/// Where a decision lies, and what is asked of it most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Which attempt of which order.
    pub(crate) asked_for: AskedFor,
    /// The time of the question.
    pub(crate) at: Timestamp,
    /// Version of the network it was made over.
    pub(crate) network: u64,
    segment: u64,
    offset: u64,
    len: u32,
    check: u32,
}

impl Entry {
    /// An entry that has no place yet.
    pub(super) fn new(asked_for: AskedFor, at: Timestamp, network: u64, payload: &[u8]) -> Self {
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        Self { asked_for, at, network, segment: 0, offset: 0, len, check: check(payload) }
    }

    /// Writes the frame.
    pub(super) fn frame(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.check.to_le_bytes());
        out.extend_from_slice(&self.asked_for.order.as_u64().to_le_bytes());
        out.extend_from_slice(&self.asked_for.attempt.to_le_bytes());
        out.extend_from_slice(&self.at.as_ms().to_le_bytes());
        out.extend_from_slice(&self.network.to_le_bytes());
        out.extend_from_slice(payload);
    }

    fn read(head: &[u8; HEAD_BYTES], segment: u64, offset: u64) -> Option<Self> {
        let word = |at: usize| Some(u32::from_le_bytes(head[at..at + 4].try_into().ok()?));
        let long = |at: usize| Some(u64::from_le_bytes(head[at..at + 8].try_into().ok()?));
        let asked_for = AskedFor { order: OrderId::from_u64(long(8)?), attempt: word(16)? };
        let at = Timestamp::from_ms(long(20)? as i64);
        let (len, check, network) = (word(0)?, word(4)?, long(28)?);
        (len <= PAYLOAD_BYTES_MAX).then_some(Self { asked_for, at, network, segment, offset, len, check })
    }

    fn frame_bytes(&self) -> u64 {
        HEAD_BYTES as u64 + u64::from(self.len)
    }
}

fn check(payload: &[u8]) -> u32 {
    let hash = blake3::hash(payload);
    u32::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1], hash.as_bytes()[2], hash.as_bytes()[3]])
}

struct Segment {
    number: u64,
    bytes: u64,
    entries: Vec<Entry>,
}

/// All files of a directory.
pub(super) struct Segments {
    dir: PathBuf,
    keep_bytes: u64,
    /// Oldest first.
    kept: VecDeque<Segment>,
    /// The file that is written, which is the last one kept.
    writes: Option<File>,
    next: u64,
}

impl Segments {
    pub(super) fn open(dir: &Path, keep_bytes: u64) -> io::Result<Self> {
        let mut numbers: Vec<u64> = Vec::new();
        for file in fs::read_dir(dir)? {
            let name = file?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("decisions-")?.strip_suffix(".log"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        let next = numbers.last().map_or(1, |last| last + 1);
        let kept = numbers.into_iter().map(|number| scan(dir, number)).collect::<io::Result<_>>()?;
        Ok(Self { dir: dir.to_owned(), keep_bytes, kept, writes: None, next })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The names of the files and how many bytes of each hold whole decisions.
    pub(super) fn files(&self) -> Vec<(String, u64)> {
        self.kept.iter().map(|segment| (name(segment.number), segment.bytes)).collect()
    }

    /// Oldest first.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.kept.iter().flat_map(|segment| &segment.entries)
    }

    /// Versions of networks that some decision was made over.
    pub(super) fn networks(&self) -> BTreeSet<u64> {
        self.entries().map(|entry| entry.network).collect()
    }

    /// Writes frames that lie one after the other in `bytes`. True when older decisions were dropped for them.
    pub(super) fn append(&mut self, bytes: &[u8], entries: Vec<Entry>) -> io::Result<bool> {
        if self.writes.is_none() || self.kept.back().is_none_or(|last| last.bytes >= SEGMENT_BYTES) {
            let path = path(&self.dir, self.next);
            self.writes = Some(File::options().create_new(true).append(true).open(path)?);
            self.kept.push_back(Segment { number: self.next, bytes: 0, entries: Vec::new() });
            self.next += 1;
        }
        let (Some(file), Some(segment)) = (&mut self.writes, self.kept.back_mut()) else { return Ok(false) };
        if let Err(error) = file.write_all(bytes) {
            // What was written of it is the end of this file.
            self.writes = None;
            return Err(error);
        }
        for mut entry in entries {
            (entry.segment, entry.offset) = (segment.number, segment.bytes);
            segment.bytes += entry.frame_bytes();
            segment.entries.push(entry);
        }
        self.drop_oldest()
    }

    fn drop_oldest(&mut self) -> io::Result<bool> {
        let mut sum: u64 = self.kept.iter().map(|segment| segment.bytes).sum();
        let mut dropped = false;
        while sum > self.keep_bytes && self.kept.len() > 1 {
            let Some(oldest) = self.kept.pop_front() else { break };
            fs::remove_file(path(&self.dir, oldest.number))?;
            sum -= oldest.bytes;
            dropped = true;
        }
        Ok(dropped)
    }

    /// The payload of an entry; `None` where its file is gone.
    pub(super) fn read(&self, entry: &Entry) -> io::Result<Option<Vec<u8>>> {
        if !self.kept.iter().any(|segment| segment.number == entry.segment) {
            return Ok(None);
        }
        let mut file = File::open(path(&self.dir, entry.segment))?;
        file.seek(SeekFrom::Start(entry.offset + HEAD_BYTES as u64))?;
        let mut payload = vec![0; entry.len as usize];
        file.read_exact(&mut payload)?;
        if check(&payload) != entry.check {
            return Err(io::Error::other("a kept decision is damaged on disk"));
        }
        Ok(Some(payload))
    }
}

fn name(number: u64) -> String {
    format!("decisions-{number:08}.log")
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(name(number))
}

/// Finds the frames of a file; a torn one ends it.
fn scan(dir: &Path, number: u64) -> io::Result<Segment> {
    let file = File::open(path(dir, number))?;
    let size = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let mut segment = Segment { number, bytes: 0, entries: Vec::new() };
    let mut head = [0u8; HEAD_BYTES];
    while segment.bytes + HEAD_BYTES as u64 <= size {
        reader.read_exact(&mut head)?;
        let entry = Entry::read(&head, number, segment.bytes);
        let Some(entry) = entry.filter(|entry| segment.bytes + entry.frame_bytes() <= size) else { break };
        reader.seek_relative(i64::from(entry.len))?;
        segment.bytes += entry.frame_bytes();
        segment.entries.push(entry);
    }
    Ok(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(order: u64, payload: &[u8]) -> Entry {
        let asked_for = AskedFor { order: OrderId::new(0, order), attempt: 1 };
        Entry::new(asked_for, Timestamp::from_ms(order as i64), order / 10, payload)
    }

    fn write(segments: &mut Segments, orders: std::ops::Range<u64>, payload: &[u8]) -> bool {
        let entries: Vec<Entry> = orders.map(|order| entry(order, payload)).collect();
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| entry.frame(payload, &mut bytes));
        segments.append(&bytes, entries).unwrap()
    }

    #[test]
    fn what_was_written_is_found_again_and_a_torn_end_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut segments = Segments::open(dir.path(), u64::MAX).unwrap();
        write(&mut segments, 0..3, b"first");
        drop(segments);
        let file = path(dir.path(), 1);
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        let mut segments = Segments::open(dir.path(), u64::MAX).unwrap();
        write(&mut segments, 7..8, b"second");
        let found: Vec<(u64, Vec<u8>)> = segments
            .entries()
            .map(|entry| (entry.asked_for.order.number(), segments.read(entry).unwrap().unwrap()))
            .collect();
        let expected = [(0, b"first".to_vec()), (1, b"first".to_vec()), (7, b"second".to_vec())];
        assert_eq!(found, expected);
    }

    #[test]
    fn damage_is_told_and_never_read() {
        let dir = tempfile::tempdir().unwrap();
        let mut segments = Segments::open(dir.path(), u64::MAX).unwrap();
        write(&mut segments, 0..1, b"payload");
        let file = path(dir.path(), 1);
        let mut bytes = fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&file, bytes).unwrap();
        let entry = segments.entries().next().unwrap();
        assert!(segments.read(entry).is_err());
    }

    #[test]
    fn the_oldest_file_goes_first_when_there_is_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let mut segments = Segments::open(dir.path(), 2 * SEGMENT_BYTES + (1 << 20)).unwrap();
        let payload = vec![7; 1 << 20];
        let dropped: Vec<bool> =
            (0..4).map(|round| write(&mut segments, round * 8..round * 8 + 8, &payload)).collect();
        assert_eq!(dropped, [false, false, true, true]);
        assert_eq!(segments.entries().next().unwrap().asked_for.order.number(), 16);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert_eq!(segments.networks(), BTreeSet::from([1, 2, 3]));
    }
}
