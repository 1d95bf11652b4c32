//! The admin service: status, audit, checkpoint, backup, virtual time.

use crate::audit::{self, Report, Running};
use crate::backup;
use crate::peers::kind;
use futures::future::try_join_all;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use waybill_machine::Machine;
use waybill_proto::common::v1 as proto;
use waybill_proto::common::v1::admin_service_server::AdminService;
use waybill_replica::{Clock, Host, Partition, Partitions};
use waybill_service_kit::{DoorError, Fields, caller};
use waybill_types::Timestamp;

/// The admin service of one process.
pub struct AdminDoor {
    /// The open directory.
    pub host: Arc<Host>,
    /// What runs here.
    pub running: Running,
    /// When the process started.
    pub started: SystemTime,
}

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Only operators may.
fn operator<T>(request: &Request<T>) -> Result<(), Status> {
    Ok(caller(request)?.must_be_operator("administer the engine")?)
}

fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_ms().div_euclid(1_000),
        nanos: (at.as_ms().rem_euclid(1_000) * 1_000_000) as i32,
    }
}

#[tonic::async_trait]
impl AdminService for AdminDoor {
    async fn get_status(
        &self,
        request: Request<proto::GetStatusRequest>,
    ) -> Result<Response<proto::GetStatusResponse>, Status> {
        operator(&request)?;
        Ok(Response::new(proto::GetStatusResponse {
            version: env!("CARGO_PKG_VERSION").into(),
            start_time: Some(self.started.into()),
            virtual_clock: self.host.clock().is_virtual(),
            partitions: self.statuses().await,
            resident_bytes: resident_bytes(),
        }))
    }

    type AuditStream = Streamed<proto::AuditResponse>;

    async fn audit(
        &self,
        request: Request<proto::AuditRequest>,
    ) -> Result<Response<Self::AuditStream>, Status> {
        operator(&request)?;
        let laws = request.into_inner().laws;
        let mut fields = Fields::new();
        for (index, law) in laws.iter().enumerate() {
            if !audit::LAWS.contains(&law.as_str()) {
                fields.wrong(format!("laws[{index}]"), format!("is not one of {}", audit::LAWS.join(", ")));
            }
        }
        fields.finish(Some(()))?;
        let (host, running) = (Arc::clone(&self.host), self.running.clone());
        let (answers, stream) = mpsc::channel(16);
        tokio::spawn(async move {
            // A caller that went away needs no report.
            match running.audit(&host).await {
                Ok(report) => {
                    for response in reports(&report, &laws) {
                        if answers.send(Ok(response)).await.is_err() {
                            return;
                        }
                    }
                }
                Err(error) => {
                    let error = DoorError::Unavailable { what: error.to_string() };
                    drop(answers.send(Err(error.into())).await);
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn checkpoint(
        &self,
        request: Request<proto::CheckpointRequest>,
    ) -> Result<Response<proto::CheckpointResponse>, Status> {
        operator(&request)?;
        write_fields(&request.get_ref().request_id, &request.get_ref().reason)?;
        self.checkpoint_all().await?;
        Ok(Response::new(proto::CheckpointResponse { partitions: self.statuses().await }))
    }

    type BackupStream = Streamed<proto::BackupResponse>;

    async fn backup(
        &self,
        request: Request<proto::BackupRequest>,
    ) -> Result<Response<Self::BackupStream>, Status> {
        operator(&request)?;
        let request = request.into_inner();
        write_fields(&request.request_id, &request.reason)?;
        let directory = std::path::PathBuf::from(&request.directory);
        if !directory.is_absolute() {
            return Err(
                DoorError::field("directory", "must be an absolute path on the server's machine").into()
            );
        }
        let (host, running) = (Arc::clone(&self.host), self.running.clone());
        let (answers, stream) = mpsc::channel(64);
        tokio::spawn(async move {
            let told = answers.clone();
            let progress = move |bytes_done| {
                let step = proto::BackupProgress { bytes_done, bytes_total: 0 };
                let step = Some(proto::backup_response::Step::Progress(step));
                // Progress that nobody takes in time is skipped.
                let _ = told.try_send(Ok(proto::BackupResponse { step }));
            };
            let last = match backup::backup(&host, &running, &directory, progress).await {
                Ok(manifest) => Ok(backup_result(&directory, &manifest)),
                Err(error) => {
                    Err(DoorError::IllegalNow { what: format!("no backup was made: {error:#}") }.into())
                }
            };
            // A caller that went away needs no result; the copy stands or has no manifest.
            let _ = answers.send(last).await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn advance_clock(
        &self,
        request: Request<proto::AdvanceClockRequest>,
    ) -> Result<Response<proto::AdvanceClockResponse>, Status> {
        operator(&request)?;
        let request = request.into_inner();
        write_fields(&request.request_id, &request.reason)?;
        let Some(ms) = u32::try_from(request.advance_ms).ok().filter(|ms| *ms > 0) else {
            return Err(DoorError::field("advance_ms", "must be 1 to 4,294,967,295").into());
        };
        let Some(now) = self.host.clock().advance(ms) else {
            let what = "the clock is the machine's; start with a virtual clock to move it".to_owned();
            return Err(DoorError::IllegalNow { what }.into());
        };
        // A read goes through each partition's queue behind what the move made due.
        self.settle().await?;
        Ok(Response::new(proto::AdvanceClockResponse { current_time: Some(timestamp(now)) }))
    }
}

fn reports(report: &Report, laws: &[String]) -> Vec<proto::AuditResponse> {
    let wanted = |law: &str| laws.is_empty() || laws.iter().any(|l| l == law);
    let chosen = report.laws().filter(|(law, _)| wanted(law));
    chosen
        .map(|(law, found)| proto::AuditResponse {
            step: Some(proto::audit_response::Step::Report(proto::LawReport {
                law: law.into(),
                checked_count: found.checked,
                violation_count: found.violation_count,
                violations: found.violations,
                not_yet_built: found.not_yet_built,
            })),
        })
        .collect()
}

fn backup_result(directory: &std::path::Path, manifest: &backup::Manifest) -> proto::BackupResponse {
    let result = proto::BackupResult {
        directory: directory.display().to_string(),
        bytes: manifest.bytes,
        partitions: manifest
            .partitions
            .iter()
            .filter_map(|partition| {
                let id = waybill_types::PartitionId::from_number(partition.number)?;
                Some(proto::PartitionStatus {
                    service: kind(id.service).into(),
                    partition: id.index.into(),
                    durable_sequence: partition.sequence,
                    checkpoint_sequence: partition.sequence,
                    ..Default::default()
                })
            })
            .collect(),
    };
    proto::BackupResponse { step: Some(proto::backup_response::Step::Result(result)) }
}

fn write_fields(request_id: &str, reason: &str) -> Result<(), Status> {
    let mut fields = Fields::new();
    let checked = fields.request_id(request_id).zip(fields.reason(reason)).map(|_| ());
    Ok(fields.finish(checked)?)
}

/// Resident memory of this process, from the kernel; 0 where it does not say.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

impl AdminDoor {
    async fn statuses(&self) -> Vec<proto::PartitionStatus> {
        let mut all = Vec::new();
        if let Some(partitions) = &self.running.orders {
            all.extend(statuses(partitions, self.host.clock()).await);
        }
        if let Some(partitions) = &self.running.inventory {
            all.extend(statuses(partitions, self.host.clock()).await);
        }
        if let Some(partitions) = &self.running.fulfillment {
            all.extend(statuses(partitions, self.host.clock()).await);
        }
        if let Some(partitions) = &self.running.customers {
            all.extend(statuses(partitions, self.host.clock()).await);
        }
        all
    }

    async fn checkpoint_all(&self) -> Result<(), Status> {
        async fn one<M: Machine>(partitions: Option<&Partitions<M>>) -> Result<(), Status> {
            let Some(partitions) = partitions else { return Ok(()) };
            let made = try_join_all(partitions.iter().map(Partition::checkpoint)).await;
            made.map(|_| ()).map_err(|failure| waybill_service_kit::status(&failure))
        }
        one(self.running.orders.as_ref()).await?;
        one(self.running.inventory.as_ref()).await?;
        one(self.running.fulfillment.as_ref()).await?;
        one(self.running.customers.as_ref()).await
    }

    async fn settle(&self) -> Result<(), Status> {
        async fn one<M: Machine>(partitions: Option<&Partitions<M>>) -> Result<(), Status> {
            let Some(partitions) = partitions else { return Ok(()) };
            for partition in partitions.iter() {
                // Each turn of the partition makes due what is due; go on until nothing is.
                while partition
                    .read(|state, at| M::next_due(state).is_some_and(|due| due <= at))
                    .await
                    .map_err(|failure| waybill_service_kit::status(&failure))?
                {
                    tokio::task::yield_now().await;
                }
            }
            Ok(())
        }
        one(self.running.orders.as_ref()).await?;
        one(self.running.inventory.as_ref()).await?;
        one(self.running.fulfillment.as_ref()).await?;
        one(self.running.customers.as_ref()).await
    }
}

/// For how long something waits that waits since then; since the beginning of time nothing does.
fn lag_ms(since: Timestamp, now: Timestamp) -> i64 {
    if since == Timestamp::ZERO { 0 } else { now.since_ms(since).max(0) }
}

async fn statuses<M: Machine>(partitions: &Partitions<M>, clock: &Clock) -> Vec<proto::PartitionStatus> {
    let mut all = Vec::new();
    for partition in partitions.iter() {
        let status = partition.status();
        let stopped = status.stopped.load(Ordering::SeqCst);
        let at = partition.read(|_, at| at).await.ok();
        let since = Timestamp::from_ms(status.outbox_since_ms.load(Ordering::Relaxed));
        let phase = if stopped { proto::PartitionPhase::Stopped } else { proto::PartitionPhase::Serving };
        all.push(proto::PartitionStatus {
            service: kind(partition.id().service).into(),
            partition: partition.id().index.into(),
            phase: phase.into(),
            durable_sequence: status.sequence.load(Ordering::Acquire),
            checkpoint_sequence: status.checkpoint.load(Ordering::Relaxed),
            rows_in_memory: status.memory_rows.load(Ordering::Relaxed),
            outbox_depth: status.outbox.load(Ordering::Relaxed),
            queue_depth: partition.queue_depth() as u64,
            outbox_lag_ms: lag_ms(since, at.unwrap_or_else(|| clock.now())),
            partition_time: at.map(timestamp),
            stopped_reason: if stopped {
                "it failed; see the log of the process".into()
            } else {
                String::new()
            },
        });
    }
    all
}
