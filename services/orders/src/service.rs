//! The orders service: one line per call into `rpc`.

use crate::door::Door;
use crate::rpc;
use crate::rpc::cancel_all::CancelStream;
use crate::rpc::watch_changes::ChangeStream;
use crate::rpc::watch_order::OrderStream;
use crate::rpc::watch_orders::OrdersStream;
use tonic::{Request, Response, Status, Streaming, async_trait};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::orders_service_server::OrdersService;
use waybill_service_kit::caller;

#[async_trait]
impl OrdersService for Door {
    async fn place_order(
        &self,
        request: Request<proto::PlaceOrderRequest>,
    ) -> Result<Response<proto::PlaceOrderResponse>, Status> {
        let caller = caller(&request)?;
        rpc::place::place(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn get_order(
        &self,
        request: Request<proto::GetOrderRequest>,
    ) -> Result<Response<proto::GetOrderResponse>, Status> {
        let caller = caller(&request)?;
        rpc::get::get(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }
    async fn find_orders(
        &self,
        request: Request<proto::FindOrdersRequest>,
    ) -> Result<Response<proto::FindOrdersResponse>, Status> {
        let caller = caller(&request)?;
        rpc::find::find(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }
    async fn cancel_order(
        &self,
        request: Request<proto::CancelOrderRequest>,
    ) -> Result<Response<proto::CancelOrderResponse>, Status> {
        let caller = caller(&request)?;
        rpc::cancel::cancel(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    type CancelOrdersStream = CancelStream;
    async fn cancel_orders(
        &self,
        request: Request<proto::CancelOrdersRequest>,
    ) -> Result<Response<CancelStream>, Status> {
        let caller = caller(&request)?;
        rpc::cancel_all::cancel_all(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn place_order_hold(
        &self,
        request: Request<proto::PlaceOrderHoldRequest>,
    ) -> Result<Response<proto::PlaceOrderHoldResponse>, Status> {
        let caller = caller(&request)?;
        rpc::hold::place(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn resolve_order_hold(
        &self,
        request: Request<proto::ResolveOrderHoldRequest>,
    ) -> Result<Response<proto::ResolveOrderHoldResponse>, Status> {
        let caller = caller(&request)?;
        rpc::hold::resolve(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn list_exceptions(
        &self,
        request: Request<proto::ListExceptionsRequest>,
    ) -> Result<Response<proto::ListExceptionsResponse>, Status> {
        rpc::exceptions::list(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn answer_exception(
        &self,
        request: Request<proto::AnswerExceptionRequest>,
    ) -> Result<Response<proto::AnswerExceptionResponse>, Status> {
        let caller = caller(&request)?;
        rpc::exceptions::answer(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    type WatchOrdersStream = OrdersStream;
    async fn watch_orders(
        &self,
        request: Request<proto::WatchOrdersRequest>,
    ) -> Result<Response<OrdersStream>, Status> {
        rpc::watch_orders::watch(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn get_timeline(
        &self,
        request: Request<proto::GetTimelineRequest>,
    ) -> Result<Response<proto::GetTimelineResponse>, Status> {
        rpc::timeline::timeline(&self.0, request.into_inner()).await.map(Response::new)
    }

    type WatchOrderStream = OrderStream;
    async fn watch_order(
        &self,
        request: Request<proto::WatchOrderRequest>,
    ) -> Result<Response<OrderStream>, Status> {
        let caller = caller(&request)?;
        rpc::watch_order::watch(&self.0, caller, request.into_inner()).await.map(Response::new)
    }

    type WatchChangesStream = ChangeStream;
    async fn watch_changes(
        &self,
        request: Request<proto::WatchChangesRequest>,
    ) -> Result<Response<ChangeStream>, Status> {
        rpc::watch_changes::watch(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn erase_subject(
        &self,
        request: Request<proto::EraseSubjectRequest>,
    ) -> Result<Response<proto::EraseSubjectResponse>, Status> {
        let caller = caller(&request)?;
        rpc::erase::erase(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn import_orders(
        &self,
        request: Request<Streaming<proto::ImportOrdersRequest>>,
    ) -> Result<Response<proto::ImportOrdersResponse>, Status> {
        let caller = caller(&request)?;
        rpc::import::import(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
}
