//! Customers who keep an eye on their order: each follows the order's stream until it shows what the order came to.

use super::ledger::Ledger;
use super::load::refused;
use anyhow::bail;
use futures::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use waybill_client::Client;
use waybill_client::proto::orders::v1::{Order, WatchOrderRequest};

/// How long a stream may lag behind an order that has come to rest.
const LAG_MAX: Duration = Duration::from_secs(20);

/// Revision and status an order was last seen with.
type Seen = (u64, i32);

/// Everybody who watches.
pub(crate) struct Watchers {
    seen: HashMap<String, watch::Receiver<Seen>>,
    streams: JoinSet<()>,
}

/// Begins to watch the orders whose ids arrive; ends when no more do.
pub(crate) async fn follow(
    client: Client,
    ledger: Arc<Ledger>,
    mut order_ids: mpsc::UnboundedReceiver<String>,
) -> Watchers {
    let mut watchers = Watchers { seen: HashMap::new(), streams: JoinSet::new() };
    while let Some(order_id) = order_ids.recv().await {
        let (send, receive) = watch::channel((0, 0));
        watchers.seen.insert(order_id.clone(), receive);
        let (client, ledger) = (client.clone(), Arc::clone(&ledger));
        watchers.streams.spawn(async move {
            if let Err(fault) = watch_one(&client, &order_id, &send).await {
                ledger.fault(format!("the stream of order {order_id} broke: {fault:#}"));
            }
        });
    }
    watchers
}

async fn watch_one(client: &Client, order_id: &str, seen: &watch::Sender<Seen>) -> anyhow::Result<()> {
    let request = WatchOrderRequest { order_id: order_id.to_owned(), ..Default::default() };
    let mut stream = client.watch_order(request);
    while let Some(message) = stream.next().await {
        let message = message.map_err(refused)?;
        if message.revision < seen.borrow().0 {
            bail!("revision {} came after {}", message.revision, seen.borrow().0);
        }
        seen.send_replace((message.revision, message.status));
    }
    bail!("it ended")
}

impl Watchers {
    /// Waits until everybody has seen the final state of their order, and stops watching. Answers how many did.
    pub(crate) async fn finish(mut self, orders: &HashMap<String, Order>, ledger: &Ledger) -> u64 {
        let mut complete = 0;
        let by_id: HashMap<&str, &Order> =
            orders.values().map(|order| (order.order_id.as_str(), order)).collect();
        for (order_id, mut seen) in std::mem::take(&mut self.seen) {
            let Some(order) = by_id.get(order_id.as_str()) else { continue };
            let last = (order.revision, order.status);
            let waiting = seen.wait_for(|seen| *seen == last);
            match tokio::time::timeout(LAG_MAX, waiting).await {
                Ok(Ok(_)) => complete += 1,
                _ => ledger.fault(format!("order {order_id} was last seen in another state than {last:?}")),
            }
        }
        self.streams.abort_all();
        complete
    }
}
