//! A kept decision solved with more than the engine can carry out, over the stock that was seen or that somebody states.

use super::Record;
use super::question::Shelves;
use crate::mirror::ItemFacts;
use crate::network::Network;
use crate::outlook::{Outlook, Supply, Wider, outlook};
use crate::policy::PolicyVersion;
use waybill_types::{NodeId, OwnerId, Quantity, Sku, Text, Timestamp};

/// Stock as somebody states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// What.
    pub sku: Sku,
    /// Whose.
    pub owner: OwnerId,
    /// Where.
    pub node: NodeId,
    /// How much, at the item's scale.
    pub quantity: Quantity,
    /// From when; `None` is now, in place of what was seen.
    pub from: Option<Timestamp>,
}

impl Record {
    /// Solves the same question over `network` under `policy`, with the stock as it was then or is stated, and with all
    /// that `wider` allows. `facts` says what an item is that the order did not ask for. `None` when the question cannot
    /// be asked there, or had units reserved.
    #[must_use]
    pub fn project(
        &self,
        then: &Network,
        network: &Network,
        policy: &PolicyVersion,
        stated: &[Stated],
        wider: &Wider,
        facts: impl Fn(&Sku) -> (ItemFacts, Option<Text>),
    ) -> Option<Outlook> {
        let request = self.question(network)?;
        let mut stock: Shelves = self.stock(then).over(then, network);
        let mut wider = wider.clone();
        for row in stated {
            match (row.from, network.node_index(&row.node)) {
                (Some(at_hand), _) => wider.supply.push(Supply {
                    sku: row.sku.clone(),
                    owner: row.owner.clone(),
                    node: row.node.clone(),
                    at_hand,
                    quantity: row.quantity,
                }),
                (None, Some(node)) => stock.state((&row.sku, &row.owner), node, row.quantity, &facts),
                (None, None) => {}
            }
        }
        for sku in wider.supply.iter().map(|supply| &supply.sku) {
            stock.know(sku, &facts);
        }
        outlook(network, policy, &stock, &request, &wider)
    }
}
