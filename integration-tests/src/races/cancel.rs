//! Cancels in races: against the pick, and against the lorry.

use super::Outcome;
use super::round::{Round, Work, lost};
use anyhow::{bail, ensure};
use std::collections::BTreeMap;
use tonic::Status;
use waybill_proto::fulfillment::v1::{AnswerCancelRequest, FulfillmentOrder, ParcelContent};
use waybill_proto::orders::v1::{CancelOrderResponse, UnitBuckets};

/// The customer calls while the node picks. A pick that comes first makes it the node's word; here it puts everything
/// back, so that only the way differs and not the end.
pub(super) async fn against_pick(round: &mut Round<'_>) -> anyhow::Result<Outcome> {
    let (seen, mut work) = round.released(2).await?;
    let at_node = round.at_node(&work).await?;
    let (one, other) = (round.moment(), round.moment());
    let cancel = async {
        one.await;
        round.cancel(&seen).await
    };
    let pick = async {
        other.await;
        match work.pick(&at_node).await {
            Ok(picked) => {
                // In hand now: the question comes, or has come already.
                answered(round, &work, picked).await?;
                Ok(None)
            }
            Err(status) => anyhow::Ok(Some(lost(&status)?)),
        }
    };
    let (cancelled, stale) = tokio::join!(cancel, pick);
    let (cancelled, stale) = (cancelled?, stale?);
    let units = units(round, &seen.order_id).await?;
    ensure!(stopped(&cancelled) == (2, 0, 0) && units.cancelled == 2, "{cancelled:?}, {units:?}");
    Ok(match stale {
        Some(told) => Outcome { winner: "cancel", told },
        None => Outcome { winner: "pick, then put back", told: "asked".to_owned() },
    })
}

/// The customer calls while the parcel goes into the lorry. A node that hears of it first puts it back.
pub(super) async fn against_ship(round: &mut Round<'_>) -> anyhow::Result<Outcome> {
    let (seen, mut work) = round.released(2).await?;
    let at_node = round.at_node(&work).await?;
    let picked = work.pick(&at_node).await?;
    let packed = work.desk.pack(&picked).await?;
    let (one, other) = (round.moment(), round.moment());
    let cancel = async {
        one.await;
        round.cancel(&seen).await
    };
    let ship = async {
        other.await;
        match work.desk.ship(&packed).await {
            Ok(_) => Ok(None),
            Err(status) => {
                let told = lost(&status)?;
                let order = round.look(&work).await?;
                answered(round, &work, order).await?;
                anyhow::Ok(Some(told))
            }
        }
    };
    let (cancelled, stale) = tokio::join!(cancel, ship);
    let (cancelled, stale): (CancelOrderResponse, _) = (cancelled?, stale?);
    let units = units(round, &seen.order_id).await?;
    match (stopped(&cancelled), stale) {
        ((2, 0, 0), Some(told)) => {
            ensure!((units.cancelled, units.shipped) == (2, 0), "the cancel won: {units:?}");
            Ok(Outcome { winner: "cancel", told })
        }
        ((0, 0, 2), None) => {
            ensure!((units.cancelled, units.shipped) == (0, 2), "the lorry won: {units:?}");
            Ok(Outcome { winner: "ship", told: "too late".to_owned() })
        }
        (told, stale) => bail!("the cancel was told {told:?}, the lorry {stale:?}"),
    }
}

/// Units cancelled, still asked for, too late.
fn stopped(answer: &CancelOrderResponse) -> (i64, i64, i64) {
    let line = |line: &waybill_proto::orders::v1::CancelLineResult| {
        (line.cancelled, line.cancel_requested, line.too_late)
    };
    answer
        .lines
        .iter()
        .map(line)
        .fold((0, 0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1, sum.2 + line.2))
}

/// Where the units of the first line are, once no message is under way about it.
async fn units(round: &Round<'_>, order_id: &str) -> anyhow::Result<UnitBuckets> {
    let rests = |units: &UnitBuckets| units.released + units.picked == 0;
    let fits = |order: &waybill_proto::orders::v1::Order| rests(&order.lines[0].buckets.unwrap_or_default());
    let order = round.world.order_when(order_id, fits).await?;
    Ok(order.lines[0].buckets.unwrap_or_default())
}

/// Waits until the node is asked to put units back, and puts all of them back.
async fn answered(round: &Round<'_>, work: &Work, mut order: FulfillmentOrder) -> anyhow::Result<()> {
    loop {
        if order.cancel_asks.is_empty() {
            let asked = |order: FulfillmentOrder| (!order.cancel_asks.is_empty()).then_some(order);
            order = crate::world::until("a cancel that is asked of the node", || async {
                Ok(asked(round.look(work).await?))
            })
            .await?;
        }
        match answer(round, &order).await {
            Ok(()) => return Ok(()),
            Err(status) => {
                lost(&status)?;
                order = round.look(work).await?;
            }
        }
    }
}

async fn answer(round: &Round<'_>, order: &FulfillmentOrder) -> Result<(), Status> {
    let mut wanted: BTreeMap<u32, i64> = BTreeMap::new();
    for some in order.cancel_asks.iter().flat_map(|ask| &ask.units) {
        *wanted.entry(some.line_number).or_default() += some.quantity;
    }
    let content = |(line_number, quantity)| ParcelContent { line_number, quantity };
    let request = AnswerCancelRequest {
        request_id: format!("{}-answer-{}", round.name, order.revision),
        fulfillment_order_id: order.fulfillment_order_id.clone(),
        revision: order.revision,
        stopped: wanted.into_iter().map(content).collect(),
        ..Default::default()
    };
    round.world.fulfillment().answer_cancel(request).await.map(|_| ())
}
