//! Orders that wait for stock of a SKU, in the order in which they are served. It knows nothing of what they want it for.

use minicbor::{Decode, Encode};
use waybill_machine::Key;
use waybill_types::{OrderId, OwnerId, Quantity, Sku, Timestamp};

/// A place in the queue of one SKU of one owner; sorts as it is served: higher priority, then the older demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitKey {
    /// For what.
    pub sku: Sku,
    /// Whose stock.
    pub owner: OwnerId,
    /// Higher is served first.
    pub priority: u8,
    /// When the demand arose.
    pub since: Timestamp,
    /// Who waits.
    pub order: OrderId,
}

impl Key for WaitKey {
    fn write(&self, out: &mut Vec<u8>) {
        self.sku.write(out);
        self.owner.write(out);
        (u8::MAX - self.priority).write(out);
        self.since.write(out);
        self.order.write(out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Self {
            sku: Sku::read(input)?,
            owner: OwnerId::read(input)?,
            priority: u8::MAX - u8::read(input)?,
            since: Timestamp::read(input)?,
            order: OrderId::read(input)?,
        })
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Wait {
    /// How many units.
    #[n(0)]
    pub quantity: Quantity,
    /// The SKU's count of rises when the order was told of one; `None` where it was not told since it said last what it
    /// waits for. One that was told looks for stock now, and says afterwards what it still waits for, or that it does not.
    #[n(1)]
    pub told: Option<u64>,
    /// The SKU's count of on-hand rises up to which the order knows at which nodes they were. What came before it began to
    /// wait is known: it has just looked everywhere.
    #[cbor(n(2), skip_if = "crate::position::none")]
    pub knows: u64,
}

/// How far down the queue of a SKU the stock of its last rise was offered: this order was the last one that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Turn {
    /// Its place.
    #[n(0)]
    pub place: WaitPlace,
    /// Its id.
    #[n(1)]
    pub order: OrderId,
}

/// Where an order stands in the queue of a SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WaitPlace {
    /// Higher is served first.
    #[n(0)]
    pub priority: u8,
    /// When the demand arose.
    #[n(1)]
    pub since: Timestamp,
}
