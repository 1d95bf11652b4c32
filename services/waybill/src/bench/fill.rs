//! Fills an engine with orders: finished ones as history, in feeds of which a few are under way at once, and open ones
//! placed call by call. Which orders these are the caller says.

use super::setup::{Bench, Common, bar};
use crate::demo::load::refused;
use crate::demo::world::World;
use anyhow::ensure;
use futures::stream::{StreamExt, TryStreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use waybill_client::proto::orders::v1::{HistoricOrder, ImportOrdersRequest, PlaceOrderRequest};
use waybill_client::{Client, Identity};
use waybill_fixtures::OrderShape;

const ORDERS_PER_MESSAGE: u64 = 500;
const MESSAGES_PER_FEED: u64 = 10;
const FEEDS: usize = 4;

/// Orders of the year before the open ones, none of them fetched at a store.
pub(crate) fn history(customers: u64) -> OrderShape {
    let start_ms = OrderShape::default().start_ms - 365 * 86_400_000;
    OrderShape {
        start_ms,
        interval_ms: 60,
        customers,
        pickup_permille: 0,
        run: "H".into(),
        ..OrderShape::default()
    }
}

/// Orders that can all be released at once, none of them fetched at a store.
pub(crate) fn present(customers: u64) -> OrderShape {
    OrderShape { customers, pickup_permille: 0, later_permille: 0, ..OrderShape::default() }
}

/// Sends `count` finished orders; `make` gives so many of them from an index on, while others are under way. Answers how
/// long it took.
///
/// # Errors
/// A row was refused.
pub(crate) async fn import_history<M>(
    operator: &Client,
    world: &Arc<World>,
    count: u64,
    make: M,
) -> anyhow::Result<Duration>
where
    M: Fn(&World, u64, u64) -> Vec<HistoricOrder> + Clone + Send + 'static,
{
    let (bar, began) = (bar("history", count)?, Instant::now());
    let per_feed = ORDERS_PER_MESSAGE * MESSAGES_PER_FEED;
    let firsts = (0..count).step_by(per_feed as usize);
    let send = |first: u64| {
        let (world, bar, make) = (Arc::clone(world), bar.clone(), make.clone());
        async move {
            let orders = per_feed.min(count - first);
            let feed = tokio::task::spawn_blocking(move || feed(make(&world, first, orders))).await?;
            let answer = operator.import_orders(feed).await.map_err(refused)?;
            ensure!(answer.refused_count == 0, "history was refused: {:?}", answer.failures.first());
            bar.inc(orders);
            anyhow::Ok(())
        }
    };
    futures::stream::iter(firsts).map(send).buffer_unordered(FEEDS).try_collect::<()>().await?;
    bar.finish_and_clear();
    Ok(began.elapsed())
}

fn feed(orders: Vec<HistoricOrder>) -> Vec<ImportOrdersRequest> {
    let mut feed = Vec::new();
    let mut orders = orders.into_iter().peekable();
    while orders.peek().is_some() {
        let orders = orders.by_ref().take(ORDERS_PER_MESSAGE as usize).collect();
        feed.push(ImportOrdersRequest { orders, ..Default::default() });
    }
    feed
}

/// Places open orders, each in its channel; no node works on them.
///
/// # Errors
/// An order was refused.
pub(crate) async fn place_open(
    bench: &Bench,
    common: &Common,
    orders: Vec<(String, PlaceOrderRequest)>,
) -> anyhow::Result<()> {
    let bar = bar("open", orders.len() as u64)?;
    let clients = bench.connect(common.load.connections, "").await?;
    let (orders, next) = (Arc::new(orders), Arc::new(AtomicU64::new(0)));
    let place = |(worker, client): (usize, Client)| {
        let (orders, next, bar) = (Arc::clone(&orders), Arc::clone(&next), bar.clone());
        tokio::spawn(async move {
            while let Some((channel, request)) = orders.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                let identity = Identity::new(channel, &format!("till-{worker}"), "channel")?;
                let client = client.with_identity(identity).with_retry(waybill_client::Retry::default());
                client.place_order(request.clone()).await.map_err(refused)?;
                bar.inc(1);
            }
            anyhow::Ok(())
        })
    };
    let workers = (0..usize::from(common.load.concurrency))
        .map(|worker| place((worker, clients[worker % clients.len()].clone())));
    for worker in workers.collect::<Vec<_>>() {
        worker.await??;
    }
    bar.finish_and_clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_has_every_order_once_in_messages_that_are_not_too_long() {
        let order =
            |n: u64| HistoricOrder { external_order_number: n.to_string(), ..HistoricOrder::default() };
        let feed = feed((0..ORDERS_PER_MESSAGE + 1).map(order).collect());
        let numbers: Vec<u64> = feed
            .iter()
            .flat_map(|message| &message.orders)
            .map(|order| order.external_order_number.parse().unwrap())
            .collect();
        assert_eq!(numbers, (0..=ORDERS_PER_MESSAGE).collect::<Vec<_>>());
        assert_eq!(feed.len(), 2);
    }
}
