//! The inventory service: one line per call into `rpc`.

use crate::door::Door;
use crate::rpc;
use crate::rpc::watch_changes::ChangeStream;
use tonic::{Request, Response, Status, Streaming, async_trait};
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::inventory_service_server::InventoryService;
use waybill_service_kit::caller;

#[async_trait]
impl InventoryService for Door {
    async fn upsert_items(
        &self,
        request: Request<proto::UpsertItemsRequest>,
    ) -> Result<Response<proto::UpsertItemsResponse>, Status> {
        let caller = caller(&request)?;
        rpc::upsert_items::upsert(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn get_item(
        &self,
        request: Request<proto::GetItemRequest>,
    ) -> Result<Response<proto::GetItemResponse>, Status> {
        rpc::items::get(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn list_items(
        &self,
        request: Request<proto::ListItemsRequest>,
    ) -> Result<Response<proto::ListItemsResponse>, Status> {
        rpc::items::list(&self.0, &request.into_inner()).await.map(Response::new)
    }

    async fn receive_stock(
        &self,
        request: Request<proto::ReceiveStockRequest>,
    ) -> Result<Response<proto::ReceiveStockResponse>, Status> {
        let caller = caller(&request)?;
        rpc::book::receive(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn adjust_stock(
        &self,
        request: Request<proto::AdjustStockRequest>,
    ) -> Result<Response<proto::AdjustStockResponse>, Status> {
        let caller = caller(&request)?;
        rpc::book::adjust(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn dispose_stock(
        &self,
        request: Request<proto::DisposeStockRequest>,
    ) -> Result<Response<proto::DisposeStockResponse>, Status> {
        let caller = caller(&request)?;
        rpc::book::dispose(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn set_stock_count(
        &self,
        request: Request<proto::SetStockCountRequest>,
    ) -> Result<Response<proto::SetStockCountResponse>, Status> {
        let caller = caller(&request)?;
        rpc::book::count(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn import_stock(
        &self,
        request: Request<Streaming<proto::ImportStockRequest>>,
    ) -> Result<Response<proto::ImportStockResponse>, Status> {
        let caller = caller(&request)?;
        rpc::import_stock::import(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn set_safety_stock(
        &self,
        request: Request<proto::SetSafetyStockRequest>,
    ) -> Result<Response<proto::SetSafetyStockResponse>, Status> {
        let caller = caller(&request)?;
        rpc::book::safety_stock(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn get_position(
        &self,
        request: Request<proto::GetPositionRequest>,
    ) -> Result<Response<proto::GetPositionResponse>, Status> {
        rpc::book::position(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn reserve_stock(
        &self,
        request: Request<proto::ReserveStockRequest>,
    ) -> Result<Response<proto::ReserveStockResponse>, Status> {
        let caller = caller(&request)?;
        rpc::reserve_stock::reserve(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn commit_stock_hold(
        &self,
        request: Request<proto::CommitStockHoldRequest>,
    ) -> Result<Response<proto::CommitStockHoldResponse>, Status> {
        let caller = caller(&request)?;
        rpc::reservations::commit(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn release_reservation(
        &self,
        request: Request<proto::ReleaseReservationRequest>,
    ) -> Result<Response<proto::ReleaseReservationResponse>, Status> {
        let caller = caller(&request)?;
        rpc::reservations::release(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn consume_reservation(
        &self,
        request: Request<proto::ConsumeReservationRequest>,
    ) -> Result<Response<proto::ConsumeReservationResponse>, Status> {
        let caller = caller(&request)?;
        rpc::reservations::consume(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn get_reservation(
        &self,
        request: Request<proto::GetReservationRequest>,
    ) -> Result<Response<proto::GetReservationResponse>, Status> {
        rpc::reservations::get(&self.0, &request.into_inner()).await.map(Response::new)
    }

    async fn get_availability(
        &self,
        request: Request<proto::GetAvailabilityRequest>,
    ) -> Result<Response<proto::GetAvailabilityResponse>, Status> {
        rpc::availability::get(&self.0, &request.into_inner()).await.map(Response::new)
    }
    async fn batch_get_availability(
        &self,
        request: Request<proto::BatchGetAvailabilityRequest>,
    ) -> Result<Response<proto::BatchGetAvailabilityResponse>, Status> {
        rpc::availability::batch(&self.0, &request.into_inner()).await.map(Response::new)
    }

    type WatchAvailabilityStream = rpc::watch_availability::AvailabilityStream;
    async fn watch_availability(
        &self,
        request: Request<proto::WatchAvailabilityRequest>,
    ) -> Result<Response<Self::WatchAvailabilityStream>, Status> {
        rpc::watch_availability::watch(&self.0, &request.into_inner()).map(Response::new)
    }

    type WatchChangesStream = ChangeStream;
    async fn watch_changes(
        &self,
        request: Request<proto::WatchChangesRequest>,
    ) -> Result<Response<ChangeStream>, Status> {
        rpc::watch_changes::watch(&self.0, request.into_inner()).await.map(Response::new)
    }
}
