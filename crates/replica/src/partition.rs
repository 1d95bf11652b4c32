//! The task of one partition: gather what queued up, decide, append, answer; checkpoint at batch boundaries.

use crate::checkpoint::{self, CheckpointError, Marker, Target};
use crate::clock::Clock;
use crate::core::{Core, Input, Staged};
use crate::entry::{Acknowledged, Body, Entry};
use crate::handle::{Limits, Observer, Partition, Status};
use crate::mailbox::{Accepted, CutJob, External, Failure, Internal, Release, Submission};
use crate::metrics as names;
use crate::router::{DeliverError, Delivery, Router};
use crate::sender::{self, Outgoing};
use crate::token::Token;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use waybill_journal::{Claim, LogId};
use waybill_machine::{Machine, Position};
use waybill_types::{PartitionId, Timestamp};

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
        meters: names::Meters::new(&start.id.to_string()),
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
        acknowledge_at: None,
        checkpointing: false,
        wanted: Vec::new(),
        served: Vec::new(),
        permit: None,
        permit_asked: false,
        bytes_since: 0,
        change_since: None,
        draining: false,
        turns: 0,
    };
    let task = tokio::spawn(running.run(external_in, internal_in));
    (handle, task)
}

struct Running<M: Machine> {
    label: String,
    meters: names::Meters,
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
    permit: Option<OwnedSemaphorePermit>,
    permit_asked: bool,
    acknowledge_at: Option<Instant>,
    bytes_since: u64,
    change_since: Option<Instant>,
    draining: bool,
    turns: u32,
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

async fn wait_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}

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
                item = external.recv() => match item {
                    Some(item) => first = Some(Item::External(item)),
                    None => break,
                },
                () = self.clock.wait_until(due.unwrap_or(Timestamp::MAX)), if due.is_some() => {}
                () = wait_until(self.acknowledge_at), if self.acknowledge_at.is_some() => {}
                () = tokio::time::sleep(self.until_checkpoint()), if self.change_since.is_some() && !self.checkpointing && !self.permit_asked => {}
            }
            // Whatever else is ready runs first and may put more in, so that a busy process makes few and large frames. An
            // idle one comes back at once.
            tokio::task::yield_now().await;
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

    /// New commands are refused while the outbox is above its bound: messages go first, so it drains. Reads go on.
    fn refusing(&self) -> bool {
        self.core.outbox_depth() > self.limits.outbox
    }

    fn until_checkpoint(&self) -> Duration {
        let age = self.change_since.map_or(Duration::ZERO, |since| since.elapsed());
        Duration::from_millis(self.limits.checkpoint_age_ms).saturating_sub(age)
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
            if self.draining {
                // What is not journaled as applied is sent again after the restart and skipped there.
                self.acknowledged.clear();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for (job, thaw) in frozen {
            let (core, sequence) = (&mut self.core, self.sequence);
            catch_unwind(AssertUnwindSafe(|| job(core, sequence))).map_err(|_| Stop::Failed)?;
            // Thawed by an answer or by the coordinator going away.
            let _ = thaw.await;
        }
        self.maybe_checkpoint();
        self.turns = self.turns.wrapping_add(1);
        if self.turns.is_multiple_of(256) {
            self.core.forget_read_rows();
        }
        let over = self.draining && self.acknowledged.is_empty() && !self.checkpointing;
        if over { Err(Stop::Drained) } else { Ok(()) }
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
                self.acknowledge_at.get_or_insert_with(|| Instant::now() + ACK_DELAY);
            }
            Item::Internal(Internal::CheckpointDone(result)) => self.checkpoint_done(result)?,
            Item::Internal(Internal::CheckpointNow(done)) => self.wanted.push(done),
            Item::Internal(Internal::CheckpointPermit(permit)) => {
                self.permit_asked = false;
                self.permit = Some(permit);
            }
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
        if self.refusing() {
            let full =
                Failure::Busy { what: "too many messages wait for other partitions", retry_after_ms: 200 };
            drop(answer.send(Err(full)));
            return;
        }
        let position = self.position(batch);
        let Submission { command, origin, request } = submission;
        let staged = self.core.step(Input::Command { command, origin, request }, self.clock.now(), position);
        let decided = batch.stage(staged);
        // A remembered answer in a batch of its own is journaled already; a token beyond the journal would be refused.
        let sequence = if batch.entries.is_empty() { self.sequence } else { position.sequence };
        let token = Token { partition: self.id, sequence };
        let result = decided.map(|answer| Accepted { answer, token });
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
            if batch.bytes >= self.limits.batch_bytes {
                // One frame has a largest size; the sender sends the rest again.
                break;
            }
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
        // Acknowledgements ride along; alone they wait a little, since each frame costs a sync.
        let ripe = self.draining || self.acknowledge_at.is_some_and(|at| at <= Instant::now());
        if !batch.entries.is_empty() || (ripe && !self.acknowledged.is_empty()) {
            let acknowledged: Vec<Acknowledged> = std::mem::take(&mut self.acknowledged)
                .into_iter()
                .map(|(to, through)| Acknowledged { to, through })
                .collect();
            self.acknowledge_at = None;
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
            self.meters.frames.increment(1);
            self.meters.frame_bytes.increment(length);
        }
        self.meters.steps.increment(inputs as u64);
        self.meters.outbox_depth.set(self.core.outbox_depth() as f64);
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
        let due = self.change_since.is_some()
            && (self.bytes_since >= self.limits.checkpoint_bytes
                || self.until_checkpoint().is_zero()
                || self.core.dirty_rows() >= self.limits.checkpoint_rows);
        if self.wanted.is_empty() && !due {
            self.permit = None;
            return;
        }
        let Some(permit) = self.permit.take() else {
            self.ask_for_permit();
            return;
        };
        self.served = std::mem::take(&mut self.wanted);
        let images = self.core.begin_checkpoint();
        let marker = Marker { partition: self.id, sequence: self.sequence, hash: self.hash };
        self.checkpointing = true;
        self.bytes_since = 0;
        self.change_since = None;
        let (target, internal, label) = (self.target.clone(), self.internal.clone(), self.label.clone());
        tokio::task::spawn_blocking(move || {
            let result = timed_checkpoint(&target, &marker, images, label, permit);
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
        let (checkpoints, internal) = (Arc::clone(&self.checkpoints), self.internal.clone());
        tokio::spawn(async move {
            if let (Ok(permit), Some(internal)) = (checkpoints.acquire_owned().await, internal.upgrade()) {
                // A partition that is gone needs no permit.
                let _ = internal.send(Internal::CheckpointPermit(permit));
            }
        });
    }

    fn checkpoint_done(&mut self, result: Result<u64, Arc<CheckpointError>>) -> Result<(), Stop> {
        self.checkpointing = false;
        let sequence = match result {
            Ok(sequence) => sequence,
            Err(error) if error.is_before_the_store() => {
                // Most likely the disk is full: nothing is lost, the journal has it all. Tried again when it is due.
                tracing::warn!(partition = %self.id, %error, "a checkpoint could not be begun");
                self.core.abandon_checkpoint();
                self.change_since = Some(Instant::now());
                self.served.clear();
                return Ok(());
            }
            Err(error) => {
                tracing::error!(partition = %self.id, %error, "a checkpoint failed");
                return Err(Stop::Failed);
            }
        };
        self.core.finish_checkpoint();
        self.status.checkpoint.store(sequence, Ordering::Relaxed);
        self.status.checkpoints.fetch_add(1, Ordering::Relaxed);
        self.status.memory_rows.store(self.core.memory_rows() as u64, Ordering::Relaxed);
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
