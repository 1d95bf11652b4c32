//! Placing, confirming, cancelling, through the door.

use super::world::{World, asked, asked_by, confirm, eur, line, order, whole};
use futures::future::join_all;
use tonic::Code;
use tonic_types::StatusExt;
use waybill_machine::Machine;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::orders_service_server::OrdersService;
use waybill_types::{Quantity, Role, Sku};

#[tokio::test]
async fn an_order_from_the_web_is_released_and_read_by_the_call_center() {
    let world = World::new(&[("A", 5)]).await;
    let placed = world.place(order("100", vec![line("A", 2)])).await.unwrap();
    assert_eq!(placed.outcome(), proto::PlaceOutcome::Accepted);
    let found = world.once(&placed.order_id, proto::OrderStatus::Released).await;
    assert_eq!(found.fulfillment_orders[0].node_id, "n1");
    assert_eq!(found.lines[0].buckets.unwrap().released, 2);
    assert_eq!(found.lines[0].unit_shares[0].total_minor_units, 1000);
    assert_eq!(world.others.0.lock().unwrap().postal_codes, ["10115"]);
    let key = proto::get_order_request::Key::External(proto::ExternalOrderKey {
        channel: "web".into(),
        external_order_number: "100".into(),
    });
    let message = proto::GetOrderRequest { key: Some(key), after: placed.token };
    let by_number =
        world.door.get_order(asked_by(message.clone(), "call_center", Role::Operator)).await.unwrap();
    let seen = by_number.into_inner().order.unwrap();
    assert_eq!(seen.contact.unwrap().name, "Ada Lovelace");
    let by_node = world.door.get_order(asked_by(message, "store", Role::Node)).await.unwrap();
    let seen = by_node.into_inner().order.unwrap();
    assert!(seen.contact.is_none() && seen.ship_to.is_none(), "a node does not see who it is");
}

/// Case 3 and pitfalls 3 to 5.
#[tokio::test]
async fn the_same_order_five_times_at_once_is_one_order_and_other_content_is_refused_by_field() {
    let world = World::new(&[("A", 100)]).await;
    let five = (0..5).map(|_| world.place(confirm("100", vec![line("A", 2)])));
    let answers: Vec<_> = join_all(five).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| answer.order_id == answers[0].order_id));
    assert!(answers.iter().all(|answer| answer.outcome() == proto::PlaceOutcome::Confirmed));
    assert_eq!(world.others.0.lock().unwrap().stock[&Sku::new("A").unwrap()], Quantity::of(98));
    let refused = world.place(confirm("100", vec![line("A", 3)])).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    let info = refused.get_error_details().error_info().cloned().unwrap();
    assert_eq!(info.metadata["field"], "lines");
    assert_eq!(info.metadata["order_id"], answers[0].order_id);
    let mut moved = confirm("100", vec![line("A", 2)]);
    moved.ship_to.as_mut().unwrap().city = "Potsdam".into();
    let refused = world.place(moved).await.unwrap_err();
    assert_eq!(refused.get_error_details().error_info().unwrap().metadata["field"], "ship_to");
    let mut retried = confirm("100", vec![line("A", 2)]);
    (retried.reason, retried.request_id, retried.wait_ms) = ("again".into(), "another".into(), 1);
    assert_eq!(world.place(retried).await.unwrap().order_id, answers[0].order_id);
}

#[tokio::test]
async fn a_confirm_that_finds_no_stock_is_refused_with_the_numbers_and_frees_its_number() {
    let world = World::new(&[("A", 1)]).await;
    world.others.0.lock().unwrap().blind_planner = true;
    let waiting = world.place(confirm("100", vec![line("A", 2)]));
    // The retries of the reservation wait for the virtual clock, which moves a little after each look at the order.
    let ticking = async {
        loop {
            let key = proto::get_order_request::Key::External(proto::ExternalOrderKey {
                channel: "web".into(),
                external_order_number: "100".into(),
            });
            let message = proto::GetOrderRequest { key: Some(key), after: String::new() };
            let order = world.door.get_order(asked(message)).await;
            if order.is_ok_and(|order| order.into_inner().order.is_some_and(|order| order.attempts.len() > 1))
            {
                world.host.clock().advance(5);
            }
            tokio::task::yield_now().await;
        }
    };
    let refused = tokio::select! {
        refused = waiting => refused.unwrap_err(),
        () = ticking => unreachable!("the clock ticks for ever"),
    };
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let info = refused.get_error_details().error_info().cloned().unwrap();
    assert_eq!(info.reason, "ORDER_NOT_SERVED");
    assert_eq!((info.metadata["asked"].as_str(), info.metadata["available"].as_str()), ("2", "1"));
    let first = &info.metadata["order_id"];
    assert_eq!(world.get(first).await.unwrap().status(), proto::OrderStatus::Refused);
    let second = world.place(confirm("100", vec![line("A", 1)])).await.unwrap();
    assert_ne!(&second.order_id, first);
    assert_eq!((second.lines[0].reserved, second.lines[0].backordered), (1, 0));
    assert!(second.promise.is_some());
}

#[tokio::test]
async fn a_confirm_that_takes_too_long_is_pending_and_a_retry_joins_it() {
    let world = World::new(&[("A", 5)]).await;
    world.others.0.lock().unwrap().planner_down = true;
    let mut wanted = confirm("100", vec![line("A", 1)]);
    wanted.wait_ms = 30;
    let pending = world.place(wanted.clone()).await.unwrap();
    assert_eq!(pending.outcome(), proto::PlaceOutcome::Pending);
    world.others.0.lock().unwrap().planner_down = false;
    wanted.wait_ms = 60_000;
    let confirmed = world.place(wanted).await.unwrap();
    assert_eq!(confirmed.order_id, pending.order_id);
    assert_eq!(confirmed.outcome(), proto::PlaceOutcome::Confirmed);
}

#[tokio::test]
async fn a_question_to_the_planner_survives_a_restart() {
    let world = World::new(&[("A", 5)]).await;
    world.others.0.lock().unwrap().planner_down = true;
    let placed = world.place(order("100", vec![line("A", 1)])).await.unwrap();
    let world = world.restarted().await;
    assert_eq!(world.get(&placed.order_id).await.unwrap().status(), proto::OrderStatus::Open);
    world.others.0.lock().unwrap().planner_down = false;
    world.once(&placed.order_id, proto::OrderStatus::Released).await;
}

#[tokio::test]
async fn a_cancel_gives_back_what_is_not_released_and_a_retry_is_told_the_same() {
    let world = World::new(&[("A", 3)]).await;
    let mut wanted = order("100", vec![line("A", 3)]);
    wanted.release_time = Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 });
    let placed = world.place(wanted).await.unwrap();
    let reserved = world.once(&placed.order_id, proto::OrderStatus::Reserved).await;
    let mut two = whole(&placed.order_id, "c1");
    two.lines = vec![proto::CancelLine { line_number: 1, quantity: Some(2) }];
    two.wait_ms = 5_000;
    let answer = world.cancel(two.clone()).await.unwrap();
    assert_eq!(answer.lines[0].outcome(), proto::CancelLineOutcome::Cancelled);
    assert_eq!((answer.lines[0].requested, answer.lines[0].cancelled), (2, 2));
    let again = world.cancel(two.clone()).await.unwrap();
    let token = answer.token.clone();
    assert_eq!(proto::CancelOrderResponse { token, ..again }, answer, "a retry is told the same");
    two.lines[0].quantity = Some(1);
    assert_eq!(world.cancel(two).await.unwrap_err().code(), Code::AlreadyExists);
    let mut stale = whole(&placed.order_id, "c2");
    stale.expected_revision = reserved.revision;
    assert_eq!(world.cancel(stale).await.unwrap_err().code(), Code::Aborted);
    let rest = world.cancel(whole(&placed.order_id, "c3")).await.unwrap();
    assert_eq!(rest.status(), proto::OrderStatus::Cancelled);
    let again = world.cancel(whole(&placed.order_id, "c4")).await.unwrap();
    assert_eq!(again.lines[0].outcome(), proto::CancelLineOutcome::AlreadyCancelled);
}

#[tokio::test]
async fn released_units_are_asked_of_their_node_and_a_caller_who_waits_is_told_its_answer() {
    let world = World::new(&[("A", 1)]).await;
    let placed = world.place(order("100", vec![line("A", 3)])).await.unwrap();
    let found = world.once(&placed.order_id, proto::OrderStatus::Backordered).await;
    assert_eq!(found.lines[0].buckets.unwrap().backordered, 2);
    // The other unit is on its way to the node.
    let answer = loop {
        let order = world.get(&placed.order_id).await.unwrap();
        if order.lines[0].buckets.unwrap().released == 1 {
            break world.cancel(whole(&placed.order_id, "c1")).await.unwrap();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(answer.lines[0].outcome(), proto::CancelLineOutcome::CancelRequested);
    assert_eq!((answer.lines[0].cancelled, answer.lines[0].cancel_requested), (2, 1));
    let waited = proto::CancelOrderRequest { wait_ms: 60_000, ..whole(&placed.order_id, "c1") };
    let answer = world.cancel(waited).await.unwrap();
    assert_eq!(answer.lines[0].outcome(), proto::CancelLineOutcome::Cancelled);
    assert_eq!((answer.lines[0].cancelled, answer.lines[0].cancel_requested), (3, 0));
    assert_eq!(answer.status(), proto::OrderStatus::Cancelled);
}

#[tokio::test]
async fn the_laws_hold_on_a_durable_cut_after_mixed_work() {
    let world = World::new(&[("A", 30), ("B", 3)]).await;
    let many = (0..40).map(|n| {
        let lines = vec![line("A", 1), line("B", 1 + n % 2)];
        let wanted = if n % 3 == 0 { confirm(&n.to_string(), lines) } else { order(&n.to_string(), lines) };
        world.place(proto::PlaceOrderRequest { wait_ms: 50, ..wanted })
    });
    let placed: Vec<_> = join_all(many).await.into_iter().flatten().collect();
    let cancels = placed.iter().step_by(4).map(|p| world.cancel(whole(&p.order_id, &p.order_id)));
    join_all(cancels).await.into_iter().for_each(|cancelled| drop(cancelled.unwrap()));
    let audit = |core: &mut waybill_replica::Core<waybill_orders::Orders>| {
        waybill_orders::Orders::audit(core.state(), &mut |_, _| {})
    };
    let frozen = world.door.partitions().freeze(audit).await.unwrap();
    for (id, _, violations) in &frozen.results {
        assert!(violations.is_empty(), "{id}: {violations:?}");
    }
}

#[tokio::test]
async fn the_timeline_says_who_did_what_and_what_changed() {
    let world = World::new(&[("A", 1)]).await;
    let placed = world.place(order("100", vec![line("A", 2)])).await.unwrap();
    world.once(&placed.order_id, proto::OrderStatus::Backordered).await;
    world.cancel(whole(&placed.order_id, "c1")).await.unwrap();
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let message = proto::GetTimelineRequest {
            order_id: placed.order_id.clone(),
            page_size: 2,
            page_token,
            after: String::new(),
        };
        let page = world.door.get_timeline(asked(message)).await.unwrap().into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert!(entries.iter().enumerate().all(|(index, entry)| entry.number == index as u64 + 1));
    assert_eq!((entries[0].event_type.as_str(), entries[0].channel.as_str()), ("OrderPlaced", "web"));
    let cancelled = entries.iter().find(|entry| entry.event_type == "UnitsCancelled").unwrap();
    assert_eq!((cancelled.actor.as_str(), cancelled.reason.as_str()), ("anna", "changed my mind"));
    assert_eq!((cancelled.role.as_str(), entries[1].role.as_str()), ("channel", ""));
    assert!(
        cancelled.changes.iter().any(|change| change.field == "lines[0].cancelled" && change.before == "0")
    );
    assert!(entries[1].actor.is_empty(), "the engine did that by itself");
}

#[tokio::test]
async fn amounts_that_do_not_add_up_are_refused_at_their_field() {
    let world = World::new(&[]).await;
    let mut wrong = order("100", vec![line("A", 2)]);
    wrong.amounts.as_mut().unwrap().shipping = eur(490);
    let refused = world.place(wrong).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "amounts.total");
    let info = details.error_info().unwrap();
    assert_eq!((info.metadata["given"].as_str(), info.metadata["computed"].as_str()), ("2000", "2490"));
}
