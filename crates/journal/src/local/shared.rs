//! What the handle, the writer thread and the upkeep thread of one journal share. Holds state, decides nothing.
//!
//! Locks, none held while another is taken, except `allocating`, which may be held around `room`.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use crate::disk::Disk;
use crate::{Claim, Error, Head, LogId, Options};

use super::format::{Bases, frame_span};
use super::index::SegmentIndex;
use super::room::Room;
use super::segment::{SegmentFile, Spare, spare_name};

pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) state: Mutex<State>,
    pub(crate) room: Mutex<Room<Spare>>,
    pub(crate) queue: Mutex<Queue>,
    pub(crate) queue_moved: Condvar,
    pub(crate) upkeep: Mutex<UpkeepRequest>,
    pub(crate) upkeep_wanted: Condvar,
    /// Number of the next spare file; held while one is made, so that two threads do not both make one.
    pub(crate) allocating: Mutex<u64>,
    pub(crate) poison_cause: Mutex<Option<String>>,
    pub(crate) poisoned: AtomicBool,
    pub(crate) appends: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) upkeep_failures: AtomicU64,
}

/// What is durable and where.
pub(crate) struct State {
    pub(crate) logs: HashMap<LogId, LogState>,
    /// Live segments by id, without gaps; the last is the active one.
    pub(crate) live: BTreeMap<u64, LiveSegment>,
    /// Archived segments by id, with their bytes.
    pub(crate) archive: BTreeMap<u64, u64>,
    /// Where each log stood before the oldest segment that can be read, archived or live.
    pub(crate) oldest_bases: Arc<Bases>,
}

pub(crate) struct LogState {
    pub(crate) durable: Head,
    pub(crate) trimmed: u64,
    pub(crate) moved: watch::Sender<u64>,
}

pub(crate) struct LiveSegment {
    pub(crate) segment: Arc<SegmentFile>,
    pub(crate) bases: Arc<Bases>,
    pub(crate) index: SegmentIndex,
    /// Offset after the last durable frame.
    pub(crate) end: u64,
    /// As found when opened: everything before it had been synced when the last frame was written.
    pub(crate) durable_to: u64,
}

#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) requests: Vec<Request>,
    /// True while the writer waits for requests and has to be woken.
    pub(crate) writer_waits: bool,
    pub(crate) closed: bool,
}

#[derive(Default)]
pub(crate) struct UpkeepRequest {
    pub(crate) wanted: bool,
    pub(crate) stop: bool,
}

/// What the writer is asked to do.
pub(crate) enum Request {
    Append { log: LogId, epoch: u64, seq: u64, body: Bytes, reply: oneshot::Sender<Result<Head, Error>> },
    Claim { log: LogId, reply: oneshot::Sender<Result<Claim, Error>> },
}

impl Request {
    pub(crate) fn refuse(self, error: Error) {
        // Nobody listening is fine: the caller dropped its future.
        match self {
            Self::Append { reply, .. } => drop(reply.send(Err(error))),
            Self::Claim { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

/// A panic elsewhere does not make the data behind a lock unusable: every change under a lock here is whole before
/// anything that can panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn archive_dir(&self) -> PathBuf {
        archive_dir(&self.dir)
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// Stops all appends through this handle, for good.
    pub(crate) fn poison(&self, cause: &Error) {
        let mut first = lock(&self.poison_cause);
        if first.is_none() {
            *first = Some(with_sources(cause));
        }
        self.poisoned.store(true, Ordering::Release);
    }

    /// Poisons, and refuses everybody whose request nobody will serve any more.
    pub(crate) fn abandon(&self, cause: &Error) {
        let mut queue = lock(&self.queue);
        self.poison(cause);
        let waiting = std::mem::take(&mut queue.requests);
        drop(queue);
        for request in waiting {
            request.refuse(Error::Poisoned);
        }
    }

    /// The log's state, made if it has none.
    pub(crate) fn with_log<T>(&self, log: LogId, act: impl FnOnce(&mut LogState) -> T) -> T {
        act(lock(&self.state).logs.entry(log).or_default())
    }

    /// Puts a request into the writer's queue, or hands it back with the reason.
    pub(crate) fn submit(&self, request: Request) {
        let mut queue = lock(&self.queue);
        if queue.closed || self.is_poisoned() {
            let error = if self.is_poisoned() { Error::Poisoned } else { Error::Closed };
            drop(queue);
            return request.refuse(error);
        }
        queue.requests.push(request);
        let wake = std::mem::take(&mut queue.writer_waits);
        drop(queue);
        if wake {
            self.queue_moved.notify_one();
        }
    }

    pub(crate) fn want_upkeep(&self) {
        lock(&self.upkeep).wanted = true;
        self.upkeep_wanted.notify_one();
    }

    /// Bytes a frame of the largest size takes.
    pub(crate) fn slot_bytes(&self) -> u64 {
        frame_span(self.options.max_frame_bytes)
    }

    pub(crate) fn full(&self) -> Error {
        Error::Full { needed_bytes: self.slot_bytes() }
    }

    /// Preallocates one more segment and adds it to the room, unless `enough` of the room already.
    ///
    /// # Errors
    /// [`Error::Full`] when the disk has no room; [`Error::Io`].
    pub(crate) fn add_spare_unless(&self, enough: impl Fn(&mut Room<Spare>) -> bool) -> Result<(), Error> {
        let mut next = lock(&self.allocating);
        if enough(&mut lock(&self.room)) {
            return Ok(());
        }
        let path = self.dir.join(spare_name(*next));
        *next += 1;
        let made = self.disk.create(&path, self.options.segment_bytes).and_then(|file| {
            file.sync()?;
            self.disk.sync_dir(&self.dir)
        });
        match made {
            Ok(()) => {
                lock(&self.room).add_spare(Spare { path });
                Ok(())
            }
            Err(error) => {
                // Whatever was made of it is not offered; a next open would remove or use it.
                let _ = self.disk.remove(&path);
                let full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
                let failed = Error::io(format!("preallocate {}", path.display()));
                Err(if full { self.full() } else { failed(error) })
            }
        }
    }
}

impl Default for LogState {
    fn default() -> Self {
        Self::at(Head::EMPTY)
    }
}

impl LogState {
    pub(crate) fn at(durable: Head) -> Self {
        Self { durable, trimmed: 0, moved: watch::Sender::new(durable.seq) }
    }
}

pub(crate) fn archive_dir(dir: &Path) -> PathBuf {
    dir.join("archive")
}

fn with_sources(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
