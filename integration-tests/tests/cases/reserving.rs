//! Too little stock and many who want it: cases 4, 5 and 20, pitfalls 6, 7, 8 and 21.

use anyhow::{Context, ensure};
use futures::StreamExt;
use std::time::Duration;
use tonic::{Code, Status};
use waybill_integration_tests::retailer::{Shape, node, order, sku};
use waybill_integration_tests::world::{World, from_channel, virtual_clock};
use waybill_proto::inventory::v1::{
    GetReservationRequest, ReleaseReservationRequest, Reservation, ReservationState, ReserveMode,
    ReserveStockRequest, StockQuantity,
};
use waybill_proto::orders::v1::{OrderStatus, PlaceMode, PlaceOrderRequest, PlaceOutcome};

fn claim(item: usize, quantity: i64) -> StockQuantity {
    StockQuantity { sku: sku(item), node_id: node(0), quantity, ..Default::default() }
}

fn hold(request_id: &str, lines: Vec<StockQuantity>) -> ReserveStockRequest {
    ReserveStockRequest { request_id: request_id.into(), lines, ttl_ms: 900_000, ..Default::default() }
}

async fn reserve(world: &World, request: ReserveStockRequest) -> Result<Reservation, Status> {
    let answer = world.inventory().reserve_stock(request).await?.into_inner();
    answer.reservation.ok_or_else(|| Status::data_loss("an answer without a reservation"))
}

/// Places as a buyer does: asks again with the same request while the engine says so.
async fn buy(world: &World, request: PlaceOrderRequest) -> Result<bool, Status> {
    for _ in 0..50 {
        match world.orders().place_order(from_channel("web", request.clone())).await {
            Ok(answer) => match answer.into_inner().outcome() {
                PlaceOutcome::Confirmed => return Ok(true),
                PlaceOutcome::Pending => {}
                other => return Err(Status::internal(format!("CONFIRM was answered {other:?}"))),
            },
            Err(status) if status.code() == Code::FailedPrecondition => return Ok(false),
            Err(status) if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(status) => return Err(status),
        }
    }
    Err(Status::deadline_exceeded("no answer after 50 tries"))
}

#[tokio::test]
async fn a_thousand_buyers_over_grpc_of_a_hundred_units_make_a_hundred_orders() -> anyhow::Result<()> {
    let world = World::open(Shape { nodes: 2, items: 1, stock: 50 }, Vec::new()).await?;
    let buyers = (0..1_000).map(|buyer| {
        let mut request = order(&format!("B-{buyer}"), &[(0, 1)], PlaceMode::Confirm);
        request.wait_ms = 30_000;
        buy(&world, request)
    });
    let outcomes: Vec<_> = futures::stream::iter(buyers).buffer_unordered(250).collect().await;
    let outcomes: Vec<bool> = outcomes.into_iter().collect::<Result<_, _>>()?;
    let confirmed = outcomes.iter().filter(|confirmed| **confirmed).count();
    ensure!(confirmed == 100, "{confirmed} of 1,000 buyers were confirmed, there were 100 units");
    world.check().await?;
    for place in 0..2 {
        let position = world.position(0, place).await?;
        ensure!(
            (position.reserved, position.available, position.over_committed) == (50, 0, 0),
            "{position:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn of_two_orders_for_the_same_two_units_one_is_whole_and_the_other_empty() -> anyhow::Result<()> {
    // Twelve pairs of items lie in pairs of partitions of every kind, and every pair is a race of its own.
    let world = World::open(Shape { nodes: 1, items: 24, stock: 1 }, Vec::new()).await?;
    let pairs = (0..12).map(|pair| {
        let (a, b) = (2 * pair, 2 * pair + 1);
        let world = &world;
        async move {
            let one = buy(world, order(&format!("ab-{pair}"), &[(a, 1), (b, 1)], PlaceMode::Confirm));
            let other = buy(world, order(&format!("ba-{pair}"), &[(b, 1), (a, 1)], PlaceMode::Confirm));
            let (one, other) = futures::future::join(one, other).await;
            anyhow::Ok((pair, one?, other?))
        }
    });
    let outcomes: Vec<_> = futures::stream::iter(pairs).buffer_unordered(12).collect().await;
    for outcome in outcomes {
        let (pair, one, other) = outcome?;
        ensure!(one != other, "pair {pair}: {{A, B}} confirmed is {one}, {{B, A}} confirmed is {other}");
    }
    world.check().await?;
    for item in 0..24 {
        let position = world.position(item, 0).await?;
        ensure!((position.reserved, position.over_committed) == (1, 0), "{position:?}");
    }
    Ok(())
}

#[tokio::test]
async fn five_lines_of_which_the_fifth_is_short_reserve_nothing() -> anyhow::Result<()> {
    let world = World::open(Shape { nodes: 1, items: 5, stock: 3 }, Vec::new()).await?;
    let lines = |last| (0..5).map(|item| claim(item, if item == 4 { last } else { 2 })).collect::<Vec<_>>();
    let refused =
        reserve(&world, hold("short", lines(4))).await.err().context("more was granted than there is")?;
    ensure!(refused.code() == Code::FailedPrecondition, "{refused:?}");
    world.engine()?.settle().await?;
    for item in 0..5 {
        let position = world.position(item, 0).await?;
        ensure!((position.reserved, position.available) == (0, 3), "{position:?}");
    }
    // The same five with what is there: all of it, and given back as one.
    let whole = reserve(&world, hold("whole", lines(3))).await?;
    ensure!(whole.lines.iter().all(|line| line.granted == line.requested), "{whole:?}");
    let mut best = hold("best", lines(4));
    best.mode = ReserveMode::BestEffort.into();
    let best = reserve(&world, best).await?;
    let granted: Vec<i64> = best.lines.iter().map(|line| line.granted).collect();
    ensure!(granted == [1, 1, 1, 1, 0], "{granted:?}");
    for reservation in [whole, best] {
        let request = ReleaseReservationRequest {
            request_id: format!("release {}", reservation.reservation_id),
            reservation_id: reservation.reservation_id,
            ..Default::default()
        };
        world.inventory().release_reservation(request).await?;
    }
    world.check().await?;
    for item in 0..5 {
        ensure!(world.position(item, 0).await?.reserved == 0, "{} is left over", sku(item));
    }
    Ok(())
}

#[tokio::test]
async fn an_order_whose_checkout_hold_has_passed_is_reserved_anew_or_refused() -> anyhow::Result<()> {
    let world = World::open(Shape { nodes: 1, items: 2, stock: 1 }, virtual_clock()).await?;
    let lapsed = [
        reserve(&world, hold("free", vec![claim(0, 1)])).await?,
        reserve(&world, hold("taken", vec![claim(1, 1)])).await?,
    ];
    let kept = reserve(&world, hold("nobody-else", vec![claim(1, 1)])).await;
    ensure!(kept.is_err(), "a held unit was given away");
    world.advance(Duration::from_secs(901)).await?;
    world.engine()?.settle().await?;
    for reservation in &lapsed {
        let reservation_id = reservation.reservation_id.clone();
        let request = GetReservationRequest { reservation_id, after: String::new() };
        // An ended hold is not kept for long: it reads as expired, or as not known any more.
        match world.inventory().get_reservation(request).await {
            Ok(found) => {
                let state = found.into_inner().reservation.map(|r| r.state());
                ensure!(state == Some(ReservationState::Expired), "{state:?}");
            }
            Err(status) => ensure!(status.code() == Code::NotFound, "{status:?}"),
        }
    }
    for item in 0..2 {
        let position = world.position(item, 0).await?;
        ensure!((position.reserved, position.available) == (0, 1), "{position:?} after the hold has passed");
    }
    // Somebody else buys the one unit of the second item meanwhile.
    let other = order("other", &[(1, 1)], PlaceMode::Confirm);
    ensure!(buy(&world, other).await?, "a unit whose hold has passed is free");

    let mut anew = order("anew", &[(0, 1)], PlaceMode::Confirm);
    anew.hold_id.clone_from(&lapsed[0].reservation_id);
    ensure!(buy(&world, anew).await?, "there is stock, so it is reserved anew");
    let mut without = order("without", &[(1, 1)], PlaceMode::Confirm);
    without.hold_id.clone_from(&lapsed[1].reservation_id);
    ensure!(!buy(&world, without).await?, "it was confirmed without stock");
    world.check().await?;
    for item in 0..2 {
        let position = world.position(item, 0).await?;
        ensure!((position.reserved, position.over_committed) == (1, 0), "{position:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_adopted_checkout_hold_outlives_its_time_limit() -> anyhow::Result<()> {
    let world = World::open(Shape { nodes: 1, items: 1, stock: 1 }, virtual_clock()).await?;
    let held = reserve(&world, hold("checkout", vec![claim(0, 1)])).await?;
    let mut request = order("kept", &[(0, 1)], PlaceMode::Confirm);
    request.hold_id = held.reservation_id;
    let placed = world.place(request).await?;
    world.advance(Duration::from_secs(3 * 86_400)).await?;
    world.check().await?;
    let position = world.position(0, 0).await?;
    ensure!((position.reserved, position.available) == (1, 0), "{position:?} after three days");
    world.order_at(&placed.order_id, OrderStatus::Released).await?;
    Ok(())
}
