//! The door itself: the partitions, who waits for them, and what every RPC needs of them.

use crate::config::Settings;
use crate::effects::{Ears, Planning};
use crate::error::failed;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tonic::Status;
use waybill_machine::Content;
use waybill_orders::{Answer, Command, Orders, OrdersState};
use waybill_proto::orders::v1::orders_service_server::OrdersServiceServer;
use waybill_replica::{Accepted, Host, OpenError, Partition, Partitions, RequestKey, Submission, Token};
use waybill_service_kit::{Caller, DoorError, Fields, Planner, Seal};
use waybill_types::{Layout, OrderId, Origin, PartitionId, Reason, RequestId, Service};

/// The service of orders. Cheap to clone.
#[derive(Clone)]
pub struct Door(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) partitions: Partitions<Orders>,
    pub(crate) layout: Layout,
    pub(crate) settings: Settings,
    pub(crate) seal: Seal,
    pub(crate) ears: Ears,
}

/// Recovers and starts the orders partitions of `host`. `planner` answers what they want planned; questions that were
/// open when the engine last stopped are asked again.
///
/// # Errors
/// [`OpenError`] when a partition cannot be recovered.
pub async fn open(
    host: &Host,
    settings: Settings,
    seal: Seal,
    planner: Arc<dyn Planner>,
) -> Result<Door, OpenError> {
    crate::metrics::describe();
    let (ears, questions) = Ears::new();
    let partitions = host.start::<Orders>(|_| ears.observer()).await?;
    let inner = Arc::new(Inner { partitions, layout: host.layout(), settings, seal, ears });
    let planning = Planning { door: Arc::downgrade(&inner), planner, clock: host.clock().clone() };
    tokio::spawn(planning.run(questions, settings));
    Ok(Door(inner))
}

impl Door {
    /// The service, for a gRPC server.
    #[must_use]
    pub fn orders_server(&self) -> OrdersServiceServer<Self> {
        OrdersServiceServer::new(self.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
    /// The partitions, for audits, feeds and draining.
    #[must_use]
    pub fn partitions(&self) -> &Partitions<Orders> {
        &self.0.partitions
    }
}

/// An order of 500 lines with full attributes, or 1,000 orders of an import.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// A write: who asks, under which id, compared within which target and against which content.
pub(crate) struct Write {
    pub(crate) caller: Caller,
    pub(crate) request: RequestId,
    pub(crate) reason: Reason,
    pub(crate) target: Vec<u8>,
    pub(crate) content: Content,
}

impl Inner {
    /// Puts a command to a partition, once per request id.
    pub(crate) async fn write(
        &self,
        partition: PartitionId,
        write: Write,
        command: Command,
    ) -> Result<Accepted<Answer>, Status> {
        let Write { caller, request, reason, target, content } = write;
        let request = Some(RequestKey { id: request, target, content });
        let submission = Submission { command, origin: caller.origin(reason), request };
        self.partition(partition)?.submit(submission).await.map_err(|failure| failed(&failure))
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
        let elsewhere = || DoorError::Unavailable { what: format!("{id} is not served by this process") };
        self.partitions.get(id).ok_or_else(|| elsewhere().into())
    }

    /// The partitions of all orders.
    pub(crate) fn everywhere(&self) -> impl Iterator<Item = PartitionId> + use<> {
        self.layout.partitions(Service::Orders)
    }

    /// An order id whose partition exists here. Any other names no order.
    pub(crate) fn order_id(&self, fields: &mut Fields, text: &str) -> Option<OrderId> {
        fields.check("order_id", text.parse::<OrderId>())
    }

    /// There is no such order.
    pub(crate) fn unknown(order: impl ToString) -> Status {
        DoorError::Unknown { kind: "order", id: order.to_string() }.into()
    }

    /// True where an order with this id could be.
    pub(crate) fn is_here(&self, order: OrderId) -> bool {
        self.partitions.get(order.partition()).is_some()
    }

    /// Reads `after`: empty, or a token that a write of orders returned. A read of this process sees all that was
    /// acknowledged by it, so checking the token is all there is to do.
    pub(crate) fn after(&self, fields: &mut Fields, text: &str) {
        let Some(token) = fields.check_unless_empty("after", text, str::parse::<Token>) else { return };
        if token.partition.service != Service::Orders {
            let service = token.partition.service.name();
            fields.wrong("after", format!("is a token of {service}; this read waits for tokens of orders"));
            return;
        }
        match self.partitions.get(token.partition) {
            Some(partition) if token.sequence <= partition.status().sequence.load(Ordering::Acquire) => {}
            Some(_) | None => fields.wrong("after", "is not a token that this installation returned"),
        }
    }

    /// A token for the state of a partition as it is now.
    pub(crate) fn token(&self, partition: PartitionId) -> String {
        let sequence =
            self.partitions.get(partition).map_or(0, |p| p.status().sequence.load(Ordering::Acquire));
        Token { partition, sequence }.to_string()
    }
}
