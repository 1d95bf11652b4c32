//! The task of one partition: gather what queued up, decide, append, answer; checkpoint at batch boundaries.

use crate::checkpoint::Target;
use crate::clock::Clock;
use crate::core::{Core, Input, Staged};
use crate::entry::{Acknowledged, Body, Entry};
use crate::handle::{Limits, Mailbox, Observer, Partition, Status};
use crate::mailbox::{Accepted, CutJob, External, Failure, Internal, Release, Submission};
use crate::metrics as names;
use crate::router::{DeliverError, Delivery, Router};
use crate::saver::{Saver, SaverOf};
use crate::sender::{self, Outgoing};
use crate::tenure::Tenure;
use crate::token::Token;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, oneshot};
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
    let (handle, mut mailbox) = Partition::open(start.id, &start.limits, &start.target.journal);
    handle.status.checkpoint.store(start.checkpoint_sequence, Ordering::Relaxed);
    let internal = handle.internal.downgrade();
    let saver = Saver::new(SaverOf {
        partition: start.id,
        target: start.target.clone(),
        limits: start.limits.clone(),
        checkpoints: start.checkpoints,
        status: Arc::clone(&handle.status),
        internal: internal.clone(),
    });
    let place = Place {
        id: start.id,
        target: start.target,
        clock: start.clock,
        router: start.router,
        limits: start.limits,
        status: Arc::clone(&handle.status),
        internal,
    };
    let stand =
        Stand { core: start.core, sequence: start.claim.head.seq, hash: start.claim.head.hash, saver };
    let running = Running::new(place, stand, start.claim.epoch, start.observer, None);
    let task = tokio::spawn(async move { drop(running.run(&mut mailbox).await) });
    (handle, task)
}

/// What a partition has around it, whoever owns it.
pub(crate) struct Place<M: Machine> {
    pub(crate) id: PartitionId,
    pub(crate) target: Target,
    pub(crate) clock: Clock,
    pub(crate) router: Router,
    pub(crate) limits: Limits,
    pub(crate) status: Arc<Status>,
    pub(crate) internal: mpsc::WeakUnboundedSender<Internal<M>>,
}

impl<M: Machine> Clone for Place<M> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            target: self.target.clone(),
            clock: self.clock.clone(),
            router: self.router.clone(),
            limits: self.limits.clone(),
            status: Arc::clone(&self.status),
            internal: self.internal.clone(),
        }
    }
}

/// A state at a durable frame.
pub(crate) struct Stand<M: Machine> {
    pub(crate) core: Core<M>,
    pub(crate) sequence: u64,
    pub(crate) hash: [u8; 16],
    pub(crate) saver: Saver<M>,
}

/// What is left of an owner.
pub(crate) struct Ended<M: Machine> {
    pub(crate) why: Stop,
    /// Durable as it is only where it was drained or stepped down; otherwise of use for nothing.
    pub(crate) stand: Stand<M>,
    pub(crate) observer: Box<dyn Observer<M>>,
}

/// The owner of a partition at work.
pub(crate) struct Running<M: Machine> {
    meters: names::Meters,
    id: PartitionId,
    core: Core<M>,
    epoch: u64,
    sequence: u64,
    hash: [u8; 16],
    target: Target,
    clock: Clock,
    limits: Limits,
    observer: Box<dyn Observer<M>>,
    status: Arc<Status>,
    outgoing: mpsc::UnboundedSender<Vec<Outgoing>>,
    acknowledged: BTreeMap<PartitionId, u64>,
    acknowledge_at: Option<Instant>,
    saver: Saver<M>,
    /// Where others could own it: for how long this process may rely on being the one.
    tenure: Option<Arc<Tenure>>,
    stepping_down: Vec<oneshot::Sender<()>>,
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

/// Why an owner ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The process stops, and all is durable.
    Drained,
    /// Another process shall own it, and all is durable.
    SteppedDown,
    /// It cannot go on: what it has in memory may not be in the journal.
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
    pub(crate) fn new(
        place: Place<M>,
        stand: Stand<M>,
        epoch: u64,
        observer: Box<dyn Observer<M>>,
        tenure: Option<Arc<Tenure>>,
    ) -> Self {
        let (outgoing, outgoing_in) = mpsc::unbounded_channel();
        tokio::spawn(sender::run::<M>(place.id, place.router, outgoing_in, place.internal));
        place.status.sequence.store(stand.sequence, Ordering::Release);
        Self {
            meters: names::Meters::new(&place.id.to_string()),
            id: place.id,
            core: stand.core,
            epoch,
            sequence: stand.sequence,
            hash: stand.hash,
            target: place.target,
            clock: place.clock,
            limits: place.limits,
            observer,
            status: place.status,
            outgoing,
            acknowledged: BTreeMap::new(),
            acknowledge_at: None,
            saver: stand.saver,
            tenure,
            stepping_down: Vec::new(),
            draining: false,
            turns: 0,
        }
    }

    /// Works until it is told to stop or fails.
    pub(crate) async fn run(mut self, mailbox: &mut Mailbox<M>) -> Ended<M> {
        self.resume();
        let why = loop {
            let mut first = None;
            let due = M::next_due(self.core.state());
            let save = self.saver.due_in();
            tokio::select! {
                biased;
                item = mailbox.internal.recv() => match item {
                    Some(item) => first = Some(Item::Internal(item)),
                    None => break Stop::Drained,
                },
                item = mailbox.external.recv() => match item {
                    Some(item) => first = Some(Item::External(item)),
                    None => break Stop::Drained,
                },
                () = self.clock.wait_until(due.unwrap_or(Timestamp::MAX)), if due.is_some() => {}
                () = wait_until(self.acknowledge_at), if self.acknowledge_at.is_some() => {}
                () = tokio::time::sleep(save.unwrap_or_default()), if save.is_some() => {}
            }
            // Whatever else is ready runs first and may put more in, so that a busy process makes few and large frames. An
            // idle one comes back at once.
            tokio::task::yield_now().await;
            match self.turn(first, &mut mailbox.external, &mut mailbox.internal).await {
                Ok(()) => {}
                Err(stop) => break stop,
            }
        };
        if why == Stop::Failed && self.tenure.is_none() {
            self.status.stopped.store(true, Ordering::SeqCst);
            tracing::error!(partition = %self.id, "the partition has stopped; restart the process");
        }
        let stand = Stand { core: self.core, sequence: self.sequence, hash: self.hash, saver: self.saver };
        for done in self.stepping_down {
            // Who waits no more needs no word.
            let _ = done.send(());
        }
        Ended { why, stand, observer: self.observer }
    }

    /// Sends what was not acknowledged before the restart and repeats pending notes.
    fn resume(&mut self) {
        self.show_outbox();
        let undelivered = self.core.letters();
        if !undelivered.is_empty() {
            // The sender lives as long as this task.
            let _ = self.outgoing.send(undelivered);
        }
        let pending = M::pending(self.core.state());
        self.observer.committed(self.core.state(), self.sequence, pending);
    }

    fn show_outbox(&self) {
        let since = self.core.waiting_since().unwrap_or(Timestamp::ZERO);
        self.meters.outbox_depth.set(self.core.outbox_depth() as f64);
        self.status.outbox.store(self.core.outbox_depth() as u64, Ordering::Relaxed);
        self.status.outbox_since_ms.store(since.as_ms(), Ordering::Relaxed);
    }

    /// New commands are refused while the outbox is above its bound: messages go first, so it drains. Reads go on.
    fn refusing(&self) -> bool {
        self.core.outbox_depth() > self.limits.outbox
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
        while inputs < self.limits.batch_inputs
            && batch.bytes < self.limits.batch_bytes
            && self.stepping_down.is_empty()
        {
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
            if self.is_surely_owner() {
                batch.release.into_iter().for_each(|release| release());
            }
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
        self.saver.maybe_begin(&mut self.core, self.sequence, self.hash);
        self.turns = self.turns.wrapping_add(1);
        if self.turns.is_multiple_of(256) {
            self.core.forget_read_rows();
        }
        if !self.stepping_down.is_empty() {
            return Err(Stop::SteppedDown);
        }
        let over = self.draining && self.acknowledged.is_empty() && !self.saver.is_running();
        if over { Err(Stop::Drained) } else { Ok(()) }
    }

    /// True where nobody else can have become the owner before now.
    fn is_surely_owner(&self) -> bool {
        self.tenure.as_ref().is_none_or(|tenure| tenure.holds())
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
            Item::External(External::Read(read) | External::Glance(read)) => {
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
            Item::Internal(Internal::CheckpointDone(result)) => {
                if !self.saver.done(&mut self.core, result) {
                    return Err(Stop::Failed);
                }
            }
            Item::Internal(Internal::CheckpointNow(done)) => self.saver.want(done),
            Item::Internal(Internal::CheckpointPermit(permit)) => self.saver.permitted(permit),
            Item::Internal(Internal::StepDown(done)) => self.stepping_down.push(done),
            // It is the owner already, and what a follower asked for is of no use to it.
            Item::Internal(Internal::Own | Internal::Position(_) | Internal::Reach(_)) => {}
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
        for (offset, letter) in delivery.messages.into_iter().enumerate() {
            let sequence = delivery.first + offset as u64;
            if sequence <= received {
                continue;
            }
            let position = self.position(batch);
            let input = Input::Message { from: delivery.from, sequence, letter };
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
        let news = !batch.entries.is_empty() || (ripe && !self.acknowledged.is_empty());
        // What was read or refused may be old where another process could have taken over since: a frame that is taken
        // proves that none has.
        if news || !(batch.release.is_empty() || self.is_surely_owner()) {
            let acknowledged: Vec<Acknowledged> = std::mem::take(&mut self.acknowledged)
                .into_iter()
                .map(|(to, through)| Acknowledged { to, through })
                .collect();
            self.acknowledge_at = None;
            self.core.acknowledge(&acknowledged);
            let state = self.tenure.as_ref().and_then(|_| self.status.compare.to_tell());
            if self.tenure.is_some() && self.status.compare.difference().is_some() {
                tracing::error!(partition = %self.id, "what is owned here is not what was owned before; it is made anew");
                return Err(Stop::Failed);
            }
            let version = self.status.form();
            let body = Body { version, entries: batch.entries, acknowledged, state };
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
            self.saver.wrote(length);
            if self.tenure.is_some() {
                self.saver.compare(&mut self.core, self.sequence);
            }
            self.status.sequence.store(self.sequence, Ordering::Release);
            self.meters.frames.increment(1);
            self.meters.frame_bytes.increment(length);
        }
        self.meters.steps.increment(inputs as u64);
        self.show_outbox();
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
