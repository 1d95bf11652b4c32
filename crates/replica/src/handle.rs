//! What the rest of a process holds of a partition: a handle to submit, read, deliver and follow; its bounds; its
//! figures.

use crate::compare::Compare;
use crate::entry::Body;
use crate::feed::{Feed, FeedError};
use crate::mailbox::{Accepted, CutJob, External, Failure, Internal, ReadJob, Submission};
use crate::router::{DeliverError, Delivery};
use crate::tenure::Tenure;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{mpsc, oneshot};
use waybill_journal::Journal;
use waybill_machine::Machine;
use waybill_types::{PartitionId, Timestamp};

/// What the door of a partition hears, on the partition's task, once it is durable.
pub trait Observer<M: Machine>: Send + 'static {
    /// Notes of the batch that is now durable through `sequence`. Must not block.
    fn committed(&mut self, state: &M::State, sequence: u64, notes: Vec<M::Note>);

    /// Notes of what the owner in another process journaled through `sequence`, applied here. What such a note asks to be
    /// done outside is the owner's to do, and is pending when ownership comes here. Must not block.
    fn followed(&mut self, state: &M::State, sequence: u64, notes: Vec<M::Note>) {
        self.committed(state, sequence, notes);
    }
}

/// What a process is to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It decides.
    Owner,
    /// It keeps a copy of what the owner decided.
    Follower,
    /// It holds the lease and is about to decide.
    Claiming,
    /// Its copy is being read.
    Recovering,
}

impl<M: Machine, F: FnMut(&M::State, u64, Vec<M::Note>) + Send + 'static> Observer<M> for F {
    fn committed(&mut self, state: &M::State, sequence: u64, notes: Vec<M::Note>) {
        self(state, sequence, notes);
    }
}

/// Bounds of one partition.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Commands and reads waiting; more are refused. 1 and up.
    pub queue: usize,
    /// Inputs in one batch.
    pub batch_inputs: usize,
    /// Bytes of entries after which a batch is closed.
    pub batch_bytes: usize,
    /// Messages without acknowledgement above which new commands are refused.
    pub outbox: usize,
    /// Changed rows that start a checkpoint.
    pub checkpoint_rows: usize,
    /// Journaled bytes that start a checkpoint.
    pub checkpoint_bytes: u64,
    /// Age in milliseconds of the oldest change that starts a checkpoint.
    pub checkpoint_age_ms: u64,
    /// How long request ids are kept, in milliseconds.
    pub request_ttl_ms: i64,
    /// In a cluster: owner and copies hash their states at every frame whose number is a multiple of this; 0 for never.
    pub compare_frames: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 4096,
            batch_inputs: 512,
            batch_bytes: 1 << 20,
            outbox: 20_000,
            checkpoint_rows: 20_000,
            checkpoint_bytes: 16 << 20,
            checkpoint_age_ms: 60_000,
            request_ttl_ms: 7 * 24 * 3600 * 1000,
            compare_frames: 20_000,
        }
    }
}

/// A partition's figures, read without disturbing it.
#[derive(Debug, Default)]
pub struct Status {
    /// The last durable sequence.
    pub sequence: AtomicU64,
    /// The sequence of the last checkpoint.
    pub checkpoint: AtomicU64,
    /// Messages not yet acknowledged.
    pub outbox: AtomicU64,
    /// Since when the message waits that waits longest, in milliseconds since 1970; 0 where none waits.
    pub outbox_since_ms: AtomicI64,
    /// Rows in memory at the last checkpoint.
    pub memory_rows: AtomicU64,
    /// Checkpoints finished since the start.
    pub checkpoints: AtomicU64,
    /// Stopped after a fault; only a restart helps.
    pub stopped: AtomicBool,
    /// Times that the rows here were thrown away, to be taken anew from the engine. It changes before the first of them goes.
    pub replaced: AtomicU64,
    /// Whether the copy here is what the owner has.
    pub compare: Arc<Compare>,
    role: AtomicU8,
    /// Where others could own it: for how long reads here need not ask anybody.
    pub(crate) tenure: OnceLock<Arc<Tenure>>,
    /// Where others read its frames: the version that all of them can.
    pub(crate) form: OnceLock<Arc<AtomicU32>>,
}

impl Status {
    /// What this process is to the partition; without a cluster always its owner.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.role.load(Ordering::SeqCst) {
            0 => Role::Owner,
            1 => Role::Follower,
            2 => Role::Claiming,
            _ => Role::Recovering,
        }
    }

    /// The version of the frames that may be written now.
    pub(crate) fn form(&self) -> u8 {
        let agreed = self.form.get().map(|form| form.load(Ordering::Acquire));
        agreed.map_or(Body::VERSION, |form| u8::try_from(form).unwrap_or(Body::VERSION))
    }

    pub(crate) fn set_role(&self, role: Role) {
        let code = match role {
            Role::Owner => 0,
            Role::Follower => 1,
            Role::Claiming => 2,
            Role::Recovering => 3,
        };
        self.role.store(code, Ordering::SeqCst);
    }

    /// True where the partition has come as far as `sequence`, as far as this process can tell: a copy may be behind its
    /// owner, and reads of it wait.
    #[must_use]
    pub fn may_have_reached(&self, sequence: u64) -> bool {
        self.role() != Role::Owner || sequence <= self.sequence.load(Ordering::Acquire)
    }
}

/// A handle on one partition.
pub struct Partition<M: Machine> {
    pub(crate) id: PartitionId,
    pub(crate) external: mpsc::Sender<External<M>>,
    pub(crate) internal: mpsc::UnboundedSender<Internal<M>>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) status: Arc<Status>,
}

impl<M: Machine> Clone for Partition<M> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            external: self.external.clone(),
            internal: self.internal.clone(),
            journal: Arc::clone(&self.journal),
            status: Arc::clone(&self.status),
        }
    }
}

/// What the task of a partition takes its work from.
pub(crate) struct Mailbox<M: Machine> {
    pub(crate) external: mpsc::Receiver<External<M>>,
    pub(crate) internal: mpsc::UnboundedReceiver<Internal<M>>,
}

impl<M: Machine> Partition<M> {
    /// A handle and what its task reads.
    pub(crate) fn open(id: PartitionId, limits: &Limits, journal: &Arc<dyn Journal>) -> (Self, Mailbox<M>) {
        let (external, external_in) = mpsc::channel(limits.queue);
        let (internal, internal_in) = mpsc::unbounded_channel();
        let (journal, status) = (Arc::clone(journal), Arc::default());
        let handle = Self { id, external, internal, journal, status };
        (handle, Mailbox { external: external_in, internal: internal_in })
    }

    /// Which partition it is.
    #[must_use]
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// How many commands and reads wait.
    #[must_use]
    pub fn queue_depth(&self) -> usize {
        self.external.max_capacity() - self.external.capacity()
    }

    /// Its figures.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Puts a command to the partition and waits until its outcome is durable.
    ///
    /// # Errors
    /// [`Failure`]. After [`Failure::OutcomeUnknown`] the command may have happened: retry with the same request id.
    pub async fn submit(
        &self,
        submission: Submission<M>,
    ) -> Result<Accepted<M::Answer>, Failure<M::Refusal>> {
        let (answer, answered) = oneshot::channel();
        self.external
            .try_send(External::Command(submission, answer))
            .map_err(|error| self.not_queued(&error))?;
        answered.await.unwrap_or(Err(Failure::OutcomeUnknown))
    }

    /// Reads the state, and answers once everything the read could see is durable.
    ///
    /// # Errors
    /// [`Failure::Busy`] and [`Failure::Unavailable`].
    pub async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&M::State, Timestamp) -> R + Send + 'static,
    ) -> Result<R, Failure<M::Refusal>> {
        let (answer, answered) = oneshot::channel();
        let job: ReadJob<M> = Box::new(move |state, at| {
            let result = read(state, at);
            // A reader that went away needs no answer.
            Box::new(move || drop(answer.send(result)))
        });
        self.external.try_send(External::Read(job)).map_err(|error| self.not_queued(&error))?;
        answered.await.map_err(|_| Failure::Unavailable { why: "it stopped" })
    }

    /// Reads the state as this process has it, however old: for what keeps views of it and hears of changes by notes.
    ///
    /// # Errors
    /// [`Failure::Busy`] and [`Failure::Unavailable`].
    pub async fn glance<R: Send + 'static>(
        &self,
        read: impl FnOnce(&M::State, Timestamp) -> R + Send + 'static,
    ) -> Result<R, Failure<M::Refusal>> {
        let (answer, answered) = oneshot::channel();
        let job: ReadJob<M> = Box::new(move |state, at| {
            let result = read(state, at);
            // A reader that went away needs no answer.
            Box::new(move || drop(answer.send(result)))
        });
        self.external.try_send(External::Glance(job)).map_err(|error| self.not_queued(&error))?;
        answered.await.map_err(|_| Failure::Unavailable { why: "it stopped" })
    }

    /// True where nobody can know more of the partition than this process and its observer: without a cluster, and at the
    /// owner while its lease surely holds.
    #[must_use]
    pub fn is_newest(&self) -> bool {
        let holds = |tenure: &Arc<Tenure>| self.status.role() == Role::Owner && tenure.holds();
        self.status.tenure.get().is_none_or(holds)
    }

    /// Answers once what this process has of the partition, and what its observer was told, is as new as what the owner had
    /// when this was called.
    ///
    /// # Errors
    /// [`Failure::Busy`] and [`Failure::Unavailable`].
    pub async fn catch_up(&self) -> Result<(), Failure<M::Refusal>> {
        if self.is_newest() { Ok(()) } else { self.read(|_, _| ()).await }
    }

    fn not_queued<T>(&self, error: &mpsc::error::TrySendError<T>) -> Failure<M::Refusal> {
        match error {
            mpsc::error::TrySendError::Full(_) => {
                Failure::Busy { what: "the partition's queue is full", retry_after_ms: 50 }
            }
            mpsc::error::TrySendError::Closed(_) => Failure::Unavailable { why: "it stopped" },
        }
    }

    /// Applies messages from another partition durably; see [`crate::Deliver`].
    ///
    /// # Errors
    /// [`DeliverError`].
    pub async fn deliver(&self, delivery: Delivery) -> Result<u64, DeliverError> {
        let (answer, answered) = oneshot::channel();
        let gone = DeliverError::Unavailable(self.id);
        self.internal.send(Internal::Deliver(delivery, answer)).map_err(|_| gone.clone())?;
        answered.await.unwrap_or(Err(gone))
    }

    /// Everything journaled after `after`.
    ///
    /// # Errors
    /// [`FeedError::Ahead`].
    pub fn feed(&self, after: u64) -> Result<Feed<M>, FeedError> {
        let newest = match self.status.role() {
            Role::Owner => Some(self.journal.head(waybill_journal::LogId(self.id.number())).seq),
            // A copy cannot tell a place that its owner has reached from one that nobody has: the feed waits there.
            Role::Follower | Role::Claiming | Role::Recovering => None,
        };
        Feed::from(Arc::clone(&self.journal), self.id, after, newest)
    }

    /// Makes a checkpoint now; answers with its sequence.
    ///
    /// # Errors
    /// [`Failure::Unavailable`].
    pub async fn checkpoint(&self) -> Result<u64, Failure<M::Refusal>> {
        let (done, finished) = oneshot::channel();
        let stopped = || Failure::Unavailable { why: "it stopped" };
        self.internal.send(Internal::CheckpointNow(done)).map_err(|_| stopped())?;
        finished.await.map_err(|_| stopped())
    }

    pub(crate) fn freeze(&self, job: CutJob<M>, thaw: oneshot::Receiver<()>) -> bool {
        self.internal.send(Internal::Freeze { job, thaw }).is_ok()
    }

    pub(crate) fn drain(&self) {
        // A partition that is gone is drained.
        let _ = self.internal.send(Internal::Drain);
    }
}
