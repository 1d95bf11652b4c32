//! Goods that somebody has looked at, through the door: they change their condition once, and no more of them than are
//! there.

use super::world::{World, asked, fields, why};
use tonic::Code;
use tonic_types::StatusExt;
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::StockCondition::{Damaged, Inspect, Sellable, Unspecified};
use waybill_proto::inventory::v1::inventory_service_server::InventoryService;

/// 10 A of n1 may be sold, 3 wait for a look.
async fn returned() -> World {
    let world = World::new().await;
    world.stocked("A", "n1", 10).await;
    let message = proto::ReceiveStockRequest {
        request_id: "back".into(),
        sku: "A".into(),
        node_id: "n1".into(),
        quantity: 3,
        condition: Inspect.into(),
        document_reference: "RA-1".into(),
        ..Default::default()
    };
    world.door.receive_stock(asked(message)).await.unwrap();
    world
}

fn dispose(request: &str, quantity: i64, to: proto::StockCondition) -> proto::DisposeStockRequest {
    proto::DisposeStockRequest {
        request_id: request.into(),
        sku: "A".into(),
        node_id: "n1".into(),
        quantity,
        from_condition: Unspecified.into(),
        to_condition: to.into(),
        document_reference: "RA-1".into(),
        ..Default::default()
    }
}

fn on_hand(position: &proto::Position) -> (i64, i64, i64) {
    (position.sellable, position.inspect, position.damaged)
}

#[tokio::test]
async fn what_was_looked_at_is_sold_again_or_written_off_once() {
    let world = returned().await;
    let sound = dispose("d1", 2, Sellable);
    let first = world.door.dispose_stock(asked(sound.clone())).await.unwrap().into_inner();
    assert_eq!(on_hand(first.position.as_ref().unwrap()), (12, 1, 0));
    assert!(!first.token.is_empty());
    let again = world.door.dispose_stock(asked(sound.clone())).await.unwrap().into_inner();
    assert_eq!(again.position, first.position);
    for other in [dispose("d1", 1, Sellable), dispose("d1", 2, Damaged)] {
        let reused = world.door.dispose_stock(asked(other)).await.unwrap_err();
        assert_eq!(why(&reused), (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));
    }
    world.door.dispose_stock(asked(dispose("d2", 1, Damaged))).await.unwrap();
    let mut dropped = dispose("d3", 4, Damaged);
    dropped.from_condition = Sellable.into();
    world.door.dispose_stock(asked(dropped)).await.unwrap();
    let position = world.position("A", "n1").await;
    assert_eq!((on_hand(&position), position.available), ((8, 0, 5), 8));
    let world = world.restarted().await;
    assert_eq!(world.position("A", "n1").await, position);
    let later = world.door.dispose_stock(asked(sound)).await.unwrap().into_inner();
    assert_eq!(later.position, first.position, "the retry hears what the first call heard");
    assert_eq!(world.position("A", "n1").await, position, "and changes nothing");
}

#[tokio::test]
async fn no_more_changes_its_condition_than_is_there() {
    let world = returned().await;
    let before = world.sequences();
    let more = world.door.dispose_stock(asked(dispose("d1", 4, Sellable))).await.unwrap_err();
    assert_eq!(more.code(), Code::FailedPrecondition, "{more:?}");
    let facts = more.get_error_details().error_info().unwrap().metadata.clone();
    assert_eq!(facts["on_hand"], "3");
    let elsewhere = proto::DisposeStockRequest { node_id: "n2".into(), ..dispose("d2", 1, Sellable) };
    let elsewhere = world.door.dispose_stock(asked(elsewhere)).await.unwrap_err();
    assert_eq!(elsewhere.code(), Code::FailedPrecondition, "nothing lies there: {elsewhere:?}");
    let others = proto::DisposeStockRequest { owner: "brand-x".into(), ..dispose("d3", 1, Sellable) };
    assert_eq!(world.door.dispose_stock(asked(others)).await.unwrap_err().code(), Code::FailedPrecondition);
    let unknown = proto::DisposeStockRequest { sku: "Z".into(), ..dispose("d4", 1, Sellable) };
    let unknown = world.door.dispose_stock(asked(unknown)).await.unwrap_err();
    assert_eq!(why(&unknown), (Code::NotFound, "ITEM_UNKNOWN".into()));
    for (wrong, at) in [
        (dispose("d5", 0, Sellable), "quantity"),
        (dispose("d6", 1, Unspecified), "to_condition"),
        (dispose("d7", 1, Inspect), "to_condition"),
    ] {
        let refused = world.door.dispose_stock(asked(wrong)).await.unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec![at.to_owned()]));
    }
    assert_eq!(world.sequences(), before, "nothing was written");
}

#[tokio::test]
async fn of_two_who_look_at_the_last_three_one_decides() {
    let world = returned().await;
    let (sold, written_off) = tokio::join!(
        world.door.dispose_stock(asked(dispose("desk 1", 3, Sellable))),
        world.door.dispose_stock(asked(dispose("desk 2", 3, Damaged))),
    );
    assert!(sold.is_ok() != written_off.is_ok(), "exactly one counts, not {sold:?} and {written_off:?}");
    let expected = if sold.is_ok() { (13, 0, 0) } else { (10, 0, 3) };
    assert_eq!(on_hand(&world.position("A", "n1").await), expected);
}

#[tokio::test]
async fn reserved_goods_that_turn_out_damaged_leave_their_claims_standing_and_flagged() {
    let world = World::new().await;
    world.stocked("A", "n1", 3).await;
    world.hold("h1", 60_000, vec![super::world::line("A", "n1", 2)]).await.unwrap();
    let mut broken = dispose("d1", 2, Damaged);
    broken.from_condition = Sellable.into();
    world.door.dispose_stock(asked(broken)).await.unwrap();
    let position = world.position("A", "n1").await;
    assert_eq!((position.reserved, position.available, position.over_committed), (2, 0, 1));
}
