//! How a message finds the partition it is for: in this process, or through a peer that speaks gRPC.

use crate::letter::Letter;
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
    /// The messages.
    pub messages: Vec<Letter>,
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

/// Who applies messages, per service; in a cluster also who answers for partitions that are owned here.
#[derive(Clone, Default)]
pub struct Router(
    Arc<RwLock<BTreeMap<Service, Arc<dyn Deliver>>>>,
    Arc<RwLock<BTreeMap<Service, Arc<dyn crate::cluster::Owner>>>>,
);

impl Router {
    /// From now on messages for `service` go to `deliver`.
    pub fn register(&self, service: Service, deliver: Arc<dyn Deliver>) {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(service, deliver);
    }

    /// From now on what other processes ask of the owners of `service` goes to `owner`.
    pub(crate) fn register_owner(&self, service: Service, owner: Arc<dyn crate::cluster::Owner>) {
        self.1.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(service, owner);
    }

    /// Who answers for partitions of `service` that are owned here.
    #[must_use]
    pub fn owner(&self, service: Service) -> Option<Arc<dyn crate::cluster::Owner>> {
        self.1.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(&service).cloned()
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
