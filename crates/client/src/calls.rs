//! Every unary call, repeated where that is safe: reads as they are, writes with the id they were first sent with.

use crate::{Client, request_id};
use tonic::Status;
use waybill_proto::common::v1 as common;
use waybill_proto::customers::v1 as customers;
use waybill_proto::fulfillment::v1 as fulfillment;
use waybill_proto::inventory::v1 as inventory;
use waybill_proto::orders::v1 as orders;

macro_rules! reads {
    ($door:ident in $package:ident: $($name:ident($request:ident) -> $response:ident;)*) => {
        impl Client {$(
            #[doc = concat!("`", stringify!($request), "`, repeated while the server is not there.")]
            ///
            /// # Errors
            /// The server's refusal, or the last fault when patience ended.
            pub async fn $name(&self, request: $package::$request) -> Result<$package::$response, Status> {
                let door = self.$door();
                self.retry.run(|| {
                    let (mut door, request) = (door.clone(), request.clone());
                    async move { door.$name(request).await }
                }).await
            }
        )*}
    };
}

macro_rules! writes {
    ($door:ident in $package:ident: $($name:ident($request:ident) -> $response:ident;)*) => {
        impl Client {$(
            #[doc = concat!("`", stringify!($request), "`, repeated with the same `request_id` while the server is not")]
            /// there. An empty `request_id` is filled before the first attempt.
            ///
            /// # Errors
            /// The server's refusal, or the last fault when patience ended: whether the write happened is then unknown,
            /// and sending it again with the same id is safe.
            pub async fn $name(&self, mut request: $package::$request) -> Result<$package::$response, Status> {
                request_id::fill(&mut request.request_id);
                let door = self.$door();
                self.retry.run(|| {
                    let (mut door, request) = (door.clone(), request.clone());
                    async move { door.$name(request).await }
                }).await
            }
        )*}
    };
}

reads! { orders in orders:
    get_order(GetOrderRequest) -> GetOrderResponse;
    find_orders(FindOrdersRequest) -> FindOrdersResponse;
    get_timeline(GetTimelineRequest) -> GetTimelineResponse;
    list_exceptions(ListExceptionsRequest) -> ListExceptionsResponse;
}
writes! { orders in orders:
    place_order(PlaceOrderRequest) -> PlaceOrderResponse;
    cancel_order(CancelOrderRequest) -> CancelOrderResponse;
    erase_subject(EraseSubjectRequest) -> EraseSubjectResponse;
    place_order_hold(PlaceOrderHoldRequest) -> PlaceOrderHoldResponse;
    resolve_order_hold(ResolveOrderHoldRequest) -> ResolveOrderHoldResponse;
    answer_exception(AnswerExceptionRequest) -> AnswerExceptionResponse;
}
reads! { amendments in orders:
    preview_amendment(PreviewAmendmentRequest) -> PreviewAmendmentResponse;
}
writes! { amendments in orders:
    amend_order(AmendOrderRequest) -> AmendOrderResponse;
    decide_amendment(DecideAmendmentRequest) -> DecideAmendmentResponse;
}
reads! { returns in orders:
    find_returnable(FindReturnableRequest) -> FindReturnableResponse;
    get_return(GetReturnRequest) -> GetReturnResponse;
}
writes! { returns in orders:
    create_return(CreateReturnRequest) -> CreateReturnResponse;
    decide_return(DecideReturnRequest) -> DecideReturnResponse;
    receive_return(ReceiveReturnRequest) -> ReceiveReturnResponse;
    close_return(CloseReturnRequest) -> CloseReturnResponse;
}
reads! { order_policy in orders:
    get_order_policy(GetOrderPolicyRequest) -> GetOrderPolicyResponse;
    explain_change(ExplainChangeRequest) -> ExplainChangeResponse;
}
writes! { order_policy in orders:
    set_order_policy(SetOrderPolicyRequest) -> SetOrderPolicyResponse;
}
reads! { customers in customers:
    find_customers(FindCustomersRequest) -> FindCustomersResponse;
    get_customer_view(GetCustomerViewRequest) -> GetCustomerViewResponse;
    list_customer_orders(ListCustomerOrdersRequest) -> ListCustomerOrdersResponse;
}
writes! { customers in customers:
    link_identity(LinkIdentityRequest) -> LinkIdentityResponse;
    unlink_identity(UnlinkIdentityRequest) -> UnlinkIdentityResponse;
    merge_customers(MergeCustomersRequest) -> MergeCustomersResponse;
    split_customer(SplitCustomerRequest) -> SplitCustomerResponse;
    set_customer_profile(SetCustomerProfileRequest) -> SetCustomerProfileResponse;
    record_contact(RecordContactRequest) -> RecordContactResponse;
    record_feedback(RecordFeedbackRequest) -> RecordFeedbackResponse;
    erase_customer(EraseCustomerRequest) -> EraseCustomerResponse;
}
reads! { inventory in inventory:
    get_item(GetItemRequest) -> GetItemResponse;
    list_items(ListItemsRequest) -> ListItemsResponse;
    get_position(GetPositionRequest) -> GetPositionResponse;
    get_reservation(GetReservationRequest) -> GetReservationResponse;
    get_availability(GetAvailabilityRequest) -> GetAvailabilityResponse;
    batch_get_availability(BatchGetAvailabilityRequest) -> BatchGetAvailabilityResponse;
}
writes! { inventory in inventory:
    upsert_items(UpsertItemsRequest) -> UpsertItemsResponse;
    receive_stock(ReceiveStockRequest) -> ReceiveStockResponse;
    adjust_stock(AdjustStockRequest) -> AdjustStockResponse;
    dispose_stock(DisposeStockRequest) -> DisposeStockResponse;
    set_stock_count(SetStockCountRequest) -> SetStockCountResponse;
    set_safety_stock(SetSafetyStockRequest) -> SetSafetyStockResponse;
    reserve_stock(ReserveStockRequest) -> ReserveStockResponse;
    commit_stock_hold(CommitStockHoldRequest) -> CommitStockHoldResponse;
    release_reservation(ReleaseReservationRequest) -> ReleaseReservationResponse;
    consume_reservation(ConsumeReservationRequest) -> ConsumeReservationResponse;
}
reads! { fulfillment in fulfillment:
    promise(PromiseRequest) -> PromiseResponse;
    plan(PlanRequest) -> PlanResponse;
    get_fulfillment_order(GetFulfillmentOrderRequest) -> GetFulfillmentOrderResponse;
    list_fulfillment_orders(ListFulfillmentOrdersRequest) -> ListFulfillmentOrdersResponse;
}
writes! { fulfillment in fulfillment:
    acknowledge_instructions(AcknowledgeInstructionsRequest) -> AcknowledgeInstructionsResponse;
    accept_fulfillment_order(AcceptFulfillmentOrderRequest) -> AcceptFulfillmentOrderResponse;
    reject_fulfillment_order(RejectFulfillmentOrderRequest) -> RejectFulfillmentOrderResponse;
    start_picking(StartPickingRequest) -> StartPickingResponse;
    confirm_pick(ConfirmPickRequest) -> ConfirmPickResponse;
    pack(PackRequest) -> PackResponse;
    ship(ShipRequest) -> ShipResponse;
    confirm_delivery(ConfirmDeliveryRequest) -> ConfirmDeliveryResponse;
    ready_for_pickup(ReadyForPickupRequest) -> ReadyForPickupResponse;
    hand_over(HandOverRequest) -> HandOverResponse;
    report_no_show(ReportNoShowRequest) -> ReportNoShowResponse;
    answer_cancel(AnswerCancelRequest) -> AnswerCancelResponse;
    report_undelivered(ReportUndeliveredRequest) -> ReportUndeliveredResponse;
}
reads! { network in fulfillment:
    get_node(GetNodeRequest) -> GetNodeResponse;
    list_nodes(ListNodesRequest) -> ListNodesResponse;
    list_lanes(ListLanesRequest) -> ListLanesResponse;
    list_zones(ListZonesRequest) -> ListZonesResponse;
    list_calendars(ListCalendarsRequest) -> ListCalendarsResponse;
    list_rate_cards(ListRateCardsRequest) -> ListRateCardsResponse;
    get_network_version(GetNetworkVersionRequest) -> GetNetworkVersionResponse;
}
writes! { network in fulfillment:
    upsert_nodes(UpsertNodesRequest) -> UpsertNodesResponse;
    upsert_lanes(UpsertLanesRequest) -> UpsertLanesResponse;
    upsert_zones(UpsertZonesRequest) -> UpsertZonesResponse;
    upsert_calendars(UpsertCalendarsRequest) -> UpsertCalendarsResponse;
    upsert_rate_cards(UpsertRateCardsRequest) -> UpsertRateCardsResponse;
}
reads! { admin in common:
    get_status(GetStatusRequest) -> GetStatusResponse;
}
writes! { admin in common:
    checkpoint(CheckpointRequest) -> CheckpointResponse;
    advance_clock(AdvanceClockRequest) -> AdvanceClockResponse;
}
reads! { cluster in common:
    get_cluster(GetClusterRequest) -> GetClusterResponse;
}
writes! { cluster in common:
    move_partition(MovePartitionRequest) -> MovePartitionResponse;
    drain_process(DrainProcessRequest) -> DrainProcessResponse;
}
reads! { promises in fulfillment:
    promise_item(PromiseItemRequest) -> PromiseItemResponse;
    find_nearby(FindNearbyRequest) -> FindNearbyResponse;
}
reads! { sourcing in fulfillment:
    get_sourcing_policy(GetSourcingPolicyRequest) -> GetSourcingPolicyResponse;
    check_sourcing_policy(CheckSourcingPolicyRequest) -> CheckSourcingPolicyResponse;
    get_sourcing_decision(GetSourcingDecisionRequest) -> GetSourcingDecisionResponse;
    list_sourcing_policies(ListSourcingPoliciesRequest) -> ListSourcingPoliciesResponse;
}
writes! { sourcing in fulfillment:
    set_sourcing_policy(SetSourcingPolicyRequest) -> SetSourcingPolicyResponse;
    roll_back_sourcing_policy(RollBackSourcingPolicyRequest) -> RollBackSourcingPolicyResponse;
}

impl Client {
    /// `Audit` of these laws, all where none is named: the reports of one whole audit, begun again elsewhere where the process
    /// that made it went away.
    ///
    /// # Errors
    /// The server's refusal, or the last fault when patience ended.
    pub async fn audit(&self, laws: &[String]) -> Result<Vec<common::LawReport>, Status> {
        let door = self.admin();
        let request = common::AuditRequest { laws: laws.to_vec() };
        self.retry
            .run(|| {
                let (mut door, request) = (door.clone(), request.clone());
                async move {
                    let mut steps = door.audit(request).await?.into_inner();
                    let mut reports = Vec::new();
                    while let Some(answer) = steps.message().await? {
                        if let Some(common::audit_response::Step::Report(report)) = answer.step {
                            reports.push(report);
                        }
                    }
                    Ok(tonic::Response::new(reports))
                }
            })
            .await
    }
}
