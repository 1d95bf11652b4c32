//! A base of the engine as rows to be read from there, a few chunks of it in memory at a time: so a state is rebuilt from a
//! base without being held by anybody. It believes no chunk but those that gave the base its hash. It knows no machine.

use crate::base;
use crate::host::OpenError;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use waybill_journal::Hash;
use waybill_journal::cluster::{Base, Engine, base_hash};
use waybill_machine::{Cold, ScanOrder};

type Rows = Arc<Vec<(Vec<u8>, Vec<u8>)>>;

/// The rows of one base, in key order. It waits for the engine, so it is read from threads that may block.
pub(crate) struct BaseRows {
    engine: Arc<dyn Engine>,
    base: Base,
    runtime: Handle,
    chunks: Vec<Chunk>,
    near: Mutex<VecDeque<(usize, Rows)>>,
}

/// A chunk as it was when the whole base was looked at.
struct Chunk {
    first: Vec<u8>,
    hash: Hash,
}

/// Chunks that are held: rows are read mostly in order, from a few tables at once.
const NEAR: usize = 4;

fn hash_of(bytes: &[u8]) -> Hash {
    base_hash(&[0; 16], 0, bytes)
}

impl BaseRows {
    /// Reads the whole base once, to believe it and to know which rows are where.
    ///
    /// # Errors
    /// A base that is gone, damaged or not in order; an engine that does not answer.
    pub(crate) async fn open(engine: &Arc<dyn Engine>, base: Base) -> Result<Self, OpenError> {
        let (mut so_far, mut chunks): (Hash, Vec<Chunk>) = ([0; 16], Vec::new());
        let mut last: Option<Vec<u8>> = None;
        for number in 0..base.chunks {
            let bytes = engine.base_chunk(&base, number).await?;
            so_far = base_hash(&so_far, number, &bytes);
            let rows = base::rows_of(&bytes)?;
            for (key, _) in &rows {
                if last.as_ref().is_some_and(|last| last >= key) {
                    return Err(base::damaged(&base, "its rows are not in order"));
                }
                last = Some(key.clone());
            }
            let Some((first, _)) = rows.into_iter().next() else {
                return Err(base::damaged(&base, "one of its chunks is empty"));
            };
            chunks.push(Chunk { first, hash: hash_of(&bytes) });
        }
        if so_far != base.hash {
            return Err(base::damaged(&base, "its chunks do not give its hash"));
        }
        let (engine, runtime, near) = (Arc::clone(engine), Handle::current(), Mutex::default());
        Ok(Self { engine, base, runtime, chunks, near })
    }

    /// The rows of one chunk.
    ///
    /// # Panics
    /// When the engine does not give back what was there: whoever rebuilds a state catches that.
    fn rows(&self, number: usize) -> Rows {
        let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rows)) = near.iter().find(|(held, _)| *held == number) {
            return Arc::clone(rows);
        }
        let rows = Arc::new(self.fetch(number).unwrap_or_else(|error| panic!("the base: {error}")));
        near.push_front((number, Arc::clone(&rows)));
        near.truncate(NEAR);
        rows
    }

    fn fetch(&self, number: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>, OpenError> {
        let reading = self.engine.base_chunk(&self.base, u32::try_from(number).unwrap_or(u32::MAX));
        let bytes = self.runtime.block_on(reading)?;
        if hash_of(&bytes) != self.chunks[number].hash {
            return Err(base::damaged(&self.base, "a chunk of it is another one than before"));
        }
        base::rows_of(&bytes)
    }

    /// How many chunks begin at or before a key.
    fn through(&self, key: &[u8]) -> usize {
        self.chunks.partition_point(|chunk| *chunk.first <= *key)
    }
}

impl Cold for BaseRows {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let rows = self.rows(self.through(key).checked_sub(1)?);
        let at = rows.binary_search_by(|(own, _)| own.as_slice().cmp(key)).ok()?;
        Some(rows[at].1.clone())
    }

    fn scan(&self, lower: &[u8], upper: &[u8], order: ScanOrder, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        if lower >= upper {
            return Vec::new();
        }
        let (first, beyond) = (self.through(lower).saturating_sub(1), self.through(upper));
        let numbers: Box<dyn Iterator<Item = usize>> = match order {
            ScanOrder::Ascending => Box::new(first..beyond),
            ScanOrder::Descending => Box::new((first..beyond).rev()),
        };
        let mut found = Vec::new();
        for number in numbers {
            // A chunk that is not needed is not asked for.
            let left = limit - found.len();
            if left == 0 {
                break;
            }
            let rows = self.rows(number);
            let begin = rows.partition_point(|(key, _)| **key < *lower);
            let end = rows.partition_point(|(key, _)| **key < *upper).max(begin);
            match order {
                ScanOrder::Ascending => found.extend(rows[begin..end].iter().take(left).cloned()),
                ScanOrder::Descending => found.extend(rows[begin..end].iter().rev().take(left).cloned()),
            }
        }
        found
    }
}
