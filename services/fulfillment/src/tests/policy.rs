//! The sourcing policy through the door: versions, who may set them, and that the next plan is made by the new one.

use super::world::{World, asked, fields};
use tonic::{Code, Request};
use tonic_types::StatusExt;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_proto::fulfillment::v1::sourcing_service_server::SourcingService;
use waybill_service_kit::Caller;
use waybill_types::{Actor, Channel, Role};

pub(super) fn operator<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        channel: Channel::new("backoffice").unwrap(),
        actor: Actor::new("planner-1").unwrap(),
        role: Role::Operator,
    });
    request
}

async fn in_force(world: &World, version: u64) -> proto::GetSourcingPolicyResponse {
    let request = proto::GetSourcingPolicyRequest { version, after: String::new() };
    world.door.get_sourcing_policy(asked(request)).await.unwrap().into_inner()
}

fn set(request_id: &str, policy: &proto::SourcingPolicy) -> proto::SetSourcingPolicyRequest {
    proto::SetSourcingPolicyRequest {
        request_id: request_id.into(),
        reason: "spring".into(),
        policy: Some(policy.clone()),
        expected_version: None,
    }
}

async fn from_where(world: &World, channel: &str) -> String {
    let line = proto::BasketLine {
        sku: "A".into(),
        quantity: 1,
        delivery_method: proto::DeliveryMethod::ShipHome.into(),
        ..Default::default()
    };
    let basket = proto::Basket {
        lines: vec![line],
        destination: Some(proto::Destination { country_code: "DE".into(), ..Default::default() }),
        channel: channel.into(),
        ..Default::default()
    };
    let promise = proto::PromiseRequest { basket: Some(basket), ..Default::default() };
    let answer = world.door.promise(asked(promise)).await.unwrap().into_inner();
    let plan = answer.options.into_iter().next().and_then(|option| option.plan);
    plan.map_or(String::new(), |plan| plan.assignments[0].node_id.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_counts_for_the_next_plan_and_an_earlier_one_comes_back() {
    let world = World::new().await;
    world.with_node("n1").await;
    world.with_node("n2").await;
    world.stocked("n1", 5, 1);
    world.stocked("n2", 5, 2);
    let first = in_force(&world, 0).await;
    assert!(first.version.as_ref().is_some_and(|version| version.version == 0 && version.in_force));
    let sound = first.policy.unwrap();
    let answer = world.door.set_sourcing_policy(operator(set("p1", &sound))).await.unwrap().into_inner();
    assert_eq!(answer.version, 1, "the default in so many words is a version");
    assert_eq!(from_where(&world, "web").await, "n1");

    let not_n1 = proto::ServeRule {
        when: Some(proto::SourcingCase { channels: vec!["web".into()], ..Default::default() }),
        nodes: Some(proto::NodeSet { node_ids: vec!["n1".into()], ..Default::default() }),
        excluded: true,
    };
    let ruled =
        proto::SourcingPolicy { name: "web from n2".into(), serve_rules: vec![not_n1], ..sound.clone() };
    for _ in 0..2 {
        let answer = world.door.set_sourcing_policy(operator(set("p2", &ruled))).await.unwrap();
        assert_eq!(answer.into_inner().version, 2, "a retry has its effect once");
    }
    assert_eq!(
        (from_where(&world, "web").await, from_where(&world, "store").await),
        ("n2".into(), "n1".into())
    );
    let other = world.door.set_sourcing_policy(operator(set("p2", &sound))).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists);

    let back = proto::RollBackSourcingPolicyRequest {
        request_id: "p3".into(),
        reason: "too dear".into(),
        version: 1,
        expected_version: Some(2),
    };
    let answer = world.door.roll_back_sourcing_policy(operator(back)).await.unwrap().into_inner();
    assert_eq!(answer.version, 3);
    assert_eq!(from_where(&world, "web").await, "n1");
    assert_eq!(in_force(&world, 2).await.policy.unwrap(), ruled, "a version never changes");

    let world = world.restarted().await;
    let list =
        |page_token| proto::ListSourcingPoliciesRequest { page_size: 2, page_token, ..Default::default() };
    let page = world.door.list_sourcing_policies(asked(list(String::new()))).await.unwrap().into_inner();
    let newest = &page.versions[0];
    assert_eq!((newest.version, newest.restored_version, newest.in_force), (3, 1, true));
    assert_eq!((newest.actor.as_str(), newest.reason.as_str()), ("planner-1", "too dear"));
    assert!(newest.journal_sequence > page.versions[1].journal_sequence && newest.set_time.is_some());
    assert_eq!((page.versions[1].name.as_str(), page.versions[1].in_force), ("web from n2", false));
    let rest =
        world.door.list_sourcing_policies(asked(list(page.next_page_token))).await.unwrap().into_inner();
    assert_eq!(rest.versions.iter().map(|version| version.version).collect::<Vec<_>>(), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_and_what_looks_like_a_slip_is_told() {
    let world = World::new().await;
    world.with_node("n1").await;
    let sound = in_force(&world, 0).await.policy.unwrap();
    let nobody = world.door.set_sourcing_policy(asked(set("p1", &sound))).await.unwrap_err();
    assert_eq!(nobody.code(), Code::PermissionDenied);
    let wrong = proto::SourcingPolicy { shipments_max: 70_000, split_penalty_minor: -1, ..sound.clone() };
    let refused = world.door.set_sourcing_policy(operator(set("p2", &wrong))).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(fields(&refused), ["policy.split_penalty_minor", "policy.shipments_max"]);
    let yen = proto::SourcingPolicy { currency_code: "JPY".into(), ..sound.clone() };
    let refused = world.door.set_sourcing_policy(operator(set("p3", &yen))).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().reason, "NETWORK_CURRENCY_FOREIGN");
    let stale = proto::SetSourcingPolicyRequest { expected_version: Some(4), ..set("p4", &sound) };
    let refused = world.door.set_sourcing_policy(operator(stale)).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.get_details_error_info().unwrap().reason.as_str()),
        (Code::Aborted, "STALE_POLICY")
    );
    let unknown = proto::GetSourcingPolicyRequest { version: 9, after: String::new() };
    let refused = world.door.get_sourcing_policy(asked(unknown)).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().reason, "SOURCING_POLICY_UNKNOWN");

    let rule = proto::ServeRule {
        when: Some(proto::SourcingCase { zone_ids: vec!["de".into(), "fr".into()], ..Default::default() }),
        nodes: Some(proto::NodeSet { node_ids: vec!["n1".into(), "n9".into()], ..Default::default() }),
        excluded: true,
    };
    let slips = proto::SourcingPolicy { serve_rules: vec![rule], ..sound };
    let check = proto::CheckSourcingPolicyRequest { policy: Some(slips), after: String::new() };
    let answer = world.door.check_sourcing_policy(asked(check)).await.unwrap().into_inner();
    assert_eq!(
        answer.unknown_names,
        ["serve_rules[0].when.zone_ids[1]: fr", "serve_rules[0].nodes.node_ids[1]: n9"]
    );
    assert!(!answer.in_force);
}
