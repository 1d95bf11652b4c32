//! The door to customers: who somebody is, what they did over all channels, and what was said about them. It lives beside
//! the door to orders, since what a person did is read from orders; it refuses to keep any copy of that.

mod erase;
mod error;
mod figures;
mod parse;
mod read;
mod service;
mod shown;
mod whose;
mod write;

use crate::door::{Door, Inner as OrdersDoor};
use std::sync::Arc;
use tonic::Status;
use waybill_customers::{Answer, Command, Customer, Customers, CustomersState, Refusal};
use waybill_proto::customers::v1::customers_service_server::CustomersServiceServer;
use waybill_replica::{Accepted, Host, OpenError, Partitions};
use waybill_service_kit::{DoorError, Fields, Write, failed, partitions, status};
use waybill_types::{CustomerId, PartitionId, Service, SubjectKey};

/// All records live here.
const HOME: PartitionId = PartitionId::new(Service::Customers, 0);

/// The service of customers. Cheap to clone.
#[derive(Clone)]
pub struct CustomersDoor(Arc<Inner>);

pub(crate) struct Inner {
    orders: Arc<OrdersDoor>,
    partitions: Partitions<Customers>,
}

/// Recovers and starts the records of `host`. What people did is read through `orders`.
///
/// # Errors
/// [`OpenError`] when the partition cannot be recovered.
pub async fn open(host: &Host, orders: &Door) -> Result<CustomersDoor, OpenError> {
    let deaf = |_: PartitionId| Box::new(|_: &CustomersState, _: u64, _: Vec<()>| {}) as Box<_>;
    let partitions = host.start::<Customers>(deaf).await?;
    Ok(CustomersDoor(Arc::new(Inner { orders: Arc::clone(&orders.0), partitions })))
}

impl CustomersDoor {
    /// The service, for a gRPC server.
    #[must_use]
    pub fn server(&self) -> CustomersServiceServer<Self> {
        CustomersServiceServer::new(self.clone())
    }
    /// The partitions, for audits, feeds and draining.
    #[must_use]
    pub fn partitions(&self) -> &Partitions<Customers> {
        &self.0.partitions
    }
}

impl Inner {
    /// Puts a command to the records, once per request id.
    async fn write(&self, write: Write, command: Command) -> Result<Accepted<Answer>, Status> {
        let partition = partitions::partition(&self.partitions, HOME)?;
        partition.submit(write.submission(command)).await.map_err(|failure| failed(&failure))
    }

    /// Reads the records.
    async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&CustomersState) -> R + Send + 'static,
    ) -> Result<R, Status> {
        let partition = partitions::partition(&self.partitions, HOME)?;
        partition.read(|state, _| read(state)).await.map_err(|failure| failed(&failure))
    }

    /// The person behind an id.
    async fn person(&self, id: CustomerId) -> Result<(CustomerId, Arc<Customer>), Status> {
        let found = self.read(move |state| state.person(id)).await?;
        found.ok_or_else(|| status(&Refusal::Unknown(id)))
    }

    /// Reads `after`: empty, or a token that a write of customers returned.
    fn after(&self, fields: &mut Fields, text: &str) {
        partitions::own_token(fields, &self.partitions, text);
    }

    /// The vault writes to disk: not on a task that serves others.
    async fn destroy(&self, keys: Vec<SubjectKey>) -> Result<(), Status> {
        let seal = self.orders.seal.clone();
        let destroyed =
            tokio::task::spawn_blocking(move || keys.into_iter().try_for_each(|key| seal.erase(key)));
        match destroyed.await {
            Ok(destroyed) => Ok(destroyed?),
            Err(error) => Err(DoorError::Bug { what: error.to_string() }.into()),
        }
    }

    fn unexpected(what: &str, answer: &Answer) -> Status {
        DoorError::Bug { what: format!("{what} was answered with {answer:?}") }.into()
    }
}
