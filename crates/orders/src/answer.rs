//! What a caller is told. Kept with the request id, so that a retry is told the same.

use crate::status::Status;
use minicbor::{Decode, Encode};
use waybill_types::exchange::LineUnits;
use waybill_types::{LineNo, OrderId, Quantity, ReturnId, Timestamp};

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// The order exists; how far it is, its state says.
    #[n(0)]
    Placed {
        /// Which.
        #[n(0)]
        order: OrderId,
        /// Its revision now.
        #[n(1)]
        revision: u64,
        /// It existed before with the same content.
        #[n(2)]
        known: bool,
    },
    /// The finished order is part of history.
    #[n(1)]
    Imported {
        /// Which.
        #[n(0)]
        order: OrderId,
        /// It existed before with the same content.
        #[n(1)]
        known: bool,
    },
    /// What became of a cancel.
    #[n(2)]
    Cancelled {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// Its revision afterwards.
        #[n(1)]
        revision: u64,
        /// Its status afterwards.
        #[n(2)]
        status: Status,
        /// Per line that was asked about, by line number.
        #[n(3)]
        lines: Vec<LineCancelled>,
        /// The policy has it wait for somebody's yes: nothing is cancelled yet, and this amendment stands for it.
        #[n(4)]
        amendment: Option<u32>,
    },
    /// The order's personal data is marked as destroyed.
    #[n(3)]
    Erased {
        /// It was so before.
        #[n(0)]
        before: bool,
    },
    /// Nothing to tell.
    #[n(4)]
    Done,
    /// An amendment was taken: applied at once, or pending; the order says which.
    #[n(6)]
    Amended {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// Its revision now.
        #[n(1)]
        revision: u64,
        /// The amendment's number.
        #[n(2)]
        amendment: u32,
    },
    /// A hold was placed or resolved.
    #[n(7)]
    Held {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// Its revision now.
        #[n(1)]
        revision: u64,
        /// Which of its holds.
        #[n(2)]
        hold: u16,
    },
    /// A return was requested, decided, received or closed.
    #[n(8)]
    Returning {
        /// Which return.
        #[n(0)]
        id: ReturnId,
        /// The order's revision now.
        #[n(1)]
        revision: u64,
        /// What this command gives back to the customer, in minor units.
        #[n(2)]
        refund: i64,
    },
    /// A policy is in force.
    #[n(9)]
    PolicySet {
        /// Its version.
        #[n(0)]
        version: u64,
    },
    /// A job over many orders began.
    #[n(10)]
    JobBegun {
        /// When.
        #[n(0)]
        at: Timestamp,
    },
    /// Somebody's word on units that waited for more than stock was taken.
    #[n(11)]
    ExceptionAnswered {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// Its revision now.
        #[n(1)]
        revision: u64,
        /// The units that it concerns, by line.
        #[n(2)]
        units: Vec<LineUnits>,
    },
    /// An erasure concerns this many orders.
    #[n(5)]
    Erasing {
        /// How many.
        #[n(0)]
        orders: u64,
    },
}

/// What became of one line of a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LineCancelled {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// Units asked to be cancelled.
    #[n(1)]
    pub requested: Quantity,
    /// Cancelled now.
    #[n(2)]
    pub cancelled: Quantity,
    /// Asked of a node whose answer is awaited.
    #[n(3)]
    pub asked_of_node: Quantity,
    /// Too far on their way: released to a node, or further.
    #[n(4)]
    pub too_late: Quantity,
    /// Had been cancelled before.
    #[n(5)]
    pub cancelled_before: Quantity,
}
