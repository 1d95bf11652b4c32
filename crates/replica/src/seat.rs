//! The task of one partition in a cluster, through all its roles: it follows, owns, steps down, and after a fence or a
//! fault begins anew from its last durable rows. What was applied beyond the fence is thrown away with the state it was
//! applied to.

use crate::carried::Routed;
use crate::cluster::Cluster;
use crate::follower::{Followed, Following};
use crate::forward::Forwarding;
use crate::handle::{Mailbox, Observer, Role};
use crate::host::OpenError;
use crate::mailbox::{External, Failure, Internal};
use crate::partition::{Place, Running, Stand, Stop};
use crate::recovery::RecoveryError;
use crate::router::DeliverError;
use crate::saver::Saver;
use crate::tenure::Tenure;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use waybill_types::{Layout, PartitionId};

/// What belongs to a partition's task for as long as the process lives.
pub(crate) struct Seat<M: Routed> {
    pub(crate) place: Place<M>,
    pub(crate) layout: Layout,
    pub(crate) cluster: Cluster,
    pub(crate) tenure: Arc<Tenure>,
    pub(crate) checkpoints: Arc<Semaphore>,
    /// Absent only while the partition is owned here.
    pub(crate) observer: Option<Box<dyn Observer<M>>>,
    /// The door knows of everything up to here.
    pub(crate) observed: u64,
    /// The door has been told at least once.
    pub(crate) told: bool,
    pub(crate) applied: watch::Sender<u64>,
    pub(crate) external: mpsc::WeakSender<External<M>>,
    pub(crate) forwards: Arc<Semaphore>,
}

/// How long a failed copy rests before it is made anew, at first and at most.
const REST_FIRST: Duration = Duration::from_millis(50);
const REST_LAST: Duration = Duration::from_secs(2);

impl<M: Routed> Seat<M> {
    pub(crate) fn forwarding(&self) -> Forwarding<M> {
        Forwarding {
            cluster: self.cluster.clone(),
            place: self.place.clone(),
            external: self.external.clone(),
            applied: self.applied.subscribe(),
            room: Arc::clone(&self.forwards),
        }
    }

    /// The state as it is now, from rows and journal; the door has been told of it.
    ///
    /// # Errors
    /// What stands in the way: damage, or an engine that does not answer.
    pub(crate) async fn open(&mut self) -> Result<Stand<M>, OpenError> {
        self.place.status.set_role(Role::Recovering);
        let stand = crate::base::open(self).await?;
        let partition = self.place.id;
        let mut following = Following::new(self, stand);
        following.tail(u64::MAX).await.map_err(|error| match error {
            crate::follower::FollowError::Journal(error) => OpenError::from(error),
            other => RecoveryError::Panicked { partition, what: other.to_string() }.into(),
        })?;
        Ok(following.stand())
    }

    /// Runs until the process stops.
    pub(crate) async fn run(mut self, first: Stand<M>, mut mailbox: Mailbox<M>) {
        let mut stand = Some(first);
        let mut rest = REST_FIRST;
        loop {
            let now = match stand.take() {
                Some(stand) => stand,
                None => match self.open().await {
                    Ok(stand) => stand,
                    Err(error) => {
                        tracing::warn!(partition = %self.place.id, %error, "a partition cannot be opened now");
                        if refuse_for(&mut mailbox, rest).await {
                            return;
                        }
                        rest = (rest * 2).min(REST_LAST);
                        continue;
                    }
                },
            };
            self.place.status.set_role(Role::Follower);
            match Following::new(&mut self, now).run(&mut mailbox).await {
                Followed::Over => return,
                Followed::Failed(saver) => {
                    self.place.status.set_role(Role::Recovering);
                    if settle(saver, &mut mailbox).await || refuse_for(&mut mailbox, rest).await {
                        return;
                    }
                    rest = (rest * 2).min(REST_LAST);
                }
                Followed::Owns(owned, epoch) => {
                    rest = REST_FIRST;
                    match self.own(owned, epoch, &mut mailbox).await {
                        Owned::Over => return,
                        Owned::Again(next) => stand = next.map(|next| *next),
                    }
                }
            }
        }
    }

    async fn own(&mut self, stand: Stand<M>, epoch: u64, mailbox: &mut Mailbox<M>) -> Owned<M> {
        let Some(observer) = self.observer.take() else {
            unreachable!("the observer comes back with the owner's end")
        };
        let (from, partition) = (stand.sequence, self.place.id);
        let tenure = Some(Arc::clone(&self.tenure));
        let running = Running::new(self.place.clone(), stand, epoch, observer, tenure);
        self.place.status.set_role(Role::Owner);
        tracing::info!(%partition, epoch, from, "owns a partition");
        let ended = running.run(mailbox).await;
        self.tenure.end();
        self.place.status.set_role(Role::Recovering);
        // What is still to be delivered is the next owner's to deliver, and to count.
        self.place.status.outbox.store(0, Ordering::Relaxed);
        self.place.status.outbox_since_ms.store(0, Ordering::Relaxed);
        crate::metrics::Meters::new(&partition.to_string()).outbox_depth.set(0.0);
        self.observer = Some(ended.observer);
        self.observed = self.observed.max(ended.stand.sequence);
        self.told = true;
        self.applied.send_replace(self.observed);
        tracing::info!(%partition, epoch, through = ended.stand.sequence, why = ?ended.why, "owns it no more");
        match ended.why {
            Stop::Drained => Owned::Over,
            Stop::SteppedDown => Owned::Again(Some(Box::new(ended.stand))),
            Stop::Failed if settle(ended.stand.saver, mailbox).await => Owned::Over,
            Stop::Failed => Owned::Again(None),
        }
    }
}

/// What comes after owning.
enum Owned<M: Routed> {
    Over,
    /// It follows again, from this state or from its rows.
    Again(Option<Box<Stand<M>>>),
}

/// Waits until a checkpoint under way has let go of the store; true when the process stops.
async fn settle<M: Routed>(saver: Saver<M>, mailbox: &mut Mailbox<M>) -> bool {
    let mut running = saver.is_running();
    drop(saver);
    while running {
        match mailbox.internal.recv().await {
            Some(Internal::CheckpointDone(_)) => running = false,
            Some(item) => {
                if refuse(item) {
                    return true;
                }
            }
            None => return true,
        }
    }
    false
}

/// Answers everybody that there is nothing to be had now; true when the process stops.
async fn refuse_for<M: Routed>(mailbox: &mut Mailbox<M>, rest: Duration) -> bool {
    let until = tokio::time::Instant::now() + rest;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(until) => return false,
            item = mailbox.internal.recv() => match item {
                Some(item) => {
                    if refuse(item) {
                        return true;
                    }
                }
                None => return true,
            },
            item = mailbox.external.recv() => match item {
                Some(External::Command(_, answer)) => {
                    // A caller that went away needs no answer.
                    drop(answer.send(Err(Failure::Unavailable { why: "its state is being read" })));
                }
                // A reader whose job is dropped hears that it is not available.
                Some(External::Read(_) | External::Glance(_)) => {}
                None => return true,
            },
        }
    }
}

/// True when the process stops.
fn refuse<M: Routed>(item: Internal<M>) -> bool {
    match item {
        Internal::Drain => return true,
        Internal::Deliver(delivery, answer) => {
            drop(answer.send(Err(DeliverError::Unavailable(delivery.to))));
        }
        Internal::StepDown(done) => drop(done.send(())),
        // Dropping what waits for an answer says that there is none; the rest is for a state that is no more.
        Internal::Acknowledged { .. }
        | Internal::CheckpointDone(_)
        | Internal::CheckpointNow(_)
        | Internal::CheckpointPermit(_)
        | Internal::Freeze { .. }
        | Internal::Own
        | Internal::Position(_)
        | Internal::Reach(_) => {}
    }
    false
}

/// What decides about ownership sees of a partition.
pub(crate) trait Chair: Send + Sync + 'static {
    fn role(&self) -> Role;
    fn tenure(&self) -> &Arc<Tenure>;
    fn own(&self);
    /// Answered once it owns no more.
    fn step_down(&self) -> oneshot::Receiver<()>;
}

impl<M: Routed> Chair for (Place<M>, Arc<Tenure>) {
    fn role(&self) -> Role {
        self.0.status.role()
    }
    fn tenure(&self) -> &Arc<Tenure> {
        &self.1
    }
    fn own(&self) {
        if let Some(internal) = self.0.internal.upgrade() {
            // A partition that is gone owns nothing.
            let _ = internal.send(Internal::Own);
        }
    }
    fn step_down(&self) -> oneshot::Receiver<()> {
        let (done, stepped_down) = oneshot::channel();
        if let Some(internal) = self.0.internal.upgrade() {
            // A partition that is gone drops the answer, which says as much.
            let _ = internal.send(Internal::StepDown(done));
        }
        stepped_down
    }
}

/// The id and chair of every partition of this process.
pub(crate) type Chairs = Arc<std::sync::Mutex<std::collections::BTreeMap<PartitionId, Arc<dyn Chair>>>>;
