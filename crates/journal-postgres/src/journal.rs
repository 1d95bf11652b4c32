//! The journal over the database: opens it, hands requests to the logs' tasks, and closes. Has a runtime of its own, so
//! that a busy process still renews its leases, and so that reading can block. Knows no statement.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};
use waybill_journal::{BoxFuture, Claim, Error, Frame, Head, Journal, LogId, LogStats, Stats};

use crate::fault::Fault;
use crate::log::Request;
use crate::pool::Pools;
use crate::shared::{Shared, answer};
use crate::{Options, frames, read, schema, tail, trim};

/// Threads that wait for the database. What they do between two waits is short.
const THREADS: usize = 2;

/// A journal, and all else that a cluster agrees through, in one schema of a database. Handles on the same schema may
/// be open in any number of processes.
///
/// Dropping it closes it at once: of what was queued and not answered the outcome is unknown, as after a crash.
pub struct PostgresJournal {
    pub(crate) shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl PostgresJournal {
    /// Opens the journal, and makes its tables where there are none. Blocks while the database is asked, for as long as
    /// [`Options::patience`] if it does not answer; never call it from an async task.
    ///
    /// # Errors
    /// [`Error::Options`] where a setting is out of range or the server refuses or is not safe; [`Error::Version`]
    /// where the tables are a newer binary's; [`Error::LostTail`] where a log ends before its expected head;
    /// [`Error::Engine`] where the database does not answer; [`Error::Io`] where threads cannot be started.
    pub fn open(options: Options) -> Result<Self, Error> {
        options.check()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("journal-postgres")
            .enable_all()
            .build()
            .map_err(|source| Error::Io { what: "start the journal's threads".into(), source })?;
        // Outside any runtime of the caller's, so that an async test may open one too.
        let (reply, opened) = std::sync::mpsc::sync_channel(1);
        let handle = runtime.handle().clone();
        runtime.spawn(async move { drop(reply.send(open(options, handle).await)) });
        let closed = || Error::Engine { what: "opening the journal ended without an answer".into() };
        match opened.recv().unwrap_or_else(|_| Err(closed())) {
            Ok(shared) => Ok(Self { shared, runtime: Some(runtime) }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// A random name that the schema was given when it was made; the same for every process of a cluster.
    pub fn cluster(&self) -> &str {
        self.shared.pools.cluster.get().map_or("", String::as_str)
    }

    /// Times since opening that it had to be found out whether a frame was stored.
    pub fn doubts(&self) -> u64 {
        self.shared.doubts.load(Ordering::Relaxed)
    }
}

async fn open(options: Options, runtime: tokio::runtime::Handle) -> Result<Arc<Shared>, Error> {
    let pools = Pools::new(&options)?;
    let cluster = schema::prepare(&pools, &options).await?;
    // Set once, here.
    let _ = pools.cluster.set(cluster);
    let shared = Arc::new(Shared::new(options, pools, runtime.clone()));
    let pool = &shared.pools.data;
    let trims = frames::trims(pool).await.map_err(Fault::into_error)?;
    let ids: Vec<LogId> = trims.iter().map(|(log, _)| *log).collect();
    for (id, trimmed) in &trims {
        shared.log(*id).trimmed(trimmed.through, trimmed.bytes);
    }
    for (id, end) in frames::ends(pool, &ids).await.map_err(Fault::into_error)? {
        shared.log(id).seen(&end);
    }
    for (log, expected) in shared.options.expected_heads.clone() {
        let found = shared.log(log).known().head.seq;
        if found < expected {
            return Err(Error::LostTail { log, expected, found });
        }
    }
    runtime.spawn(tail::run(Arc::clone(&shared)));
    runtime.spawn(trim::run(Arc::clone(&shared)));
    Ok(shared)
}

impl Drop for PostgresJournal {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.upkeep_wanted.notify_one();
        self.shared.pools.data.close();
        self.shared.pools.control.close();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Journal for PostgresJournal {
    fn claim(&self, log: LogId) -> BoxFuture<'_, Result<Claim, Error>> {
        let (reply, claimed) = oneshot::channel();
        // Fails only when the log's task is gone, and then the reply is too.
        let _ = self.shared.log(log).requests.send(Request::Claim { reply });
        Box::pin(answer(claimed))
    }

    fn ensure_room(&self, _: LogId) -> Result<(), Error> {
        if self.shared.room.is_full() {
            return Err(Error::Full { needed_bytes: self.shared.options.max_frame_bytes });
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
        if let Err(refusal) = waybill_journal::check_body(&body, self.shared.options.max_frame_bytes) {
            return Box::pin(std::future::ready(Err(refusal)));
        }
        let (reply, appended) = oneshot::channel();
        let _ = self.shared.log(log).requests.send(Request::Append { epoch, seq, body, reply });
        Box::pin(answer(appended))
    }

    fn head(&self, log: LogId) -> Head {
        self.shared.log(log).known().head
    }

    fn read(&self, log: LogId, from: u64, max_bytes: usize) -> Result<Vec<Frame>, Error> {
        let closed = || Error::Engine { what: "the journal was closed while a log was read".into() };
        let (reply, frames) = std::sync::mpsc::sync_channel(1);
        let shared = Arc::clone(&self.shared);
        let runtime = self.runtime.as_ref().ok_or_else(closed)?;
        runtime.spawn(async move { drop(reply.send(read::read(&shared, log, from, max_bytes).await)) });
        frames.recv().map_err(|_| closed())?
    }

    fn fetch(
        self: Arc<Self>,
        log: LogId,
        from: u64,
        max_bytes: usize,
    ) -> BoxFuture<'static, Result<Vec<Frame>, Error>> {
        let shared = Arc::clone(&self.shared);
        self.shared.run(async move { read::read(&shared, log, from, max_bytes).await })
    }

    fn watch(&self, log: LogId) -> watch::Receiver<u64> {
        self.shared.log(log).moved.subscribe()
    }

    fn trim(&self, log: LogId, through: u64) -> Result<(), Error> {
        let mut trims = self.shared.trims.lock();
        let wanted = trims.entry(log).or_insert(through);
        *wanted = through.max(*wanted);
        drop(trims);
        self.shared.upkeep_wanted.notify_one();
        Ok(())
    }

    fn stats(&self) -> Stats {
        let logs = self.shared.logs.lock();
        let mut stats = Stats {
            appends: self.shared.appends.load(Ordering::Relaxed),
            // Every frame is a commit of its own, which the server waits for.
            syncs: self.shared.appends.load(Ordering::Relaxed),
            upkeep_failures: self.shared.upkeep_failures.load(Ordering::Relaxed),
            ..Stats::default()
        };
        for (id, log) in logs.iter() {
            let known = log.known();
            if known.head.seq > 0 {
                let oldest = known.trimmed + 1;
                let bytes = known.total.saturating_sub(known.trimmed_bytes);
                let (trimmed, head) = (known.trimmed, known.head.seq);
                let entry = LogStats { oldest, oldest_live: oldest, trimmed, head, bytes, bytes_max: 0 };
                stats.logs.insert(*id, entry);
                stats.bytes_live += bytes;
            }
        }
        stats
    }

    /// Never: a failed append is resolved against the database, and another one may be made.
    fn is_poisoned(&self) -> bool {
        false
    }
}
