//! Nobody waits for stock that lies where it may be used. Two laws say where it may not: a node that said no is asked again
//! only once its stock has changed, and units that nodes sent back as often as the order policy allows wait for somebody,
//! or for the next rise of their stock.

use super::planner;
use super::sim::{Lawful, Sim, Wrong};
use waybill_orders::history::Entry;
use waybill_orders::{Bucket, OrdersState, What};
use waybill_types::exchange::{Delivery, Step};
use waybill_types::{LineNo, NodeId, OrderId, OwnerId, Sku, Timestamp};

/// Clocks of two partitions are not further apart than this.
const CLOCKS_APART_MS: i64 = 400;

/// Nobody waits for stock of a SKU while it lies at a node that may serve it, whoever else waits for it.
pub(super) fn nobody_waits_for_what_is_there(sim: &Sim) -> Lawful {
    let there = planner::there(sim);
    for id in &sim.placed {
        let state = sim.orders[usize::from(id.partition().index)].core.state();
        let Some((opening, order)) = state.order(*id) else { continue };
        let content = order.content(&opening);
        for ((number, line), buckets) in content.numbered().zip(&order.lines) {
            if buckets.buckets.get(Bucket::Backordered).is_zero() {
                continue;
            }
            let shunned = order.shunned_for(content, number);
            let serves = |node: &NodeId| match &line.delivery {
                Delivery::Ship => !shunned.contains(node),
                Delivery::Pickup(at) => at == node && !shunned.contains(node),
            };
            let found =
                there.iter().find(|((sku, node), units)| *sku == line.sku && **units > 0 && serves(node));
            let Some(((sku, node), units)) = found else { continue };
            if !waits_for_somebody(state, *id, number, risen_at(sim, sku)) {
                let what =
                    format!("{id} line {} waits for {sku}, {units} lie at {node}: {buckets:?}", number.0);
                return Err(Wrong(format!("WAIT: {what}")));
            }
        }
    }
    Ok(())
}

fn risen_at(sim: &Sim, sku: &Sku) -> Timestamp {
    let heads = sim.inventory.iter().filter_map(|part| part.core.state().stock.head(sku, &OwnerId::main()));
    heads.map(|head| head.risen_at).max().unwrap_or_default()
}

/// True where the units were given up because nodes had sent them back as often as the policy allows, and their stock has
/// not risen since.
fn waits_for_somebody(state: &OrdersState, id: OrderId, line: LineNo, risen_at: Timestamp) -> bool {
    let Some(Ok(history)) = state.history(id) else { return false };
    let waits = |entry: &Entry| match &entry.what {
        What::UnitsBackordered { units } => units.iter().any(|units| units.line == line),
        _ => false,
    };
    let Some(at) = history.iter().rposition(waits) else { return false };
    let risen_since = risen_at > history[at].at.plus_ms(CLOCKS_APART_MS);
    // Of what comes back, what a cancel under way wants is called off before the rest is given up.
    let mut before = history[..at].iter().rev().filter(|e| !matches!(e.what, What::UnitsCancelled { .. }));
    let work = match before.next().map(|entry| &entry.what) {
        Some(What::WorkRefused { work, .. }) => *work,
        Some(What::WorkProgressed { work, step: Step::Shorted(_) | Step::Rejected(_) }) => *work,
        _ => return false,
    };
    !risen_since && bounces_before(&history, work) >= least_bounces_max(state)
}

/// How often nodes had sent the units of a fulfilment order back when it was made.
fn bounces_before(history: &[Entry], work: u16) -> u8 {
    let attempt = history.iter().find_map(|entry| match &entry.what {
        What::ReservationGranted(granted) if granted.works.iter().any(|new| new.number == work) => {
            Some(granted.attempt)
        }
        _ => None,
    });
    let bounces = history.iter().find_map(|entry| match &entry.what {
        What::AttemptStarted(started) if Some(started.attempt) == attempt => Some(started.bounces),
        _ => None,
    });
    bounces.unwrap_or(0)
}

/// The lowest limit that any version of the order policy has set.
fn least_bounces_max(state: &OrdersState) -> u8 {
    let (version, policy) = state.policy();
    let earlier = (1..=version).filter_map(|version| state.policy_version(version));
    earlier.map(|policy| policy.bounces_max).fold(policy.bounces_max, u8::min)
}
