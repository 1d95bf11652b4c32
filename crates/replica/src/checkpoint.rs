//! A checkpoint: the rows changed since the last one, as they were at one durable sequence, on their way from memory
//! to the store. First one checksummed file, then the store in bounded batches, then the marker, then the file goes
//! and the journal is trimmed. A crash at any point leaves either the file or the rows.

use minicbor::{Decode, Encode};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use waybill_journal::{Journal, LogId};
use waybill_machine::record::{decode, encode};
use waybill_machine::{Cold, RowImage, ScanOrder};
use waybill_store::{Op, Order, Store, checkpoint_file};
use waybill_types::PartitionId;

/// Where a partition's rows in the store stand.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Marker {
    /// Which partition.
    #[n(0)]
    pub partition: PartitionId,
    /// The rows are the state after this frame.
    #[n(1)]
    pub sequence: u64,
    /// That frame's chained hash, to tell this journal from another.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub hash: [u8; 16],
}

/// Why a checkpoint could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file could not be written; the store was not touched.
    #[error("the checkpoint file could not be written: {0}")]
    File(waybill_store::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] waybill_store::Error),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] waybill_journal::Error),
    /// A marker or file meta cannot be read.
    #[error(transparent)]
    Undecodable(#[from] waybill_machine::Undecodable),
    /// The directory could not be listed.
    #[error("cannot list {path}: {error}")]
    Io {
        /// Which directory.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

impl CheckpointError {
    /// True when the checkpoint can be tried again in this process.
    pub(crate) fn is_before_the_store(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// Rows of one partition, prefixed with its number.
pub(crate) struct ColdRows {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) partition: PartitionId,
}

pub(crate) fn store_key(partition: PartitionId, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(key.len() + 2);
    full.extend_from_slice(&partition.number().to_be_bytes());
    full.extend_from_slice(key);
    full
}

/// The marker's key: prefix 0, which no table has.
pub(crate) fn marker_key(partition: PartitionId) -> Vec<u8> {
    store_key(partition, &[0])
}

impl Cold for ColdRows {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let key = store_key(self.partition, key);
        self.store
            .get(&key)
            .unwrap_or_else(|error| panic!("{}: the store cannot answer: {error}", self.partition))
    }
    fn scan(&self, lower: &[u8], upper: &[u8], order: ScanOrder, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let (lower, upper) = (store_key(self.partition, lower), store_key(self.partition, upper));
        let order = match order {
            ScanOrder::Ascending => Order::Ascending,
            ScanOrder::Descending => Order::Descending,
        };
        let rows = self
            .store
            .scan(&lower, &upper, order, limit)
            .unwrap_or_else(|error| panic!("{}: the store cannot answer: {error}", self.partition));
        rows.into_iter().map(|(key, value)| (key[2..].to_vec(), value)).collect()
    }
}

/// Everything a checkpoint needs that outlives the partition's batch.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) dir: PathBuf,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) journal: Arc<dyn Journal>,
}

/// Makes the rows durable below. Blocks; answers with the sequence.
pub(crate) fn perform(
    target: &Target,
    marker: &Marker,
    images: Vec<RowImage>,
) -> Result<u64, CheckpointError> {
    let ops = ops(marker.partition, &images);
    let path = write_file(target, marker, &ops).map_err(CheckpointError::File)?;
    target.store.put_unsynced(&mut ops.into_iter())?;
    stand_at(&*target.store, marker)?;
    checkpoint_file::remove(&path)?;
    Ok(marker.sequence)
}

/// The same without a file to put again, where nobody goes on with rows of two places if this is cut off half-way.
pub(crate) fn perform_unguarded(
    store: &dyn Store,
    marker: &Marker,
    images: &[RowImage],
) -> Result<(), waybill_store::Error> {
    store.put_unsynced(&mut ops(marker.partition, images).into_iter())?;
    stand_at(store, marker)
}

/// Encoded once, for the file and for the store; in the order in which rows lie, so that neighbours are put together.
fn ops(partition: PartitionId, images: &[RowImage]) -> Vec<Op> {
    let mut ops: Vec<Op> = images.iter().map(|image| op(partition, image)).collect();
    ops.sort_unstable_by(|a, b| waybill_store::in_place_order(a.key(), b.key()));
    ops
}

/// Says that the rows that were put stand at the marker. Blocks.
///
/// # Errors
/// A store that fails.
pub(crate) fn stand_at(store: &dyn Store, marker: &Marker) -> Result<(), waybill_store::Error> {
    // One tree, one log: the commit's sync makes the rows put before it durable together with the marker.
    store.sync()?;
    store.commit(&[Op::Put { key: marker_key(marker.partition), value: encode(marker) }])
}

fn write_file(target: &Target, marker: &Marker, ops: &[Op]) -> Result<PathBuf, waybill_store::Error> {
    let name = format!("{:04x}.wbc", marker.partition.number());
    let mut writer = checkpoint_file::Writer::create(&target.dir, &name, &encode(marker))?;
    for op in ops {
        writer.append(op)?;
    }
    writer.finish()
}

fn op(partition: PartitionId, image: &RowImage) -> Op {
    let key = store_key(partition, &image.key);
    match &image.value {
        Some(value) => Op::Put { key, value: value.encode() },
        None => Op::Delete { key },
    }
}

/// After a start: puts complete checkpoint files again and drops incomplete ones. Call before the journal opens.
pub(crate) fn finish_interrupted(dir: &Path, store: &Arc<dyn Store>) -> Result<(), CheckpointError> {
    checkpoint_file::remove_incomplete(dir)?;
    let io = |error| CheckpointError::Io { path: dir.to_path_buf(), error };
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let Some(mut reader) = checkpoint_file::open(&path)? else { continue };
        let marker: Marker = decode(reader.meta())?;
        tracing::info!(partition = %marker.partition, sequence = marker.sequence, "finishing an interrupted checkpoint");
        reader.put_into(&**store)?;
        stand_at(&**store, &marker)?;
        checkpoint_file::remove(&path)?;
    }
    Ok(())
}

/// Says to the journal that everything the marker covers is safe below.
pub(crate) fn trim(target: &Target, marker: &Marker) -> Result<(), CheckpointError> {
    Ok(target.journal.trim(LogId(marker.partition.number()), marker.sequence)?)
}
