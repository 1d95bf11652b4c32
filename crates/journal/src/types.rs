//! The plain values every journal engine speaks: logs, frames, heads, claims, statistics. Knows no engine.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

/// A chained hash: the first 16 bytes of a blake3 digest.
pub type Hash = [u8; 16];

/// Names one log. There is one log per partition; the caller maps its partitions onto these numbers.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LogId(pub u16);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One entry of a log, as it was made durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Position in its log: 1 for the first frame, then dense.
    pub seq: u64,
    /// Epoch of the owner that wrote it.
    pub epoch: u64,
    /// The caller's bytes. Empty only in a claim frame.
    pub body: Bytes,
    /// [`chain_hash`] of the previous frame's hash and this frame's fields.
    pub hash: Hash,
}

impl Frame {
    /// True for the frame that [`crate::Journal::claim`] wrote: it fences earlier owners and carries nothing to
    /// apply. Its body is empty; no other frame has an empty body.
    pub fn is_claim(&self) -> bool {
        self.body.is_empty()
    }

    /// The head of a log that ends with this frame.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash, epoch: self.epoch }
    }
}

/// The end of a log.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Head {
    /// Sequence of the last frame; 0 when the log is empty.
    pub seq: u64,
    /// Hash of the last frame; zeros when the log is empty.
    pub hash: Hash,
    /// Epoch of the last frame; 0 when the log was never claimed.
    pub epoch: u64,
}

impl Head {
    /// The head of a log that has no frames.
    pub const EMPTY: Self = Self { seq: 0, hash: [0; 16], epoch: 0 };
}

/// The right to append to a log, until somebody else claims it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    pub log: LogId,
    /// Pass this to every append.
    pub epoch: u64,
    /// The log's end just after the claim frame: the next append goes to `head.seq + 1`.
    pub head: Head,
}

/// What a journal holds and has done since it was opened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Bytes on disk of live and spare segments, preallocated room included.
    pub bytes_live: u64,
    /// Bytes on disk of the archive.
    pub bytes_archived: u64,
    /// Live segments, the one being written included.
    pub segments: u64,
    /// Segments preallocated and waiting.
    pub segments_spare: u64,
    /// Segments in the archive.
    pub segments_archived: u64,
    /// Frames made durable since opening, claims included.
    pub appends: u64,
    /// Syncs of segment data since opening.
    pub syncs: u64,
    /// Times that moving a segment to the archive or preallocating one failed since opening.
    pub upkeep_failures: u64,
    /// One entry per log that has frames.
    pub logs: BTreeMap<LogId, LogStats>,
}

/// What a journal holds of one log.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct LogStats {
    /// Oldest sequence that can be read, live or archived; `head + 1` when nothing is left.
    pub oldest: u64,
    /// Oldest sequence in a live segment; `head + 1` when all of it is archived. A log whose `oldest_live` is
    /// far behind its head pins live segments until it is checkpointed and trimmed.
    pub oldest_live: u64,
    /// Everything up to here may be dropped from live segments; 0 when never trimmed since opening.
    pub trimmed: u64,
    /// Highest durable sequence.
    pub head: u64,
    /// Bytes that it takes, where the engine tells them apart by log; 0 where it does not.
    pub bytes: u64,
    /// Bytes that it may take, where the engine bounds a log; 0 where it does not.
    pub bytes_max: u64,
}

/// The hash of a frame: blake3 of previous hash (16 bytes), sequence and epoch (8 bytes each, little endian) and
/// body, cut to 16 bytes. Every engine uses this one, so a log can be compared between engines.
pub fn chain_hash(previous: &Hash, seq: u64, epoch: u64, body: &[u8]) -> Hash {
    let mut prefix = [0u8; 32];
    prefix[..16].copy_from_slice(previous);
    prefix[16..24].copy_from_slice(&seq.to_le_bytes());
    prefix[24..].copy_from_slice(&epoch.to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&prefix);
    hasher.update(body);
    let mut hash = [0u8; 16];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_hash_depends_on_every_field() {
        let base = chain_hash(&[0; 16], 1, 1, b"body");
        assert_ne!(base, chain_hash(&[1; 16], 1, 1, b"body"));
        assert_ne!(base, chain_hash(&[0; 16], 2, 1, b"body"));
        assert_ne!(base, chain_hash(&[0; 16], 1, 2, b"body"));
        assert_ne!(base, chain_hash(&[0; 16], 1, 1, b"bodz"));
        assert_eq!(base, chain_hash(&[0; 16], 1, 1, b"body"));
    }
}
