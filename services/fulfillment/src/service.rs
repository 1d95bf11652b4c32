//! The fulfilment service: one line per call into `rpc`.

use crate::door::Door;
use crate::from_proto::report as parse;
use crate::rpc;
use crate::rpc::subscribe::InstructionStream;
use crate::rpc::watch_changes::ChangeStream;
use tonic::{Request, Response, Status, async_trait};
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_service_kit::caller;

/// A report: parsed by the function of its name, answered with the order afterwards.
macro_rules! report {
    ($door:expr, $request:expr, $parse:path, $response:ident) => {{
        let caller = caller(&$request)?;
        let (fulfillment_order, token) =
            rpc::report::report($door, caller, $parse($request.get_ref())).await?;
        Ok(Response::new(proto::$response { fulfillment_order, token }))
    }};
}

#[async_trait]
impl FulfillmentService for Door {
    async fn promise(
        &self,
        request: Request<proto::PromiseRequest>,
    ) -> Result<Response<proto::PromiseResponse>, Status> {
        rpc::promise::promise(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn plan(
        &self,
        request: Request<proto::PlanRequest>,
    ) -> Result<Response<proto::PlanResponse>, Status> {
        rpc::promise::plan(&self.0, request.into_inner()).await.map(Response::new)
    }

    type SubscribeInstructionsStream = InstructionStream;
    async fn subscribe_instructions(
        &self,
        request: Request<proto::SubscribeInstructionsRequest>,
    ) -> Result<Response<InstructionStream>, Status> {
        rpc::subscribe::subscribe(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn acknowledge_instructions(
        &self,
        request: Request<proto::AcknowledgeInstructionsRequest>,
    ) -> Result<Response<proto::AcknowledgeInstructionsResponse>, Status> {
        let caller = caller(&request)?;
        rpc::acknowledge::acknowledge(&self.0, caller, request.into_inner()).await.map(Response::new)
    }

    async fn get_fulfillment_order(
        &self,
        request: Request<proto::GetFulfillmentOrderRequest>,
    ) -> Result<Response<proto::GetFulfillmentOrderResponse>, Status> {
        rpc::orders::get(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn list_fulfillment_orders(
        &self,
        request: Request<proto::ListFulfillmentOrdersRequest>,
    ) -> Result<Response<proto::ListFulfillmentOrdersResponse>, Status> {
        rpc::orders::list(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn accept_fulfillment_order(
        &self,
        request: Request<proto::AcceptFulfillmentOrderRequest>,
    ) -> Result<Response<proto::AcceptFulfillmentOrderResponse>, Status> {
        report!(&self.0, request, parse::accept, AcceptFulfillmentOrderResponse)
    }
    async fn reject_fulfillment_order(
        &self,
        request: Request<proto::RejectFulfillmentOrderRequest>,
    ) -> Result<Response<proto::RejectFulfillmentOrderResponse>, Status> {
        report!(&self.0, request, parse::reject, RejectFulfillmentOrderResponse)
    }
    async fn start_picking(
        &self,
        request: Request<proto::StartPickingRequest>,
    ) -> Result<Response<proto::StartPickingResponse>, Status> {
        report!(&self.0, request, parse::start, StartPickingResponse)
    }
    async fn confirm_pick(
        &self,
        request: Request<proto::ConfirmPickRequest>,
    ) -> Result<Response<proto::ConfirmPickResponse>, Status> {
        report!(&self.0, request, parse::confirm_pick, ConfirmPickResponse)
    }
    async fn pack(
        &self,
        request: Request<proto::PackRequest>,
    ) -> Result<Response<proto::PackResponse>, Status> {
        report!(&self.0, request, parse::pack, PackResponse)
    }
    async fn ship(
        &self,
        request: Request<proto::ShipRequest>,
    ) -> Result<Response<proto::ShipResponse>, Status> {
        report!(&self.0, request, parse::ship, ShipResponse)
    }
    async fn confirm_delivery(
        &self,
        request: Request<proto::ConfirmDeliveryRequest>,
    ) -> Result<Response<proto::ConfirmDeliveryResponse>, Status> {
        report!(&self.0, request, parse::deliver, ConfirmDeliveryResponse)
    }
    async fn ready_for_pickup(
        &self,
        request: Request<proto::ReadyForPickupRequest>,
    ) -> Result<Response<proto::ReadyForPickupResponse>, Status> {
        report!(&self.0, request, parse::ready, ReadyForPickupResponse)
    }
    async fn hand_over(
        &self,
        request: Request<proto::HandOverRequest>,
    ) -> Result<Response<proto::HandOverResponse>, Status> {
        report!(&self.0, request, parse::hand_over, HandOverResponse)
    }
    async fn report_no_show(
        &self,
        request: Request<proto::ReportNoShowRequest>,
    ) -> Result<Response<proto::ReportNoShowResponse>, Status> {
        report!(&self.0, request, parse::no_show, ReportNoShowResponse)
    }
    async fn answer_cancel(
        &self,
        request: Request<proto::AnswerCancelRequest>,
    ) -> Result<Response<proto::AnswerCancelResponse>, Status> {
        report!(&self.0, request, parse::answer_cancel, AnswerCancelResponse)
    }
    async fn report_undelivered(
        &self,
        request: Request<proto::ReportUndeliveredRequest>,
    ) -> Result<Response<proto::ReportUndeliveredResponse>, Status> {
        report!(&self.0, request, parse::undelivered, ReportUndeliveredResponse)
    }

    type WatchChangesStream = ChangeStream;
    async fn watch_changes(
        &self,
        request: Request<proto::WatchChangesRequest>,
    ) -> Result<Response<ChangeStream>, Status> {
        rpc::watch_changes::watch(&self.0, request.into_inner()).await.map(Response::new)
    }
}
