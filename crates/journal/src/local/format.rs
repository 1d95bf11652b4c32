//! The bytes of a segment: its header and its frames, as `FORMAT.md` lays them out. Pure: no files, no state.

use std::collections::BTreeMap;

use crate::{Hash, Head, LogId};

/// Format written, and newest understood.
pub(crate) const VERSION: u16 = 1;
/// Frames and the first frame's offset stand on this boundary, in bytes.
pub(crate) const ALIGN: u64 = 8;
/// Bytes of a frame before its body.
pub(crate) const FRAME_HEADER_BYTES: usize = 56;
/// The header of a segment is padded to a multiple of this, so that appending never rewrites its sectors.
pub(crate) const SEGMENT_HEADER_ALIGN: usize = 4096;
/// Bytes of a segment header before its table.
pub(crate) const SEGMENT_PREFIX_BYTES: usize = 48;

const SEGMENT_MAGIC: &[u8; 8] = b"WAYBILLJ";
const BASE_BYTES: usize = 34;
/// 65,536 logs and some.
const SEGMENT_HEADER_BYTES_MAX: usize = 4 << 20;

/// Where each log stood when a segment began.
pub(crate) type Bases = BTreeMap<LogId, Head>;

/// What the header of a segment says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHeader {
    pub(crate) id: u64,
    /// Random per use of a file, so that frames of a file's former life are never taken for live ones.
    pub(crate) salt: u64,
    /// Bytes of the file, all preallocated.
    pub(crate) segment_bytes: u64,
    pub(crate) bases: Bases,
}

/// Why bytes are not a segment header.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum HeaderFault {
    NotASegment,
    Version(u16),
    Checksum,
}

impl SegmentHeader {
    /// Bytes of a header with room for so many logs.
    pub(crate) fn encoded_bytes(logs: usize) -> u64 {
        (SEGMENT_PREFIX_BYTES + logs * BASE_BYTES + 4).next_multiple_of(SEGMENT_HEADER_ALIGN) as u64
    }

    /// Offset of the first frame.
    pub(crate) fn frames_start(&self) -> u64 {
        Self::encoded_bytes(self.bases.len())
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp::new(self.id, self.salt)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let length = self.frames_start() as usize;
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(SEGMENT_MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&0u16.to_le_bytes());
        out.extend_from_slice(&(length as u32).to_le_bytes());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.salt.to_le_bytes());
        out.extend_from_slice(&self.segment_bytes.to_le_bytes());
        out.extend_from_slice(&(self.bases.len() as u32).to_le_bytes());
        out.extend_from_slice(&0u32.to_le_bytes());
        for (log, head) in &self.bases {
            out.extend_from_slice(&log.0.to_le_bytes());
            out.extend_from_slice(&head.seq.to_le_bytes());
            out.extend_from_slice(&head.epoch.to_le_bytes());
            out.extend_from_slice(&head.hash);
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.resize(length, 0);
        out
    }

    /// How many bytes the header takes, judged by its first [`SEGMENT_PREFIX_BYTES`].
    pub(crate) fn length_of(prefix: &[u8]) -> Result<usize, HeaderFault> {
        if prefix.len() < SEGMENT_PREFIX_BYTES || &prefix[..8] != SEGMENT_MAGIC {
            return Err(HeaderFault::NotASegment);
        }
        let version = u16_at(prefix, 8);
        if version != VERSION {
            return Err(HeaderFault::Version(version));
        }
        let length = u32_at(prefix, 12) as usize;
        if !(SEGMENT_HEADER_ALIGN..=SEGMENT_HEADER_BYTES_MAX).contains(&length) {
            return Err(HeaderFault::Checksum);
        }
        Ok(length)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let length = Self::length_of(bytes)?;
        let count = u32_at(bytes, 40) as usize;
        let table_end = SEGMENT_PREFIX_BYTES + count.saturating_mul(BASE_BYTES);
        if bytes.len() < length || table_end + 4 > length {
            return Err(HeaderFault::Checksum);
        }
        if crc32c::crc32c(&bytes[..table_end]) != u32_at(bytes, table_end) {
            return Err(HeaderFault::Checksum);
        }
        let bases = bytes[SEGMENT_PREFIX_BYTES..table_end].chunks_exact(BASE_BYTES).map(|entry| {
            let head = Head { seq: u64_at(entry, 2), epoch: u64_at(entry, 10), hash: hash_at(entry, 18) };
            (LogId(u16_at(entry, 0)), head)
        });
        let header = Self {
            id: u64_at(bytes, 16),
            salt: u64_at(bytes, 24),
            segment_bytes: u64_at(bytes, 32),
            bases: bases.collect(),
        };
        if header.frames_start() as usize != length {
            return Err(HeaderFault::Checksum);
        }
        Ok(header)
    }
}

/// What marks a frame as belonging to one use of one file.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    magic: u32,
    seed: u32,
}

impl Stamp {
    fn new(id: u64, salt: u64) -> Self {
        let seed = crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), &id.to_le_bytes());
        // Never zero, or untouched room would look like the start of a frame.
        Self { magic: salt as u32 | 1, seed }
    }

    pub(crate) fn magic(self) -> [u8; 4] {
        self.magic.to_le_bytes()
    }
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Data = 0,
    Claim = 1,
    /// Belongs to no log: shows that what stands before it was durable.
    Seal = 2,
}

/// Everything about a frame but its body.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct FrameHeader {
    pub(crate) kind: Kind,
    pub(crate) log: LogId,
    pub(crate) body_bytes: u32,
    /// Every byte of the segment before this offset was durable when the frame was written.
    pub(crate) durable_to: u32,
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    pub(crate) hash: Hash,
    pub(crate) body_crc: u32,
}

/// Bytes a frame with such a body takes, padding included.
pub(crate) fn frame_span(body_bytes: u64) -> u64 {
    (FRAME_HEADER_BYTES as u64 + body_bytes).next_multiple_of(ALIGN)
}

impl FrameHeader {
    pub(crate) fn span(&self) -> u64 {
        frame_span(u64::from(self.body_bytes))
    }

    pub(crate) fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash, epoch: self.epoch }
    }

    pub(crate) fn encode(&self, stamp: Stamp) -> [u8; FRAME_HEADER_BYTES] {
        let mut out = [0u8; FRAME_HEADER_BYTES];
        out[..4].copy_from_slice(&stamp.magic());
        out[4..8].copy_from_slice(&self.body_bytes.to_le_bytes());
        out[8..10].copy_from_slice(&self.log.0.to_le_bytes());
        out[10] = self.kind as u8;
        out[12..16].copy_from_slice(&self.durable_to.to_le_bytes());
        out[16..24].copy_from_slice(&self.seq.to_le_bytes());
        out[24..32].copy_from_slice(&self.epoch.to_le_bytes());
        out[32..48].copy_from_slice(&self.hash);
        out[48..52].copy_from_slice(&self.body_crc.to_le_bytes());
        let crc = crc32c::crc32c_append(stamp.seed, &out[..52]);
        out[52..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The header at the start of `bytes`, if a whole one of this stamp stands there.
    pub(crate) fn decode(bytes: &[u8], stamp: Stamp) -> Option<Self> {
        let bytes = bytes.get(..FRAME_HEADER_BYTES)?;
        if bytes[..4] != stamp.magic() || crc32c::crc32c_append(stamp.seed, &bytes[..52]) != u32_at(bytes, 52)
        {
            return None;
        }
        let kind = match bytes[10] {
            0 => Kind::Data,
            1 => Kind::Claim,
            2 => Kind::Seal,
            _ => return None,
        };
        Some(Self {
            kind,
            log: LogId(u16_at(bytes, 8)),
            body_bytes: u32_at(bytes, 4),
            durable_to: u32_at(bytes, 12),
            seq: u64_at(bytes, 16),
            epoch: u64_at(bytes, 24),
            hash: hash_at(bytes, 32),
            body_crc: u32_at(bytes, 48),
        })
    }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

pub(crate) fn hash_at(bytes: &[u8], at: usize) -> Hash {
    array_at(bytes, at)
}

/// The `N` bytes at `at`. Callers have checked the length.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(logs: u16) -> SegmentHeader {
        let bases = (0..logs).map(|log| {
            (LogId(log), Head { seq: u64::from(log) + 5, hash: [log as u8; 16], epoch: u64::from(log) * 2 })
        });
        SegmentHeader { id: 7, salt: 0x0123_4567_89ab_cdef, segment_bytes: 1 << 20, bases: bases.collect() }
    }

    #[test]
    fn segment_header_reads_back_with_none_and_with_many_logs() {
        for logs in [0, 1, 24, 119, 120, 5000] {
            let header = header(logs);
            let bytes = header.encode();
            assert_eq!(bytes.len() as u64, header.frames_start());
            assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
        }
    }

    #[test]
    fn every_flipped_bit_of_a_segment_header_is_noticed() {
        let good = header(3).encode();
        let used = SEGMENT_PREFIX_BYTES + 3 * BASE_BYTES + 4;
        for at in 0..used {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(SegmentHeader::decode(&bad).is_err(), "flip at {at}");
        }
    }

    #[test]
    fn newer_version_is_named() {
        let mut bytes = header(1).encode();
        bytes[8] = 2;
        assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderFault::Version(2)));
    }

    #[test]
    fn every_flipped_bit_of_a_frame_header_is_noticed_and_so_is_another_life() {
        let stamp = header(1).stamp();
        let frame = FrameHeader {
            kind: Kind::Data,
            log: LogId(3),
            body_bytes: 100,
            durable_to: 4096,
            seq: 9,
            epoch: 2,
            hash: [4; 16],
            body_crc: 77,
        };
        let good = frame.encode(stamp);
        assert_eq!(FrameHeader::decode(&good, stamp), Some(frame));
        for bit in 0..FRAME_HEADER_BYTES * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&bad, stamp), None, "flip of bit {bit}");
        }
        let mut later = header(1);
        later.id += 1;
        assert_eq!(FrameHeader::decode(&good, later.stamp()), None);
    }
}
