//! What the door of a partition is told once an event is durable: what mirrors and streams live on. Coalescing is
//! the door's affair.

use crate::item::ItemRecord;
use crate::position::Position;
use waybill_types::exchange::ReserveOutcome;
use waybill_types::{NodeId, OwnerId, Quantity, ReservationId, Sku, Timestamp};

/// What may be promised at a position changed, or what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailabilityChanged {
    /// What.
    pub sku: Sku,
    /// Whose.
    pub owner: OwnerId,
    /// Where.
    pub node: NodeId,
    /// What a new reservation could take.
    pub available: Quantity,
    /// On hand and sellable.
    pub sellable: Quantity,
    /// Claimed.
    pub reserved: Quantity,
    /// Kept back.
    pub safety_stock: Quantity,
    /// The journal sequence of the position's last change; rises within the partition.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
}

impl AvailabilityChanged {
    pub(crate) fn of(sku: &Sku, owner: &OwnerId, position: &Position) -> Self {
        Self {
            sku: sku.clone(),
            owner: owner.clone(),
            node: position.node.clone(),
            available: position.available(),
            sellable: position.sellable,
            reserved: position.reserved,
            safety_stock: position.safety_stock,
            sequence: position.sequence,
            at: position.changed_at,
        }
    }
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A position changed.
    AvailabilityChanged(AvailabilityChanged),
    /// An item is new or another.
    ItemChanged(Box<ItemRecord>),
    /// A reservation over several partitions was decided at home: here is its outcome, for callers who wait.
    ReservationDecided {
        /// Which.
        id: ReservationId,
        /// What it came to.
        outcome: ReserveOutcome,
    },
}
