//! How far each line of a node's work has come, and what of it is other goods than the line's own. It does not know where
//! the work as a whole is.

use minicbor::{Decode, Encode};
use waybill_types::{Quantity, Sku, Text};

/// How far one line of the work has come. Every unit asked is in at most one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct LineProgress {
    /// In hand, or gone with a parcel.
    #[n(0)]
    pub picked: Quantity,
    /// Not found.
    #[n(1)]
    pub shorted: Quantity,
    /// Called off: before it was picked, or put back on the shelf.
    #[n(2)]
    pub cancelled: Quantity,
    /// Left the node. Less than what is picked only while part of a pickup still waits at the counter.
    #[n(3)]
    pub shipped: Quantity,
    /// Lots of the picked units.
    #[n(4)]
    pub lots: Vec<Text>,
    /// Serial numbers of the picked units.
    #[n(5)]
    pub serials: Vec<Text>,
    /// Of the picked units, those of other goods than the line's own. They leave last and go back first.
    #[n(6)]
    pub substitutes: Vec<Substitute>,
    /// Came back undelivered.
    #[n(7)]
    pub returned: Quantity,
}

/// Units picked in place of a line's own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Substitute {
    /// What was picked.
    #[n(0)]
    pub sku: Sku,
    /// How many units, more than zero.
    #[n(1)]
    pub quantity: Quantity,
}

impl LineProgress {
    /// Units in hand at the node.
    #[must_use]
    pub fn in_hand(&self) -> Quantity {
        self.picked.saturating_sub(self.shipped)
    }
    /// The goods of the picked units from number `from` (from 0, in the order in which they leave) on, `count` of them.
    pub(crate) fn goods(&self, own: &Sku, from: Quantity, count: Quantity) -> Vec<(Sku, Quantity)> {
        let of_others: Quantity = self.substitutes.iter().map(|some| some.quantity).sum();
        let runs = std::iter::once((own, self.picked.saturating_sub(of_others)))
            .chain(self.substitutes.iter().map(|some| (&some.sku, some.quantity)));
        let (mut skip, mut remaining) = (from, count);
        let mut found = Vec::new();
        for (sku, run) in runs {
            let skipped = skip.min(run);
            skip = skip.saturating_sub(skipped);
            let taken = run.saturating_sub(skipped).min(remaining);
            remaining = remaining.saturating_sub(taken);
            if !taken.is_zero() {
                found.push((sku.clone(), taken));
            }
        }
        found
    }
    /// Units in hand go back on the shelf.
    pub(crate) fn put_back(&mut self, quantity: Quantity) {
        let mut remaining = quantity;
        for some in self.substitutes.iter_mut().rev() {
            let taken = some.quantity.min(remaining);
            some.quantity = some.quantity.saturating_sub(taken);
            remaining = remaining.saturating_sub(taken);
        }
        self.substitutes.retain(|some| !some.quantity.is_zero());
        self.picked = self.picked.saturating_sub(quantity);
        self.cancelled = self.cancelled.plus(quantity);
    }

    /// Of `asked` units, those that are still this node's work (or were, when they left it).
    #[must_use]
    pub fn live(&self, asked: Quantity) -> Quantity {
        asked.saturating_sub(self.shorted).saturating_sub(self.cancelled)
    }
}
