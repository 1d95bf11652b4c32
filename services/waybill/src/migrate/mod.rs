//! A whole installation on its way from one data directory to an engine that processes share, and back: state and log of
//! every partition, keys of personal data, decisions. It works on what nobody serves, leaves the source as it is, and
//! believes what arrived only where its state hashes to the same. It knows no order, no stock and no statement of an engine.

mod decisions;
mod directory;
mod engine;
pub(crate) mod keys;

use anyhow::ensure;
use std::path::PathBuf;
use std::sync::Arc;
use waybill_journal::LogId;
use waybill_journal::cluster::Engine;
use waybill_replica::moving::{Carried, Moved};
use waybill_service_kit::values::hex;
use waybill_types::{Layout, PartitionId, Service};

pub use directory::to_directory;
pub use engine::{clear_remains, to_engine};

/// What a migration takes beside its two ends.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of frames to carry per partition, about: how far back streams may resume.
    pub keep_bytes: u64,
    /// Remove first what an earlier migration, broken off, has left at the target.
    pub begin_again: bool,
    /// Where decisions are: of the processes over the engine, or for the one that will be.
    pub decisions: Vec<PathBuf>,
    /// How long request ids are kept, in milliseconds.
    pub request_ttl_ms: i64,
}

/// What is told while it goes on.
pub trait Progress: Sync {
    /// Something begins that has so many steps.
    fn begin(&self, what: &str, steps: u64);
    /// One more step is done.
    fn step(&self);
    /// A partition has arrived and its hash is right.
    fn arrived(&self, moved: &Moved);
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every partition that had anything, in order.
    pub partitions: Vec<Moved>,
    /// Frames carried.
    pub frames: Carried,
    /// Keys of personal data, erased ones among them.
    pub keys: u64,
    /// Bytes of decisions.
    pub decisions: u64,
}

pub(crate) fn every(layout: Layout) -> impl Iterator<Item = PartitionId> {
    Service::ALL.into_iter().flat_map(move |service| layout.partitions(service))
}

pub(crate) fn log_of(partition: PartitionId) -> LogId {
    LogId(partition.number())
}

/// Refuses what did not arrive as it was sent.
fn proven(moved: &Moved) -> anyhow::Result<()> {
    let partition = moved.partition;
    ensure!(
        moved.sent == moved.arrived,
        "{partition} arrived as another state: {} was sent, {} is there; the target is of no use, the source is as it was",
        hex(&moved.sent),
        hex(&moved.arrived)
    );
    Ok(())
}

/// Refuses while a process of the cluster lives: what it writes would be lost.
async fn nobody_lives(engine: &Arc<dyn Engine>) -> anyhow::Result<()> {
    let members = engine.members().await?;
    let living: Vec<&str> =
        members.iter().filter(|row| !row.remaining.is_zero()).map(|row| row.member.name.as_str()).collect();
    ensure!(
        living.is_empty(),
        "{} over the shared journal: stop every process first, and wait until its lease has ended",
        match living.len() {
            1 => format!("{} is alive", living[0]),
            _ => format!("{} are alive", living.join(", ")),
        }
    );
    Ok(())
}

/// Does something with the machine of a service, under the name given.
macro_rules! with_machine {
    ($service:expr, $machine:ident => $body:expr) => {
        match $service {
            waybill_types::Service::Orders => {
                type $machine = waybill_orders::Orders;
                $body
            }
            waybill_types::Service::Inventory => {
                type $machine = waybill_inventory::Inventory;
                $body
            }
            waybill_types::Service::Fulfillment => {
                type $machine = waybill_fulfillment::Fulfillment;
                $body
            }
            waybill_types::Service::Customers => {
                type $machine = waybill_customers::Customers;
                $body
            }
        }
    };
}
pub(crate) use with_machine;
