//! How a message finds the partition it is for: in this process, or through a peer that speaks gRPC.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, RwLock};
use waybill_types::{PartitionId, Service};

/// A run of consecutive messages from one partition to another.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The sender.
    pub from: PartitionId,
    /// The receiver.
    pub to: PartitionId,
    /// The number of the first message.
    pub first: u64,
    /// The encoded messages.
    pub messages: Vec<Vec<u8>>,
}

/// Why messages were not applied. None of these is an outcome: they are sent again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliverError {
    /// The receiver is not there now.
    #[error("{0} is not reachable now")]
    Unavailable(PartitionId),
    /// The receiver has applied less than the sender thinks.
    #[error("messages before {expected} are missing")]
    Gap {
        /// The number the receiver needs next.
        expected: u64,
    },
}

/// Somebody who can apply messages for a service's partitions.
pub trait Deliver: Send + Sync + 'static {
    /// Applies the messages durably and answers with the highest number applied by now.
    fn deliver(
        &self,
        delivery: Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<u64, DeliverError>> + Send + '_>>;
}

/// Who applies messages, per service.
#[derive(Clone, Default)]
pub struct Router(Arc<RwLock<BTreeMap<Service, Arc<dyn Deliver>>>>);

impl Router {
    /// From now on messages for `service` go to `deliver`.
    pub fn register(&self, service: Service, deliver: Arc<dyn Deliver>) {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(service, deliver);
    }

    /// Hands a delivery to whoever is registered.
    ///
    /// # Errors
    /// [`DeliverError`]; send again later.
    pub async fn deliver(&self, delivery: Delivery) -> Result<u64, DeliverError> {
        let to = delivery.to;
        let deliver =
            self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(&to.service).cloned();
        match deliver {
            Some(deliver) => deliver.deliver(delivery).await,
            None => Err(DeliverError::Unavailable(to)),
        }
    }
}
