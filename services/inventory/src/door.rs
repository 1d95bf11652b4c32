//! The door itself: the partitions, the mirror, and what every RPC needs of them.

use crate::config::Settings;
use crate::effects::{Awaited, Ear};
use futures::future::try_join_all;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tonic::Status;
use waybill_inventory::{Answer, Command, Inventory, Refusal, State};
use waybill_mirror::Mirror;
use waybill_proto::inventory::v1::inventory_service_server::InventoryServiceServer;
use waybill_replica::{Accepted, Clock, Failure, Host, OpenError, Partition, Partitions, Submission};
use waybill_service_kit::{DoorError, Fields, Write, failed, partitions};
use waybill_types::{Layout, PartitionId, Service, Sku};

/// The inventory service. Cheap to clone.
#[derive(Clone)]
pub struct Door(pub(crate) Shared);

pub(crate) type Shared = Arc<Inner>;

pub(crate) struct Inner {
    pub(crate) partitions: Partitions<Inventory>,
    pub(crate) layout: Layout,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) mirror: Mirror,
    pub(crate) awaited: Awaited,
}

/// Recovers and starts the inventory partitions of `host`, and feeds `mirror` from them.
///
/// # Errors
/// [`OpenError`] when a partition cannot be recovered.
pub async fn open(host: &Host, settings: Settings, mirror: Mirror) -> Result<Door, OpenError> {
    crate::metrics::describe();
    let awaited = Awaited::default();
    let ear = |partition| {
        let (mirror, awaited) = (mirror.clone(), awaited.clone());
        Box::new(Ear { partition, mirror, awaited, loaded: false }) as Box<dyn waybill_replica::Observer<_>>
    };
    let partitions = host.start::<Inventory>(ear).await?;
    let (layout, clock) = (host.layout(), host.clock().clone());
    Ok(Door(Arc::new(Inner { partitions, layout, clock, settings, mirror: mirror.clone(), awaited })))
}

impl Door {
    /// The service, for a gRPC server.
    #[must_use]
    pub fn server(&self) -> InventoryServiceServer<Self> {
        InventoryServiceServer::new(self.clone())
    }
    /// The partitions, for audits, feeds and draining.
    #[must_use]
    pub fn partitions(&self) -> &Partitions<Inventory> {
        &self.0.partitions
    }
    /// What may be promised, as this process mirrors it.
    #[must_use]
    pub fn mirror(&self) -> &Mirror {
        &self.0.mirror
    }
}

impl Inner {
    /// Puts a command to a partition, once per request id.
    pub(crate) async fn put(
        &self,
        partition: PartitionId,
        write: &Write,
        command: Command,
    ) -> Result<Accepted<Answer>, Failure<Refusal>> {
        self.run(partition, write.clone().submission(command)).await
    }

    /// Puts a command to a partition; the mirror then knows of everything through its token.
    pub(crate) async fn run(
        &self,
        partition: PartitionId,
        submission: Submission<Inventory>,
    ) -> Result<Accepted<Answer>, Failure<Refusal>> {
        let handle = self.partitions.of(partition);
        let mut accepted = handle.submit(submission).await?;
        // A remembered answer may carry the place of an entry that was never written. All it tells of is durable.
        let durable = handle.status().sequence.load(Ordering::Acquire);
        accepted.token.sequence = accepted.token.sequence.min(durable);
        // What this write changed reached the mirror before its answer left; entries that change nothing do not.
        self.mirror.reached(partition, accepted.token.sequence);
        Ok(accepted)
    }

    /// As [`Self::put`], with the failure as a status.
    pub(crate) async fn submit(
        &self,
        partition: PartitionId,
        write: &Write,
        command: Command,
    ) -> Result<Accepted<Answer>, Status> {
        self.put(partition, write, command).await.map_err(|failure| failed(&failure))
    }

    /// Reads a partition's state.
    pub(crate) async fn read<R: Send + 'static>(
        &self,
        partition: PartitionId,
        read: impl FnOnce(&State) -> R + Send + 'static,
    ) -> Result<R, Status> {
        let partition = self.partition(partition)?;
        partition.read(|state, _| read(state)).await.map_err(|failure| failed(&failure))
    }

    fn partition(&self, id: PartitionId) -> Result<&Partition<Inventory>, Status> {
        Ok(partitions::partition(&self.partitions, id)?)
    }

    /// All partitions of inventory.
    pub(crate) fn all(&self) -> impl Iterator<Item = PartitionId> + use<> {
        self.layout.partitions(Service::Inventory)
    }

    /// The partition of a SKU.
    pub(crate) fn home_of(&self, sku: &Sku) -> PartitionId {
        self.layout.sku_home(sku)
    }

    /// Reads `after` of a read of this service: empty, or a token that a write of it returned.
    pub(crate) fn own_token(&self, fields: &mut Fields, text: &str) {
        partitions::own_token(fields, &self.partitions, text);
    }

    /// Waits until the mirror has of these SKUs what their owners had when this was called.
    pub(crate) async fn catch_up<'a>(&self, skus: impl IntoIterator<Item = &'a Sku>) -> Result<(), Status> {
        if self.partitions.iter().all(Partition::is_newest) {
            return Ok(());
        }
        let homes: BTreeSet<PartitionId> = skus.into_iter().map(|sku| self.home_of(sku)).collect();
        let homes = homes.into_iter().map(|home| self.partition(home)).collect::<Result<Vec<_>, _>>()?;
        let caught_up = try_join_all(homes.into_iter().map(Partition::catch_up)).await;
        caught_up.map(|_| ()).map_err(|failure| failed(&failure))
    }

    /// The mirror, once every partition has told what it has.
    pub(crate) fn mirror(&self) -> Result<&Mirror, Status> {
        match self.mirror.ready() {
            Ok(()) => Ok(&self.mirror),
            Err(filling) => Err(DoorError::Unavailable { what: filling.to_string() }.into()),
        }
    }
}
