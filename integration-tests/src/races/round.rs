//! One round: an order of its own, brought to where the race begins, and what both racers need.

use super::Chance;
use crate::desk::Desk;
use crate::retailer;
use crate::world::{World, from_channel, until};
use anyhow::{Context, ensure};
use std::time::{Duration, SystemTime};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use waybill_proto::fulfillment::v1::{
    FulfillmentOrder, FulfillmentOrderState, GetFulfillmentOrderRequest, PickInstruction, PickLine,
};
use waybill_proto::orders::v1::amendments_service_client::AmendmentsServiceClient;
use waybill_proto::orders::v1::order_change::Change;
use waybill_proto::orders::v1::returns_service_client::ReturnsServiceClient;
use waybill_proto::orders::v1::{
    AmendOrderRequest, AmendOrderResponse, CancelOrderRequest, CancelOrderResponse, Order, OrderChange,
    OrderStatus, PlaceMode,
};

/// Racers start within this time of each other.
const SPREAD_US: u64 = 4_000;
/// How long a racer waits for what came of its request, in milliseconds.
const WAIT_MS: i64 = 20_000;

pub(super) struct Round<'a> {
    pub(super) world: &'a World,
    /// Part of every id of the round.
    pub(super) name: String,
    chance: Chance,
}

impl<'a> Round<'a> {
    pub(super) fn new(world: &'a World, race: u64, number: u64, seed: u64) -> Self {
        let chance = Chance::new(seed ^ (race << 56) ^ number.wrapping_mul(0x9e37_79b9));
        Self { world, name: format!("race-{race}-{number}"), chance }
    }

    /// A random moment to begin at: here time itself is what is tried.
    pub(super) fn moment(&mut self) -> tokio::time::Sleep {
        tokio::time::sleep(Duration::from_micros(self.chance.below(SPREAD_US)))
    }

    /// An order of `quantity` units of one item that nobody releases before tomorrow, once it is reserved.
    pub(super) async fn waiting(&mut self, quantity: i64) -> anyhow::Result<Order> {
        let mut order = self.asked(quantity);
        order.release_time = Some((SystemTime::now() + Duration::from_secs(86_400)).into());
        let placed = self.world.place(order).await?;
        self.world.order_when(&placed.order_id, |order| order.status() == OrderStatus::Reserved).await
    }

    /// An order of `quantity` units of one item that a node was told to pick.
    pub(super) async fn released(&mut self, quantity: i64) -> anyhow::Result<(Order, Work)> {
        let order = self.asked(quantity);
        let placed = self.world.place(order).await?;
        let order =
            self.world.order_when(&placed.order_id, |order| order.status() == OrderStatus::Released).await?;
        ensure!(order.fulfillment_orders.len() == 1, "one item came from two nodes: {order:?}");
        let of_node = &order.fulfillment_orders[0];
        let work = Work {
            id: of_node.fulfillment_order_id.clone(),
            desk: Desk::new(self.world.channel(), &of_node.node_id),
        };
        Ok((order, work))
    }

    fn asked(&mut self, quantity: i64) -> waybill_proto::orders::v1::PlaceOrderRequest {
        retailer::order(&self.name, &[(self.chance.below(4) as usize, quantity)], PlaceMode::Accept)
    }

    /// Changes the order as it was seen, in a channel.
    pub(super) async fn amend(
        &self,
        channel: &str,
        seen: &Order,
        change: Change,
    ) -> Result<AmendOrderResponse, Status> {
        let request = AmendOrderRequest {
            request_id: format!("{}-{channel}", self.name),
            order_id: seen.order_id.clone(),
            expected_revision: seen.revision,
            changes: vec![OrderChange { change: Some(change) }],
            wait_ms: WAIT_MS,
            ..Default::default()
        };
        let mut door = AmendmentsServiceClient::new(self.world.channel());
        door.amend_order(from_channel(channel, request)).await.map(tonic::Response::into_inner)
    }

    /// Calls all of the order off.
    pub(super) async fn cancel(&self, order: &Order) -> Result<CancelOrderResponse, Status> {
        let request = CancelOrderRequest {
            request_id: format!("{}-cancel", self.name),
            order_id: order.order_id.clone(),
            wait_ms: WAIT_MS,
            ..Default::default()
        };
        let request = from_channel("call_center", request);
        self.world.orders().cancel_order(request).await.map(tonic::Response::into_inner)
    }

    pub(super) fn returns(&self) -> ReturnsServiceClient<Channel> {
        ReturnsServiceClient::new(self.world.channel())
    }

    /// The fulfilment order once the node has been told: orders knows of a release before the node's partition does it.
    pub(super) async fn at_node(&self, work: &Work) -> anyhow::Result<FulfillmentOrder> {
        until("work that is released", || async {
            Ok(Some(self.look(work).await?).filter(|order| order.state() == FulfillmentOrderState::Released))
        })
        .await
    }

    /// The fulfilment order as it is.
    pub(super) async fn look(&self, work: &Work) -> anyhow::Result<FulfillmentOrder> {
        let request =
            GetFulfillmentOrderRequest { fulfillment_order_id: work.id.clone(), ..Default::default() };
        let found = self.world.fulfillment().get_fulfillment_order(request).await?.into_inner();
        found.fulfillment_order.context("an answer without the fulfilment order")
    }
}

/// The node's side.
pub(super) struct Work {
    pub(super) id: String,
    pub(super) desk: Desk,
}

impl Work {
    /// Picks what the fulfilment order asks for as it was seen.
    pub(super) async fn pick(&mut self, seen: &FulfillmentOrder) -> Result<FulfillmentOrder, Status> {
        let line = |line: &waybill_proto::fulfillment::v1::FulfillmentLine| PickLine {
            line_number: line.line_number,
            quantity: line.quantity,
            ..Default::default()
        };
        let lines = seen.lines.iter().map(line).collect();
        let told = PickInstruction { fulfillment_order_id: self.id.clone(), lines, ..Default::default() };
        self.desk.pick(&told, seen.revision).await
    }
}

/// The reason of a refusal that a loser may get.
///
/// # Errors
/// Any other fault.
pub(super) fn lost(status: &Status) -> anyhow::Result<String> {
    ensure!(matches!(status.code(), Code::Aborted | Code::FailedPrecondition), "a racer was told {status:?}");
    Ok(status
        .get_details_error_info()
        .map_or_else(|| "no reason".to_owned(), |info| info.reason.to_lowercase()))
}
