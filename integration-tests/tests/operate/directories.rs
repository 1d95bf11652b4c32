//! A data directory serves one process, as the engine it was made for.

use crate::refused;
use anyhow::{Context, ensure};
use waybill_integration_tests::engine::Engine;
use waybill_integration_tests::retailer::{Shape, order};
use waybill_integration_tests::world::World;
use waybill_proto::orders::v1::PlaceMode;

#[tokio::test]
async fn a_directory_serves_one_process_with_the_partitions_it_was_made_with() -> anyhow::Result<()> {
    let mut world = World::open(Shape { nodes: 1, items: 1, stock: 5 }, Vec::new()).await?;
    let data = world.data_dir().display().to_string();
    let serve = ["serve", "--data-dir", &data, "--listen", "127.0.0.1:0", "--no-metrics"];
    let second = refused(&serve).await?;
    ensure!(second.contains(&data), "a second process is not told which directory is in use: {second}");
    let audit = refused(&["audit", "--data-dir", &data]).await?;
    ensure!(audit.contains(&data), "an audit of a directory that is served: {audit}");
    let placed = world.place(order("D-1", &[(0, 1)], PlaceMode::Confirm)).await?;

    world.kill().await?;
    let other = refused(&[&serve[..], &["--partitions", "4"]].concat()).await?;
    ensure!(other.contains('8') && other.contains('4'), "the two partition counts are not told: {other}");
    world.up().await?;
    ensure!(world.order(&placed.order_id).await?.order_id == placed.order_id, "it is not the same engine");
    world.check().await
}

#[tokio::test]
async fn a_directory_that_lost_a_part_opens_whole_or_not_at_all() -> anyhow::Result<()> {
    for part in ["keys", "store", "journal"] {
        let mut world = World::open(Shape { nodes: 1, items: 1, stock: 5 }, Vec::new()).await?;
        let placed = world.place(order("D-2", &[(0, 1)], PlaceMode::Confirm)).await?;
        world.engine()?.settle().await?;
        world.kill().await?;
        let lost = world.data_dir().join(part);
        ensure!(lost.is_dir(), "there is no {}", lost.display());
        std::fs::rename(&lost, world.dir().join("lost"))?;
        match world.up().await {
            Err(error) => ensure!(error.to_string().contains("ended with exit status"), "{part}: {error}"),
            // A journal that still reaches back to the beginning holds all that the rows held.
            Ok(()) => {
                let order = world.order(&placed.order_id).await.context(part)?;
                ensure!(order.contact.is_some_and(|c| c.name == "Ada Example"), "{part}: nobody is there");
                ensure!(world.position(0, 0).await?.reserved == 1, "{part}: nothing is reserved");
                world.check().await.context(part)?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_stopped_engine_ends_by_itself_and_comes_up_with_everything() -> anyhow::Result<()> {
    let mut world = World::open(Shape { nodes: 1, items: 1, stock: 5 }, Vec::new()).await?;
    let placed = world.place(order("D-3", &[(0, 1)], PlaceMode::Confirm)).await?;
    world.engine()?.signal("-TERM")?;
    let engine: Engine = world.take()?;
    let status = engine.ended().await?;
    ensure!(status.success(), "it was asked to stop and ended with {status}");
    world.up().await?;
    ensure!(world.order(&placed.order_id).await?.external_order_number == "D-3", "an order is lost");
    Ok(())
}
