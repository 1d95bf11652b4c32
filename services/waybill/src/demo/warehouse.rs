//! A small simulated warehouse behind every node: takes the node's instructions from the real stream, acknowledges them,
//! and accepts, picks, packs, ships and delivers. It knows of an order only what its instructions say.

use super::ledger::Ledger;
use super::load::refused;
use anyhow::{Context, bail};
use futures::StreamExt;
use indicatif::ProgressBar;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use waybill_client::proto::fulfillment::v1::pick_instruction::Destination;
use waybill_client::proto::fulfillment::v1::{
    AcceptFulfillmentOrderRequest, AcknowledgeInstructionsRequest, ConfirmDeliveryRequest,
    ConfirmPickRequest, FulfillmentOrder, FulfillmentOrderState, HandOverRequest, PackRequest, Parcel,
    ParcelContent, PickInstruction, PickInstructionKind, PickedLine, ReadyForPickupRequest,
    RejectFulfillmentOrderRequest, RejectReason, ShipRequest, ShortReason, StartPickingRequest,
    SubscribeInstructionsRequest, SubscribeInstructionsResponse,
};
use waybill_client::{Client, Identity};
use waybill_fixtures::Prng;

const PURPOSE_WORK: u64 = 60;
/// Fulfilment orders under work at once, over all nodes.
const HANDS: usize = 96;
/// Instructions that are acknowledged together at most.
const ACKNOWLEDGED_TOGETHER: usize = 64;

/// How often things go wrong at a node, in thousandths of fulfilment orders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mishaps {
    /// The node says no.
    pub(crate) reject_permille: u64,
    /// One unit is not found.
    pub(crate) short_permille: u64,
}

/// What all nodes did together.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) instructions: AtomicU64,
    pub(crate) shipped: AtomicU64,
    pub(crate) handed_over: AtomicU64,
    pub(crate) parcels: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) short_picks: AtomicU64,
    pub(crate) called_off: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// All nodes' warehouses.
pub(crate) struct Warehouses {
    clients: Vec<Client>,
    ledger: Arc<Ledger>,
    hands: Arc<Semaphore>,
    mishaps: Mishaps,
    seed: u64,
    /// Fulfilment orders that were taken from a stream and are not finished.
    in_hand: watch::Sender<u64>,
    done: ProgressBar,
    pub(crate) tally: Tally,
}

/// The running warehouses; they stop when this is dropped.
pub(crate) struct Open {
    pub(crate) warehouses: Arc<Warehouses>,
    _nodes: JoinSet<()>,
}

/// Opens a warehouse at every node, spread over the clients' connections.
///
/// # Errors
/// A node id that cannot be sent as metadata.
pub(crate) fn open(
    clients: Vec<Client>,
    node_ids: impl Iterator<Item = String>,
    ledger: Arc<Ledger>,
    mishaps: Mishaps,
    seed: u64,
    done: ProgressBar,
) -> anyhow::Result<Open> {
    let hands = Arc::new(Semaphore::new(HANDS));
    let (in_hand, _) = watch::channel(0);
    let warehouses =
        Warehouses { clients, ledger, hands, mishaps, seed, in_hand, done, tally: Tally::default() };
    let warehouses = Arc::new(warehouses);
    let mut nodes = JoinSet::new();
    for (index, node_id) in node_ids.enumerate() {
        let client = &warehouses.clients[index % warehouses.clients.len()];
        let client = client.with_identity(Identity::new("", &node_id, "node")?);
        let warehouses = Arc::clone(&warehouses);
        nodes.spawn(async move {
            if let Err(fault) = warehouses.run_node(&client, &node_id).await {
                warehouses.ledger.fault(format!("node {node_id} stopped working: {fault:#}"));
            }
        });
    }
    Ok(Open { warehouses, _nodes: nodes })
}

impl Warehouses {
    /// Waits until no fulfilment order is in anybody's hands.
    pub(crate) async fn idle(&self) {
        let mut in_hand = self.in_hand.subscribe();
        // The sender lives in `self`, so the channel cannot be closed.
        let _zero = in_hand.wait_for(|count| *count == 0).await;
    }

    async fn run_node(self: &Arc<Self>, client: &Client, node_id: &str) -> anyhow::Result<()> {
        let request = SubscribeInstructionsRequest { node_id: node_id.to_owned(), ..Default::default() };
        let mut stream = client.subscribe_instructions(request).ready_chunks(ACKNOWLEDGED_TOGETHER);
        let mut last = 0;
        while let Some(messages) = stream.next().await {
            for message in messages {
                let message: SubscribeInstructionsResponse = message.map_err(refused)?;
                let instruction = message.instruction.context("a message without an instruction")?;
                self.take(client, node_id, &mut last, instruction);
            }
            let request = AcknowledgeInstructionsRequest {
                node_id: node_id.to_owned(),
                through_number: last,
                ..Default::default()
            };
            client.acknowledge_instructions(request).await.map_err(refused)?;
        }
        bail!("its stream of instructions ended")
    }

    /// Takes one instruction: numbers are dense, and one that was seen before is old news.
    fn take(self: &Arc<Self>, client: &Client, node_id: &str, last: &mut u64, instruction: PickInstruction) {
        if instruction.number <= *last {
            return;
        }
        if instruction.number != *last + 1 {
            let (number, last) = (instruction.number, *last);
            self.ledger.fault(format!("node {node_id} got instruction {number} after {last}"));
        }
        *last = instruction.number;
        count(&self.tally.instructions);
        match instruction.kind() {
            PickInstructionKind::Pick => {}
            PickInstructionKind::Cancel => return count(&self.tally.called_off),
            kind @ (PickInstructionKind::Amend
            | PickInstructionKind::CancelRequested
            | PickInstructionKind::Unspecified) => {
                return self.ledger.fault(format!("node {node_id} got an instruction of kind {kind:?}"));
            }
        }
        self.ledger.instructed(&instruction.external_order_number);
        self.in_hand.send_modify(|count| *count += 1);
        let (warehouses, client) = (Arc::clone(self), client.clone());
        tokio::spawn(async move {
            // The semaphore is never closed.
            let _hand = warehouses.hands.acquire().await;
            let id = instruction.fulfillment_order_id.clone();
            if let Err(fault) = warehouses.work(&client, instruction).await {
                warehouses.ledger.fault(format!("{id}: {fault:#}"));
            }
            warehouses.done.inc(1);
            warehouses.in_hand.send_modify(|count| *count -= 1);
        });
    }

    /// All the work of one fulfilment order.
    async fn work(&self, client: &Client, pick: PickInstruction) -> anyhow::Result<()> {
        let mut chance = Prng::stream(self.seed, PURPOSE_WORK, digest(&pick.fulfillment_order_id));
        let fulfillment_order_id = pick.fulfillment_order_id.clone();
        let request = AcceptFulfillmentOrderRequest {
            fulfillment_order_id: fulfillment_order_id.clone(),
            revision: pick.revision,
            ..Default::default()
        };
        let accepted = client.accept_fulfillment_order(request).await.map_err(refused)?;
        let revision = revision(accepted.fulfillment_order)?;
        if chance.chance(self.mishaps.reject_permille) {
            return self.reject(client, fulfillment_order_id, revision).await;
        }
        let request = StartPickingRequest {
            fulfillment_order_id: fulfillment_order_id.clone(),
            revision,
            ..Default::default()
        };
        let started = client.start_picking(request).await.map_err(refused)?;
        let short = chance.chance(self.mishaps.short_permille);
        let request = ConfirmPickRequest {
            fulfillment_order_id,
            revision: self::revision(started.fulfillment_order)?,
            lines: self.picked(&pick, short),
            reason: if short { "not on the shelf".to_owned() } else { String::new() },
            ..Default::default()
        };
        let picked = client.confirm_pick(request).await.map_err(refused)?;
        let order = picked.fulfillment_order.context("an answer without the fulfilment order")?;
        match (order.state(), &pick.destination) {
            (FulfillmentOrderState::Shorted, _) => Ok(()),
            (_, Some(Destination::Pickup(_))) => self.hand_over(client, order).await,
            (_, Some(Destination::ShipTo(_)) | None) => self.send(client, order, &pick).await,
        }
    }

    async fn reject(
        &self,
        client: &Client,
        fulfillment_order_id: String,
        revision: u64,
    ) -> anyhow::Result<()> {
        let request = RejectFulfillmentOrderRequest {
            fulfillment_order_id,
            revision,
            reject_reason: RejectReason::NoCapacity.into(),
            reason: "nobody is there to pick".to_owned(),
            ..Default::default()
        };
        client.reject_fulfillment_order(request).await.map_err(refused)?;
        count(&self.tally.rejected);
        Ok(())
    }

    /// Everything is found, but for one unit of the first line when the pick is short.
    fn picked(&self, pick: &PickInstruction, short: bool) -> Vec<PickedLine> {
        if short {
            count(&self.tally.short_picks);
        }
        let line = |(index, line): (usize, &waybill_client::proto::fulfillment::v1::PickLine)| {
            let missing = if short && index == 0 { 10i64.pow(line.scale).min(line.quantity) } else { 0 };
            let reason = if missing > 0 { ShortReason::NotFound } else { ShortReason::Unspecified };
            PickedLine {
                line_number: line.line_number,
                picked_quantity: line.quantity - missing,
                short_quantity: missing,
                short_reason: reason.into(),
                ..Default::default()
            }
        };
        pick.lines.iter().enumerate().map(line).collect()
    }

    async fn hand_over(&self, client: &Client, order: FulfillmentOrder) -> anyhow::Result<()> {
        let fulfillment_order_id = order.fulfillment_order_id;
        let request = ReadyForPickupRequest {
            fulfillment_order_id: fulfillment_order_id.clone(),
            revision: order.revision,
            shelf: "P-12".to_owned(),
            ..Default::default()
        };
        let ready = client.ready_for_pickup(request).await.map_err(refused)?;
        let request = HandOverRequest {
            fulfillment_order_id,
            revision: revision(ready.fulfillment_order)?,
            proof: "code".to_owned(),
            ..Default::default()
        };
        client.hand_over(request).await.map_err(refused)?;
        count(&self.tally.handed_over);
        Ok(())
    }

    async fn send(
        &self,
        client: &Client,
        order: FulfillmentOrder,
        pick: &PickInstruction,
    ) -> anyhow::Result<()> {
        let fulfillment_order_id = order.fulfillment_order_id.clone();
        let request = PackRequest {
            fulfillment_order_id: fulfillment_order_id.clone(),
            revision: order.revision,
            parcels: vec![parcel(&order)],
            ..Default::default()
        };
        let packed = client.pack(request).await.map_err(refused)?;
        let request = ShipRequest {
            fulfillment_order_id: fulfillment_order_id.clone(),
            revision: revision(packed.fulfillment_order)?,
            carrier: pick.carrier_service.clone(),
            tracking_number: format!("T{fulfillment_order_id}"),
            ..Default::default()
        };
        let shipped = client.ship(request).await.map_err(refused)?;
        count(&self.tally.shipped);
        count(&self.tally.parcels);
        let request = ConfirmDeliveryRequest {
            fulfillment_order_id,
            revision: revision(shipped.fulfillment_order)?,
            ..Default::default()
        };
        client.confirm_delivery(request).await.map_err(refused)?;
        Ok(())
    }
}

fn revision(order: Option<FulfillmentOrder>) -> anyhow::Result<u64> {
    Ok(order.context("an answer without the fulfilment order")?.revision)
}

/// One parcel with all that was picked.
fn parcel(order: &FulfillmentOrder) -> Parcel {
    let content = |line: &waybill_client::proto::fulfillment::v1::FulfillmentLine| ParcelContent {
        line_number: line.line_number,
        quantity: line.picked,
    };
    let contents = order.lines.iter().filter(|line| line.picked > 0).map(content).collect();
    Parcel { parcel_id: "1".to_owned(), contents, ..Default::default() }
}

/// A number from an id, the same on every machine (FNV-1a): what goes wrong with a fulfilment order follows from its id.
fn digest(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::fulfillment::v1::FulfillmentLine;

    #[test]
    fn a_parcel_holds_exactly_what_was_picked() {
        let line = |line_number, picked| FulfillmentLine { line_number, picked, ..Default::default() };
        let order =
            FulfillmentOrder { lines: vec![line(1, 2), line(2, 0), line(3, 7)], ..Default::default() };
        let contents: Vec<_> =
            parcel(&order).contents.iter().map(|content| (content.line_number, content.quantity)).collect();
        assert_eq!(contents, [(1, 2), (3, 7)]);
    }

    #[test]
    fn digests_differ_and_stay() {
        assert_eq!(digest(""), 0xcbf2_9ce4_8422_2325);
        assert_ne!(digest("W00-1-F1.01"), digest("W00-1-F1.02"));
    }
}
