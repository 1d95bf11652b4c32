//! Orders that change their way: cancelled from another channel, waiting for stock, sourced again after a no.

use anyhow::{Context, ensure};
use std::time::{Duration, SystemTime};
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::retailer::{Shape, node, order, receipt};
use waybill_integration_tests::world::{World, from_channel};
use waybill_proto::fulfillment::v1::{FulfillmentOrderState, RejectFulfillmentOrderRequest, RejectReason};
use waybill_proto::orders::v1::{
    CancelLine, CancelLineOutcome, CancelOrderRequest, GetTimelineRequest, OrderStatus, PlaceMode,
    PlaceOrderRequest,
};

const SHAPE: Shape = Shape { nodes: 1, items: 1, stock: 10 };

fn not_before_tomorrow(mut order: PlaceOrderRequest) -> PlaceOrderRequest {
    order.release_time = Some((SystemTime::now() + Duration::from_secs(86_400)).into());
    order
}

#[tokio::test]
async fn what_the_web_ordered_the_call_center_cancels_before_its_release() -> anyhow::Result<()> {
    let world = World::open(SHAPE, Vec::new()).await?;
    let placed = world.place(not_before_tomorrow(order("C-1", &[(0, 4)], PlaceMode::Confirm))).await?;
    ensure!(world.position(0, 0).await?.reserved == 4, "a confirmed order has its units");

    let some = CancelOrderRequest {
        request_id: "cancel-some".into(),
        reason: "one too many".into(),
        order_id: placed.order_id.clone(),
        lines: vec![CancelLine { line_number: 1, quantity: Some(1) }],
        wait_ms: 5_000,
        ..Default::default()
    };
    let answer = world.orders().cancel_order(from_channel("call_center", some.clone())).await?.into_inner();
    ensure!(answer.lines.len() == 1 && answer.lines[0].cancelled == 1, "{answer:?}");
    let again = world.orders().cancel_order(from_channel("call_center", some)).await?.into_inner();
    ensure!(again.lines == answer.lines && again.revision == answer.revision, "{again:?} after {answer:?}");
    world.engine()?.settle().await?;
    ensure!(world.position(0, 0).await?.reserved == 3, "one unit is given back, once");

    let all = CancelOrderRequest {
        request_id: "cancel-all".into(),
        order_id: placed.order_id.clone(),
        wait_ms: 5_000,
        ..Default::default()
    };
    let answer = world.orders().cancel_order(from_channel("store", all)).await?.into_inner();
    ensure!(answer.status() == OrderStatus::Cancelled && answer.lines[0].cancelled == 3, "{answer:?}");
    let late = CancelOrderRequest {
        request_id: "cancel-late".into(),
        order_id: placed.order_id.clone(),
        ..Default::default()
    };
    let late = world.orders().cancel_order(late).await?.into_inner();
    ensure!(late.lines.iter().all(|l| l.outcome() == CancelLineOutcome::AlreadyCancelled), "{late:?}");

    let request = GetTimelineRequest { order_id: placed.order_id, ..Default::default() };
    let entries = world.orders().get_timeline(request).await?.into_inner().entries;
    let by_agent =
        entries.iter().find(|entry| entry.channel == "call_center").context("not in the history")?;
    ensure!(by_agent.reason == "one too many", "{by_agent:?}");
    world.check().await?;
    let position = world.position(0, 0).await?;
    ensure!((position.sellable, position.reserved) == (10, 0), "{position:?}");
    Ok(())
}

#[tokio::test]
async fn a_cancel_that_names_a_stale_revision_changes_nothing() -> anyhow::Result<()> {
    let world = World::open(SHAPE, Vec::new()).await?;
    let placed = world.place(not_before_tomorrow(order("C-2", &[(0, 1)], PlaceMode::Confirm))).await?;
    // At its first revision nothing was reserved yet.
    world.engine()?.settle().await?;
    let order = world.order(&placed.order_id).await?;
    let cancel = |request_id: &str, expected_revision| CancelOrderRequest {
        request_id: request_id.into(),
        order_id: placed.order_id.clone(),
        expected_revision,
        ..Default::default()
    };
    let stale = world.orders().cancel_order(cancel("stale", 1)).await;
    let stale = stale.err().context("a stale cancel was taken")?;
    ensure!(stale.code() == tonic::Code::Aborted, "{stale:?}");
    ensure!(world.order(&placed.order_id).await?.revision == order.revision, "it changed something");
    let fresh = world.orders().cancel_order(cancel("fresh", order.revision)).await?.into_inner();
    ensure!(fresh.status() == OrderStatus::Cancelled, "{fresh:?}");
    world.check().await
}

#[tokio::test]
async fn units_that_no_stock_serves_wait_and_are_planned_when_stock_comes() -> anyhow::Result<()> {
    let world = World::open(SHAPE, Vec::new()).await?;
    let placed = world.place(order("B-1", &[(0, 13)], PlaceMode::Accept)).await?;
    let waiting = world
        .order_when(&placed.order_id, |order| {
            let buckets = order.lines[0].buckets.unwrap_or_default();
            buckets.backordered == 3 && buckets.released == 10
        })
        .await?;
    ensure!(waiting.fulfillment_orders.len() == 1, "{waiting:?}");

    world.inventory().receive_stock(receipt("more", 0, 0, 5)).await?;
    let served = world
        .order_when(&placed.order_id, |order| order.lines[0].buckets.unwrap_or_default().released == 13)
        .await?;
    ensure!(served.fulfillment_orders.len() == 2, "{served:?}");
    let mut desk = Desk::new(world.channel(), &node(0));
    let first = desk.next(0).await?;
    let second = desk.next(first.number).await?;
    let units: i64 = [&first, &second].into_iter().flat_map(|i| &i.lines).map(|line| line.quantity).sum();
    ensure!((second.number, units) == (2, 13), "{second:?}");
    world.check().await?;
    let position = world.position(0, 0).await?;
    ensure!((position.sellable, position.reserved, position.available) == (15, 13, 2), "{position:?}");
    Ok(())
}

#[tokio::test]
async fn what_one_node_rejects_another_one_serves() -> anyhow::Result<()> {
    let world = World::open(Shape { nodes: 2, items: 1, stock: 5 }, Vec::new()).await?;
    let placed = world.place(order("R-1", &[(0, 2)], PlaceMode::Accept)).await?;
    let released = world.order_at(&placed.order_id, OrderStatus::Released).await?;
    let first = released.fulfillment_orders.first().context("no work")?.node_id.clone();
    let mut desk = Desk::new(world.channel(), &first);
    let instruction = desk.next(0).await?;
    let request = RejectFulfillmentOrderRequest {
        request_id: "no".into(),
        reason: "nobody is in".into(),
        fulfillment_order_id: instruction.fulfillment_order_id.clone(),
        revision: instruction.revision,
        reject_reason: RejectReason::NoCapacity.into(),
    };
    let rejected = world.fulfillment().reject_fulfillment_order(request).await?.into_inner();
    let rejected = rejected.fulfillment_order.context("no answer")?;
    ensure!(rejected.state() == FulfillmentOrderState::Rejected, "{rejected:?}");

    let moved = world
        .order_when(&placed.order_id, |order| {
            order.status() == OrderStatus::Released
                && order.fulfillment_orders.iter().any(|f| f.node_id != first)
        })
        .await?;
    ensure!(moved.attempts.len() == 2, "{moved:?}");
    let other = moved.fulfillment_orders.iter().find(|f| f.node_id != first).context("no other node")?;
    let instruction = Desk::new(world.channel(), &other.node_id).next(0).await?;
    ensure!(instruction.order_id == placed.order_id, "{instruction:?}");
    world.check().await?;
    let reserved = world.position(0, 0).await?.reserved + world.position(0, 1).await?.reserved;
    ensure!(reserved == 2, "{reserved} units are reserved for 2");
    Ok(())
}
