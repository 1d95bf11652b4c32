//! WatchChanges: every event of the network and of the work of nodes. How a feed begins, goes on and resumes is the
//! service kit's.

use crate::door::Inner;
use crate::to_proto::change::FulfillmentTeller;
use tonic::Status;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::changes::{self, Asked};

pub(crate) type ChangeStream = changes::ChangeStream<proto::WatchChangesResponse>;

pub(crate) async fn watch(door: &Inner, message: proto::WatchChangesRequest) -> Result<ChangeStream, Status> {
    let proto::WatchChangesRequest { cursors, partitions, event_types, order_id, resume_token } = message;
    let asked = Asked { cursors, partitions, event_types, order_id, resume_token };
    let answer = |event, resume_token| proto::WatchChangesResponse { event: Some(event), resume_token };
    changes::watch::<FulfillmentTeller, _>(&door.partitions, door.settings.stream_buffer, asked, answer).await
}
