//! The clients' own ledger: every request as it was sent, and the answer once there was one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use waybill_proto::fulfillment::v1::fulfillment_service_client::FulfillmentServiceClient;
use waybill_proto::fulfillment::v1::{ConfirmPickRequest, ShipRequest};
use waybill_proto::inventory::v1::ReserveStockRequest;
use waybill_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{CancelOrderRequest, PlaceOrderRequest};

/// A request with its request id inside.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Place(Box<PlaceOrderRequest>),
    Cancel(CancelOrderRequest),
    Reserve(ReserveStockRequest),
    Pick(ConfirmPickRequest),
    Ship(ShipRequest),
}

/// What is compared between an answer and the answer to a retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The order's id.
    Placed(String),
    /// Units cancelled, per line.
    Cancelled(Vec<(u32, i64)>),
    /// The reservation's id.
    Reserved(String),
    /// The fulfilment order's revision after the step.
    Stepped(u64),
    /// A definite no. It binds nothing: a retry may come to something else.
    Refused(Code),
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) ask: Ask,
    /// `None` while the outcome is unknown.
    pub(crate) answer: Option<Answer>,
}

/// Everything that was sent.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: Mutex<Vec<Entry>>,
    /// Instructions seen: (node, number) to (fulfilment order, revision, kind).
    pub(crate) seen: Mutex<BTreeMap<(String, u64), (String, u64, i32)>>,
    /// What no engine may do.
    pub(crate) faults: Mutex<Vec<String>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// Writes the request down before it is sent.
    pub(crate) fn intend(&self, ask: Ask) -> usize {
        let mut entries = lock(&self.entries);
        entries.push(Entry { ask, answer: None });
        entries.len() - 1
    }
    pub(crate) fn answered(&self, index: usize, answer: Answer) {
        lock(&self.entries)[index].answer = Some(answer);
    }
    pub(crate) fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }
    pub(crate) fn fault(&self, what: String) {
        lock(&self.faults).push(what);
    }
    /// An order that was acknowledged, for cancels.
    pub(crate) fn some_order(&self, chance: u64) -> Option<(String, PlaceOrderRequest)> {
        let entries = lock(&self.entries);
        let placed: Vec<_> = entries
            .iter()
            .rev()
            .take(400)
            .filter_map(|entry| match (&entry.ask, &entry.answer) {
                (Ask::Place(request), Some(Answer::Placed(id))) => Some((id.clone(), (**request).clone())),
                _ => None,
            })
            .collect();
        (!placed.is_empty()).then(|| placed[chance as usize % placed.len()].clone())
    }
}

/// Sends a request. `None` when its outcome is unknown.
pub(crate) async fn send(channel: &Channel, ask: &Ask) -> Option<Answer> {
    let answer = match ask {
        Ask::Place(request) => {
            let mut request = Request::new((**request).clone());
            // The same external number under one channel name, whoever retries.
            request
                .metadata_mut()
                .insert("waybill-channel", tonic::metadata::MetadataValue::from_static("web"));
            let placed = OrdersServiceClient::new(channel.clone()).place_order(request).await;
            placed.map(|answer| Answer::Placed(answer.into_inner().order_id))
        }
        Ask::Cancel(request) => {
            let cancelled = OrdersServiceClient::new(channel.clone()).cancel_order(request.clone()).await;
            cancelled.map(|answer| {
                let lines = answer.into_inner().lines;
                Answer::Cancelled(lines.into_iter().map(|line| (line.line_number, line.cancelled)).collect())
            })
        }
        Ask::Reserve(request) => {
            let reserved = InventoryServiceClient::new(channel.clone()).reserve_stock(request.clone()).await;
            reserved.map(|answer| {
                Answer::Reserved(
                    answer.into_inner().reservation.map(|r| r.reservation_id).unwrap_or_default(),
                )
            })
        }
        Ask::Pick(request) => {
            let picked = FulfillmentServiceClient::new(channel.clone()).confirm_pick(request.clone()).await;
            picked.map(|answer| {
                Answer::Stepped(answer.into_inner().fulfillment_order.map(|f| f.revision).unwrap_or_default())
            })
        }
        Ask::Ship(request) => {
            let shipped = FulfillmentServiceClient::new(channel.clone()).ship(request.clone()).await;
            shipped.map(|answer| {
                Answer::Stepped(answer.into_inner().fulfillment_order.map(|f| f.revision).unwrap_or_default())
            })
        }
    };
    match answer {
        Ok(answer) => Some(answer),
        Err(status) if is_unknown(&status) => None,
        Err(status) => Some(Answer::Refused(status.code())),
    }
}

/// Whether it happened is not known: the connection broke, or the engine says so itself.
pub(crate) fn is_unknown(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable
        | Code::Unknown
        | Code::Cancelled
        | Code::DeadlineExceeded
        | Code::ResourceExhausted => true,
        Code::Internal => status.message().contains("h2"),
        _ => false,
    }
}
