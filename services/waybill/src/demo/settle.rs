//! Waits until nothing moves any more, by asking and watching the engine itself, and reads every acknowledged order.

use super::ledger::Placed;
use super::load::refused;
use super::shop::now_ms;
use super::warehouse::Warehouses;
use anyhow::{Context, bail};
use futures::stream::{StreamExt, TryStreamExt};
use indicatif::ProgressBar;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use waybill_client::Client;
use waybill_client::proto::common::v1::{GetStatusRequest, GetStatusResponse, PartitionPhase};
use waybill_client::proto::orders::v1::{
    ExternalOrderKey, GetOrderRequest, Order, OrderStatus, WatchOrderRequest, get_order_request,
};

/// Orders that are read or watched at once.
const CALLS: usize = 64;
/// How long everything may take to come to rest once the last order is placed.
const REST_MAX: Duration = Duration::from_secs(120);
/// How often the engine is asked whether its queues are empty.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// Waits until every order in `placed` is as far as it can come and no message is on its way, and answers the orders by
/// their number. An order that cannot be read is left out.
///
/// # Errors
/// A refusal, or no rest within two minutes, with what still moves.
pub(crate) async fn settle(
    clients: &[Client],
    placed: &HashMap<String, Placed>,
    warehouses: &Warehouses,
    bar: &ProgressBar,
) -> anyhow::Result<HashMap<String, Order>> {
    let resting = rest(clients, placed, warehouses, bar);
    tokio::time::timeout(REST_MAX, resting).await.context("the engine does not come to rest")?
}

async fn rest(
    clients: &[Client],
    placed: &HashMap<String, Placed>,
    warehouses: &Warehouses,
    bar: &ProgressBar,
) -> anyhow::Result<HashMap<String, Order>> {
    let admin = clients.first().context("no connection")?;
    loop {
        warehouses.idle().await;
        bar.set_message("orders come to rest");
        bar.set_length(placed.len() as u64);
        bar.set_position(0);
        let before = quiet(admin).await?;
        let orders = read_settled(clients, placed, bar).await?;
        // What was read is the end only if nothing was journaled while it was read.
        let after = quiet(admin).await?;
        if before == after {
            return Ok(orders);
        }
    }
}

/// Waits until no partition has messages or commands waiting; answers what is durable in each.
///
/// # Errors
/// A refusal, or a partition that has stopped.
pub(crate) async fn quiet(admin: &Client) -> anyhow::Result<Vec<u64>> {
    let mut ticks = tokio::time::interval(ASK_EVERY);
    let mut last: Option<Vec<u64>> = None;
    loop {
        ticks.tick().await;
        let status = admin.get_status(GetStatusRequest {}).await.map_err(refused)?;
        stopped(&status)?;
        let durable: Vec<u64> =
            status.partitions.iter().map(|partition| partition.durable_sequence).collect();
        let moving =
            status.partitions.iter().any(|partition| partition.outbox_depth + partition.queue_depth > 0);
        // Twice the same: what left one partition between two looks has arrived at another by the second.
        if !moving && last.as_ref() == Some(&durable) {
            return Ok(durable);
        }
        last = (!moving).then_some(durable);
    }
}

fn stopped(status: &GetStatusResponse) -> anyhow::Result<()> {
    match status.partitions.iter().find(|partition| partition.phase() == PartitionPhase::Stopped) {
        None => Ok(()),
        Some(stopped) => bail!("a partition has stopped: {}", stopped.stopped_reason),
    }
}

async fn read_settled(
    clients: &[Client],
    placed: &HashMap<String, Placed>,
    bar: &ProgressBar,
) -> anyhow::Result<HashMap<String, Order>> {
    let read = |(index, (number, placed)): (usize, (&String, &Placed))| {
        let client = clients[index % clients.len()].clone();
        let (number, placed) = (number.clone(), placed.clone());
        async move {
            let found = read_one(&client, &number, &placed).await;
            bar.inc(1);
            found.map(|order| (number, order))
        }
    };
    let reads = futures::stream::iter(placed.iter().enumerate()).map(read).buffer_unordered(CALLS);
    let orders: Vec<(String, Option<Order>)> = reads.try_collect().await?;
    Ok(orders.into_iter().filter_map(|(number, order)| Some((number, order?))).collect())
}

async fn read_one(client: &Client, number: &str, placed: &Placed) -> anyhow::Result<Option<Order>> {
    let Some(order) = get(client, &placed.channel, number).await? else { return Ok(None) };
    if is_settled(&order, placed.release_ms) {
        return Ok(Some(order));
    }
    let request = WatchOrderRequest { order_id: order.order_id.clone(), ..Default::default() };
    let mut stream = client.watch_order(request);
    let began = Instant::now();
    while let Some(message) = stream.next().await {
        let message = message.map_err(refused)?;
        if !may_rest(message.status()) {
            continue;
        }
        if let Some(order) =
            get(client, &placed.channel, number).await?.filter(|o| is_settled(o, placed.release_ms))
        {
            return Ok(Some(order));
        }
    }
    bail!("the stream of order {number} ended after {:?} before it came to rest", began.elapsed())
}

async fn get(client: &Client, channel: &str, number: &str) -> anyhow::Result<Option<Order>> {
    let key = ExternalOrderKey { channel: channel.to_owned(), external_order_number: number.to_owned() };
    let request = GetOrderRequest { key: Some(get_order_request::Key::External(key)), ..Default::default() };
    match client.get_order(request).await {
        Ok(answer) => Ok(Some(answer.order.context("an answer without the order")?)),
        Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
        Err(status) => Err(refused(status)),
    }
}

/// States in which an order can stay: the others pass by themselves.
fn may_rest(status: OrderStatus) -> bool {
    match status {
        OrderStatus::Unspecified
        | OrderStatus::Pending
        | OrderStatus::Open
        | OrderStatus::Released
        | OrderStatus::Picked
        | OrderStatus::Shipped => false,
        OrderStatus::Refused
        | OrderStatus::Backordered
        | OrderStatus::Reserved
        | OrderStatus::PartiallyShipped
        | OrderStatus::PartiallyDelivered
        | OrderStatus::Delivered
        | OrderStatus::Returned
        | OrderStatus::Cancelled
        | OrderStatus::Undelivered => true,
    }
}

/// Nothing of the order is on its way: its units are with the customer, called off, waiting for stock, or reserved for a
/// release that is not due yet.
pub(crate) fn is_settled(order: &Order, release_ms: Option<i64>) -> bool {
    let later = release_ms.is_some_and(|release_ms| release_ms > now_ms() + 60_000);
    order.status() != OrderStatus::Pending
        && order.lines.iter().all(|line| {
            let units = line.buckets.unwrap_or_default();
            let moving = units.open + units.released + units.picked + units.shipped;
            moving == 0 && (units.reserved == 0 || later)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::orders::v1::{OrderLine, UnitBuckets};

    #[test]
    fn an_order_rests_when_no_unit_of_it_moves() {
        let order = |buckets: UnitBuckets| Order {
            lines: vec![OrderLine { buckets: Some(buckets), ..Default::default() }],
            status: OrderStatus::Reserved.into(),
            ..Default::default()
        };
        let resting = UnitBuckets { delivered: 1, backordered: 2, cancelled: 3, ..Default::default() };
        assert!(is_settled(&order(resting), None));
        let reserved = UnitBuckets { reserved: 1, ..Default::default() };
        assert!(!is_settled(&order(reserved), None));
        assert!(!is_settled(&order(reserved), Some(now_ms() - 1)));
        assert!(is_settled(&order(reserved), Some(now_ms() + 3_600_000)));
        for moving in [
            UnitBuckets { open: 1, ..Default::default() },
            UnitBuckets { released: 1, ..Default::default() },
            UnitBuckets { picked: 1, ..Default::default() },
            UnitBuckets { shipped: 1, ..Default::default() },
        ] {
            assert!(!is_settled(&order(moving), Some(now_ms() + 3_600_000)));
        }
    }
}
