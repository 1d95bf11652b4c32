//! The operator's view of a cluster and hand on it: who owns what, moving one partition, draining one process.

use super::{PROCESS_NAME_RULE, is_process_name};
use crate::peers::{kind, service};
use futures::future::try_join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tonic::{Request, Response, async_trait};
use waybill_journal::LogId;
use waybill_proto::common::v1 as proto;
use waybill_proto::common::v1::cluster_service_server::ClusterService;
use waybill_replica::{Cluster, Core, Frozen, Host, Owners, Status, holder};
use waybill_service_kit::values::hex;
use waybill_service_kit::{DoorError, Fields, caller};
use waybill_types::{PartitionId, Service};

use crate::audit::Running;

/// The cluster service of one process.
pub struct ClusterDoor {
    /// The open directory.
    pub host: Arc<Host>,
    /// What runs here.
    pub running: Running,
}

/// How long a call waits until what it asked for is so.
const PATIENCE: Duration = Duration::from_secs(10);

/// Only operators may.
fn operator<T>(request: &Request<T>) -> Result<(), tonic::Status> {
    Ok(caller(request)?.must_be_operator("look at or change the cluster")?)
}

fn write_fields(fields: &mut Fields, request_id: &str, reason: &str) -> Option<()> {
    fields.request_id(request_id).zip(fields.reason(reason)).map(|_| ())
}

fn unavailable(error: &waybill_journal::Error) -> tonic::Status {
    DoorError::Unavailable { what: error.to_string() }.into()
}

impl ClusterDoor {
    fn cluster(&self) -> Result<&Cluster, tonic::Status> {
        let alone = || DoorError::IllegalNow {
            what: "this process keeps its journal in its own data directory; there is no cluster".into(),
        };
        Ok(self.host.cluster().ok_or_else(alone)?)
    }

    /// Asked of the engine, not of what was heard a moment ago.
    async fn owners(&self, cluster: &Cluster) -> Result<Owners, tonic::Status> {
        let (engine, asked) = (cluster.engine(), Some(Instant::now()));
        let told = tokio::try_join!(engine.leases(), engine.members());
        let (leases, members) = told.map_err(|error| unavailable(&error))?;
        Ok(Owners { members, leases, asked })
    }

    fn status(&self, of: PartitionId) -> Option<&Status> {
        macro_rules! status {
            ($partitions:expr) => {
                $partitions.as_ref().and_then(|all| all.get(of)).map(|one| one.status())
            };
        }
        match of.service {
            Service::Orders => status!(self.running.orders),
            Service::Inventory => status!(self.running.inventory),
            Service::Fulfillment => status!(self.running.fulfillment),
            Service::Customers => status!(self.running.customers),
        }
    }

    fn partition(&self, owners: &Owners, id: PartitionId) -> proto::ClusterPartition {
        let row = owners.lease(id);
        proto::ClusterPartition {
            service: kind(id.service).into(),
            partition: id.index.into(),
            owner: owners.owner(id).map(|member| member.name.clone()).unwrap_or_default(),
            wished_owner: row.and_then(|row| row.wish.clone()).unwrap_or_default(),
            applied_sequence: self.status(id).map_or(0, |status| status.sequence.load(Ordering::Acquire)),
            ..Default::default()
        }
    }

    /// How far logs, bases and the comparison of copies are.
    async fn add_journal(
        &self,
        cluster: &Cluster,
        partitions: &mut [proto::ClusterPartition],
    ) -> Result<(), tonic::Status> {
        let engine = cluster.engine();
        let stats = engine.stats();
        let ids: Vec<Option<PartitionId>> = partitions
            .iter()
            .map(|one| Some(PartitionId::new(service(one.service)?, u8::try_from(one.partition).ok()?)))
            .collect();
        let asked = ids.iter().flatten().map(|id| engine.bases(LogId(id.number())));
        let mut bases = try_join_all(asked).await.map_err(|error| unavailable(&error))?.into_iter();
        for (partition, id) in partitions.iter_mut().zip(ids) {
            let Some(id) = id else { continue };
            let at: Vec<u64> = bases.next().unwrap_or_default().iter().map(|base| base.at.seq).collect();
            partition.base_sequence = at.first().copied().unwrap_or(0);
            partition.older_base_sequence = at.get(1).copied().unwrap_or(0);
            if let Some(log) = stats.logs.get(&LogId(id.number())) {
                (partition.journal_sequence, partition.oldest_sequence) = (log.head, log.oldest);
                (partition.journal_bytes, partition.journal_bytes_max) = (log.bytes, log.bytes_max);
            }
            if let Some(status) = self.status(id) {
                partition.compared_sequence = status.compare.equal.load(Ordering::Relaxed);
                partition.difference_count = status.compare.different.load(Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// The hash of every state in this process, with the place where it stands.
    async fn hashes(&self) -> Result<BTreeMap<PartitionId, (u64, String)>, tonic::Status> {
        let _one_cut_at_a_time = self.running.cuts.lock().await;
        let mut all = BTreeMap::new();
        let mut hash = async |id: PartitionId, frozen: Result<Frozen<[u8; 32]>, PartitionId>| {
            let gone = |_| DoorError::Unavailable { what: format!("a partition beside {id} has stopped") };
            for (id, at, hash) in frozen.map_err(gone)?.results {
                all.insert(id, (at, hex(&hash)));
            }
            Ok::<_, tonic::Status>(())
        };
        let home = |service| PartitionId::new(service, 0);
        if let Some(all) = &self.running.orders {
            hash(home(Service::Orders), all.freeze(Core::state_hash).await).await?;
        }
        if let Some(all) = &self.running.inventory {
            hash(home(Service::Inventory), all.freeze(Core::state_hash).await).await?;
        }
        if let Some(all) = &self.running.fulfillment {
            hash(home(Service::Fulfillment), all.freeze(Core::state_hash).await).await?;
        }
        if let Some(all) = &self.running.customers {
            hash(home(Service::Customers), all.freeze(Core::state_hash).await).await?;
        }
        Ok(all)
    }

    fn answer(&self, cluster: &Cluster, owners: &Owners) -> proto::GetClusterResponse {
        let layout = self.host.layout();
        let ids: Vec<PartitionId> =
            Service::ALL.into_iter().flat_map(|service| layout.partitions(service)).collect();
        let owned = |name: &str| {
            let owns = |id: &&PartitionId| owners.owner(**id).is_some_and(|member| member.name == name);
            ids.iter().filter(owns).count() as u32
        };
        let processes = owners.members.iter().map(|row| proto::ClusterProcess {
            name: row.member.name.clone(),
            address: row.member.address.clone(),
            services: row.member.services.clone(),
            version: row.member.version.clone(),
            alive: !row.remaining.is_zero(),
            owned_count: owned(&row.member.name),
        });
        proto::GetClusterResponse {
            process: cluster.member().name.clone(),
            processes: processes.collect(),
            partitions: ids.iter().map(|id| self.partition(owners, *id)).collect(),
        }
    }

    fn owned_here(&self, cluster: &Cluster, owners: &Owners) -> u32 {
        let me = holder(cluster.member());
        let mine = |row: &&waybill_journal::cluster::LeaseRow| {
            row.holder.as_deref() == Some(&me) && !row.remaining.is_zero()
        };
        owners.leases.iter().filter(mine).count() as u32
    }
}

#[async_trait]
impl ClusterService for ClusterDoor {
    async fn get_cluster(
        &self,
        request: Request<proto::GetClusterRequest>,
    ) -> Result<Response<proto::GetClusterResponse>, tonic::Status> {
        operator(&request)?;
        let cluster = self.cluster()?;
        let owners = self.owners(cluster).await?;
        let mut answer = self.answer(cluster, &owners);
        if request.get_ref().journal {
            self.add_journal(cluster, &mut answer.partitions).await?;
        }
        if request.get_ref().state_hashes {
            let hashes = self.hashes().await?;
            for partition in &mut answer.partitions {
                let id = service(partition.service).map(|of| PartitionId::new(of, partition.partition as u8));
                if let Some((at, hash)) = id.and_then(|id| hashes.get(&id)) {
                    (partition.applied_sequence, partition.state_hash) = (*at, hash.clone());
                }
            }
        }
        Ok(Response::new(answer))
    }

    async fn move_partition(
        &self,
        request: Request<proto::MovePartitionRequest>,
    ) -> Result<Response<proto::MovePartitionResponse>, tonic::Status> {
        operator(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let written = write_fields(&mut fields, &request.request_id, &request.reason);
        let service = service(request.service);
        let count = service.map_or(0, |service| u32::from(self.host.layout().count(service)));
        match service {
            None => fields.wrong("service", "is not a service"),
            Some(_) if request.partition >= count => {
                fields.wrong("partition", format!("is {}, there are {count}", request.partition));
            }
            Some(_) => {}
        }
        if !request.process.is_empty() && !is_process_name(&request.process) {
            fields.wrong("process", PROCESS_NAME_RULE);
        }
        let (service, ()) = fields.finish(service.zip(written))?;
        let id = PartitionId::new(service, request.partition as u8);
        let cluster = self.cluster()?;
        let owners = self.owners(cluster).await?;
        let able = owners.running(service).into_iter().any(|member| member.name == request.process);
        if !request.process.is_empty() && !able {
            let what = format!("is {:?}, which is not a living process that runs it", request.process);
            return Err(DoorError::field("process", what).into());
        }
        let wish = Some(request.process.as_str()).filter(|process| !process.is_empty());
        cluster.engine().wish(LogId(id.number()), wish).await.map_err(|error| unavailable(&error))?;
        cluster.nudge_all();
        cluster.look();
        let moved = async {
            let Some(wish) = wish else { return };
            let mut owners = cluster.owners();
            let is_there = |owners: &Arc<Owners>| owners.owner(id).is_some_and(|owner| owner.name == wish);
            // Nobody looks any more when the process stops.
            let _ = owners.wait_for(is_there).await;
        };
        // Otherwise the answer shows that it is not there yet.
        let _ = tokio::time::timeout(PATIENCE, moved).await;
        let owners = self.owners(cluster).await?;
        Ok(Response::new(proto::MovePartitionResponse { partition: Some(self.partition(&owners, id)) }))
    }

    async fn drain_process(
        &self,
        request: Request<proto::DrainProcessRequest>,
    ) -> Result<Response<proto::DrainProcessResponse>, tonic::Status> {
        operator(&request)?;
        let mut fields = Fields::new();
        let written = write_fields(&mut fields, &request.get_ref().request_id, &request.get_ref().reason);
        fields.finish(written)?;
        let cluster = self.cluster()?;
        self.host.hand_over(PATIENCE).await;
        let owners = self.owners(cluster).await?;
        let owned_count = self.owned_here(cluster, &owners);
        Ok(Response::new(proto::DrainProcessResponse { owned_count }))
    }
}
