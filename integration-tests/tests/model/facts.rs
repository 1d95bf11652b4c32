//! The words in which the judge is told what was asked, what hands did and what is seen. Plain data: no machine's.

use waybill_types::exchange::{Landing, Message};
use waybill_types::{LineNo, NodeId, OrderId, Sku};

/// Units of a SKU at a node; everything has one owner here.
pub(crate) type Place = (Sku, NodeId);

/// Where units of a line may be, in the order of the numbers by which they are shown.
pub(crate) const CANCELLED: usize = 7;
pub(crate) const SHIPPED: usize = 5;
pub(crate) const DELIVERED: usize = 6;
pub(crate) const RETURNED: usize = 8;
pub(crate) const LOST: usize = 9;
pub(crate) const REFUSED: usize = 10;
pub(crate) const SENT_BACK: usize = 11;
/// Everything that has left a node.
pub(crate) const GONE: [usize; 6] = [SHIPPED, DELIVERED, RETURNED, LOST, REFUSED, SENT_BACK];
/// Everything that came back or never arrived: its money is owed back.
pub(crate) const BACK: [usize; 4] = [RETURNED, LOST, REFUSED, SENT_BACK];

/// A change that somebody asked for.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// So many units in all; the added ones cost so much.
    Units { line: LineNo, quantity: u64, added: i64 },
    /// A line more, with so many units for so much.
    Line { units: u64, total: i64 },
    /// So many units of the line go, and a line of as many for so much comes.
    Instead { line: LineNo, units: u64, total: i64 },
    /// The units of a line that have not left cost so much together.
    Price { line: LineNo, total: i64 },
    /// So much off.
    Off { amount: i64 },
    /// Something without units and money.
    Else,
}

/// What became of an amendment as far as it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Pending,
    Applied,
    Refused,
}

/// One line as it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenLine {
    pub(crate) units: [u64; 12],
    pub(crate) cancel_requested: u64,
    /// What each unit costs, in the order in which units come back from the front and go from the back.
    pub(crate) prices: Vec<i64>,
}

/// One return as it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenReturn {
    pub(crate) exchange: bool,
    pub(crate) taken: Vec<(LineNo, u64)>,
    pub(crate) refunded: i64,
    pub(crate) joined: Vec<LineNo>,
}

/// One order as it is seen after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenOrder {
    pub(crate) id: OrderId,
    pub(crate) revision: u64,
    /// It could not be confirmed.
    pub(crate) refused: bool,
    pub(crate) lines: Vec<SeenLine>,
    pub(crate) total: i64,
    pub(crate) due: i64,
    pub(crate) refunded: i64,
    pub(crate) amendments: Vec<(u32, Ended)>,
    pub(crate) returns: Vec<SeenReturn>,
}

/// One position as it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenPlace {
    pub(crate) place: Place,
    /// Sellable, to inspect, damaged.
    pub(crate) on_hand: [u64; 3],
    pub(crate) reserved: u64,
}

/// Why a parcel did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    Lost,
    Refused,
    /// Back at the node; it was refused before, or not.
    Back {
        refused_before: bool,
        landing: Landing,
    },
}

/// One thing the judge is told. What is told of one partition comes in the order in which it was journaled there.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// A place was acknowledged: units and cost per line, and what is owed in all.
    Placed { order: OrderId, lines: Vec<u64>, total: i64 },
    /// A cancel was acknowledged: per line, units cancelled now and units asked of nodes.
    Cancelled { order: OrderId, lines: Vec<(LineNo, u64, u64)> },
    /// An amendment was taken.
    Amended { order: OrderId, amendment: u32, wishes: Vec<Wish> },
    /// Somebody was told that so much is paid back.
    PaidBack { order: OrderId, amount: i64 },
    /// The order as it is now.
    Seen(Box<SeenOrder>),
    /// Units left a node with a carrier or a customer, of this SKU.
    Left { order: OrderId, line: LineNo, place: Place, units: u64, to_customer: bool },
    /// The customer has units that left before.
    Arrived { order: OrderId, line: LineNo, units: u64 },
    /// Units that left did not arrive.
    Missed { order: OrderId, line: LineNo, units: u64, node: NodeId, how: Missed },
    /// On-hand stock was changed by a caller's command; the index is the condition's.
    Booked { place: Place, condition: usize, delta: i64 },
    /// It was counted.
    Counted { place: Place, condition: usize, counted: u64 },
    /// A partition of inventory has applied a message.
    Heard(Message),
    /// The positions of a partition as they are now.
    Stock(Vec<SeenPlace>),
}
