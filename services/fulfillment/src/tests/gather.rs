//! Decisions of several processes, asked of one: each keeps its own, and any of them shows all.

use super::decisions::{decision, plan, stock};
use super::policy::operator;
use super::world::{World, asked, why};
use crate::{OtherPlanner, OtherPlanners};
use futures::StreamExt;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Code;
use tonic::service::InterceptorLayer;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::sourcing_service_server::SourcingService;
use waybill_service_kit::{Access, identify};
use waybill_types::OrderId;

/// What a process knows of the others.
#[derive(Clone)]
struct Known {
    living: Vec<OtherPlanner>,
    away: Vec<String>,
}

impl OtherPlanners for Known {
    fn living(&self) -> Vec<OtherPlanner> {
        self.living.clone()
    }
    fn away(&self) -> Vec<String> {
        self.away.clone()
    }
}

/// Another process, reached over the network.
struct Other {
    world: World,
    planner: OtherPlanner,
    stop: oneshot::Sender<()>,
    serves: JoinHandle<()>,
}

impl Other {
    async fn start(name: &str) -> Self {
        let world = stock(World::new().await).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder()
            .layer(InterceptorLayer::new(|request| identify(&Access::Loopback, request)))
            .add_service(world.door.sourcing_server());
        let (stop, stopped) = oneshot::channel::<()>();
        let serves = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            server.serve_with_incoming_shutdown(TcpIncoming::from(listener), stopped).await.unwrap();
        });
        let channel = Endpoint::from_shared(endpoint).unwrap().connect_lazy();
        Self { world, planner: OtherPlanner { name: name.into(), channel }, stop, serves }
    }

    /// Ends it with all its connections.
    async fn end(self) {
        self.stop.send(()).unwrap();
        self.serves.await.unwrap();
    }
}

async fn beside(others: &[&Other], away: &[&str]) -> World {
    let living = others.iter().map(|other| other.planner.clone()).collect();
    let away = away.iter().map(|name| (*name).to_owned()).collect();
    stock(World::beside(Arc::new(Known { living, away })).await).await
}

fn id(number: u64) -> String {
    OrderId::new(0, number).to_string()
}

/// The policy that is in force.
async fn policy(world: &World) -> Option<proto::SourcingPolicy> {
    let get = proto::GetSourcingPolicyRequest::default();
    world.door.get_sourcing_policy(asked(get)).await.unwrap().into_inner().policy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_any_process_planned_is_shown_by_the_one_that_is_asked() {
    let (b, c) = (Other::start("b").await, Other::start("c").await);
    let here = beside(&[&b, &c], &[]).await;
    plan(&here, 1, 1, &[]).await;
    plan(&b.world, 2, 1, &[]).await;
    // The order moved on to another process between its attempts, and back.
    plan(&here, 3, 1, &[]).await;
    let last = plan(&c.world, 3, 2, &["n1"]).await;

    assert_eq!(decision(&here, 1, 0).await.unwrap().attempt, 1);
    let of_b = decision(&here, 2, 1).await.unwrap();
    assert_eq!(of_b, decision(&b.world, 2, 1).await.unwrap(), "word for word as its keeper shows it");
    let shown = decision(&here, 3, 0).await.unwrap();
    assert_eq!((shown.attempt, shown.plan), (2, Some(last)), "the last attempt of all");
    assert_eq!(decision(&here, 3, 1).await.unwrap().attempt, 1);
    let unknown = decision(&here, 9, 0).await.unwrap_err();
    assert_eq!(why(&unknown), (Code::NotFound, "DECISION_UNKNOWN".to_owned()));

    let answers = here.door.verify_sourcing_decisions(operator(Default::default())).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    let last = answers.last().unwrap();
    assert_eq!((last.total, last.checked, last.proven, last.whole, last.bounds_held), (4, 4, 4, 4, 4));
    assert!(answers.iter().all(|answer| answer.total == 4 && answer.findings.is_empty()), "{answers:?}");

    let compare = proto::CompareSourcingPolicyRequest { policy: policy(&here).await, ..Default::default() };
    let answers = here.door.compare_sourcing_policy(operator(compare.clone())).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    let mut orders: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.comparison.as_ref())
        .map(|one| one.order_id.clone())
        .collect();
    orders.sort();
    assert_eq!(orders, [id(1), id(2), id(3)], "every first attempt, once");
    assert_eq!(answers.iter().map(|answer| (answer.total, answer.done)).next_back(), Some((3, 3)));

    let one = proto::CompareSourcingPolicyRequest { order_id: id(3), ..compare };
    let answers = here.door.compare_sourcing_policy(operator(one)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    assert_eq!((answers.len(), answers[0].comparison.as_ref().unwrap().attempt), (1, 2), "as c planned it");
    let project = proto::ProjectSourcingDecisionsRequest { order_id: id(2), ..Default::default() };
    let answers = here.door.project_sourcing_decisions(operator(project)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    assert_eq!(answers.len(), 1);
    assert!(answers[0].outlook.is_some(), "as b planned it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_keeper_does_not_answer_nothing_is_said_to_be_whole_or_unknown() {
    let b = Other::start("b").await;
    let here = beside(&[&b], &[]).await;
    plan(&here, 1, 1, &[]).await;
    plan(&b.world, 2, 1, &[]).await;
    assert!(decision(&here, 2, 0).await.is_ok());
    b.end().await;
    assert!(decision(&here, 1, 0).await.is_ok(), "what is kept here is shown all the same");
    let silent = decision(&here, 2, 0).await.unwrap_err();
    assert!(silent.code() == Code::Unavailable && silent.message().contains('b'), "{silent:?}");
    let silent = here.door.verify_sourcing_decisions(operator(Default::default())).await.err().unwrap();
    assert_eq!(silent.code(), Code::Unavailable, "a part is not told as if it were all");
    let compare = proto::CompareSourcingPolicyRequest {
        policy: policy(&here).await,
        order_id: id(2),
        ..Default::default()
    };
    let silent = here.door.compare_sourcing_policy(operator(compare)).await.err().unwrap();
    assert_eq!(silent.code(), Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_away_and_may_keep_a_decision_is_named() {
    let here = beside(&[], &["east-2", "east-3"]).await;
    plan(&here, 1, 1, &[]).await;
    assert!(decision(&here, 1, 0).await.is_ok());
    let unknown = decision(&here, 2, 0).await.unwrap_err();
    assert_eq!(why(&unknown), (Code::NotFound, "DECISION_UNKNOWN".to_owned()));
    assert!(unknown.message().contains("east-2, east-3"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_is_answered_for_this_one_alone_and_nobody_else_may_ask_for_all() {
    let b = Other::start("b").await;
    let here = beside(&[&b], &[]).await;
    plan(&b.world, 2, 1, &[]).await;
    let mut request = asked(proto::GetSourcingDecisionRequest { order_id: id(2), attempt: 0 });
    let caller = request.extensions_mut().get_mut::<waybill_service_kit::Caller>().unwrap();
    caller.role = waybill_types::Role::Peer;
    let alone = here.door.get_sourcing_decision(request).await.unwrap_err();
    assert_eq!(alone.code(), Code::NotFound, "who asks in turn asks the others itself");
    let nobody = here.door.verify_sourcing_decisions(asked(Default::default())).await.err().unwrap();
    assert_eq!(nobody.code(), Code::PermissionDenied);
}
