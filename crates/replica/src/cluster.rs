//! What a process knows of the others, and how it reaches the owner of a partition. It decides nothing about who owns
//! what, and knows no transport.

use crate::router::{DeliverError, Delivery};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use waybill_journal::LogId;
use waybill_journal::cluster::{Engine, LeaseRow, Member, MemberRow};
use waybill_types::{PartitionId, Service};

/// How a process takes part in a cluster.
#[derive(Clone)]
pub struct ClusterOptions {
    /// The journal and all beside it that the processes share.
    pub engine: Arc<dyn Engine>,
    /// This process.
    pub member: Member,
    /// How the others are reached.
    pub wire: Arc<dyn Wire>,
    /// How long a lease lasts: a crashed owner is replaced after about that long. 200 ms to 1 h.
    pub lease_ttl: Duration,
}

impl std::fmt::Debug for ClusterOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterOptions").field("member", &self.member).finish_non_exhaustive()
    }
}

/// Why another process did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// It was not reached, or it said that it is not the owner: nothing happened.
    NotDone,
    /// It cannot read what was asked: nothing happened, and nothing will.
    Malformed,
    /// It may have happened.
    Unknown,
}

/// What comes back from another process.
pub type WireFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, WireError>> + Send + 'a>>;

/// The way to other processes.
pub trait Wire: Send + Sync + 'static {
    /// Puts a command to the owner; answers with its outcome.
    fn submit<'a>(&'a self, address: &'a str, to: PartitionId, command: &'a [u8]) -> WireFuture<'a, Vec<u8>>;
    /// Asks the owner where it is: a sequence that holds all that was acknowledged before the question.
    fn position<'a>(&'a self, address: &'a str, of: PartitionId) -> WireFuture<'a, u64>;
    /// Hands messages to the owner.
    fn deliver<'a>(&'a self, address: &'a str, delivery: Delivery) -> WireFuture<'a, u64>;
    /// Tells a process that ownership has changed, so that it looks at once.
    fn nudge<'a>(&'a self, address: &'a str) -> WireFuture<'a, ()>;
}

/// What only the owner of a partition does, asked by another process.
pub trait Owner: Send + Sync + 'static {
    /// Puts a command, as [`Wire::submit`] carries it, to a partition that this process owns.
    fn submit_here(&self, to: PartitionId, command: Vec<u8>) -> WireFuture<'_, Vec<u8>>;
    /// Where a partition that this process owns is.
    fn position_here(&self, of: PartitionId) -> WireFuture<'_, u64>;
    /// Applies messages to a partition that this process owns.
    fn deliver_here(&self, delivery: Delivery) -> WireFuture<'_, u64>;
}

/// Who there is and who owns what, as the engine said a moment ago.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    /// The living.
    pub members: Vec<MemberRow>,
    /// Leases.
    pub leases: Vec<LeaseRow>,
    /// When this was asked: what remained of leases then is shorter by now. `None` where nobody was asked yet.
    pub asked: Option<Instant>,
}

impl Owners {
    /// How long ago this was asked. `None` where nobody was asked yet.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.asked.map(|asked| asked.elapsed())
    }

    /// The lease of a partition, whether or not somebody living holds it.
    #[must_use]
    pub fn lease(&self, of: PartitionId) -> Option<&LeaseRow> {
        self.leases.iter().find(|row| row.log == LogId(of.number()))
    }

    /// Who holds the lease of a partition, if somebody living does.
    #[must_use]
    pub fn owner(&self, of: PartitionId) -> Option<&Member> {
        let lease = self.lease(of)?;
        let holder = lease.holder.as_deref().filter(|_| !lease.remaining.is_zero())?;
        self.member(holder)
    }

    /// The member behind a holder's name.
    #[must_use]
    pub fn member(&self, holder: &str) -> Option<&Member> {
        self.members.iter().map(|row| &row.member).find(|member| self::holder(member) == holder)
    }

    /// Addresses of living members that run `service`.
    #[must_use]
    pub fn running(&self, service: Service) -> Vec<&Member> {
        let name = running_name(service);
        let living = self.members.iter().filter(|row| !row.remaining.is_zero());
        living.map(|row| &row.member).filter(|member| member.services.iter().any(|s| s == name)).collect()
    }
}

/// Customers live with orders.
pub(crate) fn running_name(service: Service) -> &'static str {
    match service {
        Service::Customers => Service::Orders.name(),
        other => other.name(),
    }
}

/// The name under which a member holds leases: no two starts have the same.
#[must_use]
pub fn holder(member: &Member) -> String {
    let [a, b, c, d, ..] = member.instance;
    format!("{}#{a:02x}{b:02x}{c:02x}{d:02x}", member.name)
}

/// The process's view of its cluster. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) options: ClusterOptions,
    pub(crate) me: Arc<str>,
    pub(crate) owners: watch::Receiver<Arc<Owners>>,
    pub(crate) look: Arc<Notify>,
    /// The version of the frames that this process writes: one that every living process reads.
    pub(crate) form: Arc<AtomicU32>,
}

/// Why nobody did what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unrouted {
    /// This process owns it now, or is about to.
    Here,
    /// No owner could be asked in time; nothing happened.
    Nobody,
    /// It may have happened.
    Unknown,
}

/// How long a call waits for an owner: longer than it takes to replace a crashed one.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often the engine is asked again while there is no owner.
const AGAIN: Duration = Duration::from_millis(20);

impl Cluster {
    /// What is known of the others, as it changes.
    #[must_use]
    pub fn owners(&self) -> watch::Receiver<Arc<Owners>> {
        self.owners.clone()
    }

    /// This process, as the others see it.
    #[must_use]
    pub fn member(&self) -> &Member {
        &self.options.member
    }

    /// The engine that all share.
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.options.engine
    }

    /// Ownership may have changed: look soon.
    pub fn look(&self) {
        self.look.notify_one();
    }

    /// Where the owner of a partition is reached: `Ok(None)` is here, `Err` is nowhere.
    fn address(&self, of: PartitionId) -> Result<Option<String>, ()> {
        let owners = self.owners.borrow();
        let member = owners.owner(of).ok_or(())?;
        Ok((holder(member) != *self.me).then(|| member.address.clone()))
    }

    /// Asks the owner, whoever it is by then. What may be repeated is asked again of the next owner when one is lost.
    pub(crate) async fn route<T, F>(
        &self,
        to: PartitionId,
        repeatable: bool,
        mut ask: impl FnMut(String) -> F,
    ) -> Result<T, Unrouted>
    where
        F: Future<Output = Result<T, WireError>>,
    {
        let deadline = Instant::now() + PATIENCE;
        let mut unknown = false;
        loop {
            let place = self.address(to);
            match place {
                Ok(None) => return Err(Unrouted::Here),
                Ok(Some(address)) => {
                    let moved = self.moved(to, address.clone());
                    let asked = tokio::select! {
                        asked = ask(address) => asked,
                        () = moved => Err(WireError::Unknown),
                        () = tokio::time::sleep_until(deadline.into()) => Err(WireError::Unknown),
                    };
                    match asked {
                        Ok(answer) => return Ok(answer),
                        Err(WireError::NotDone) => {}
                        Err(WireError::Malformed) => return Err(Unrouted::Nobody),
                        Err(WireError::Unknown) if repeatable => unknown = true,
                        Err(WireError::Unknown) => return Err(Unrouted::Unknown),
                    }
                }
                Err(()) => {}
            }
            if Instant::now() >= deadline {
                return Err(if unknown { Unrouted::Unknown } else { Unrouted::Nobody });
            }
            self.look();
            let mut owners = self.owners.clone();
            // A change is worth another try, and so is a moment.
            let _ = tokio::time::timeout(AGAIN, owners.changed()).await;
        }
    }

    /// Waits until the partition is no longer owned at `address`.
    async fn moved(&self, of: PartitionId, address: String) {
        let mut owners = self.owners.clone();
        let there = |owners: &Arc<Owners>| owners.owner(of).is_some_and(|member| member.address == address);
        if owners.wait_for(|owners| !there(owners)).await.is_err() {
            // Nobody looks any more: the process is stopping, and the question's own limits end it.
            std::future::pending::<()>().await;
        }
    }

    /// Hands messages to their receiver's owner.
    pub(crate) async fn deliver(&self, delivery: &Delivery) -> Result<u64, Unrouted> {
        let ask = |address: String| {
            let delivery = delivery.clone();
            async move { self.options.wire.deliver(&address, delivery).await }
        };
        self.route(delivery.to, true, ask).await
    }

    /// Where the owner of a partition is.
    pub(crate) async fn position(&self, of: PartitionId) -> Result<u64, Unrouted> {
        let ask = |address: String| async move { self.options.wire.position(&address, of).await };
        self.route(of, true, ask).await
    }

    /// Tells all others to look at who owns what.
    pub fn nudge_all(&self) {
        let owners = self.owners.borrow().clone();
        let living = owners.members.iter().filter(|row| !row.remaining.is_zero());
        for member in living.map(|row| &row.member).filter(|member| holder(member) != *self.me) {
            let (wire, address) = (Arc::clone(&self.options.wire), member.address.clone());
            // Who does not hear it looks by itself a little later.
            tokio::spawn(async move { wire.nudge(&address).await });
        }
    }
}

/// Messages for a service that runs in other processes only.
pub struct Elsewhere(pub Cluster);

impl crate::router::Deliver for Elsewhere {
    fn deliver(
        &self,
        delivery: Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<u64, DeliverError>> + Send + '_>> {
        Box::pin(async move {
            let to = delivery.to;
            self.0.deliver(&delivery).await.map_err(|_| DeliverError::Unavailable(to))
        })
    }
}
