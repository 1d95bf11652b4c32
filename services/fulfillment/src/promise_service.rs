//! The service of product pages: one line per call into `rpc`.

use crate::door::Door;
use crate::rpc::{nearby, page};
use tonic::{Request, Response, Status, async_trait};
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::promise_service_server::PromiseService;

#[async_trait]
impl PromiseService for Door {
    async fn promise_item(
        &self,
        request: Request<proto::PromiseItemRequest>,
    ) -> Result<Response<proto::PromiseItemResponse>, Status> {
        page::promise_item(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn find_nearby(
        &self,
        request: Request<proto::FindNearbyRequest>,
    ) -> Result<Response<proto::FindNearbyResponse>, Status> {
        nearby::find(&self.0, request.into_inner()).await.map(Response::new)
    }
}
