//! The service of returns: one line per call into `rpc`.

use crate::door::Door;
use crate::rpc;
use tonic::{Request, Response, Status, async_trait};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::returns_service_server::ReturnsService;
use waybill_service_kit::caller;

#[async_trait]
impl ReturnsService for Door {
    async fn find_returnable(
        &self,
        request: Request<proto::FindReturnableRequest>,
    ) -> Result<Response<proto::FindReturnableResponse>, Status> {
        rpc::returnable::find(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn create_return(
        &self,
        request: Request<proto::CreateReturnRequest>,
    ) -> Result<Response<proto::CreateReturnResponse>, Status> {
        let caller = caller(&request)?;
        rpc::back::create(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn decide_return(
        &self,
        request: Request<proto::DecideReturnRequest>,
    ) -> Result<Response<proto::DecideReturnResponse>, Status> {
        let caller = caller(&request)?;
        rpc::back::decide(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn receive_return(
        &self,
        request: Request<proto::ReceiveReturnRequest>,
    ) -> Result<Response<proto::ReceiveReturnResponse>, Status> {
        let caller = caller(&request)?;
        rpc::back::receive(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn close_return(
        &self,
        request: Request<proto::CloseReturnRequest>,
    ) -> Result<Response<proto::CloseReturnResponse>, Status> {
        let caller = caller(&request)?;
        rpc::back::close(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn get_return(
        &self,
        request: Request<proto::GetReturnRequest>,
    ) -> Result<Response<proto::GetReturnResponse>, Status> {
        rpc::back::get(&self.0, request.into_inner()).await.map(Response::new)
    }
}
