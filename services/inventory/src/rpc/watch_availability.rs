//! The availability stream: what is, then every change. A place in it is a version per partition, and what is newer
//! than that is exactly what the reader lacks, so it resumes from anywhere, also after a restart, and a slow reader
//! gets the latest of what it missed instead of a backlog.

use crate::door::Shared;
use crate::{metrics as names, to_proto};
use hashbrown::HashSet;
use minicbor::{Decode, Encode};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use waybill_mirror::{Cursor, Mirror};
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::watch_availability_response::Change;
use waybill_replica::Role;
use waybill_service_kit::values::ids;
use waybill_service_kit::{DoorError, Fields, OpenStream, opaque};
use waybill_types::{PartitionId, Sku};

pub(crate) type AvailabilityStream = ReceiverStream<Result<proto::WatchAvailabilityResponse, Status>>;

const TOKEN_KIND: &str = "availability";
const SKUS_MAX: usize = 1_000;
/// Positions looked at under one lock.
const PAGE: usize = 512;

/// A place in the stream.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Place {
    /// Digest of the SKUs watched.
    #[n(0)]
    skus: u64,
    /// Per partition: everything through this version was sent.
    #[n(1)]
    versions: Vec<u64>,
    /// The snapshot, while it is under way: per partition, the version it ends with; and the positions sent so far.
    #[n(2)]
    snapshot: Option<(Vec<u64>, u64)>,
}

pub(crate) fn watch(
    door: &Shared,
    message: &proto::WatchAvailabilityRequest,
) -> Result<AvailabilityStream, Status> {
    let mut fields = Fields::new();
    let skus = ids(&mut fields, "skus", &message.skus, SKUS_MAX, |text| Sku::new(text));
    let skus: HashSet<Sku> = fields.finish(skus)?.into_iter().collect();
    let mirror = door.mirror()?.clone();
    let partitions: Vec<PartitionId> = door.all().collect();
    // What a copy has not been told yet its owner may have told a reader already: such a reader waits here.
    let copies: Vec<bool> =
        door.partitions.iter().map(|partition| partition.status().role() != Role::Owner).collect();
    let place = begin(&mirror, &partitions, &copies, &skus, &message.resume_token)?;
    let (sender, receiver) = mpsc::channel(door.settings.stream_buffer.max(1));
    let cursors = place.versions.iter().map(|version| Cursor::after(*version)).collect();
    let only = (!skus.is_empty()).then_some(skus);
    let watcher = Watcher { mirror, partitions, only, place, cursors, sender };
    tokio::spawn(watcher.run());
    Ok(ReceiverStream::new(receiver))
}

fn begin(
    mirror: &Mirror,
    partitions: &[PartitionId],
    copies: &[bool],
    skus: &HashSet<Sku>,
    token: &str,
) -> Result<Place, DoorError> {
    let goal: Vec<u64> = partitions.iter().map(|partition| mirror.fed(*partition)).collect();
    let digest = digest(skus);
    if token.is_empty() {
        let versions = vec![0; partitions.len()];
        return Ok(Place { skus: digest, versions, snapshot: Some((goal, 0)) });
    }
    let place: Place = opaque::open(TOKEN_KIND, "resume_token", token)?;
    if place.skus != digest {
        return Err(DoorError::field("resume_token", "is of a stream of other skus"));
    }
    let told = place.versions.iter().zip(&goal).zip(copies);
    let ahead = told.into_iter().any(|((asked, newest), copy)| !copy && asked > newest);
    let goals = place.snapshot.as_ref().map_or(partitions.len(), |(goal, _)| goal.len());
    if place.versions.len() != partitions.len() || goals != partitions.len() || ahead {
        return Err(DoorError::field("resume_token", "is of another installation"));
    }
    Ok(place)
}

/// The same for the same SKUs in any order; 0 for all.
fn digest(skus: &HashSet<Sku>) -> u64 {
    if skus.is_empty() {
        return 0;
    }
    let mut sorted: Vec<&str> = skus.iter().map(Sku::as_str).collect();
    sorted.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for sku in sorted {
        hasher.update(sku.as_bytes()).update(&[0]);
    }
    let mut digest = [0u8; 8];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_be_bytes(digest) | 1
}

struct Watcher {
    mirror: Mirror,
    partitions: Vec<PartitionId>,
    only: Option<HashSet<Sku>>,
    place: Place,
    cursors: Vec<Cursor>,
    sender: mpsc::Sender<Result<proto::WatchAvailabilityResponse, Status>>,
}

/// The reader went away.
struct Gone;

impl Watcher {
    /// Runs until the reader goes away or the process drains. A slow reader holds back only this task.
    async fn run(mut self) {
        let _open = OpenStream::count(names::STREAMS);
        let mut changes = self.mirror.changes();
        loop {
            changes.mark_unchanged();
            if self.all_newer().await.is_err() {
                return;
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = self.sender.closed() => return,
            }
        }
    }

    /// Sends what is newer than this reader's place, partition by partition, until nothing is.
    async fn all_newer(&mut self) -> Result<(), Gone> {
        for index in 0..self.partitions.len() {
            while !self.page(index).await? {}
        }
        self.end_snapshot().await
    }

    /// One page of one partition; true when it was the last.
    async fn page(&mut self, index: usize) -> Result<bool, Gone> {
        let partition = self.partitions[index];
        let (found, next, complete) =
            self.mirror.since(partition, self.cursors[index], PAGE, self.only.as_ref());
        let sent = found.len() as u64;
        for (change, cursor) in found {
            self.cursors[index] = cursor;
            self.place.versions[index] = cursor.safe();
            if let Some((_, sent)) = &mut self.place.snapshot {
                *sent += 1;
            }
            self.send(Change::Availability(to_proto::change(partition, &change))).await?;
        }
        self.cursors[index] = next;
        self.place.versions[index] = next.safe();
        metrics::counter!(names::CHANGES_SENT).increment(sent);
        Ok(complete)
    }

    /// Says once that the snapshot is complete: everything that was there when it began has been sent.
    async fn end_snapshot(&mut self) -> Result<(), Gone> {
        let reached = |goal: &Vec<u64>| goal.iter().zip(&self.place.versions).all(|(goal, at)| at >= goal);
        match self.place.snapshot.take_if(|(goal, _)| reached(goal)) {
            Some((_, position_count)) => {
                self.send(Change::SnapshotComplete(proto::SnapshotComplete { position_count })).await
            }
            None => Ok(()),
        }
    }

    async fn send(&self, change: Change) -> Result<(), Gone> {
        let resume_token = opaque::seal(TOKEN_KIND, &self.place);
        let message = proto::WatchAvailabilityResponse { change: Some(change), resume_token };
        self.sender.send(Ok(message)).await.map_err(|_| Gone)
    }
}
