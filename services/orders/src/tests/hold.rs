//! Holds and the order policy, through the door.

use super::world::{World, asked, asked_by, line, order, reason};
use tonic::Code;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::order_policy_service_server::OrderPolicyService;
use waybill_proto::orders::v1::orders_service_server::OrdersService;
use waybill_types::Role;

fn hold(order_id: &str, request_id: &str, hold_type: &str) -> proto::PlaceOrderHoldRequest {
    proto::PlaceOrderHoldRequest {
        request_id: request_id.into(),
        order_id: order_id.into(),
        hold_type: hold_type.into(),
        note: "looks odd".into(),
        ..Default::default()
    }
}

fn resolve(order_id: &str, request_id: &str, hold: u32) -> proto::ResolveOrderHoldRequest {
    let (order_id, request_id) = (order_id.into(), request_id.into());
    proto::ResolveOrderHoldRequest { request_id, order_id, hold, note: "known".into(), ..Default::default() }
}

#[tokio::test]
async fn an_order_that_begins_held_keeps_its_stock_and_is_released_when_somebody_says_so() {
    let world = World::new(&[("A", 5)]).await;
    let mut wanted = order("100", vec![line("A", 2)]);
    wanted.hold_types = vec!["fraud".into()];
    let placed = world.place(wanted.clone()).await.unwrap();
    let found = world.once(&placed.order_id, proto::OrderStatus::Reserved).await;
    assert_eq!((found.holds[0].hold, found.holds[0].hold_type.as_str()), (1, "fraud"));
    let by_hold = proto::FindOrdersRequest { hold_type: "fraud".into(), ..Default::default() };
    assert_eq!(world.find(by_hold.clone()).await.unwrap().orders.len(), 1);
    let by_node = proto::FindOrdersRequest { node_id: "n1".into(), ..Default::default() };
    assert_eq!(world.find(by_node).await.unwrap().orders.len(), 1);
    let ended = world.door.resolve_order_hold(asked(resolve(&placed.order_id, "r1", 1))).await.unwrap();
    assert!(ended.into_inner().revision > found.revision);
    let found = world.once(&placed.order_id, proto::OrderStatus::Released).await;
    assert!(found.holds[0].resolved && found.holds[0].resolution == "known");
    assert!(world.find(by_hold).await.unwrap().orders.is_empty());
    wanted.hold_types.clear();
    let other = world.place(wanted).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists, "the holds are part of what was asked");
}

#[tokio::test]
async fn a_hold_is_placed_once_per_request_and_what_is_not_there_is_refused() {
    let world = World::new(&[("A", 5)]).await;
    let placed = world.place(order("100", vec![line("A", 2)])).await.unwrap();
    let id = placed.order_id.as_str();
    let place = |message| world.door.place_order_hold(asked(message));
    let first = place(hold(id, "h1", "manual")).await.unwrap().into_inner();
    let again = place(hold(id, "h1", "manual")).await.unwrap().into_inner();
    assert_eq!((first.hold, first.revision), (again.hold, again.revision));
    assert_eq!(place(hold(id, "h1", "fraud")).await.unwrap_err().code(), Code::AlreadyExists);
    let second = place(hold(id, "h2", "fraud")).await.unwrap().into_inner();
    assert_eq!(second.hold, 2);
    assert_eq!(reason(&place(hold(id, "h3", "astrology")).await.unwrap_err()), "HOLD_TYPE_UNKNOWN");
    let unknown = place(hold("W00-99", "h4", "fraud")).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown)), (Code::NotFound, "ORDER_UNKNOWN".to_owned()));
    let wrong = proto::PlaceOrderHoldRequest { line_number: 9, ..hold(id, "h5", "fraud") };
    assert_eq!(place(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    let end = |message| world.door.resolve_order_hold(asked(message));
    end(resolve(id, "r1", 2)).await.unwrap();
    end(resolve(id, "r1", 2)).await.unwrap();
    assert_eq!(reason(&end(resolve(id, "r2", 2)).await.unwrap_err()), "ORDER_HOLD_UNKNOWN");
    assert_eq!(end(resolve(id, "r3", 0)).await.unwrap_err().code(), Code::InvalidArgument);
}

fn set(request_id: &str, policy: &proto::OrderPolicy) -> proto::SetOrderPolicyRequest {
    let policy = Some(policy.clone());
    proto::SetOrderPolicyRequest { request_id: request_id.into(), policy, ..Default::default() }
}

#[tokio::test]
async fn an_operator_replaces_the_policy_and_every_version_stays_readable() {
    let world = World::new(&[]).await;
    let get = |version| {
        world.door.get_order_policy(asked(proto::GetOrderPolicyRequest { version, ..Default::default() }))
    };
    let first = get(0).await.unwrap().into_inner();
    assert_eq!(first.version, 0);
    let sound = first.policy.unwrap();
    let mut strict = sound.clone();
    strict.rules.insert(
        0,
        proto::ChangeRule {
            channel: "web".into(),
            kind: proto::ChangeKind::Notes.into(),
            verdict: proto::Verdict::Refuse.into(),
            note: "not on the web".into(),
            ..Default::default()
        },
    );
    let by_channel = world.door.set_order_policy(asked(set("p1", &strict))).await.unwrap_err();
    assert_eq!(by_channel.code(), Code::PermissionDenied);
    let operator = |message| world.door.set_order_policy(asked_by(message, "call_center", Role::Operator));
    for _ in 0..2 {
        assert_eq!(operator(set("p1", &strict)).await.unwrap().into_inner().version, 1);
    }
    assert_eq!(operator(set("p1", &sound)).await.unwrap_err().code(), Code::AlreadyExists);
    let stale = proto::SetOrderPolicyRequest { expected_version: Some(0), ..set("p2", &sound) };
    let stale = operator(stale).await.unwrap_err();
    assert_eq!((stale.code(), reason(&stale)), (Code::Aborted, "STALE_POLICY".to_owned()));
    assert_eq!(operator(set("p3", &sound)).await.unwrap().into_inner().version, 2);
    let explain = |version| {
        world.door.explain_change(asked(proto::ExplainChangeRequest {
            channel: "web".into(),
            kind: proto::ChangeKind::Notes.into(),
            stage: proto::ChangeStage::Unreleased.into(),
            version,
            ..Default::default()
        }))
    };
    let told = explain(1).await.unwrap().into_inner();
    assert_eq!((told.verdict(), told.rule_index, told.version), (proto::Verdict::Refuse, 0, 1));
    assert_eq!(told.rule.unwrap().note, "not on the web");
    assert_eq!(explain(0).await.unwrap().into_inner().verdict(), proto::Verdict::Allow);
    assert_eq!(get(1).await.unwrap().into_inner().policy.unwrap(), strict);
    assert_eq!(reason(&get(9).await.unwrap_err()), "ORDER_POLICY_UNKNOWN");
    let mut wrong = sound.clone();
    wrong.rules.clear();
    assert_eq!(operator(set("p4", &wrong)).await.unwrap_err().code(), Code::InvalidArgument);
    let nothing = proto::ExplainChangeRequest { channel: "web".into(), ..Default::default() };
    assert_eq!(world.door.explain_change(asked(nothing)).await.unwrap_err().code(), Code::InvalidArgument);
}
