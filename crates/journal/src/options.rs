//! Settings of the local journal, with their ranges. Knows no configuration file.

use crate::{Error, Head, LogId};

/// How a local journal is laid out and kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of one segment file, preallocated. Default 64 MiB; at least two largest frames, at most 1 GiB.
    pub segment_bytes: u64,
    /// Largest frame body in bytes. Default 8 MiB, at least 1.
    pub max_frame_bytes: u64,
    /// What becomes of segments behind every log's trim.
    pub archive: ArchivePolicy,
    /// When written frames are synced.
    pub sync: SyncPolicy,
    /// High-water marks kept elsewhere (a checkpoint, a subscriber): opening fails with
    /// [`Error::LostTail`] if a log ends before its mark.
    pub expected_heads: Vec<(LogId, u64)>,
    /// Where logs go on in a journal that is begun by this opening, such as one restored from a copy: their next
    /// sequence is one above, chained to the hash given. Without meaning for a journal that exists.
    pub begin_at: Vec<(LogId, Head)>,
}

/// What becomes of segments that are behind every log's trim.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ArchivePolicy {
    /// Bytes of archived segments to keep, oldest dropped first. Default 1 GiB; 0 keeps no archive.
    pub keep_bytes: u64,
}

/// When written frames are synced.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum SyncPolicy {
    /// Before the append answers. The only policy under which an answer means anything.
    Always,
    /// Never. Exists to show that the power-cut tests can fail, and for nothing else.
    Never,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_frame_bytes: 8 << 20,
            archive: ArchivePolicy { keep_bytes: 1 << 30 },
            sync: SyncPolicy::Always,
            expected_heads: Vec::new(),
            begin_at: Vec::new(),
        }
    }
}

impl Options {
    /// Room kept for the header when checking that frames fit: enough for about 1,900 logs.
    const HEADER_ALLOWANCE_BYTES: u64 = 64 << 10;

    /// # Errors
    /// [`Error::Options`] naming the setting that is out of range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |what: String| Err(Error::Options { what });
        if self.max_frame_bytes == 0 || self.max_frame_bytes > 256 << 20 {
            return refuse(format!("max_frame_bytes is {}, allowed are 1 to 256 MiB", self.max_frame_bytes));
        }
        let least = 2 * (self.max_frame_bytes + 64) + Self::HEADER_ALLOWANCE_BYTES;
        if self.segment_bytes < least || self.segment_bytes > 1 << 30 {
            return refuse(format!(
                "segment_bytes is {}, allowed are {least} (two largest frames and the header) to 1 GiB",
                self.segment_bytes
            ));
        }
        Ok(())
    }
}
