//! Three processes that run one service each take any request.

use crate::shop::{self, Cluster, SHAPE};
use anyhow::ensure;
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::engine::Engine;
use waybill_integration_tests::retailer::{self, node, order};
use waybill_integration_tests::shared_journal::Kind;
use waybill_integration_tests::world::until;
use waybill_proto::orders::v1::{OrderStatus, PlaceMode, PlaceOutcome};

pub(crate) async fn take_any_request(kind: Kind) -> anyhow::Result<()> {
    let cluster = Cluster::new(kind)?;
    let role = async |role: &'static str| cluster.start_with(role, &["--services", role]).await;
    // None of them can plan or place alone: each is there before all are.
    let (orders, inventory, fulfillment): (Engine, Engine, Engine) =
        tokio::try_join!(role("orders"), role("inventory"), role("fulfillment"))?;
    // Everything is asked of the process that runs the least of it.
    let (door, other) = (inventory.channel().await?, orders.channel().await?);
    retailer::open(&other, SHAPE).await?;
    let placed = until("an order is confirmed over three roles", || async {
        let placed = shop::place(&door, order("R-1", &[(0, 1)], PlaceMode::Confirm)).await.ok();
        Ok(placed.filter(|placed| placed.outcome() == PlaceOutcome::Confirmed))
    })
    .await?;
    let mut desk = Desk::new(door.clone(), &node(0));
    let instruction = desk.next(0).await?;
    ensure!(
        instruction.order_id == placed.order_id && instruction.destination.is_some() && !instruction.erased,
        "{instruction:?}"
    );
    desk.fulfill(&instruction).await?;
    shop::order_at(&fulfillment.channel().await?, &placed.order_id, OrderStatus::Delivered).await?;
    for engine in [&orders, &inventory, &fulfillment] {
        engine.settle().await?;
        engine.audit().await?;
    }
    Ok(())
}
