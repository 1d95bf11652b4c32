//! What nodes report, through the door.

use super::world::{World, asked, fields, why};
use tonic::Code;
use tonic_types::StatusExt;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_types::FulfillmentOrderId;

pub(crate) fn pick(
    id: FulfillmentOrderId,
    request: &str,
    revision: u64,
    picked: i64,
    short: i64,
) -> proto::ConfirmPickRequest {
    let short_reason = if short > 0 { proto::ShortReason::NotFound } else { proto::ShortReason::Unspecified };
    proto::ConfirmPickRequest {
        request_id: request.into(),
        fulfillment_order_id: id.to_string(),
        revision,
        lines: vec![proto::PickedLine {
            line_number: 1,
            picked_quantity: picked,
            short_quantity: short,
            short_reason: short_reason.into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn ship(id: FulfillmentOrderId, request: &str, revision: u64) -> proto::ShipRequest {
    proto::ShipRequest {
        request_id: request.into(),
        fulfillment_order_id: id.to_string(),
        revision,
        carrier: "dhl".into(),
        tracking_number: "T1".into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_picks_ships_and_delivers_and_reads_its_own_writes() {
    let world = World::new().await;
    world.with_node("n1").await;
    let (id, _) = world.released("n1", 1, 2).await;
    let accept = proto::AcceptFulfillmentOrderRequest {
        request_id: "r1".into(),
        fulfillment_order_id: id.to_string(),
        revision: 2,
        ..Default::default()
    };
    let accepted = world.door.accept_fulfillment_order(asked(accept)).await.unwrap().into_inner();
    assert_eq!(accepted.fulfillment_order.as_ref().unwrap().revision, 3);
    let read =
        proto::GetFulfillmentOrderRequest { fulfillment_order_id: id.to_string(), after: accepted.token };
    let read = world.door.get_fulfillment_order(asked(read)).await.unwrap().into_inner();
    assert_eq!(read.fulfillment_order, accepted.fulfillment_order);
    world.door.confirm_pick(asked(pick(id, "r2", 3, 1, 1))).await.unwrap();
    let shipped = world.door.ship(asked(ship(id, "r3", 4))).await.unwrap().into_inner();
    let order = shipped.fulfillment_order.unwrap();
    assert_eq!(order.state(), proto::FulfillmentOrderState::Shipped);
    let line = &order.lines[0];
    assert_eq!((line.quantity, line.picked, line.shorted, line.shipped), (1, 1, 1, 1));
    assert_eq!((order.parcels[0].carrier.as_str(), order.parcels[0].tracking_number.as_str()), ("dhl", "T1"));
    let deliver = proto::ConfirmDeliveryRequest {
        request_id: "r4".into(),
        fulfillment_order_id: id.to_string(),
        revision: 5,
        ..Default::default()
    };
    world.door.confirm_delivery(asked(deliver)).await.unwrap();
    assert_eq!(world.order(id).await.state(), proto::FulfillmentOrderState::Delivered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_answers_the_same_and_other_content_is_refused_by_its_field() {
    let world = World::new().await;
    world.with_node("n1").await;
    let (id, _) = world.released("n1", 1, 2).await;
    let first = world.door.confirm_pick(asked(pick(id, "r1", 2, 2, 0))).await.unwrap().into_inner();
    let again = world.door.confirm_pick(asked(pick(id, "r1", 2, 2, 0))).await.unwrap().into_inner();
    assert_eq!(first.fulfillment_order, again.fulfillment_order);
    let other = world.door.confirm_pick(asked(pick(id, "r1", 2, 1, 1))).await.unwrap_err();
    assert_eq!(why(&other), (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));
    let other = world.door.ship(asked(ship(id, "r1", 3))).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists, "the id was used for another call");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_confirm_the_same_pick_and_one_is_told_what_is_current() {
    let world = World::new().await;
    world.with_node("n1").await;
    let (id, _) = world.released("n1", 1, 2).await;
    let (one, two) = tokio::join!(
        world.door.confirm_pick(asked(pick(id, "worker-1", 2, 2, 0))),
        world.door.confirm_pick(asked(pick(id, "worker-2", 2, 1, 1))),
    );
    let lost = match (one, two) {
        (Ok(_), Err(lost)) | (Err(lost), Ok(_)) => lost,
        (one, two) => panic!("exactly one counts, not {one:?} and {two:?}"),
    };
    assert_eq!(why(&lost), (Code::Aborted, "STALE_REVISION".into()));
    let details = lost.get_error_details();
    let facts = &details.error_info().unwrap().metadata;
    assert_eq!((facts["current_revision"].as_str(), facts["state"].as_str()), ("3", "picked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_does_not_fit_names_every_field() {
    let world = World::new().await;
    world.with_node("n1").await;
    let (id, _) = world.released("n1", 1, 2).await;
    let refused = world.door.confirm_pick(asked(pick(id, "r1", 2, 2, 2))).await.unwrap_err();
    assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["lines".to_owned()]));
    let mut wrong = pick(id, "", 0, -1, i64::MAX);
    wrong.fulfillment_order_id = "W00-1".into();
    wrong.lines[0].short_reason = 99;
    let refused = world.door.confirm_pick(asked(wrong)).await.unwrap_err();
    assert_eq!(
        fields(&refused),
        [
            "lines[0].picked_quantity",
            "lines[0].short_quantity",
            "lines[0].short_reason",
            "request_id",
            "fulfillment_order_id",
            "revision"
        ]
    );
    assert_eq!(world.order(id).await.revision, 2, "nothing changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nodes_work_is_listed_oldest_first_by_state_and_page() {
    let world = World::new().await;
    world.with_node("n1").await;
    let mut ids = Vec::new();
    for order in 1..=5 {
        ids.push(world.released("n1", order, 1).await.0);
    }
    world.door.confirm_pick(asked(pick(ids[1], "r1", 2, 0, 1))).await.unwrap();
    let list = |states: Vec<proto::FulfillmentOrderState>, page_token: String| {
        let request = proto::ListFulfillmentOrdersRequest {
            node_id: "n1".into(),
            states: states.into_iter().map(Into::into).collect(),
            page_size: 2,
            page_token,
            after: String::new(),
        };
        world.door.list_fulfillment_orders(asked(request))
    };
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let page = list(vec![], token).await.unwrap().into_inner();
        seen.extend(page.fulfillment_orders.into_iter().map(|order| order.fulfillment_order_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    let shorted =
        list(vec![proto::FulfillmentOrderState::Shorted], String::new()).await.unwrap().into_inner();
    assert_eq!(shorted.fulfillment_orders.len(), 1);
    let open = list(vec![proto::FulfillmentOrderState::Released], String::new()).await.unwrap().into_inner();
    assert_eq!(open.fulfillment_orders[1].fulfillment_order_id, ids[2].to_string());
    // A token belongs to its list and filter.
    let stolen = list(vec![], open.next_page_token).await.unwrap_err();
    assert_eq!(fields(&stolen), ["page_token"]);
}
