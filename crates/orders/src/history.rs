//! The history of an order: every event with its time, place in the journal and origin, kept with the order for as long
//! as it exists. The first entry is the opening row; later ones are packed into chunks, the newest into the order row.

use crate::event::{Event, What};
use crate::order::{Order, Tail};
use crate::state::{Chunk, Opening, OrdersState};
use minicbor::{Decode, Encode};
use std::sync::Arc;
use waybill_machine::{Context, Position, ScanOrder, Undecodable};
use waybill_types::{OrderId, Origin, Timestamp};

/// Entries are moved to a chunk of their own once the newest take this many bytes.
pub(crate) const CHUNK_BYTES: usize = 2_560;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// Where it stands in the journal.
    #[n(0)]
    pub position: Position,
    /// When it was journaled.
    #[n(1)]
    pub at: Timestamp,
    /// Who, from where, why; `None` for what the engine did by itself.
    #[n(2)]
    pub origin: Option<Origin>,
    /// What happened.
    #[n(3)]
    pub what: What,
}

/// Appends an event to the newest entries; the chunk that became full, with its number, if one did.
pub(crate) fn append(tail: &mut Tail, what: &What, cx: &Context<'_>) -> Option<(u16, Chunk)> {
    let origin = caller(cx.origin);
    let entry = (cx.position, cx.at, origin, what);
    // Written by hand so that the event need not be cloned; the form is that of [`Entry`].
    let mut encoder = minicbor::Encoder::new(&mut tail.entries);
    let written = encoder.array(4).and_then(|e| e.encode(entry.0)).and_then(|e| e.encode(entry.1));
    let written = written.and_then(|e| e.encode(&entry.2)).and_then(|e| e.encode(entry.3));
    if let Err(error) = written {
        panic!("encoding to memory cannot fail: {error}");
    }
    if tail.entries.len() < CHUNK_BYTES {
        return None;
    }
    let number = tail.chunks;
    tail.chunks += 1;
    Some((number, Chunk(std::mem::take(&mut tail.entries))))
}

/// The origin of a caller; `None` for the engine itself.
pub(crate) fn caller(origin: &Origin) -> Option<Origin> {
    (origin.actor.as_str() != "engine").then(|| origin.clone())
}

/// The entries in stored bytes.
///
/// # Errors
/// [`Undecodable`] when they were written by a newer version or are damaged.
pub fn entries(bytes: &[u8]) -> Result<Vec<Entry>, Undecodable> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let mut entries = Vec::new();
    while decoder.position() < bytes.len() {
        let entry = decoder.decode::<Entry>();
        entries.push(entry.map_err(|error| Undecodable { kind: "history entry", why: error.to_string() })?);
    }
    Ok(entries)
}

/// The history of an order as it is stored: cheap to take from the partition, decoded by whoever wants it.
#[derive(Clone)]
pub struct StoredHistory {
    /// The first entry, with what was ordered.
    pub opening: Arc<Opening>,
    /// The order as it is, with its newest entries.
    pub order: Arc<Order>,
    chunks: Vec<Arc<Chunk>>,
}

impl StoredHistory {
    /// The entries, oldest first.
    ///
    /// # Errors
    /// [`Undecodable`] when entries were written by a newer version or are damaged.
    pub fn entries(&self) -> Result<Vec<Entry>, Undecodable> {
        let mut all = vec![first(&self.opening)];
        let chunks = self.chunks.iter().map(|chunk| chunk.0.as_slice());
        for bytes in chunks.chain(std::iter::once(self.order.tail.entries.as_slice())) {
            all.extend(entries(bytes)?);
        }
        Ok(all)
    }
}

impl OrdersState {
    /// The whole history of an order as it is stored; `None` when there is no such order.
    #[must_use]
    pub fn stored_history(&self, id: OrderId) -> Option<StoredHistory> {
        let (opening, order) = self.order(id)?;
        let chunks = match order.tail.chunks {
            0 => Vec::new(),
            _ => self.history.scan(&id, None, ScanOrder::Ascending, usize::MAX),
        };
        Some(StoredHistory { opening, order, chunks: chunks.into_iter().map(|(_, chunk)| chunk).collect() })
    }

    /// The whole history of an order, oldest first; `None` when there is no such order.
    ///
    /// # Errors
    /// [`Undecodable`] when entries were written by a newer version or are damaged.
    pub fn history(&self, id: OrderId) -> Option<Result<Vec<Entry>, Undecodable>> {
        self.stored_history(id).map(|stored| stored.entries())
    }
}

/// The entry that an opening row is.
fn first(opening: &Opening) -> Entry {
    Entry {
        position: opening.position,
        at: opening.at,
        origin: caller(&opening.origin),
        what: opening.what(),
    }
}

/// The order that a history comes to; `None` for an empty one or one that does not begin with an opening.
#[must_use]
pub fn rebuild(id: OrderId, history: &[Entry]) -> Option<Order> {
    let (opening, rest) = history.split_first()?;
    let (content, mut order) = crate::fold::open(&opening.what, opening.at)?;
    for entry in rest {
        crate::fold::fold(&mut order, content, &Event { order: id, what: entry.what.clone() }, entry.at);
    }
    Some(order)
}

/// Calls `visit` with each order as its history makes it, reading the history once per event; for watching.
pub fn replay(id: OrderId, history: &[Entry], mut visit: impl FnMut(&Entry, &Order)) {
    let Some((opening, rest)) = history.split_first() else { return };
    let Some((content, mut order)) = crate::fold::open(&opening.what, opening.at) else { return };
    visit(opening, &order);
    for entry in rest {
        crate::fold::fold(&mut order, content, &Event { order: id, what: entry.what.clone() }, entry.at);
        visit(entry, &order);
    }
}
