//! Three processes that run one service each take any request.

use crate::shop::{self, Cluster};
use anyhow::ensure;
use tonic::transport::Channel;
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::engine::Engine;
use waybill_integration_tests::retailer::{self, Shape, node, order, receipt};
use waybill_integration_tests::shared_journal::Kind;
use waybill_integration_tests::world::until;
use waybill_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use waybill_proto::orders::v1::{OrderStatus, PlaceMode, PlaceOutcome};

/// One unit of each item at each node.
const LITTLE: Shape = Shape { nodes: 2, items: 7, stock: 1 };

pub(crate) async fn take_any_request(kind: Kind) -> anyhow::Result<()> {
    let cluster = Cluster::new(kind)?;
    let role = async |role: &'static str| cluster.start_with(role, &["--services", role]).await;
    // None of them can plan or place alone: each is there before all are.
    let (orders, inventory, fulfillment): (Engine, Engine, Engine) =
        tokio::try_join!(role("orders"), role("inventory"), role("fulfillment"))?;
    // Everything is asked of the process that runs the least of it.
    let (door, other) = (inventory.channel().await?, orders.channel().await?);
    retailer::open(&other, LITTLE).await?;
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
    told_of_stock(&door, &other).await?;
    for engine in [&orders, &inventory, &fulfillment] {
        engine.settle().await?;
        engine.audit().await?;
    }
    Ok(())
}

/// Orders that wait for stock are told of it by the process that has it, and planned by another one, which may not have heard
/// of it yet. Each is told once: what is planned over older stock would wait for ever.
async fn told_of_stock(door: &Channel, other: &Channel) -> anyhow::Result<()> {
    let waiting = (1..LITTLE.items).map(|item| async move {
        let wanted = order(&format!("R-late-{item}"), &[(item, 5)], PlaceMode::Accept);
        let placed = shop::place(door, wanted).await?;
        shop::order_at(other, &placed.order_id, OrderStatus::Backordered).await?;
        Ok::<_, anyhow::Error>((item, placed.order_id))
    });
    let waiting = futures::future::try_join_all(waiting).await?;
    let served = waiting.into_iter().map(|(item, order_id)| async move {
        let mut inventory = InventoryServiceClient::new(door.clone());
        inventory.receive_stock(receipt(&format!("late-{item}"), item, 0, 3)).await?;
        shop::order_at(other, &order_id, OrderStatus::Released).await
    });
    futures::future::try_join_all(served).await.map(|_| ())
}
