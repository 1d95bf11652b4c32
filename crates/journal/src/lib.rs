//! An ordered, durable, fenced log per partition behind one trait, and the local segmented append file.
//!
//! A journal keeps bytes in order and answers only when they are on disk. It refuses to know what the bytes
//! mean: no orders, no commands, no clock. The layout of the local files is in `FORMAT.md`.

pub mod arrival;
pub mod cluster;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance_cluster;
pub mod disk;
mod error;
mod journal;
mod local;
mod options;
mod types;

pub use error::Error;
pub use journal::{BoxFuture, Journal, check_body};
pub use local::LocalJournal;
pub use options::{ArchivePolicy, Options, SyncPolicy};
pub use types::{Claim, Frame, Hash, Head, LogId, LogStats, Stats, chain_hash};
