//! The door itself: the partitions, the views it plans with, and what every RPC needs of them.

use crate::config::Settings;
use crate::decisions::DecisionLog;
use crate::effects::Ears;
use crate::mirror::NetworkMirror;
use crate::nodes::LocalNodes;
use crate::planner::LocalPlanner;
use crate::surroundings::{OtherPlanners, Surroundings};
use std::sync::Arc;
use std::time::Duration;
use tonic::Status;
use waybill_fulfillment::{Answer, Command, Fulfillment, FulfillmentState};
use waybill_mirror::Mirror;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentServiceServer;
use waybill_proto::fulfillment::v1::network_service_server::NetworkServiceServer;
use waybill_proto::fulfillment::v1::promise_service_server::PromiseServiceServer;
use waybill_proto::fulfillment::v1::sourcing_service_server::SourcingServiceServer;
use waybill_replica::{Accepted, Clock, Host, OpenError, Partition, Partitions, Token};
use waybill_service_kit::{DoorError, Fields, Nodes, OpenPerson, Planner, Write, failed, partitions};
use waybill_types::{Layout, NodeId, PartitionId, Service};

/// Both services of fulfilment. Cheap to clone.
#[derive(Clone)]
pub struct Door(pub(crate) Shared);

/// What both services share.
pub(crate) type Shared = Arc<Inner>;

pub(crate) struct Inner {
    pub(crate) partitions: Partitions<Fulfillment>,
    pub(crate) layout: Layout,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) recipients: Arc<dyn OpenPerson>,
    pub(crate) ears: Ears,
    pub(crate) network: NetworkMirror,
    pub(crate) planner: LocalPlanner,
    pub(crate) stock: Mirror,
    pub(crate) others: Option<Arc<dyn OtherPlanners>>,
}

/// Recovers and starts the fulfilment partitions of `host`, and the network's mirror. Plans are made over the stock of the
/// surroundings.
///
/// # Errors
/// [`OpenError`] when a partition cannot be recovered.
pub async fn open(
    host: &Host,
    settings: Settings,
    recipients: Arc<dyn OpenPerson>,
    Surroundings { stock, fresh, others }: Surroundings,
) -> Result<Door, OpenError> {
    crate::metrics::describe();
    let layout = host.layout();
    let ears = Ears::default();
    let partitions = host.start::<Fulfillment>(|id| ears.of(id, layout.network_home())).await?;
    let home = partitions.of(layout.network_home()).clone();
    let gather = Duration::from_millis(settings.network_gather_ms);
    let names = Arc::clone(stock.names());
    let network = NetworkMirror::start(home, names, ears.network.subscribe(), gather).await;
    let decisions = decisions(host, settings)?;
    let (view, method) = (network.clone(), settings.method);
    let planner = LocalPlanner { network: view, stock: stock.clone(), fresh, decisions, method };
    let clock = host.clock().clone();
    Ok(Door(Arc::new(Inner {
        partitions,
        layout,
        clock,
        settings,
        recipients,
        ears,
        network,
        planner,
        stock,
        others,
    })))
}

/// The decisions kept beside the journal, where some are to be kept.
fn decisions(host: &Host, settings: Settings) -> Result<Option<DecisionLog>, OpenError> {
    if settings.decisions_bytes == 0 {
        return Ok(None);
    }
    let dir = host.dir().path().join("decisions");
    let opened = DecisionLog::open(&dir, settings.decisions_bytes);
    opened.map(Some).map_err(|error| OpenError::Io { path: dir, error })
}

impl Door {
    /// The node's side and planning, for a gRPC server.
    #[must_use]
    pub fn fulfillment_server(&self) -> FulfillmentServiceServer<Self> {
        FulfillmentServiceServer::new(self.clone())
    }
    /// The network, for a gRPC server.
    #[must_use]
    pub fn network_server(&self) -> NetworkServiceServer<Self> {
        NetworkServiceServer::new(self.clone())
    }
    /// What product pages ask, for a gRPC server.
    #[must_use]
    pub fn promise_server(&self) -> PromiseServiceServer<Self> {
        PromiseServiceServer::new(self.clone())
    }
    /// The sourcing policy, for a gRPC server.
    #[must_use]
    pub fn sourcing_server(&self) -> SourcingServiceServer<Self> {
        SourcingServiceServer::new(self.clone())
    }
    /// The planner of this process, for the orders door.
    #[must_use]
    pub fn planner(&self) -> Arc<dyn Planner> {
        Arc::new(self.0.planner.clone())
    }
    /// What is known of nodes in this process, for the orders door.
    #[must_use]
    pub fn nodes(&self) -> Arc<dyn Nodes> {
        Arc::new(LocalNodes(Arc::clone(&self.0)))
    }
    /// The decisions this process keeps, for copies; `None` where it keeps none.
    #[must_use]
    pub fn decisions(&self) -> Option<DecisionLog> {
        self.0.planner.decisions.clone()
    }
    /// The network this process plans with.
    #[must_use]
    pub fn network(&self) -> &NetworkMirror {
        &self.0.network
    }
    /// The partitions, for audits, feeds and draining.
    #[must_use]
    pub fn partitions(&self) -> &Partitions<Fulfillment> {
        &self.0.partitions
    }
}

impl Inner {
    /// Puts a command to a partition, once per request id.
    pub(crate) async fn submit(
        &self,
        partition: PartitionId,
        write: Write,
        command: Command,
    ) -> Result<Accepted<Answer>, Status> {
        let partition = self.partition(partition)?;
        partition.submit(write.submission(command)).await.map_err(|failure| failed(&failure))
    }

    /// Reads a partition's state.
    pub(crate) async fn read<R: Send + 'static>(
        &self,
        partition: PartitionId,
        read: impl FnOnce(&FulfillmentState) -> R + Send + 'static,
    ) -> Result<R, Status> {
        let partition = self.partition(partition)?;
        partition.read(|state, _| read(state)).await.map_err(|failure| failed(&failure))
    }

    fn partition(&self, id: PartitionId) -> Result<&Partition<Fulfillment>, Status> {
        Ok(partitions::partition(&self.partitions, id)?)
    }

    /// The partition of a node's work.
    pub(crate) fn home_of(&self, node: &NodeId) -> PartitionId {
        self.layout.node_home(node)
    }

    /// Reads `after` of a read of this service: empty, or a token that a write of it returned.
    pub(crate) fn own_token(&self, fields: &mut Fields, text: &str) {
        partitions::own_token(fields, &self.partitions, text);
    }

    /// Reads `after` of a planning question: a token of fulfilment (the network) or of inventory (stock).
    pub(crate) fn planning_token(&self, fields: &mut Fields, text: &str) -> Option<Token> {
        let token = fields.check_unless_empty("after", text, str::parse::<Token>)?;
        match token.partition.service {
            Service::Fulfillment => partitions::check_own(fields, &self.partitions, token),
            Service::Inventory if u16::from(token.partition.index) < self.layout.inventory => {}
            Service::Inventory => fields.wrong("after", "is not a token that this installation returned"),
            Service::Orders | Service::Customers => {
                fields.wrong(
                    "after",
                    "is a token of orders or customers; a plan waits for tokens of inventory and fulfillment",
                );
            }
        }
        Some(token)
    }

    /// The view of stock, once every partition has told what it has.
    pub(crate) fn stock_now(&self) -> Result<&Mirror, Status> {
        self.stock.ready().map_err(|filling| DoorError::Unavailable { what: filling.to_string() })?;
        Ok(&self.stock)
    }

    /// Waits until the view of stock holds what `token` names.
    async fn stock_reached(&self, token: Token) {
        let mut changes = self.stock.changes();
        while self.stock.version(token.partition) < token.sequence {
            if changes.changed().await.is_err() {
                // Nobody feeds the view any more: the caller's own limit ends the wait.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until this process has heard of every item once, but not for long: after a start what items are called is
    /// worth a moment, and not a node that stands still while inventory is away.
    pub(crate) async fn items_known(&self) {
        let mut changes = self.stock.changes();
        let known = async { while self.stock.ready().is_err() && changes.changed().await.is_ok() {} };
        let wait = Duration::from_millis(self.settings.after_wait_ms);
        if tokio::time::timeout(wait, known).await.is_err() {
            tracing::debug!("instructions go out without the names of items that are not known here yet");
        }
    }

    /// Waits until plans see what `token` names.
    pub(crate) async fn plans_see(&self, token: Option<Token>) -> Result<(), Status> {
        let Some(token) = token else { return Ok(()) };
        let seen = async {
            if token.partition.service == Service::Inventory {
                self.stock_reached(token).await;
                return Ok(());
            }
            let version = self.read(self.layout.network_home(), |state| state.network().version).await?;
            self.network.reached(version).await;
            Ok(())
        };
        match tokio::time::timeout(Duration::from_millis(self.settings.after_wait_ms), seen).await {
            Ok(seen) => seen,
            Err(_) => {
                Err(DoorError::Unavailable { what: "the planner has not caught up with `after`".into() }
                    .into())
            }
        }
    }
}
