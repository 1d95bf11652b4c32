//! What machines say to each other. Every message goes one way, is numbered densely per (sender partition, receiver
//! partition) and is applied exactly once, in order; a reply is simply a message back. The bytes are stored in
//! outboxes and journals: fields are only ever added at the end, as options.

mod plan;
mod stock;
mod work;

pub use plan::{
    AskedFor, Assignment, CostTerm, Delivery, Destination, Plan, PlanLine, PlanRequest, PlanStamp, Unplanned,
    UnplannedReason,
};
pub use stock::{
    Claim, Fate, Grant, HoldAnswer, LandedGoods, Landing, Part, ReserveMode, ReserveOutcome, ReserveRequest,
    Shortage, TakeOver,
};
pub use work::{
    LineUnits, Parcel, PromiseWindow, RecallManner, Step, StepLine, Substituted, Undelivered, Work,
    WorkDestination, WorkLine, WorkRefusal,
};

use crate::network::NodeFacts;
use crate::policy::OrderPolicy;
use crate::{
    FulfillmentOrderId, NodeId, OrderId, OwnerId, PartitionId, Quantity, Reason, ReservationId, Sku, Text,
    Timestamp,
};
use minicbor::{Decode, Encode};

/// One message from a partition to another. The comment on each group says who sends and who receives.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Message {
    // Orders to inventory.
    /// Decide a reservation; sent to its home partition. Answered by [`Message::Reserved`].
    #[n(0)]
    Reserve(#[n(0)] ReserveRequest),
    /// Give claimed units back; sent to each SKU's partition. An unknown reservation leaves a tombstone.
    #[n(1)]
    Release(#[n(0)] ReservationId, #[n(1)] Vec<Claim>),
    /// The order takes over a stock hold without a gap; sent to the hold's home. Answered by [`Message::HoldAnswered`].
    #[n(2)]
    AdoptHold(#[n(0)] ReservationId, #[n(1)] OrderId),
    /// Backordered demand: tell the order when stock of the SKU arrives. Sent to the SKU's partition; replaces an
    /// earlier wait of the same order for the same SKU.
    #[n(3)]
    AwaitStock {
        /// Who waits.
        #[n(0)]
        order: OrderId,
        /// For what.
        #[n(1)]
        sku: Sku,
        /// Whose stock.
        #[n(2)]
        owner: OwnerId,
        /// How many units.
        #[n(3)]
        quantity: Quantity,
        /// Higher is served first; then the older wait.
        #[n(4)]
        priority: u8,
        /// When the demand arose.
        #[n(5)]
        since: Timestamp,
    },
    /// The order no longer waits for the SKU.
    #[n(4)]
    ForgetStock(#[n(0)] OrderId, #[n(1)] Sku, #[n(2)] OwnerId),
    /// Goods of the order came back and lie at a node now. Sent to each SKU's partition; a movement of kind return each.
    /// The text is the return's id.
    #[n(5)]
    GoodsReturned(#[n(0)] OrderId, #[n(1)] Text, #[n(2)] Vec<LandedGoods>),

    // Inventory to orders.
    /// What became of a [`Message::Reserve`].
    #[n(10)]
    Reserved(#[n(0)] ReservationId, #[n(1)] ReserveOutcome),
    /// What became of a [`Message::AdoptHold`].
    #[n(11)]
    HoldAnswered(#[n(0)] ReservationId, #[n(1)] OrderId, #[n(2)] HoldAnswer),
    /// Stock of a SKU that the order waits for has arrived: plan again. The node is named where on-hand stock rose there
    /// (a receipt, a return, a count, an adjustment), and not where only a claim was given back: a node that said no is
    /// asked again only when its stock has changed.
    #[n(12)]
    StockArrived(#[n(0)] OrderId, #[n(1)] Sku, #[n(2)] OwnerId, #[n(3)] Option<NodeId>),

    // Inventory to inventory: one reservation over several partitions.
    /// Take your part of an undecided reservation and hand on to the next partition.
    #[n(20)]
    ReservePart(#[n(0)] Part),
    /// To home: the last part accepted (the decision), or some part refused.
    #[n(21)]
    PartsDecided(#[n(0)] ReservationId, #[n(1)] ReserveOutcome),
    /// From home to each other part: what the whole came to.
    #[n(22)]
    Settle(#[n(0)] ReservationId, #[n(1)] Fate),
    /// From home to the last part after a time-out: answer with your decision or leave a tombstone.
    #[n(23)]
    Abandon(#[n(0)] ReservationId),
    /// From a part that has heard nothing: what became of it?
    #[n(24)]
    AskHome(#[n(0)] ReservationId, #[n(1)] PartitionId),

    // Orders to fulfilment.
    /// Plan this work at its node: capacity is taken. Answered by [`Message::WorkPlanned`] or [`Message::WorkRefused`].
    #[n(30)]
    AssignWork(#[n(0)] Box<Work>),
    /// Release planned work: the node receives its pick instruction.
    #[n(31)]
    ReleaseWork(#[n(0)] FulfillmentOrderId),
    /// Stop units of this work. Answered by [`Message::WorkCancelled`]; unknown or refused work is answered stopped.
    #[n(32)]
    CancelWork {
        /// Which work.
        #[n(0)]
        id: FulfillmentOrderId,
        /// Which units of it.
        #[n(1)]
        units: Vec<LineUnits>,
        /// The order's own number of this recall; the answers carry it.
        #[n(2)]
        recall: u32,
        /// What becomes of units that are in hand.
        #[n(3)]
        manner: RecallManner,
        /// Why, for the node's instruction; may be empty.
        #[n(4)]
        reason: Reason,
    },

    // Fulfilment to orders.
    /// The node's partition has the work and has taken the capacity.
    #[n(40)]
    WorkPlanned(#[n(0)] FulfillmentOrderId),
    /// The node cannot take it.
    #[n(41)]
    WorkRefused(#[n(0)] FulfillmentOrderId, #[n(1)] WorkRefusal),
    /// Something happened at the node.
    #[n(42)]
    WorkProgress(#[n(0)] FulfillmentOrderId, #[n(1)] Step),
    /// The outcome of a [`Message::CancelWork`], per line: how many units stopped, how many were too late. Each unit is
    /// reported once: units that were shorted, rejected or cancelled before were told then and are in neither. Of work
    /// that is unknown (it was refused, or never came) everything asked has stopped.
    #[n(43)]
    WorkCancelled {
        /// Which work.
        #[n(0)]
        id: FulfillmentOrderId,
        /// Units that will not be picked, or that the node has put back.
        #[n(1)]
        stopped: Vec<LineUnits>,
        /// Units that had already been picked or shipped.
        #[n(2)]
        too_late: Vec<LineUnits>,
        /// Of which recall.
        #[n(3)]
        recall: u32,
        /// Units in hand that the node was asked to put back ([`RecallManner::Ask`]); one further answer to the same
        /// recall says what became of them. Empty in that one.
        #[n(4)]
        asked: Vec<LineUnits>,
    },

    // Fulfilment to inventory, sent to each SKU's partition.
    /// The claimed units left the node: on_hand and reserved drop together.
    #[n(50)]
    Consume(#[n(0)] ReservationId, #[n(1)] Vec<Claim>),
    /// The claimed units were not found: the claim is given up and the position is corrected at once.
    #[n(51)]
    NotFound(#[n(0)] ReservationId, #[n(1)] Vec<Claim>),
    /// A node has these units in hand in place of others (a substitute): they are claimed whatever others claim; what
    /// was not free is flagged over-committed.
    #[n(52)]
    Seize(#[n(0)] ReservationId, #[n(1)] Vec<Claim>),
    /// Goods that left came back to the node undelivered and lie there now; a movement of kind return each.
    #[n(53)]
    GoodsLanded(#[n(0)] FulfillmentOrderId, #[n(1)] Vec<LandedGoods>),

    /// A node that did not take work, or not all, may take some again: it opened, can do more, or has capacity back. Sent to
    /// every partition, since what lies at the node may be any of theirs.
    #[n(54)]
    NodeOpened(#[n(0)] NodeId),

    // Orders to orders: from partition 0 to each other.
    /// The order policy as it is now, with its version.
    #[n(55)]
    OrderPolicyChanged(#[n(0)] u64, #[n(1)] Box<OrderPolicy>),

    // Fulfilment to fulfilment: from the network's partition to the node's.
    /// What the node's partition must know of it, as it is now.
    #[n(60)]
    NodeChanged(#[n(0)] NodeFacts),
}
