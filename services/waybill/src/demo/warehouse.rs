//! A small simulated warehouse behind every node: takes the node's instructions from the real stream and acknowledges
//! them. Each pick is worked on, each cancel of what is in hand is answered. It knows nothing of orders.

mod answer;
mod work;

use super::ledger::Ledger;
use super::load::refused;
use anyhow::{Context, bail};
use futures::StreamExt;
use indicatif::ProgressBar;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use waybill_client::proto::fulfillment::v1::{
    AcknowledgeInstructionsRequest, FulfillmentOrder, GetFulfillmentOrderRequest, PickInstruction,
    PickInstructionKind, SubscribeInstructionsRequest, SubscribeInstructionsResponse,
};
use waybill_client::{Client, Identity};

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
    /// Nobody comes to fetch it.
    pub(crate) no_show_permille: u64,
    /// The customer takes a part of it first.
    pub(crate) in_parts_permille: u64,
    /// It is lost, refused at the door or comes back.
    pub(crate) undelivered_permille: u64,
    /// Of cancels of units in hand, so many are not served: the parcel is too deep in the lorry.
    pub(crate) too_late_permille: u64,
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
    /// Instructions that changed what is to be picked.
    pub(crate) amended: AtomicU64,
    /// Cancels of units in hand that the node was asked about.
    pub(crate) asked: AtomicU64,
    /// Of those, cancels that were served whole.
    pub(crate) put_back: AtomicU64,
    pub(crate) no_shows: AtomicU64,
    /// Pickups of which the customer took a part.
    pub(crate) in_parts: AtomicU64,
    pub(crate) undelivered: AtomicU64,
    /// Reports that met a change, so that the node had to look again.
    pub(crate) looked_again: AtomicU64,
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

    /// Waits until no more than `most` fulfilment orders are in anybody's hands.
    pub(crate) async fn room(&self, most: u64) {
        let mut in_hand = self.in_hand.subscribe();
        // The sender lives in `self`, so the channel cannot be closed.
        let _room = in_hand.wait_for(|count| *count <= most).await;
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
            PickInstructionKind::Pick => self.begin(client, instruction, Task::Work),
            PickInstructionKind::CancelRequested => self.begin(client, instruction, Task::Answer),
            PickInstructionKind::Amend => count(&self.tally.amended),
            PickInstructionKind::Cancel => count(&self.tally.called_off),
            PickInstructionKind::Unspecified => {
                self.ledger.fault(format!("node {node_id} got an instruction of no kind"));
            }
        }
    }

    fn begin(self: &Arc<Self>, client: &Client, instruction: PickInstruction, task: Task) {
        self.in_hand.send_modify(|count| *count += 1);
        let (warehouses, client) = (Arc::clone(self), client.clone());
        tokio::spawn(async move {
            let id = instruction.fulfillment_order_id.clone();
            let done = match task {
                Task::Work => {
                    warehouses.ledger.instructed(&instruction.external_order_number);
                    // The semaphore is never closed.
                    let _hand = warehouses.hands.acquire().await;
                    let done = warehouses.work(&client, &instruction).await;
                    warehouses.done.inc(1);
                    done
                }
                // Whoever has the goods in hand is at it already: no further hand is needed.
                Task::Answer => warehouses.answer(&client, &instruction).await,
            };
            if let Err(fault) = done {
                warehouses.ledger.fault(format!("{id}: {fault:#}"));
            }
            warehouses.in_hand.send_modify(|count| *count -= 1);
        });
    }
}

/// What an instruction makes a node do.
#[derive(Clone, Copy, Debug)]
enum Task {
    Work,
    Answer,
}

/// How often one report looks again before that is a fault: every look is caused by somebody else's change.
const LOOKS_MAX: u32 = 50;

/// The fulfilment order changed since the node last looked: it must look again and decide anew.
fn has_moved(status: &Status) -> bool {
    matches!(status.code(), Code::Aborted | Code::FailedPrecondition)
}

async fn look(client: &Client, fulfillment_order_id: &str) -> anyhow::Result<FulfillmentOrder> {
    let request = GetFulfillmentOrderRequest {
        fulfillment_order_id: fulfillment_order_id.to_owned(),
        ..Default::default()
    };
    let answer = client.get_fulfillment_order(request).await.map_err(refused)?;
    answer.fulfillment_order.context("an answer without the fulfilment order")
}

/// A number from an id, the same on every machine (FNV-1a): what goes wrong with a fulfilment order follows from its id.
fn digest(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_differ_and_stay() {
        assert_eq!(digest(""), 0xcbf2_9ce4_8422_2325);
        assert_ne!(digest("W00-1-F1.01"), digest("W00-1-F1.02"));
    }
}
