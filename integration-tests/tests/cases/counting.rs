//! Counts from outside: pitfalls 26, 27 and 42.

use anyhow::{Context, ensure};
use waybill_integration_tests::retailer::{Shape, node, order, sku};
use waybill_integration_tests::world::World;
use waybill_proto::inventory::v1::{
    AdjustStockRequest, Position, SetSafetyStockRequest, SetStockCountRequest, StockCount,
};
use waybill_proto::orders::v1::PlaceMode;

const SHAPE: Shape = Shape { nodes: 1, items: 1, stock: 5 };

async fn count(world: &World, quantity: i64, source_sequence: u64) -> anyhow::Result<(bool, Position)> {
    let count = StockCount { sku: sku(0), node_id: node(0), quantity, source_sequence, ..Default::default() };
    let request = SetStockCountRequest {
        request_id: format!("count-{source_sequence}-{quantity}"),
        count: Some(count),
        source: "wms".into(),
        ..Default::default()
    };
    let answer = world.inventory().set_stock_count(request).await?.into_inner();
    Ok((answer.applied, answer.position.context("no position")?))
}

#[tokio::test]
async fn an_older_count_that_comes_late_is_ignored_and_reservations_stand() -> anyhow::Result<()> {
    let mut world = World::open(SHAPE, Vec::new()).await?;
    world.place(order("N-1", &[(0, 3)], PlaceMode::Confirm)).await?;
    let (applied, position) = count(&world, 9, 10).await?;
    ensure!(applied && (position.sellable, position.reserved) == (9, 3), "{position:?}");
    let adjust = AdjustStockRequest {
        request_id: "found-one".into(),
        reason: "found behind a shelf".into(),
        sku: sku(0),
        node_id: node(0),
        quantity_delta: 1,
        ..Default::default()
    };
    world.inventory().adjust_stock(adjust).await?;
    for sequence in [9, 10] {
        let (applied, position) = count(&world, 4, sequence).await?;
        ensure!(!applied && (position.sellable, position.reserved) == (10, 3), "{sequence}: {position:?}");
    }
    world.crash().await?;
    let (applied, position) = count(&world, 5, 8).await?;
    ensure!(!applied && (position.sellable, position.reserved) == (10, 3), "after a restart: {position:?}");
    let (applied, position) = count(&world, 6, 11).await?;
    ensure!(applied && (position.sellable, position.reserved) == (6, 3), "{position:?}");
    world.check().await
}

#[tokio::test]
async fn a_count_below_what_is_reserved_shows_nothing_available_and_says_how_much_is_missing()
-> anyhow::Result<()> {
    let world = World::open(SHAPE, Vec::new()).await?;
    world.place(order("N-2", &[(0, 3)], PlaceMode::Confirm)).await?;
    let (_, position) = count(&world, 2, 1).await?;
    ensure!((position.sellable, position.reserved) == (2, 3), "{position:?}");
    ensure!((position.available, position.over_committed) == (0, 1), "{position:?}");
    world.check().await
}

#[tokio::test]
async fn safety_stock_beyond_what_is_there_sells_nothing_and_breaks_no_reservation() -> anyhow::Result<()> {
    let world = World::open(SHAPE, Vec::new()).await?;
    world.place(order("N-3", &[(0, 2)], PlaceMode::Confirm)).await?;
    let request = SetSafetyStockRequest {
        request_id: "keep-back".into(),
        sku: sku(0),
        node_id: node(0),
        safety_stock: 7,
        ..Default::default()
    };
    let position = world.inventory().set_safety_stock(request).await?.into_inner().position;
    let position = position.context("no position")?;
    ensure!((position.available, position.reserved) == (0, 2), "{position:?}");
    let refused = world.place(order("N-4", &[(0, 1)], PlaceMode::Confirm)).await;
    ensure!(refused.is_err(), "what is kept back was sold");
    world.check().await
}
