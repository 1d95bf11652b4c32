//! What follows from durable events outside the partitions: the mirror is told, callers who wait for a reservation
//! are answered. Runs on the partition's task, so it only copies figures and sends.

use crate::metrics as names;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;
use waybill_inventory::{AvailabilityChanged, Inventory, ItemRecord, Note, State, read};
use waybill_mirror::{Figures, ItemChange, Mirror, StockChange};
use waybill_replica::Observer;
use waybill_types::exchange::ReserveOutcome;
use waybill_types::network::SKU_CLASS;
use waybill_types::{Attributes, PartitionId, ReservationId, Text};

/// Callers who wait for the outcome of a reservation over several partitions.
#[derive(Clone, Default)]
pub(crate) struct Awaited(Arc<Mutex<HashMap<ReservationId, Vec<oneshot::Sender<ReserveOutcome>>>>>);

impl Awaited {
    /// Begins to wait. Done before the reservation is put to its home, so that no outcome is missed.
    pub(crate) fn enter(&self, id: ReservationId) -> oneshot::Receiver<ReserveOutcome> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().entry(id).or_default().push(sender);
        receiver
    }

    /// Nobody of this call waits any more; forgets those who went away.
    pub(crate) fn leave(&self, id: ReservationId) {
        let mut waiting = self.0.lock();
        if let Some(senders) = waiting.get_mut(&id) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                waiting.remove(&id);
            }
        }
    }

    fn tell(&self, id: ReservationId, outcome: &ReserveOutcome) {
        for sender in self.0.lock().remove(&id).unwrap_or_default() {
            // A caller that went away needs no outcome.
            let _ = sender.send(outcome.clone());
        }
    }
}

/// Rows given to the mirror at once when it is filled.
const CHUNK: usize = 4_096;

/// The ear of one partition.
pub(crate) struct Ear {
    pub(crate) partition: PartitionId,
    pub(crate) mirror: Mirror,
    pub(crate) awaited: Awaited,
    pub(crate) loaded: bool,
}

impl Observer<Inventory> for Ear {
    fn committed(&mut self, state: &State, sequence: u64, notes: Vec<Note>) {
        if !self.loaded {
            // The first call comes before any batch: everything there is.
            self.load(state, sequence);
        }
        let (mut items, mut stock) = (Vec::new(), Vec::with_capacity(notes.len()));
        for note in notes {
            match note {
                Note::AvailabilityChanged(change) => stock.push(stock_change(change)),
                Note::ItemChanged(record) => items.push(item_change(&record)),
                Note::ReservationDecided { id, outcome } => self.awaited.tell(id, &outcome),
            }
        }
        self.mirror.apply(self.partition, sequence, items, stock);
    }
}

impl Ear {
    fn load(&mut self, state: &State, sequence: u64) {
        // A little at a time: a million positions must not stand in memory twice.
        let mut items = Vec::with_capacity(CHUNK);
        read::each_item(state, |record| {
            items.push(item_change(record));
            if items.len() == CHUNK {
                self.mirror.apply(self.partition, 0, items.drain(..), []);
            }
        });
        let mut stock = Vec::with_capacity(CHUNK);
        read::each_availability(state, |change| {
            stock.push(stock_change(change));
            if stock.len() == CHUNK {
                self.mirror.apply(self.partition, 0, [], stock.drain(..));
            }
        });
        self.mirror.load(self.partition, sequence, items, stock);
        metrics::gauge!(names::POSITIONS).set(self.mirror.positions() as f64);
        self.loaded = true;
    }
}

fn stock_change(change: AvailabilityChanged) -> StockChange {
    StockChange {
        sku: change.sku,
        owner: change.owner,
        node: change.node,
        figures: Figures {
            sellable: change.sellable,
            reserved: change.reserved,
            safety_stock: change.safety_stock,
        },
        version: change.sequence,
        at: change.at,
    }
}

/// The item's class for sourcing rules.
fn class(attributes: &Attributes) -> Option<Text> {
    let class = attributes.iter().find(|(key, _)| *key == SKU_CLASS);
    class.and_then(|(_, value)| Text::new(value).ok()).filter(|class| !class.as_str().is_empty())
}

fn item_change(record: &ItemRecord) -> ItemChange {
    ItemChange {
        sku: record.item.sku.clone(),
        scale: record.item.scale,
        weight_g: record.item.weight_g,
        no_split: record.item.flags.no_split,
        inactive: record.item.inactive,
        name: record.item.name.clone(),
        class: class(&record.item.attributes),
    }
}
