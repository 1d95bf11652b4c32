//! The local journal: one set of append files for all logs of a process, written by one thread. Its promises end at
//! this machine's disk; it refuses to know about other machines.

mod archive;
mod format;
mod index;
mod open;
mod read;
mod room;
mod scan;
mod segment;
mod shared;
#[cfg(test)]
mod tests;
mod upkeep;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use crate::disk::{DirLock, Disk, SystemDisk};
use crate::{BoxFuture, Claim, Error, Frame, Head, Journal, LogId, LogStats, Options, Stats};

use self::read::base_of;
use self::shared::{Request, Shared, lock};
use self::writer::Writer;

/// A journal in files of one directory, which it locks.
///
/// Dropping it closes it: what was queued is written and answered first, and the threads end.
pub struct LocalJournal {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    upkeep: Option<JoinHandle<()>>,
    /// Released last, when nothing writes any more.
    lock: Option<DirLock>,
}

impl LocalJournal {
    /// Opens the journal in `dir`, or begins one there. Blocks while live segments are read.
    ///
    /// # Errors
    /// [`Error::Locked`] while somebody else has it open; [`Error::LostTail`] if a log ends before its expected
    /// head; [`Error::Damaged`] if a file does not hold what was durable in it; [`Error::Version`],
    /// [`Error::Options`], [`Error::Full`], [`Error::Io`]. Nothing on disk is changed before the first three are
    /// ruled out.
    pub fn open(dir: &Path, options: Options) -> Result<Self, Error> {
        Self::open_on(Arc::new(SystemDisk), dir, options)
    }

    /// As [`LocalJournal::open`], on another disk: for tests and simulations.
    ///
    /// # Errors
    /// As [`LocalJournal::open`].
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path, options: Options) -> Result<Self, Error> {
        let opened = open::open(disk, dir, options)?;
        let shared = Arc::new(opened.shared);
        let writer = Writer::new(Arc::clone(&shared), opened.active, opened.end, &opened.ends);
        let mut journal = Self { shared, writer: None, upkeep: None, lock: Some(opened.lock) };
        let writing = Arc::clone(&journal.shared);
        let run = move || {
            // A panic is a bug, and what it left on disk is not known: the same end as a failed write, or callers
            // would wait for a writer that is gone.
            if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
                writing.abandon(&Error::Io {
                    what: "write the journal".into(),
                    source: std::io::Error::other("the writer panicked"),
                });
            }
        };
        journal.writer = Some(spawn("journal-writer", run)?);
        let shared = Arc::clone(&journal.shared);
        journal.upkeep = Some(spawn("journal-upkeep", move || upkeep::run(&shared))?);
        journal.shared.want_upkeep();
        Ok(journal)
    }

    /// Writes what is queued, seals the tail, ends the threads and releases the directory.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a write or sync failed, now or earlier.
    pub fn close(mut self) -> Result<(), Error> {
        self.shut();
        if self.is_poisoned() { Err(Error::Poisoned) } else { Ok(()) }
    }

    /// What failed, when the journal is poisoned.
    pub fn poison_cause(&self) -> Option<String> {
        lock(&self.shared.poison_cause).clone()
    }

    fn shut(&mut self) {
        let mut queue = lock(&self.shared.queue);
        queue.closed = true;
        queue.writer_waits = false;
        drop(queue);
        self.shared.queue_moved.notify_one();
        lock(&self.shared.upkeep).stop = true;
        self.shared.upkeep_wanted.notify_one();
        for thread in [self.writer.take(), self.upkeep.take()].into_iter().flatten() {
            // A thread that panicked has nothing more to say; its panic was reported by the hook.
            let _ = thread.join();
        }
        self.lock = None;
    }
}

impl Drop for LocalJournal {
    fn drop(&mut self) {
        self.shut();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(run).map_err(Error::io(format!("start the thread {name}")))
}

/// An answer that never comes means that the writer ended in the middle.
async fn answer<T>(reply: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    reply.await.unwrap_or(Err(Error::Poisoned))
}

impl Journal for LocalJournal {
    fn claim(&self, log: LogId) -> BoxFuture<'_, Result<Claim, Error>> {
        let (reply, claimed) = oneshot::channel();
        self.shared.submit(Request::Claim { log, reply });
        Box::pin(answer(claimed))
    }

    fn ensure_room(&self, log: LogId) -> Result<(), Error> {
        if self.is_poisoned() {
            return Err(Error::Poisoned);
        }
        // Others may reserve what was just made; going on ends when they have enough or the disk has no more.
        while !lock(&self.shared.room).reserve(log) {
            self.shared.add_spare_unless(|room| room.reserve(log))?;
        }
        Ok(())
    }

    fn append(
        &self,
        log: LogId,
        epoch: u64,
        seq: u64,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Head, Error>> {
        if let Err(refusal) = crate::journal::check_body(&body, self.shared.options.max_frame_bytes) {
            return Box::pin(std::future::ready(Err(refusal)));
        }
        let (reply, appended) = oneshot::channel();
        self.shared.submit(Request::Append { log, epoch, seq, body, reply });
        Box::pin(answer(appended))
    }

    fn head(&self, log: LogId) -> Head {
        lock(&self.shared.state).logs.get(&log).map_or(Head::EMPTY, |log| log.durable)
    }

    fn read(&self, log: LogId, from: u64, max_bytes: usize) -> Result<Vec<Frame>, Error> {
        read::read(&self.shared, log, from, max_bytes)
    }

    fn watch(&self, log: LogId) -> watch::Receiver<u64> {
        self.shared.with_log(log, |log| log.moved.subscribe())
    }

    fn trim(&self, log: LogId, through: u64) -> Result<(), Error> {
        if self.is_poisoned() {
            return Err(Error::Poisoned);
        }
        self.shared.with_log(log, |log| log.trimmed = log.trimmed.max(through.min(log.durable.seq)));
        self.shared.want_upkeep();
        Ok(())
    }

    fn stats(&self) -> Stats {
        let (spares, segment_bytes) =
            (lock(&self.shared.room).spares() as u64, self.shared.options.segment_bytes);
        let state = lock(&self.shared.state);
        let live_bytes: u64 = state.live.values().map(|live| live.segment.segment_bytes).sum();
        let first_bases = state.live.values().next().map(|live| &live.bases);
        let logs = state.logs.iter().filter(|(_, log)| log.durable.seq > 0).map(|(id, log)| {
            let entry = LogStats {
                oldest: base_of(&state.oldest_bases, *id) + 1,
                oldest_live: first_bases.map_or(0, |bases| base_of(bases, *id)) + 1,
                trimmed: log.trimmed,
                head: log.durable.seq,
                ..LogStats::default()
            };
            (*id, entry)
        });
        Stats {
            bytes_live: live_bytes + spares * segment_bytes,
            bytes_archived: state.archive.values().sum(),
            segments: state.live.len() as u64,
            segments_spare: spares,
            segments_archived: state.archive.len() as u64,
            appends: self.shared.appends.load(Ordering::Relaxed),
            syncs: self.shared.syncs.load(Ordering::Relaxed),
            upkeep_failures: self.shared.upkeep_failures.load(Ordering::Relaxed),
            logs: logs.collect(),
        }
    }

    fn is_poisoned(&self) -> bool {
        self.shared.is_poisoned()
    }
}
