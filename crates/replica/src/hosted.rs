//! One process's partitions over an engine that it shares with others: each is a copy that follows until this process
//! owns it.

use crate::OpenError;
use crate::carried::{Routed, pack_outcome, unpack};
use crate::checkpoint::Target;
use crate::cluster::{Cluster, ClusterOptions, Owner, Owners, WireError, WireFuture, holder};
use crate::handle::{Observer, Partition, Role};
use crate::host::{Host, Partitions};
use crate::ownership::{Away, Keeper, Wanted};
use crate::partition::Place;
use crate::router::Delivery;
use crate::seat::{Chair, Chairs, Seat};
use crate::tenure::Tenure;
use futures::future::try_join_all;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use waybill_journal::LogId;
use waybill_journal::cluster::Member;
use waybill_types::PartitionId;

/// The cluster's part of a host.
pub(crate) struct Hosted {
    pub(crate) cluster: Cluster,
    chairs: Chairs,
    wanted: Arc<Wanted>,
    keeper: Mutex<Option<Keeper>>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
}

impl Hosted {
    pub(crate) fn new(options: ClusterOptions) -> Self {
        let (publish, owners) = watch::channel(Arc::new(Owners::default()));
        let me = Arc::from(holder(&options.member));
        // What everybody reads; more is written once it is known that all who live now can read it.
        let form = Arc::new(AtomicU32::new(1));
        let cluster = Cluster { options, me, owners, look: Arc::new(Notify::new()), form };
        let (chairs, wanted) = (Chairs::default(), Arc::new(Wanted::default()));
        let keeper = Keeper {
            cluster: cluster.clone(),
            chairs: Arc::clone(&chairs),
            publish,
            wanted: Arc::clone(&wanted),
            beaten: None,
            told_leaving: false,
            renewed: None,
            unwell_since: None,
            unwell: false,
            away: Away::default(),
        };
        Self { cluster, chairs, wanted, keeper: Mutex::new(Some(keeper)), stop: Mutex::new(None) }
    }

    /// Begins to look at who owns what, where that has not begun.
    fn look(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            let (stop, stopped) = oneshot::channel();
            *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
            tokio::spawn(keeper.run(stopped));
        }
    }
}

/// How often a waiting host looks whether it is time.
const GLANCE: Duration = Duration::from_millis(5);

impl Host {
    /// The cluster, where this process is one of several.
    #[must_use]
    pub fn cluster(&self) -> Option<&Cluster> {
        self.hosted.as_ref().map(|hosted| &hosted.cluster)
    }

    /// The copies of this process are ready: from now on it owns its share. Answers once every partition of its services
    /// has an owner, or after `patience`. Without a cluster there is nothing to do.
    pub async fn join(&self, patience: Duration) {
        let Some(hosted) = &self.hosted else { return };
        hosted.wanted.joined.store(true, Ordering::SeqCst);
        hosted.look();
        hosted.cluster.look();
        let ids: Vec<PartitionId> =
            hosted.chairs.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        let mut owners = hosted.cluster.owners();
        let owned = owners.wait_for(|owners| ids.iter().all(|id| owners.owner(*id).is_some()));
        // Whatever has no owner yet makes its callers wait.
        let _ = tokio::time::timeout(patience, owned).await;
    }

    /// Hands everything owned here to others that can own it, while it goes on to follow and to forward; answers when
    /// another owner of each is known, or nobody else can own what is left, or after `patience`.
    pub async fn hand_over(&self, patience: Duration) {
        let Some(hosted) = &self.hosted else { return };
        hosted.wanted.leaving.store(true, Ordering::SeqCst);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline && !self.is_handed_over(hosted) {
            hosted.cluster.look();
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// True from [`Self::hand_over`] on.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.hosted.as_ref().is_some_and(|hosted| hosted.wanted.leaving.load(Ordering::SeqCst))
    }

    /// Another owner is known of everything that another process can own: what is forwarded from here finds it.
    fn is_handed_over(&self, hosted: &Hosted) -> bool {
        let owners = hosted.cluster.owners.borrow().clone();
        let is_other = |member: &Member| holder(member) != *hosted.cluster.me;
        let chairs = hosted.chairs.lock().unwrap_or_else(PoisonError::into_inner);
        chairs.iter().all(|(id, chair)| {
            let owned_here = matches!(chair.role(), Role::Owner | Role::Claiming);
            let others = || owners.running(id.service).into_iter().filter(|member| is_other(member));
            let owner = owners.owner(*id);
            others().next().is_none()
                || (!owned_here
                    && owner.is_some_and(|owner| others().any(|other| holder(other) == holder(owner))))
        })
    }

    /// Gives up every lease, leaves the list of members, and looks no more who owns what. Call when the partitions are drained
    /// and nothing is forwarded any more.
    pub async fn leave(&self) {
        let Some(hosted) = &self.hosted else { return };
        if let Some(stop) = hosted.stop.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A keeper that is gone is stopped.
            let _ = stop.send(());
        }
        let ids: Vec<PartitionId> =
            hosted.chairs.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        let logs: Vec<LogId> = ids.iter().map(|id| LogId(id.number())).collect();
        let (engine, member) = (hosted.cluster.engine(), hosted.cluster.member());
        let left = async {
            engine.release(&logs, &hosted.cluster.me).await?;
            engine.leave(&member.name, member.instance).await
        };
        if let Err(error) = left.await {
            tracing::warn!(%error, "the leases of this process end by themselves");
        }
        hosted.cluster.nudge_all();
    }

    /// Gives the engine the rows of a partition as they stand at their last checkpoint, so that a process without rows can
    /// begin there; answers with the bytes, `None` where the engine has them already. Owners do this by themselves now
    /// and then.
    ///
    /// # Errors
    /// The engine does not answer or refuses.
    pub async fn give_base(&self, of: PartitionId) -> Result<Option<u64>, OpenError> {
        let Some(hosted) = &self.hosted else { return Ok(None) };
        let _still = self.pause_checkpoints().await;
        crate::base::give(hosted.cluster.engine(), &self.store, of).await
    }

    pub(crate) async fn start_seats<M: Routed>(
        &self,
        hosted: &Hosted,
        mut observer: impl FnMut(PartitionId) -> Box<dyn Observer<M>>,
    ) -> Result<Partitions<M>, OpenError> {
        hosted.look();
        let ids: Vec<PartitionId> = self.options.layout.partitions(M::SERVICE).collect();
        let opened = ids.into_iter().map(|id| {
            let (handle, mailbox) = Partition::open(id, &self.options.limits, &self.journal);
            let mut seat = self.seat(hosted, &handle, observer(id));
            async move {
                let stand = seat.open().await?;
                Ok::<_, OpenError>((handle, mailbox, seat, stand))
            }
        });
        let (mut handles, mut tasks) = (Vec::new(), Vec::new());
        for (handle, mailbox, seat, stand) in try_join_all(opened).await? {
            let chair: Arc<dyn Chair> = Arc::new((seat.place.clone(), Arc::clone(&seat.tenure)));
            hosted.chairs.lock().unwrap_or_else(PoisonError::into_inner).insert(handle.id(), chair);
            tasks.push(tokio::spawn(seat.run(stand, mailbox)));
            handles.push(handle);
        }
        tokio::spawn(crate::base::keep(
            Arc::clone(hosted.cluster.engine()),
            Arc::clone(&self.store),
            Arc::clone(&self.checkpoints),
            handles.iter().map(|handle| (handle.id(), Arc::downgrade(&handle.status))).collect(),
        ));
        let partitions = Partitions { handles: handles.into(), tasks: Arc::new(Mutex::new(tasks)) };
        self.router.register(M::SERVICE, Arc::new(partitions.clone()));
        self.router.register_owner(M::SERVICE, Arc::new(partitions.clone()));
        Ok(partitions)
    }

    fn seat<M: Routed>(
        &self,
        hosted: &Hosted,
        handle: &Partition<M>,
        observer: Box<dyn Observer<M>>,
    ) -> Seat<M> {
        let target = Target {
            dir: self.dir().checkpoints(),
            store: Arc::clone(&self.store),
            journal: Arc::clone(&self.journal),
        };
        let place = Place {
            id: handle.id(),
            target,
            clock: self.options.clock.clone(),
            router: self.router.clone(),
            limits: self.options.limits.clone(),
            status: Arc::clone(&handle.status),
            internal: handle.internal.downgrade(),
        };
        handle.status.form.get_or_init(|| Arc::clone(&hosted.cluster.form));
        let tenure = Arc::clone(handle.status.tenure.get_or_init(|| Arc::new(Tenure::new())));
        Seat {
            layout: self.options.layout,
            cluster: hosted.cluster.clone(),
            tenure,
            checkpoints: Arc::clone(&self.checkpoints),
            observer: Some(observer),
            observed: 0,
            told: false,
            applied: watch::channel(0).0,
            external: handle.external.downgrade(),
            forwards: Arc::new(Semaphore::new(place.limits.queue)),
            place,
        }
    }
}

impl<M: Routed> Partitions<M> {
    /// The partition, where this process owns it or is about to: what is put to it then waits for the claim.
    fn owned(&self, id: PartitionId) -> Result<&Partition<M>, WireError> {
        let partition = self.get(id).ok_or(WireError::NotDone)?;
        match partition.status().role() {
            Role::Owner | Role::Claiming => Ok(partition),
            Role::Follower | Role::Recovering => Err(WireError::NotDone),
        }
    }
}

impl<M: Routed> Owner for Partitions<M> {
    fn submit_here(&self, to: PartitionId, command: Vec<u8>) -> WireFuture<'_, Vec<u8>> {
        Box::pin(async move {
            let submission = unpack::<M>(&command).map_err(|_| WireError::Malformed)?;
            let outcome = self.owned(to)?.submit(submission).await;
            Ok(pack_outcome::<M>(&outcome))
        })
    }

    fn position_here(&self, of: PartitionId) -> WireFuture<'_, u64> {
        Box::pin(async move {
            let partition = self.owned(of)?;
            // What is not claimed yet may not have all that the owner before wrote.
            let is_owner = partition.status().role() == Role::Owner;
            let sequence = partition.status().sequence.load(Ordering::Acquire);
            // After the sequence was read: then nobody else had become the owner by that time.
            if is_owner && partition.status().tenure.get().is_some_and(|tenure| tenure.holds()) {
                return Ok(sequence);
            }
            // Otherwise a read waits for a frame that proves it.
            partition.read(|_, _| ()).await.map_err(|_| WireError::NotDone)?;
            Ok(self.owned(of)?.status().sequence.load(Ordering::Acquire))
        })
    }

    fn deliver_here(&self, delivery: Delivery) -> WireFuture<'_, u64> {
        Box::pin(async move {
            let partition = self.owned(delivery.to)?;
            partition.deliver(delivery).await.map_err(|_| WireError::NotDone)
        })
    }
}
