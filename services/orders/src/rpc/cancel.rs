//! CancelOrder: decided at once; where work was planned at a node, the caller may wait until the node's partition has
//! given it back.

use crate::door::Inner;
use crate::from_proto;
use crate::to_proto;
use std::time::Duration;
use tonic::Status;
use waybill_orders::{Answer, Command, LineCancelled};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{Caller, DoorError, Write};
use waybill_types::OrderId;

pub(crate) async fn cancel(
    door: &Inner,
    caller: Caller,
    message: proto::CancelOrderRequest,
) -> Result<proto::CancelOrderResponse, Status> {
    let from_proto::cancel::Asked { request, reason, cancel, content, wait_ms } =
        from_proto::cancel::cancel(&message)?;
    let id = cancel.order;
    if !door.is_here(id) {
        return Err(Inner::unknown(id));
    }
    let target = format!("cancel of order {id}").into_bytes();
    let write = Write { caller, request, reason, target, content };
    let accepted = door.write(id.partition(), write, Command::Cancel(cancel)).await?;
    let Answer::Cancelled { order, revision, status, lines } = accepted.answer else {
        return Err(
            DoorError::Bug { what: format!("a cancel was answered with {:?}", accepted.answer) }.into()
        );
    };
    if wait_ms > 0 {
        given_back(door, id, wait_ms).await?;
    }
    Ok(proto::CancelOrderResponse {
        order_id: order.to_string(),
        revision,
        status: to_proto::status(status).into(),
        lines: lines.iter().map(line).collect(),
        token: accepted.token.to_string(),
    })
}

/// Waits until no node's partition owes an answer, but no longer than asked.
async fn given_back(door: &Inner, id: OrderId, wait_ms: u64) -> Result<(), Status> {
    let deadline = tokio::time::sleep(Duration::from_millis(wait_ms));
    tokio::pin!(deadline);
    let mut place = door.ears.changed.enter(id);
    loop {
        let open =
            door.read(id.partition(), move |state| state.order(id).is_some_and(|(_, o)| o.recalls() > 0));
        if !open.await? {
            return Ok(());
        }
        tokio::select! {
            () = place.woken() => {}
            () = &mut deadline => return Ok(()),
        }
    }
}

fn line(line: &LineCancelled) -> proto::CancelLineResult {
    proto::CancelLineResult {
        line_number: line.line.0.into(),
        requested: line.requested.as_i64(),
        cancelled: line.cancelled.as_i64(),
        cancel_requested: line.asked_of_node.as_i64(),
        too_late: line.too_late.as_i64(),
        outcome: outcome(line).into(),
    }
}

fn outcome(line: &LineCancelled) -> proto::CancelLineOutcome {
    let LineCancelled { requested, cancelled, asked_of_node, too_late, .. } = line;
    if !asked_of_node.is_zero() {
        proto::CancelLineOutcome::CancelRequested
    } else if cancelled.is_zero() && too_late.is_zero() {
        proto::CancelLineOutcome::AlreadyCancelled
    } else if cancelled.is_zero() {
        proto::CancelLineOutcome::TooLate
    } else if cancelled == requested {
        proto::CancelLineOutcome::Cancelled
    } else {
        proto::CancelLineOutcome::PartiallyCancelled
    }
}
