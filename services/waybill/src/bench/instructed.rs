//! Tells when all units of an order are instructed: subscribes to every node as its warehouse would, and counts the units
//! of the pick instructions that arrive. What arrives is durable, since nothing is streamed before it is.

use crate::demo::load::refused;
use anyhow::Context;
use futures::StreamExt;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use waybill_client::proto::fulfillment::v1::{
    AcknowledgeInstructionsRequest, PickInstruction, PickInstructionKind, SubscribeInstructionsRequest,
};
use waybill_client::{Client, Identity, Retry};

/// A node acknowledges at least so many instructions together, or what there is when it has waited for none.
const TOGETHER: usize = 64;
const SHARDS: usize = 64;

struct Waiting {
    units_left: i64,
    done: oneshot::Sender<()>,
}

/// Orders that are waited for, by their number.
pub(crate) struct Board {
    shards: Vec<Mutex<HashMap<String, Waiting>>>,
}

/// Subscriptions to all nodes; they end when this is dropped.
pub(crate) struct Instructions {
    pub(crate) board: Arc<Board>,
    nodes: JoinSet<anyhow::Result<()>>,
}

impl Board {
    fn shard(&self, number: &str) -> &Mutex<HashMap<String, Waiting>> {
        let sum = number.bytes().rev().take(4).fold(0, |sum, byte| sum * 10 + usize::from(byte));
        &self.shards[sum % SHARDS]
    }

    /// Begins to wait for an order of so many units, added over its lines. Called before the order is sent.
    pub(crate) fn expect(&self, number: &str, units: i64) -> oneshot::Receiver<()> {
        let (done, receive) = oneshot::channel();
        let mut shard = self.shard(number).lock().unwrap_or_else(PoisonError::into_inner);
        shard.insert(number.to_owned(), Waiting { units_left: units, done });
        receive
    }

    /// Waits no longer for it.
    pub(crate) fn forget(&self, number: &str) {
        self.shard(number).lock().unwrap_or_else(PoisonError::into_inner).remove(number);
    }

    fn take(&self, instruction: &PickInstruction) {
        if instruction.kind() != PickInstructionKind::Pick {
            return;
        }
        let number = &instruction.external_order_number;
        let units: i64 = instruction.lines.iter().map(|line| line.quantity).sum();
        let mut shard = self.shard(number).lock().unwrap_or_else(PoisonError::into_inner);
        let Entry::Occupied(mut waiting) = shard.entry(number.clone()) else { return };
        waiting.get_mut().units_left -= units;
        if waiting.get().units_left <= 0 {
            // The worker may have given up; then nobody listens.
            let _given_up = waiting.remove().done.send(());
        }
    }
}

impl Instructions {
    /// Subscribes to every node, over the given connections.
    ///
    /// # Errors
    /// A node id that cannot be sent as metadata.
    pub(crate) fn subscribe(
        clients: &[Client],
        node_ids: impl Iterator<Item = String>,
    ) -> anyhow::Result<Self> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let board = Arc::new(Board { shards });
        let mut nodes = JoinSet::new();
        for (index, node_id) in node_ids.enumerate() {
            let client = &clients[index % clients.len()];
            let identity = Identity::new("", &node_id, "node")?;
            let client = client.with_identity(identity).with_retry(Retry::default());
            nodes.spawn(follow(client, node_id, Arc::clone(&board)));
        }
        Ok(Self { board, nodes })
    }

    /// Fails when a node's stream has failed.
    ///
    /// # Errors
    /// What the stream said.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.nodes.try_join_next() {
            ended.context("a node's stream panicked")??;
        }
        Ok(())
    }
}

async fn follow(client: Client, node_id: String, board: Arc<Board>) -> anyhow::Result<()> {
    let request = SubscribeInstructionsRequest { node_id: node_id.clone(), ..Default::default() };
    let mut stream = client.subscribe_instructions(request).ready_chunks(TOGETHER);
    let mut last = 0;
    let mut acknowledged = 0;
    while let Some(messages) = stream.next().await {
        for message in messages {
            let message = message.map_err(refused).with_context(|| format!("node {node_id}"))?;
            let instruction = message.instruction.context("a message without an instruction")?;
            // At least once: what was seen before is not counted again.
            if instruction.number > last {
                last = instruction.number;
                board.take(&instruction);
            }
        }
        if last - acknowledged >= TOGETHER as u64 {
            let request = AcknowledgeInstructionsRequest {
                node_id: node_id.clone(),
                through_number: last,
                ..Default::default()
            };
            client.acknowledge_instructions(request).await.map_err(refused)?;
            acknowledged = last;
        }
    }
    anyhow::bail!("the stream of node {node_id} ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::fulfillment::v1::PickLine;

    fn instruction(number: &str, quantity: i64, kind: PickInstructionKind) -> PickInstruction {
        PickInstruction {
            external_order_number: number.into(),
            kind: kind.into(),
            lines: vec![PickLine { quantity, ..Default::default() }],
            ..Default::default()
        }
    }

    #[tokio::test]
    async fn an_order_is_done_when_all_its_units_are_instructed() {
        let board = Board { shards: (0..SHARDS).map(|_| Mutex::default()).collect() };
        let mut done = board.expect("N-1", 3);
        board.take(&instruction("N-1", 2, PickInstructionKind::Pick));
        board.take(&instruction("N-1", 1, PickInstructionKind::Cancel));
        board.take(&instruction("N-2", 9, PickInstructionKind::Pick));
        assert!(done.try_recv().is_err());
        board.take(&instruction("N-1", 1, PickInstructionKind::Pick));
        assert!(done.await.is_ok());
    }

    #[tokio::test]
    async fn an_order_that_is_forgotten_is_never_done() {
        let board = Board { shards: (0..SHARDS).map(|_| Mutex::default()).collect() };
        let done = board.expect("N-1", 1);
        board.forget("N-1");
        board.take(&instruction("N-1", 1, PickInstructionKind::Pick));
        assert!(done.await.is_err());
    }
}
