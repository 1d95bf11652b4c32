//! The door itself: the partitions, who waits for them, and what every RPC needs of them.

use crate::config::Settings;
use crate::effects::{Ears, Planning};
use crate::stale;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tonic::Status;
use waybill_orders::{Answer, Command, Opening, Order, Orders, OrdersState, Refusal};
use waybill_proto::orders::v1::amendments_service_server::AmendmentsServiceServer;
use waybill_proto::orders::v1::order_policy_service_server::OrderPolicyServiceServer;
use waybill_proto::orders::v1::orders_service_server::OrdersServiceServer;
use waybill_proto::orders::v1::returns_service_server::ReturnsServiceServer;
use waybill_replica::{Accepted, Clock, Failure, Host, OpenError, Partition, Partitions, Submission, Token};
use waybill_service_kit::{DoorError, Fields, Nodes, Planner, Seal, Write, failed, partitions, status};
use waybill_types::{Layout, OrderId, Origin, PartitionId, Service};

/// The service of orders. Cheap to clone.
#[derive(Clone)]
pub struct Door(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) partitions: Partitions<Orders>,
    pub(crate) layout: Layout,
    pub(crate) settings: Settings,
    pub(crate) seal: Seal,
    pub(crate) ears: Ears,
    pub(crate) clock: Clock,
    pub(crate) planner: Arc<dyn Planner>,
    pub(crate) nodes: Arc<dyn Nodes>,
}

/// Recovers and starts the orders partitions of `host`. `planner` answers what they want planned; questions that were
/// open when the engine last stopped are asked again. `nodes` says who takes goods back.
///
/// # Errors
/// [`OpenError`] when a partition cannot be recovered.
pub async fn open(
    host: &Host,
    settings: Settings,
    seal: Seal,
    planner: Arc<dyn Planner>,
    nodes: Arc<dyn Nodes>,
) -> Result<Door, OpenError> {
    crate::metrics::describe();
    let (ears, questions) = Ears::new();
    let partitions = host.start::<Orders>(|_| ears.observer()).await?;
    let (layout, clock) = (host.layout(), host.clock().clone());
    let inner = Inner { partitions, layout, settings, seal, ears, clock, planner, nodes };
    let inner = Arc::new(inner);
    let (planner, clock) = (Arc::clone(&inner.planner), inner.clock.clone());
    let planning = Planning { door: Arc::downgrade(&inner), planner, clock };
    tokio::spawn(planning.run(questions, settings));
    Ok(Door(inner))
}

impl Door {
    /// The service, for a gRPC server.
    #[must_use]
    pub fn orders_server(&self) -> OrdersServiceServer<Self> {
        OrdersServiceServer::new(self.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
    /// Changes of orders, for a gRPC server.
    #[must_use]
    pub fn amendments_server(&self) -> AmendmentsServiceServer<Self> {
        AmendmentsServiceServer::new(self.clone())
    }
    /// Returns, for a gRPC server.
    #[must_use]
    pub fn returns_server(&self) -> ReturnsServiceServer<Self> {
        ReturnsServiceServer::new(self.clone())
    }
    /// The order policy, for a gRPC server.
    #[must_use]
    pub fn policy_server(&self) -> OrderPolicyServiceServer<Self> {
        OrderPolicyServiceServer::new(self.clone())
    }
    /// The partitions, for audits, feeds and draining.
    #[must_use]
    pub fn partitions(&self) -> &Partitions<Orders> {
        &self.0.partitions
    }
}

/// What was ordered and what became of it.
pub(crate) type Standing = (Arc<Opening>, Arc<Order>);

/// An order of 500 lines with full attributes, or 1,000 orders of an import.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

impl Inner {
    /// Puts a command to a partition, once per request id.
    pub(crate) async fn write(
        &self,
        partition: PartitionId,
        write: Write,
        command: Command,
    ) -> Result<Accepted<Answer>, Status> {
        let submission = write.submission(command);
        self.partition(partition)?.submit(submission).await.map_err(|failure| failed(&failure))
    }

    /// As [`Self::write`], for a command on one order: when the order has changed since the caller read it, the refusal
    /// tells what changed.
    pub(crate) async fn change(
        &self,
        order: OrderId,
        write: Write,
        command: Command,
    ) -> Result<Accepted<Answer>, Status> {
        self.change_as(order, write, command, |refusal| refusal).await
    }

    /// As [`Self::change`], with refusals as `renamed` tells them.
    pub(crate) async fn change_as(
        &self,
        order: OrderId,
        write: Write,
        command: Command,
        renamed: impl FnOnce(Refusal) -> Refusal,
    ) -> Result<Accepted<Answer>, Status> {
        let partition = self.partition(order.partition())?;
        match partition.submit(write.submission(command)).await {
            Err(Failure::Refused(Refusal::StaleRevision { order, expected, current })) => {
                Err(stale::refusal(self, order, expected, current).await)
            }
            Err(Failure::Refused(refusal)) => Err(status(&renamed(refusal))),
            other => other.map_err(|failure| failed(&failure)),
        }
    }

    /// What an order is now; `None` where there is no such order.
    pub(crate) async fn order(&self, id: OrderId) -> Result<Option<Standing>, Status> {
        if !self.is_here(id) {
            return Ok(None);
        }
        self.read(id.partition(), move |state| state.order(id)).await
    }

    /// Puts a command that is the same however often it is sent to a partition.
    pub(crate) async fn submit(
        &self,
        partition: PartitionId,
        origin: Origin,
        command: Command,
    ) -> Result<Accepted<Answer>, Status> {
        let submission = Submission { command, origin, request: None };
        self.partition(partition)?.submit(submission).await.map_err(|failure| failed(&failure))
    }

    /// Reads a partition's state.
    pub(crate) async fn read<R: Send + 'static>(
        &self,
        partition: PartitionId,
        read: impl FnOnce(&OrdersState) -> R + Send + 'static,
    ) -> Result<R, Status> {
        self.partition(partition)?.read(|state, _| read(state)).await.map_err(|failure| failed(&failure))
    }

    pub(crate) fn partition(&self, id: PartitionId) -> Result<&Partition<Orders>, Status> {
        Ok(partitions::partition(&self.partitions, id)?)
    }

    /// The partitions of all orders.
    pub(crate) fn everywhere(&self) -> impl Iterator<Item = PartitionId> + use<> {
        self.layout.partitions(Service::Orders)
    }

    /// An order id whose partition exists here. Any other names no order.
    pub(crate) fn order_id(&self, fields: &mut Fields, text: &str) -> Option<OrderId> {
        fields.check("order_id", text.parse::<OrderId>())
    }

    /// An answer that does not belong to the command.
    pub(crate) fn unexpected(what: &str, answer: &Answer) -> Status {
        DoorError::Bug { what: format!("{what} was answered with {answer:?}") }.into()
    }

    /// There is no such order.
    pub(crate) fn unknown(order: OrderId) -> Status {
        status(&Refusal::UnknownOrder(order))
    }

    /// True where an order with this id could be.
    pub(crate) fn is_here(&self, order: OrderId) -> bool {
        self.partitions.get(order.partition()).is_some()
    }

    /// Reads `after`: empty, or a token that a write of orders returned.
    pub(crate) fn after(&self, fields: &mut Fields, text: &str) {
        partitions::own_token(fields, &self.partitions, text);
    }

    /// A token for the state of a partition as it is now.
    pub(crate) fn token(&self, partition: PartitionId) -> String {
        let sequence =
            self.partitions.get(partition).map_or(0, |p| p.status().sequence.load(Ordering::Acquire));
        Token { partition, sequence }.to_string()
    }
}
