//! The nodes as the orders door sees them: whether one takes goods back. In this process or behind gRPC.

use crate::error::DoorError;
use std::future::Future;
use std::pin::Pin;
use waybill_types::NodeId;

/// Whether a node takes goods back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakesBack {
    /// It does.
    Yes,
    /// It does not, or takes no work at all.
    No,
    /// There is no such node.
    Unknown,
}

/// Answers questions about nodes.
pub trait Nodes: Send + Sync + 'static {
    /// Whether the node takes goods back now.
    ///
    /// # Errors
    /// [`DoorError::Unavailable`] when whoever knows cannot be asked.
    fn takes_back<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> Pin<Box<dyn Future<Output = Result<TakesBack, DoorError>> + Send + 'a>>;
}
