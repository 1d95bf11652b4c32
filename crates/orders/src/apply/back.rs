//! The messages that follow from goods that came back: inventory is told where they lie and in which condition.

use super::Follow;
use crate::event::ReturnReceived;
use crate::fold::ordered;
use crate::note::Note;
use std::collections::BTreeMap;
use waybill_machine::Outbox;
use waybill_types::exchange::{Claim, LandedGoods, Message};
use waybill_types::{PartitionId, Quantity, ReturnId, Text};

impl Follow<'_> {
    /// Each SKU's partition is told once of what was taken, whatever node had sent it.
    pub(super) fn returned(&self, received: &ReturnReceived, out: &mut Outbox<Note>) {
        let mut sums: BTreeMap<_, Quantity> = BTreeMap::new();
        for found in &received.found {
            let Some(landing) = found.looked_at.landing else { continue };
            let line = ordered(self.content, found.line);
            let sku = found.looked_at.sku.as_ref().unwrap_or(&line.sku);
            let key = (sku.clone(), line.owner.clone(), found.looked_at.node.clone(), landing);
            let sum = sums.entry(key).or_default();
            *sum = sum.plus(found.looked_at.quantity);
        }
        let mut homes: BTreeMap<PartitionId, Vec<LandedGoods>> = BTreeMap::new();
        for ((sku, owner, node, landing), quantity) in sums {
            let home = homes.entry(self.layout.sku_home(&sku)).or_default();
            home.push(LandedGoods { goods: Claim { sku, owner, node, quantity }, landing });
        }
        let id = ReturnId { order: self.id, number: received.number };
        for (home, goods) in homes {
            let name = Text::new(id.to_string()).unwrap_or_else(|_| unreachable!("ids are short text"));
            out.send(home, Message::GoodsReturned(self.id, name, goods));
        }
    }
}
