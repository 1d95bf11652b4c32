//! Plans and promises: the network's view and the stock's view, asked together. Nothing is changed; what an order was
//! answered is kept to be shown.

use crate::config::Method;
use crate::decisions::DecisionLog;
use crate::metrics as names;
use crate::mirror::NetworkMirror;
use crate::surroundings::FreshStock;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use waybill_mirror::{Basket, Mirror};
use waybill_service_kit::{Planner, PlannerError};
use waybill_sourcing::PromiseOption;
use waybill_types::Currency;
use waybill_types::exchange::{Plan, PlanRequest};

/// Answers planning questions in this process.
#[derive(Clone)]
pub(crate) struct LocalPlanner {
    pub(crate) network: NetworkMirror,
    pub(crate) stock: Mirror,
    /// Who brings the stock up to date for orders that ask again.
    pub(crate) fresh: Option<Arc<dyn FreshStock>>,
    /// Where decisions are kept that an order asked for; `None` keeps none.
    pub(crate) decisions: Option<DecisionLog>,
    pub(crate) method: Method,
}

impl LocalPlanner {
    /// Waits until the stock is as new as what the order was told of. First attempts do not wait: what they see too late is
    /// told to the order once it waits, and what they see no longer is refused when it is reserved.
    pub(crate) async fn catch_up(&self, request: &PlanRequest) -> Result<(), PlannerError> {
        match &self.fresh {
            Some(fresh) if request.asked_for.is_some_and(|asked| asked.attempt > 1) => {
                fresh.catch_up(request).await
            }
            _ => Ok(()),
        }
    }

    /// The best plan, with the currency of its costs.
    pub(crate) fn plan_now(&self, request: &PlanRequest) -> Result<(Plan, Currency), PlannerError> {
        let (begun, view, stock) = (Instant::now(), self.network.view(), self.basket(request)?);
        let (network, policy) = (&view.network, &view.policy);
        let (plan, proof) = match self.method {
            Method::Exact => waybill_sourcing::plan_with_proof(network, policy, &stock, request),
            Method::NearestComplete => {
                (waybill_sourcing::nearest_complete(network, policy, &stock, request), None)
            }
        };
        if let Some(decisions) = self.decisions.as_ref().filter(|_| request.asked_for.is_some()) {
            decisions.keep(&view, &stock, request, (&plan, proof));
        }
        metrics::histogram!(names::PLANS).record(begun.elapsed().as_secs_f64());
        Ok((plan, view.policy.policy.currency))
    }

    /// The best plan and earlier, dearer ones, with the currency of their costs.
    pub(crate) fn promise_now(
        &self,
        request: &PlanRequest,
        options_max: usize,
    ) -> Result<(Vec<PromiseOption>, Currency), PlannerError> {
        let (begun, view, stock) = (Instant::now(), self.network.view(), self.basket(request)?);
        let options = waybill_sourcing::promise(&view.network, &view.policy, &stock, request, options_max);
        metrics::histogram!(names::PLANS).record(begun.elapsed().as_secs_f64());
        Ok((options, view.policy.policy.currency))
    }

    /// A plan over half a view of the stock would send parcels from the wrong places: better none.
    fn basket(&self, request: &PlanRequest) -> Result<Basket, PlannerError> {
        self.stock.ready().map_err(|filling| PlannerError::Unavailable(filling.to_string()))?;
        let basket = self.stock.basket(request.lines.iter().map(|line| (&line.sku, &line.owner)));
        if request.own.is_empty() {
            return Ok(basket);
        }
        Ok(basket.with_own(&request.own, &self.stock.names().read()))
    }
}

impl Planner for LocalPlanner {
    fn plan<'a>(
        &'a self,
        request: &'a PlanRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Plan, PlannerError>> + Send + 'a>> {
        Box::pin(async move {
            self.catch_up(request).await?;
            self.plan_now(request).map(|(plan, _)| plan)
        })
    }
}
