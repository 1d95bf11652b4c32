//! The audit of a running engine. Partitions stand still together only until what they have not saved is noted; the
//! laws are judged on that cut while they go on.

use super::cut::ConsistentCut;
use super::part::{Books, FulfillmentPart, InventoryPart, OrdersPart};
use super::{Cut, Report, check_journal};
use std::sync::Arc;
use std::time::Instant;
use waybill_customers::Customers;
use waybill_fulfillment::Fulfillment;
use waybill_inventory::Inventory;
use waybill_orders::Orders;
use waybill_replica::{Host, OpenError, Partitions};
use waybill_types::Service;

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
        // The rows below must stay as they are at the cut.
        let paused = host.pause_checkpoints().await;
        let mut noted = ConsistentCut::note(self).await?;
        let (host, began) = (Arc::clone(host), Instant::now());
        let judged = tokio::task::spawn_blocking(move || {
            if host.cluster().is_some() {
                noted.align(&host)?;
            }
            let cut = look(&noted, &host)?;
            drop((noted, paused));
            let mut report = cut.judge();
            check_journal(&host, &mut report);
            tracing::info!(took_ms = began.elapsed().as_millis() as u64, "audit: judged a cut");
            Ok(report)
        });
        judged.await?
    }
}

/// Looks at one partition after the other, so that rows read from the store are in memory for one at a time.
fn look(noted: &ConsistentCut, host: &Host) -> Result<Cut, OpenError> {
    let mut cut = Cut::default();
    for id in noted.0.keys().copied() {
        match id.service {
            Service::Orders => cut.orders.push(OrdersPart::look(&noted.look(host, id)?)),
            Service::Inventory => cut.inventory.push(InventoryPart::look(&noted.look(host, id)?)),
            Service::Fulfillment => cut.fulfillment.push(FulfillmentPart::look(&noted.look(host, id)?)),
            Service::Customers => cut.customers.push(Books::of(&noted.look::<Customers>(host, id)?)),
        }
    }
    Ok(cut)
}
