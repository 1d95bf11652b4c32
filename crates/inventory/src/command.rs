//! What may be asked of a partition. Every SKU named must be one of this partition's.

use crate::item::Item;
use crate::position::{Condition, Spot};
use waybill_types::exchange::{Claim, Message, ReserveRequest};
use waybill_types::{OrderId, PartitionId, Quantity, ReservationId, Text};

/// One item to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRow {
    /// The whole item as it shall be.
    pub item: Item,
    /// Write only if the item has this revision; `None` means whatever it has.
    pub expected_revision: Option<u64>,
}

/// One counted position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountRow {
    /// Where.
    pub spot: Spot,
    /// Which stock.
    pub condition: Condition,
    /// What is there.
    pub counted: Quantity,
    /// The source's own rising number; not above its last one is ignored.
    pub sequence: u64,
}

/// A command.
#[derive(Clone, Debug)]
pub enum Command {
    /// Creates or replaces items, each on its own.
    UpsertItems(Vec<ItemRow>),
    /// Books goods that came in.
    Receive {
        /// Where.
        spot: Spot,
        /// In which condition.
        condition: Condition,
        /// How many, more than zero.
        quantity: Quantity,
        /// The caller's document; may be empty.
        reference: Text,
    },
    /// Changes on-hand stock by a difference; the reason is the origin's.
    Adjust {
        /// Where.
        spot: Spot,
        /// Which stock.
        condition: Condition,
        /// Added; not zero.
        delta: i64,
    },
    /// Sets on-hand stock to what was counted.
    Count {
        /// Who counted.
        source: Text,
        /// What.
        row: CountRow,
    },
    /// Many counts of one source, each on its own.
    CountMany {
        /// Who counted.
        source: Text,
        /// What.
        rows: Vec<CountRow>,
    },
    /// Goods were looked at and are in another condition from now on.
    Disposition {
        /// Where.
        spot: Spot,
        /// What they are in the books.
        from: Condition,
        /// What they are.
        to: Condition,
        /// How many, more than zero.
        quantity: Quantity,
        /// The caller's document; may be empty.
        reference: Text,
    },
    /// Sets how much is kept back from promises.
    SetSafetyStock {
        /// Where.
        spot: Spot,
        /// How much.
        safety_stock: Quantity,
    },
    /// Claims stock; this partition is the reservation's home. The answer may be undecided: a note tells when it is not.
    Reserve {
        /// What is claimed. `expires_at: None` is committed at once.
        request: ReserveRequest,
        /// The order it is for, where the claimant says so.
        order: Option<OrderId>,
    },
    /// Makes a hold an order's, at its home.
    CommitHold {
        /// The hold.
        id: ReservationId,
        /// The order.
        order: OrderId,
    },
    /// Gives a reservation back: at its home while it is held, at each partition once committed.
    Release {
        /// The reservation.
        id: ReservationId,
        /// What of it; `None` is all that is left.
        claims: Option<Vec<Claim>>,
    },
    /// Takes units of a committed reservation out of stock.
    Consume {
        /// The reservation.
        id: ReservationId,
        /// What of it; `None` is all that is left here.
        claims: Option<Vec<Claim>>,
    },
    /// It is later now.
    Tick,
    /// A message from another partition.
    Message {
        /// Who sent it.
        from: PartitionId,
        /// What it says.
        message: Message,
    },
}
