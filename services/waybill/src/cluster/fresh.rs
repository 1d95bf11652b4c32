//! Plans that see the stock an order was told of. The word that stock arrived comes from its owner and may be here before
//! this process's copy has the stock; a plan over the older stock would find nothing, and nobody would tell the order again.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use waybill_inventory::Inventory;
use waybill_replica::Partitions;
use waybill_service_kit::{Planner, PlannerError};
use waybill_types::exchange::{Plan, PlanRequest};
use waybill_types::{Layout, PartitionId};

/// A planner over this process's copies of the stock, which are brought up to their owners' where an order asks again.
/// First attempts do not wait: what they see too late is told to the order once it waits, and what they see no longer is
/// refused when it is reserved.
pub struct FreshPlanner {
    /// Who plans.
    pub planner: Arc<dyn Planner>,
    /// The stock that plans are made over.
    pub stock: Partitions<Inventory>,
    /// Where SKUs are at home.
    pub layout: Layout,
}

impl FreshPlanner {
    async fn catch_up(&self, request: &PlanRequest) -> Result<(), PlannerError> {
        let homes: BTreeSet<PartitionId> =
            request.lines.iter().map(|line| self.layout.sku_home(&line.sku)).collect();
        for home in homes {
            // Answered when this copy is as far as its owner was.
            let read = self.stock.of(home).read(|_, _| ()).await;
            read.map_err(|failure| PlannerError::Unavailable(format!("stock of {home}: {failure}")))?;
        }
        Ok(())
    }
}

impl Planner for FreshPlanner {
    fn plan<'a>(
        &'a self,
        request: &'a PlanRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Plan, PlannerError>> + Send + 'a>> {
        Box::pin(async move {
            if request.asked_for.is_some_and(|asked| asked.attempt > 1) {
                self.catch_up(request).await?;
            }
            self.planner.plan(request).await
        })
    }
}
