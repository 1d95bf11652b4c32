//! Parcels that did not reach the customer, through the door.

use super::reports::pick;
use super::world::{World, asked, contract, fields, why};
use tonic::Code;
use tonic_types::StatusExt;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_types::FulfillmentOrderId;

use proto::UndeliveredKind::{Lost, Refused, ReturnedToSender};

/// Two parcels, P1 with one unit and P2 with two, on their way at revision 4.
async fn shipped(world: &World) -> FulfillmentOrderId {
    world.with_node("n1").await;
    let (id, _) = world.released("n1", 1, 3).await;
    world.door.confirm_pick(asked(pick(id, "picked", 2, 3, 0))).await.unwrap();
    let parcel = |parcel_id: &str, quantity| proto::Parcel {
        parcel_id: parcel_id.into(),
        contents: vec![proto::ParcelContent { line_number: 1, quantity }],
        ..Default::default()
    };
    let ship = proto::ShipRequest {
        request_id: "shipped".into(),
        fulfillment_order_id: id.to_string(),
        revision: 3,
        carrier: "dhl".into(),
        parcels: vec![parcel("P1", 1), parcel("P2", 2)],
        ..Default::default()
    };
    world.door.ship(asked(ship)).await.unwrap();
    id
}

fn report(
    id: FulfillmentOrderId,
    request: &str,
    revision: u64,
    kind: proto::UndeliveredKind,
    parcels: &[&str],
) -> proto::ReportUndeliveredRequest {
    let condition = match kind {
        ReturnedToSender => proto::GoodsCondition::Inspect,
        _ => proto::GoodsCondition::Unspecified,
    };
    proto::ReportUndeliveredRequest {
        request_id: request.into(),
        fulfillment_order_id: id.to_string(),
        revision,
        kind: kind.into(),
        parcel_ids: parcels.iter().map(|id| (*id).to_owned()).collect(),
        condition: condition.into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_is_lost_and_another_is_refused_and_comes_back() {
    let world = World::new().await;
    let id = shipped(&world).await;
    contract!(
        world,
        report_undelivered,
        report(id, "r1", 4, Lost, &["P1"]),
        report(id, "r1", 4, Lost, &["P2"])
    );
    for (wrong, at) in [
        (report(id, "w1", 5, Lost, &["P1"]), "parcel_ids[0]"),
        (report(id, "w2", 5, Refused, &["P9"]), "parcel_ids[0]"),
        (report(id, "w3", 5, Refused, &["P2", "P2"]), "parcel_ids[1]"),
    ] {
        let refused = world.door.report_undelivered(asked(wrong)).await.unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec![at.to_owned()]));
    }
    world.door.report_undelivered(asked(report(id, "r2", 5, Refused, &[]))).await.unwrap();
    let back = report(id, "r3", 6, ReturnedToSender, &["P2"]);
    let done = world.door.report_undelivered(asked(back)).await.unwrap().into_inner();
    let done = done.fulfillment_order.unwrap();
    assert_eq!((done.state(), done.lines[0].returned), (proto::FulfillmentOrderState::Undelivered, 2));
    let nothing_left =
        world.door.report_undelivered(asked(report(id, "r4", 7, Lost, &[]))).await.unwrap_err();
    assert_eq!(fields(&nothing_left), ["parcel_ids"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_left_or_is_a_pickup_cannot_get_lost() {
    let world = World::new().await;
    world.with_node("n1").await;
    let (parcel, _) = world.released("n1", 1, 2).await;
    let pickup = world.released_pickup("n1", 2, 2).await;
    let early = world.door.report_undelivered(asked(report(parcel, "r1", 2, Lost, &[]))).await.unwrap_err();
    assert_eq!(why(&early), (Code::FailedPrecondition, "FULFILLMENT_ORDER_STATE".into()));
    let never = world.door.report_undelivered(asked(report(pickup, "r2", 2, Lost, &[]))).await.unwrap_err();
    assert_eq!(why(&never), (Code::FailedPrecondition, "FULFILLMENT_ORDER_DESTINATION".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_goods_that_are_back_lie_in_a_condition() {
    let world = World::new().await;
    let id = shipped(&world).await;
    let mut lost = report(id, "r1", 4, Lost, &[]);
    lost.condition = proto::GoodsCondition::Sellable.into();
    let mut back = report(id, "r2", 4, ReturnedToSender, &[]);
    back.condition = proto::GoodsCondition::Unspecified.into();
    for wrong in [lost, back] {
        let refused = world.door.report_undelivered(asked(wrong)).await.unwrap_err();
        assert_eq!(fields(&refused), ["condition"]);
    }
    let mut no_kind = report(id, "r3", 4, Lost, &[]);
    no_kind.kind = 0;
    let refused = world.door.report_undelivered(asked(no_kind)).await.unwrap_err();
    assert_eq!(fields(&refused), ["kind"]);
    assert_eq!(world.order(id).await.revision, 4, "nothing changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_that_is_delivered_and_lost_at_once_is_one_of_the_two() {
    let world = World::new().await;
    let id = shipped(&world).await;
    let delivered = proto::ConfirmDeliveryRequest {
        request_id: "carrier".into(),
        fulfillment_order_id: id.to_string(),
        revision: 4,
        parcel_ids: vec!["P2".into()],
        ..Default::default()
    };
    let (arrived, lost) = tokio::join!(
        world.door.confirm_delivery(asked(delivered)),
        world.door.report_undelivered(asked(report(id, "claim", 4, Lost, &["P2"]))),
    );
    assert!(arrived.is_ok() != lost.is_ok(), "exactly one counts, not {arrived:?} and {lost:?}");
    let refused = arrived.err().or(lost.err()).unwrap();
    assert_eq!(why(&refused), (Code::Aborted, "STALE_REVISION".into()));
    assert_eq!(world.order(id).await.revision, 5);
}
