//! What lies where, from what people booked and what nodes did; and that no more is promised than there is.

use crate::model::facts::{Place, SeenPlace};
use std::collections::{BTreeMap, BTreeSet};
use waybill_types::NodeId;
use waybill_types::exchange::{Claim, LandedGoods, Landing, Message};

/// All positions.
#[derive(Default)]
pub(super) struct StockModel {
    /// Sellable, to inspect, damaged.
    on_hand: BTreeMap<Place, [u64; 3]>,
    /// Units claimed beyond what is sellable, when it was last looked.
    excess: BTreeMap<Place, u64>,
    reserved: BTreeMap<Place, u64>,
    /// Places where stock went down or goods in hand were claimed since it was last looked.
    lowered: BTreeSet<Place>,
    /// Units that left with somebody's hands, and units that the books were told of.
    left: BTreeMap<Place, (u64, u64)>,
    /// Units that came back to a node undelivered, and those that the books were told of.
    landed: BTreeMap<NodeId, (u64, u64)>,
}

fn place(claim: &Claim) -> Place {
    (claim.sku.clone(), claim.node.clone())
}

const fn condition(landing: Landing) -> Option<usize> {
    match landing {
        Landing::Sellable => Some(0),
        Landing::Inspect => Some(1),
        Landing::Damaged => Some(2),
        Landing::Scrapped => None,
    }
}

impl StockModel {
    pub(super) fn left(&mut self, place: Place, units: u64) {
        self.left.entry(place).or_default().0 += units;
    }

    /// What is thrown away is no stock.
    pub(super) fn came_back(&mut self, node: NodeId, landing: Landing, units: u64) {
        let kept = if condition(landing).is_some() { units } else { 0 };
        self.landed.entry(node).or_default().0 += kept;
    }

    /// An acknowledged booking.
    pub(super) fn booked(&mut self, place: Place, condition: usize, delta: i64) -> Result<(), String> {
        let there = &mut self.on_hand.entry(place.clone()).or_default()[condition];
        let Some(after) = there.checked_add_signed(delta) else {
            return Err(format!("STOCK: a booking of {delta} at {place:?} was taken, {there} are there"));
        };
        *there = after;
        if delta < 0 && condition == 0 {
            self.lowered.insert(place);
        }
        Ok(())
    }

    pub(super) fn counted(&mut self, place: Place, condition: usize, counted: u64) {
        self.on_hand.entry(place.clone()).or_default()[condition] = counted;
        self.lowered.insert(place);
    }

    /// What the books were told by other partitions. What left is gone, whether or not the books knew of it.
    pub(super) fn heard(&mut self, message: &Message) {
        match message {
            Message::Consume(_, claims) => {
                for claim in claims {
                    self.left.entry(place(claim)).or_default().1 += claim.quantity.units();
                    self.take(claim);
                }
            }
            Message::NotFound(_, claims) => claims.iter().for_each(|claim| self.take(claim)),
            Message::Seize(_, claims) => self.lowered.extend(claims.iter().map(place)),
            Message::GoodsReturned(_, _, goods) => self.land(goods),
            Message::GoodsLanded(_, goods) => {
                for some in goods.iter().filter(|some| condition(some.landing).is_some()) {
                    self.landed.entry(some.goods.node.clone()).or_default().1 += some.goods.quantity.units();
                }
                self.land(goods);
            }
            _ => {}
        }
    }

    fn take(&mut self, claim: &Claim) {
        let place = place(claim);
        let there = &mut self.on_hand.entry(place.clone()).or_default()[0];
        *there = there.saturating_sub(claim.quantity.units());
        self.lowered.insert(place);
    }

    fn land(&mut self, goods: &[LandedGoods]) {
        for some in goods {
            if let Some(condition) = condition(some.landing) {
                let there = self.on_hand.entry(place(&some.goods)).or_default();
                there[condition] += some.goods.quantity.units();
            }
        }
    }

    /// Positions are what was booked; claims beyond what is there never grow but where stock went down.
    pub(super) fn seen(&mut self, places: &[SeenPlace]) -> Result<(), String> {
        for seen in places {
            let place = &seen.place;
            let expected = self.on_hand.get(place).copied().unwrap_or_default();
            if seen.on_hand != expected {
                let is = seen.on_hand;
                return Err(format!(
                    "STOCK: {is:?} lie at {place:?}, what was booked and moved is {expected:?}"
                ));
            }
            let excess = seen.reserved.saturating_sub(seen.on_hand[0]);
            let before = self.excess.insert(place.clone(), excess).unwrap_or(0);
            if excess > before && !self.lowered.contains(place) {
                let (reserved, there) = (seen.reserved, seen.on_hand[0]);
                return Err(format!("STOCK: {reserved} are promised at {place:?}, {there} are there"));
            }
            self.reserved.insert(place.clone(), seen.reserved);
        }
        self.lowered.clear();
        Ok(())
    }

    /// The books know of everything that left and came back, once.
    pub(super) fn at_rest(&self) -> Result<(), String> {
        for (place, (hands, books)) in &self.left {
            if hands != books {
                return Err(format!("STOCK: {hands} units of {place:?} left, the books say {books}"));
            }
        }
        for (node, (hands, books)) in &self.landed {
            if hands != books {
                return Err(format!("STOCK: {hands} units came back to {node}, the books say {books}"));
            }
        }
        Ok(())
    }

    pub(super) fn all_done(&self) -> Result<(), String> {
        match self.reserved.iter().find(|(_, reserved)| **reserved > 0) {
            Some((place, reserved)) => {
                Err(format!("STOCK: {reserved} units of {place:?} are claimed and nobody is at work"))
            }
            None => Ok(()),
        }
    }
}
