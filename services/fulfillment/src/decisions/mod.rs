//! Decisions on disk, beside the journal and not in it: who asks for a plan never waits for this, and what it holds can
//! be lost without anything else being lost. It keeps what [`Record`] says, the networks that were planned over, and as
//! many bytes as it may.

mod segment;
mod snapshot;

pub(crate) use segment::Entry;

use crate::metrics as names;
use crate::mirror::NetworkView;
use parking_lot::Mutex;
use segment::Segments;
use snapshot::Snapshots;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::time::Duration;
use waybill_sourcing::decision::Record;
use waybill_sourcing::{Availability, Network, PolicyVersion, Proof};
use waybill_types::OrderId;
use waybill_types::exchange::{Plan, PlanRequest};

/// Decisions that wait to be written may take so many bytes; later ones are not kept, and counted.
const WAITING_BYTES_MAX: usize = 8 << 20;
/// How often what waits is written.
const PAUSE: Duration = Duration::from_millis(200);

/// The decisions of one process. Cheap to clone.
#[derive(Clone)]
pub struct DecisionLog(Arc<Inner>);

struct Inner {
    waiting: Mutex<Waiting>,
    files: Mutex<Files>,
    /// Nothing is ever sent: the writer learns that the log is gone when this is.
    _open: Sender<Infallible>,
}

/// What is not written yet.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The networks that the entries were planned over, by version.
    views: BTreeMap<u64, Arc<NetworkView>>,
}

struct Files {
    segments: Segments,
    snapshots: Snapshots,
}

/// The network and the policy that a decision was made over.
#[derive(Clone)]
pub(crate) struct Then {
    pub(crate) network: Network,
    pub(crate) policy: PolicyVersion,
}

impl DecisionLog {
    /// Opens or creates the directory, which is kept below `keep_bytes` of decisions.
    pub(crate) fn open(dir: &Path, keep_bytes: u64) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let files = Files { segments: Segments::open(dir, keep_bytes)?, snapshots: Snapshots::open(dir) };
        let (open, gone) = std::sync::mpsc::channel();
        let inner = Inner { waiting: Mutex::default(), files: Mutex::new(files), _open: open };
        let log = Self(Arc::new(inner));
        let weak = Arc::downgrade(&log.0);
        std::thread::Builder::new().name("decisions".into()).spawn(move || write_until_gone(&weak, &gone))?;
        Ok(log)
    }

    /// Keeps a decision that an order asked for. Takes microseconds and never waits for the disk.
    pub(crate) fn keep(
        &self,
        view: &Arc<NetworkView>,
        stock: &dyn Availability,
        request: &PlanRequest,
        (plan, proof): (&Plan, Option<Proof>),
    ) {
        let Some(record) = Record::of(&view.network, stock, request, plan) else { return };
        let record = record.with_proof(proof);
        let payload = waybill_machine::record::encode(&record);
        let network = view.network.version();
        let entry = Entry::new(record.asked_for, record.now, network, &payload);
        let mut waiting = self.0.waiting.lock();
        if waiting.bytes.len() > WAITING_BYTES_MAX {
            metrics::counter!(names::DECISIONS_DROPPED).increment(1);
            return;
        }
        metrics::counter!(names::DECISIONS_KEPT).increment(1);
        entry.frame(&payload, &mut waiting.bytes);
        waiting.entries.push(entry);
        waiting.views.entry(network).or_insert_with(|| Arc::clone(view));
    }

    /// A kept decision and what it was made over; `attempt` 0 is the last one.
    pub(crate) fn get(&self, order: OrderId, attempt: u32) -> io::Result<Option<(Record, Then)>> {
        let Some(entry) = self.find(order, attempt)? else { return Ok(None) };
        self.read(&entry)
    }

    /// Copies all that is kept by now into a directory, which is made, and answers how many bytes that are. Decisions go on
    /// being kept meanwhile; what is dropped for them before it is copied is missing in the copy.
    ///
    /// # Errors
    /// A disk that cannot be read or written.
    pub fn copy_to(&self, target: &Path) -> io::Result<u64> {
        self.0.flush()?;
        let (dir, files) = {
            let files = self.0.files.lock();
            (files.segments.dir().to_owned(), files.segments.files())
        };
        std::fs::create_dir_all(target)?;
        // A file of decisions only grows, and a network is written once: their beginnings stay as they are now.
        let networks = snapshot::files(&dir)?.into_iter().map(|name| (name, u64::MAX));
        let mut copied = 0;
        for (name, bytes) in files.into_iter().chain(networks) {
            let from = match File::open(dir.join(&name)) {
                Ok(from) => from,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let mut to = File::options().create_new(true).write(true).open(target.join(&name))?;
            copied += io::copy(&mut from.take(bytes), &mut to)?;
            to.sync_all()?;
        }
        File::open(target)?.sync_all()?;
        Ok(copied)
    }

    fn find(&self, order: OrderId, attempt: u32) -> io::Result<Option<Entry>> {
        self.0.flush()?;
        let files = self.0.files.lock();
        let of_order = files.segments.entries().filter(|entry| entry.asked_for.order == order);
        let fits = of_order.filter(|entry| attempt == 0 || entry.asked_for.attempt == attempt);
        // The same attempt may be planned again after a restart: the last answer counts.
        Ok(fits.max_by_key(|entry| entry.asked_for.attempt).cloned())
    }

    /// Decisions of questions from `from_ms` until before `until_ms`, in the order they were made.
    pub(crate) fn between(&self, from_ms: i64, until_ms: i64) -> io::Result<Vec<Entry>> {
        self.0.flush()?;
        let files = self.0.files.lock();
        let within = |entry: &&Entry| (from_ms..until_ms).contains(&entry.at.as_ms());
        Ok(files.segments.entries().filter(within).cloned().collect())
    }

    /// Reads one; `None` where it has gone meanwhile, or its network has.
    pub(crate) fn read(&self, entry: &Entry) -> io::Result<Option<(Record, Then)>> {
        let mut files = self.0.files.lock();
        let Some(payload) = files.segments.read(entry)? else { return Ok(None) };
        let Ok(record) = waybill_machine::record::decode::<Record>(&payload) else {
            return Err(io::Error::other("a kept decision cannot be read; it may be of a newer version"));
        };
        let then = files.snapshots.load(entry.network)?;
        Ok(then.map(|then| (record, then)))
    }
}

impl Inner {
    /// Writes what waits.
    fn flush(&self) -> io::Result<()> {
        let mut files = self.files.lock();
        let waiting = std::mem::take(&mut *self.waiting.lock());
        if waiting.entries.is_empty() {
            return Ok(());
        }
        let Files { segments, snapshots } = &mut *files;
        for view in waiting.views.values() {
            snapshots.keep(view)?;
        }
        let gone = segments.append(&waiting.bytes, waiting.entries)?;
        if gone {
            snapshots.drop_unused(&segments.networks());
        }
        Ok(())
    }
}

/// Decisions are worth no failed plan: what cannot be written is told and forgotten.
fn write_until_gone(inner: &Weak<Inner>, gone: &Receiver<Infallible>) {
    while let Err(RecvTimeoutError::Timeout) = gone.recv_timeout(PAUSE) {
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = inner.flush() {
            tracing::warn!(%error, "decisions could not be written");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::warn!(%error, "the last decisions could not be written");
        }
    }
}
