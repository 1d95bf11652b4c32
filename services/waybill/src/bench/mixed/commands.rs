//! The four commands as customers and agents give them: each a request on an order that is there, with what it came to.
//! Whoever changes an order looks at it first, as an agent does; the look is not part of the command. Nothing is
//! measured here but the one call.

use super::orders::{Known, Shop};
use crate::demo::load::refused;
use anyhow::{Context, ensure};
use std::time::{Duration, Instant};
use tonic::Code;
use waybill_client::proto::orders::v1::{
    AmendOrderRequest, AmendmentState, CancelOrderRequest, CreateReturnRequest, Disposition,
    FindReturnableRequest, GetOrderRequest, PlaceOutcome, ReceivedUnits, ReturnUnits,
    find_returnable_request, get_order_request,
};
use waybill_client::{Client, reason};
use waybill_fixtures::Prng;

/// What is asked of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Place,
    Amend,
    Cancel,
    Return,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Place, Self::Amend, Self::Cancel, Self::Return];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Amend => "amend",
            Self::Cancel => "cancel",
            Self::Return => "return",
        }
    }
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Applied,
    Refused(String),
}

/// A command that was given.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) kind: Kind,
    pub(super) took: Duration,
    pub(super) end: End,
}

/// A refusal that the business knows is an answer; anything else is a fault.
fn refusal(status: tonic::Status) -> anyhow::Result<End> {
    match status.code() {
        Code::FailedPrecondition | Code::Aborted => {
            Ok(End::Refused(reason(&status).unwrap_or_default().to_lowercase()))
        }
        _ => Err(refused(status)),
    }
}

impl Shop {
    /// Gives one command; `None` where there is no order that it could be given for.
    pub(super) async fn give(
        &self,
        client: &Client,
        kind: Kind,
        chance: &mut Prng,
    ) -> anyhow::Result<Option<Given>> {
        match kind {
            Kind::Place => self.place(client).await.map(Some),
            Kind::Amend => self.amend(client, chance).await,
            Kind::Cancel => self.cancel(client, chance).await,
            Kind::Return => self.bring_back(client, chance).await,
        }
    }

    async fn place(&self, client: &Client) -> anyhow::Result<Given> {
        self.warehouses.room(self.backlog).await;
        let (number, request) = self.next_order();
        let sent = Instant::now();
        self.ledger.sending(&number, sent);
        let answer = client.place_order(request).await.map_err(refused)?;
        let took = sent.elapsed();
        ensure!(answer.outcome() == PlaceOutcome::Accepted, "an order was answered {:?}", answer.outcome());
        self.known(Known { order_id: answer.order_id, number });
        Ok(Given { kind: Kind::Place, took, end: End::Applied })
    }

    async fn amend(&self, client: &Client, chance: &mut Prng) -> anyhow::Result<Option<Given>> {
        let Some(order_id) = self.any(chance).map(|known| known.order_id) else { return Ok(None) };
        let key = Some(get_order_request::Key::OrderId(order_id));
        let seen = client.get_order(GetOrderRequest { key, ..Default::default() }).await.map_err(refused)?;
        let seen = seen.order.context("an answer without the order")?;
        let request = AmendOrderRequest {
            order_id: seen.order_id.clone(),
            expected_revision: seen.revision,
            changes: vec![self.change(chance, &seen)],
            ..Default::default()
        };
        let sent = Instant::now();
        let answer = client.amend_order(request).await;
        let took = sent.elapsed();
        let end = match answer {
            Ok(answer) => {
                let amendment = answer.amendment.context("an answer without the amendment")?;
                match amendment.state() {
                    AmendmentState::Applied => End::Applied,
                    AmendmentState::Refused => End::Refused(amendment.refusal),
                    AmendmentState::Pending => End::Refused("still pending".to_owned()),
                    AmendmentState::Unspecified => anyhow::bail!("an amendment in no state"),
                }
            }
            Err(status) => refusal(status)?,
        };
        Ok(Some(Given { kind: Kind::Amend, took, end }))
    }

    async fn cancel(&self, client: &Client, chance: &mut Prng) -> anyhow::Result<Option<Given>> {
        let Some(known) = self.take_any(chance) else { return Ok(None) };
        let request = CancelOrderRequest { order_id: known.order_id, ..Default::default() };
        let sent = Instant::now();
        let answer = client.cancel_order(request).await;
        let took = sent.elapsed();
        let end = match answer {
            // Units that a node is asked about are on their way back as far as the caller is concerned.
            Ok(answer) if answer.lines.iter().any(|line| line.cancelled + line.cancel_requested > 0) => {
                End::Applied
            }
            Ok(answer) if answer.lines.iter().any(|line| line.too_late > 0) => {
                End::Refused("too_late".to_owned())
            }
            Ok(_) => End::Refused("nothing_left".to_owned()),
            Err(status) => refusal(status)?,
        };
        Ok(Some(Given { kind: Kind::Cancel, took, end }))
    }

    /// The first line that can come back of the oldest order, at once, at a place that takes goods back.
    async fn bring_back(&self, client: &Client, chance: &mut Prng) -> anyhow::Result<Option<Given>> {
        let Some(known) = self.take_oldest() else { return Ok(None) };
        let by = Some(find_returnable_request::By::Receipt(known.number.clone()));
        let request = FindReturnableRequest { by, ..Default::default() };
        let found = client.find_returnable(request).await.map_err(refused)?.orders;
        let Some(line) = found.into_iter().flat_map(|order| order.lines).next() else {
            // Nothing of it has arrived, or all of it is back: it is of no use for this any more.
            return Ok(None);
        };
        let why = "it does not fit".to_owned();
        let request = CreateReturnRequest {
            order_id: known.order_id,
            lines: vec![ReturnUnits { line_number: line.line_number, quantity: line.returnable, why }],
            node_id: chance.pick(&self.takes_back).clone(),
            received: vec![ReceivedUnits {
                line_number: line.line_number,
                quantity: line.returnable,
                disposition: Disposition::Sellable.into(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let sent = Instant::now();
        let answer = client.create_return(request).await;
        let took = sent.elapsed();
        let end = match answer {
            Ok(_) => End::Applied,
            Err(status) => refusal(status)?,
        };
        Ok(Some(Given { kind: Kind::Return, took, end }))
    }
}
