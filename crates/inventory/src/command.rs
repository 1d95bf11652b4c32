//! What may be asked of a partition. Every SKU named must be one of this partition's.

use crate::code::{ClaimRow, Codes};
use crate::item::Item;
use crate::position::{Condition, Spot};
use minicbor::{Decode, Encode};
use waybill_types::exchange::{Claim, Message, ReserveRequest};
use waybill_types::{OrderId, PartitionId, Quantity, ReservationId, Sku, Text};

/// One item to write.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ItemRow {
    /// The whole item as it shall be.
    #[n(0)]
    pub item: Item,
    /// Write only if the item has this revision; `None` means whatever it has.
    #[n(1)]
    pub expected_revision: Option<u64>,
}

/// One counted position.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CountRow {
    /// Where.
    #[n(0)]
    pub spot: Spot,
    /// Which stock.
    #[n(1)]
    pub condition: Condition,
    /// What is there.
    #[n(2)]
    pub counted: Quantity,
    /// The source's own rising number; not above its last one is ignored.
    #[n(3)]
    pub sequence: u64,
}

/// A command.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Command {
    /// Creates or replaces items, each on its own.
    #[n(0)]
    UpsertItems(#[n(0)] Vec<ItemRow>),
    /// Books goods that came in.
    #[n(1)]
    Receive {
        /// Where.
        #[n(0)]
        spot: Spot,
        /// In which condition.
        #[n(1)]
        condition: Condition,
        /// How many, more than zero.
        #[n(2)]
        quantity: Quantity,
        /// The caller's document; may be empty.
        #[n(3)]
        reference: Text,
    },
    /// Changes on-hand stock by a difference; the reason is the origin's.
    #[n(2)]
    Adjust {
        /// Where.
        #[n(0)]
        spot: Spot,
        /// Which stock.
        #[n(1)]
        condition: Condition,
        /// Added; not zero.
        #[n(2)]
        delta: i64,
    },
    /// Sets on-hand stock to what was counted.
    #[n(3)]
    Count {
        /// Who counted.
        #[n(0)]
        source: Text,
        /// What.
        #[n(1)]
        row: CountRow,
    },
    /// Many counts of one source, each on its own.
    #[n(4)]
    CountMany {
        /// Who counted.
        #[n(0)]
        source: Text,
        /// What.
        #[n(1)]
        rows: Vec<CountRow>,
    },
    /// Goods were looked at and are in another condition from now on.
    #[n(5)]
    Disposition {
        /// Where.
        #[n(0)]
        spot: Spot,
        /// What they are in the books.
        #[n(1)]
        from: Condition,
        /// What they are.
        #[n(2)]
        to: Condition,
        /// How many, more than zero.
        #[n(3)]
        quantity: Quantity,
        /// The caller's document; may be empty.
        #[n(4)]
        reference: Text,
    },
    /// Sets how much is kept back from promises.
    #[n(6)]
    SetSafetyStock {
        /// Where.
        #[n(0)]
        spot: Spot,
        /// How much.
        #[n(1)]
        safety_stock: Quantity,
    },
    /// Claims stock; this partition is the reservation's home. The answer may be undecided: a note tells when it is not.
    #[n(7)]
    Reserve {
        /// What is claimed. `expires_at: None` is committed at once.
        #[n(0)]
        request: ReserveRequest,
        /// The order it is for, where the claimant says so.
        #[n(1)]
        order: Option<OrderId>,
    },
    /// Makes a hold an order's, at its home.
    #[n(8)]
    CommitHold {
        /// The hold.
        #[n(0)]
        id: ReservationId,
        /// The order.
        #[n(1)]
        order: OrderId,
    },
    /// Gives a reservation back: at its home while it is held, at each partition once committed.
    #[n(9)]
    Release {
        /// The reservation.
        #[n(0)]
        id: ReservationId,
        /// What of it; `None` is all that is left.
        #[n(1)]
        claims: Option<Vec<Claim>>,
    },
    /// Takes units of a committed reservation out of stock.
    #[n(10)]
    Consume {
        /// The reservation.
        #[n(0)]
        id: ReservationId,
        /// What of it; `None` is all that is left here.
        #[n(1)]
        claims: Option<Vec<Claim>>,
    },
    /// It is later now.
    #[n(11)]
    Tick,
    /// A message from another partition.
    #[n(12)]
    Message {
        /// Who sent it.
        #[n(0)]
        from: PartitionId,
        /// What it says.
        #[n(1)]
        message: Message,
    },
    /// As [`Command::UpsertItems`], with what became of the codes of each item that it has not yet; `None` where it has
    /// them all.
    #[n(13)]
    UpsertClaimed(#[n(0)] Vec<ItemRow>, #[n(1)] Vec<Option<Codes>>),
    /// Claims codes that have their home here, each on its own.
    #[n(14)]
    ClaimCodes(#[n(0)] Vec<ClaimRow>),
    /// Raises an item to a revision as it is, known or not, so that what was decided about an earlier one comes too late.
    #[n(15)]
    FenceItem(#[n(0)] Sku, #[n(1)] u64),
}
