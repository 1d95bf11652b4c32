//! From rows and journal back to state: the rows of the last checkpoint, then every frame after it, applied again.

use crate::checkpoint::{ColdRows, Marker, marker_key};
use crate::core::Core;
use crate::entry::Body;
use std::sync::Arc;
use waybill_journal::{Frame, Journal, LogId};
use waybill_machine::Machine;
use waybill_machine::record::decode;
use waybill_store::Store;
use waybill_types::{Layout, PartitionId};

/// Why a partition's state cannot be rebuilt. Nothing ever starts empty or short instead.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The journal failed.
    #[error("{partition}: {error}")]
    Journal {
        /// Which partition.
        partition: PartitionId,
        /// What the journal said.
        error: waybill_journal::Error,
    },
    /// The store failed.
    #[error("{partition}: {error}")]
    Store {
        /// Which partition.
        partition: PartitionId,
        /// What the store said.
        error: waybill_store::Error,
    },
    /// Bytes of a newer version, or damaged ones.
    #[error("{partition}, frame {sequence}: {error}")]
    Undecodable {
        /// Which partition.
        partition: PartitionId,
        /// Which frame.
        sequence: u64,
        /// What the decoder said.
        error: waybill_machine::Undecodable,
    },
    /// The frame was written by a newer binary.
    #[error(
        "{partition}, frame {sequence} is of version {found}, this binary reads up to {}; start a newer one",
        Body::VERSION
    )]
    Newer {
        /// Which partition.
        partition: PartitionId,
        /// Which frame.
        sequence: u64,
        /// Its version.
        found: u8,
    },
    /// The store's rows belong to another journal.
    #[error(
        "{partition}: the checkpoint at frame {sequence} is not of this journal (hashes differ); restore both from one backup"
    )]
    ForeignCheckpoint {
        /// Which partition.
        partition: PartitionId,
        /// The checkpoint's frame.
        sequence: u64,
    },
    /// A panic while applying: our bug, or a store that could not answer.
    #[error("{partition}: applying the journal failed: {what}")]
    Panicked {
        /// Which partition.
        partition: PartitionId,
        /// The panic's message.
        what: String,
    },
}

impl RecoveryError {
    /// What a caught panic said.
    pub(crate) fn panicked(partition: PartitionId, panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().cloned();
        let what = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default();
        Self::Panicked { partition, what }
    }
}

/// The marker of a partition's rows, if it was ever checkpointed.
pub(crate) fn marker(store: &dyn Store, partition: PartitionId) -> Result<Option<Marker>, RecoveryError> {
    let bytes =
        store.get(&marker_key(partition)).map_err(|error| RecoveryError::Store { partition, error })?;
    bytes.map(|bytes| decode(&bytes)).transpose().map_err(|error| RecoveryError::Undecodable {
        partition,
        sequence: 0,
        error,
    })
}

const READ_BYTES: usize = 4 << 20;

/// Rebuilds one partition's state up to the journal's durable end. Blocks.
pub(crate) fn rebuild<M: Machine>(
    partition: PartitionId,
    layout: Layout,
    store: &Arc<dyn Store>,
    journal: &dyn Journal,
    request_ttl_ms: i64,
) -> Result<(Core<M>, u64), RecoveryError> {
    let guarded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        rebuild_unguarded(partition, layout, store, journal, request_ttl_ms)
    }));
    guarded.unwrap_or_else(|panic| Err(RecoveryError::panicked(partition, &*panic)))
}

fn rebuild_unguarded<M: Machine>(
    partition: PartitionId,
    layout: Layout,
    store: &Arc<dyn Store>,
    journal: &dyn Journal,
    request_ttl_ms: i64,
) -> Result<(Core<M>, u64), RecoveryError> {
    let log = LogId(partition.number());
    let marker = marker(&**store, partition)?;
    let checkpoint = marker.as_ref().map_or(0, |marker| marker.sequence);
    let cold = Arc::new(ColdRows { store: Arc::clone(store), partition });
    let mut core = Core::open(partition, layout, Some(cold), request_ttl_ms);
    if let Some(marker) = &marker {
        verify(marker, log, journal)?;
    }
    let (end, mut at) = (journal.head(log).seq, checkpoint);
    if at < end {
        play_on(
            &mut core,
            journal,
            at,
            |_, _| true,
            |_, frame| {
                at = frame.seq;
                Ok::<_, RecoveryError>(at < end)
            },
        )?;
    }
    if at < end {
        let error = waybill_journal::Error::Hole { at: at + 1 };
        return Err(RecoveryError::Journal { partition, error });
    }
    Ok((core, checkpoint))
}

/// Applies frames after `after` for as long as they are `wanted`, `on` says to go on, and the log has some.
///
/// # Errors
/// A log that cannot be read, bytes of a newer version or damaged ones; whatever `on` refuses.
pub(crate) fn play_on<M: Machine, E: From<RecoveryError>>(
    core: &mut Core<M>,
    journal: &dyn Journal,
    after: u64,
    mut wanted: impl FnMut(&Frame, Option<&Body>) -> bool,
    mut on: impl FnMut(&mut Core<M>, &Frame) -> Result<bool, E>,
) -> Result<(), E> {
    let (partition, mut next) = (core.id(), after + 1);
    loop {
        let frames = journal.read(LogId(partition.number()), next, READ_BYTES);
        let frames = frames.map_err(|error| RecoveryError::Journal { partition, error })?;
        if frames.is_empty() {
            return Ok(());
        }
        for frame in frames {
            let sequence = frame.seq;
            let body = body(partition, &frame)?;
            if !wanted(&frame, body.as_ref()) {
                return Ok(());
            }
            if let Some(body) = &body {
                let replayed = core.replay(body, sequence);
                replayed.map_err(|error| RecoveryError::Undecodable { partition, sequence, error })?;
            }
            next = sequence + 1;
            if !on(core, &frame)? {
                return Ok(());
            }
        }
    }
}

/// What a frame holds; nothing where it is a claim.
fn body(partition: PartitionId, frame: &Frame) -> Result<Option<Body>, RecoveryError> {
    if frame.is_claim() {
        return Ok(None);
    }
    let sequence = frame.seq;
    let body: Body =
        decode(&frame.body).map_err(|error| RecoveryError::Undecodable { partition, sequence, error })?;
    match body.version {
        found if found > Body::VERSION => Err(RecoveryError::Newer { partition, sequence, found }),
        _ => Ok(Some(body)),
    }
}

/// The frame the rows stand at must be the journal's own, where it can still be read.
fn verify(marker: &Marker, log: LogId, journal: &dyn Journal) -> Result<(), RecoveryError> {
    let partition = marker.partition;
    match journal.read(log, marker.sequence, 1) {
        Ok(frames) => match frames.first() {
            Some(frame) if frame.seq == marker.sequence && frame.hash != marker.hash => {
                Err(RecoveryError::ForeignCheckpoint { partition, sequence: marker.sequence })
            }
            _ => Ok(()),
        },
        Err(waybill_journal::Error::Trimmed { .. }) => Ok(()),
        Err(error) => Err(RecoveryError::Journal { partition, error }),
    }
}
