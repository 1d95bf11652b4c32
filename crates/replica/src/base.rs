//! A partition's state on its way between this process's rows and the engine: where a copy begins when it has no rows of
//! its own, and what lets the log be trimmed. It knows keys and values, and no machine's rows.

use crate::OpenError;
use crate::base_chunk::{Filling, rows_of};
use crate::carried::Routed;
use crate::checkpoint::{self, ColdRows, Marker, marker_key, store_key};
use crate::core::Core;
use crate::handle::{Role, Status};
use crate::metrics as names;
use crate::partition::Stand;
use crate::recovery::{self, RecoveryError};
use crate::saver::{Saver, SaverOf};
use crate::seat::Seat;
use bytes::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Semaphore;
use waybill_journal::cluster::{Base, BaseWriter, Engine, base_hash};
use waybill_journal::{Frame, Hash, Head, Journal, LogId, LogStats};
use waybill_machine::{Cold, ScanOrder};
use waybill_store::{Op, Order, Store};
use waybill_types::PartitionId;

const PAGE: usize = 512;

/// The state of this process's rows; where there are none, or the log no longer reaches back to them, those of the
/// engine's newest base are taken first.
///
/// # Errors
/// Damage, rows of another journal, an engine that does not answer.
pub(crate) async fn open<M: Routed>(seat: &mut Seat<M>) -> Result<Stand<M>, OpenError> {
    let (partition, target) = (seat.place.id, seat.place.target.clone());
    let log = LogId(partition.number());
    let (store, journal) = (Arc::clone(&target.store), Arc::clone(&target.journal));
    // What was found not to be what the owner has is not begun with again.
    let distrusted = seat.place.status.compare.begin_copy();
    let usable = blocking(partition, move || {
        if distrusted {
            return Ok(None);
        }
        let marker = recovery::marker(&*store, partition)?;
        match marker {
            Some(marker) if reaches(&*journal, &marker)? => Ok(Some(marker)),
            Some(_) | None => Ok(None),
        }
    });
    let marker = match usable.await? {
        Some(marker) => Some(marker),
        None => {
            // Whoever reads the store as it stood at a cut finds out that it stands there no more.
            seat.place.status.replaced.fetch_add(1, Ordering::SeqCst);
            take(seat.cluster.engine(), &target.store, partition, log).await?
        }
    };
    let (layout, ttl) = (seat.layout, seat.place.limits.request_ttl_ms);
    let store = Arc::clone(&target.store);
    let core = blocking(partition, move || {
        let cold = Arc::new(ColdRows { store, partition });
        let open = || Core::<M>::open(partition, layout, Some(cold), ttl);
        catch_unwind(AssertUnwindSafe(open))
            .map_err(|panic| RecoveryError::panicked(partition, &*panic).into())
    });
    let saver = Saver::new(SaverOf {
        partition,
        target,
        limits: seat.place.limits.clone(),
        checkpoints: Arc::clone(&seat.checkpoints),
        status: Arc::clone(&seat.place.status),
        internal: seat.place.internal.clone(),
    });
    let (sequence, hash) = marker.map_or((0, [0; 16]), |marker| (marker.sequence, marker.hash));
    Ok(Stand { core: core.await?, sequence, hash, saver })
}

pub(crate) async fn blocking<T: Send + 'static>(
    partition: PartitionId,
    job: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    match tokio::task::spawn_blocking(job).await {
        Ok(done) => done,
        Err(error) => Err(RecoveryError::Panicked { partition, what: error.to_string() }.into()),
    }
}

/// True when the log goes on from these rows; false when it was trimmed beyond them.
fn reaches(journal: &dyn Journal, marker: &Marker) -> Result<bool, OpenError> {
    let (partition, sequence) = (marker.partition, marker.sequence);
    match journal.read(LogId(partition.number()), sequence, 1) {
        Ok(frames) => match frames.first() {
            Some(frame) if frame.seq == sequence && frame.hash == marker.hash => Ok(true),
            // The log ends before these rows: what they hold beyond it was never acknowledged by this log.
            Some(_) | None => Err(RecoveryError::ForeignCheckpoint { partition, sequence }.into()),
        },
        Err(waybill_journal::Error::Trimmed { oldest }) => Ok(oldest == sequence + 1),
        Err(error) => Err(error.into()),
    }
}

/// Puts the newest whole base in place of whatever rows are here; `None` where the engine has none and the log begins at
/// its beginning.
pub(crate) async fn take(
    engine: &Arc<dyn Engine>,
    store: &Arc<dyn Store>,
    partition: PartitionId,
    log: LogId,
) -> Result<Option<Marker>, OpenError> {
    clear(Arc::clone(store), partition).await?;
    let mut refused = None;
    for base in engine.bases(log).await? {
        match put(engine, store, partition, &base).await {
            Ok(marker) => return Ok(Some(marker)),
            Err(error) => {
                tracing::warn!(%partition, sequence = base.at.seq, %error, "a base cannot be taken; trying the one before");
                clear(Arc::clone(store), partition).await?;
                refused = Some(error);
            }
        }
    }
    match refused {
        Some(error) => Err(error),
        None => Ok(None),
    }
}

async fn put(
    engine: &Arc<dyn Engine>,
    store: &Arc<dyn Store>,
    partition: PartitionId,
    base: &Base,
) -> Result<Marker, OpenError> {
    let mut so_far: Hash = [0; 16];
    for number in 0..base.chunks {
        let bytes = engine.base_chunk(base, number).await?;
        so_far = base_hash(&so_far, number, &bytes);
        let store = Arc::clone(store);
        blocking(partition, move || {
            let put = |(key, value): (Vec<u8>, Vec<u8>)| Op::Put { key: store_key(partition, &key), value };
            Ok(store.put_unsynced(&mut rows_of(&bytes)?.into_iter().map(put))?)
        })
        .await?;
    }
    if so_far != base.hash {
        let what = "its chunks do not give its hash".to_owned();
        return Err(waybill_journal::Error::Base { log: base.log, seq: base.at.seq, what }.into());
    }
    let marker = Marker { partition, sequence: base.at.seq, hash: base.at.hash };
    let (kept, store) = (marker.clone(), Arc::clone(store));
    blocking(partition, move || Ok(checkpoint::stand_at(&*store, &kept)?)).await?;
    Ok(marker)
}

/// Removes every row of a partition, its marker first.
async fn clear(store: Arc<dyn Store>, partition: PartitionId) -> Result<(), OpenError> {
    blocking(partition, move || {
        if store.get(&marker_key(partition))?.is_some() {
            store.commit(&[Op::Delete { key: marker_key(partition) }])?;
        }
        let (lower, upper) = bounds(partition);
        loop {
            let page = store.scan(&lower, &upper, Order::Ascending, PAGE)?;
            if page.is_empty() {
                return Ok(store.sync()?);
            }
            store.put_unsynced(&mut page.into_iter().map(|(key, _)| Op::Delete { key }))?;
        }
    })
    .await
}

fn bounds(partition: PartitionId) -> (Vec<u8>, Vec<u8>) {
    let mut upper = partition.number().to_be_bytes().to_vec();
    upper.extend_from_slice(&[0xff; 8]);
    (partition.number().to_be_bytes().to_vec(), upper)
}

/// Puts the rows of a partition, as they stand at their marker, into the engine. No checkpoint may run meanwhile. Answers
/// with the bytes; `None` where there is nothing newer than what the engine has.
///
/// # Errors
/// An engine that does not answer or refuses.
pub(crate) async fn give(
    engine: &Arc<dyn Engine>,
    store: &Arc<dyn Store>,
    partition: PartitionId,
) -> Result<Option<u64>, OpenError> {
    let log = LogId(partition.number());
    let (rows, journal) = (Arc::clone(store), Arc::clone(engine));
    let stands = blocking(partition, move || {
        let Some(marker) = recovery::marker(&*rows, partition)? else { return Ok(None) };
        let frames = journal.read(log, marker.sequence, 1)?;
        let at = frames.first().filter(|frame| frame.seq == marker.sequence).map(Frame::head);
        Ok(at.filter(|at| at.hash == marker.hash))
    });
    let Some(at) = stands.await? else { return Ok(None) };
    if engine.bases(log).await?.first().is_some_and(|newest| newest.at.seq >= at.seq) {
        return Ok(None);
    }
    let rows: Arc<dyn Cold> = Arc::new(ColdRows { store: Arc::clone(store), partition });
    let Some(written) = write(engine, partition, at, &rows).await? else { return Ok(None) };
    // A copy that is made anew removes its marker before its rows: these may have gone while they were read.
    let rows = Arc::clone(store);
    let marker = blocking(partition, move || Ok(recovery::marker(&*rows, partition)?)).await?;
    if marker.is_none_or(|marker| (marker.sequence, marker.hash) != (at.seq, at.hash)) {
        return Ok(None);
    }
    written.writer.finish().await?;
    Ok(Some(written.size.bytes))
}

/// A base that is written and that nobody sees before it is finished.
pub(crate) struct Written {
    pub(crate) writer: Box<dyn BaseWriter>,
    pub(crate) size: Size,
}

/// Writes a base at frame `at` from rows that stand still, all but its end; `None` where there are no rows at all.
///
/// # Errors
/// An engine that does not answer or refuses.
pub(crate) async fn write(
    engine: &Arc<dyn Engine>,
    partition: PartitionId,
    at: Head,
    rows: &Arc<dyn Cold>,
) -> Result<Option<Written>, OpenError> {
    let mut writer = engine.begin_base(LogId(partition.number()), at).await?;
    let mut lower = AFTER_MARKER.to_vec();
    let (mut size, mut filling) = (Size::default(), Filling::default());
    loop {
        let (rows, from) = (Arc::clone(rows), lower.clone());
        let page = blocking(partition, move || {
            let scan = || rows.scan(&from, &END, ScanOrder::Ascending, PAGE);
            catch_unwind(AssertUnwindSafe(scan))
                .map_err(|panic| RecoveryError::panicked(partition, &*panic).into())
        });
        let page = page.await?;
        let Some((last, _)) = page.last() else { break };
        lower = [last.as_slice(), &[0]].concat();
        size.add(&page);
        for row in page {
            if let Some(chunk) = filling.add(row) {
                writer.chunk(Bytes::from(chunk)).await?;
            }
        }
    }
    match filling.take() {
        Some(chunk) => writer.chunk(Bytes::from(chunk)).await?,
        None => return Ok(None),
    }
    Ok(Some(Written { writer, size }))
}

/// How much a state is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: u64,
    /// Of keys, without the partition's number, and values.
    pub(crate) bytes: u64,
}

impl Size {
    fn add(&mut self, rows: &[(Vec<u8>, Vec<u8>)]) {
        self.rows += rows.len() as u64;
        self.bytes += rows.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
    }

    /// Of all rows. Blocks.
    pub(crate) fn of(rows: &dyn Cold) -> Self {
        let (mut size, mut lower) = (Self::default(), AFTER_MARKER.to_vec());
        loop {
            let page = rows.scan(&lower, &END, ScanOrder::Ascending, PAGE);
            let Some((last, _)) = page.last() else { return size };
            lower = [last.as_slice(), &[0]].concat();
            size.add(&page);
        }
    }
}

/// Where the rows of tables begin: prefix 0 is the marker's, which belongs to the store that it stands in.
const AFTER_MARKER: [u8; 1] = [1];
/// Beyond every row of a partition.
const END: [u8; 8] = [0xff; 8];

/// Frames after which an owner gives the engine a new base.
const FRAMES: u64 = 20_000;
/// How often it looks.
const LOOK: Duration = Duration::from_secs(5);

/// Gives the engine a new base of each partition that is owned here, now and then, so that the log can be trimmed and a
/// process without rows has somewhere to begin; and tells how far logs have grown beyond their bases. Runs until the
/// partitions are gone.
pub(crate) async fn keep(
    engine: Arc<dyn Engine>,
    store: Arc<dyn Store>,
    checkpoints: Arc<Semaphore>,
    partitions: Vec<(PartitionId, Weak<Status>)>,
) {
    loop {
        tokio::time::sleep(LOOK).await;
        for (partition, status) in &partitions {
            let Some(status) = status.upgrade() else { return };
            if status.role() != Role::Owner {
                // Whoever owns it tells.
                tell(*partition, 0, LogStats::default());
                continue;
            }
            let Some(since) = measure(&engine, *partition).await else { continue };
            let checkpoint = status.checkpoint.load(Ordering::Relaxed);
            if checkpoint < since + FRAMES {
                continue;
            }
            // Rows must stand still at their marker.
            let Ok(still) = Arc::clone(&checkpoints).acquire_owned().await else { return };
            match give(&engine, &store, *partition).await {
                Ok(bytes) => tracing::info!(%partition, checkpoint, ?bytes, "gave the engine a base"),
                Err(error) => {
                    metrics::counter!(names::BASE_FAILURES, "partition" => partition.to_string())
                        .increment(1);
                    tracing::warn!(%partition, %error, "the engine has no new base");
                }
            }
            drop(still);
        }
    }
}

/// Tells how far a log has grown; answers where its newest base stands.
async fn measure(engine: &Arc<dyn Engine>, partition: PartitionId) -> Option<u64> {
    let log = LogId(partition.number());
    let base = match engine.bases(log).await {
        Ok(bases) => bases.first().map_or(0, |base| base.at.seq),
        Err(error) => {
            tracing::warn!(%partition, %error, "the engine does not say where its bases stand");
            return None;
        }
    };
    let stats = engine.stats();
    let known = stats.logs.get(&log).copied().unwrap_or_default();
    tell(partition, known.head.saturating_sub(base), known);
    Some(base)
}

fn tell(partition: PartitionId, since_base: u64, log: LogStats) {
    let label = partition.to_string();
    metrics::gauge!(names::FRAMES_SINCE_BASE, "partition" => label.clone()).set(since_base as f64);
    metrics::gauge!(names::LOG_BYTES, "partition" => label.clone()).set(log.bytes as f64);
    metrics::gauge!(names::LOG_BYTES_MAX, "partition" => label).set(log.bytes_max as f64);
}
