//! One PostgreSQL, one to three processes: an order goes over all of them, and what was answered survives whichever of
//! them is killed or leaves.

#[path = "cluster/shop.rs"]
mod shop;

use anyhow::{Context, ensure};
use shop::{Cluster, Ledger, terminate};
use std::time::{Duration, Instant};
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::engine::Engine;
use waybill_integration_tests::retailer::{self, Shape, node, order};
use waybill_integration_tests::world::until;
use waybill_proto::orders::v1::{OrderStatus, PlaceMode, PlaceOutcome};

const SHAPE: Shape = Shape { nodes: 2, items: 4, stock: 100_000 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_over_a_shared_journal_survives_a_kill_and_the_loss_of_its_directory()
-> anyhow::Result<()> {
    let cluster = Cluster::new()?;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_are_one_engine_through_a_kill_and_a_hand_over() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let a = cluster.start("a").await?;
    retailer::open(&a.channel().await?, SHAPE).await?;
    let (b, c) = tokio::try_join!(cluster.start("b"), cluster.start("c"))?;
    until("each of three owns a share", || async {
        let owned = shop::owned(&a).await?;
        Ok((owned.len() == 3 && owned.values().all(|count| *count >= 6)).then_some(()))
    })
    .await?;
    let [at_a, at_b, at_c] = [a.channel().await?, b.channel().await?, c.channel().await?];

    // Placed at one, watched at another, picked at the third.
    let placed = shop::place(&at_a, order("C-1", &[(0, 1), (2, 1)], PlaceMode::Confirm)).await?;
    ensure!(placed.outcome() == PlaceOutcome::Confirmed, "{placed:?}");
    let seen = shop::find(&at_b, &placed.order_id, &placed.token).await?;
    ensure!(seen.revision > 0, "a token of one process is good at another: {seen:?}");
    let mut desk = Desk::new(at_c.clone(), &node(0));
    let instruction = desk.next(0).await?;
    ensure!(instruction.destination.is_some() && !instruction.erased, "{instruction:?}");
    desk.fulfill(&instruction).await?;
    shop::order_at(&at_b, &placed.order_id, OrderStatus::Delivered).await?;

    let mut ledger = Ledger::default();
    let load = Duration::from_secs(5);
    // An owner dies under load at the two others.
    let doors = [at_b.clone(), at_c.clone()];
    let (shopped, killed) = tokio::join!(ledger.shop("kill", &doors, load), async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        let at = Instant::now();
        a.kill().await?;
        until("the killed one's partitions have owners", || async {
            let owned = shop::owned(&b).await?;
            Ok((!owned.contains_key("a") && owned.values().sum::<u32>() == shop::PARTITIONS).then_some(()))
        })
        .await?;
        anyhow::Ok(at.elapsed())
    });
    let (longest, retries) = shopped?;
    println!(
        "kill -9: all owned again after {} ms; longest call {} ms, {retries} retries",
        killed?.as_millis(),
        longest.as_millis()
    );
    ensure!(longest < Duration::from_secs(12), "{longest:?}");

    // It comes back and takes its share; then another one leaves as it is told to.
    let a = cluster.start("a").await?;
    let doors = [a.channel().await?, at_c.clone()];
    until("the one that came back owns a share", || async {
        Ok((shop::owned(&c).await?.get("a").copied().unwrap_or(0) >= 6).then_some(()))
    })
    .await?;
    let (shopped, left) = tokio::join!(ledger.shop("leave", &doors, load), async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        let at = Instant::now();
        terminate(&b)?;
        let status = b.ended().await?;
        ensure!(status.success(), "{status}");
        Ok(at.elapsed())
    });
    let (longest, retries) = shopped?;
    println!(
        "SIGTERM: ended after {} ms; longest call {} ms, {retries} retries",
        left?.as_millis(),
        longest.as_millis()
    );

    for engine in [&a, &c] {
        engine.settle().await?;
    }
    ledger.judge(&[a.channel().await?, at_c.clone()]).await?;
    let states = until("both copies stand at the same place", || async {
        let (one, other) = (shop::states(&a).await?, shop::states(&c).await?);
        let places = |states: &shop::States| states.values().map(|(at, _)| *at).collect::<Vec<_>>();
        Ok((places(&one) == places(&other)).then_some((one, other)))
    })
    .await?;
    ensure!(states.0 == states.1, "equal places and different states: {states:?}");
    for engine in [&a, &c] {
        engine.audit().await.context("a process of two")?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_with_one_role_each_take_any_request() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
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
