//! The sourcing service: one line per call into `rpc`.

use crate::door::Door;
use crate::rpc::decision::Answers;
use crate::rpc::{gather, policy};
use tonic::{Request, Response, Status, async_trait};
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::sourcing_service_server::SourcingService;
use waybill_service_kit::caller;

#[async_trait]
impl SourcingService for Door {
    async fn get_sourcing_policy(
        &self,
        request: Request<proto::GetSourcingPolicyRequest>,
    ) -> Result<Response<proto::GetSourcingPolicyResponse>, Status> {
        policy::get(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn set_sourcing_policy(
        &self,
        request: Request<proto::SetSourcingPolicyRequest>,
    ) -> Result<Response<proto::SetSourcingPolicyResponse>, Status> {
        let caller = caller(&request)?;
        policy::set(&self.0, caller, request.into_inner()).await.map(Response::new)
    }
    async fn check_sourcing_policy(
        &self,
        request: Request<proto::CheckSourcingPolicyRequest>,
    ) -> Result<Response<proto::CheckSourcingPolicyResponse>, Status> {
        policy::check(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn list_sourcing_policies(
        &self,
        request: Request<proto::ListSourcingPoliciesRequest>,
    ) -> Result<Response<proto::ListSourcingPoliciesResponse>, Status> {
        policy::list(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn roll_back_sourcing_policy(
        &self,
        request: Request<proto::RollBackSourcingPolicyRequest>,
    ) -> Result<Response<proto::RollBackSourcingPolicyResponse>, Status> {
        let caller = caller(&request)?;
        policy::roll_back(&self.0, caller, request.into_inner()).await.map(Response::new)
    }

    async fn get_sourcing_decision(
        &self,
        request: Request<proto::GetSourcingDecisionRequest>,
    ) -> Result<Response<proto::GetSourcingDecisionResponse>, Status> {
        let caller = caller(&request)?;
        gather::get(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }

    type VerifySourcingDecisionsStream = Answers<proto::VerifySourcingDecisionsResponse>;
    async fn verify_sourcing_decisions(
        &self,
        request: Request<proto::VerifySourcingDecisionsRequest>,
    ) -> Result<Response<Self::VerifySourcingDecisionsStream>, Status> {
        let caller = caller(&request)?;
        gather::verify(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }

    type CompareSourcingPolicyStream = Answers<proto::CompareSourcingPolicyResponse>;
    async fn compare_sourcing_policy(
        &self,
        request: Request<proto::CompareSourcingPolicyRequest>,
    ) -> Result<Response<Self::CompareSourcingPolicyStream>, Status> {
        let caller = caller(&request)?;
        gather::compare(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }

    type ProjectSourcingDecisionsStream = Answers<proto::ProjectSourcingDecisionsResponse>;
    async fn project_sourcing_decisions(
        &self,
        request: Request<proto::ProjectSourcingDecisionsRequest>,
    ) -> Result<Response<Self::ProjectSourcingDecisionsStream>, Status> {
        let caller = caller(&request)?;
        gather::project(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }
}
