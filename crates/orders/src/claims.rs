//! From units of lines to claims on stock: demand of lines with the same SKU, owner and node is summed first, and
//! claims are sorted by the partition that keeps them.

use crate::content::OrderContent;
use crate::event::What;
use crate::fold::ordered;
use crate::order::{Order, WorkRef, WorkUnits};
use std::collections::BTreeMap;
use waybill_types::exchange::{Claim, LineUnits, Step};
use waybill_types::{Layout, LineNo, NodeId, PartitionId, Quantity, ReservationId, Sku};

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

/// The claims that an event gives back because units of a node's work are on its shelf again, with their reservation,
/// seen from the order as it is before the event. What was shipped, handed over or not found is not among them: the
/// node's partition tells inventory of that.
pub(crate) fn put_back(
    content: &OrderContent,
    order: &Order,
    what: &What,
) -> Option<(ReservationId, Vec<Claim>)> {
    let (number, units, from_hand) = match what {
        What::WorkRecalled(answer) => {
            let with_node = order.recall(answer.recall).is_some_and(|recall| recall.with_node);
            (answer.work, answer.back.clone(), with_node)
        }
        What::WorkProgressed { work, step: Step::Rejected(lines) } => {
            (*work, lines.iter().map(|line| line.units).collect(), false)
        }
        What::WorkProgressed { work, step: Step::NotCollected(units) } => (*work, units.clone(), true),
        _ => return None,
    };
    let work = order.work(number)?;
    let mut claims = Vec::new();
    for LineUnits { line, quantity } in units {
        let (unpicked, in_hand) = work.shelf_and_hand(line, quantity, from_hand);
        let (own, substitutes) = of_in_hand(work, line, in_hand);
        let ordered = ordered(content, line);
        let claim = |sku: Sku, quantity| Claim {
            sku,
            owner: ordered.owner.clone(),
            node: work.node.clone(),
            quantity,
        };
        claims.push(claim(ordered.sku.clone(), unpicked.plus(own)));
        claims.extend(substitutes.into_iter().map(|(sku, quantity)| claim(sku, quantity)));
    }
    let claims = merged(claims);
    (!claims.is_empty()).then_some((work.reservation, claims))
}

/// What a node's work stands on: the lines' own goods, and substitutes that are in hand in place of them.
pub(crate) fn at_node(content: &OrderContent, work: &WorkRef) -> Vec<Claim> {
    let of_line = |units: &WorkUnits| {
        let (own, substitutes) = of_in_hand(work, units.line, units.picked);
        let line = ordered(content, units.line);
        let own = (line.sku.clone(), units.to_pick.plus(own));
        let claim = |(sku, quantity): (Sku, Quantity)| Claim {
            sku,
            owner: line.owner.clone(),
            node: work.node.clone(),
            quantity,
        };
        std::iter::once(own).chain(substitutes).map(claim).collect::<Vec<_>>()
    };
    merged(work.lines.iter().flat_map(of_line))
}

/// Of the last `quantity` units of a line that a node has in hand: the line's own, and substitutes by SKU. Substitutes
/// leave last and go back first.
pub(crate) fn of_in_hand(
    work: &WorkRef,
    line: LineNo,
    quantity: Quantity,
) -> (Quantity, Vec<(Sku, Quantity)>) {
    let mut remaining = quantity;
    let mut found = Vec::new();
    for (sku, there) in work.substitutes_in_hand(line).into_iter().rev() {
        let taken = there.min(remaining);
        remaining = remaining.saturating_sub(taken);
        if !taken.is_zero() {
            found.push((sku.clone(), taken));
        }
    }
    (remaining, found)
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
