//! WatchOrders: what happens to the orders of a customer or of a channel, as their histories tell it. The journal says
//! that something happened, the order's own history says what; resumable after any message.

use crate::door::Inner;
use crate::error::undecodable;
use crate::metrics as names;
use crate::to_proto;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use waybill_machine::Position;
use waybill_orders::content::OrderContent;
use waybill_orders::history::StoredHistory;
use waybill_orders::{Orders, OrdersState};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::watch_orders_request::Of;
use waybill_replica::{Feed, FeedError, Partition};
use waybill_service_kit::{DoorError, Fields, OpenStream, opaque};
use waybill_types::{Channel, CustomerRef, OrderId, PartitionId};

pub(crate) type OrdersStream = ReceiverStream<Result<proto::WatchOrdersResponse, Status>>;

/// Whose orders.
#[derive(Clone, Debug)]
enum Whose {
    Customer(CustomerRef),
    Channel(Channel),
}

impl Whose {
    fn has(&self, content: &OrderContent) -> bool {
        match self {
            Self::Customer(customer) => content.customer.as_ref() == Some(customer),
            Self::Channel(channel) => content.channel == *channel,
        }
    }
}

/// How far a stream is in one partition: all of the frames before, and so many messages of this one.
type Spot = (u64, u32);
/// Everything of a frame is known.
const WHOLE: u32 = u32::MAX;
type Spots = BTreeMap<u8, Spot>;

pub(crate) async fn watch(
    door: &Arc<Inner>,
    message: proto::WatchOrdersRequest,
) -> Result<OrdersStream, Status> {
    let mut fields = Fields::new();
    let whose = match &message.of {
        Some(Of::CustomerId(id)) => fields.check("customer_id", CustomerRef::new(id)).map(Whose::Customer),
        Some(Of::Channel(name)) => fields.check("channel", Channel::new(name)).map(Whose::Channel),
        None => {
            fields.wrong("customer_id", "or channel must be given");
            None
        }
    };
    let whose = fields.finish(whose)?;
    let kind = format!("orders of {whose:?}");
    let spots: Spots = match message.resume_token.as_str() {
        "" => door.partitions.iter().map(|partition| (partition.id().index, now(partition))).collect(),
        token => opaque::open(&kind, "resume_token", token)?,
    };
    let mut feeds = Vec::new();
    for partition in door.partitions.iter() {
        let id = partition.id();
        let spot = spots.get(&id.index).copied().unwrap_or((0, WHOLE));
        // A frame of which only some messages are known is read again.
        let after = if spot.1 == WHOLE { spot.0 } else { spot.0.saturating_sub(1) };
        let feed = partition.feed(after).map_err(|failure| refused(&kind, id, &failure, &spots))?;
        feeds.push(Follower { door: Arc::clone(door), whose: whose.clone(), id, feed, known: spot });
    }
    let (sender, receiver) = mpsc::channel(door.settings.stream_buffer.max(1));
    let (events, arrived) = mpsc::channel(door.settings.stream_buffer.max(1));
    for follower in feeds {
        tokio::spawn(follower.run(events.clone()));
    }
    tokio::spawn(join(kind, spots, arrived, sender));
    Ok(ReceiverStream::new(receiver))
}

fn now(partition: &Partition<Orders>) -> Spot {
    (partition.status().sequence.load(Ordering::Acquire), WHOLE)
}

/// What comes from one partition.
enum News {
    /// A message, and the place after it.
    Told(Spot, OrderId, proto::TimelineEntry),
    /// Nothing more is to be told up to here.
    Passed(Spot),
    /// The feed cannot go on.
    Feed(FeedError),
    /// The orders cannot be read.
    Read(Status),
}

/// Follows one partition.
struct Follower {
    door: Arc<Inner>,
    whose: Whose,
    id: PartitionId,
    feed: Feed<Orders>,
    /// What the caller knows.
    known: Spot,
}

impl Follower {
    /// Runs until nobody listens.
    async fn run(mut self, sender: mpsc::Sender<(PartitionId, News)>) {
        loop {
            let news = tokio::select! {
                news = self.next() => news,
                () = sender.closed() => return,
            };
            let (news, ended) = match news {
                Ok(told) => (told, false),
                Err(ended) => (vec![ended], true),
            };
            for some in news {
                if sender.send((self.id, some)).await.is_err() {
                    return;
                }
            }
            if ended {
                return;
            }
        }
    }

    /// What the next frames have to tell; waits when there are none.
    async fn next(&mut self) -> Result<Vec<News>, News> {
        let changes = self.feed.next().await.map_err(News::Feed)?;
        let mut places = Vec::new();
        for change in &changes {
            let mut seen = BTreeSet::new();
            let orders = change.events.iter().map(|event| event.order).filter(|order| seen.insert(*order));
            places.extend(orders.map(|order| (order, change.position)));
        }
        let mut news = Vec::new();
        let mut counted: Spot = (0, 0);
        for (order, position, history) in self.watched(places).await.map_err(News::Read)? {
            let entries = to_proto::timeline::entries_at(order, &history, position);
            for entry in entries.map_err(|error| News::Read(undecodable(&error)))? {
                let frame = position.sequence;
                counted = if counted.0 == frame { (frame, counted.1 + 1) } else { (frame, 1) };
                // Of a frame that is read again some messages are known.
                if counted > self.known {
                    news.push(News::Told(counted, order, entry));
                }
            }
        }
        news.push(News::Passed((self.feed.sequence(), WHOLE)));
        Ok(news)
    }

    /// The histories of those orders that are watched, in the order of what happened.
    async fn watched(
        &self,
        places: Vec<(OrderId, Position)>,
    ) -> Result<Vec<(OrderId, Position, StoredHistory)>, Status> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let whose = self.whose.clone();
        let read = move |state: &OrdersState| {
            let watched = |(order, position): (OrderId, Position)| {
                let (opening, _) = state.order(order)?;
                whose.has(opening.content()).then_some(())?;
                Some((order, position, state.stored_history(order)?))
            };
            places.into_iter().filter_map(watched).collect()
        };
        self.door.read(self.id, read).await
    }
}

/// Joins the partitions into one stream, each message with the place after it in all of them. Partitions that had nothing
/// to tell move on too, so that a token does not grow old while nothing happens to these orders.
async fn join(
    kind: String,
    mut spots: Spots,
    mut arrived: mpsc::Receiver<(PartitionId, News)>,
    sender: mpsc::Sender<Result<proto::WatchOrdersResponse, Status>>,
) {
    let _open = OpenStream::count(names::STREAMS);
    loop {
        let arrival = tokio::select! {
            arrival = arrived.recv() => arrival,
            () = sender.closed() => return,
        };
        let Some((partition, news)) = arrival else { return };
        let message = match news {
            News::Passed(spot) => {
                spots.insert(partition.index, spot);
                continue;
            }
            News::Told(spot, order, entry) => {
                spots.insert(partition.index, spot);
                let resume_token = opaque::seal(&kind, &spots);
                let (order_id, entry) = (order.to_string(), Some(entry));
                Ok(proto::WatchOrdersResponse { order_id, entry, resume_token })
            }
            News::Feed(failure) => Err(refused(&kind, partition, &failure, &spots)),
            News::Read(status) => Err(status),
        };
        let failed = message.is_err();
        if sender.send(message).await.is_err() || failed {
            return;
        }
    }
}

/// The status of a feed that cannot go on in one partition.
fn refused(kind: &str, partition: PartitionId, failure: &FeedError, spots: &Spots) -> Status {
    match failure {
        FeedError::OutOfRange { oldest, .. } => {
            let mut spots = spots.clone();
            spots.insert(partition.index, (oldest.saturating_sub(1), WHOLE));
            DoorError::OutOfRange { oldest: opaque::seal(kind, &spots) }.into()
        }
        FeedError::Ahead { asked, newest } => {
            DoorError::Ahead { partition: partition.index, asked: *asked, newest: *newest }.into()
        }
        FeedError::Journal(what) => DoorError::Bug { what: what.clone() }.into(),
    }
}
