//! The channels: customers who place orders, some after holding stock, some twice. Who changes an order afterwards is
//! somebody else. Every acknowledgement goes into the ledger.

use super::agents::Agents;
use super::journey::{Choice, Journey, Mind, Moment, Repeat, choose};
use super::ledger::{Changed, Ledger, Placed};
use super::load::refused;
use super::world::World;
use crate::records;
use anyhow::{Context, bail, ensure};
use futures::StreamExt;
use indicatif::ProgressBar;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use waybill_client::proto::fulfillment::v1::{Basket, BasketLine, Destination, PromiseRequest, SourcingPlan};
use waybill_client::proto::inventory::v1::{ReserveStockRequest, StockQuantity};
use waybill_client::proto::orders::v1::{
    OrderStatus, PlaceMode, PlaceOrderRequest, PlaceOrderResponse, PlaceOutcome, WatchOrderRequest,
};
use waybill_client::{Client, Identity};
use waybill_fixtures::CHANNELS;
use waybill_formats::OrderRecord;

/// Customers who wait for an answer at the same time.
const CUSTOMERS: usize = 64;
/// How long CONFIRM waits at most, in milliseconds.
const CONFIRM_WAIT_MS: i64 = 30_000;
/// How long a checkout holds stock, in milliseconds.
const HOLD_MS: i64 = 10 * 60_000;

/// All channels.
pub(crate) struct Shop {
    channels: HashMap<String, Client>,
    agents: Agents,
    ledger: Arc<Ledger>,
    seed: u64,
    done: ProgressBar,
    placed: watch::Sender<u64>,
    watched: mpsc::UnboundedSender<String>,
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn timestamp(ms: i64) -> prost_types::Timestamp {
    records::timestamp(waybill_formats::Instant::from_ms(ms))
}

impl Shop {
    /// Channels over the clients' connections. Ids of orders to be watched go to `watched`.
    ///
    /// # Errors
    /// A channel's name that cannot be sent, or a world in which nothing can be offered.
    pub(crate) fn new(
        clients: &[Client],
        ledger: Arc<Ledger>,
        world: &World,
        done: ProgressBar,
        watched: mpsc::UnboundedSender<String>,
    ) -> anyhow::Result<Self> {
        let mut channels = HashMap::new();
        for (index, (channel, ..)) in CHANNELS.into_iter().enumerate() {
            let identity = Identity::new(channel, &format!("{channel}-1"), "channel")?;
            channels.insert(channel.to_owned(), clients[index % clients.len()].with_identity(identity));
        }
        let seed = world.shape.seed;
        let agents = Agents::new(channels.clone(), Arc::clone(&ledger), world, seed)?;
        let (placed, _) = watch::channel(0);
        Ok(Self { channels, agents, ledger, seed, done, placed, watched })
    }

    /// How many orders are through so far.
    pub(crate) fn placed(&self) -> watch::Receiver<u64> {
        self.placed.subscribe()
    }

    /// Serves all customers, a bounded number at once.
    pub(crate) async fn run(self: &Arc<Self>, orders: mpsc::Receiver<(u64, OrderRecord)>) {
        let serve = |(index, order): (u64, OrderRecord)| {
            let shop = Arc::clone(self);
            async move {
                let number = order.external_order_number.clone();
                let customer = Arc::clone(&shop);
                let served = tokio::spawn(async move { customer.serve(index, order).await }).await;
                match served {
                    Ok(Ok(())) => {}
                    Ok(Err(fault)) => shop.ledger.fault(format!("order {number}: {fault:#}")),
                    Err(panic) => shop.ledger.fault(format!("order {number}: {panic}")),
                }
                shop.done.inc(1);
                shop.placed.send_modify(|count| *count += 1);
            }
        };
        ReceiverStream::new(orders).for_each_concurrent(CUSTOMERS, serve).await;
    }

    async fn serve(&self, index: u64, order: OrderRecord) -> anyhow::Result<()> {
        let choice = choose(self.seed, index, &order);
        let client = self.channels.get(&order.channel).context("an order of no known channel")?;
        let mut request = records::place(&order);
        let release_ms = choice.release_in_ms.map(|in_ms| now_ms() + in_ms);
        request.release_time = release_ms.map(timestamp);
        if matches!(choice.journey, Journey::Confirm | Journey::HoldFirst) {
            request.mode = PlaceMode::Confirm.into();
            request.wait_ms = CONFIRM_WAIT_MS;
        }
        if choice.journey == Journey::HoldFirst {
            request.hold_id = self.hold(client, &request).await?.unwrap_or_default();
        }
        let Some(answer) = self.place(client, &order, &request, release_ms).await? else { return Ok(()) };
        if let Some(repeat) = choice.repeat {
            self.repeat(client, &request, &answer, repeat).await?;
        }
        if choice.watched {
            // Nobody may be left to watch when the run ends early.
            let _gone = self.watched.send(answer.order_id.clone());
        }
        self.afterwards(client, index, &order, &choice, &answer).await
    }

    /// Sends the order and writes the answer down. `None` when stock was short.
    async fn place(
        &self,
        client: &Client,
        order: &OrderRecord,
        request: &PlaceOrderRequest,
        release_ms: Option<i64>,
    ) -> anyhow::Result<Option<PlaceOrderResponse>> {
        let number = &order.external_order_number;
        let sent = Instant::now();
        if release_ms.is_none() {
            self.ledger.sending(number, sent);
        }
        let confirm = request.mode() == PlaceMode::Confirm;
        let answer = match client.place_order(request.clone()).await {
            Ok(answer) => answer,
            Err(status) if confirm && status.code() == Code::FailedPrecondition => {
                self.ledger.refused(number, &order.channel);
                return Ok(None);
            }
            Err(status) => return Err(refused(status)),
        };
        let expected = if confirm { PlaceOutcome::Confirmed } else { PlaceOutcome::Accepted };
        ensure!(answer.outcome() == expected, "it was answered {:?}", answer.outcome());
        let placed = Placed {
            order_id: answer.order_id.clone(),
            channel: order.channel.clone(),
            sent,
            lines: order.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect(),
            confirmed: confirm,
            cancelled: BTreeMap::new(),
            release_ms,
            changed: Changed::default(),
        };
        self.ledger.placed(number.clone(), placed);
        Ok(Some(answer))
    }

    /// Asks for a promise and holds the stock it stands on. `None` when there is not all of it, or it has gone meanwhile.
    async fn hold(&self, client: &Client, request: &PlaceOrderRequest) -> anyhow::Result<Option<String>> {
        let basket = Some(basket(request));
        let promise = PromiseRequest { basket, options_max: 1, ..Default::default() };
        let options = client.promise(promise).await.map_err(refused)?.options;
        let Some(plan) = options.into_iter().find(|option| !option.partial).and_then(|option| option.plan)
        else {
            return Ok(None);
        };
        let request = ReserveStockRequest {
            reason: "checkout".to_owned(),
            lines: claims(&plan, request),
            ttl_ms: HOLD_MS,
            ..Default::default()
        };
        match client.reserve_stock(request).await {
            Ok(answer) => {
                self.ledger.count(|counts| counts.holds += 1);
                Ok(Some(answer.reservation.context("a hold without a reservation")?.reservation_id))
            }
            Err(status) if status.code() == Code::FailedPrecondition => {
                self.ledger.count(|counts| counts.holds_refused += 1);
                Ok(None)
            }
            Err(status) => Err(refused(status)),
        }
    }

    /// A customer who presses the button twice gets the same order; who changes the basket meanwhile is refused.
    async fn repeat(
        &self,
        client: &Client,
        request: &PlaceOrderRequest,
        first: &PlaceOrderResponse,
        repeat: Repeat,
    ) -> anyhow::Result<()> {
        let mut again = request.clone();
        if repeat == Repeat::Other {
            again.lines[0].custom_attributes.insert("changed".to_owned(), "yes".to_owned());
        }
        match (repeat, client.place_order(again).await) {
            (Repeat::Same, Ok(second)) => {
                let same = second.order_id == first.order_id
                    && second.external_order_number == first.external_order_number
                    && second.outcome == first.outcome;
                ensure!(same, "sent twice, it was answered with {} and {}", first.order_id, second.order_id);
                self.ledger.count(|counts| counts.repeats_same += 1);
                Ok(())
            }
            (Repeat::Other, Err(status)) if status.code() == Code::AlreadyExists => {
                self.ledger.count(|counts| counts.repeats_other_refused += 1);
                Ok(())
            }
            (Repeat::Other, Ok(_)) => bail!("other content under the same number was accepted"),
            (_, Err(status)) => Err(refused(status).context("sent twice")),
        }
    }

    async fn afterwards(
        &self,
        client: &Client,
        index: u64,
        order: &OrderRecord,
        choice: &Choice,
        answer: &PlaceOrderResponse,
    ) -> anyhow::Result<()> {
        match choice.journey {
            Journey::CalledOff { line_only, when_reserved } => {
                if when_reserved {
                    until(client, &answer.order_id, is_reserved).await?;
                }
                return self.agents.call_off(order, answer, line_only && order.lines.len() > 1, false).await;
            }
            Journey::Accept | Journey::Confirm | Journey::HoldFirst | Journey::Soon | Journey::Later => {}
        }
        let Some((mind, moment)) = choice.mind else { return Ok(()) };
        match moment {
            Moment::AtOnce => {}
            Moment::Released => until(client, &answer.order_id, is_at_work).await?,
            Moment::Picked => until(client, &answer.order_id, is_in_hand).await?,
        }
        match mind {
            Mind::Amended => self.agents.amend(index, order, answer).await,
            Mind::CalledOff { line_only } => {
                self.agents.call_off(order, answer, line_only && order.lines.len() > 1, true).await
            }
        }
    }
}

/// Watches an order until it is as far as wanted.
async fn until(client: &Client, order_id: &str, is_there: fn(OrderStatus) -> bool) -> anyhow::Result<()> {
    let request = WatchOrderRequest { order_id: order_id.to_owned(), ..Default::default() };
    let mut stream = client.watch_order(request);
    while let Some(message) = stream.next().await {
        if is_there(message.map_err(refused)?.status()) {
            return Ok(());
        }
    }
    bail!("the stream of {order_id} ended before the order was as far as wanted")
}

/// Its units are reserved or wait for stock.
fn is_reserved(status: OrderStatus) -> bool {
    matches!(status, OrderStatus::Reserved | OrderStatus::Backordered | OrderStatus::Cancelled)
}

/// A node may be at work on it, or no node will be for now.
fn is_at_work(status: OrderStatus) -> bool {
    !matches!(status, OrderStatus::Pending | OrderStatus::Open | OrderStatus::Reserved)
}

/// A node has some of it in hand, or it is beyond that, or no node will have it for now.
fn is_in_hand(status: OrderStatus) -> bool {
    is_at_work(status) && status != OrderStatus::Released
}

/// What the planner is asked, from what will be ordered.
fn basket(request: &PlaceOrderRequest) -> Basket {
    let line = |line: &waybill_client::proto::orders::v1::PlaceLine| BasketLine {
        sku: line.sku.clone(),
        quantity: line.quantity,
        delivery_method: line.delivery_method,
        pickup_node_id: line.pickup_node_id.clone(),
        ..Default::default()
    };
    let destination = request.ship_to.as_ref().map(|address| Destination {
        country_code: address.country_code.clone(),
        postal_code: address.postal_code.clone(),
        location: address.location,
    });
    Basket { lines: request.lines.iter().map(line).collect(), destination, ..Default::default() }
}

/// The stock a plan stands on.
fn claims(plan: &SourcingPlan, request: &PlaceOrderRequest) -> Vec<StockQuantity> {
    let mut claims: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for assignment in &plan.assignments {
        let index = (assignment.line_number as usize).saturating_sub(1);
        if let Some(line) = request.lines.get(index) {
            *claims.entry((&line.sku, &assignment.node_id)).or_default() += assignment.quantity;
        }
    }
    let claim = |((sku, node_id), quantity): ((&str, &str), i64)| StockQuantity {
        sku: sku.to_owned(),
        node_id: node_id.to_owned(),
        quantity,
        ..Default::default()
    };
    claims.into_iter().map(claim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::fulfillment::v1::Assignment;
    use waybill_client::proto::orders::v1::PlaceLine;

    #[test]
    fn two_lines_of_one_sku_are_held_together() {
        let line = |sku: &str| PlaceLine { sku: sku.into(), quantity: 2, ..Default::default() };
        let request =
            PlaceOrderRequest { lines: vec![line("A"), line("A"), line("B")], ..Default::default() };
        let assignment = |line_number, node: &str, quantity| Assignment {
            line_number,
            node_id: node.into(),
            quantity,
            ..Default::default()
        };
        let assignments = vec![
            assignment(1, "C01", 2),
            assignment(2, "C01", 1),
            assignment(2, "S1", 1),
            assignment(3, "C01", 2),
        ];
        let plan = SourcingPlan { assignments, ..Default::default() };
        let held: Vec<_> =
            claims(&plan, &request).into_iter().map(|c| (c.sku, c.node_id, c.quantity)).collect();
        let expected = [("A", "C01", 3), ("A", "S1", 1), ("B", "C01", 2)];
        assert_eq!(held, expected.map(|(sku, node, quantity)| (sku.to_owned(), node.to_owned(), quantity)));
    }
}
