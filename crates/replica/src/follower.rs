//! A partition that another process owns, as this one keeps it: every frame is applied as it comes, so that taking over
//! is reading a short tail. Commands and messages go to the owner; reads ask the owner where it is and wait until this
//! copy is as far. It decides nothing.

use crate::cluster::Unrouted;
use crate::compare::Difference;
use crate::core::Core;
use crate::entry::Body;
use crate::forward;
use crate::handle::{Mailbox, Role};
use crate::mailbox::{CutJob, External, Internal, ReadJob};
use crate::partition::Stand;
use crate::saver::Saver;
use crate::seat::Seat;
use crate::{carried::Routed, recovery::RecoveryError};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;
use waybill_journal::{Frame, LogId, chain_hash};
use waybill_machine::record::decode;

/// How following ended.
pub(crate) enum Followed<M: Routed> {
    /// This process owns it under this epoch; the state stands at its claim.
    Owns(Stand<M>, u64),
    /// The process stops.
    Over,
    /// The copy is of no use any more.
    Failed(Saver<M>),
}

/// Why a copy cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    #[error(transparent)]
    Journal(#[from] waybill_journal::Error),
    #[error(transparent)]
    Frame(#[from] RecoveryError),
    #[error("frame {at} does not continue what was applied before it")]
    BadChain { at: u64 },
    #[error("at frame {} the owner's state hashes to {:02x?}, this copy's to {:02x?}", .0.sequence, .0.owner, .0.here)]
    Different(Difference),
}

const READ_BYTES: usize = 4 << 20;

/// What waits until the copy is far enough.
struct Waiting<M: Routed> {
    /// Reads whose question to the owner is under way.
    asked: Vec<ReadJob<M>>,
    /// Reads that came since: the answer under way may be too old for them.
    queued: Vec<ReadJob<M>>,
    /// Reads by the sequence they need.
    until: BTreeMap<u64, Vec<ReadJob<M>>>,
    count: usize,
}

pub(crate) struct Following<'a, M: Routed> {
    seat: &'a mut Seat<M>,
    core: Core<M>,
    sequence: u64,
    hash: [u8; 16],
    saver: Saver<M>,
    notes: Vec<M::Note>,
    waiting: Waiting<M>,
    draining: bool,
}

impl<'a, M: Routed> Following<'a, M> {
    pub(crate) fn new(seat: &'a mut Seat<M>, stand: Stand<M>) -> Self {
        let waiting = Waiting { asked: Vec::new(), queued: Vec::new(), until: BTreeMap::new(), count: 0 };
        let Stand { core, sequence, hash, saver } = stand;
        Self { seat, core, sequence, hash, saver, notes: Vec::new(), waiting, draining: false }
    }

    fn log(&self) -> LogId {
        LogId(self.seat.place.id.number())
    }

    /// What it stands at, for whoever goes on.
    pub(crate) fn stand(self) -> Stand<M> {
        Stand { core: self.core, sequence: self.sequence, hash: self.hash, saver: self.saver }
    }

    /// Follows until it owns, stops or fails.
    pub(crate) async fn run(mut self, mailbox: &mut Mailbox<M>) -> Followed<M> {
        let mut durable = self.seat.place.target.journal.watch(self.log());
        durable.mark_changed();
        let compared = Arc::clone(&self.seat.place.status.compare);
        loop {
            let save = self.saver.due_in();
            let done = tokio::select! {
                biased;
                item = mailbox.internal.recv() => match item {
                    // Its lease has been given up, or lost to another, since it was told to.
                    Some(Internal::Own) if !self.seat.tenure.is_worth_a_claim() => Ok(()),
                    Some(Internal::Own) => match self.claim().await {
                        Ok(Some(epoch)) if compared.difference().is_none() => return self.owns(epoch),
                        // What was found to differ meanwhile owns nothing: it is thrown away below.
                        Ok(_) => { self.seat.place.status.set_role(Role::Follower); Ok(()) }
                        Err(error) => Err(error),
                    },
                    Some(item) => self.internal(item).await,
                    None => return Followed::Over,
                },
                item = mailbox.external.recv() => match item {
                    Some(item) => { self.external(item); Ok(()) }
                    None => return Followed::Over,
                },
                changed = durable.changed() => match changed {
                    Ok(()) => self.tail(0).await,
                    Err(_) => Err(waybill_journal::Error::Closed.into()),
                },
                () = tokio::time::sleep(save.unwrap_or_default()), if save.is_some() => Ok(()),
                () = compared.changed() => Ok(()),
            };
            let done = done.and_then(|()| match compared.difference() {
                Some(difference) => Err(FollowError::Different(difference)),
                None => Ok(()),
            });
            if let Err(error) = done {
                if let FollowError::Different(_) = error {
                    tracing::error!(partition = %self.seat.place.id, %error, "a copy is not what its owner has; it is thrown away");
                }
                tracing::warn!(partition = %self.seat.place.id, %error, "the copy of a partition is made anew");
                return Followed::Failed(self.saver);
            }
            self.saver.maybe_begin(&mut self.core, self.sequence, self.hash);
            if self.draining && !self.saver.is_running() {
                return Followed::Over;
            }
        }
    }

    /// It owns: what waited is read from the state at its own claim, which is as new as can be.
    fn owns(mut self, epoch: u64) -> Followed<M> {
        let waiting = &mut self.waiting;
        let mut reads = std::mem::take(&mut waiting.asked);
        reads.append(&mut waiting.queued);
        reads.extend(std::mem::take(&mut waiting.until).into_values().flatten());
        self.read_now(reads);
        Followed::Owns(self.stand(), epoch)
    }

    async fn internal(&mut self, item: Internal<M>) -> Result<(), FollowError> {
        match item {
            Internal::Deliver(delivery, answer) => {
                tokio::spawn(forward::delivery(self.seat.forwarding(), delivery, answer));
            }
            Internal::Position(position) => return self.positioned(position).await,
            Internal::Reach(sequence) if sequence > self.sequence => return self.tail(sequence).await,
            Internal::Reach(_) => {}
            Internal::CheckpointDone(result) => {
                if !self.saver.done(&mut self.core, result) {
                    let partition = self.seat.place.id;
                    let what = "a checkpoint failed".to_owned();
                    return Err(RecoveryError::Panicked { partition, what }.into());
                }
            }
            Internal::CheckpointNow(done) => self.saver.want(done),
            Internal::CheckpointPermit(permit) => self.saver.permitted(permit),
            Internal::Freeze { job, thaw } => self.freeze(job, thaw).await?,
            Internal::Drain => self.draining = true,
            Internal::StepDown(done) => drop(done.send(())),
            // The owner of a while ago hears what became of its messages; the present one is told too.
            Internal::Acknowledged { .. } | Internal::Own => {}
        }
        Ok(())
    }

    async fn freeze(&mut self, job: CutJob<M>, thaw: oneshot::Receiver<()>) -> Result<(), FollowError> {
        let (core, sequence, partition) = (&mut self.core, self.sequence, self.seat.place.id);
        catch_unwind(AssertUnwindSafe(|| job(core, sequence)))
            .map_err(|panic| RecoveryError::panicked(partition, &*panic))?;
        // Thawed by an answer or by the coordinator going away.
        let _ = thaw.await;
        Ok(())
    }

    fn external(&mut self, item: External<M>) {
        match item {
            External::Command(submission, answer) => {
                forward::command(self.seat.forwarding(), submission, answer);
            }
            External::Glance(read) => self.read_now(vec![read]),
            External::Read(read) => {
                // Beyond the bound the reader is told that it was not read.
                if self.waiting.count < self.seat.place.limits.queue {
                    self.waiting.count += 1;
                    self.waiting.queued.push(read);
                    self.ask();
                }
            }
        }
    }

    /// One question at a time serves all reads that came before it.
    fn ask(&mut self) {
        if !self.waiting.asked.is_empty() || self.waiting.queued.is_empty() {
            return;
        }
        self.waiting.asked = std::mem::take(&mut self.waiting.queued);
        let (cluster, place) = (self.seat.cluster.clone(), self.seat.place.clone());
        tokio::spawn(async move {
            let position = loop {
                match cluster.position(place.id).await {
                    Ok(position) => break Some(position),
                    // It is about to own, and then reads by itself; or the lease is not known to have moved on yet.
                    Err(Unrouted::Here) if place.status.role() != Role::Owner => {
                        tokio::time::sleep(forward::PAUSE).await;
                        cluster.look();
                    }
                    Err(_) => break None,
                }
                if place.internal.upgrade().is_none() {
                    return;
                }
            };
            if let Some(internal) = place.internal.upgrade() {
                // A partition that is gone needs no position.
                let _ = internal.send(Internal::Position(position));
            }
        });
    }

    async fn positioned(&mut self, position: Option<u64>) -> Result<(), FollowError> {
        let reads = std::mem::take(&mut self.waiting.asked);
        match position {
            // Readers whose place is dropped hear that it is not available.
            None => self.waiting.count -= reads.len().min(self.waiting.count),
            Some(position) if position <= self.sequence => self.read_now(reads),
            Some(position) => {
                self.waiting.until.entry(position).or_default().extend(reads);
                self.tail(position).await?;
            }
        }
        self.ask();
        Ok(())
    }

    fn read_now(&mut self, reads: Vec<ReadJob<M>>) {
        self.waiting.count -= reads.len().min(self.waiting.count);
        let at = self.seat.place.clock.now().max(self.core.at());
        for read in reads {
            // A read that panics is a bug of its own and costs the others nothing.
            if let Ok(release) = catch_unwind(AssertUnwindSafe(|| read(self.core.state(), at))) {
                release();
            }
        }
    }

    /// Claims the log and reads up to the claim; `None` where somebody claimed after, or it outlasted its lease: whoever
    /// holds that now reads by it, and is to hear of every write.
    async fn claim(&mut self) -> Result<Option<u64>, FollowError> {
        self.seat.place.status.set_role(Role::Claiming);
        let claim = self.seat.place.target.journal.claim(self.log()).await?;
        if claim.head.seq == self.sequence + 1 {
            // A claim has no body: where it follows what is applied here, there is nothing to read.
            let (seq, hash) = (claim.head.seq, claim.head.hash);
            self.apply(&Frame { seq, epoch: claim.epoch, body: Bytes::new(), hash })?;
            self.tell();
        }
        while self.sequence < claim.head.seq {
            let before = self.sequence;
            self.tail(claim.head.seq).await?;
            if self.sequence == before {
                return Err(waybill_journal::Error::Hole { at: before + 1 }.into());
            }
        }
        if self.sequence > claim.head.seq {
            return Ok(None);
        }
        if self.hash != claim.head.hash {
            return Err(FollowError::BadChain { at: self.sequence });
        }
        let (tenure, ttl) = (Arc::clone(&self.seat.tenure), self.seat.cluster.options.lease_ttl);
        Ok(tenure.holds_within(ttl).await.then_some(claim.epoch))
    }

    /// Applies what there is, at least through `wanted` and through what is known to be there: to ask whether there is more
    /// would cost as much as reading it, and whoever appends it makes it known.
    pub(crate) async fn tail(&mut self, wanted: u64) -> Result<(), FollowError> {
        let known = *self.seat.place.target.journal.watch(self.log()).borrow();
        loop {
            let journal = Arc::clone(&self.seat.place.target.journal);
            let frames = journal.fetch(self.log(), self.sequence + 1, READ_BYTES).await?;
            let is_end = frames.is_empty();
            for frame in frames {
                self.apply(&frame)?;
            }
            self.tell();
            if is_end || self.sequence >= known.max(wanted) {
                return Ok(());
            }
        }
    }

    fn apply(&mut self, frame: &Frame) -> Result<(), FollowError> {
        let continues = frame.seq == self.sequence + 1
            && frame.hash == chain_hash(&self.hash, frame.seq, frame.epoch, &frame.body);
        if !continues {
            return Err(FollowError::BadChain { at: frame.seq });
        }
        let (partition, sequence) = (self.seat.place.id, frame.seq);
        if !frame.is_claim() {
            let undecodable = |error| RecoveryError::Undecodable { partition, sequence, error };
            let body: Body = decode(&frame.body).map_err(undecodable)?;
            if u32::from(body.version) > self.seat.cluster.options.member.events {
                return Err(RecoveryError::Newer { partition, sequence, found: body.version }.into());
            }
            if let Some(told) = body.state {
                self.seat.place.status.compare.heard(partition, told);
            }
            let core = &mut self.core;
            let replayed = catch_unwind(AssertUnwindSafe(|| core.replay(&body, sequence)));
            let replayed = replayed.map_err(|panic| RecoveryError::panicked(partition, &*panic))?;
            let notes = replayed.map_err(undecodable)?;
            if sequence > self.seat.observed {
                self.notes.extend(notes);
            }
            self.saver.wrote(frame.body.len() as u64);
        }
        (self.sequence, self.hash) = (sequence, frame.hash);
        self.saver.compare(&mut self.core, sequence);
        Ok(())
    }

    /// Lets the door and those who wait know how far the copy is.
    fn tell(&mut self) {
        let notes = std::mem::take(&mut self.notes);
        if self.sequence < self.seat.observed || (self.sequence == self.seat.observed && self.seat.told) {
            return;
        }
        // The door's first look is at everything there is.
        let notes = if self.seat.told { notes } else { Vec::new() };
        self.seat.observed = self.sequence;
        self.seat.told = true;
        self.seat.place.status.sequence.store(self.sequence, Ordering::Release);
        if let Some(observer) = &mut self.seat.observer {
            observer.followed(self.core.state(), self.sequence, notes);
        }
        self.seat.applied.send_replace(self.sequence);
        let later = self.waiting.until.split_off(&(self.sequence + 1));
        let ready = std::mem::replace(&mut self.waiting.until, later);
        self.read_now(ready.into_values().flatten().collect());
    }
}
