//! The service of customers: one line per call.

use super::{CustomersDoor, erase, read, write};
use tonic::{Request, Response, Status, async_trait};
use waybill_proto::customers::v1 as proto;
use waybill_proto::customers::v1::customers_service_server::CustomersService;
use waybill_service_kit::caller;

#[async_trait]
impl CustomersService for CustomersDoor {
    async fn find_customers(
        &self,
        request: Request<proto::FindCustomersRequest>,
    ) -> Result<Response<proto::FindCustomersResponse>, Status> {
        let caller = caller(&request)?;
        read::find(self, &caller, request.into_inner()).await.map(Response::new)
    }
    async fn get_customer_view(
        &self,
        request: Request<proto::GetCustomerViewRequest>,
    ) -> Result<Response<proto::GetCustomerViewResponse>, Status> {
        let caller = caller(&request)?;
        read::view(self, &caller, request.into_inner()).await.map(Response::new)
    }
    async fn list_customer_orders(
        &self,
        request: Request<proto::ListCustomerOrdersRequest>,
    ) -> Result<Response<proto::ListCustomerOrdersResponse>, Status> {
        let caller = caller(&request)?;
        read::orders(self, &caller, request.into_inner()).await.map(Response::new)
    }
    async fn link_identity(
        &self,
        request: Request<proto::LinkIdentityRequest>,
    ) -> Result<Response<proto::LinkIdentityResponse>, Status> {
        let caller = caller(&request)?;
        write::link(self, caller, request.into_inner()).await.map(Response::new)
    }
    async fn unlink_identity(
        &self,
        request: Request<proto::UnlinkIdentityRequest>,
    ) -> Result<Response<proto::UnlinkIdentityResponse>, Status> {
        let caller = caller(&request)?;
        write::unlink(self, caller, request.into_inner()).await.map(Response::new)
    }
    async fn merge_customers(
        &self,
        request: Request<proto::MergeCustomersRequest>,
    ) -> Result<Response<proto::MergeCustomersResponse>, Status> {
        let caller = caller(&request)?;
        write::merge(self, caller, request.into_inner()).await.map(Response::new)
    }
    async fn split_customer(
        &self,
        request: Request<proto::SplitCustomerRequest>,
    ) -> Result<Response<proto::SplitCustomerResponse>, Status> {
        let caller = caller(&request)?;
        write::split(self, caller, request.into_inner()).await.map(Response::new)
    }
    async fn set_customer_profile(
        &self,
        request: Request<proto::SetCustomerProfileRequest>,
    ) -> Result<Response<proto::SetCustomerProfileResponse>, Status> {
        let caller = caller(&request)?;
        write::set_profile(self, caller, request.into_inner()).await.map(Response::new)
    }
    async fn record_contact(
        &self,
        request: Request<proto::RecordContactRequest>,
    ) -> Result<Response<proto::RecordContactResponse>, Status> {
        let caller = caller(&request)?;
        write::contact(self, caller, request.into_inner()).await.map(Response::new)
    }
    async fn record_feedback(
        &self,
        request: Request<proto::RecordFeedbackRequest>,
    ) -> Result<Response<proto::RecordFeedbackResponse>, Status> {
        let caller = caller(&request)?;
        write::feedback(self, caller, request.into_inner()).await.map(Response::new)
    }
    async fn erase_customer(
        &self,
        request: Request<proto::EraseCustomerRequest>,
    ) -> Result<Response<proto::EraseCustomerResponse>, Status> {
        let caller = caller(&request)?;
        erase::erase(self, caller, request.into_inner()).await.map(Response::new)
    }
}
