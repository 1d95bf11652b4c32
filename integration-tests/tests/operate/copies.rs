//! A copy taken under load, restored, audited and served.

use crate::{refused, tool};
use anyhow::{Context, ensure};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use waybill_integration_tests::engine::{Engine, Setting};
use waybill_integration_tests::retailer::{Shape, order};
use waybill_integration_tests::world::{World, from_channel, until};
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{GetOrderRequest, PlaceMode, get_order_request};

/// Places orders until told to stop; answers with number and id of each.
async fn load(
    mut orders: OrdersServiceClient<tonic::transport::Channel>,
    client: usize,
    stop: Arc<AtomicBool>,
    placed: Arc<std::sync::Mutex<Vec<(String, String)>>>,
) {
    for index in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let number = format!("L-{client}-{index}");
        let request = from_channel("web", order(&number, &[(index % 3, 1)], PlaceMode::Accept));
        if let Ok(answer) = orders.place_order(request).await
            && let Ok(mut placed) = placed.lock()
        {
            placed.push((number, answer.into_inner().order_id));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_taken_under_load_holds_all_that_was_acknowledged_before_and_audits_clean()
-> anyhow::Result<()> {
    let world = World::open(Shape { nodes: 2, items: 3, stock: 100_000 }, Vec::new()).await?;
    let (stop, placed) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let clients = (0..4).map(|client| {
        let (stop, placed) = (Arc::clone(&stop), Arc::clone(&placed));
        tokio::spawn(load(world.orders(), client, stop, placed))
    });
    let clients: Vec<_> = clients.collect();
    let acknowledged = || placed.lock().map(|placed| placed.clone()).unwrap_or_default();
    let before = until("fifty orders are placed", || async {
        let placed = acknowledged();
        Ok((placed.len() >= 50).then_some(placed))
    })
    .await?;
    let copy = world.dir().join("copy").display().to_string();
    let endpoint = world.engine()?.endpoint.clone();
    let first = before[0].1.clone();
    let explained = until("the first order's decision is kept", || async {
        Ok(tool(&["explain", &first, "--json", "--endpoint", &endpoint]).await.ok())
    })
    .await?;
    tool(&["backup", "--endpoint", &endpoint, &copy]).await?;
    let during = acknowledged().len() - before.len();
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await?;
    }
    ensure!(during > 0, "no order was placed while the copy was taken");
    let twice = refused(&["backup", "--endpoint", &endpoint, &copy]).await?;
    ensure!(twice.contains("not empty"), "{twice}");

    let data = world.dir().join("restored");
    tool(&["restore", &copy, &data.display().to_string()]).await?;
    let report = tool(&["audit", "--data-dir", &data.display().to_string()]).await?;
    ensure!(report.contains("STOCK-1") && report.contains("holds") && !report.contains("BROKEN"), "{report}");
    let engine = Engine::start(&Setting::new(&data)).await?;
    let mut orders = OrdersServiceClient::new(engine.channel().await?);
    for (number, order_id) in &before {
        let key = Some(get_order_request::Key::OrderId(order_id.clone()));
        let found = orders.get_order(GetOrderRequest { key, after: String::new() }).await;
        let found = found.with_context(|| format!("{order_id} is not in the copy"))?.into_inner();
        ensure!(found.order.is_some_and(|order| order.external_order_number == *number), "{order_id}");
    }
    // Why the first order's units come from where they come is in the copy, and sound.
    let again = tool(&["explain", &first, "--json", "--endpoint", &engine.endpoint]).await?;
    ensure!(again == explained, "{again} was {explained}");
    let verified = tool(&["verify", "--endpoint", &engine.endpoint]).await?;
    ensure!(verified.contains(" 0 wrong") && !verified.starts_with("0 decisions checked"), "{verified}");
    // The copy remembers requests as well: the same order again is the same order.
    let (number, order_id) = &before[0];
    let item = number.rsplit('-').next().context("no index")?.parse::<usize>()? % 3;
    let again = from_channel("web", order(number, &[(item, 1)], PlaceMode::Accept));
    ensure!(orders.place_order(again).await?.into_inner().order_id == *order_id, "another order");
    engine.settle().await?;
    engine.audit().await?;

    let again = refused(&["restore", &copy, &data.display().to_string()]).await?;
    ensure!(again.contains("not empty"), "{again}");
    std::fs::remove_file(world.dir().join("copy/manifest.json"))?;
    let elsewhere = world.dir().join("elsewhere").display().to_string();
    let broken = refused(&["restore", &copy, &elsewhere]).await?;
    ensure!(broken.contains("not a complete copy"), "{broken}");
    Ok(())
}
