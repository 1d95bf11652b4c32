//! What a node reports about a fulfilment order: one command, answered with the order as it is then.

use crate::door::Shared;
use crate::from_proto::report::Asked;
use crate::to_proto;
use tonic::Status;
use waybill_fulfillment::Command;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::{Caller, DoorError, Write};

/// The fulfilment order afterwards, and the token of the write. A retry answers with the order as it is at the retry.
pub(crate) async fn report(
    door: &Shared,
    caller: Caller,
    asked: Result<Asked, DoorError>,
) -> Result<(Option<proto::FulfillmentOrder>, String), Status> {
    let Asked { request, reason, id, revision, report, content } = asked?;
    let target = format!("fulfillment order {id}").into_bytes();
    let write = Write { caller, request, reason, target, content };
    let accepted = door.submit(id.partition(), write, Command::Report { id, revision, report }).await?;
    let order = door.read(id.partition(), move |state| state.fulfillment_order(&id)).await?;
    Ok((order.map(|order| to_proto::order::order(&order)), accepted.token.to_string()))
}
