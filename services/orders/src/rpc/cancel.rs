//! CancelOrder: decided at once for what no node has; the caller may wait for what nodes say of the rest.

use crate::door::Inner;
use crate::from_proto;
use crate::to_proto;
use std::sync::Arc;
use std::time::Duration;
use tonic::Status;
use waybill_orders::units::Bucket;
use waybill_orders::{Answer, Command, LineCancelled, Order};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{Caller, Write};
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
    let accepted = door.change(id, write, Command::Cancel(cancel)).await?;
    let Answer::Cancelled { order, mut revision, mut status, mut lines, amendment } = accepted.answer else {
        return Err(Inner::unexpected("a cancel", &accepted.answer));
    };
    if wait_ms > 0
        && amendment.is_none()
        && let Some(order) = given_back(door, id, wait_ms).await?
    {
        (revision, status) = (order.revision, waybill_orders::status(&order));
        lines = lines.iter().map(|line| by_now(line, &order)).collect();
    }
    Ok(proto::CancelOrderResponse {
        order_id: order.to_string(),
        revision,
        status: to_proto::status(status).into(),
        lines: results(&lines, amendment),
        token: accepted.token.to_string(),
        amendment: amendment.unwrap_or(0),
    })
}

/// Waits until no node's partition owes an answer, but no longer than asked.
async fn given_back(door: &Inner, id: OrderId, wait_ms: u64) -> Result<Option<Arc<Order>>, Status> {
    let deadline = tokio::time::sleep(Duration::from_millis(wait_ms));
    tokio::pin!(deadline);
    let mut place = door.ears.changed.enter(id);
    loop {
        let order = door.order(id).await?.map(|(_, order)| order);
        if order.as_ref().is_none_or(|order| order.recalls() == 0) {
            return Ok(order);
        }
        tokio::select! {
            () = place.woken() => {}
            () = &mut deadline => return Ok(order),
        }
    }
}

/// What became by now of units that nodes were asked to stop.
fn by_now(line: &LineCancelled, order: &Order) -> LineCancelled {
    let Some(state) = order.line(line.line) else { return *line };
    let asked = line.cancelled.plus(line.asked_of_node);
    let since = state.buckets.get(Bucket::Cancelled).saturating_sub(line.cancelled_before);
    let cancelled = since.min(asked).max(line.cancelled);
    let open = asked.saturating_sub(cancelled);
    let asked_of_node = state.cancel_requested.min(open);
    let too_late = line.too_late.plus(open.saturating_sub(asked_of_node));
    LineCancelled { cancelled, asked_of_node, too_late, ..*line }
}

/// What became of each line that was asked about. Where an amendment stands for the cancel it waits for somebody's yes.
pub(crate) fn results(lines: &[LineCancelled], amendment: Option<u32>) -> Vec<proto::CancelLineResult> {
    let mut results: Vec<proto::CancelLineResult> = lines.iter().map(line).collect();
    if amendment.is_some() {
        for result in results.iter_mut().filter(|result| result.requested > result.too_late) {
            result.set_outcome(proto::CancelLineOutcome::NeedsApproval);
        }
    }
    results
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
