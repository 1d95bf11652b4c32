//! From units of lines to claims on stock: demand of lines with the same SKU, owner and node is summed first, and
//! claims are sorted by the partition that keeps them.

use crate::content::OrderContent;
use crate::fold::ordered;
use std::collections::BTreeMap;
use waybill_types::exchange::Claim;
use waybill_types::{Layout, LineNo, NodeId, PartitionId, Quantity};

/// The claims that these units need, each (SKU, owner, node) once, in their order.
pub(crate) fn summed<'a>(
    content: &OrderContent,
    units: impl IntoIterator<Item = (LineNo, &'a NodeId, Quantity)>,
) -> Vec<Claim> {
    let mut sums: BTreeMap<(_, _, _), Quantity> = BTreeMap::new();
    for (line, node, quantity) in units {
        let line = ordered(content, line);
        let key = (line.sku.clone(), line.owner.clone(), node.clone());
        let sum = sums.entry(key).or_default();
        *sum = sum.plus(quantity);
    }
    let claims = sums.into_iter().filter(|(_, quantity)| !quantity.is_zero());
    claims.map(|((sku, owner, node), quantity)| Claim { sku, owner, node, quantity }).collect()
}

/// Claims that come in any order, each (SKU, owner, node) once.
pub(crate) fn merged(claims: impl IntoIterator<Item = Claim>) -> Vec<Claim> {
    let mut sums: BTreeMap<(_, _, _), Quantity> = BTreeMap::new();
    for claim in claims {
        let sum = sums.entry((claim.sku, claim.owner, claim.node)).or_default();
        *sum = sum.plus(claim.quantity);
    }
    let claims = sums.into_iter().filter(|(_, quantity)| !quantity.is_zero());
    claims.map(|((sku, owner, node), quantity)| Claim { sku, owner, node, quantity }).collect()
}

/// The same claims by the inventory partition that keeps them, in ascending order.
pub(crate) fn by_home(layout: &Layout, claims: &[Claim]) -> BTreeMap<PartitionId, Vec<Claim>> {
    let mut homes: BTreeMap<PartitionId, Vec<Claim>> = BTreeMap::new();
    for claim in claims {
        homes.entry(layout.sku_home(&claim.sku)).or_default().push(claim.clone());
    }
    homes
}

/// Takes up to `wanted` units from what `pool` has under a matching claim; says how many.
pub(crate) fn take(pool: &mut [Claim], matches: impl Fn(&Claim) -> bool, wanted: Quantity) -> Quantity {
    let mut remaining = wanted;
    for claim in pool.iter_mut().filter(|claim| matches(claim)) {
        let taken = claim.quantity.min(remaining);
        claim.quantity = claim.quantity.saturating_sub(taken);
        remaining = remaining.saturating_sub(taken);
    }
    wanted.saturating_sub(remaining)
}
