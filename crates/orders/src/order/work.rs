//! The work of nodes as orders knows it. Only the node's partition decides what happens to it.

use minicbor::{Decode, Encode};
use waybill_types::exchange::{LineUnits, PromiseWindow, Substituted, WorkRefusal};
use waybill_types::{
    FulfillmentOrderId, LineNo, NodeId, Quantity, ReservationId, ServiceId, Sku, Text, Timestamp,
};

/// The work of one node for the order, as orders knows it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WorkRef {
    /// Its id.
    #[n(0)]
    pub id: FulfillmentOrderId,
    /// Where.
    #[n(1)]
    pub node: NodeId,
    /// The attempt it came from.
    #[n(2)]
    pub attempt: u32,
    /// What its units stand on.
    #[n(3)]
    pub reservation: ReservationId,
    /// The carrier service; `None` for pickup.
    #[n(4)]
    pub service: Option<ServiceId>,
    /// The node must hand over (or have ready) by then.
    #[n(5)]
    pub ship_by: Timestamp,
    /// What the customer was told.
    #[n(6)]
    pub promise: PromiseWindow,
    /// How far it is.
    #[n(7)]
    pub state: WorkState,
    /// Its units by line.
    #[n(8)]
    pub lines: Vec<WorkUnits>,
    /// When units of it last reached the customer.
    #[n(9)]
    pub delivered_at: Option<Timestamp>,
    /// How often nodes sent these units back before.
    #[n(10)]
    pub bounces: u8,
    /// The carrier; empty before shipping.
    #[n(12)]
    pub carrier: Text,
    /// The carrier's numbers; empty before shipping.
    #[n(13)]
    pub tracking: Vec<Text>,
    /// Units in hand that were picked under another SKU than their line's. Of a line's units these leave last and go back
    /// first.
    #[n(14)]
    pub substituted: Vec<Substituted>,
    /// Those of them that have left.
    #[n(15)]
    pub sent_instead: Vec<Substituted>,
}

/// How far a node's work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum WorkState {
    /// Handed to the node's partition, not answered yet.
    #[n(0)]
    Assigned,
    /// The node's partition has it and has taken the capacity.
    #[n(1)]
    Planned,
    /// The node was told.
    #[n(2)]
    Released,
    /// The node will do it.
    #[n(3)]
    Accepted,
    /// Being picked.
    #[n(4)]
    Picking,
    /// Picked.
    #[n(5)]
    Picked,
    /// Packed.
    #[n(6)]
    Packed,
    /// With the carrier.
    #[n(7)]
    Shipped,
    /// With the customer.
    #[n(8)]
    Delivered,
    /// At the counter.
    #[n(9)]
    ReadyForPickup,
    /// Fetched.
    #[n(10)]
    HandedOver,
    /// Called off.
    #[n(11)]
    Cancelled,
    /// The node's partition could not take it.
    #[n(12)]
    Refused(#[n(0)] WorkRefusal),
    /// The node said no.
    #[n(13)]
    Rejected,
    /// Nothing was found.
    #[n(14)]
    Shorted,
    /// Left the node; none of it reached the customer or ever will.
    #[n(15)]
    Undelivered,
    /// The customer did not fetch any of it.
    #[n(16)]
    NotCollected,
}

/// Units of one line in a node's work. Units that were cancelled, shorted, refused or rejected are gone from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WorkUnits {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// Planned or released, not picked.
    #[n(1)]
    pub to_pick: Quantity,
    /// In hand.
    #[n(2)]
    pub picked: Quantity,
    /// Left the node.
    #[n(3)]
    pub shipped: Quantity,
    /// With the customer.
    #[n(4)]
    pub delivered: Quantity,
    /// Refused by the recipient, on the way back.
    #[n(5)]
    pub refused: Quantity,
}

impl WorkUnits {
    /// Units the node has: to pick, or picked.
    #[must_use]
    pub fn at_node(&self) -> Quantity {
        self.to_pick.plus(self.picked)
    }
    /// Units that are or were this work.
    #[must_use]
    pub fn all(&self) -> Quantity {
        self.at_node().plus(self.shipped).plus(self.delivered).plus(self.refused)
    }
}

impl WorkRef {
    /// Units of all lines that the node has.
    #[must_use]
    pub fn at_node(&self) -> Quantity {
        self.lines.iter().map(WorkUnits::at_node).sum()
    }
    /// True while it may still be cancelled without asking the node.
    #[must_use]
    pub const fn is_unreleased(&self) -> bool {
        matches!(self.state, WorkState::Assigned | WorkState::Planned)
    }
    /// Units of all lines that are in hand.
    #[must_use]
    pub fn in_hand(&self) -> Quantity {
        self.lines.iter().map(|units| units.picked).sum()
    }
    /// Units of all lines that are to be picked.
    #[must_use]
    pub fn to_pick_in_all(&self) -> Quantity {
        self.lines.iter().map(|units| units.to_pick).sum()
    }
    /// Substitutes of a line that are in hand, in the order in which they leave; own units leave before them.
    #[must_use]
    pub fn substitutes_in_hand(&self, line: LineNo) -> Vec<(&Sku, Quantity)> {
        let mut remaining: Quantity =
            self.lines.iter().filter(|units| units.line == line).map(|units| units.picked).sum();
        let mut found = Vec::new();
        for some in self.substituted.iter().rev().filter(|some| some.units.line == line) {
            let quantity = some.units.quantity.min(remaining);
            remaining = remaining.saturating_sub(quantity);
            if !quantity.is_zero() {
                found.push((&some.sku, quantity));
            }
        }
        found.reverse();
        found
    }
    /// Of `quantity` units of a line that stop, those to pick and those in hand: what the node itself put back was in hand,
    /// everything else is taken from the shelf first.
    pub(crate) fn shelf_and_hand(
        &self,
        line: LineNo,
        quantity: Quantity,
        from_hand: bool,
    ) -> (Quantity, Quantity) {
        if !from_hand {
            let unpicked = quantity.min(self.to_pick(line));
            return (unpicked, quantity.saturating_sub(unpicked));
        }
        let of_line = self.lines.iter().filter(|units| units.line == line);
        let in_hand = of_line.map(|units| units.picked).sum::<Quantity>().min(quantity);
        (quantity.saturating_sub(in_hand), in_hand)
    }
    /// Units of a line that are in hand leave: the line's own before those picked in place of them.
    pub(crate) fn leave_hand(&mut self, line: LineNo, quantity: Quantity) {
        let in_hand = self.picked(line);
        let instead = self.substituted.iter().filter(|some| some.units.line == line);
        let own = in_hand.saturating_sub(instead.map(|some| some.units.quantity).sum());
        let mut remaining = quantity.saturating_sub(own);
        for some in self.substituted.iter_mut().filter(|some| some.units.line == line) {
            let taken = some.units.quantity.min(remaining);
            some.units.quantity = some.units.quantity.saturating_sub(taken);
            remaining = remaining.saturating_sub(taken);
            if !taken.is_zero() {
                let units = LineUnits { line, quantity: taken };
                self.sent_instead.push(Substituted { units, sku: some.sku.clone() });
            }
        }
        self.substituted.retain(|some| !some.units.quantity.is_zero());
    }
    /// Units of a line go back on the shelf: substitutes before the line's own.
    pub(crate) fn put_back(&mut self, line: LineNo, quantity: Quantity) {
        let mut remaining = quantity;
        for some in self.substituted.iter_mut().rev().filter(|some| some.units.line == line) {
            let taken = some.units.quantity.min(remaining);
            some.units.quantity = some.units.quantity.saturating_sub(taken);
            remaining = remaining.saturating_sub(taken);
        }
        self.substituted.retain(|some| !some.units.quantity.is_zero());
    }
    /// The units in hand of a line.
    #[must_use]
    pub fn picked(&self, line: LineNo) -> Quantity {
        self.lines.iter().filter(|units| units.line == line).map(|units| units.picked).sum()
    }
    /// The units to pick of a line.
    #[must_use]
    pub fn to_pick(&self, line: LineNo) -> Quantity {
        self.lines.iter().filter(|units| units.line == line).map(|units| units.to_pick).sum()
    }
}
