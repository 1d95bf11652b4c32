//! Answers to exceptions, cancels that wait for a yes and delivery charges, through the door.

use super::world::{World, asked, asked_by, eur, fact, fields, journaled, line, order, reason, whole};
use tonic::{Code, Response, Status};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::ExceptionAnswer::{CallOff, SourceAgain, Unspecified};
use waybill_proto::orders::v1::amendments_service_server::AmendmentsService;
use waybill_proto::orders::v1::order_policy_service_server::OrderPolicyService;
use waybill_proto::orders::v1::orders_service_server::OrdersService;
use waybill_types::Role;

fn answer(order_id: &str, request_id: &str, answer: proto::ExceptionAnswer) -> proto::AnswerExceptionRequest {
    proto::AnswerExceptionRequest {
        request_id: request_id.into(),
        order_id: order_id.into(),
        answer: answer.into(),
        note: "called the store".into(),
        ..Default::default()
    }
}

async fn say(
    world: &World,
    message: proto::AnswerExceptionRequest,
) -> Result<proto::AnswerExceptionResponse, Status> {
    let request = asked_by(message, "call_center", Role::Operator);
    world.door.answer_exception(request).await.map(Response::into_inner)
}

/// An order of 2 A that the only node refused.
async fn stuck(world: &World) -> String {
    world.others.0.lock().unwrap().rejects = true;
    let placed = world.place(order("100", vec![line("A", 2)])).await.unwrap();
    world.once(&placed.order_id, proto::OrderStatus::Backordered).await;
    placed.order_id
}

#[tokio::test]
async fn an_operator_has_units_sourced_again_once_per_request_and_every_node_asked() {
    let world = World::new(&[("A", 5)]).await;
    let id = stuck(&world).await;
    world.others.0.lock().unwrap().rejects = false;
    // The only node has said no: without lifting the bar nobody is there to ask.
    let again = say(&world, answer(&id, "e1", SourceAgain)).await.unwrap();
    assert_eq!((again.units[0].line_number, again.units[0].quantity), (1, 2));
    world.once(&id, proto::OrderStatus::Backordered).await;
    let mut at_all = answer(&id, "e2", SourceAgain);
    at_all.ask_all_nodes = true;
    let done = say(&world, at_all.clone()).await.unwrap();
    world.once(&id, proto::OrderStatus::Released).await;
    let repeated = say(&world, at_all.clone()).await.unwrap();
    assert_eq!((repeated.revision, &repeated.units), (done.revision, &done.units), "one effect, one answer");
    at_all.note = "another".into();
    assert_eq!(say(&world, at_all).await.unwrap_err().code(), Code::AlreadyExists);
    let served = say(&world, answer(&id, "e3", SourceAgain)).await.unwrap_err();
    assert_eq!(
        (served.code(), reason(&served)),
        (Code::FailedPrecondition, "EXCEPTION_NOT_THERE".to_owned())
    );
    let timeline = proto::GetTimelineRequest { order_id: id.clone(), page_size: 200, ..Default::default() };
    let entries = world.door.get_timeline(asked(timeline)).await.unwrap().into_inner().entries;
    let said: Vec<_> = entries.iter().filter(|entry| entry.event_type == "ExceptionAnswered").collect();
    assert_eq!(said.len(), 2);
    assert_eq!(said[1].summary, "somebody has 2 waiting unit(s) sourced again, at every node");
}

#[tokio::test]
async fn units_are_called_off_and_what_fits_nothing_is_refused() {
    let world = World::new(&[("A", 5)]).await;
    let id = stuck(&world).await;
    let before = journaled(&world).await;
    let by_channel = world.door.answer_exception(asked(answer(&id, "e0", CallOff))).await.unwrap_err();
    assert_eq!(by_channel.code(), Code::PermissionDenied);
    let with_lines = |lines: &[u32]| proto::AnswerExceptionRequest {
        line_numbers: lines.to_vec(),
        ..answer(&id, "e1", CallOff)
    };
    for (wrong, at) in [
        (answer(&id, "e1", Unspecified), "answer"),
        (answer(&id, "", CallOff), "request_id"),
        (with_lines(&[2]), "line_numbers[0]"),
        (with_lines(&[0]), "line_numbers[0]"),
        (with_lines(&[1, 1]), "line_numbers[1]"),
        (
            proto::AnswerExceptionRequest { ask_all_nodes: true, ..answer(&id, "e1", CallOff) },
            "ask_all_nodes",
        ),
    ] {
        let refused = say(&world, wrong).await.unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec![at.to_owned()]));
    }
    let unknown = say(&world, answer("W00-99", "e1", CallOff)).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown)), (Code::NotFound, "ORDER_UNKNOWN".to_owned()));
    assert_eq!(journaled(&world).await, before, "nothing was written");
    say(&world, answer(&id, "e2", CallOff)).await.unwrap();
    let after = world.once(&id, proto::OrderStatus::Cancelled).await;
    assert_eq!(after.lines[0].buckets.unwrap().cancelled, 2);
}

#[tokio::test]
async fn of_two_operators_who_answer_one_exception_one_does() {
    let world = World::new(&[("A", 5)]).await;
    let id = stuck(&world).await;
    let (again, off) = tokio::join!(
        say(&world, answer(&id, "desk 1", CallOff)),
        say(&world, answer(&id, "desk 2", CallOff)),
    );
    assert!(again.is_ok() != off.is_ok(), "exactly one counts, not {again:?} and {off:?}");
    assert_eq!(reason(&again.err().or(off.err()).unwrap()), "EXCEPTION_NOT_THERE");
}

/// Cancels from the web need an operator's yes: in partition 0, which is asked, from now on.
async fn with_approvals(world: &World) {
    let message = proto::GetOrderPolicyRequest::default();
    let found = world.door.get_order_policy(asked(message)).await.unwrap().into_inner();
    let mut policy = found.policy.unwrap();
    let rule = proto::ChangeRule {
        channel: "web".into(),
        kind: proto::ChangeKind::Cancel.into(),
        verdict: proto::Verdict::NeedsApproval.into(),
        note: "the desk cancels".into(),
        ..Default::default()
    };
    policy.rules.insert(0, rule);
    let set = proto::SetOrderPolicyRequest {
        request_id: "policy".into(),
        policy: Some(policy),
        ..Default::default()
    };
    world.door.set_order_policy(asked_by(set, "call_center", Role::Operator)).await.unwrap();
}

fn decide(order_id: &str, request_id: &str, approve: bool) -> proto::DecideAmendmentRequest {
    proto::DecideAmendmentRequest {
        request_id: request_id.into(),
        order_id: order_id.into(),
        amendment: 1,
        approve,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_cancel_that_needs_a_yes_is_answered_with_what_stands_for_it() {
    let world = World::new(&[("A", 500)]).await;
    let mut placed = String::new();
    for number in 0.. {
        placed = world.place(order(&number.to_string(), vec![line("A", 2)])).await.unwrap().order_id;
        if placed.starts_with("W00-") {
            break;
        }
    }
    let id = placed.as_str();
    world.once(id, proto::OrderStatus::Released).await;
    with_approvals(&world).await;
    let waiting = proto::CancelOrderRequest { wait_ms: 60_000, ..whole(id, "c1") };
    let answer = world.cancel(waiting.clone()).await.unwrap();
    assert_eq!((answer.amendment, answer.lines[0].cancelled), (1, 0));
    assert_eq!(answer.lines[0].outcome(), proto::CancelLineOutcome::NeedsApproval);
    let again = world.cancel(waiting).await.unwrap();
    assert_eq!(again.lines, answer.lines);
    let found = world.get(id).await.unwrap();
    assert_eq!(found.amendments[0].waits_for(), proto::AmendmentWait::Approval);
    assert_eq!(found.amendments[0].kinds().collect::<Vec<_>>(), [proto::ChangeKind::Cancel]);
    let busy = world.cancel(whole(id, "c2")).await.unwrap_err();
    assert_eq!((reason(&busy), fact(&busy, "amendment")), ("AMENDMENT_PENDING".to_owned(), "1".to_owned()));
    let by_channel = world.door.decide_amendment(asked(decide(id, "d0", true))).await.unwrap_err();
    assert_eq!(by_channel.code(), Code::PermissionDenied);
    let yes = asked_by(decide(id, "d1", true), "call_center", Role::Operator);
    let done = world.door.decide_amendment(yes).await.unwrap().into_inner();
    assert_eq!(done.amendment.unwrap().state(), proto::AmendmentState::Applied);
    let after = world.once(id, proto::OrderStatus::Cancelled).await;
    assert_eq!(after.lines[0].buckets.unwrap().cancelled, 2);
}

#[tokio::test]
async fn a_delivery_charge_is_previewed_and_set_in_the_orders_currency() {
    let world = World::new(&[("A", 5)]).await;
    let mut wanted = order("100", vec![line("A", 2)]);
    wanted.amounts = Some(proto::OrderAmounts { shipping: eur(499), total: eur(2499), ..Default::default() });
    wanted.release_time = Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 });
    let placed = world.place(wanted).await.unwrap();
    let before = world.once(&placed.order_id, proto::OrderStatus::Reserved).await;
    let charge = |charge| {
        let change = proto::SetDeliveryChargeChange { charge };
        let change = proto::order_change::Change::SetDeliveryCharge(change);
        vec![proto::OrderChange { change: Some(change) }]
    };
    let preview = proto::PreviewAmendmentRequest {
        order_id: before.order_id.clone(),
        expected_revision: before.revision,
        changes: charge(eur(0)),
        ..Default::default()
    };
    let seen = world.door.preview_amendment(asked_by(preview, "call_center", Role::Operator)).await;
    let seen = seen.unwrap().into_inner();
    assert_eq!((seen.allowed, seen.total, seen.total_before), (true, eur(2000), eur(2499)));
    assert_eq!(seen.changes[0].kind(), proto::ChangeKind::DeliveryCharge);
    let amend = |request_id: &str, changes| {
        let message = proto::AmendOrderRequest {
            request_id: request_id.into(),
            order_id: before.order_id.clone(),
            expected_revision: before.revision,
            changes,
            ..Default::default()
        };
        world.door.amend_order(asked_by(message, "call_center", Role::Operator))
    };
    for (wrong, at) in [(None, "charge"), (eur(-1), "charge.minor_units")] {
        let refused = amend("a0", charge(wrong)).await.unwrap_err();
        assert_eq!(fields(&refused), [format!("changes[0].set_delivery_charge.{at}")]);
    }
    amend("a1", charge(eur(0))).await.unwrap();
    let after = world.get(&before.order_id).await.unwrap();
    assert_eq!((after.amounts.unwrap().shipping, after.totals.unwrap().due), (eur(0), eur(2000)));
}
