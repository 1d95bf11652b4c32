//! What happened. Journaled for good: the meaning of a variant never changes, fields are added only at the end and
//! take no bytes when empty, and a new meaning is a new variant.

use crate::code::AliasClaim;
use crate::item::{Alias, ItemRecord};
use crate::position::{Condition, MovementKind, Spot};
use crate::reservation::Intent;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{
    Claim, Fate, HoldAnswer, ReserveMode, ReserveOutcome, ReserveRequest, TakeOver,
};
use waybill_types::{NodeId, OrderId, OwnerId, PartitionId, Quantity, ReservationId, Sku, Text, Timestamp};

/// What a partition granted of one claim.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GrantedLine {
    /// What was asked, where.
    #[n(0)]
    pub asked: Claim,
    /// What was granted, 0 to what was asked.
    #[n(1)]
    pub granted: Quantity,
}

/// Units that left the building.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ConsumedLine {
    /// What left, from where.
    #[n(0)]
    pub shipped: Claim,
    /// How many of them stood on the claim; the rest was shipped without one.
    #[n(1)]
    pub of_claim: Quantity,
}

/// Units that were not where they should be.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LostLine {
    /// What was not found, where.
    #[n(0)]
    pub missing: Claim,
    /// How many of them stood on the claim, which is given up.
    #[n(1)]
    pub of_claim: Quantity,
    /// By how much sellable stock is corrected down.
    #[n(2)]
    pub corrected: Quantity,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Event {
    /// An item is as described from now on.
    #[n(0)]
    ItemUpserted(#[n(0)] Box<ItemRecord>),
    /// A code is claimed for an item, which may lie in another partition.
    #[n(1)]
    AliasClaimed(#[n(0)] Alias, #[n(1)] AliasClaim),
    /// An item, known or not, has this revision now; nothing else of it changed.
    #[n(2)]
    ItemFenced(#[n(0)] Sku, #[n(1)] u64),

    /// On-hand stock changed by one movement.
    #[n(10)]
    StockMoved {
        /// Where.
        #[n(0)]
        spot: Spot,
        /// Which stock.
        #[n(1)]
        condition: Condition,
        /// Why.
        #[n(2)]
        kind: MovementKind,
        /// By how much.
        #[n(3)]
        delta: i64,
        /// The caller's document; may be empty.
        #[n(4)]
        reference: Text,
    },
    /// Stock was counted; a movement of kind count.
    #[n(11)]
    StockCounted {
        /// Where.
        #[n(0)]
        spot: Spot,
        /// Which stock.
        #[n(1)]
        condition: Condition,
        /// What is there.
        #[n(2)]
        counted: Quantity,
        /// How much that differs from what was known.
        #[n(3)]
        delta: i64,
        /// Who counted.
        #[n(4)]
        source: Text,
        /// The source's number of the count.
        #[n(5)]
        sequence: u64,
    },
    /// Another quantity is kept back from promises.
    #[n(12)]
    SafetyStockSet {
        /// Where.
        #[n(0)]
        spot: Spot,
        /// How much.
        #[n(1)]
        safety_stock: Quantity,
    },
    /// Goods were looked at and are in another condition from now on: two movements of kind disposition, one out of the
    /// old condition and one into the new.
    #[n(13)]
    StockDisposed {
        /// Where.
        #[n(0)]
        spot: Spot,
        /// What they were.
        #[n(1)]
        from: Condition,
        /// What they are.
        #[n(2)]
        to: Condition,
        /// How many.
        #[n(3)]
        quantity: Quantity,
        /// The caller's document; may be empty.
        #[n(4)]
        reference: Text,
    },

    /// A reservation that lies here alone was granted.
    #[n(20)]
    ReservationGranted {
        /// Its name.
        #[n(0)]
        id: ReservationId,
        /// The order it is for.
        #[n(1)]
        order: Option<OrderId>,
        /// How it was asked.
        #[n(2)]
        mode: ReserveMode,
        /// When it lapses; `None` is committed.
        #[n(3)]
        expires_at: Option<Timestamp>,
        /// What was granted.
        #[n(4)]
        lines: Vec<GrantedLine>,
        /// Of what was granted, units that stood in the name of other reservations until now.
        #[cbor(n(5), skip_if = "Vec::is_empty")]
        taken: Vec<TakeOver>,
    },
    /// This partition took its part of a reservation over several; handed on, or decided when it is the last.
    #[n(21)]
    PartTaken {
        /// The whole as asked.
        #[n(0)]
        request: ReserveRequest,
        /// The order it is for; known at home only.
        #[n(1)]
        order: Option<OrderId>,
        /// What earlier partitions granted.
        #[n(2)]
        before: Vec<Claim>,
        /// What this one granted.
        #[n(3)]
        lines: Vec<GrantedLine>,
        /// When patience ends: home's with the parts, a part's with home.
        #[n(4)]
        due: Timestamp,
        /// Of what this one granted, units that stay in the name of other reservations until it is decided.
        #[cbor(n(5), skip_if = "Vec::is_empty")]
        taking: Vec<TakeOver>,
    },
    /// This partition refused a reservation, or its part of one; nothing of it is kept here.
    #[n(22)]
    ReservationRefused {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// Why.
        #[n(1)]
        outcome: ReserveOutcome,
    },
    /// Home learned what the parts came to.
    #[n(23)]
    ReservationDecided {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// The outcome.
        #[n(1)]
        outcome: ReserveOutcome,
    },
    /// A part learned from home what the whole came to.
    #[n(24)]
    PartSettled {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// What it came to.
        #[n(1)]
        fate: Fate,
    },
    /// A hold became an order's.
    #[n(25)]
    ReservationCommitted {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// Whose it is now.
        #[n(1)]
        order: OrderId,
    },
    /// Home gave all of a hold back.
    #[n(26)]
    ReservationReleased {
        /// Which.
        #[n(0)]
        id: ReservationId,
    },
    /// A hold lapsed.
    #[n(27)]
    ReservationExpired {
        /// Which.
        #[n(0)]
        id: ReservationId,
    },
    /// The claimant of an undecided reservation wants this done when it is decided.
    #[n(28)]
    IntentKept {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// What is wanted.
        #[n(1)]
        intent: Intent,
    },
    /// Units were given back.
    #[n(29)]
    UnitsReleased {
        /// Of which reservation.
        #[n(0)]
        id: ReservationId,
        /// Which units.
        #[n(1)]
        claims: Vec<Claim>,
    },
    /// Units left the building; a movement of kind shipment per line.
    #[n(30)]
    UnitsConsumed {
        /// Of which reservation.
        #[n(0)]
        id: ReservationId,
        /// Which units.
        #[n(1)]
        lines: Vec<ConsumedLine>,
    },
    /// Units were not found; a movement of kind adjustment per line.
    #[n(31)]
    UnitsNotFound {
        /// Of which reservation.
        #[n(0)]
        id: ReservationId,
        /// Which units.
        #[n(1)]
        lines: Vec<LostLine>,
    },

    /// A reservation took units of another one over before it was settled itself: the other one would have lost them
    /// otherwise, or they left in the new one's name already.
    #[n(32)]
    UnitsTakenOver {
        /// Whose they were.
        #[n(0)]
        from: ReservationId,
        /// Whose they are.
        #[n(1)]
        to: ReservationId,
        /// Which units.
        #[n(2)]
        claims: Vec<Claim>,
    },
    /// A node has units in hand in place of others: claimed whatever others claim.
    #[n(33)]
    UnitsSeized {
        /// By which reservation.
        #[n(0)]
        id: ReservationId,
        /// Which units.
        #[n(1)]
        claims: Vec<Claim>,
    },

    /// An id that is not known here must not come to life any more.
    #[n(40)]
    TombstoneLeft {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// How long that is remembered.
        #[n(1)]
        until: Timestamp,
    },
    /// The tombstone is old enough.
    #[n(41)]
    TombstoneForgotten {
        /// Which.
        #[n(0)]
        id: ReservationId,
    },
    /// Home lost patience and asked the last part to end it.
    #[n(42)]
    AbandonSent {
        /// Which.
        #[n(0)]
        id: ReservationId,
    },
    /// A part lost patience and asked home.
    #[n(43)]
    HomeAsked {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// When it asks again.
        #[n(1)]
        again_at: Timestamp,
    },
    /// An outcome was said again: to the claimant by home, to home by the last part.
    #[n(44)]
    OutcomeRepeated {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// The outcome.
        #[n(1)]
        outcome: ReserveOutcome,
    },
    /// Home told one part what became of the whole.
    #[n(45)]
    PartAnswered {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// The part that asked.
        #[n(1)]
        part: PartitionId,
        /// What it came to.
        #[n(2)]
        fate: Fate,
    },
    /// An order was told about the hold it wants.
    #[n(46)]
    HoldAnswered {
        /// Which.
        #[n(0)]
        id: ReservationId,
        /// Who asked.
        #[n(1)]
        order: OrderId,
        /// What it was told.
        #[n(2)]
        answer: HoldAnswer,
    },

    /// An order waits for stock; replaces its earlier wait.
    #[n(50)]
    StockAwaited {
        /// Who.
        #[n(0)]
        order: OrderId,
        /// For what.
        #[n(1)]
        sku: Sku,
        /// Whose.
        #[n(2)]
        owner: OwnerId,
        /// How many units.
        #[n(3)]
        quantity: Quantity,
        /// Higher is served first.
        #[n(4)]
        priority: u8,
        /// When the demand arose.
        #[n(5)]
        since: Timestamp,
    },
    /// An order no longer waits.
    #[n(51)]
    StockForgotten {
        /// Who.
        #[n(0)]
        order: OrderId,
        /// For what.
        #[n(1)]
        sku: Sku,
        /// Whose.
        #[n(2)]
        owner: OwnerId,
    },
    /// Stock rose, and these orders, first in the queue, were told; possibly none.
    #[n(52)]
    WaitersTold {
        /// Of what.
        #[n(0)]
        sku: Sku,
        /// Whose.
        #[n(1)]
        owner: OwnerId,
        /// Who was told.
        #[n(2)]
        orders: Vec<OrderId>,
        /// For each of them, the nodes where on-hand stock rose since it was last told or began to wait, oldest rise first;
        /// without any where only claims were given back, and empty altogether when that is so for all.
        #[cbor(n(3), skip_if = "Vec::is_empty")]
        nodes: Vec<Vec<NodeId>>,
        /// They had their turn: what they leave is offered to those after the last of them. Otherwise somebody was told
        /// out of turn, who may have looked too early.
        #[cbor(n(4), skip_if = "crate::event::no")]
        in_turn: bool,
    },
    /// A node may take work again that it did not take before: what lies there counts as risen.
    #[n(53)]
    NodeOpened {
        /// Which.
        #[n(0)]
        node: NodeId,
        /// Goods that lie there and that orders wait for.
        #[n(1)]
        goods: Vec<(Sku, OwnerId)>,
        /// All goods that are waited for were looked for through these; `None` when it was through all.
        #[n(2)]
        through: Option<(Sku, OwnerId)>,
    },
}

/// What is not so takes no bytes.
fn no(said: &bool) -> bool {
    !said
}
