//! From rows and journal back to state: the rows of the last checkpoint, then every frame after it, applied again.

use crate::checkpoint::{ColdRows, Marker, marker_key};
use crate::core::Core;
use crate::entry::Body;
use std::sync::Arc;
use waybill_journal::{Journal, LogId};
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
    let journal_error = |error| RecoveryError::Journal { partition, error };
    let marker = marker(&**store, partition)?;
    let checkpoint = marker.as_ref().map_or(0, |marker| marker.sequence);
    let cold = Arc::new(ColdRows { store: Arc::clone(store), partition });
    let mut core = Core::open(partition, layout, Some(cold), request_ttl_ms);
    if let Some(marker) = &marker {
        verify(marker, log, journal)?;
    }
    let end = journal.head(log).seq;
    let mut next = checkpoint + 1;
    while next <= end {
        let frames = journal.read(log, next, READ_BYTES).map_err(journal_error)?;
        for frame in frames {
            next = frame.seq + 1;
            if frame.is_claim() {
                continue;
            }
            let sequence = frame.seq;
            let body: Body = decode(&frame.body).map_err(|error| RecoveryError::Undecodable {
                partition,
                sequence,
                error,
            })?;
            if body.version > Body::VERSION {
                return Err(RecoveryError::Newer { partition, sequence, found: body.version });
            }
            core.replay(&body, sequence).map_err(|error| RecoveryError::Undecodable {
                partition,
                sequence,
                error,
            })?;
        }
    }
    Ok((core, checkpoint))
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
