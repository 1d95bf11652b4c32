//! What follows from durable events outside the partitions: streams are woken, mirrors told. Runs on the partition's
//! task, so it only touches memory.

use std::sync::Arc;
use tokio::sync::watch;
use waybill_fulfillment::{Fulfillment, FulfillmentState, Note};
use waybill_replica::Observer;
use waybill_service_kit::WaitingRoom;
use waybill_types::{NodeId, PartitionId};

/// Whom notes are passed to.
#[derive(Clone)]
pub(crate) struct Ears {
    /// Streams that wait for an instruction of a node.
    pub(crate) instructed: WaitingRoom<NodeId>,
    /// Upserts that wait until a node's partition knows of it.
    pub(crate) known: WaitingRoom<NodeId>,
    /// The network's version in partition 0.
    pub(crate) network: Arc<watch::Sender<u64>>,
}

impl Default for Ears {
    fn default() -> Self {
        Self {
            instructed: WaitingRoom::default(),
            known: WaitingRoom::default(),
            network: Arc::new(watch::channel(0).0),
        }
    }
}

impl Ears {
    /// The observer of one partition.
    pub(crate) fn of(
        &self,
        partition: PartitionId,
        network_home: PartitionId,
    ) -> Box<dyn Observer<Fulfillment>> {
        let ears = self.clone();
        let mut first = partition == network_home;
        Box::new(move |state: &FulfillmentState, _: u64, notes: Vec<Note>| {
            if std::mem::take(&mut first) {
                // After a restart nothing changed yet, and the network is there all the same.
                ears.network.send_replace(state.network().version);
            }
            for note in notes {
                match note {
                    Note::Instructed(node, _) => ears.instructed.wake(&node),
                    Note::NodeKnown(node, _) => ears.known.wake(&node),
                    Note::NetworkChanged(version) => {
                        ears.network.send_replace(version);
                    }
                }
            }
        })
    }
}
