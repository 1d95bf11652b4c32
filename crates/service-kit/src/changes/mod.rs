//! The change feed of one service: every event of every partition from the journal itself, in order per partition, at
//! least once, resumable after any message. The doors say what their events tell; this says where a stream begins, how
//! it goes on and what is refused. Knows no event.

mod follow;
mod place;

use crate::fields::Fields;
use crate::values::list;
use follow::{follow, join};
use place::{Start, places, starts};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use waybill_machine::Machine;
use waybill_proto::common::v1 as common;
use waybill_replica::Partitions;
use waybill_types::{OrderId, PartitionId};

/// What a service's events tell the world. Personal data is never told.
pub trait Teller: Send + Sync + 'static {
    /// Whose events.
    type Machine: Machine;
    /// Ties resume tokens to this service's feed.
    const TOKEN_KIND: &'static str;
    /// The gauge of streams that are open.
    const STREAMS: &'static str;

    /// The partition that has all events of an order, where there is one such.
    fn home_of(_: OrderId) -> Option<PartitionId> {
        None
    }
    /// The type of an event: past tense, upper camel case. Never renamed.
    fn event_type(event: &Event<Self>) -> &'static str;
    /// The order concerned, if it is one.
    fn order(event: &Event<Self>) -> Option<OrderId>;
    /// The resource concerned other than the order; may be empty.
    fn resource(event: &Event<Self>) -> String;
    /// The content as a JSON object, without personal data. Fields may be added, never renamed.
    fn payload(event: &Event<Self>) -> serde_json::Value;
}

/// An event of a teller's machine.
pub type Event<T> = <<T as Teller>::Machine as Machine>::Event;

/// What a caller asks to watch; every service's request has these fields.
#[derive(Debug, Default)]
pub struct Asked {
    /// Begin after these places.
    pub cursors: Vec<common::PartitionCursor>,
    /// Only these partitions; empty is all.
    pub partitions: Vec<u32>,
    /// Only these types; empty is all.
    pub event_types: Vec<String>,
    /// Only this order; empty is all.
    pub order_id: String,
    /// Where to go on; may be empty.
    pub resume_token: String,
}

/// Messages of a service's own type, each with its event and the place after it.
pub type ChangeStream<R> = ReceiverStream<Result<R, Status>>;

/// Which events are wanted.
struct Wanted {
    types: BTreeSet<String>,
    order: Option<OrderId>,
}

impl Wanted {
    fn has<T: Teller>(&self, event: &Event<T>) -> bool {
        self.order.is_none_or(|order| T::order(event) == Some(order))
            && (self.types.is_empty() || self.types.contains(T::event_type(event)))
    }
}

/// More than there are types of events.
const EVENT_TYPES_MAX: usize = 128;

/// Opens the stream: `answer` makes the service's own message of an event and its resume token, `buffer` messages wait
/// for a slow reader.
///
/// # Errors
/// INVALID_ARGUMENT for what is no cursor, token, type, partition or order. OUT_OF_RANGE for a place that is no longer
/// kept, with the oldest token, and for one that was never reached.
pub async fn watch<T: Teller, R: Send + 'static>(
    partitions: &Partitions<T::Machine>,
    buffer: usize,
    asked: Asked,
    answer: fn(common::ChangeEvent, String) -> R,
) -> Result<ChangeStream<R>, Status> {
    let mut fields = Fields::new();
    let order = fields.check_unless_empty("order_id", &asked.order_id, str::parse::<OrderId>);
    let only = wanted_partitions::<T>(partitions, &mut fields, &asked, order);
    let types =
        list(&mut fields, "event_types", &asked.event_types, EVENT_TYPES_MAX, |fields, path, name| {
            let sound =
                (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !sound {
                fields.wrong(path, "is no name of an event's type, such as OrderPlaced");
            }
            sound.then(|| name.clone())
        });
    let starts = starts::<T>(partitions, &mut fields, &asked)?;
    let types = fields.finish(types)?;
    let wanted = Arc::new(Wanted { types: types.into_iter().collect(), order });
    let (sender, receiver) = mpsc::channel(buffer.max(1));
    let (events, arrived) = mpsc::channel(buffer.max(1));
    let mut feeds = Vec::new();
    for partition in partitions.iter().filter(|partition| only.contains(&partition.id().index)) {
        let start = starts.get(&partition.id().index).copied().unwrap_or(Start::Oldest);
        let feed = start.begin(partition).await;
        let feed = feed.map_err(|failure| place::refused::<T>(partition.id(), &failure, places(&starts)))?;
        feeds.push((partition.clone(), start, feed));
    }
    let turns = Arc::default();
    // Only now, when nothing is refused any more.
    for (partition, start, feed) in feeds {
        let (wanted, turns) = (Arc::clone(&wanted), Arc::clone(&turns));
        tokio::spawn(follow::<T>(partition, start, feed, wanted, turns, events.clone()));
    }
    tokio::spawn(join::<T, R>(places(&starts), arrived, sender, answer));
    Ok(ReceiverStream::new(receiver))
}

fn wanted_partitions<T: Teller>(
    partitions: &Partitions<T::Machine>,
    fields: &mut Fields,
    asked: &Asked,
    order: Option<OrderId>,
) -> BTreeSet<u8> {
    let count = partitions.iter().count();
    for (index, number) in asked.partitions.iter().enumerate() {
        if *number as usize >= count {
            let what = format!("is {number}, there are 0 to {}", count.saturating_sub(1));
            fields.wrong(format!("partitions[{index}]"), what);
        }
    }
    let named = |index: u8| asked.partitions.is_empty() || asked.partitions.contains(&index.into());
    let home = order.and_then(T::home_of);
    let ids = partitions.iter().map(waybill_replica::Partition::id);
    let ids = ids.filter(|id| named(id.index) && home.is_none_or(|home| home == *id));
    ids.map(|id| id.index).collect()
}
