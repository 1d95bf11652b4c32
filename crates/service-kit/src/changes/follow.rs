//! The tasks behind a change stream: one per partition that reads and tells, one that joins them. A slow reader holds
//! back only its own tasks. Knows no event.

use super::place::{Spot, Start, refused};
use super::{Teller, Wanted};
use crate::open_stream::OpenStream;
use crate::{opaque, shown};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard, mpsc};
use tonic::Status;
use waybill_machine::Machine;
use waybill_proto::common::v1 as common;
use waybill_replica::{Change, Feed, FeedError, Partition};
use waybill_types::{Origin, PartitionId, Service};

/// One event of one partition on its way, or the end of that partition's stream.
pub(super) type Arrival = Result<(PartitionId, common::ChangeEvent), (PartitionId, FeedError)>;

/// Follows one partition until nobody listens. Only one of a stream's followers at a time holds what it has decoded, so that
/// a slow reader costs little memory however long the journal is. No journal is waited for in a turn.
pub(super) async fn follow<T: Teller>(
    partition: Partition<T::Machine>,
    start: Start,
    mut feed: Feed<T::Machine>,
    wanted: Arc<Wanted>,
    turns: Arc<Mutex<()>>,
    events: mpsc::Sender<Arrival>,
) {
    let id = partition.id();
    let known = start.known();
    // Counted anew from the first frame that is read.
    let mut spot = Spot::ZERO;
    loop {
        let (turn, read) = tokio::select! {
            read = next(&mut feed, &turns) => read,
            () = events.closed() => return,
        };
        let read = match (read, start) {
            (Ok(read), _) => read,
            (Err(FeedError::OutOfRange { oldest, .. }), Start::Oldest) => {
                match partition.feed(oldest.saturating_sub(1)) {
                    Ok(older) => feed = older,
                    Err(failure) => return drop(events.send(Err((id, failure))).await),
                }
                continue;
            }
            // Whoever went away needs no reason.
            (Err(failure), _) => return drop(events.send(Err((id, failure))).await),
        };
        for change in read {
            for event in &change.events {
                spot = spot.next_in(change.position.sequence);
                if spot <= known || !wanted.has::<T>(event) {
                    continue;
                }
                let mut message = told::<T>(id, &change.origin, event);
                message.sequence = spot.sequence();
                message.event_time = Some(shown::time(change.at));
                if events.send(Ok((id, message))).await.is_err() {
                    return;
                }
            }
        }
        drop(turn);
    }
}

/// What comes next in a feed, and the turn that lasts while it is held.
async fn next<'a, M: Machine>(
    feed: &mut Feed<M>,
    turns: &'a Mutex<()>,
) -> (Option<MutexGuard<'a, ()>>, Result<Vec<Change<M>>, FeedError>) {
    if let Err(failure) = feed.ready().await {
        return (None, Err(failure));
    }
    let turn = turns.lock().await;
    (Some(turn), feed.next().await)
}

/// An event without its place and time.
fn told<T: Teller>(
    partition: PartitionId,
    origin: &Origin,
    event: &<T::Machine as Machine>::Event,
) -> common::ChangeEvent {
    let caller = |text: &str| if origin.actor.as_str() == "engine" { String::new() } else { text.to_owned() };
    let service = match partition.service {
        Service::Orders => common::ServiceKind::Orders,
        Service::Inventory => common::ServiceKind::Inventory,
        Service::Fulfillment => common::ServiceKind::Fulfillment,
        Service::Customers => common::ServiceKind::Customers,
    };
    common::ChangeEvent {
        service: service.into(),
        partition: partition.index.into(),
        sequence: 0,
        event_time: None,
        event_type: T::event_type(event).to_owned(),
        order_id: T::order(event).map_or_else(String::new, |order| order.to_string()),
        channel: caller(origin.channel.as_str()),
        actor: caller(origin.actor.as_str()),
        reason: caller(origin.reason.as_str()),
        payload_json: T::payload(event).to_string(),
        resource_id: T::resource(event),
    }
}

/// Joins the partitions' streams into one, each message with the place after it in all of them.
pub(super) async fn join<T: Teller, R>(
    mut places: BTreeMap<u8, u64>,
    mut arrived: mpsc::Receiver<Arrival>,
    sender: mpsc::Sender<Result<R, Status>>,
    answer: fn(common::ChangeEvent, String) -> R,
) {
    let _open = OpenStream::count(T::STREAMS);
    loop {
        let arrival = tokio::select! {
            arrival = arrived.recv() => arrival,
            () = sender.closed() => return,
        };
        let message = match arrival {
            None => return,
            Some(Ok((partition, event))) => {
                places.insert(partition.index, event.sequence);
                Ok(answer(event, opaque::seal(T::TOKEN_KIND, &places)))
            }
            Some(Err((partition, failure))) => Err(refused::<T>(partition, &failure, places.clone())),
        };
        let failed = message.is_err();
        if sender.send(message).await.is_err() || failed {
            return;
        }
    }
}
