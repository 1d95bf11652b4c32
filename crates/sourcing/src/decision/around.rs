//! Which nodes could have mattered to a plan: a rough and cheap guess for what is kept, never for what is chosen.

use super::record::pairs;
use crate::interner::NodeIx;
use crate::mirror::Availability;
use crate::network::Network;
use crate::tariff::Tariff;
use std::cmp::Reverse;
use std::sync::Arc;
use waybill_types::exchange::{Plan, PlanRequest};

/// The nodes of the plan, and up to `count` others that have most of the lines and send cheapest; ascending.
pub(super) fn promising(
    network: &Network,
    stock: &dyn Availability,
    request: &PlanRequest,
    plan: &Plan,
    count: usize,
) -> Vec<NodeIx> {
    // By number of the node. Most nodes have something: a table is filled faster than a map.
    let mut lines_at = vec![0u32; network.node_count()];
    for (sku, owner) in pairs(&request.lines) {
        for row in stock.stock(sku, owner) {
            if let Some(lines) = lines_at.get_mut(row.node.index()) {
                *lines += 1;
            }
        }
    }
    let weight_mg = request.lines.iter().map(|line| {
        let item = stock.item(&line.sku);
        let grams = u64::from(item.weight_g()).saturating_mul(line.quantity.units());
        grams.saturating_mul(1_000) / 10u64.pow(u32::from(item.scale()))
    });
    let weight_mg = weight_mg.fold(0u64, u64::saturating_add);
    let mut ranked: Vec<(Reverse<u32>, i128, NodeIx)> = Vec::new();
    if let Some(zone) = request.destination.as_ref().and_then(|to| network.zone_index(to)) {
        let lanes = network.lanes_of(zone);
        // Few tariffs, many nodes: each is asked once.
        let parcel = |tariff: &Arc<Tariff>| {
            let (base, carriage) = tariff.cost_minor(weight_mg);
            base + carriage
        };
        let parcels: Vec<i128> = lanes.tariffs.iter().map(parcel).collect();
        for (node, entries) in lanes.by_node() {
            let lines = lines_at.get(node.index()).copied().unwrap_or(0);
            let cheapest = entries.iter().map(|entry| parcels[entry.tariff as usize]).min();
            if let (1.., Some(parcel)) = (lines, cheapest) {
                let handling = i128::from(network.costs(node).handling_minor);
                ranked.push((Reverse(lines), parcel + handling, node));
            }
        }
    }
    if ranked.len() > count {
        ranked.select_nth_unstable(count);
        ranked.truncate(count);
    }
    let chosen = plan.assignments.iter().filter_map(|part| network.node_index(&part.node));
    let mut kept: Vec<NodeIx> = ranked.into_iter().map(|(_, _, node)| node).chain(chosen).collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}
