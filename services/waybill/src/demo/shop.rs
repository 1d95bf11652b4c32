//! The channels: customers who place orders, some after holding stock, some twice, and agents who call orders off in
//! another channel. Every acknowledgement goes into the ledger.

use super::journey::{Choice, Journey, Repeat, choose};
use super::ledger::{Ledger, Placed};
use super::load::refused;
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
    CancelLine, CancelLineOutcome, CancelOrderRequest, FindOrdersRequest, OrderStatus, PlaceMode,
    PlaceOrderRequest, PlaceOrderResponse, PlaceOutcome, WatchOrderRequest,
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
    /// Never, unless a channel's name cannot be sent.
    pub(crate) fn new(
        clients: &[Client],
        ledger: Arc<Ledger>,
        seed: u64,
        done: ProgressBar,
        watched: mpsc::UnboundedSender<String>,
    ) -> anyhow::Result<Self> {
        let mut channels = HashMap::new();
        for (index, (channel, ..)) in CHANNELS.into_iter().enumerate() {
            let identity = Identity::new(channel, &format!("{channel}-1"), "channel")?;
            channels.insert(channel.to_owned(), clients[index % clients.len()].with_identity(identity));
        }
        let (placed, _) = watch::channel(0);
        Ok(Self { channels, ledger, seed, done, placed, watched })
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
        self.afterwards(client, &order, &choice, &answer).await
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
        order: &OrderRecord,
        choice: &Choice,
        answer: &PlaceOrderResponse,
    ) -> anyhow::Result<()> {
        match choice.journey {
            Journey::CalledOff { line_only, when_reserved } => {
                if when_reserved {
                    until_reserved(client, &answer.order_id).await?;
                }
                self.call_off(order, answer, line_only && order.lines.len() > 1).await
            }
            Journey::Accept | Journey::Confirm | Journey::HoldFirst | Journey::Soon | Journey::Later => {
                Ok(())
            }
        }
    }

    /// An agent in another channel finds the order by its e-mail address and calls it off, or its last line.
    async fn call_off(
        &self,
        order: &OrderRecord,
        answer: &PlaceOrderResponse,
        line_only: bool,
    ) -> anyhow::Result<()> {
        let elsewhere = if order.channel == "call_center" { "store" } else { "call_center" };
        let agent = self.channels.get(elsewhere).context("no other channel")?;
        self.find(agent, order, answer).await?;
        let last = answer.lines.iter().map(|line| line.line_number).max().unwrap_or(1);
        let lines =
            if line_only { vec![CancelLine { line_number: last, quantity: None }] } else { Vec::new() };
        let request = CancelOrderRequest {
            order_id: answer.order_id.clone(),
            reason: "the customer called".to_owned(),
            lines,
            ..Default::default()
        };
        let cancelled = agent.cancel_order(request).await.map_err(refused)?;
        self.ledger.count(|counts| counts.cancels += 1);
        for line in cancelled.lines {
            // Nothing of it is released before tomorrow, so no cancel can come too late.
            ensure!(
                line.outcome() == CancelLineOutcome::Cancelled,
                "a cancel was answered {:?}",
                line.outcome()
            );
            self.ledger.cancelled(&order.external_order_number, line.line_number, line.cancelled);
        }
        Ok(())
    }

    async fn find(
        &self,
        agent: &Client,
        order: &OrderRecord,
        answer: &PlaceOrderResponse,
    ) -> anyhow::Result<()> {
        let mut page_token = String::new();
        loop {
            let request = FindOrdersRequest {
                email: order.contact.email.clone(),
                after: answer.token.clone(),
                page_token,
                ..Default::default()
            };
            let page = agent.find_orders(request).await.map_err(refused)?;
            if page.orders.iter().any(|found| found.order_id == answer.order_id) {
                return Ok(());
            }
            ensure!(!page.next_page_token.is_empty(), "its customer's e-mail address does not lead to it");
            page_token = page.next_page_token;
        }
    }
}

/// Watches an order until its units are reserved or wait for stock.
async fn until_reserved(client: &Client, order_id: &str) -> anyhow::Result<()> {
    let request = WatchOrderRequest { order_id: order_id.to_owned(), ..Default::default() };
    let mut stream = client.watch_order(request);
    while let Some(message) = stream.next().await {
        let status = message.map_err(refused)?.status();
        if matches!(status, OrderStatus::Reserved | OrderStatus::Backordered | OrderStatus::Cancelled) {
            return Ok(());
        }
    }
    bail!("the stream of {order_id} ended before it was reserved")
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
