//! The planner as the orders door sees it: a question, an answer, nothing changed. In this process or behind gRPC.

use std::future::Future;
use std::pin::Pin;
use waybill_types::exchange::{Plan, PlanRequest};

/// Why there is no plan. Ask again later.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PlannerError {
    /// The planner is not reachable or not ready (its mirrors are still filling).
    #[error("the planner is not available: {0}")]
    Unavailable(String),
    /// The question is wrong; asking again does not help.
    #[error("the planner cannot answer: {0}")]
    Malformed(String),
}

/// Answers planning questions.
pub trait Planner: Send + Sync + 'static {
    /// The best plan for the units asked.
    fn plan<'a>(
        &'a self,
        request: &'a PlanRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Plan, PlannerError>> + Send + 'a>>;
}
