//! What can go wrong with bytes on disk, with the way out in each message. It refuses to retry anything.

use std::io;
use std::path::{Path, PathBuf};

/// Every way a store, a checkpoint file or a vault refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key above the limit; nothing was written.
    #[error("key of {len} bytes is too long: at most {max} bytes")]
    KeyTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// A value above the limit; nothing was written.
    #[error("value of {len} bytes is too large: at most {max} bytes")]
    ValueTooLarge {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// More physical rows in one commit than it may have; nothing was written.
    #[error(
        "a commit of {rows} physical rows is too large: at most {max}; put bulk data unsynced, then sync"
    )]
    TooManyRows {
        /// Physical rows asked for.
        rows: usize,
        /// The limit.
        max: usize,
    },
    /// More bytes in one commit than it may have; nothing was written.
    #[error("a commit of {bytes} bytes is too large: at most {max}; put bulk data unsynced, then sync")]
    TooManyBytes {
        /// Bytes of keys and values asked for.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// An earlier error left this handle unusable.
    #[error("the store is poisoned by an earlier failure: {cause}; stop, and open it anew to recover")]
    Poisoned {
        /// The first failure.
        cause: String,
    },
    /// Bytes on disk are not what was written.
    #[error("{path} is damaged: {what}; {way_out}")]
    Damaged {
        /// The file or directory.
        path: PathBuf,
        /// What was found.
        what: String,
        /// What the operator can do.
        way_out: &'static str,
    },
    /// Bytes of another format version.
    #[error(
        "{path} has format version {found}, this binary reads {supported}; start the binary that wrote it"
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The version this binary reads.
        supported: u32,
    },
    /// Another process, or another handle of this one (a poisoned one keeps its files until the process stops).
    #[error("{path} is in use by another process, or by a failed handle of this one; stop that first")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// The verb.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The engine below refused.
    #[error("the engine could not {doing}: {what}")]
    Engine {
        /// The verb.
        doing: &'static str,
        /// What it said.
        what: String,
    },
    /// No randomness from the operating system.
    #[error("the operating system gave no random bytes: {what}")]
    NoRandomness {
        /// What it said.
        what: String,
    },
    /// A key id that was never handed out.
    #[error(
        "key {id} is not in the vault, which has {keys} keys; these bytes were sealed with another vault"
    )]
    UnknownKey {
        /// The key asked for.
        id: u64,
        /// How many keys there are.
        keys: u64,
    },
    /// Sealed bytes that do not open with their key and this context.
    #[error("sealed bytes do not open: {what}")]
    NotSealedHere {
        /// What is wrong with them.
        what: &'static str,
    },
    /// Asked to seal with a key that was erased.
    #[error("key {id} was erased and can seal nothing more; take a new key")]
    KeyErased {
        /// The key.
        id: u64,
    },
}

/// The way out of a damaged store.
pub(crate) const RESTORE: &str =
    "stop, keep a copy of the directory, and restore it from a backup or from the checkpoint and the journal";

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { doing, path: path.to_path_buf(), source }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Error {
        Error::Damaged { path: path.to_path_buf(), what: what.into(), way_out: RESTORE }
    }
}

pub(crate) fn other_version(path: &Path, found: u32, supported: u32) -> Error {
    Error::OtherVersion { path: path.to_path_buf(), found, supported }
}
