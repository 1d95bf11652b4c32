//! What the tasks of one journal share. Knows no statement but one about bases.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use waybill_journal::{BoxFuture, Error, LogId};

use crate::Options;
use crate::fault::Fault;
use crate::frames::{number, unsigned};
use crate::log::{Log, serve};
use crate::pool::Pools;

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) pools: Pools,
    pub(crate) room: Room,
    pub(crate) logs: Mutex<BTreeMap<LogId, Arc<Log>>>,
    /// Logs to trim, and how far at most.
    pub(crate) trims: Mutex<BTreeMap<LogId, u64>>,
    pub(crate) upkeep_wanted: Notify,
    pub(crate) closed: AtomicBool,
    pub(crate) appends: AtomicU64,
    pub(crate) appended_bytes: AtomicU64,
    /// Times that it had to be found out whether a frame was stored.
    pub(crate) doubts: AtomicU64,
    pub(crate) upkeep_failures: AtomicU64,
    runtime: Handle,
}

impl Shared {
    pub(crate) fn new(options: Options, pools: Pools, runtime: Handle) -> Self {
        Self {
            options,
            pools,
            room: Room::default(),
            logs: Mutex::default(),
            trims: Mutex::default(),
            upkeep_wanted: Notify::new(),
            closed: AtomicBool::new(false),
            appends: AtomicU64::new(0),
            appended_bytes: AtomicU64::new(0),
            doubts: AtomicU64::new(0),
            upkeep_failures: AtomicU64::new(0),
            runtime,
        }
    }

    /// The log, with its task running.
    pub(crate) fn log(self: &Arc<Self>, id: LogId) -> Arc<Log> {
        let mut logs = self.logs.lock();
        let log = logs.entry(id).or_insert_with(|| {
            let (log, queue) = Log::new(id);
            let log = Arc::new(log);
            self.runtime.spawn(serve(Arc::clone(self), Arc::clone(&log), queue));
            log
        });
        Arc::clone(log)
    }

    /// A sequence that the log must reach: what was seen, what was said at opening, and what the newest base stands at.
    pub(crate) async fn durable_at_least(&self, log: &Log) -> Result<u64, Fault> {
        let sql = "SELECT seq FROM bases WHERE log = $1 ORDER BY seq DESC LIMIT 1";
        let rows = self.pools.data.query_once(sql, &[&number(log.id)]).await?;
        let base = rows.first().map(|row| unsigned(row.try_get(0)?)).transpose()?.unwrap_or(0);
        Ok(base.max(log.known().head.seq).max(self.expected(log.id)))
    }

    pub(crate) fn expected(&self, log: LogId) -> u64 {
        let marks = self.options.expected_heads.iter().filter(|(id, _)| *id == log);
        marks.map(|(_, mark)| *mark).max().unwrap_or(0)
    }

    /// Runs on the journal's own threads, whoever waits for it and whether anybody does: a connection made here must not
    /// end with a runtime of the caller's.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Error>> {
        let (reply, done) = oneshot::channel();
        self.runtime.spawn(async move { drop(reply.send(work.await)) });
        Box::pin(answer(done))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

/// An answer that never comes means that the journal was closed in the middle.
pub(crate) async fn answer<T>(reply: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    let closed = || Error::Engine { what: "the journal was closed before the database answered".into() };
    reply.await.unwrap_or_else(|_| Err(closed()))
}

/// Whether the database's disk had room when it was last known.
#[derive(Default)]
pub(crate) struct Room {
    full: AtomicBool,
}

impl Room {
    pub(crate) fn ran_out(&self) {
        self.full.store(true, Ordering::Release);
    }

    pub(crate) fn found(&self) {
        self.full.store(false, Ordering::Release);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }
}
