//! Bookings through the door.

use super::world::{World, asked, why};
use tonic::Code;
use tonic_types::StatusExt;
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::inventory_service_server::InventoryService;

#[tokio::test]
async fn bookings_answer_with_the_position_and_survive_a_restart() {
    let world = World::new().await;
    world.stocked("A", "n1", 10).await;
    let adjust = proto::AdjustStockRequest {
        request_id: "a1".into(),
        reason: "broken".into(),
        sku: "A".into(),
        node_id: "n1".into(),
        quantity_delta: -4,
        ..Default::default()
    };
    let after = world.door.adjust_stock(asked(adjust.clone())).await.unwrap().into_inner();
    assert_eq!(after.position.unwrap().sellable, 6);
    assert!(!after.token.is_empty());
    let damaged = proto::ReceiveStockRequest {
        request_id: "r2".into(),
        sku: "A".into(),
        node_id: "n1".into(),
        quantity: 4,
        condition: proto::StockCondition::Damaged.into(),
        ..Default::default()
    };
    world.door.receive_stock(asked(damaged)).await.unwrap();
    let safety = proto::SetSafetyStockRequest {
        request_id: "s1".into(),
        sku: "A".into(),
        node_id: "n1".into(),
        safety_stock: 2,
        ..Default::default()
    };
    let position = world.door.set_safety_stock(asked(safety)).await.unwrap().into_inner().position.unwrap();
    assert_eq!((position.available, position.damaged, position.revision), (4, 4, 4));
    let world = world.restarted().await;
    assert_eq!(world.position("A", "n1").await, position);
    let again = world.door.adjust_stock(asked(adjust)).await.unwrap().into_inner();
    assert_eq!(again.position.unwrap().sellable, 6, "the retry hears what the first call heard");
    assert_eq!(world.position("A", "n1").await, position, "and changes nothing");
}

#[tokio::test]
async fn the_same_request_id_with_other_content_is_refused_naming_the_field() {
    let world = World::new().await;
    world.stocked("A", "n1", 10).await;
    world.receive("r1", "A", "n1", 5).await.unwrap();
    world.receive("r1", "A", "n1", 5).await.unwrap();
    assert_eq!(world.position("A", "n1").await.sellable, 15);
    let refused = world.receive("r1", "A", "n1", 6).await.unwrap_err();
    assert_eq!(why(&refused), (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["field"], "quantity");
    world.receive("r1", "A", "n2", 6).await.unwrap();
    assert_eq!(world.position("A", "n2").await.sellable, 6, "elsewhere it is another request");
}

#[tokio::test]
async fn an_older_count_is_answered_as_ignored() {
    let world = World::new().await;
    world.with_item("A").await;
    let count = |request_id: &str, quantity, source_sequence| proto::SetStockCountRequest {
        request_id: request_id.into(),
        source: "wms".into(),
        count: Some(proto::StockCount {
            sku: "A".into(),
            node_id: "n1".into(),
            quantity,
            source_sequence,
            ..Default::default()
        }),
        ..Default::default()
    };
    let set = |message| world.door.set_stock_count(asked(message));
    assert!(set(count("c1", 9, 7)).await.unwrap().into_inner().applied);
    let old = set(count("c2", 1, 6)).await.unwrap().into_inner();
    assert_eq!((old.applied, old.position.unwrap().sellable), (false, 9));
}

#[tokio::test]
async fn stock_of_an_unknown_item_and_stock_below_zero_are_refused() {
    let world = World::new().await;
    let refused = world.receive("r1", "A", "n1", 5).await.unwrap_err();
    assert_eq!(why(&refused), (Code::NotFound, "ITEM_UNKNOWN".into()));
    world.with_item("A").await;
    world.receive("r1", "A", "n1", 5).await.expect("a refusal does not bind the request id");
    let adjust = proto::AdjustStockRequest {
        request_id: "a1".into(),
        reason: "lost".into(),
        sku: "A".into(),
        node_id: "n1".into(),
        quantity_delta: -6,
        ..Default::default()
    };
    let refused = world.door.adjust_stock(asked(adjust)).await.unwrap_err();
    assert_eq!(why(&refused), (Code::FailedPrecondition, "STOCK_BELOW_ZERO".into()));
    assert_eq!(refused.get_error_details().error_info().unwrap().metadata["on_hand"], "5");
}

#[tokio::test]
async fn the_token_of_a_retry_and_of_a_write_that_changed_nothing_are_ones_that_reads_take() {
    let world = World::new().await;
    world.stocked("A", "n1", 5).await;
    let first = world.receive("r1", "A", "n1", 5).await.unwrap();
    let safety = proto::SetSafetyStockRequest {
        request_id: "s1".into(),
        sku: "A".into(),
        node_id: "n1".into(),
        ..Default::default()
    };
    let unchanged = world.door.set_safety_stock(asked(safety)).await.unwrap().into_inner();
    let retried = world.receive("r1", "A", "n1", 5).await.unwrap();
    for after in [first.token, unchanged.token, retried.token] {
        let token: waybill_replica::Token = after.parse().unwrap();
        let message =
            proto::GetPositionRequest { sku: "A".into(), node_id: "n1".into(), after, ..Default::default() };
        world.door.get_position(asked(message)).await.unwrap();
        let mirrored = world.door.mirror().version(token.partition);
        assert!(mirrored >= token.sequence, "plans would wait for {token}, the mirror is at {mirrored}");
    }
}
