//! The service of the order policy: one line per call into `rpc`.

use crate::door::Door;
use crate::rpc;
use tonic::{Request, Response, Status, async_trait};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::order_policy_service_server::OrderPolicyService;
use waybill_service_kit::caller;

#[async_trait]
impl OrderPolicyService for Door {
    async fn get_order_policy(
        &self,
        request: Request<proto::GetOrderPolicyRequest>,
    ) -> Result<Response<proto::GetOrderPolicyResponse>, Status> {
        rpc::policy::get(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn set_order_policy(
        &self,
        request: Request<proto::SetOrderPolicyRequest>,
    ) -> Result<Response<proto::SetOrderPolicyResponse>, Status> {
        let caller = caller(&request)?;
        rpc::policy::set(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn explain_change(
        &self,
        request: Request<proto::ExplainChangeRequest>,
    ) -> Result<Response<proto::ExplainChangeResponse>, Status> {
        rpc::policy::explain(&self.0, request.into_inner()).await.map(Response::new)
    }
}
