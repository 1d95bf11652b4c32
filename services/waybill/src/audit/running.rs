//! The audit of a running engine. Partitions stand still together only until what they have not saved is noted; the
//! laws are judged on that cut while they go on.

use super::cut::{Anew, ConsistentCut, TRIES};
use super::part::{Books, FulfillmentPart, InventoryPart, OrdersPart};
use super::{Cut, Report, check_journal};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use waybill_customers::Customers;
use waybill_fulfillment::Fulfillment;
use waybill_inventory::Inventory;
use waybill_machine::Machine;
use waybill_orders::Orders;
use waybill_replica::{Host, OpenError, Partitions, Role, Status};
use waybill_types::{PartitionId, Service};

/// Running partitions of this process; a process that runs a part of the services audits that part.
#[derive(Clone, Default)]
pub struct Running {
    /// Orders, where this process runs them.
    pub orders: Option<Partitions<Orders>>,
    /// Inventory, where this process runs it.
    pub inventory: Option<Partitions<Inventory>>,
    /// Fulfilment, where this process runs it.
    pub fulfillment: Option<Partitions<Fulfillment>>,
    /// Customers, wherever orders run.
    pub customers: Option<Partitions<Customers>>,
    /// The sourcing decisions kept beside the journal, where fulfilment runs and keeps some.
    pub decisions: Option<waybill_fulfillment_service::DecisionLog>,
    /// Held while partitions are frozen: two cuts at once would each wait for what the other has frozen.
    pub cuts: Arc<tokio::sync::Mutex<()>>,
}

/// A partition that has stopped cannot be cut.
#[derive(Debug, thiserror::Error)]
#[error("{0} has stopped; restart the process, or audit its directory offline")]
pub struct Stopped(pub PartitionId);

/// Why there is no cut.
#[derive(Debug, thiserror::Error)]
pub enum NotCut {
    /// A partition has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A copy is being made anew.
    #[error(transparent)]
    Anew(#[from] Anew),
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no cut to judge.
    #[error(transparent)]
    NotCut(#[from] NotCut),
    /// The state at the cut cannot be read.
    #[error("the state at the cut cannot be read: {0}")]
    Unreadable(#[from] OpenError),
    /// A law could not be judged: our bug, or a store that cannot answer.
    #[error("the audit ended early: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

impl Running {
    /// Notes one consistent cut over all partitions, lets them go on, and judges the cut and the journal. No checkpoint
    /// begins before the cut is judged.
    ///
    /// # Errors
    /// [`AuditError`].
    pub async fn audit(&self, host: &Arc<Host>) -> Result<Report, AuditError> {
        for _ in 1..TRIES {
            match self.audit_once(host).await {
                Err(AuditError::NotCut(NotCut::Anew(Anew(id)))) => self.opened(id).await,
                done => return done,
            }
        }
        self.audit_once(host).await
    }

    async fn audit_once(&self, host: &Arc<Host>) -> Result<Report, AuditError> {
        // The rows below must stay as they are at the cut.
        let paused = host.pause_checkpoints().await;
        let mut noted = ConsistentCut::note(self).await?;
        let (host, running, began) = (Arc::clone(host), self.clone(), Instant::now());
        let judged = tokio::task::spawn_blocking(move || {
            let cut = look(&mut noted, &host);
            // Whatever was found, if it was not of the cut it says nothing.
            noted.stands(&running).map_err(NotCut::from)?;
            let cut = cut?;
            drop((noted, paused));
            let mut report = cut.judge();
            check_journal(&host, &mut report);
            tracing::info!(took_ms = began.elapsed().as_millis() as u64, "audit: judged a cut");
            Ok(report)
        });
        judged.await?
    }
}

/// How long a copy that is being made anew is waited for.
const OPENED_WITHIN: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(20);

impl Running {
    /// How often the copy of each partition was taken anew.
    pub(super) fn replaced(&self) -> BTreeMap<PartitionId, u64> {
        let of = |(id, status): (PartitionId, &Status)| (id, status.replaced.load(Ordering::SeqCst));
        self.statuses().into_iter().map(of).collect()
    }

    /// True where the state of a partition is being read, after which it goes on.
    pub(super) fn is_opening(&self, id: PartitionId) -> bool {
        self.statuses().into_iter().any(|(of, status)| of == id && status.role() == Role::Recovering)
    }

    /// Waits until the copy of a partition is there again, or does not come.
    pub(crate) async fn opened(&self, id: PartitionId) {
        let began = Instant::now();
        while self.is_opening(id) && began.elapsed() < OPENED_WITHIN {
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn statuses(&self) -> Vec<(PartitionId, &Status)> {
        fn of<M: Machine>(
            partitions: Option<&Partitions<M>>,
        ) -> impl Iterator<Item = (PartitionId, &Status)> {
            let each = partitions.into_iter().flat_map(Partitions::iter);
            each.map(|partition| (partition.id(), partition.status()))
        }
        let all = of(self.orders.as_ref()).chain(of(self.inventory.as_ref()));
        all.chain(of(self.fulfillment.as_ref())).chain(of(self.customers.as_ref())).collect()
    }
}

/// Looks at one partition after the other, so that rows read from the store are in memory for one at a time.
fn look(noted: &mut ConsistentCut, host: &Host) -> Result<Cut, OpenError> {
    if host.cluster().is_some() {
        noted.align(host)?;
    }
    let mut cut = Cut::default();
    for id in noted.stands.keys().copied() {
        match id.service {
            Service::Orders => cut.orders.push(OrdersPart::look(&noted.look(host, id)?)),
            Service::Inventory => cut.inventory.push(InventoryPart::look(&noted.look(host, id)?)),
            Service::Fulfillment => cut.fulfillment.push(FulfillmentPart::look(&noted.look(host, id)?)),
            Service::Customers => cut.customers.push(Books::of(&noted.look::<Customers>(host, id)?)),
        }
    }
    Ok(cut)
}
