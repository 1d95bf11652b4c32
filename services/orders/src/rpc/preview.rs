//! PreviewAmendment.

use crate::door::Inner;
use tonic::Status;
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::Caller;

pub(crate) async fn preview(
    _door: &Inner,
    _caller: Caller,
    _message: proto::PreviewAmendmentRequest,
) -> Result<proto::PreviewAmendmentResponse, Status> {
    Err(Status::unimplemented("preview"))
}
