//! One process over a shared journal: killed, started again, started with an empty directory.

use crate::shop::{self, Cluster, SHAPE};
use anyhow::ensure;
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::retailer::{self, node, order};
use waybill_integration_tests::shared_journal::Kind;
use waybill_proto::orders::v1::{OrderStatus, PlaceMode, PlaceOutcome};

pub(crate) async fn survives_a_kill_and_the_loss_of_its_directory(kind: Kind) -> anyhow::Result<()> {
    let cluster = Cluster::new(kind)?;
    let engine = cluster.start("alone").await?;
    let channel = engine.channel().await?;
    retailer::open(&channel, SHAPE).await?;
    let placed = shop::place(&channel, order("S-1", &[(0, 2), (1, 1)], PlaceMode::Confirm)).await?;
    ensure!(placed.outcome() == PlaceOutcome::Confirmed, "{placed:?}");
    let mut desk = Desk::new(channel.clone(), &node(0));
    let instruction = desk.next(0).await?;
    ensure!(instruction.order_id == placed.order_id, "{instruction:?}");
    engine.kill().await?;
    let engine = cluster.start("alone").await?;
    let channel = engine.channel().await?;
    let mut desk = Desk::new(channel.clone(), &node(0));
    let again = desk.next(0).await?;
    ensure!(again.order_id == placed.order_id, "{again:?}");
    ensure!(
        again.destination == instruction.destination && again.destination.is_some() && !again.erased,
        "the keys of personal data are the same after a kill"
    );
    desk.fulfill(&again).await?;
    shop::order_at(&channel, &placed.order_id, OrderStatus::Delivered).await?;
    // The same request, answered as before.
    let repeated = shop::place(&channel, order("S-1", &[(0, 2), (1, 1)], PlaceMode::Confirm)).await?;
    ensure!(repeated.order_id == placed.order_id, "{repeated:?}");
    engine.settle().await?;
    engine.audit().await?;
    engine.kill().await?;
    // Everything is in the engine: a process with an empty directory is the same process.
    let engine = cluster.start("another").await?;
    let channel = engine.channel().await?;
    shop::order_at(&channel, &placed.order_id, OrderStatus::Delivered).await?;
    engine.audit().await?;
    Ok(())
}
