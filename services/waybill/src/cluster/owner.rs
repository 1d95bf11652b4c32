//! What other processes ask of the partitions that this one owns. It hands bytes through and knows no command.

use super::wire::COMMAND_BYTES_MAX;
use crate::peers::service;
use tonic::{Request, Response, Status, async_trait};
use waybill_machine::{Code, Coded};
use waybill_proto::common::v1 as proto;
use waybill_proto::common::v1::ownership_service_server::{OwnershipService, OwnershipServiceServer};
use waybill_replica::{Cluster, Owner, Router, WireError};
use waybill_service_kit::{DoorError, Fields, caller, status};
use waybill_types::{Layout, PartitionId, Role};

/// The door for other processes of the cluster.
pub struct OwnerDoor {
    /// Where owners are found.
    pub router: Router,
    /// How many partitions there are.
    pub layout: Layout,
    /// The cluster, where there is one.
    pub cluster: Option<Cluster>,
}

/// The partition is another process's.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not owned by this process; ask who owns it and send the request there")]
struct NotOwned(PartitionId);

impl Coded for NotOwned {
    fn code(&self) -> Code {
        Code::IllegalNow
    }
    fn reason(&self) -> &'static str {
        "PARTITION_NOT_OWNED"
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("partition", self.0.to_string())]
    }
}

impl OwnerDoor {
    /// The service, for a gRPC server.
    #[must_use]
    pub fn server(self) -> OwnershipServiceServer<Self> {
        OwnershipServiceServer::new(self)
            .max_decoding_message_size(2 * COMMAND_BYTES_MAX)
            .max_encoding_message_size(2 * COMMAND_BYTES_MAX)
    }

    fn partition(&self, fields: &mut Fields, kind: i32, index: u32) -> Option<PartitionId> {
        let Some(service) = service(kind) else {
            fields.wrong("service", "is not a service");
            return None;
        };
        let count = u32::from(self.layout.count(service));
        if index >= count {
            fields.wrong("partition", format!("is {index}, there are {count}"));
            return None;
        }
        Some(PartitionId::new(service, index as u8))
    }

    fn owner(&self, of: PartitionId) -> Result<std::sync::Arc<dyn Owner>, Status> {
        self.router.owner(of.service).ok_or_else(|| status(&NotOwned(of)))
    }
}

fn peer<T>(request: &Request<T>) -> Result<(), Status> {
    let caller = caller(request)?;
    if matches!(caller.role, Role::Peer) {
        return Ok(());
    }
    Err(DoorError::NotAllowed { what: "only waybill processes ask owners".into() }.into())
}

/// The status of what an owner did not do.
pub(crate) fn not_done(of: PartitionId, error: WireError) -> Status {
    match error {
        WireError::NotDone => status(&NotOwned(of)),
        WireError::Malformed => DoorError::field("command", "is not a command of this version").into(),
        WireError::Unknown => {
            DoorError::Unavailable { what: format!("{of} stopped before its outcome was known") }.into()
        }
    }
}

#[async_trait]
impl OwnershipService for OwnerDoor {
    async fn submit_command(
        &self,
        request: Request<proto::SubmitCommandRequest>,
    ) -> Result<Response<proto::SubmitCommandResponse>, Status> {
        peer(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let partition = self.partition(&mut fields, request.service, request.partition);
        if request.command.is_empty() || request.command.len() > COMMAND_BYTES_MAX {
            let bytes = request.command.len();
            fields.wrong("command", format!("has {bytes} bytes, 1 to {COMMAND_BYTES_MAX} are allowed"));
        }
        let to = fields.finish(partition)?;
        let outcome = self.owner(to)?.submit_here(to, request.command.to_vec()).await;
        let outcome = outcome.map_err(|error| not_done(to, error))?.into();
        Ok(Response::new(proto::SubmitCommandResponse { outcome }))
    }

    async fn get_position(
        &self,
        request: Request<proto::GetPositionRequest>,
    ) -> Result<Response<proto::GetPositionResponse>, Status> {
        peer(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let partition = self.partition(&mut fields, request.service, request.partition);
        let of = fields.finish(partition)?;
        let sequence = self.owner(of)?.position_here(of).await.map_err(|error| not_done(of, error))?;
        Ok(Response::new(proto::GetPositionResponse { sequence }))
    }

    async fn nudge_owner(
        &self,
        request: Request<proto::NudgeOwnerRequest>,
    ) -> Result<Response<proto::NudgeOwnerResponse>, Status> {
        peer(&request)?;
        if let Some(cluster) = &self.cluster {
            cluster.look();
        }
        Ok(Response::new(proto::NudgeOwnerResponse {}))
    }
}
