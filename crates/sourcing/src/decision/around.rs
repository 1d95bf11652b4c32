//! Which nodes could have mattered to a plan: a rough and cheap guess for what is kept, never for what is chosen.

use super::record::pairs;
use crate::interner::NodeIx;
use crate::mirror::Availability;
use crate::network::Network;
use std::collections::BTreeMap;
use waybill_types::exchange::{Plan, PlanRequest};

/// The nodes of the plan, and up to `count` others that have most of the lines and send cheapest; ascending.
pub(super) fn promising(
    network: &Network,
    stock: &dyn Availability,
    request: &PlanRequest,
    plan: &Plan,
    count: usize,
) -> Vec<NodeIx> {
    let mut lines_at: BTreeMap<NodeIx, usize> = BTreeMap::new();
    for (sku, owner) in pairs(&request.lines) {
        for row in stock.stock(sku, owner) {
            *lines_at.entry(row.node).or_default() += 1;
        }
    }
    let zone = request.destination.as_ref().and_then(|to| network.zone_index(to));
    let weight_mg = request.lines.iter().map(|line| {
        let item = stock.item(&line.sku);
        let grams = u64::from(item.weight_g()).saturating_mul(line.quantity.units());
        grams.saturating_mul(1_000) / 10u64.pow(u32::from(item.scale()))
    });
    let weight_mg = weight_mg.fold(0u64, u64::saturating_add);
    let cost = |node: NodeIx| {
        let lanes = zone.map(|zone| network.lanes_of(zone).from(node)).unwrap_or_default();
        let parcels = lanes.iter().map(|entry| {
            let (base, carriage) = network.way(entry.way).tariff.cost_minor(weight_mg);
            base + carriage
        });
        parcels.min().map(|parcel| parcel + i128::from(network.costs(node).handling_minor))
    };
    let mut ranked: Vec<(usize, i128, NodeIx)> = lines_at
        .into_iter()
        .filter_map(|(node, lines)| Some((usize::MAX - lines, cost(node)?, node)))
        .collect();
    ranked.sort_unstable();
    let chosen = plan.assignments.iter().filter_map(|part| network.node_index(&part.node));
    let mut kept: Vec<NodeIx> =
        ranked.into_iter().take(count).map(|(_, _, node)| node).chain(chosen).collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}
