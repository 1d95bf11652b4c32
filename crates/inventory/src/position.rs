//! The stock of one SKU of one owner at one node, and its arithmetic. It knows no reservations, only how much is claimed.

use minicbor::{Decode, Encode};
use waybill_types::{NodeId, OwnerId, Quantity, Sku, Text, Timestamp};

/// Where stock lies: one SKU of one owner at one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Spot {
    /// What.
    #[n(0)]
    pub sku: Sku,
    /// Whose.
    #[n(1)]
    pub owner: OwnerId,
    /// Where.
    #[n(2)]
    pub node: NodeId,
}

/// What state stock is in. Only sellable stock can be reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Condition {
    /// May be sold.
    #[n(0)]
    Sellable,
    /// Waits for a look.
    #[n(1)]
    Inspect,
    /// May not be sold.
    #[n(2)]
    Damaged,
}

impl Condition {
    /// All conditions.
    pub const ALL: [Self; 3] = [Self::Sellable, Self::Inspect, Self::Damaged];
}

/// Why on-hand stock changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum MovementKind {
    /// Goods came in.
    #[n(0)]
    Receipt,
    /// Goods left for a customer.
    #[n(1)]
    Shipment,
    /// Somebody corrected it, with a reason.
    #[n(2)]
    Adjustment,
    /// It was counted.
    #[n(3)]
    Count,
    /// Goods came back from a customer.
    #[n(4)]
    Return,
    /// Goods moved between nodes.
    #[n(5)]
    Transfer,
    /// Goods were looked at and are in another condition from then on.
    #[n(6)]
    Disposition,
}

/// The running sum of one kind of movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct MovementSum {
    /// Why.
    #[n(0)]
    pub kind: MovementKind,
    /// Of which stock.
    #[n(1)]
    pub condition: Condition,
    /// How much so far.
    #[n(2)]
    pub sum: i64,
}

/// The last count of a source that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SourceMark {
    /// Who counted.
    #[n(0)]
    pub source: Text,
    /// Which stock.
    #[n(1)]
    pub condition: Condition,
    /// The source's own number of that count.
    #[n(2)]
    pub sequence: u64,
}

/// One position.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Position {
    /// Where.
    #[n(0)]
    pub node: NodeId,
    /// Raised by each change, from 1.
    #[n(1)]
    pub revision: u64,
    /// When it last changed.
    #[n(2)]
    pub changed_at: Timestamp,
    /// On hand and sellable.
    #[n(3)]
    pub sellable: Quantity,
    /// On hand and waiting for a look.
    #[n(4)]
    pub inspect: Quantity,
    /// On hand and damaged.
    #[n(5)]
    pub damaged: Quantity,
    /// Claimed: committed, held and undecided together.
    #[n(6)]
    pub reserved: Quantity,
    /// Of `reserved`, what belongs to reservations that are not decided yet.
    #[n(7)]
    pub undecided: Quantity,
    /// Kept back from promises.
    #[n(8)]
    pub safety_stock: Quantity,
    /// Claimed beyond what is sellable, flagged by the movement that took the stock away, or by the seizure of goods that
    /// a node had in hand already. No other claim raises it, so `reserved <= sellable + over_committed` fails if anything
    /// is ever oversold.
    #[n(9)]
    pub over_committed: Quantity,
    /// One sum per kind and condition that ever occurred; on-hand stock is always their total.
    #[n(10)]
    pub movements: Vec<MovementSum>,
    /// One mark per source and condition that ever counted, at most [`Self::SOURCES_MAX`].
    #[n(11)]
    pub sources: Vec<SourceMark>,
    /// The journal sequence of its last change: where a mirror or stream that has seen it stands.
    #[n(12)]
    pub sequence: u64,
    /// Which of the on-hand rises of its (SKU, owner) was the last one here, counted from 1; 0 where there was none.
    #[cbor(n(13), skip_if = "none")]
    pub lifted: u64,
}

/// Counters that are 0 take no bytes.
#[must_use]
pub(crate) fn none(counter: &u64) -> bool {
    *counter == 0
}

impl Position {
    /// The most sources that may count one position; bounds the row.
    pub const SOURCES_MAX: usize = 16;

    /// Nothing was ever booked here.
    #[must_use]
    pub fn empty(node: NodeId) -> Self {
        Self {
            node,
            revision: 0,
            changed_at: Timestamp::ZERO,
            sellable: Quantity::ZERO,
            inspect: Quantity::ZERO,
            damaged: Quantity::ZERO,
            reserved: Quantity::ZERO,
            undecided: Quantity::ZERO,
            safety_stock: Quantity::ZERO,
            over_committed: Quantity::ZERO,
            movements: Vec::new(),
            sources: Vec::new(),
            sequence: 0,
            lifted: 0,
        }
    }

    /// What a new reservation could take; never below zero.
    #[must_use]
    pub fn available(&self) -> Quantity {
        self.sellable.saturating_sub(self.reserved).saturating_sub(self.safety_stock)
    }

    /// What could be taken if no undecided claim stood in the way.
    #[must_use]
    pub fn available_if_undecided_left(&self) -> Quantity {
        let decided = self.reserved.saturating_sub(self.undecided);
        self.sellable.saturating_sub(decided).saturating_sub(self.safety_stock)
    }

    /// On-hand stock in a condition.
    #[must_use]
    pub fn on_hand(&self, condition: Condition) -> Quantity {
        match condition {
            Condition::Sellable => self.sellable,
            Condition::Inspect => self.inspect,
            Condition::Damaged => self.damaged,
        }
    }

    /// The sequence of the last count of `source` that was taken.
    #[must_use]
    pub fn mark(&self, source: &Text, condition: Condition) -> Option<u64> {
        let mark = self.sources.iter().find(|mark| mark.condition == condition && mark.source == *source);
        mark.map(|mark| mark.sequence)
    }

    /// The sum of all movements of a condition.
    #[must_use]
    pub fn moved(&self, condition: Condition) -> i64 {
        self.movements.iter().filter(|m| m.condition == condition).map(|m| m.sum).sum()
    }

    /// Claimed units that no sellable unit backs.
    #[must_use]
    pub fn excess(&self) -> Quantity {
        self.reserved.saturating_sub(self.sellable)
    }

    /// Books one movement of on-hand stock and flags what is claimed beyond what is left: the movement is what
    /// happened, so it excuses the claims.
    pub(crate) fn book(&mut self, kind: MovementKind, condition: Condition, delta: i64) {
        self.shift(kind, condition, delta);
        self.over_committed = self.excess();
    }

    /// Moves goods from one condition to another.
    pub(crate) fn dispose(&mut self, from: Condition, to: Condition, quantity: Quantity) {
        self.shift(MovementKind::Disposition, from, -quantity.as_i64());
        self.book(MovementKind::Disposition, to, quantity.as_i64());
    }

    /// Books goods that left on their claims: on-hand stock and claims drop together.
    pub(crate) fn ship(&mut self, quantity: Quantity, of_claim: Quantity, undecided: bool) {
        self.shift(MovementKind::Shipment, Condition::Sellable, -quantity.as_i64());
        self.unclaim(of_claim, undecided);
        if quantity > of_claim {
            self.over_committed = self.excess();
        }
    }

    fn shift(&mut self, kind: MovementKind, condition: Condition, delta: i64) {
        let now = self.on_hand(condition).as_i64() + delta;
        let Ok(now) = Quantity::new(now) else {
            panic!("movement of {delta} at {} would leave {now} {condition:?}", self.node);
        };
        match condition {
            Condition::Sellable => self.sellable = now,
            Condition::Inspect => self.inspect = now,
            Condition::Damaged => self.damaged = now,
        }
        let known = self.movements.iter_mut().find(|m| m.kind == kind && m.condition == condition);
        match known {
            Some(movement) => movement.sum += delta,
            None => self.movements.push(MovementSum { kind, condition, sum: delta }),
        }
    }

    /// Remembers how far a source has counted.
    pub(crate) fn set_mark(&mut self, source: &Text, condition: Condition, sequence: u64) {
        let known = self.sources.iter_mut().find(|m| m.condition == condition && m.source == *source);
        match known {
            Some(mark) => mark.sequence = sequence,
            None => self.sources.push(SourceMark { source: source.clone(), condition, sequence }),
        }
    }

    /// Claims units. The decision has seen that they are available.
    pub(crate) fn claim(&mut self, quantity: Quantity, undecided: bool) {
        self.reserved = self.reserved.plus(quantity);
        if undecided {
            self.undecided = self.undecided.plus(quantity);
        }
    }

    /// Claims units that a node has in hand, whether or not they were free: others may stand without units from then on.
    pub(crate) fn seize(&mut self, quantity: Quantity, undecided: bool) {
        self.claim(quantity, undecided);
        self.over_committed = self.excess();
    }

    /// Claimed units change hands between two reservations; `kept` of them stay claimed, the rest is free.
    pub(crate) fn hand_on(
        &mut self,
        units: Quantity,
        giver_undecided: bool,
        kept: Quantity,
        taker_undecided: bool,
    ) {
        if giver_undecided {
            self.decide_claim(units);
        }
        if taker_undecided {
            self.undecided = self.undecided.plus(kept);
        }
        self.unclaim(units.saturating_sub(kept), false);
    }

    /// Gives claimed units up.
    pub(crate) fn unclaim(&mut self, quantity: Quantity, undecided: bool) {
        let Some(reserved) = self.reserved.checked_sub(quantity) else {
            panic!("{quantity} of {} reserved units at {} were given up", self.reserved, self.node);
        };
        self.reserved = reserved;
        if undecided {
            self.decide_claim(quantity);
        }
        self.over_committed = self.over_committed.min(self.excess());
    }

    /// Undecided units became decided ones.
    pub(crate) fn decide_claim(&mut self, quantity: Quantity) {
        let Some(undecided) = self.undecided.checked_sub(quantity) else {
            panic!("{quantity} of {} undecided units at {} were decided", self.undecided, self.node);
        };
        self.undecided = undecided;
    }
}
