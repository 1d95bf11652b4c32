//! GetTimeline: the order's own history, page by page.

use crate::door::Inner;
use crate::error::undecodable;
use crate::to_proto;
use tonic::Status;
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::values::page_size;
use waybill_service_kit::{Fields, opaque};

pub(crate) async fn timeline(
    door: &Inner,
    message: proto::GetTimelineRequest,
) -> Result<proto::GetTimelineResponse, Status> {
    let mut fields = Fields::new();
    let id = door.order_id(&mut fields, &message.order_id);
    let size = page_size(&mut fields, message.page_size, 100, 500);
    door.after(&mut fields, &message.after);
    let (id, size) = fields.finish(id.zip(size))?;
    let kind = format!("timeline of {id}");
    let after: u64 = match message.page_token.as_str() {
        "" => 0,
        token => opaque::open(&kind, "page_token", token)?,
    };
    if !door.is_here(id) {
        return Err(Inner::unknown(id));
    }
    let stored = door.read(id.partition(), move |state| state.stored_history(id)).await?;
    let stored = stored.ok_or_else(|| Inner::unknown(id))?;
    // Decoded here and not on the partition, which has other orders to serve.
    let told = to_proto::timeline::entries(id, &stored, after, size).map_err(|error| undecodable(&error))?;
    let last = told.last().map_or(after, |told| told.entry.number);
    let more = last < stored.order.revision;
    Ok(proto::GetTimelineResponse {
        entries: told.into_iter().map(|told| told.entry).collect(),
        next_page_token: if more { opaque::seal(&kind, &last) } else { String::new() },
    })
}
