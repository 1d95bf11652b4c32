//! What is where, and from when: stock and dated supply by item and node. It knows no way to anywhere.

use super::Supply;
use crate::interner::NodeIx;
use crate::planner::question::Question;
use std::collections::BTreeMap;
use waybill_types::{OwnerId, Sku};

/// One item of one owner: by node, from when on there are how many units in all; both ascending.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) nodes: BTreeMap<NodeIx, Vec<(i64, u32)>>,
}

impl Shelf {
    pub(super) fn of(
        question: &Question<'_>,
        (sku, owner): (&Sku, &OwnerId),
        supply: &[Supply],
        serves: &impl Fn(&Supply, NodeIx) -> bool,
    ) -> Self {
        let now_ms = question.dates.release_ms();
        let mut shelf = Self::default();
        for row in question.stock.stock(sku, owner) {
            let units = u32::try_from(row.available.units()).unwrap_or(u32::MAX);
            shelf.nodes.entry(row.node).or_default().push((now_ms, units));
        }
        for supply in supply.iter().filter(|supply| supply.sku == *sku && supply.owner == *owner) {
            let Some(node) = question.network.node_index(&supply.node).filter(|node| serves(supply, *node))
            else {
                continue;
            };
            let units = u32::try_from(supply.quantity.units()).unwrap_or(u32::MAX);
            shelf.nodes.entry(node).or_default().push((supply.at_hand.as_ms().max(now_ms), units));
        }
        shelf.nodes.retain(|node, _| !question.excluded.contains(node));
        for steps in shelf.nodes.values_mut() {
            steps.sort_unstable();
            let mut sum = 0u32;
            for (_, units) in steps.iter_mut() {
                sum = sum.saturating_add(*units);
                *units = sum;
            }
        }
        shelf
    }

    /// Units that are at the node by an instant.
    pub(super) fn units(&self, node: NodeIx, by_ms: i64) -> u32 {
        let steps = self.nodes.get(&node).map_or(&[][..], Vec::as_slice);
        steps.iter().take_while(|(from_ms, _)| *from_ms <= by_ms).last().map_or(0, |(_, units)| *units)
    }
}
