//! Three processes are one: an order goes over all of them, one is killed under load, one leaves as it is told to.

use crate::shop::{self, Cluster, Ledger, load};
use anyhow::ensure;
use std::time::{Duration, Instant};
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::retailer::{node, order};
use waybill_integration_tests::shared_journal::Kind;
use waybill_integration_tests::world::until;
use waybill_proto::orders::v1::{OrderStatus, PlaceMode, PlaceOutcome};

pub(crate) async fn are_one_engine_through_a_kill_and_a_hand_over(kind: Kind) -> anyhow::Result<()> {
    let cluster = Cluster::new(kind)?;
    let [a, b, c] = cluster.three().await?;
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
    // An owner dies under load at the two others.
    let doors = [at_b.clone(), at_c.clone()];
    let (shopped, killed) = tokio::join!(ledger.shop("kill", &doors, load()), async {
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
    let (shopped, left) = tokio::join!(ledger.shop("leave", &doors, load()), async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        let at = Instant::now();
        b.signal("-TERM")?;
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

    ledger.judge(&[a.channel().await?, at_c.clone()]).await?;
    shop::at_rest(&[&a, &c]).await
}
