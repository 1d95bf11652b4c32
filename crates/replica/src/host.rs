//! One process's partitions over one data directory: opening, recovering, starting, cutting, stopping.

use crate::agreed;
use crate::carried::Routed;
use crate::checkpoint::{self, CheckpointError, Target};
use crate::clock::Clock;
use crate::cluster::ClusterOptions;
use crate::core::Core;
use crate::data_dir::{DataDir, DirLock};
use crate::handle::{Limits, Observer, Partition};
use crate::hosted::Hosted;
use crate::partition::{self, Start};
use crate::recovery::{self, RecoveryError};
use crate::router::{Deliver, DeliverError, Delivery, Router};
use crate::snapshot::Snapshot;
use futures::future::try_join_all;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use waybill_journal::{Journal, LocalJournal, LogId};
use waybill_machine::Machine;
use waybill_machine::record::{decode, encode};
use waybill_store::{Op, SledStore, Store};
use waybill_types::{Layout, PartitionId, Service};

/// How a data directory is opened and its partitions run.
#[derive(Clone)]
pub struct HostOptions {
    /// Partitions per service; fixed when the directory is created.
    pub layout: Layout,
    /// The partitions' clock.
    pub clock: Clock,
    /// Bounds of each partition.
    pub limits: Limits,
    /// The journal's options; `expected_heads` is filled in.
    pub journal: waybill_journal::Options,
    /// The store's options.
    pub store: waybill_store::Options,
}

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{0} is in use by another process; stop that one first")]
    InUse(PathBuf),
    /// The directory was created with other settings.
    #[error(
        "{dir} was created with {} partitions per service, the configuration says {}: counts are fixed for good, configure \
         partitions = {}",
        counts(*found), counts(*asked), found.orders
    )]
    Layout {
        /// Which directory.
        dir: PathBuf,
        /// What it has.
        found: Layout,
        /// What was asked.
        asked: Layout,
    },
    /// The directory holds something, and that is not a data directory.
    #[error("{0} is not a data directory: it holds other files and no journal; name an empty or new one")]
    Foreign(PathBuf),
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// Which path.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] waybill_store::Error),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] waybill_journal::Error),
    /// An interrupted checkpoint cannot be finished.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A partition's state cannot be rebuilt.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The cluster was founded with other settings.
    #[error(
        "the cluster was founded with {} partitions per service, the configuration says {}: counts are fixed for good, \
         configure partitions = {}",
        counts(*found), counts(*asked), found.orders
    )]
    OtherCluster {
        /// What it has.
        found: Layout,
        /// What was asked.
        asked: Layout,
    },
    /// A migration into it was begun and not finished.
    #[error(
        "{what} is being filled from {from}, or that was broken off: finish the migration, or begin it again with --begin-again"
    )]
    Arriving {
        /// What is not whole.
        what: String,
        /// Where it comes from.
        from: String,
    },
    /// A restore into it was begun and not finished.
    #[error(
        "{dir} is being restored from {from}, or that was broken off: what is there is a part and of no use; remove it and \
         restore again"
    )]
    Restoring {
        /// The directory that is not whole.
        dir: PathBuf,
        /// Where it comes from.
        from: String,
    },
    /// The processes of the cluster write what this binary cannot read.
    #[error(
        "the cluster writes frames of version {written}, this binary reads up to {reads}; start a newer binary"
    )]
    OlderBinary {
        /// The newest version that it reads.
        reads: u32,
        /// The newest that may have been written.
        written: u32,
    },
    /// The layout row cannot be read.
    #[error(transparent)]
    Undecodable(#[from] waybill_machine::Undecodable),
}

/// How many partitions each service has, in words.
fn counts(layout: Layout) -> String {
    let Layout { orders, inventory, fulfillment } = layout;
    match orders == inventory && orders == fulfillment {
        true => orders.to_string(),
        false => format!("{orders} (orders), {inventory} (inventory), {fulfillment} (fulfillment)"),
    }
}

/// An open data directory: store, journal, and what its partitions share.
pub struct Host {
    dir: DataDir,
    pub(crate) options: HostOptions,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) router: Router,
    pub(crate) checkpoints: Arc<Semaphore>,
    /// Where the journal is shared with other processes.
    pub(crate) hosted: Option<Hosted>,
    /// Held for as long as the host lives; the lock goes with the process.
    _lock: DirLock,
}

/// The layout row: beyond every partition's keys.
pub(crate) const LAYOUT_KEY: [u8; 2] = [0xff, 0xff];

impl Host {
    /// Opens or creates the directory; finishes interrupted checkpoints. Blocks.
    ///
    /// # Errors
    /// [`OpenError`]; nothing ever starts empty or short instead.
    pub fn open(dir: DataDir, options: HostOptions) -> Result<Self, OpenError> {
        dir.is_whole()?;
        Self::open_with(dir, options, None, None)
    }

    /// As [`Self::open`], by whoever fills the directory under this lock of it and has not said yet that it is filled.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_arriving(dir: DataDir, options: HostOptions, lock: DirLock) -> Result<Self, OpenError> {
        Self::open_with(dir, options, None, Some(lock))
    }

    /// Opens or creates the directory for a process of a cluster: rows here, the journal in the engine that all share.
    /// Blocks; call it where the runtime is known.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_in_cluster(
        dir: DataDir,
        options: HostOptions,
        cluster: ClusterOptions,
    ) -> Result<Self, OpenError> {
        dir.is_whole()?;
        Self::open_with(dir, options, Some(cluster), None)
    }

    fn open_with(
        dir: DataDir,
        options: HostOptions,
        cluster: Option<ClusterOptions>,
        locked: Option<DirLock>,
    ) -> Result<Self, OpenError> {
        if dir.holds_something_else() {
            return Err(OpenError::Foreign(dir.path().to_path_buf()));
        }
        for path in [dir.path().to_path_buf(), dir.journal(), dir.store(), dir.checkpoints(), dir.keys()] {
            std::fs::create_dir_all(&path).map_err(|error| OpenError::Io { path, error })?;
        }
        let lock = match locked {
            Some(lock) => lock,
            None => {
                let lock = dir.lock()?;
                // Somebody may have begun to fill it before.
                dir.is_whole()?;
                lock
            }
        };
        let store: Arc<dyn Store> = Arc::new(SledStore::open(&dir.store(), options.store.clone())?);
        check_layout(&*store, &dir, options.layout)?;
        checkpoint::finish_interrupted(&dir.checkpoints(), &store)?;
        if let Some(cluster) = cluster {
            return Self::hosted(dir, options, store, lock, cluster);
        }
        let mut journal = options.journal.clone();
        for service in Service::ALL {
            for id in options.layout.partitions(service) {
                if let Some(marker) = recovery::marker(&*store, id)? {
                    journal.expected_heads.push((LogId(id.number()), marker.sequence));
                }
            }
        }
        let journal: Arc<dyn Journal> = Arc::new(LocalJournal::open(&dir.journal(), journal)?);
        crate::metrics::describe();
        let checkpoints = Arc::new(Semaphore::new(1));
        let router = Router::default();
        Ok(Self { dir, options, store, journal, router, checkpoints, hosted: None, _lock: lock })
    }

    fn hosted(
        dir: DataDir,
        options: HostOptions,
        store: Arc<dyn Store>,
        lock: DirLock,
        cluster: ClusterOptions,
    ) -> Result<Self, OpenError> {
        let reads = cluster.member.events;
        let agreeing = agreed::agree(&cluster.engine, options.layout, reads);
        tokio::runtime::Handle::current().block_on(agreeing)?;
        crate::metrics::describe();
        let journal: Arc<dyn Journal> = cluster.engine.clone();
        let (router, checkpoints) = (Router::default(), Arc::new(Semaphore::new(1)));
        let hosted = Some(Hosted::new(cluster));
        Ok(Self { dir, options, store, journal, router, checkpoints, hosted, _lock: lock })
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }
    /// Where messages find their receivers.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.router
    }
    /// The clock of all partitions.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }
    /// The layout of the directory.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.options.layout
    }
    /// The journal, for feeds, backups and figures.
    #[must_use]
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }
    /// The store, for backups and figures.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
    /// While this is held no checkpoint begins, so the store's rows stand still at their markers.
    ///
    /// # Panics
    /// Never: the semaphore is not closed.
    pub async fn pause_checkpoints(&self) -> tokio::sync::OwnedSemaphorePermit {
        let permit = Arc::clone(&self.checkpoints).acquire_owned().await;
        permit.unwrap_or_else(|_| unreachable!("the semaphore is never closed"))
    }

    /// Rebuilds the state of one partition without starting it: for offline audits.
    ///
    /// # Errors
    /// [`RecoveryError`].
    pub fn rebuild<M: Machine>(&self, id: PartitionId) -> Result<Core<M>, RecoveryError> {
        let ttl = self.options.limits.request_ttl_ms;
        Ok(recovery::rebuild(id, self.options.layout, &self.store, &*self.journal, ttl)?.0)
    }

    /// The state of one partition at a cut, while it goes on. Blocks; hold [`Self::pause_checkpoints`] from before the
    /// cut until the answer is dropped.
    ///
    /// # Errors
    /// [`RecoveryError`].
    pub fn look_back<M: Machine>(&self, at: Snapshot<M>) -> Result<Core<M>, RecoveryError> {
        at.open(Arc::clone(&self.store), self.options.limits.request_ttl_ms)
    }

    /// Recovers and starts every partition of a service, and registers them for messages. `observer` is called once
    /// per partition for its door's ear.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn start<M: Routed>(
        &self,
        mut observer: impl FnMut(PartitionId) -> Box<dyn Observer<M>>,
    ) -> Result<Partitions<M>, OpenError> {
        if let Some(hosted) = &self.hosted {
            return self.start_seats(hosted, observer).await;
        }
        let ids: Vec<PartitionId> = self.options.layout.partitions(M::SERVICE).collect();
        let rebuilt = try_join_all(ids.iter().map(|id| self.rebuild_in_background::<M>(*id))).await?;
        let mut partitions = Vec::with_capacity(ids.len());
        let mut tasks = Vec::with_capacity(ids.len());
        for (id, (core, checkpoint_sequence)) in ids.into_iter().zip(rebuilt) {
            // Marks of what may be trimmed do not survive a restart; the checkpoint does.
            self.journal.trim(LogId(id.number()), checkpoint_sequence)?;
            let claim = self.journal.claim(LogId(id.number())).await?;
            let (handle, task) = partition::spawn(Start {
                id,
                core,
                claim,
                checkpoint_sequence,
                target: Target {
                    dir: self.dir.checkpoints(),
                    store: Arc::clone(&self.store),
                    journal: Arc::clone(&self.journal),
                },
                clock: self.options.clock.clone(),
                router: self.router.clone(),
                limits: self.options.limits.clone(),
                checkpoints: Arc::clone(&self.checkpoints),
                observer: observer(id),
            });
            partitions.push(handle);
            tasks.push(task);
        }
        let partitions =
            Partitions { handles: partitions.into(), tasks: Arc::new(std::sync::Mutex::new(tasks)) };
        self.router.register(M::SERVICE, Arc::new(partitions.clone()));
        Ok(partitions)
    }

    async fn rebuild_in_background<M: Machine>(&self, id: PartitionId) -> Result<(Core<M>, u64), OpenError> {
        let (layout, ttl) = (self.options.layout, self.options.limits.request_ttl_ms);
        let (store, journal) = (Arc::clone(&self.store), Arc::clone(&self.journal));
        let rebuilt =
            tokio::task::spawn_blocking(move || recovery::rebuild(id, layout, &store, &*journal, ttl)).await;
        match rebuilt {
            Ok(rebuilt) => Ok(rebuilt?),
            Err(error) => Err(RecoveryError::Panicked { partition: id, what: error.to_string() }.into()),
        }
    }
}

fn check_layout(store: &dyn Store, dir: &DataDir, asked: Layout) -> Result<(), OpenError> {
    match store.get(&LAYOUT_KEY)? {
        Some(bytes) => {
            let found: Layout = decode(&bytes)?;
            let same = found == asked;
            if same { Ok(()) } else { Err(OpenError::Layout { dir: dir.path().to_path_buf(), found, asked }) }
        }
        None => Ok(store.commit(&[Op::Put { key: LAYOUT_KEY.to_vec(), value: encode(&asked) }])?),
    }
}

/// The running partitions of one service.
pub struct Partitions<M: Machine> {
    pub(crate) handles: Arc<[Partition<M>]>,
    pub(crate) tasks: Arc<std::sync::Mutex<Vec<JoinHandle<()>>>>,
}

impl<M: Machine> Clone for Partitions<M> {
    fn clone(&self) -> Self {
        Self { handles: Arc::clone(&self.handles), tasks: Arc::clone(&self.tasks) }
    }
}

/// A durable cut: every partition stands at a batch boundary until this is dropped.
pub struct Frozen<R> {
    /// What the job answered, per partition, with the partition's sequence.
    pub results: Vec<(PartitionId, u64, R)>,
    _thaw: Vec<oneshot::Sender<()>>,
}

impl<M: Machine> Partitions<M> {
    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &Partition<M>> {
        self.handles.iter()
    }

    /// The one with this id.
    ///
    /// # Panics
    /// When the id is of another service; ids that come from callers are checked with [`Self::get`].
    #[must_use]
    pub fn of(&self, id: PartitionId) -> &Partition<M> {
        self.get(id).unwrap_or_else(|| panic!("{id} is not among these partitions"))
    }

    /// The one with this id, if it exists here.
    #[must_use]
    pub fn get(&self, id: PartitionId) -> Option<&Partition<M>> {
        (id.service == M::SERVICE).then(|| self.handles.get(usize::from(id.index))).flatten()
    }

    /// Stops every partition at a batch boundary, runs `job` there, and keeps them stopped until the answer is
    /// dropped. Cuts of several services taken one inside the other are one consistent cut.
    ///
    /// # Errors
    /// The partition that has stopped.
    pub async fn freeze<R: Send + 'static>(
        &self,
        job: impl Fn(&mut Core<M>) -> R + Clone + Send + 'static,
    ) -> Result<Frozen<R>, PartitionId> {
        let mut waiting = Vec::new();
        let mut thaws = Vec::new();
        for handle in self.handles.iter() {
            let (answer, answered) = oneshot::channel();
            let (thaw, thawed) = oneshot::channel();
            let job = job.clone();
            let run = Box::new(move |core: &mut Core<M>, sequence| drop(answer.send((sequence, job(core)))));
            if !handle.freeze(run, thawed) {
                return Err(handle.id());
            }
            thaws.push(thaw);
            waiting.push((handle.id(), answered));
        }
        let mut results = Vec::with_capacity(waiting.len());
        for (id, answered) in waiting {
            let (sequence, result) = answered.await.map_err(|_| id)?;
            results.push((id, sequence, result));
        }
        Ok(Frozen { results, _thaw: thaws })
    }

    /// Refuses new commands, lets the last batches become durable, and waits for the partitions to end.
    pub async fn drain(&self) {
        self.handles.iter().for_each(Partition::drain);
        let tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for task in tasks {
            // A task that panicked has been logged; it is over.
            let _ = task.await;
        }
    }
}

impl<M: Machine> Deliver for Partitions<M> {
    fn deliver(
        &self,
        delivery: Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<u64, DeliverError>> + Send + '_>> {
        let to = delivery.to;
        Box::pin(async move {
            let partition = self.get(to).ok_or(DeliverError::Unavailable(to))?;
            partition.deliver(delivery).await
        })
    }
}
