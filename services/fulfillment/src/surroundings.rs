//! What the door of fulfilment is given by the process around it: the view of stock, who brings that up to date, and the
//! other processes that plan. It refuses to know how processes are found and reached.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tonic::transport::Channel;
use waybill_mirror::Mirror;
use waybill_service_kit::PlannerError;
use waybill_types::exchange::PlanRequest;

/// What is around a door.
pub struct Surroundings {
    /// The stock that plans are made over, which somebody else feeds.
    pub stock: Mirror,
    /// Who brings `stock` up to its owners', where it may be behind what an order was told of.
    pub fresh: Option<Arc<dyn FreshStock>>,
    /// The other processes, where there may be some.
    pub others: Option<Arc<dyn OtherPlanners>>,
}

impl Surroundings {
    /// Of a process that runs everything alone: what an order is told of is in `stock` before.
    #[must_use]
    pub fn alone(stock: Mirror) -> Self {
        Self { stock, fresh: None, others: None }
    }
}

/// Brings the view of stock up to its owners'. The word that stock arrived comes to an order from the stock's owner, and may be
/// there before this process has heard of the stock: a plan over the older stock finds nothing, and nobody tells the order
/// again.
pub trait FreshStock: Send + Sync + 'static {
    /// Answers once the view has of what is asked for all that its owners had when this was called.
    fn catch_up<'a>(
        &'a self,
        request: &'a PlanRequest,
    ) -> Pin<Box<dyn Future<Output = Result<(), PlannerError>> + Send + 'a>>;
}

/// The other processes that plan, and so keep decisions.
pub trait OtherPlanners: Send + Sync + 'static {
    /// Those that live now.
    fn living(&self) -> Vec<OtherPlanner>;
    /// Names of those that were there and are not now.
    fn away(&self) -> Vec<String>;
}

/// Another process.
#[derive(Clone)]
pub struct OtherPlanner {
    /// What people call it.
    pub name: String,
    /// The way to it.
    pub channel: Channel,
}
