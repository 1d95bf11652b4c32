//! Everything a journal can refuse or report. Knows no transport and no status code.

use std::path::PathBuf;

use crate::LogId;

/// Why a journal did not do what was asked.
///
/// Only [`Error::Io`], [`Error::Engine`] and [`Error::Poisoned`] leave it unknown whether a frame was stored; every other
/// answer to an append means that nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No room for another frame of the largest size. Nothing was written; ask again after trimming or after
    /// making room on the disk.
    #[error(
        "no room for a frame of {needed_bytes} bytes on the journal's disk: free space or trim, then retry"
    )]
    Full { needed_bytes: u64 },
    /// The epoch is not the current one: somebody else claimed the log.
    #[error(
        "this owner was deposed: the log's current epoch is {current_epoch}; claim the log to write again"
    )]
    Fenced { current_epoch: u64 },
    /// The append does not continue the log.
    #[error("append at sequence {got}, but the log continues at {expected}")]
    Sequence { expected: u64, got: u64 },
    /// The body is larger than the journal accepts.
    #[error("frame body of {bytes} bytes, the most is {max}: split the batch")]
    TooLarge { bytes: u64, max: u64 },
    /// The body is empty, which only a claim frame may be.
    #[error("frame body is empty: only a claim frame may be, append nothing instead")]
    Empty,
    /// A write or sync failed earlier, so what is on disk is not known. Close the journal and open it again.
    #[error("the journal stopped after a failed write or sync: restart to recover from what is on disk")]
    Poisoned,
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
    /// The position was trimmed and is no longer in the archive. `oldest` can be read.
    #[error("the position asked for was trimmed: the oldest that can be read is {oldest}")]
    Trimmed { oldest: u64 },
    /// A sequence number is missing between frames that exist.
    #[error("sequence {at} is missing from the log: stop, and restore from a checkpoint or a replica")]
    Hole { at: u64 },
    /// A frame does not continue the chain of hashes.
    #[error(
        "frame {at} does not continue the chain of hashes: stop, and restore from a checkpoint or a replica"
    )]
    BadChain { at: u64 },
    /// A file does not hold what was written to it.
    #[error("journal file {} is damaged at offset {offset}: {what}", file.display())]
    Damaged { file: PathBuf, offset: u64, what: String },
    /// The log ends before a position known to have been durable.
    #[error(
        "log {log} ends at {found} but was durable up to {expected}: its tail was lost, restore before serving"
    )]
    LostTail { log: LogId, expected: u64, found: u64 },
    /// Another process, or another handle of this one, has the directory open.
    #[error("{} is held by another process: stop it, or use another data directory", path.display())]
    Locked { path: PathBuf },
    /// The files were written by a newer version.
    #[error("journal format {found} is newer than {supported}, the newest known here: use a newer binary")]
    Version { found: u16, supported: u16 },
    /// The options contradict each other or are out of range.
    #[error("journal options: {what}")]
    Options { what: String },
    /// The engine behind the journal did not answer in time or refused; what was asked may have been done all the
    /// same. Ask again.
    #[error("the journal's engine: {what}")]
    Engine { what: String },
    /// A base does not hold what was written to it, is gone, or may not stand where it was put.
    #[error("the base of log {log} at sequence {seq}: {what}")]
    Base { log: LogId, seq: u64, what: String },
    /// The vault never handed out this key.
    #[error("the vault has no key {number}: it was given {keys}")]
    NoKey { number: u64, keys: u64 },
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
