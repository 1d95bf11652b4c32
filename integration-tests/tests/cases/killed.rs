//! The process is killed between accept, reserve and record: case 6, pitfall 9.

use anyhow::{Context, ensure};
use std::time::Duration;
use waybill_integration_tests::fault::Chance;
use waybill_integration_tests::retailer::{Shape, order};
use waybill_integration_tests::world::{World, from_channel};
use waybill_proto::orders::v1::{OrderStatus, PlaceMode, PlaceOutcome};

const ROUNDS: u64 = 8;
const UNITS: i64 = 2;

#[tokio::test]
async fn an_order_killed_on_its_way_has_its_reservation_afterwards_or_neither_exists() -> anyhow::Result<()> {
    let seed = 6;
    let mut chance = Chance::new(seed);
    let mut world = World::open(Shape { nodes: 2, items: 3, stock: 40 }, Vec::new()).await?;
    let mut known = Vec::new();
    for round in 0..ROUNDS {
        // The lines lie in different partitions, so that there is something between the first and the last of them.
        let mode = if round % 2 == 0 { PlaceMode::Confirm } else { PlaceMode::Accept };
        let request = order(&format!("K-{round}"), &[(0, UNITS), (1, UNITS), (2, UNITS)], mode);
        let mut orders = world.orders();
        let sent = request.clone();
        let sending = tokio::spawn(async move { orders.place_order(from_channel("web", sent)).await });
        // The kill shall come at any moment of the order's first few milliseconds: time itself is the condition.
        tokio::time::sleep(Duration::from_micros(chance.below(12_000))).await;
        world.crash().await?;
        let acknowledged = sending.await?.ok().map(|answer| answer.into_inner().order_id);

        let again = world.place(request).await.with_context(|| format!("round {round}, seed {seed}"))?;
        if let Some(order_id) = acknowledged {
            ensure!(again.order_id == order_id, "round {round}: acknowledged as {order_id}, then {again:?}");
        }
        if mode == PlaceMode::Confirm {
            ensure!(again.outcome() == PlaceOutcome::Confirmed, "round {round}: {again:?}");
        }
        known.push(again.order_id);
    }
    for order_id in &known {
        world.order_at(order_id, OrderStatus::Released).await?;
    }
    world.check().await?;
    for item in 0..3 {
        let reserved = world.position(item, 0).await?.reserved + world.position(item, 1).await?.reserved;
        let owed = UNITS * known.len() as i64;
        ensure!(reserved == owed, "{reserved} units are reserved where {owed} are ordered (seed {seed})");
    }
    Ok(())
}
