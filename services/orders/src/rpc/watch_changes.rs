//! WatchChanges: every event of every order from the journal itself, in order per partition, at least once, resumable.

use super::OpenStream;
use crate::door::Inner;
use crate::error;
use crate::to_proto;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use waybill_orders::Orders;
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;
use waybill_replica::{Feed, FeedError, Partition};
use waybill_service_kit::{DoorError, Fields, opaque};
use waybill_types::{OrderId, PartitionId, Service};

pub(crate) type ChangeStream = ReceiverStream<Result<proto::WatchChangesResponse, Status>>;

const TOKEN_KIND: &str = "order changes";
/// More than there are types of events.
const EVENT_TYPES_MAX: usize = 64;

/// A place in one partition's feed: a frame, and how many of its events are known. Sequences on the wire hold both, so
/// that each event has its own and a stream resumes in the middle of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    frame: u64,
    events: u32,
}

impl Spot {
    const EVENT_BITS: u32 = 20;

    const fn sequence(self) -> u64 {
        self.frame << Self::EVENT_BITS | self.events as u64
    }
    const fn of(sequence: u64) -> Self {
        let events = sequence & ((1 << Self::EVENT_BITS) - 1);
        Self { frame: sequence >> Self::EVENT_BITS, events: events as u32 }
    }
    /// All events of a frame are known.
    const fn whole(frame: u64) -> Self {
        Self { frame, events: (1 << Self::EVENT_BITS) - 1 }
    }
}

/// Which events are wanted.
struct Wanted {
    types: BTreeSet<String>,
    order: Option<OrderId>,
}

pub(crate) async fn watch(
    door: &Arc<Inner>,
    message: proto::WatchChangesRequest,
) -> Result<ChangeStream, Status> {
    let mut fields = Fields::new();
    let order = match message.order_id.as_str() {
        "" => None,
        _ => door.order_id(&mut fields, &message.order_id),
    };
    let only = partitions(door, &mut fields, &message, order);
    if message.event_types.len() > EVENT_TYPES_MAX {
        let what = format!("are {}, at most {EVENT_TYPES_MAX} are allowed", message.event_types.len());
        fields.wrong("event_types", what);
    }
    for (index, name) in message.event_types.iter().enumerate().take(EVENT_TYPES_MAX) {
        if name.is_empty() || name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            fields
                .wrong(format!("event_types[{index}]"), "is no name of an event's type, such as OrderPlaced");
        }
    }
    let spots = spots(door, &mut fields, &message)?;
    let spots = fields.finish(Some(spots))?;
    let wanted = Arc::new(Wanted { types: message.event_types.into_iter().collect(), order });
    let (sender, receiver) = mpsc::channel(door.settings.stream_buffer.max(1));
    let (events, arrived) = mpsc::channel(door.settings.stream_buffer.max(1));
    for id in door.everywhere().filter(|id| only.contains(&id.index)) {
        let partition = door.partition(id)?.clone();
        let spot = spots.get(&id.index).copied().unwrap_or(Start::Oldest);
        let feed = open(&partition, spot)?;
        tokio::spawn(follow(partition, feed, spot, Arc::clone(&wanted), events.clone()));
    }
    tokio::spawn(join(spots, arrived, sender));
    Ok(ReceiverStream::new(receiver))
}

/// Where one partition's stream begins.
#[derive(Clone, Copy, Debug)]
enum Start {
    /// At the oldest event that is kept.
    Oldest,
    /// After this spot; an error when that is no longer kept.
    After(Spot),
}

fn partitions(
    door: &Inner,
    fields: &mut Fields,
    message: &proto::WatchChangesRequest,
    order: Option<OrderId>,
) -> BTreeSet<u8> {
    let count = door.layout.count(Service::Orders);
    for (index, number) in message.partitions.iter().enumerate() {
        if *number >= u32::from(count) {
            fields
                .wrong(format!("partitions[{index}]"), format!("is {number}, there are 0 to {}", count - 1));
        }
    }
    let named =
        |id: PartitionId| message.partitions.is_empty() || message.partitions.contains(&id.index.into());
    let holds = |id: PartitionId| order.is_none_or(|order| order.partition() == id);
    door.everywhere().filter(|id| named(*id) && holds(*id)).map(|id| id.index).collect()
}

fn spots(
    door: &Inner,
    fields: &mut Fields,
    message: &proto::WatchChangesRequest,
) -> Result<BTreeMap<u8, Start>, DoorError> {
    let mut spots = BTreeMap::new();
    if !message.resume_token.is_empty() {
        if !message.cursors.is_empty() {
            fields.wrong("cursors", "are given together with a resume_token; give one of them");
        }
        let known: BTreeMap<u8, u64> = opaque::open(TOKEN_KIND, "resume_token", &message.resume_token)?;
        spots.extend(known.into_iter().map(|(index, sequence)| (index, Start::After(Spot::of(sequence)))));
        return Ok(spots);
    }
    for (index, cursor) in message.cursors.iter().enumerate() {
        match u8::try_from(cursor.partition) {
            Ok(partition) if u16::from(partition) < door.layout.count(Service::Orders) => {
                let start = match cursor.sequence {
                    0 => Start::Oldest,
                    sequence => Start::After(Spot::of(sequence)),
                };
                spots.insert(partition, start);
            }
            _ => fields.wrong(format!("cursors[{index}].partition"), format!("is {}", cursor.partition)),
        }
    }
    if message.cursors.is_empty() {
        for id in door.everywhere() {
            let now = door.partitions.get(id).map_or(0, |p| p.status().sequence.load(Ordering::Acquire));
            spots.insert(id.index, Start::After(Spot::whole(now)));
        }
    }
    Ok(spots)
}

/// The feed that begins there: at the frame itself where only some of its events are known.
fn open(partition: &Partition<Orders>, start: Start) -> Result<Feed<Orders>, Status> {
    let after = match start {
        Start::Oldest => 0,
        Start::After(spot) if spot == Spot::whole(spot.frame) => spot.frame,
        Start::After(spot) => spot.frame.saturating_sub(1),
    };
    partition.feed(after).map_err(|failure| error::feed(&failure, |_| String::new()))
}

/// One event of one partition on its way, or the end of that partition's stream.
type Arrival = Result<(u8, u64, common::ChangeEvent), (u8, FeedError)>;

/// Follows one partition until nobody listens.
async fn follow(
    partition: Partition<Orders>,
    mut feed: Feed<Orders>,
    start: Start,
    wanted: Arc<Wanted>,
    events: mpsc::Sender<Arrival>,
) {
    let known = match start {
        Start::Oldest => Spot { frame: 0, events: 0 },
        Start::After(spot) => spot,
    };
    // Counted anew from the first frame that is read.
    let mut spot = Spot { frame: 0, events: 0 };
    loop {
        let changes = tokio::select! {
            changes = feed.next() => changes,
            () = events.closed() => return,
        };
        let changes = match (changes, start) {
            (Ok(changes), _) => changes,
            (Err(FeedError::OutOfRange { oldest, .. }), Start::Oldest) => {
                match partition.feed(oldest.saturating_sub(1)) {
                    Ok(older) => feed = older,
                    Err(failure) => return drop(events.send(Err((partition.id().index, failure))).await),
                }
                continue;
            }
            // Whoever went away needs no reason.
            (Err(failure), _) => return drop(events.send(Err((partition.id().index, failure))).await),
        };
        for change in changes {
            for event in &change.events {
                spot = match spot.frame == change.position.sequence && spot != Spot::whole(spot.frame) {
                    true => Spot { events: spot.events + 1, ..spot },
                    false => Spot { frame: change.position.sequence, events: 1 },
                };
                let sequence = spot.sequence();
                let is_wanted = wanted.order.is_none_or(|order| order == event.order)
                    && (wanted.types.is_empty() || wanted.types.contains(event.what.name()));
                if spot <= known || !is_wanted {
                    continue;
                }
                let id = partition.id();
                let message = to_proto::change::change(id, sequence, change.at, &change.origin, event);
                if events.send(Ok((id.index, sequence, message))).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Joins the partitions' streams into one, each message with the place after it in all of them.
async fn join(
    starts: BTreeMap<u8, Start>,
    mut arrived: mpsc::Receiver<Arrival>,
    sender: mpsc::Sender<Result<proto::WatchChangesResponse, Status>>,
) {
    let _open = OpenStream::count();
    let mut places: BTreeMap<u8, u64> = BTreeMap::new();
    for (index, start) in starts {
        if let Start::After(spot) = start {
            places.insert(index, spot.sequence());
        }
    }
    loop {
        let arrival = tokio::select! {
            arrival = arrived.recv() => arrival,
            () = sender.closed() => return,
        };
        let message = match arrival {
            None => return,
            Some(Ok((index, sequence, event))) => {
                places.insert(index, sequence);
                let resume_token = opaque::seal(TOKEN_KIND, &places);
                Ok(proto::WatchChangesResponse { event: Some(event), resume_token })
            }
            Some(Err((index, failure))) => Err(error::feed(&failure, |oldest| {
                places.insert(index, Spot::whole(oldest.saturating_sub(1)).sequence());
                opaque::seal(TOKEN_KIND, &places)
            })),
        };
        let failed = message.is_err();
        if sender.send(message).await.is_err() || failed {
            return;
        }
    }
}
