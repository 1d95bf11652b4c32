//! What the tests of the local journal share: small options, a disk in memory, plain ways to append and read.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::disk::Disk;
use crate::{ArchivePolicy, Error, Head, Journal, LocalJournal, LogId, Options, Stats};

pub(super) const MAX_FRAME: usize = 4096;

/// Segments so small that every test crosses their borders.
pub(super) fn small() -> Options {
    Options {
        segment_bytes: 128 << 10,
        max_frame_bytes: MAX_FRAME as u64,
        archive: ArchivePolicy { keep_bytes: 0 },
        ..Options::default()
    }
}

pub(super) fn dir() -> &'static Path {
    Path::new("journal")
}

pub(super) fn open(disk: &Arc<dyn Disk>, options: &Options) -> Result<LocalJournal, Error> {
    LocalJournal::open_on(Arc::clone(disk), dir(), options.clone())
}

/// A body that says where it belongs, of `length` bytes at least.
pub(super) fn body(log: LogId, seq: u64, length: usize) -> Bytes {
    let mut text = format!("{log}/{seq}/").into_bytes();
    text.resize(text.len().max(length), b'.');
    Bytes::from(text)
}

/// Claims the log and appends `count` frames of `length` bytes; answers the head.
pub(super) async fn fill(journal: &LocalJournal, log: LogId, count: u64, length: usize) -> Head {
    let claim = journal.claim(log).await.expect("claim");
    let mut head = claim.head;
    for _ in 0..count {
        let seq = head.seq + 1;
        head = journal.append(log, claim.epoch, seq, body(log, seq, length)).await.expect("append");
    }
    head
}

/// Waits, bounded, for background work to show in the statistics.
pub(super) fn wait_for(journal: &LocalJournal, what: &str, reached: impl Fn(&Stats) -> bool) -> Stats {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let stats = journal.stats();
        if reached(&stats) {
            return stats;
        }
        assert!(Instant::now() < deadline, "{what} did not come about: {stats:?}");
        std::thread::yield_now();
    }
}
