//! PlaceOrderHold and ResolveOrderHold.

use crate::door::Inner;
use crate::from_proto;
use crate::from_proto::hold::Asked;
use tonic::Status;
use waybill_orders::Answer;
use waybill_proto::orders::v1 as proto;
use waybill_replica::Token;
use waybill_service_kit::{Caller, Write};

pub(crate) async fn place(
    door: &Inner,
    caller: Caller,
    message: proto::PlaceOrderHoldRequest,
) -> Result<proto::PlaceOrderHoldResponse, Status> {
    let asked = from_proto::hold::place(&message)?;
    let (revision, hold, token) = held(door, caller, asked, "hold").await?;
    let order_id = message.order_id;
    Ok(proto::PlaceOrderHoldResponse { order_id, revision, hold: hold.into(), token: token.to_string() })
}

pub(crate) async fn resolve(
    door: &Inner,
    caller: Caller,
    message: proto::ResolveOrderHoldRequest,
) -> Result<proto::ResolveOrderHoldResponse, Status> {
    let asked = from_proto::hold::resolve(&message)?;
    let (revision, _, token) = held(door, caller, asked, "end of a hold").await?;
    let order_id = message.order_id;
    Ok(proto::ResolveOrderHoldResponse { order_id, revision, token: token.to_string() })
}

/// The order's revision, the hold's number and a token.
async fn held(door: &Inner, caller: Caller, asked: Asked, what: &str) -> Result<(u64, u16, Token), Status> {
    let Asked { request, reason, order, command, content } = asked;
    if !door.is_here(order) {
        return Err(Inner::unknown(order));
    }
    let target = format!("{what} of order {order}").into_bytes();
    let write = Write { caller, request, reason, target, content };
    let accepted = door.change(order, write, command).await?;
    match accepted.answer {
        Answer::Held { revision, hold, .. } => Ok((revision, hold, accepted.token)),
        other => Err(Inner::unexpected(what, &other)),
    }
}
