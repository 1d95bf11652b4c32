//! FindReturnable.

use crate::door::Inner;
use tonic::Status;
use waybill_proto::orders::v1 as proto;

pub(crate) async fn find(
    _door: &Inner,
    _message: proto::FindReturnableRequest,
) -> Result<proto::FindReturnableResponse, Status> {
    Err(Status::unimplemented("find"))
}
