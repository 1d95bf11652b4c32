//! The audit of a running engine. Partitions stand still together only until what they have not saved is noted; the
//! laws are judged on that cut while they go on.

use super::part::{Books, FulfillmentPart, InventoryPart, OrdersPart};
use super::{Cut, Report, check_journal};
use std::sync::Arc;
use std::time::Instant;
use waybill_customers::Customers;
use waybill_fulfillment::Fulfillment;
use waybill_inventory::Inventory;
use waybill_machine::Machine;
use waybill_orders::Orders;
use waybill_replica::{Core, Frozen, Host, Partitions, RecoveryError, Snapshot};

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
pub struct Stopped(pub waybill_types::PartitionId);

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A partition has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The state at the cut cannot be read.
    #[error("the state at the cut cannot be read: {0}")]
    Unreadable(#[from] RecoveryError),
    /// A law could not be judged: our bug, or a store that cannot answer.
    #[error("the audit ended early: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// Every partition at one cut.
#[derive(Default)]
struct Snapshots {
    orders: Vec<Snapshot<Orders>>,
    inventory: Vec<Snapshot<Inventory>>,
    fulfillment: Vec<Snapshot<Fulfillment>>,
    customers: Vec<Snapshot<Customers>>,
}

impl Running {
    /// Notes one consistent cut over all partitions, lets them go on, and judges the cut and the journal. No checkpoint
    /// begins before the cut is judged.
    ///
    /// # Errors
    /// [`AuditError`].
    pub async fn audit(&self, host: &Arc<Host>) -> Result<Report, AuditError> {
        // The rows below must stay as they are at the cut.
        let paused = host.pause_checkpoints().await;
        let snapshots = self.snapshots().await?;
        let (host, began) = (Arc::clone(host), Instant::now());
        let judged = tokio::task::spawn_blocking(move || {
            let cut = snapshots.look(&host)?;
            drop(paused);
            let mut report = cut.judge();
            check_journal(&host, &mut report);
            tracing::info!(took_ms = began.elapsed().as_millis() as u64, "audit: judged a cut");
            Ok(report)
        });
        judged.await?
    }

    async fn snapshots(&self) -> Result<Snapshots, Stopped> {
        let _one_cut_at_a_time = self.cuts.lock().await;
        let began = Instant::now();
        // All stay frozen until the last has answered: together they are one consistent cut.
        let mut orders = freeze(self.orders.as_ref()).await?;
        let mut inventory = freeze(self.inventory.as_ref()).await?;
        let mut fulfillment = freeze(self.fulfillment.as_ref()).await?;
        let mut customers = freeze(self.customers.as_ref()).await?;
        let snapshots = Snapshots {
            orders: taken(&mut orders),
            inventory: taken(&mut inventory),
            fulfillment: taken(&mut fulfillment),
            customers: taken(&mut customers),
        };
        drop((orders, inventory, fulfillment, customers));
        tracing::info!(stood_still_ms = began.elapsed().as_millis() as u64, "audit: noted a cut");
        Ok(snapshots)
    }
}

async fn freeze<M: Machine>(
    partitions: Option<&Partitions<M>>,
) -> Result<Option<Frozen<Snapshot<M>>>, Stopped> {
    let Some(partitions) = partitions else { return Ok(None) };
    partitions.freeze(Core::snapshot).await.map(Some).map_err(Stopped)
}

fn taken<M>(frozen: &mut Option<Frozen<Snapshot<M>>>) -> Vec<Snapshot<M>> {
    let results = frozen.as_mut().map(|frozen| std::mem::take(&mut frozen.results)).unwrap_or_default();
    results.into_iter().map(|(_, _, snapshot)| snapshot).collect()
}

impl Snapshots {
    /// Looks at one partition after the other, so that rows read from the store are in memory for one at a time.
    fn look(self, host: &Host) -> Result<Cut, RecoveryError> {
        let mut cut = Cut::default();
        for snapshot in self.orders {
            cut.orders.push(OrdersPart::look(&host.look_back(snapshot)?));
        }
        for snapshot in self.inventory {
            cut.inventory.push(InventoryPart::look(&host.look_back(snapshot)?));
        }
        for snapshot in self.fulfillment {
            cut.fulfillment.push(FulfillmentPart::look(&host.look_back(snapshot)?));
        }
        for snapshot in self.customers {
            cut.customers.push(Books::of(&host.look_back(snapshot)?));
        }
        Ok(cut)
    }
}
