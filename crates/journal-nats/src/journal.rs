//! The journal over the streams: opens it, hands requests to the logs' tasks, and closes. Has a runtime of its own, so
//! that a busy process still renews its leases, and so that reading can block. Knows no message.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};
use waybill_journal::{BoxFuture, Claim, Error, Frame, Head, Journal, LogId, LogStats, Stats};

use crate::log::Request;
use crate::options::Options;
use crate::shared::Shared;
use crate::slot::end_of;
use crate::wire::Wire;
use crate::{follow, read, servers, streams, trim, wire};

/// Threads that wait for the servers. What they do between two waits is short.
const THREADS: usize = 2;

/// A journal, and all else that a cluster agrees through, in streams under one name. Handles on the same name may be
/// open in any number of processes.
///
/// Dropping it closes it at once: of what was queued and not answered the outcome is unknown, as after a crash.
pub struct NatsJournal {
    pub(crate) shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

/// How full one log's stream is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    pub log: LogId,
    /// Bytes in the stream when it was last looked at, with what was appended since.
    pub bytes: u64,
    /// Its `max_bytes`. At this the log takes nothing more: alarm well before.
    pub bytes_max: u64,
}

/// The handle was dropped while something was on its way.
pub(crate) fn closed() -> Error {
    Error::Engine { what: "the journal was closed while this was on its way".into() }
}

impl NatsJournal {
    /// Opens the journal, and makes the streams that all logs share where there are none. Blocks while the servers are
    /// asked, for as long as [`Options::patience`] if they do not answer; never call it from an async task.
    ///
    /// # Errors
    /// [`Error::Options`] where a setting is out of range, or a server or stream is not as it must be;
    /// [`Error::LostTail`] where a log ends before its expected head; [`Error::Hole`], [`Error::BadChain`] where the last
    /// frame of a log is damaged; [`Error::Full`] where the servers have no room for the streams; [`Error::Engine`]
    /// where no server answers; [`Error::Io`] where threads cannot be started.
    pub fn open(options: Options) -> Result<Self, Error> {
        options.check()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("journal-nats")
            .enable_all()
            .build()
            .map_err(|source| Error::Io { what: "start the journal's threads".into(), source })?;
        // Outside any runtime of the caller's, so that an async test may open one too.
        let (reply, opened) = std::sync::mpsc::sync_channel(1);
        let handle = runtime.handle().clone();
        runtime.spawn(async move { drop(reply.send(open(options, handle).await)) });
        match opened.recv() {
            Ok(Ok(shared)) => Ok(Self { shared, runtime: Some(runtime) }),
            Ok(Err(error)) => {
                runtime.shutdown_background();
                Err(error)
            }
            Err(_) => Err(closed()),
        }
    }

    /// How full the streams of logs are that this handle knows.
    pub fn room(&self) -> Vec<Room> {
        let logs = self.shared.logs.lock();
        let room = |(log, entry): (&LogId, &Arc<crate::log::Log>)| {
            let known = entry.known();
            Room { log: *log, bytes: known.bytes, bytes_max: known.bytes_max }
        };
        logs.iter().map(room).filter(|room| room.bytes_max > 0).collect()
    }

    /// Times since opening that it had to be found out whether a frame was stored.
    pub fn doubts(&self) -> u64 {
        self.shared.doubts.load(Ordering::Relaxed)
    }

    /// Requests that wait for an answer now. Stays small however long the servers are away.
    pub fn pending(&self) -> usize {
        self.shared.wire.pending()
    }

    /// Runs on the journal's own threads.
    pub(crate) fn run<T, F>(&self, begin: impl FnOnce(Arc<Shared>) -> F) -> BoxFuture<'_, Result<T, Error>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let running = self.shared.runtime().spawn(begin(Arc::clone(&self.shared)));
        Box::pin(async move { running.await.unwrap_or_else(|_| Err(closed())) })
    }
}

#[derive(Deserialize)]
struct StreamNames {
    #[serde(default)]
    streams: Option<Vec<String>>,
    #[serde(default)]
    total: usize,
}

async fn open(options: Options, runtime: tokio::runtime::Handle) -> Result<Arc<Shared>, Error> {
    servers::check_sync(&options).await?;
    let waiting = Arc::default();
    let client = wire::connect(&options, &options.access, &waiting).await?;
    servers::check_connected(&client, &options)?;
    let wire = Wire::new(client, waiting, options.answer_within).await?;
    let shared = Arc::new(Shared::new(options, wire, runtime.clone()));
    let mut patience = shared.patience("find the journal's streams");
    for config in [streams::tables_config, streams::bases_config, streams::keys_config] {
        let wanted = config(&shared.options, &shared.names);
        streams::ensure(&shared.wire, &wanted, &mut patience).await?;
    }
    for id in existing_logs(&shared).await? {
        learn(&shared, id).await?;
    }
    for (log, expected) in shared.options.expected_heads.clone() {
        let found = shared.log(log).known().head.seq;
        if found < expected {
            return Err(Error::LostTail { log, expected, found });
        }
    }
    runtime.spawn(trim::run(Arc::clone(&shared)));
    Ok(shared)
}

/// Logs that have a stream, asked for in pages.
pub(crate) async fn existing_logs(shared: &Shared) -> Result<Vec<LogId>, Error> {
    let (subject, mut patience) = (shared.names.log_subjects(), shared.patience("list the logs"));
    let (mut found, mut offset) = (Vec::new(), 0);
    loop {
        let asked = json!({ "subject": subject, "offset": offset });
        match shared.wire.query::<StreamNames>("STREAM.NAMES", &asked, patience.left()).await {
            Ok(page) => {
                let names = page.streams.unwrap_or_default();
                offset += names.len();
                found.extend(names.iter().filter_map(|name| shared.names.log_of(name)));
                if names.is_empty() || offset >= page.total {
                    return Ok(found);
                }
            }
            Err(fault) => patience.again(&fault).await?,
        }
    }
}

/// Learns where a log ends, and that its stream is as it must be.
async fn learn(shared: &Arc<Shared>, id: LogId) -> Result<(), Error> {
    let (log, mut patience) = (shared.log(id), shared.patience("learn where the log ends"));
    let wanted = streams::log_config(&shared.options, &shared.names, id);
    streams::ensure(&shared.wire, &wanted, &mut patience).await?;
    loop {
        match end_of(shared, &log, patience.left()).await {
            Ok(end) => {
                log.seen(end.map_or(Head::EMPTY, |end| end.frame.head()));
                return Ok(());
            }
            Err(fail) => patience.mend(fail).await?,
        }
    }
}

impl Drop for NatsJournal {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.upkeep_wanted.notify_one();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An answer that never comes means that the handle was dropped meanwhile.
async fn answer<T>(reply: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    reply.await.unwrap_or_else(|_| Err(closed()))
}

impl Journal for NatsJournal {
    fn claim(&self, log: LogId) -> BoxFuture<'_, Result<Claim, Error>> {
        let (reply, claimed) = oneshot::channel();
        // Fails only when the log's task is gone, and then the reply is too.
        let _ = self.shared.log(log).requests.send(Request::Claim { reply });
        Box::pin(answer(claimed))
    }

    fn ensure_room(&self, log: LogId) -> Result<(), Error> {
        if self.shared.log(log).known().is_full {
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
        let (reply, frames) = std::sync::mpsc::sync_channel(1);
        let (shared, log) = (Arc::clone(&self.shared), self.shared.log(log));
        let reading = async move { drop(reply.send(read::read(&shared, &log, from, max_bytes).await)) };
        self.shared.runtime().spawn(reading);
        frames.recv().map_err(|_| closed())?
    }

    fn fetch(
        self: Arc<Self>,
        log: LogId,
        from: u64,
        max_bytes: usize,
    ) -> BoxFuture<'static, Result<Vec<Frame>, Error>> {
        let (shared, log) = (Arc::clone(&self.shared), self.shared.log(log));
        let reading = async move { read::read(&shared, &log, from, max_bytes).await };
        let reading = self.shared.runtime().spawn(reading);
        Box::pin(async move { reading.await.unwrap_or_else(|_| Err(closed())) })
    }

    fn watch(&self, log: LogId) -> watch::Receiver<u64> {
        let log = self.shared.log(log);
        let seen = log.moved.subscribe();
        follow::begin(&self.shared, &log);
        seen
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
        let appends = self.shared.appends.load(Ordering::Relaxed);
        let mut stats = Stats {
            appends,
            // Every frame is synced by itself, by the servers.
            syncs: appends,
            upkeep_failures: self.shared.upkeep_failures.load(Ordering::Relaxed),
            ..Stats::default()
        };
        for (id, log) in self.shared.logs.lock().iter() {
            let known = log.known();
            if known.head.seq > 0 {
                let oldest = known.first.max(1);
                let (trimmed, head) = (known.trimmed, known.head.seq);
                let (bytes, bytes_max) = (known.bytes, known.bytes_max);
                let entry = LogStats { oldest, oldest_live: oldest, trimmed, head, bytes, bytes_max };
                stats.logs.insert(*id, entry);
                stats.bytes_live += known.bytes;
            }
        }
        stats
    }

    /// Never: a failed append is resolved against the stream, and another one may be made.
    fn is_poisoned(&self) -> bool {
        false
    }
}
