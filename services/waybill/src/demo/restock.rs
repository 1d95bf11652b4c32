//! In the middle of the run a lorry arrives: most items that orders wait for come in at the central warehouses, so that
//! waiting units are planned again. The rest stays short until the end.

use super::load::refused;
use futures::stream::{StreamExt, TryStreamExt};
use std::collections::BTreeMap;
use waybill_client::Client;
use waybill_client::proto::inventory::v1::ReceiveStockRequest;
use waybill_client::proto::orders::v1::{
    FindOrdersRequest, GetOrderRequest, Order, OrderStatus, get_order_request,
};
use waybill_fixtures::Prng;

const PURPOSE_RESTOCK: u64 = 62;
/// Of the items that orders wait for, how many come in, in thousandths.
const ITEMS_PERMILLE: u64 = 750;
const CALLS: usize = 16;

/// What came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restock {
    /// Orders that waited for something then.
    pub(crate) orders_waiting: u64,
    /// Items they waited for.
    pub(crate) items_waited_for: u64,
    /// Items that came in.
    pub(crate) items_received: u64,
    /// For each order that waited for an item that came in, the units it waited for of such items.
    pub(crate) waiting_units: BTreeMap<String, i64>,
}

/// Finds the orders that wait, and receives stock for most items they wait for.
///
/// # Errors
/// The server's refusal.
pub(crate) async fn restock(client: &Client, seed: u64, central: &str) -> anyhow::Result<Restock> {
    let waiting = waiting_orders(client).await?;
    let (restock, needs) = choose(seed, &waiting);
    let receive = |(sku, needed): (String, i64)| async move {
        let request = ReceiveStockRequest {
            // Half as much again, so that later customers find some too.
            quantity: needed + needed / 2 + 1,
            sku,
            node_id: central.to_owned(),
            reason: "delivery".to_owned(),
            document_reference: "DN-1".to_owned(),
            ..Default::default()
        };
        client.receive_stock(request).await.map_err(refused).map(drop)
    };
    futures::stream::iter(needs).map(receive).buffer_unordered(CALLS).try_collect::<()>().await?;
    Ok(restock)
}

async fn waiting_orders(client: &Client) -> anyhow::Result<Vec<Order>> {
    let mut ids = Vec::new();
    let mut request = FindOrdersRequest {
        statuses: vec![OrderStatus::Backordered.into(), OrderStatus::PartiallyShipped.into()],
        page_size: 200,
        ..Default::default()
    };
    loop {
        let page = client.find_orders(request.clone()).await.map_err(refused)?;
        ids.extend(page.orders.into_iter().map(|order| order.order_id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let read = |id: String| async move {
        let request =
            GetOrderRequest { key: Some(get_order_request::Key::OrderId(id)), ..Default::default() };
        Ok(client.get_order(request).await.map_err(refused)?.order)
    };
    let orders: Vec<Option<Order>> = futures::stream::iter(ids)
        .map(read)
        .buffer_unordered(CALLS)
        .try_collect::<Vec<_>>()
        .await
        .map_err(|fault: anyhow::Error| fault.context("an order that was found cannot be read"))?;
    Ok(orders.into_iter().flatten().collect())
}

/// Which items come in, and how much of each is waited for.
fn choose(seed: u64, waiting: &[Order]) -> (Restock, BTreeMap<String, i64>) {
    let mut needs: BTreeMap<String, i64> = BTreeMap::new();
    let mut restock = Restock::default();
    for order in waiting {
        let waits = |line: &&waybill_client::proto::orders::v1::OrderLine| {
            line.buckets.is_some_and(|buckets| buckets.backordered > 0)
        };
        restock.orders_waiting += u64::from(order.lines.iter().any(|line| waits(&line)));
        for line in order.lines.iter().filter(waits) {
            *needs.entry(line.sku.clone()).or_default() += line.buckets.unwrap_or_default().backordered;
        }
    }
    restock.items_waited_for = needs.len() as u64;
    let mut chance = Prng::stream(seed, PURPOSE_RESTOCK, 0);
    needs.retain(|_, _| chance.chance(ITEMS_PERMILLE));
    restock.items_received = needs.len() as u64;
    for order in waiting {
        let received = order.lines.iter().filter(|line| needs.contains_key(&line.sku));
        let units: i64 = received.map(|line| line.buckets.unwrap_or_default().backordered).sum();
        if units > 0 {
            restock.waiting_units.insert(order.order_id.clone(), units);
        }
    }
    (restock, needs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::orders::v1::{OrderLine, UnitBuckets};

    #[test]
    fn most_items_come_in_and_their_waiting_units_are_remembered() {
        let line = |sku: String, backordered| OrderLine {
            sku,
            buckets: Some(UnitBuckets { backordered, ..Default::default() }),
            ..Default::default()
        };
        let order = |id: u64| Order {
            order_id: format!("W{id}"),
            lines: vec![line(format!("A{id}"), 2), line(format!("B{id}"), 0)],
            ..Default::default()
        };
        let waiting: Vec<Order> = (0..200).map(order).collect();
        let (restock, needs) = choose(1, &waiting);
        assert_eq!((restock.orders_waiting, restock.items_waited_for), (200, 200));
        assert!((120..180).contains(&needs.len()), "{}", needs.len());
        assert_eq!(restock.waiting_units.len(), needs.len());
        assert!(needs.iter().all(|(sku, units)| sku.starts_with('A') && *units == 2));
    }
}
