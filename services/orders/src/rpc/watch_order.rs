//! WatchOrder: the order as it is, then each entry of its history as it happens. Resumable from any message.

use super::person;
use crate::door::Inner;
use crate::error::undecodable;
use crate::to_proto;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use waybill_orders::history::StoredHistory;
use waybill_orders::status;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::watch_order_response::Update;
use waybill_service_kit::{Caller, DoorError, Fields, OpenStream, opaque};
use waybill_types::OrderId;

pub(crate) type OrderStream = ReceiverStream<Result<proto::WatchOrderResponse, Status>>;

/// Entries decoded at once.
const PAGE: usize = 64;

pub(crate) async fn watch(
    door: &Arc<Inner>,
    caller: Caller,
    message: proto::WatchOrderRequest,
) -> Result<OrderStream, Status> {
    let mut fields = Fields::new();
    let id = door.order_id(&mut fields, &message.order_id);
    let id = fields.finish(id)?;
    let resumed: Option<u64> = match message.resume_token.as_str() {
        "" => None,
        token => Some(opaque::open(&kind(id), "resume_token", token)?),
    };
    if !door.is_here(id) {
        return Err(Inner::unknown(id));
    }
    let stored = stored(door, id).await?;
    if resumed.is_some_and(|number| number > stored.order.revision) {
        return Err(DoorError::field("resume_token", "is ahead of the order").into());
    }
    let (sender, receiver) = mpsc::channel(door.settings.stream_buffer.max(1));
    tokio::spawn(run(Arc::clone(door), caller, id, resumed, sender));
    Ok(ReceiverStream::new(receiver))
}

fn kind(id: OrderId) -> String {
    format!("watch of order {id}")
}

async fn stored(door: &Inner, id: OrderId) -> Result<StoredHistory, Status> {
    let stored = door.read(id.partition(), move |state| state.stored_history(id)).await?;
    stored.ok_or_else(|| Inner::unknown(id))
}

type Sender = mpsc::Sender<Result<proto::WatchOrderResponse, Status>>;

/// Runs until the caller goes away or the partition stops. A slow caller holds back only this task.
async fn run(door: Arc<Inner>, caller: Caller, id: OrderId, mut last: Option<u64>, sender: Sender) {
    let _open = OpenStream::count(crate::metrics::STREAMS);
    // Before the first look, so that nothing falls between looking and waiting.
    let mut place = door.ears.changed.enter(id);
    loop {
        let messages = match next(&door, &caller, id, last).await {
            Ok(messages) => messages,
            Err(status) => {
                // A caller that went away needs no reason.
                let _ = sender.send(Err(status)).await;
                return;
            }
        };
        let nothing = messages.is_empty();
        for message in messages {
            last = Some(message.revision);
            if sender.send(Ok(message)).await.is_err() {
                return;
            }
        }
        if nothing {
            tokio::select! {
                () = place.woken() => {}
                () = sender.closed() => return,
            }
        }
    }
}

/// What follows after `last`: the order itself where there was nothing yet, its newer entries otherwise.
async fn next(
    door: &Inner,
    caller: &Caller,
    id: OrderId,
    last: Option<u64>,
) -> Result<Vec<proto::WatchOrderResponse>, Status> {
    let stored = stored(door, id).await?;
    let Some(last) = last else {
        let person = person(door, caller, &stored.opening, &stored.order)?;
        let order = to_proto::order::order(id, &stored.opening, &stored.order, person.as_deref());
        let (status, revision) = (status(&stored.order), stored.order.revision);
        return Ok(vec![response(id, Update::Order(order), status, revision)]);
    };
    if stored.order.revision <= last {
        return Ok(Vec::new());
    }
    let told = to_proto::timeline::entries(id, &stored, last, PAGE).map_err(|error| undecodable(&error))?;
    let message = |told: to_proto::timeline::Told| {
        let revision = told.entry.revision;
        response(id, Update::Entry(told.entry), told.status, revision)
    };
    Ok(told.into_iter().map(message).collect())
}

fn response(
    id: OrderId,
    update: Update,
    status: waybill_orders::Status,
    revision: u64,
) -> proto::WatchOrderResponse {
    proto::WatchOrderResponse {
        update: Some(update),
        status: to_proto::status(status).into(),
        revision,
        resume_token: opaque::seal(&kind(id), &revision),
    }
}
