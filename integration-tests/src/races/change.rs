//! Amendments in races: against the node that picks, and against an amendment from another channel.

use super::Outcome;
use super::round::{Round, lost};
use anyhow::{Context, bail, ensure};
use tonic::Status;
use waybill_proto::orders::v1::order_change::Change;
use waybill_proto::orders::v1::{AmendOrderResponse, AmendmentState, Order, SetQuantityChange, UnitAmounts};

/// Three units are with a node; one is to be left while the node picks all three.
pub(super) async fn against_pick(round: &mut Round<'_>) -> anyhow::Result<Outcome> {
    let (seen, mut work) = round.released(3).await?;
    let at_node = round.at_node(&work).await?;
    let (one, other) = (round.moment(), round.moment());
    let amend = async {
        one.await;
        round.amend("call_center", &seen, to(1, None)).await
    };
    let pick = async {
        other.await;
        work.pick(&at_node).await
    };
    let (amended, picked) = tokio::join!(amend, pick);
    let (applied, told) = came_to(amended)?;
    let order = round.world.order_when(&seen.order_id, |order| pending(order).is_none()).await?;
    let units = order.lines[0].buckets.unwrap_or_default();
    match (applied, picked) {
        (true, Err(status)) => {
            ensure!((units.cancelled, units.picked) == (2, 0), "the amendment won: {units:?}");
            // What is left is picked as if it had never been more.
            let at_node = round.look(&work).await?;
            work.pick(&at_node).await?;
            Ok(Outcome { winner: "amend", told: lost(&status)? })
        }
        (false, Ok(_)) => {
            ensure!(units.cancelled == 0, "the pick won: {units:?}");
            Ok(Outcome { winner: "pick", told })
        }
        (applied, picked) => bail!("amended: {applied} ({told}), picked: {picked:?}"),
    }
}

/// Two channels change the quantity of one line, having seen the same order. When a third thing has happened to the order
/// since, such as its node having heard of it, both are told so and look again.
pub(super) async fn against_each_other(round: &mut Round<'_>) -> anyhow::Result<Outcome> {
    let mut seen = round.waiting(3).await?;
    for _ in 0..LOOKS_MAX {
        if let Some(outcome) = both(round, &seen).await? {
            return Ok(outcome);
        }
        round.name.push('+');
        seen = round.world.order(&seen.order_id).await?;
    }
    bail!("order {} changed {LOOKS_MAX} times while nobody was at work on it", seen.order_id)
}

const LOOKS_MAX: u32 = 5;

/// `None` when the order was not as seen for either.
async fn both(round: &mut Round<'_>, seen: &Order) -> anyhow::Result<Option<Outcome>> {
    let price = seen.lines[0].amounts.as_ref().and_then(|amounts| amounts.unit_price.clone());
    let added = UnitAmounts { unit_price: price.clone(), total: price, ..Default::default() };
    let (one, other) = (round.moment(), round.moment());
    let web = async {
        one.await;
        round.amend("web", seen, to(2, None)).await
    };
    let call_center = async {
        other.await;
        round.amend("call_center", seen, to(4, Some(added))).await
    };
    let (web, call_center) = tokio::join!(web, call_center);
    let ((web, web_told), (call_center, call_told)) = (came_to(web)?, came_to(call_center)?);
    let order = round.world.order(&seen.order_id).await?;
    let line = &order.lines[0];
    let live = line.quantity - line.buckets.unwrap_or_default().cancelled;
    match (web, call_center) {
        (true, false) => {
            ensure!(live == 2, "web won, and {live} units are left");
            Ok(Some(Outcome { winner: "web", told: call_told }))
        }
        (false, true) => {
            ensure!(live == 4, "the call centre won, and {live} units are left");
            Ok(Some(Outcome { winner: "call centre", told: web_told }))
        }
        (false, false) if order.revision > seen.revision && live == 3 => Ok(None),
        (web, call_center) => bail!("applied: {web} in web ({web_told}), {call_center} ({call_told})"),
    }
}

fn to(quantity: i64, added: Option<UnitAmounts>) -> Change {
    Change::SetQuantity(SetQuantityChange { line_number: 1, quantity, added })
}

fn pending(order: &Order) -> Option<u32> {
    let pending = order.amendments.iter().find(|some| some.state() == AmendmentState::Pending);
    pending.map(|amendment| amendment.amendment)
}

/// Whether it was applied, and if not, why.
fn came_to(answer: Result<AmendOrderResponse, Status>) -> anyhow::Result<(bool, String)> {
    let amendment = match answer {
        Ok(answer) => answer.amendment.context("an answer without the amendment")?,
        Err(status) => return Ok((false, lost(&status)?)),
    };
    match amendment.state() {
        AmendmentState::Applied => Ok((true, String::new())),
        AmendmentState::Refused => Ok((false, amendment.refusal)),
        state => bail!("an amendment ended {state:?}"),
    }
}
