//! After delivery: customers bring goods back to stores that never saw the order, get money or other goods for them, and
//! now and then try two tills with one unit. What each till was told to pay back must be what the books say at the end.

use super::ledger::Ledger;
use super::load::refused;
use super::world::World;
use crate::records;
use anyhow::{Context, ensure};
use futures::stream::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;
use tonic::{Code, Status};
use waybill_client::proto::common::v1::Money;
use waybill_client::proto::orders::v1::{
    CreateReturnRequest, CreateReturnResponse, DeliveryMethod, Disposition, FindReturnableRequest,
    LineAmounts, Order, PlaceLine, ReceiveReturnRequest, ReceivedUnits, ReturnUnits, ReturnableLine,
    ReturnableOrder, find_returnable_request,
};
use waybill_client::{Client, Identity, reason};
use waybill_fixtures::Prng;

const PURPOSE_RETURN: u64 = 64;
/// Of a thousand orders of which something arrived, so many are brought back, whole or in part.
const RETURNED_PERMILLE: u64 = 110;
/// Customers at tills at the same time.
const TILLS: usize = 32;

/// How goods come back.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// At once at a till, for money.
    Till,
    /// Announced first, brought to another store later.
    Announced,
    /// For the same thing, at once.
    Exchange,
    /// At two tills at once.
    TwoTills,
}

/// Everything that returns need.
pub(crate) struct Returns {
    pub(crate) clients: Vec<Client>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) world: Arc<World>,
}

impl Returns {
    /// Brings a share of the delivered orders back.
    ///
    /// # Errors
    /// There are not two places that take goods back. A refusal that must not be, or a refund that is not what was shown,
    /// is a fault in the ledger.
    pub(crate) async fn run(&self, orders: &HashMap<String, Order>) -> anyhow::Result<()> {
        let nodes = self.world.retailer.nodes.iter().filter(|node| node.accepts_returns && !node.inactive);
        let stores: Vec<&str> = nodes.map(|node| node.node_id.as_str()).collect();
        ensure!(stores.len() > 1, "there are not two places that take goods back");
        let mut numbers: Vec<&String> = orders.keys().collect();
        numbers.sort();
        let brought = (0u64..).zip(numbers).filter_map(|(index, number)| {
            let mut chance = Prng::stream(self.world.shape.seed, PURPOSE_RETURN, index);
            let arrived =
                orders[number].lines.iter().any(|line| line.buckets.unwrap_or_default().delivered > 0);
            (arrived && chance.chance(RETURNED_PERMILLE)).then_some((index, number, chance))
        });
        let bring = |(index, number, chance): (u64, &String, Prng)| {
            let (client, order, stores) =
                (&self.clients[index as usize % self.clients.len()], &orders[number], &stores);
            let number = number.clone();
            async move {
                if let Err(fault) = self.bring(client, order, stores, chance).await {
                    self.ledger.fault(format!("order {number} was brought back: {fault:#}"));
                }
            }
        };
        futures::stream::iter(brought).for_each_concurrent(TILLS, bring).await;
        Ok(())
    }

    /// One customer: finds a store that did not serve the order, and shows the receipt.
    async fn bring(
        &self,
        client: &Client,
        order: &Order,
        stores: &[&str],
        mut chance: Prng,
    ) -> anyhow::Result<()> {
        let served = |store: &str| order.fulfillment_orders.iter().any(|work| work.node_id == store);
        let mut store = || loop {
            let store = *chance.pick(stores);
            if !served(store) || stores.len() < 50 {
                return store.to_owned();
            }
        };
        let (here, there) = (store(), store());
        let till = client.with_identity(Identity::new("store", &format!("till-{here}"), "channel")?);
        let Some((shown, line)) = returnable(&till, order).await? else { return Ok(()) };
        let whole = chance.chance(400) || line.quantity_scale > 0;
        let (quantity, worth) = match whole {
            true => (line.returnable, line.all_units.clone()),
            false => (1, line.next_unit.clone()),
        };
        let worth = worth.context("what can be returned has no worth")?;
        let back = Back { order, shown, line, quantity, worth };
        match chance.below(20) {
            0..=11 => self.at_till(Way::Till, &till, &here, &back).await,
            12..=14 => self.announced(&till, &there, &back).await,
            15..=17 if back.line.quantity_scale == 0 && back.worth.minor_units > 0 => {
                self.at_till(Way::Exchange, &till, &here, &back).await
            }
            _ => self.two_tills(&till, &here, &there, &back).await,
        }
    }

    async fn at_till(&self, way: Way, till: &Client, node: &str, back: &Back<'_>) -> anyhow::Result<()> {
        let mut request = back.request();
        back.lies_at(&mut request, node);
        let is_exchange = matches!(way, Way::Exchange);
        if is_exchange {
            request.replacements = vec![back.replacement()];
        }
        let answer = match till.create_return(request).await {
            Ok(answer) => answer,
            Err(status) if way.may_refuse(&status) => return self.not_taken(way, &status),
            Err(status) => return Err(refused(status)),
        };
        let expected = if is_exchange { 0 } else { back.worth.minor_units };
        back.is_paid(answer.refund.as_ref(), expected)?;
        self.taken(way, back, expected);
        if is_exchange {
            let line = (back.line.sku.clone(), 1);
            self.ledger.changed(&back.order.external_order_number, |placed| placed.lines.push(line));
        }
        Ok(())
    }

    async fn announced(&self, till: &Client, node: &str, back: &Back<'_>) -> anyhow::Result<()> {
        let answer: CreateReturnResponse = till.create_return(back.request()).await.map_err(refused)?;
        let made = answer.r#return.context("an answer without the return")?;
        let request = ReceiveReturnRequest {
            return_id: made.return_id,
            node_id: node.to_owned(),
            lines: vec![back.received(Disposition::Inspect)],
            ..Default::default()
        };
        let answer = till.receive_return(request).await.map_err(refused)?;
        back.is_paid(answer.refund.as_ref(), back.worth.minor_units)?;
        self.taken(Way::Announced, back, back.worth.minor_units);
        Ok(())
    }

    /// The same units at two tills at once: one takes them.
    async fn two_tills(&self, till: &Client, one: &str, other: &str, back: &Back<'_>) -> anyhow::Result<()> {
        let back = &Back {
            quantity: back.line.returnable,
            worth: back.line.all_units.clone().unwrap_or_default(),
            ..back.clone()
        };
        let at = |node: &str| {
            let mut request = back.request();
            back.lies_at(&mut request, node);
            till.create_return(request)
        };
        let (first, second) = tokio::join!(at(one), at(other));
        ensure!(first.is_ok() != second.is_ok(), "two tills answered {first:?} and {second:?}");
        for answer in [first, second] {
            match answer {
                Ok(answer) => {
                    back.is_paid(answer.refund.as_ref(), back.worth.minor_units)?;
                    self.taken(Way::TwoTills, back, back.worth.minor_units);
                }
                Err(status) if Way::TwoTills.may_refuse(&status) => self.not_taken(Way::TwoTills, &status)?,
                Err(status) => return Err(refused(status)),
            }
        }
        Ok(())
    }

    fn taken(&self, way: Way, back: &Back<'_>, refunded_minor: i64) {
        self.ledger.outcome(way.name(), "taken");
        self.ledger.changed(&back.order.external_order_number, |placed| {
            *placed.changed.returned.entry(back.line.line_number).or_default() += back.quantity;
            placed.changed.refunded_minor += refunded_minor;
        });
    }

    fn not_taken(&self, way: Way, status: &Status) -> anyhow::Result<()> {
        self.ledger
            .outcome(way.name(), &reason(status).context("a refusal without a reason")?.to_lowercase());
        Ok(())
    }
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Till => "return at a till",
            Self::Announced => "return announced",
            Self::Exchange => "exchange",
            Self::TwoTills => "two tills",
        }
    }

    /// Only the second of two tills is told no: the units are not there any more, or the order has changed under it.
    fn may_refuse(self, status: &Status) -> bool {
        matches!(self, Self::TwoTills) && matches!(status.code(), Code::FailedPrecondition | Code::Aborted)
    }
}

/// What one customer brings.
#[derive(Clone)]
struct Back<'a> {
    order: &'a Order,
    shown: ReturnableOrder,
    line: ReturnableLine,
    quantity: i64,
    worth: Money,
}

impl Back<'_> {
    fn request(&self) -> CreateReturnRequest {
        let why = "it does not fit".to_owned();
        CreateReturnRequest {
            order_id: self.shown.order_id.clone(),
            // Work on the rest of the order goes on meanwhile: whatever revision it has, these units are delivered.
            expected_revision: 0,
            lines: vec![ReturnUnits { line_number: self.line.line_number, quantity: self.quantity, why }],
            ..Default::default()
        }
    }

    fn received(&self, disposition: Disposition) -> ReceivedUnits {
        ReceivedUnits {
            line_number: self.line.line_number,
            quantity: self.quantity,
            disposition: disposition.into(),
            ..Default::default()
        }
    }

    fn lies_at(&self, request: &mut CreateReturnRequest, node: &str) {
        node.clone_into(&mut request.node_id);
        request.received = vec![self.received(Disposition::Sellable)];
    }

    /// One piece of the same item, at exactly what comes back is worth, sent home or fetched like the first.
    fn replacement(&self) -> PlaceLine {
        let line = self.order.lines.iter().find(|line| line.line_number == self.line.line_number);
        let (method, node) = line.map_or((DeliveryMethod::ShipHome, String::new()), |line| {
            (line.delivery_method(), line.pickup_node_id.clone())
        });
        let worth = || Some(records::money(&self.worth.currency_code, self.worth.minor_units));
        PlaceLine {
            sku: self.line.sku.clone(),
            quantity: 1,
            delivery_method: method.into(),
            pickup_node_id: node,
            amounts: Some(LineAmounts { unit_price: worth(), total: worth(), ..Default::default() }),
            ..Default::default()
        }
    }

    fn is_paid(&self, refund: Option<&Money>, expected_minor: i64) -> anyhow::Result<()> {
        let paid = refund.map_or(0, |money| money.minor_units);
        ensure!(paid == expected_minor, "{paid} was paid back for what was shown as worth {expected_minor}");
        Ok(())
    }
}

/// What the receipt gives: the order, and its first line of which something can come back.
async fn returnable(
    till: &Client,
    order: &Order,
) -> anyhow::Result<Option<(ReturnableOrder, ReturnableLine)>> {
    let by = find_returnable_request::By::Receipt(order.external_order_number.clone());
    let request = FindReturnableRequest { by: Some(by), ..Default::default() };
    let found = till.find_returnable(request).await.map_err(refused)?;
    let shown = found.orders.into_iter().find(|shown| shown.order_id == order.order_id);
    Ok(shown.and_then(|shown| {
        let line = shown.lines.first().cloned()?;
        Some((shown, line))
    }))
}
