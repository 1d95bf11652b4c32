//! A node's hands: it takes instructions from the real stream and reports one step after the other.

use crate::world::PATIENCE;
use anyhow::Context;
use tonic::Status;
use tonic::transport::Channel;
use waybill_proto::fulfillment::v1::fulfillment_service_client::FulfillmentServiceClient;
use waybill_proto::fulfillment::v1::{
    AcceptFulfillmentOrderRequest, ConfirmDeliveryRequest, ConfirmPickRequest, FulfillmentOrder, PackRequest,
    Parcel, ParcelContent, PickInstruction, PickedLine, ShipRequest, StartPickingRequest,
    SubscribeInstructionsRequest,
};

/// One node at work.
pub struct Desk {
    client: FulfillmentServiceClient<Channel>,
    node_id: String,
}

/// A report: its request id, its fulfilment order, the revision it is based on.
macro_rules! report {
    ($request:ident, $step:literal, $id:expr, $revision:expr $(, $field:ident: $value:expr)*) => {
        $request {
            request_id: format!("{}-{}", $step, $id),
            reason: String::new(),
            fulfillment_order_id: $id.to_owned(),
            revision: $revision,
            $($field: $value,)*
        }
    };
}

impl Desk {
    /// The desk of a node.
    #[must_use]
    pub fn new(channel: Channel, node_id: &str) -> Self {
        Self { client: FulfillmentServiceClient::new(channel), node_id: node_id.to_owned() }
    }

    /// The first instruction after a number, once there is one.
    ///
    /// # Errors
    /// None came, or the stream broke.
    pub async fn next(&mut self, after_number: u64) -> anyhow::Result<PickInstruction> {
        let node_id = self.node_id.clone();
        let request = SubscribeInstructionsRequest { node_id, after_number, resume_token: String::new() };
        let mut stream = self.client.subscribe_instructions(request).await?.into_inner();
        let message = tokio::time::timeout(PATIENCE, stream.message());
        let message = message.await.with_context(|| format!("no instruction after {after_number}"))??;
        message.and_then(|message| message.instruction).context("the stream ended")
    }

    /// Says yes.
    ///
    /// # Errors
    /// The engine refused.
    pub async fn accept(&mut self, id: &str, revision: u64) -> Result<FulfillmentOrder, Status> {
        let request = report!(AcceptFulfillmentOrderRequest, "accept", id, revision);
        Ok(self
            .client
            .accept_fulfillment_order(request)
            .await?
            .into_inner()
            .fulfillment_order
            .unwrap_or_default())
    }

    /// Begins to pick.
    ///
    /// # Errors
    /// The engine refused.
    pub async fn start(&mut self, id: &str, revision: u64) -> Result<FulfillmentOrder, Status> {
        let request = report!(StartPickingRequest, "start", id, revision);
        Ok(self.client.start_picking(request).await?.into_inner().fulfillment_order.unwrap_or_default())
    }

    /// Picks everything.
    ///
    /// # Errors
    /// The engine refused.
    pub async fn pick(
        &mut self,
        instruction: &PickInstruction,
        revision: u64,
    ) -> Result<FulfillmentOrder, Status> {
        let lines = instruction.lines.iter().map(|line| PickedLine {
            line_number: line.line_number,
            picked_quantity: line.quantity,
            ..Default::default()
        });
        let id = &instruction.fulfillment_order_id;
        let request = report!(ConfirmPickRequest, "pick", id, revision, lines: lines.collect());
        Ok(self.client.confirm_pick(request).await?.into_inner().fulfillment_order.unwrap_or_default())
    }

    /// Packs all that was picked into one parcel.
    ///
    /// # Errors
    /// The engine refused.
    pub async fn pack(&mut self, order: &FulfillmentOrder) -> Result<FulfillmentOrder, Status> {
        let contents = order
            .lines
            .iter()
            .map(|line| ParcelContent { line_number: line.line_number, quantity: line.picked });
        let parcel = Parcel {
            parcel_id: "box-1".into(),
            contents: contents.collect(),
            weight_g: 500,
            ..Default::default()
        };
        let id = &order.fulfillment_order_id;
        let request = report!(PackRequest, "pack", id, order.revision, parcels: vec![parcel]);
        Ok(self.client.pack(request).await?.into_inner().fulfillment_order.unwrap_or_default())
    }

    /// Gives it to the carrier.
    ///
    /// # Errors
    /// The engine refused.
    pub async fn ship(&mut self, order: &FulfillmentOrder) -> Result<FulfillmentOrder, Status> {
        let id = &order.fulfillment_order_id;
        let request = report!(ShipRequest, "ship", id, order.revision,
            carrier: "test.post".into(), tracking_number: format!("T-{id}"),
            parcels: Vec::new(), ship_time: None);
        Ok(self.client.ship(request).await?.into_inner().fulfillment_order.unwrap_or_default())
    }

    /// Hears from the carrier that the customer has it.
    ///
    /// # Errors
    /// The engine refused.
    pub async fn deliver(&mut self, order: &FulfillmentOrder) -> Result<FulfillmentOrder, Status> {
        let id = &order.fulfillment_order_id;
        let request = report!(ConfirmDeliveryRequest, "deliver", id, order.revision,
            delivery_time: None, parcel_ids: Vec::new());
        Ok(self.client.confirm_delivery(request).await?.into_inner().fulfillment_order.unwrap_or_default())
    }

    /// Every step from the instruction to the customer's door.
    ///
    /// # Errors
    /// The engine refused a step.
    pub async fn fulfill(&mut self, instruction: &PickInstruction) -> anyhow::Result<FulfillmentOrder> {
        let id = instruction.fulfillment_order_id.clone();
        let accepted = self.accept(&id, instruction.revision).await?;
        let started = self.start(&id, accepted.revision).await?;
        let picked = self.pick(instruction, started.revision).await?;
        let packed = self.pack(&picked).await?;
        let shipped = self.ship(&packed).await?;
        Ok(self.deliver(&shipped).await?)
    }
}
