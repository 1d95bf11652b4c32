//! When a partition's rows go to the store and what waits for it. It knows no commands and no journal: whoever holds the
//! state says at which durable frame it stands.

use crate::checkpoint::{self, CheckpointError, Marker, Target};
use crate::compare::{Compare, Hashing};
use crate::core::Core;
use crate::handle::{Limits, Status};
use crate::mailbox::Internal;
use crate::metrics as names;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use waybill_machine::Machine;
use waybill_types::PartitionId;

/// What a saver needs of its surroundings.
pub(crate) struct SaverOf<M: Machine> {
    pub(crate) partition: PartitionId,
    pub(crate) target: Target,
    pub(crate) limits: Limits,
    pub(crate) checkpoints: Arc<Semaphore>,
    pub(crate) status: Arc<Status>,
    pub(crate) internal: mpsc::WeakUnboundedSender<Internal<M>>,
}

/// The checkpoints of one partition.
pub(crate) struct Saver<M: Machine> {
    of: SaverOf<M>,
    label: String,
    running: bool,
    wanted: Vec<oneshot::Sender<u64>>,
    served: Vec<oneshot::Sender<u64>>,
    permit: Option<OwnedSemaphorePermit>,
    permit_asked: bool,
    bytes_since: u64,
    change_since: Option<Instant>,
    /// It was asked whether there are changes from before the start.
    looked_back: bool,
}

impl<M: Machine> Saver<M> {
    pub(crate) fn new(of: SaverOf<M>) -> Self {
        Self {
            label: of.partition.to_string(),
            of,
            running: false,
            wanted: Vec::new(),
            served: Vec::new(),
            permit: None,
            permit_asked: false,
            bytes_since: 0,
            change_since: None,
            looked_back: false,
        }
    }

    /// A checkpoint is on its way to the store.
    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    /// Hashes the state, which stands at the durable frame `sequence`, where that is one to compare at and no checkpoint is in
    /// the way.
    pub(crate) fn compare(&self, core: &mut Core<M>, sequence: u64) {
        let every = self.of.limits.compare_frames;
        if every == 0 || !sequence.is_multiple_of(every) || self.running {
            return;
        }
        let compare = &self.of.status.compare;
        let Some(still) = compare.turn(&self.of.checkpoints) else { return };
        let hashing = Hashing {
            partition: self.of.partition,
            snapshot: core.snapshot(),
            store: Arc::clone(&self.of.target.store),
            request_ttl_ms: self.of.limits.request_ttl_ms,
            still,
        };
        Compare::hash(compare, sequence, hashing);
    }

    /// A frame with so many bytes is durable.
    pub(crate) fn wrote(&mut self, bytes: u64) {
        self.bytes_since += bytes;
        self.change_since.get_or_insert_with(Instant::now);
    }

    /// How long until the oldest change is old enough; `None` where nothing waits for that.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        let since = self.change_since.filter(|_| !self.running && !self.permit_asked)?;
        Some(self.age_left(since))
    }

    fn age_left(&self, since: Instant) -> Duration {
        Duration::from_millis(self.of.limits.checkpoint_age_ms).saturating_sub(since.elapsed())
    }

    /// Somebody wants one now.
    pub(crate) fn want(&mut self, done: oneshot::Sender<u64>) {
        self.wanted.push(done);
    }

    /// It is this partition's turn.
    pub(crate) fn permitted(&mut self, permit: OwnedSemaphorePermit) {
        self.permit_asked = false;
        self.permit = Some(permit);
    }

    /// Begins a checkpoint where one is due. `core` stands at the durable frame `sequence`.
    pub(crate) fn maybe_begin(&mut self, core: &mut Core<M>, sequence: u64, hash: [u8; 16]) {
        if self.running {
            return;
        }
        if !std::mem::replace(&mut self.looked_back, true) && core.dirty_rows() > 0 {
            // Frames that were replayed count like new ones: else each kill would add to what the next start replays.
            self.change_since.get_or_insert_with(Instant::now);
        }
        let due = self.change_since.is_some_and(|since| {
            self.bytes_since >= self.of.limits.checkpoint_bytes
                || self.age_left(since).is_zero()
                || core.dirty_rows() >= self.of.limits.checkpoint_rows
        });
        if self.wanted.is_empty() && !due {
            self.permit = None;
            return;
        }
        let Some(permit) = self.permit.take() else {
            self.ask_for_permit();
            return;
        };
        self.served = std::mem::take(&mut self.wanted);
        let images = core.begin_checkpoint();
        let marker = Marker { partition: self.of.partition, sequence, hash };
        self.running = true;
        self.bytes_since = 0;
        self.change_since = None;
        let (target, internal, label) =
            (self.of.target.clone(), self.of.internal.clone(), self.label.clone());
        tokio::task::spawn_blocking(move || {
            let result = timed(&target, &marker, images, label, permit);
            if let Some(internal) = internal.upgrade() {
                // A partition that is gone needs no news.
                let _ = internal.send(Internal::CheckpointDone(result.map_err(Arc::new)));
            }
        });
    }

    /// One checkpoint at a time in the process, since sled has one writer: the permit comes by the mailbox.
    fn ask_for_permit(&mut self) {
        if self.permit_asked {
            return;
        }
        self.permit_asked = true;
        let (checkpoints, internal) = (Arc::clone(&self.of.checkpoints), self.of.internal.clone());
        tokio::spawn(async move {
            if let (Ok(permit), Some(internal)) = (checkpoints.acquire_owned().await, internal.upgrade()) {
                // A partition that is gone needs no permit.
                let _ = internal.send(Internal::CheckpointPermit(permit));
            }
        });
    }

    /// A checkpoint has ended; false when the store is not to be trusted any more.
    pub(crate) fn done(&mut self, core: &mut Core<M>, result: Result<u64, Arc<CheckpointError>>) -> bool {
        self.running = false;
        let sequence = match result {
            Ok(sequence) => sequence,
            Err(error) if error.is_before_the_store() => {
                // Most likely the disk is full: nothing is lost, the journal has it all. Tried again when it is due.
                tracing::warn!(partition = %self.of.partition, %error, "a checkpoint could not be begun");
                core.abandon_checkpoint();
                self.change_since = Some(Instant::now());
                self.served.clear();
                return true;
            }
            Err(error) => {
                tracing::error!(partition = %self.of.partition, %error, "a checkpoint failed");
                return false;
            }
        };
        core.finish_checkpoint();
        let status = &self.of.status;
        status.checkpoint.store(sequence, Ordering::Relaxed);
        status.checkpoints.fetch_add(1, Ordering::Relaxed);
        status.memory_rows.store(core.memory_rows() as u64, Ordering::Relaxed);
        metrics::counter!(names::CHECKPOINTS, "partition" => self.label.clone()).increment(1);
        for done in self.served.drain(..) {
            // Who asked and went away needs no answer.
            let _ = done.send(sequence);
        }
        true
    }
}

fn timed(
    target: &Target,
    marker: &Marker,
    images: Vec<waybill_machine::RowImage>,
    label: String,
    permit: OwnedSemaphorePermit,
) -> Result<u64, CheckpointError> {
    let started = Instant::now();
    let sequence = checkpoint::perform(target, marker, images)?;
    checkpoint::trim(target, marker)?;
    drop(permit);
    metrics::gauge!(names::CHECKPOINT_SECONDS, "partition" => label).set(started.elapsed().as_secs_f64());
    Ok(sequence)
}
