//! Agents in other channels than the one an order came from: they find it, change it or call it off while nodes may be at
//! work on it, and write down what was acknowledged. Whether a change comes in time is the engine's word alone.

pub(crate) mod change;

use super::ledger::Ledger;
use super::load::refused;
use super::world::World;
use anyhow::{Context, bail, ensure};
use change::{Change, Goods};
use std::collections::HashMap;
use std::sync::Arc;
use tonic::Code;
use waybill_client::proto::orders::v1::{
    AmendOrderRequest, Amendment, AmendmentState, AmendmentWait, CancelLine, CancelLineOutcome,
    CancelOrderRequest, CancelOrderResponse, DecideAmendmentRequest, FindOrdersRequest, GetOrderRequest,
    Order, PlaceOrderResponse, PreviewAmendmentRequest, get_order_request,
};
use waybill_client::{Client, Identity, reason};
use waybill_fixtures::Prng;
use waybill_formats::OrderRecord;

const PURPOSE_CHANGE: u64 = 63;
/// How long an agent waits for the outcome, in milliseconds.
const WAIT_MS: i64 = 30_000;
/// How often an agent reads the order again because it changed in between.
const READS_MAX: u32 = 50;

/// All agents.
pub(crate) struct Agents {
    channels: HashMap<String, Client>,
    ledger: Arc<Ledger>,
    goods: Goods,
    seed: u64,
}

impl Agents {
    /// Agents in these channels.
    ///
    /// # Errors
    /// A world without an item that is counted in pieces, or without a store.
    pub(crate) fn new(
        channels: HashMap<String, Client>,
        ledger: Arc<Ledger>,
        world: &World,
        seed: u64,
    ) -> anyhow::Result<Self> {
        Ok(Self { channels, ledger, goods: Goods::of(world)?, seed })
    }

    /// Somebody in another channel than the order's.
    fn elsewhere(&self, channel: &str) -> anyhow::Result<&Client> {
        let elsewhere = if channel == "call_center" { "store" } else { "call_center" };
        self.channels.get(elsewhere).context("no other channel")
    }

    /// Finds the order and changes it, in one of ten ways. A change that meets another is decided anew.
    pub(crate) async fn amend(
        &self,
        index: u64,
        order: &OrderRecord,
        answer: &PlaceOrderResponse,
    ) -> anyhow::Result<()> {
        let agent = self.elsewhere(&order.channel)?;
        let mut chance = Prng::stream(self.seed, PURPOSE_CHANGE, index);
        let is_careful = chance.chance(250);
        for _ in 0..READS_MAX {
            let seen = get(agent, answer).await?;
            let change = Change::choose(&mut chance.clone(), &self.goods, &seen);
            if is_careful {
                self.preview(agent, &seen, &change).await?;
            }
            let request = AmendOrderRequest {
                reason: "the customer called".to_owned(),
                order_id: seen.order_id.clone(),
                expected_revision: seen.revision,
                changes: vec![change.asked.clone()],
                wait_ms: WAIT_MS,
                ..Default::default()
            };
            match agent.amend_order(request).await {
                Ok(answer) => {
                    let amendment = answer.amendment.context("an answer without the amendment")?;
                    let amendment = self.approved(agent, &seen.order_id, amendment).await?;
                    return self.written(order, &change, &amendment);
                }
                Err(status) if status.code() == Code::Aborted => {
                    self.ledger.count(|counts| counts.read_again += 1);
                }
                Err(status) if status.code() == Code::FailedPrecondition => {
                    let why = reason(&status).unwrap_or_else(|| "no reason".to_owned());
                    self.ledger.outcome(change.kind, &why.to_lowercase());
                    return Ok(());
                }
                Err(status) => return Err(refused(status).context(format!("to change: {}", change.kind))),
            }
        }
        bail!("it changed {READS_MAX} times before it could be amended")
    }

    /// Where the order policy wants somebody's yes, an operator gives it.
    async fn approved(
        &self,
        agent: &Client,
        order_id: &str,
        amendment: Amendment,
    ) -> anyhow::Result<Amendment> {
        if amendment.waits_for() != AmendmentWait::Approval {
            return Ok(amendment);
        }
        let operator = agent.with_identity(Identity::new("call_center", "supervisor", "operator")?);
        let request = DecideAmendmentRequest {
            order_id: order_id.to_owned(),
            amendment: amendment.amendment,
            approve: true,
            wait_ms: WAIT_MS,
            ..Default::default()
        };
        let answer = operator.decide_amendment(request).await.map_err(refused)?;
        self.ledger.count(|counts| counts.approved += 1);
        answer.amendment.context("an answer without the amendment")
    }

    fn written(&self, order: &OrderRecord, change: &Change, amendment: &Amendment) -> anyhow::Result<()> {
        let number = &order.external_order_number;
        match amendment.state() {
            AmendmentState::Applied => {
                self.ledger.outcome(change.kind, "applied");
                self.ledger.changed(number, |placed| change.write(placed));
            }
            AmendmentState::Refused => self.ledger.outcome(change.kind, &amendment.refusal),
            AmendmentState::Pending => {
                self.ledger.outcome(change.kind, "pending");
                self.ledger.changed(number, |placed| placed.changed.unknown = true);
            }
            AmendmentState::Unspecified => bail!("an amendment in no state"),
        }
        Ok(())
    }

    /// A preview changes nothing and needs nothing but the current revision.
    async fn preview(&self, agent: &Client, seen: &Order, change: &Change) -> anyhow::Result<()> {
        let request = PreviewAmendmentRequest {
            order_id: seen.order_id.clone(),
            expected_revision: seen.revision,
            changes: vec![change.asked.clone()],
            ..Default::default()
        };
        match agent.preview_amendment(request).await {
            Ok(preview) => {
                ensure!(preview.changes.len() == 1, "a preview of one change told {}", preview.changes.len());
                self.ledger.count(|counts| counts.previews += 1);
                Ok(())
            }
            Err(status) if status.code() == Code::Aborted => Ok(()),
            Err(status) => Err(refused(status).context(format!("to preview: {}", change.kind))),
        }
    }

    /// Finds the order by its e-mail address and calls it off, or its last line, whatever nodes do with it meanwhile.
    pub(crate) async fn call_off(
        &self,
        order: &OrderRecord,
        answer: &PlaceOrderResponse,
        line_only: bool,
        is_race: bool,
    ) -> anyhow::Result<()> {
        let agent = self.elsewhere(&order.channel)?;
        find(agent, order, answer).await?;
        let number = &order.external_order_number;
        if is_race {
            self.ledger.changed(number, |placed| placed.changed.raced = true);
        }
        let last = answer.lines.iter().map(|line| line.line_number).max().unwrap_or(1);
        let request = CancelOrderRequest {
            order_id: answer.order_id.clone(),
            reason: "the customer called".to_owned(),
            lines: if line_only {
                vec![CancelLine { line_number: last, quantity: None }]
            } else {
                Vec::new()
            },
            wait_ms: WAIT_MS,
            ..Default::default()
        };
        let cancelled = agent.cancel_order(request).await.map_err(refused)?;
        self.ledger.count(|counts| counts.cancels += 1);
        for line in &cancelled.lines {
            self.ledger.cancelled(number, line.line_number, line.cancelled);
        }
        if is_race {
            self.ledger.outcome("called off", self.came_to(number, &cancelled));
        } else {
            // Nothing of it is released before tomorrow, so no cancel can come too late.
            let whole = |line: &_| outcome(line) == CancelLineOutcome::Cancelled;
            ensure!(cancelled.lines.iter().all(whole), "a cancel was answered {:?}", cancelled.lines);
        }
        Ok(())
    }

    fn came_to(&self, number: &str, cancelled: &CancelOrderResponse) -> &'static str {
        let sum = |of: fn(&waybill_client::proto::orders::v1::CancelLineResult) -> i64| -> i64 {
            cancelled.lines.iter().map(of).sum()
        };
        let (stopped, open) = (sum(|line| line.cancelled), sum(|line| line.cancel_requested));
        let too_late = sum(|line| line.too_late);
        if open > 0 {
            self.ledger.changed(number, |placed| placed.changed.unknown = true);
            return "pending";
        }
        match (stopped > 0, too_late > 0) {
            (true, false) => "stopped",
            (true, true) => "stopped in part",
            (false, true) => "too late",
            (false, false) => "nothing left",
        }
    }
}

fn outcome(line: &waybill_client::proto::orders::v1::CancelLineResult) -> CancelLineOutcome {
    line.outcome()
}

/// The order as it is now, at least as its acknowledgement left it.
async fn get(agent: &Client, answer: &PlaceOrderResponse) -> anyhow::Result<Order> {
    let key = Some(get_order_request::Key::OrderId(answer.order_id.clone()));
    let found =
        agent.get_order(GetOrderRequest { key, after: answer.token.clone() }).await.map_err(refused)?;
    found.order.context("an answer without the order")
}

async fn find(agent: &Client, order: &OrderRecord, answer: &PlaceOrderResponse) -> anyhow::Result<()> {
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
