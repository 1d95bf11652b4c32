//! PlaceOrder: sealed, put to the partition of its number, and for CONFIRM waited for.

use crate::door::Inner;
use crate::error::NotServed;
use crate::from_proto;
use crate::metrics as names;
use crate::to_proto::window;
use std::sync::Arc;
use std::time::Duration;
use tonic::Status;
use waybill_orders::content::Mode;
use waybill_orders::units::Bucket;
use waybill_orders::{Answer, Command, Opening, Order, Stage};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{Caller, DoorError, status};
use waybill_types::OrderId;

pub(crate) async fn place(
    door: &Inner,
    caller: Caller,
    message: proto::PlaceOrderRequest,
) -> Result<proto::PlaceOrderResponse, Status> {
    let from_proto::place::Asked { mut place, person, reason, wait_ms } =
        from_proto::place::place(&door.seal, &message)?;
    if let Some(person) = &person {
        let (subject, sealed) = door.seal.seal(person)?;
        (place.basket.subject, place.basket.recipient) = (Some(subject), Some(sealed));
    }
    let (mode, external) = (place.mode, place.basket.external.clone());
    let home = door.layout.order_home(&caller.channel, &external);
    let accepted = door.submit(home, caller.origin(reason), Command::Place(Box::new(place))).await?;
    let Answer::Placed { order, revision, .. } = accepted.answer else {
        return Err(Inner::unexpected("a place", &accepted.answer));
    };
    let mut response = proto::PlaceOrderResponse {
        order_id: order.to_string(),
        revision,
        outcome: proto::PlaceOutcome::Accepted.into(),
        external_order_number: external.to_string(),
        lines: lines(&message),
        promise: None,
        token: accepted.token.to_string(),
    };
    if mode == Mode::Confirm {
        let wait_ms = if wait_ms == 0 { door.settings.confirm_wait_ms } else { wait_ms };
        confirm(door, order, wait_ms, &mut response).await?;
    }
    let outcome = response.outcome().as_str_name();
    metrics::counter!(names::PLACED, "outcome" => outcome).increment(1);
    Ok(response)
}

/// The lines with their numbers, which are those of the request.
fn lines(message: &proto::PlaceOrderRequest) -> Vec<proto::PlacedLine> {
    let numbered = (1..).zip(&message.lines);
    let placed = numbered.map(|(line_number, line)| proto::PlacedLine {
        line_number,
        external_line_id: line.external_line_id.clone(),
        reserved: 0,
        backordered: 0,
    });
    placed.collect()
}

/// Waits until the order is decided, but no longer than asked. An order that is still pending then stays so and may be
/// waited for again with the same request.
async fn confirm(
    door: &Inner,
    id: OrderId,
    wait_ms: u64,
    response: &mut proto::PlaceOrderResponse,
) -> Result<(), Status> {
    let deadline = tokio::time::sleep(Duration::from_millis(wait_ms));
    tokio::pin!(deadline);
    let mut place = door.ears.changed.enter(id);
    loop {
        let (opening, order) = read(door, id).await?;
        match &order.stage {
            Stage::Standing => {
                confirmed(&opening, &order, response);
                return Ok(());
            }
            Stage::Refused(why) => {
                metrics::counter!(names::PLACED, "outcome" => "PLACE_OUTCOME_REFUSED").increment(1);
                return Err(status(&NotServed { order: id, why: why.clone() }));
            }
            Stage::Pending { .. } => response.revision = order.revision,
        }
        tokio::select! {
            () = place.woken() => {}
            () = &mut deadline => {
                response.set_outcome(proto::PlaceOutcome::Pending);
                return Ok(());
            }
        }
    }
}

async fn read(door: &Inner, id: OrderId) -> Result<(Arc<Opening>, Arc<Order>), Status> {
    let found = door.read(id.partition(), move |state| state.order(id)).await?;
    found.ok_or_else(|| DoorError::Bug { what: format!("order {id} was placed and is not there") }.into())
}

fn confirmed(opening: &Opening, order: &Order, response: &mut proto::PlaceOrderResponse) {
    response.set_outcome(proto::PlaceOutcome::Confirmed);
    response.revision = order.revision;
    response.promise = order.promise().map(window);
    for (placed, (state, ordered)) in
        response.lines.iter_mut().zip(order.lines.iter().zip(&opening.content().lines))
    {
        let backordered = state.buckets.get(Bucket::Backordered);
        let gone =
            backordered.plus(state.buckets.get(Bucket::Open)).plus(state.buckets.get(Bucket::Cancelled));
        placed.backordered = backordered.as_i64();
        placed.reserved = ordered.quantity.saturating_sub(gone).as_i64();
    }
}
