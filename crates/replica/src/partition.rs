//! The task of one partition: gather what queued up, decide, append, answer; checkpoint at batch boundaries.

use crate::checkpoint::{self, CheckpointError, Marker, Target};
use crate::clock::Clock;
use crate::core::{Core, Input, Staged};
use crate::entry::{Acknowledged, Body, Entry};
use crate::feed::{Feed, FeedError};
use crate::mailbox::{Accepted, CutJob, External, Failure, Internal, ReadJob, Release, Submission};
use crate::metrics as names;
use crate::router::{DeliverError, Delivery, Router};
use crate::sender::{self, Outgoing};
use crate::token::Token;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use waybill_journal::{Claim, Journal, LogId};
use waybill_machine::{Machine, Position};
use waybill_types::{PartitionId, Timestamp};

/// What the door of a partition hears, on the partition's task, once it is durable.
pub trait Observer<M: Machine>: Send + 'static {
    /// Notes of the batch that is now durable through `sequence`. Must not block.
    fn committed(&mut self, state: &M::State, sequence: u64, notes: Vec<M::Note>);
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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 4096,
            batch_inputs: 512,
            batch_bytes: 1 << 20,
            outbox: 20_000,
            checkpoint_rows: 50_000,
            checkpoint_bytes: 32 << 20,
            checkpoint_age_ms: 60_000,
            request_ttl_ms: 7 * 24 * 3600 * 1000,
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
    /// Rows in memory at the last checkpoint.
    pub memory_rows: AtomicU64,
    /// Checkpoints finished since the start.
    pub checkpoints: AtomicU64,
    /// Stopped after a fault; only a restart helps.
    pub stopped: AtomicBool,
}

/// A handle on one partition.
pub struct Partition<M: Machine> {
    id: PartitionId,
    external: mpsc::Sender<External<M>>,
    internal: mpsc::UnboundedSender<Internal<M>>,
    journal: Arc<dyn Journal>,
    status: Arc<Status>,
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

impl<M: Machine> Partition<M> {
    /// Which partition it is.
    #[must_use]
    pub fn id(&self) -> PartitionId {
        self.id
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
        Feed::new(Arc::clone(&self.journal), self.id, after)
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

/// What a partition is started with.
pub(crate) struct Start<M: Machine> {
    pub(crate) id: PartitionId,
    pub(crate) core: Core<M>,
    pub(crate) claim: Claim,
    pub(crate) checkpoint_sequence: u64,
    pub(crate) target: Target,
    pub(crate) clock: Clock,
    pub(crate) router: Router,
    pub(crate) limits: Limits,
    pub(crate) checkpoints: Arc<Semaphore>,
    pub(crate) observer: Box<dyn Observer<M>>,
}

/// Starts the partition's task and its sender.
pub(crate) fn spawn<M: Machine>(start: Start<M>) -> (Partition<M>, tokio::task::JoinHandle<()>) {
    let (external, external_in) = mpsc::channel(start.limits.queue);
    let (internal, internal_in) = mpsc::unbounded_channel();
    let (outgoing, outgoing_in) = mpsc::unbounded_channel();
    let status = Arc::new(Status::default());
    status.sequence.store(start.claim.head.seq, Ordering::Relaxed);
    status.checkpoint.store(start.checkpoint_sequence, Ordering::Relaxed);
    let handle = Partition {
        id: start.id,
        external,
        internal: internal.clone(),
        journal: Arc::clone(&start.target.journal),
        status: Arc::clone(&status),
    };
    let weak = internal.downgrade();
    tokio::spawn(sender::run::<M>(start.id, start.router.clone(), outgoing_in, weak.clone()));
    let running = Running {
        label: start.id.to_string(),
        id: start.id,
        core: start.core,
        epoch: start.claim.epoch,
        sequence: start.claim.head.seq,
        hash: start.claim.head.hash,
        target: start.target,
        clock: start.clock,
        limits: start.limits,
        checkpoints: start.checkpoints,
        observer: start.observer,
        status,
        internal: weak,
        outgoing,
        acknowledged: BTreeMap::new(),
        checkpointing: false,
        wanted: Vec::new(),
        served: Vec::new(),
        not_before: None,
        bytes_since: 0,
        change_since: None,
        draining: false,
    };
    let task = tokio::spawn(running.run(external_in, internal_in));
    (handle, task)
}

struct Running<M: Machine> {
    label: String,
    id: PartitionId,
    core: Core<M>,
    epoch: u64,
    sequence: u64,
    hash: [u8; 16],
    target: Target,
    clock: Clock,
    limits: Limits,
    checkpoints: Arc<Semaphore>,
    observer: Box<dyn Observer<M>>,
    status: Arc<Status>,
    internal: mpsc::WeakUnboundedSender<Internal<M>>,
    outgoing: mpsc::UnboundedSender<Vec<Outgoing>>,
    acknowledged: BTreeMap<PartitionId, u64>,
    checkpointing: bool,
    wanted: Vec<oneshot::Sender<u64>>,
    served: Vec<oneshot::Sender<u64>>,
    not_before: Option<Instant>,
    bytes_since: u64,
    change_since: Option<Instant>,
    draining: bool,
}

/// What a batch holds back until it is durable.
struct Batch<M: Machine> {
    entries: Vec<Entry>,
    bytes: usize,
    release: Vec<Release>,
    notes: Vec<M::Note>,
    sent: Vec<Outgoing>,
}

enum Stop {
    Drained,
    Failed,
}

/// An idle partition journals what its receivers have applied this long after it heard of it.
const ACK_DELAY: Duration = Duration::from_millis(200);
/// How long a due checkpoint waits when another partition's is under way.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(50);

impl<M: Machine> Running<M> {
    async fn run(
        mut self,
        mut external: mpsc::Receiver<External<M>>,
        mut internal: mpsc::UnboundedReceiver<Internal<M>>,
    ) {
        self.resume();
        loop {
            let mut first = None;
            let due = M::next_due(self.core.state());
            tokio::select! {
                biased;
                item = internal.recv() => match item {
                    Some(item) => first = Some(Item::Internal(item)),
                    None => break,
                },
                item = external.recv(), if !self.refusing() => match item {
                    Some(item) => first = Some(Item::External(item)),
                    None => break,
                },
                () = self.clock.wait_until(due.unwrap_or(Timestamp::MAX)), if due.is_some() => {}
                () = tokio::time::sleep(ACK_DELAY), if !self.acknowledged.is_empty() => {}
                () = tokio::time::sleep(self.until_checkpoint()), if self.change_since.is_some() && !self.checkpointing => {}
            }
            match self.turn(first, &mut external, &mut internal).await {
                Ok(()) => {}
                Err(Stop::Drained) => break,
                Err(Stop::Failed) => {
                    self.status.stopped.store(true, Ordering::SeqCst);
                    tracing::error!(partition = %self.id, "the partition has stopped; restart the process");
                    break;
                }
            }
        }
    }

    /// Sends what was not acknowledged before the restart and repeats pending notes.
    fn resume(&mut self) {
        let undelivered = self.core.undelivered();
        if !undelivered.is_empty() {
            // The sender lives as long as this task.
            let _ = self.outgoing.send(undelivered);
        }
        let pending = M::pending(self.core.state());
        self.observer.committed(self.core.state(), self.sequence, pending);
    }

    /// New commands wait in the queue while the outbox is above its bound: messages go first, so it drains.
    fn refusing(&self) -> bool {
        self.core.outbox_depth() > self.limits.outbox
    }

    fn until_checkpoint(&self) -> Duration {
        let age = self.change_since.map_or(Duration::ZERO, |since| since.elapsed());
        let pause = self.not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
        Duration::from_millis(self.limits.checkpoint_age_ms).saturating_sub(age).max(pause)
    }

    async fn turn(
        &mut self,
        first: Option<Item<M>>,
        external: &mut mpsc::Receiver<External<M>>,
        internal: &mut mpsc::UnboundedReceiver<Internal<M>>,
    ) -> Result<(), Stop> {
        let room = self.target.journal.ensure_room(LogId(self.id.number()));
        let mut batch =
            Batch { entries: Vec::new(), bytes: 0, release: Vec::new(), notes: Vec::new(), sent: Vec::new() };
        let mut frozen = Vec::new();
        let mut next = first;
        let mut inputs = 0;
        while inputs < self.limits.batch_inputs && batch.bytes < self.limits.batch_bytes {
            let item = match next.take() {
                Some(item) => item,
                None => match internal.try_recv() {
                    Ok(item) => Item::Internal(item),
                    Err(_) if self.refusing() => break,
                    Err(_) => match external.try_recv() {
                        Ok(item) => Item::External(item),
                        Err(_) => break,
                    },
                },
            };
            inputs += 1;
            let batch = &mut batch;
            let taken = catch_unwind(AssertUnwindSafe(|| self.take(item, room.is_ok(), batch, &mut frozen)));
            match taken {
                Ok(Ok(())) => {}
                Ok(Err(stop)) => return Err(stop),
                Err(_) => return Err(Stop::Failed),
            }
        }
        if room.is_ok() {
            let ticked = catch_unwind(AssertUnwindSafe(|| self.tick(&mut batch)));
            ticked.map_err(|_| Stop::Failed)?;
            self.commit(batch, inputs).await?;
        } else {
            // Without room nothing was decided; only reads are in the batch, and all they saw is durable.
            if self.target.journal.is_poisoned() {
                return Err(Stop::Failed);
            }
            batch.release.into_iter().for_each(|release| release());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for (job, thaw) in frozen {
            let (core, sequence) = (&mut self.core, self.sequence);
            catch_unwind(AssertUnwindSafe(|| job(core, sequence))).map_err(|_| Stop::Failed)?;
            // Thawed by an answer or by the coordinator going away.
            let _ = thaw.await;
        }
        self.maybe_checkpoint();
        if self.draining && self.acknowledged.is_empty() { Err(Stop::Drained) } else { Ok(()) }
    }

    fn position(&self, batch: &Batch<M>) -> Position {
        Position { sequence: self.sequence + 1, index: batch.entries.len() as u32 }
    }

    fn take(
        &mut self,
        item: Item<M>,
        room: bool,
        batch: &mut Batch<M>,
        frozen: &mut Vec<(CutJob<M>, oneshot::Receiver<()>)>,
    ) -> Result<(), Stop> {
        match item {
            Item::External(External::Command(submission, answer)) => {
                self.command(submission, answer, room, batch)
            }
            Item::External(External::Read(read)) => {
                let at = self.clock.now().max(self.core.at());
                batch.release.push(read(self.core.state(), at));
            }
            Item::Internal(Internal::Deliver(delivery, answer)) => {
                self.delivery(delivery, answer, room, batch)
            }
            Item::Internal(Internal::Acknowledged { to, through }) => {
                self.acknowledged.insert(to, through);
            }
            Item::Internal(Internal::CheckpointDone(result)) => self.checkpoint_done(result)?,
            Item::Internal(Internal::CheckpointNow(done)) => self.wanted.push(done),
            Item::Internal(Internal::Freeze { job, thaw }) => frozen.push((job, thaw)),
            Item::Internal(Internal::Drain) => self.draining = true,
        }
        Ok(())
    }

    fn command(
        &mut self,
        submission: Submission<M>,
        answer: oneshot::Sender<Result<Accepted<M::Answer>, Failure<M::Refusal>>>,
        room: bool,
        batch: &mut Batch<M>,
    ) {
        // A caller that went away needs no answer; what it asked for stands.
        if self.draining {
            drop(answer.send(Err(Failure::Unavailable { why: "it is stopping" })));
            return;
        }
        if !room {
            let full = Failure::Busy { what: "the disk has no room for the journal", retry_after_ms: 1000 };
            drop(answer.send(Err(full)));
            return;
        }
        let position = self.position(batch);
        let Submission { command, origin, request } = submission;
        let staged = self.core.step(Input::Command { command, origin, request }, self.clock.now(), position);
        let token = Token { partition: self.id, sequence: position.sequence };
        let result = batch.stage(staged).map(|answer| Accepted { answer, token });
        batch.release.push(Box::new(move || drop(answer.send(result))));
    }

    fn delivery(
        &mut self,
        delivery: Delivery,
        answer: oneshot::Sender<Result<u64, DeliverError>>,
        room: bool,
        batch: &mut Batch<M>,
    ) {
        let received = self.core.received(delivery.from);
        if !room {
            drop(answer.send(Err(DeliverError::Unavailable(self.id))));
            return;
        }
        if delivery.first > received + 1 {
            drop(answer.send(Err(DeliverError::Gap { expected: received + 1 })));
            return;
        }
        let mut through = received;
        for (offset, bytes) in delivery.messages.into_iter().enumerate() {
            let sequence = delivery.first + offset as u64;
            if sequence <= received {
                continue;
            }
            let position = self.position(batch);
            let input = Input::Message { from: delivery.from, sequence, bytes };
            let staged = self.core.step(input, self.clock.now(), position);
            // Answered by messages of their own; there is no caller.
            drop(batch.stage(staged));
            through = sequence;
        }
        batch.release.push(Box::new(move || drop(answer.send(Ok(through)))));
    }

    fn tick(&mut self, batch: &mut Batch<M>) {
        let now = self.clock.now().max(self.core.at());
        if M::next_due(self.core.state()).is_some_and(|due| due <= now) {
            let position = self.position(batch);
            let staged = self.core.step(Input::Tick, now, position);
            drop(batch.stage(staged));
        }
    }

    /// One append, one sync; then everything the batch held back may leave.
    async fn commit(&mut self, batch: Batch<M>, inputs: usize) -> Result<(), Stop> {
        let acknowledged: Vec<Acknowledged> = std::mem::take(&mut self.acknowledged)
            .into_iter()
            .map(|(to, through)| Acknowledged { to, through })
            .collect();
        if !batch.entries.is_empty() || !acknowledged.is_empty() {
            self.core.acknowledge(&acknowledged);
            let body = Body { version: Body::VERSION, entries: batch.entries, acknowledged };
            let bytes = waybill_machine::record::encode(&body);
            let length = bytes.len() as u64;
            let log = LogId(self.id.number());
            let appended = self.target.journal.append(log, self.epoch, self.sequence + 1, bytes.into()).await;
            match appended {
                Ok(head) => (self.sequence, self.hash) = (head.seq, head.hash),
                Err(error) => {
                    tracing::error!(partition = %self.id, %error, "the journal refused a frame");
                    return Err(Stop::Failed);
                }
            }
            self.bytes_since += length;
            self.change_since.get_or_insert_with(Instant::now);
            self.status.sequence.store(self.sequence, Ordering::Release);
            metrics::counter!(names::FRAMES, "partition" => self.label.clone()).increment(1);
            metrics::counter!(names::FRAME_BYTES, "partition" => self.label.clone()).increment(length);
        }
        metrics::counter!(names::STEPS, "partition" => self.label.clone()).increment(inputs as u64);
        metrics::gauge!(names::OUTBOX_DEPTH, "partition" => self.label.clone())
            .set(self.core.outbox_depth() as f64);
        self.status.outbox.store(self.core.outbox_depth() as u64, Ordering::Relaxed);
        if !batch.sent.is_empty() {
            // The sender lives as long as this task.
            let _ = self.outgoing.send(batch.sent);
        }
        if !batch.notes.is_empty() {
            self.observer.committed(self.core.state(), self.sequence, batch.notes);
        }
        batch.release.into_iter().for_each(|release| release());
        Ok(())
    }

    fn maybe_checkpoint(&mut self) {
        if self.checkpointing {
            return;
        }
        let wanted = !self.wanted.is_empty();
        if !wanted && self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let due = self.change_since.is_some()
            && (self.bytes_since >= self.limits.checkpoint_bytes
                || self.until_checkpoint().is_zero()
                || self.core.rows().0 >= self.limits.checkpoint_rows);
        if !wanted && !due {
            return;
        }
        // One checkpoint at a time in the process: sled has one writer. Who finds it busy asks again a little later.
        let Ok(permit) = Arc::clone(&self.checkpoints).try_acquire_owned() else {
            if wanted {
                self.retry_checkpoint();
            } else {
                self.not_before = Some(Instant::now() + CHECKPOINT_PAUSE);
            }
            return;
        };
        self.not_before = None;
        self.served = std::mem::take(&mut self.wanted);
        let images = self.core.begin_checkpoint();
        let marker = Marker { partition: self.id, sequence: self.sequence, hash: self.hash };
        self.checkpointing = true;
        self.bytes_since = 0;
        self.change_since = None;
        let (target, internal, label) = (self.target.clone(), self.internal.clone(), self.label.clone());
        tokio::task::spawn_blocking(move || {
            let result = timed_checkpoint(&target, &marker, &images, label, permit);
            if let Some(internal) = internal.upgrade() {
                // A partition that is gone needs no news.
                let _ = internal.send(Internal::CheckpointDone(result.map_err(Arc::new)));
            }
        });
    }

    /// Wakes this task when the checkpoint of another partition is done.
    fn retry_checkpoint(&mut self) {
        let (checkpoints, internal) = (Arc::clone(&self.checkpoints), self.internal.clone());
        let wanted = std::mem::take(&mut self.wanted);
        tokio::spawn(async move {
            drop(checkpoints.acquire_owned().await);
            for done in wanted {
                if let Some(internal) = internal.upgrade() {
                    let _ = internal.send(Internal::CheckpointNow(done));
                }
            }
        });
    }

    fn checkpoint_done(&mut self, result: Result<u64, Arc<CheckpointError>>) -> Result<(), Stop> {
        self.checkpointing = false;
        let sequence = result.map_err(|error| {
            tracing::error!(partition = %self.id, %error, "a checkpoint failed");
            Stop::Failed
        })?;
        self.core.finish_checkpoint();
        self.status.checkpoint.store(sequence, Ordering::Relaxed);
        self.status.checkpoints.fetch_add(1, Ordering::Relaxed);
        self.status.memory_rows.store(self.core.rows().1 as u64, Ordering::Relaxed);
        metrics::counter!(names::CHECKPOINTS, "partition" => self.label.clone()).increment(1);
        for done in self.served.drain(..) {
            // Who asked and went away needs no answer.
            let _ = done.send(sequence);
        }
        Ok(())
    }
}

fn timed_checkpoint(
    target: &Target,
    marker: &Marker,
    images: &[waybill_machine::RowImage],
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

impl<M: Machine> Batch<M> {
    fn stage(&mut self, staged: Staged<M>) -> Result<M::Answer, Failure<M::Refusal>> {
        if let Some(entry) = staged.entry {
            self.bytes += 64 + entry.events.iter().map(|event| event.len()).sum::<usize>();
            self.entries.push(entry);
        }
        self.notes.extend(staged.notes);
        self.sent.extend(staged.sent);
        staged.result
    }
}

enum Item<M: Machine> {
    Internal(Internal<M>),
    External(External<M>),
}
