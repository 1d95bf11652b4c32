//! Mixed load: places, confirmed places, cancels and holds, written into the ledger before they are sent.

use super::Chance;
use super::ledger::{Ask, Ledger, send};
use crate::retailer::{self, Shape};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tonic::transport::Channel;
use waybill_proto::inventory::v1::{ReserveMode, ReserveStockRequest, StockQuantity};
use waybill_proto::orders::v1::{CancelOrderRequest, PlaceMode};

/// What all clients of a run share.
pub(crate) struct Traffic {
    pub(crate) ledger: Ledger,
    pub(crate) shape: Shape,
    pub(crate) stop: AtomicBool,
    pub(crate) next: AtomicU64,
    /// Sets runs on one directory apart.
    pub(crate) run: u64,
}

/// One client, until told to stop or until the engine is gone.
pub(crate) async fn client(traffic: Arc<Traffic>, channel: Channel, mut chance: Chance) {
    while !traffic.stop.load(Ordering::Relaxed) {
        let ask = choose(&traffic, &mut chance);
        let index = traffic.ledger.intend(ask.clone());
        match send(&channel, &ask).await {
            Some(answer) => traffic.ledger.answered(index, answer),
            // Gone, or about to be: the request stays unknown until somebody retries it.
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

pub(crate) fn choose(traffic: &Traffic, chance: &mut Chance) -> Ask {
    let n = traffic.next.fetch_add(1, Ordering::Relaxed);
    let number = format!("{:x}-{n}", traffic.run);
    match chance.below(10) {
        0 => cancel(traffic, chance, &number).unwrap_or_else(|| place(traffic, chance, &number)),
        1 => hold(traffic, chance, &number),
        _ => place(traffic, chance, &number),
    }
}

fn items(traffic: &Traffic, chance: &mut Chance) -> Vec<(usize, i64)> {
    let count = 1 + chance.below(3) as usize;
    let first = chance.below(traffic.shape.items as u64) as usize;
    (0..count).map(|i| ((first + i * 7) % traffic.shape.items, 1 + chance.below(2) as i64)).collect()
}

fn place(traffic: &Traffic, chance: &mut Chance, number: &str) -> Ask {
    let mode = if chance.below(4) == 0 { PlaceMode::Confirm } else { PlaceMode::Accept };
    let mut order = retailer::order(number, &items(traffic, chance), mode);
    if mode == PlaceMode::Accept && chance.below(3) == 0 {
        // Not to be released today: these are the ones that can be cancelled.
        order.release_time = Some((SystemTime::now() + Duration::from_secs(86_400)).into());
    }
    Ask::Place(Box::new(order))
}

fn cancel(traffic: &Traffic, chance: &mut Chance, number: &str) -> Option<Ask> {
    let (order_id, placed) = traffic.ledger.some_order(chance.draw())?;
    if placed.release_time.is_none() && chance.below(2) == 0 {
        // Most cancels are of orders that no node has; the others meet picks.
        return None;
    }
    let request_id = format!("cancel-{number}");
    Some(Ask::Cancel(CancelOrderRequest {
        request_id,
        order_id,
        reason: "changed my mind".into(),
        ..Default::default()
    }))
}

fn hold(traffic: &Traffic, chance: &mut Chance, number: &str) -> Ask {
    let reservation_id: String = format!("{:016x}{:016x}", chance.draw(), chance.draw());
    let lines = items(traffic, chance).into_iter().map(|(item, quantity)| StockQuantity {
        sku: retailer::sku(item),
        node_id: retailer::node(chance.below(traffic.shape.nodes as u64) as usize),
        quantity,
        ..Default::default()
    });
    let lines: Vec<StockQuantity> = lines.collect();
    Ask::Reserve(ReserveStockRequest {
        request_id: format!("hold-{number}"),
        reservation_id,
        lines,
        mode: ReserveMode::AllOrNothing.into(),
        ttl_ms: 500 + chance.below(3_000) as i64,
        ..Default::default()
    })
}
