//! The counter and what goes back on a shelf, through the door: substitutes at the pick, hand-overs in parts, pickups that
//! nobody fetched, answers to cancels.

use super::reports::pick;
use super::world::{World, asked, contract, fields, why};
use tonic::Code;
use tonic_types::StatusExt;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_types::FulfillmentOrderId;

fn units(quantity: i64) -> Vec<proto::ParcelContent> {
    vec![proto::ParcelContent { line_number: 1, quantity }]
}

fn ready(id: FulfillmentOrderId, request: &str, revision: u64) -> proto::ReadyForPickupRequest {
    proto::ReadyForPickupRequest {
        request_id: request.into(),
        fulfillment_order_id: id.to_string(),
        revision,
        shelf: "K7".into(),
        ..Default::default()
    }
}

fn take(id: FulfillmentOrderId, request: &str, revision: u64, taken: i64) -> proto::HandOverRequest {
    proto::HandOverRequest {
        request_id: request.into(),
        fulfillment_order_id: id.to_string(),
        revision,
        proof: "code".into(),
        taken: units(taken),
        ..Default::default()
    }
}

fn no_show(id: FulfillmentOrderId, request: &str, revision: u64) -> proto::ReportNoShowRequest {
    proto::ReportNoShowRequest {
        request_id: request.into(),
        fulfillment_order_id: id.to_string(),
        revision,
        ..Default::default()
    }
}

fn put_back(
    id: FulfillmentOrderId,
    request: &str,
    revision: u64,
    stopped: i64,
) -> proto::AnswerCancelRequest {
    proto::AnswerCancelRequest {
        request_id: request.into(),
        fulfillment_order_id: id.to_string(),
        revision,
        stopped: if stopped == 0 { Vec::new() } else { units(stopped) },
        ..Default::default()
    }
}

/// A pickup of so many A, picked, at revision 3.
async fn picked(world: &World, order: u64, quantity: u64) -> FulfillmentOrderId {
    world.with_node("n1").await;
    let id = world.released_pickup("n1", order, quantity).await;
    let all = pick(id, "picked", 2, quantity as i64, 0);
    world.door.confirm_pick(asked(all)).await.unwrap();
    id
}

/// What a report was answered with.
macro_rules! told {
    ($world:expr, $call:ident, $message:expr) => {
        $world.door.$call(asked($message)).await.unwrap().into_inner().fulfillment_order.unwrap()
    };
}

/// Why a report was refused.
macro_rules! refusal {
    ($world:expr, $call:ident, $message:expr) => {
        why(&$world.door.$call(asked($message)).await.unwrap_err())
    };
}

fn refused_for(code: Code, reason: &str) -> (Code, String) {
    (code, reason.into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_fetches_a_part_today_and_the_rest_tomorrow() {
    let world = World::new().await;
    let id = picked(&world, 1, 3).await;
    let waiting = told!(world, ready_for_pickup, ready(id, "r1", 3));
    let left = told!(world, hand_over, take(id, "r2", 4, 1));
    assert_eq!(left.state(), proto::FulfillmentOrderState::ReadyForPickup);
    assert_eq!((left.lines[0].picked, left.lines[0].shipped), (3, 1));
    assert_eq!(left.pickup_by_time, waiting.pickup_by_time, "the rest waits no longer for that");
    contract!(world, hand_over, take(id, "r3", 5, 1), take(id, "r3", 5, 2));
    let refused = world.door.hand_over(asked(take(id, "r4", 6, 2))).await.unwrap_err();
    assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["taken[0].quantity".into()]));
    let mut twice = take(id, "r5", 6, 1);
    twice.taken.extend(units(1));
    let refused = world.door.hand_over(asked(twice)).await.unwrap_err();
    assert_eq!(fields(&refused), ["taken[1].line_number"]);
    let done = told!(world, hand_over, proto::HandOverRequest { taken: vec![], ..take(id, "r6", 6, 1) });
    assert_eq!((done.state(), done.lines[0].shipped), (proto::FulfillmentOrderState::HandedOver, 3));
    let late = refusal!(world, hand_over, take(id, "r7", 7, 1));
    assert_eq!(late, refused_for(Code::FailedPrecondition, "FULFILLMENT_ORDER_STATE"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_customer_leaves_for_good_goes_back_on_the_shelf() {
    let world = World::new().await;
    let id = picked(&world, 1, 3).await;
    let mut gives_up = take(id, "r1", 3, 2);
    gives_up.rest = proto::PickupRest::GiveUp.into();
    let done = told!(world, hand_over, gives_up);
    assert_eq!(done.state(), proto::FulfillmentOrderState::HandedOver);
    assert_eq!((done.lines[0].quantity, done.lines[0].shipped, done.lines[0].cancelled), (2, 2, 1));
    let mut wrong = take(id, "r2", 4, 1);
    wrong.rest = 9;
    let refused = world.door.hand_over(asked(wrong)).await.unwrap_err();
    assert_eq!(fields(&refused), ["rest"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_colleagues_at_the_counter_one_hands_over() {
    let world = World::new().await;
    let id = picked(&world, 1, 2).await;
    let (one, two) = tokio::join!(
        world.door.hand_over(asked(take(id, "till 1", 3, 1))),
        world.door.hand_over(asked(take(id, "till 2", 3, 1))),
    );
    assert!(one.is_ok() != two.is_ok(), "exactly one counts, not {one:?} and {two:?}");
    let lost = one.err().or(two.err()).unwrap();
    assert_eq!(why(&lost), refused_for(Code::Aborted, "STALE_REVISION"));
    assert_eq!(world.order(id).await.lines[0].shipped, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_is_neither_handed_over_nor_left_uncollected() {
    let world = World::new().await;
    world.with_node("n1").await;
    let (id, _) = world.released("n1", 1, 2).await;
    world.door.confirm_pick(asked(pick(id, "r1", 2, 2, 0))).await.unwrap();
    let expected = refused_for(Code::FailedPrecondition, "FULFILLMENT_ORDER_DESTINATION");
    assert_eq!(refusal!(world, hand_over, take(id, "r2", 3, 1)), expected);
    assert_eq!(refusal!(world, report_no_show, no_show(id, "r3", 3)), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_fetched_goes_back_once_and_only_after_it_was_ready() {
    let world = World::new().await;
    let id = picked(&world, 1, 2).await;
    let early = refusal!(world, report_no_show, no_show(id, "r1", 3));
    assert_eq!(early, refused_for(Code::FailedPrecondition, "FULFILLMENT_ORDER_STATE"));
    world.door.ready_for_pickup(asked(ready(id, "r2", 3))).await.unwrap();
    let mut other = no_show(id, "r3", 4);
    other.reason = "another one".into();
    contract!(world, report_no_show, no_show(id, "r3", 4), other);
    let gone = world.order(id).await;
    assert_eq!(gone.state(), proto::FulfillmentOrderState::NotCollected);
    assert_eq!((gone.lines[0].quantity, gone.lines[0].cancelled), (0, 2));
    let again = refusal!(world, report_no_show, no_show(id, "r4", 5));
    assert_eq!(again, refused_for(Code::FailedPrecondition, "FULFILLMENT_ORDER_STATE"));
    let late = refusal!(world, hand_over, take(id, "r5", 5, 1));
    assert_eq!(late, refused_for(Code::FailedPrecondition, "FULFILLMENT_ORDER_STATE"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_who_comes_while_a_no_show_is_reported_has_the_goods_or_they_are_back() {
    let world = World::new().await;
    let id = picked(&world, 1, 2).await;
    world.door.ready_for_pickup(asked(ready(id, "r1", 3))).await.unwrap();
    let (came, gone) = tokio::join!(
        world.door.hand_over(asked(take(id, "till", 4, 2))),
        world.door.report_no_show(asked(no_show(id, "evening job", 4))),
    );
    assert!(came.is_ok() != gone.is_ok(), "exactly one counts, not {came:?} and {gone:?}");
    let line = world.order(id).await.lines[0].clone();
    let expected = if came.is_ok() { (2, 0) } else { (0, 2) };
    assert_eq!((line.shipped, line.cancelled), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_answers_a_cancel_with_what_it_put_back() {
    let world = World::new().await;
    let id = picked(&world, 1, 3).await;
    let nothing = refusal!(world, answer_cancel, put_back(id, "r1", 3, 1));
    assert_eq!(nothing, refused_for(Code::FailedPrecondition, "CANCEL_NOT_ASKED"));
    world.ask_back(id, 1, 2).await;
    let asks = world.order(id).await;
    assert_eq!((asks.revision, asks.cancel_asks[0].reason.as_str()), (4, "changed my mind"));
    assert_eq!(asks.cancel_asks[0].units, units(2));
    let refused = world.door.answer_cancel(asked(put_back(id, "r2", 4, 3))).await.unwrap_err();
    assert_eq!(
        (refused.code(), fields(&refused)),
        (Code::InvalidArgument, vec!["stopped[0].quantity".into()])
    );
    contract!(world, answer_cancel, put_back(id, "r3", 4, 1), put_back(id, "r3", 4, 2));
    let answered = world.order(id).await;
    assert!(answered.cancel_asks.is_empty());
    assert_eq!((answered.lines[0].quantity, answered.lines[0].cancelled), (2, 1));
    let over = refusal!(world, answer_cancel, put_back(id, "r4", 5, 1));
    assert_eq!(over, refused_for(Code::FailedPrecondition, "CANCEL_NOT_ASKED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_has_nothing_to_give_back_says_so_and_the_ask_is_over() {
    let world = World::new().await;
    let id = picked(&world, 1, 2).await;
    world.ask_back(id, 1, 2).await;
    let answered = told!(world, answer_cancel, put_back(id, "r1", 4, 0));
    assert!(answered.cancel_asks.is_empty());
    assert_eq!((answered.lines[0].quantity, answered.lines[0].cancelled), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_over_while_its_cancel_is_answered_is_cancelled_or_handed_over() {
    let world = World::new().await;
    let id = picked(&world, 1, 2).await;
    world.ask_back(id, 1, 2).await;
    let (left, stopped) = tokio::join!(
        world.door.hand_over(asked(take(id, "till", 4, 2))),
        world.door.answer_cancel(asked(put_back(id, "shelf", 4, 2))),
    );
    assert!(left.is_ok() != stopped.is_ok(), "exactly one counts, not {left:?} and {stopped:?}");
    let order = world.order(id).await;
    let expected = if left.is_ok() { (2, 0) } else { (0, 2) };
    assert_eq!((order.lines[0].shipped, order.lines[0].cancelled), expected);
    assert!(order.cancel_asks.is_empty());
}

fn with_substitute(
    id: FulfillmentOrderId,
    request: &str,
    picked: i64,
    sku: &str,
    instead: i64,
) -> proto::ConfirmPickRequest {
    let mut message = pick(id, request, 2, picked, 0);
    message.lines[0].substitute_sku = sku.into();
    message.lines[0].substitute_quantity = instead;
    message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picker_takes_a_substitute_that_the_line_allows_and_no_other() {
    let world = World::new().await;
    world.with_node("n1").await;
    let id = world.released_pickup("n1", 1, 3).await;
    for (wrong, at) in [
        (with_substitute(id, "w1", 1, "C", 2), "lines[0].substitute_sku"),
        (with_substitute(id, "w2", 2, "B", 2), "lines"),
        (with_substitute(id, "w3", 1, "B", 0), "lines[0].substitute_quantity"),
        (with_substitute(id, "w4", 1, "", 2), "lines[0].substitute_sku"),
    ] {
        let refused = world.door.confirm_pick(asked(wrong)).await.unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec![at.to_owned()]));
    }
    let other = with_substitute(id, "r1", 2, "B", 1);
    contract!(world, confirm_pick, with_substitute(id, "r1", 1, "B", 2), other);
    let line = world.order(id).await.lines[0].clone();
    let instead = proto::SubstitutedUnits { sku: "B".into(), quantity: 2 };
    assert_eq!((line.picked, line.shorted, line.substituted), (3, 0, vec![instead]));
    let done = told!(world, hand_over, take(id, "r2", 3, 3));
    assert_eq!((done.state(), done.lines[0].shipped), (proto::FulfillmentOrderState::HandedOver, 3));
}
