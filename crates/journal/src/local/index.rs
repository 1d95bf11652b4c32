//! Where the frames of each log stand in one segment: a sparse index. Pure: no files.

use std::collections::BTreeMap;

use crate::{Hash, LogId};

use super::format::{hash_at, u16_at, u32_at, u64_at};

/// A mark is set every so many bytes of a log's own frames: reading starts at a mark and skips from there.
const STRIDE_BYTES: u64 = 16 << 10;
const RANGE_BYTES: usize = 22;
const MARK_BYTES: usize = 28;

/// The index of one segment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct SegmentIndex {
    pub(crate) logs: BTreeMap<LogId, LogRange>,
}

/// The frames of one log in one segment: `first..=last`, without gaps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LogRange {
    pub(crate) first: u64,
    pub(crate) last: u64,
    marks: Vec<Mark>,
    since_mark_bytes: u64,
}

/// A place to start reading a log from.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mark {
    pub(crate) seq: u64,
    /// Offset of that frame in the segment.
    pub(crate) offset: u32,
    /// Hash of the frame before it.
    pub(crate) previous: Hash,
}

impl SegmentIndex {
    /// Notes a frame, in the order of the file.
    pub(crate) fn note(&mut self, log: LogId, mark: Mark, span: u64) {
        let range = self.logs.entry(log).or_insert_with(|| LogRange {
            first: mark.seq,
            last: mark.seq,
            marks: Vec::new(),
            since_mark_bytes: STRIDE_BYTES,
        });
        range.last = mark.seq;
        if range.since_mark_bytes >= STRIDE_BYTES {
            range.marks.push(mark);
            range.since_mark_bytes = 0;
        }
        range.since_mark_bytes += span;
    }

    /// The nearest mark at or before `seq`, if the segment holds that frame of the log.
    pub(crate) fn find(&self, log: LogId, seq: u64) -> Option<Mark> {
        let range = self.logs.get(&log)?;
        if seq < range.first || seq > range.last {
            return None;
        }
        let after = range.marks.partition_point(|mark| mark.seq <= seq);
        range.marks.get(after.checked_sub(1)?).copied()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&(self.logs.len() as u32).to_le_bytes());
        for (log, range) in &self.logs {
            out.extend_from_slice(&log.0.to_le_bytes());
            out.extend_from_slice(&range.first.to_le_bytes());
            out.extend_from_slice(&range.last.to_le_bytes());
            out.extend_from_slice(&(range.marks.len() as u32).to_le_bytes());
            for mark in &range.marks {
                out.extend_from_slice(&mark.seq.to_le_bytes());
                out.extend_from_slice(&mark.offset.to_le_bytes());
                out.extend_from_slice(&mark.previous);
            }
        }
        out
    }

    /// The index in `bytes`; `None` if they are not one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.get(4..)?;
        let mut index = Self::default();
        for _ in 0..u32_at(bytes, 0) {
            let (range, marks) = rest.split_at_checked(RANGE_BYTES)?;
            let (marks, after) = marks.split_at_checked(u32_at(range, 18) as usize * MARK_BYTES)?;
            let marks = marks.chunks_exact(MARK_BYTES).map(|mark| Mark {
                seq: u64_at(mark, 0),
                offset: u32_at(mark, 8),
                previous: hash_at(mark, 12),
            });
            let entry = LogRange {
                first: u64_at(range, 2),
                last: u64_at(range, 10),
                marks: marks.collect(),
                since_mark_bytes: 0,
            };
            index.logs.insert(LogId(u16_at(range, 0)), entry);
            rest = after;
        }
        rest.is_empty().then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index_of(frames: u64, span: u64) -> SegmentIndex {
        let mut index = SegmentIndex::default();
        for seq in 1..=frames {
            for log in 0..3 {
                let offset = ((seq * 3 + u64::from(log)) * span) as u32;
                index.note(LogId(log), Mark { seq, offset, previous: [seq as u8; 16] }, span);
            }
        }
        index
    }

    #[test]
    fn finds_the_nearest_mark_at_or_before_a_frame() {
        let index = index_of(1000, 1024);
        for seq in 1..=1000 {
            let mark = index.find(LogId(1), seq).unwrap();
            assert!(mark.seq <= seq && seq - mark.seq < 16, "mark {} for {seq}", mark.seq);
            assert_eq!(mark.offset, ((mark.seq * 3 + 1) * 1024) as u32);
        }
        assert_eq!(index.find(LogId(1), 0), None);
        assert_eq!(index.find(LogId(1), 1001), None);
        assert_eq!(index.find(LogId(9), 1), None);
    }

    #[test]
    fn reads_back_and_refuses_cut_bytes() {
        let index = index_of(100, 5000);
        let bytes = index.encode();
        let back = SegmentIndex::decode(&bytes).unwrap();
        for seq in 1..=100 {
            assert_eq!(back.find(LogId(2), seq), index.find(LogId(2), seq));
        }
        for cut in [0, 3, 5, bytes.len() / 2, bytes.len() - 1] {
            assert_eq!(SegmentIndex::decode(&bytes[..cut]), None, "cut at {cut}");
        }
    }
}
