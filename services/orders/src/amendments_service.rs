//! The service of amendments: one line per call into `rpc`.

use crate::door::Door;
use crate::rpc;
use tonic::{Request, Response, Status, async_trait};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::amendments_service_server::AmendmentsService;
use waybill_service_kit::caller;

#[async_trait]
impl AmendmentsService for Door {
    async fn preview_amendment(
        &self,
        request: Request<proto::PreviewAmendmentRequest>,
    ) -> Result<Response<proto::PreviewAmendmentResponse>, Status> {
        let caller = caller(&request)?;
        rpc::preview::preview(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn amend_order(
        &self,
        request: Request<proto::AmendOrderRequest>,
    ) -> Result<Response<proto::AmendOrderResponse>, Status> {
        let caller = caller(&request)?;
        rpc::amend::amend(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn decide_amendment(
        &self,
        request: Request<proto::DecideAmendmentRequest>,
    ) -> Result<Response<proto::DecideAmendmentResponse>, Status> {
        let caller = caller(&request)?;
        rpc::amend::decide(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
}
