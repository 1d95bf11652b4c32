//! What a process that does not own a partition does with what is put to it: hand it to the owner and bring the outcome
//! back, asking the next owner where one is lost and asking twice is safe.

use crate::carried::{Routed, pack, unpack, unpack_outcome};
use crate::cluster::{Cluster, Unrouted};
use crate::handle::Role;
use crate::mailbox::{Accepted, External, Failure, Internal, Submission};
use crate::partition::Place;
use crate::router::{DeliverError, Delivery};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use waybill_machine::Machine;

/// Before the owner is asked again.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);
/// How long a command is tried.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an outcome waits for this process's own copy, so that a caller reads here what it wrote.
const CATCH_UP: Duration = Duration::from_secs(1);

/// What forwarding needs of a seat.
pub(crate) struct Forwarding<M: Machine> {
    pub(crate) cluster: Cluster,
    pub(crate) place: Place<M>,
    pub(crate) external: mpsc::WeakSender<External<M>>,
    pub(crate) applied: watch::Receiver<u64>,
    pub(crate) room: Arc<Semaphore>,
}

type Outcome<M> = Result<Accepted<<M as Machine>::Answer>, Failure<<M as Machine>::Refusal>>;

/// Hands a command on.
pub(crate) fn command<M: Routed>(
    forwarding: Forwarding<M>,
    submission: Submission<M>,
    answer: oneshot::Sender<Outcome<M>>,
) {
    let Ok(permit) = Arc::clone(&forwarding.room).try_acquire_owned() else {
        let full =
            Failure::Busy { what: "too many commands are on their way to the owner", retry_after_ms: 50 };
        // A caller that went away needs no answer.
        drop(answer.send(Err(full)));
        return;
    };
    let repeatable = submission.request.is_some() || M::is_repeatable(&submission.command);
    let bytes = Arc::new(pack(&submission));
    tokio::spawn(Command { forwarding, bytes, repeatable, answer, _permit: permit }.run());
}

struct Command<M: Routed> {
    forwarding: Forwarding<M>,
    bytes: Arc<Vec<u8>>,
    repeatable: bool,
    answer: oneshot::Sender<Outcome<M>>,
    _permit: OwnedSemaphorePermit,
}

impl<M: Routed> Command<M> {
    async fn run(self) {
        let deadline = Instant::now() + PATIENCE;
        let mut unknown = false;
        loop {
            let outcome = match self.asked().await {
                Ok(outcome) => outcome,
                Err(Unrouted::Here) if self.may_be_here() => return self.put_here(),
                Err(Unrouted::Here) => Err(Failure::Unavailable { why: "its owner is changing" }),
                Err(Unrouted::Nobody) => Err(Failure::Unavailable { why: "it has no owner now" }),
                Err(Unrouted::Unknown) => Err(Failure::OutcomeUnknown),
            };
            unknown |= matches!(outcome, Err(Failure::OutcomeUnknown));
            let again = match &outcome {
                Err(Failure::Unavailable { .. }) => !unknown || self.repeatable,
                Err(Failure::OutcomeUnknown) => self.repeatable,
                _ => false,
            };
            if !again || Instant::now() >= deadline || self.answer.is_closed() {
                return self
                    .answered(if unknown && again { Err(Failure::OutcomeUnknown) } else { outcome })
                    .await;
            }
            self.forwarding.cluster.look();
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn asked(&self) -> Result<Outcome<M>, Unrouted> {
        let Forwarding { cluster, place, .. } = &self.forwarding;
        let wire = &cluster.options.wire;
        let ask = |address: String| {
            let bytes = Arc::clone(&self.bytes);
            async move { wire.submit(&address, place.id, &bytes).await }
        };
        let outcome = cluster.route(place.id, self.repeatable, ask).await?;
        unpack_outcome::<M>(place.id, &outcome).map_err(|error| {
            tracing::warn!(partition = %place.id, %error, "the owner's answer cannot be read");
            Unrouted::Unknown
        })
    }

    fn may_be_here(&self) -> bool {
        matches!(self.forwarding.place.status.role(), Role::Owner | Role::Claiming)
    }

    /// This process owns it now: to its own queue.
    fn put_here(self) {
        let stopped = || Failure::Unavailable { why: "it stopped" };
        let put = unpack::<M>(&self.bytes).map_err(|_| stopped()).and_then(|submission| {
            let external = self.forwarding.external.upgrade().ok_or_else(stopped)?;
            external
                .try_reserve_owned()
                .map(|room| (room, submission))
                .map_err(|_| Failure::Busy { what: "the partition's queue is full", retry_after_ms: 50 })
        });
        match put {
            Ok((room, submission)) => drop(room.send(External::Command(submission, self.answer))),
            // A caller that went away needs no answer.
            Err(failure) => drop(self.answer.send(Err(failure))),
        }
    }

    async fn answered(mut self, outcome: Outcome<M>) {
        if let Ok(accepted) = &outcome {
            if let Some(internal) = self.forwarding.place.internal.upgrade() {
                // A partition that is gone reaches nothing.
                let _ = internal.send(Internal::Reach(accepted.token.sequence));
            }
            let reached = self.forwarding.applied.wait_for(|applied| *applied >= accepted.token.sequence);
            // Later than that the caller has waited enough: it is durable, and reads ask the owner anyway.
            let _ = tokio::time::timeout(CATCH_UP, reached).await;
        }
        // A caller that went away needs no answer.
        drop(self.answer.send(outcome));
    }
}

/// Hands messages on.
pub(crate) async fn delivery<M: Routed>(
    forwarding: Forwarding<M>,
    delivery: Delivery,
    answer: oneshot::Sender<Result<u64, DeliverError>>,
) {
    let to = delivery.to;
    let delivered = forwarding.cluster.deliver(&delivery).await;
    let owns = matches!(forwarding.place.status.role(), Role::Owner | Role::Claiming);
    if let (Err(Unrouted::Here), true, Some(internal)) =
        (delivered, owns, forwarding.place.internal.upgrade())
    {
        // A partition that is gone drops the answer, which says so.
        let _ = internal.send(Internal::Deliver(delivery, answer));
        return;
    }
    // A sender that went away needs no answer.
    drop(answer.send(delivered.map_err(|_| DeliverError::Unavailable(to))));
}
