//! Whether a copy still is what its owner has. At every frame whose number is a multiple of `every` owner and copies hash
//! their state in the background; the owner puts its hash into a later frame, and each copy compares. It knows hashes and
//! places, and decides nothing but that a copy is not to be trusted.
//!
//! A place is left out where a checkpoint is under way or another place is still being hashed: a place that one of two has
//! not hashed is compared by nobody.

use crate::metrics as names;
use crate::snapshot::Snapshot;
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use waybill_machine::Machine;
use waybill_store::Store;
use waybill_types::PartitionId;

/// The first 16 bytes of a state's hash.
pub type Digest = [u8; 16];

/// What the state was at an earlier frame, as a frame tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StateAt {
    /// The state after this frame.
    #[n(0)]
    pub sequence: u64,
    /// Its hash.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: Digest,
}

/// A copy that is not what its owner has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where both were hashed.
    pub sequence: u64,
    /// What the owner has.
    pub owner: Digest,
    /// What this copy has; `None` where its rows cannot even be read.
    pub here: Option<Digest>,
}

/// The hashes of one partition in this process.
#[derive(Debug, Default)]
pub struct Compare {
    inner: Mutex<Inner>,
    changed: Notify,
    hashing: AtomicBool,
    /// Hashes that were taken here.
    pub taken: AtomicU64,
    /// The last place where this copy was found to be what the owner has.
    pub equal: AtomicU64,
    /// Times that it was found to be something else.
    pub different: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    /// Changes when the copy is made anew: what was hashed of the old one says nothing of the new.
    copy: u64,
    here: BTreeMap<u64, Option<Digest>>,
    owner: BTreeMap<u64, Digest>,
    to_tell: Option<StateAt>,
    difference: Option<Difference>,
}

/// Places that are remembered until the other side has hashed them too.
const KEPT: usize = 16;

fn keep<V>(map: &mut BTreeMap<u64, V>, sequence: u64, value: V) {
    map.insert(sequence, value);
    while map.len() > KEPT {
        map.pop_first();
    }
}

/// What hashing a state needs.
pub(crate) struct Hashing<M: Machine> {
    pub(crate) partition: PartitionId,
    pub(crate) snapshot: Snapshot<M>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) request_ttl_ms: i64,
    /// No checkpoint changes the rows below meanwhile.
    pub(crate) still: OwnedSemaphorePermit,
}

impl Compare {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to hash now; none while a checkpoint or another hash is under way.
    pub(crate) fn turn(&self, checkpoints: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        if self.hashing.load(Ordering::Acquire) {
            return None;
        }
        Arc::clone(checkpoints).try_acquire_owned().ok()
    }

    /// Hashes the state of `sequence` in the background.
    pub(crate) fn hash<M: Machine>(compare: &Arc<Self>, sequence: u64, hashing: Hashing<M>) {
        compare.hashing.store(true, Ordering::Release);
        let (this, copy) = (Arc::clone(compare), compare.inner().copy);
        tokio::task::spawn_blocking(move || {
            let Hashing { partition, snapshot, store, request_ttl_ms, still } = hashing;
            let opened = snapshot.open(store, request_ttl_ms);
            let hash = opened.and_then(|mut core| {
                let hash = || core.state_hash();
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(hash))
                    .map_err(|panic| crate::RecoveryError::panicked(partition, &*panic))
            });
            drop(still);
            let digest = match hash {
                Ok(hash) => hash.first_chunk::<16>().copied(),
                Err(error) => {
                    tracing::error!(%partition, sequence, %error, "the state cannot be hashed");
                    None
                }
            };
            this.hashing.store(false, Ordering::Release);
            this.hashed(partition, copy, sequence, digest);
        });
    }

    fn hashed(&self, partition: PartitionId, copy: u64, sequence: u64, digest: Option<Digest>) {
        let mut inner = self.inner();
        if inner.copy != copy {
            return;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        keep(&mut inner.here, sequence, digest);
        inner.to_tell = digest.map(|digest| StateAt { sequence, digest });
        self.judge(partition, inner, sequence);
    }

    /// The owner has said what its state was.
    pub(crate) fn heard(&self, partition: PartitionId, told: StateAt) {
        let mut inner = self.inner();
        keep(&mut inner.owner, told.sequence, told.digest);
        self.judge(partition, inner, told.sequence);
    }

    fn judge(&self, partition: PartitionId, mut inner: std::sync::MutexGuard<'_, Inner>, sequence: u64) {
        let (Some(owner), Some(here)) =
            (inner.owner.get(&sequence).copied(), inner.here.get(&sequence).copied())
        else {
            return;
        };
        let label = partition.to_string();
        if here == Some(owner) {
            self.equal.fetch_max(sequence, Ordering::Relaxed);
            metrics::gauge!(names::COPY_EQUAL, "partition" => label).set(sequence as f64);
            return;
        }
        inner.difference = Some(Difference { sequence, owner, here });
        drop(inner);
        self.different.fetch_add(1, Ordering::Relaxed);
        metrics::counter!(names::COPY_DIFFERENT, "partition" => label).increment(1);
        self.changed.notify_one();
    }

    /// What an owner has to tell its copies, once.
    pub(crate) fn to_tell(&self) -> Option<StateAt> {
        self.inner().to_tell.take()
    }

    /// Whether this copy was found to be something else.
    pub(crate) fn difference(&self) -> Option<Difference> {
        self.inner().difference
    }

    /// Waits until it may have been.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The copy is made anew; true where its rows must not be trusted.
    pub(crate) fn begin_copy(&self) -> bool {
        let mut inner = self.inner();
        let distrusted = inner.difference.take().is_some();
        *inner = Inner { copy: inner.copy + 1, ..Inner::default() };
        distrusted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_types::Service;

    const P: PartitionId = PartitionId::new(Service::Orders, 0);

    #[test]
    fn a_place_is_judged_once_both_have_hashed_it_in_either_order() {
        let compare = Compare::default();
        compare.hashed(P, 0, 10, Some([1; 16]));
        assert_eq!(compare.difference(), None, "nobody has said otherwise");
        compare.heard(P, StateAt { sequence: 10, digest: [1; 16] });
        assert_eq!(compare.equal.load(Ordering::Relaxed), 10);
        compare.heard(P, StateAt { sequence: 20, digest: [2; 16] });
        assert_eq!(compare.difference(), None);
        compare.hashed(P, 0, 20, Some([3; 16]));
        let difference = Difference { sequence: 20, owner: [2; 16], here: Some([3; 16]) };
        assert_eq!(compare.difference(), Some(difference));
        assert_eq!(compare.different.load(Ordering::Relaxed), 1);
        assert!(compare.begin_copy(), "its rows are not to be trusted");
        assert!(!compare.begin_copy(), "those of the new one are");
        assert_eq!(compare.difference(), None);
    }

    #[test]
    fn rows_that_cannot_be_read_are_a_difference_and_a_hash_of_an_old_copy_is_none() {
        let compare = Compare::default();
        compare.hashed(P, 0, 10, None);
        compare.heard(P, StateAt { sequence: 10, digest: [1; 16] });
        assert_eq!(compare.difference().map(|found| found.here), Some(None));
        assert_eq!(compare.to_tell(), None, "what cannot be read is told to nobody");
        compare.begin_copy();
        compare.hashed(P, 0, 20, Some([9; 16]));
        compare.heard(P, StateAt { sequence: 20, digest: [1; 16] });
        assert_eq!(compare.difference(), None, "it was hashed of the copy before");
    }

    #[test]
    fn what_nobody_answers_to_does_not_pile_up() {
        let compare = Compare::default();
        for sequence in 0..1_000 {
            compare.hashed(P, 0, sequence, Some([1; 16]));
            compare.heard(P, StateAt { sequence: sequence + 5_000, digest: [1; 16] });
        }
        let inner = compare.inner();
        assert_eq!((inner.here.len(), inner.owner.len()), (KEPT, KEPT));
    }
}
