//! Reservations through the door, over one and several partitions.

use super::world::{NOON, World, asked, line, why};
use futures::future::join_all;
use std::sync::atomic::Ordering;
use tonic::{Code, Status};
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::ReservationState;
use waybill_proto::inventory::v1::inventory_service_server::InventoryService;

async fn release(
    world: &World,
    request_id: &str,
    id: &str,
    lines: Vec<proto::StockQuantity>,
) -> Result<proto::Reservation, Status> {
    let message = proto::ReleaseReservationRequest {
        request_id: request_id.into(),
        reservation_id: id.into(),
        lines,
        ..Default::default()
    };
    let answer = world.door.release_reservation(asked(message)).await?.into_inner();
    Ok(answer.reservation.unwrap())
}

async fn consume(
    world: &World,
    request_id: &str,
    id: &str,
    lines: Vec<proto::StockQuantity>,
) -> Result<proto::Reservation, Status> {
    let message = proto::ConsumeReservationRequest {
        request_id: request_id.into(),
        reservation_id: id.into(),
        lines,
        ..Default::default()
    };
    let answer = world.door.consume_reservation(asked(message)).await?.into_inner();
    Ok(answer.reservation.unwrap())
}

async fn commit(world: &World, id: &str, order: &str) -> Result<proto::Reservation, Status> {
    let message = proto::CommitStockHoldRequest {
        request_id: format!("commit {id} {order}"),
        reservation_id: id.into(),
        order_id: order.into(),
        ..Default::default()
    };
    let answer = world.door.commit_stock_hold(asked(message)).await?.into_inner();
    Ok(answer.reservation.unwrap())
}

#[tokio::test]
async fn a_hold_over_partitions_answers_whole_and_in_the_order_asked() {
    let world = World::new().await;
    let codes = world.stocked_apart(3, "n1", 5).await;
    let lines = vec![line(&codes[2], "n1", 1), line(&codes[0], "n1", 2), line(&codes[1], "n1", 3)];
    let made = world.hold("h1", 60_000, lines.clone()).await.unwrap();
    assert_eq!(made.state(), ReservationState::Held);
    let got: Vec<_> = made.lines.iter().map(|l| (l.sku.as_str(), l.requested, l.granted)).collect();
    assert_eq!(got, [(codes[2].as_str(), 1, 1), (codes[0].as_str(), 2, 2), (codes[1].as_str(), 3, 3)]);
    assert_eq!(made.expire_time.as_ref().unwrap().seconds, NOON.as_ms() / 1000 + 60);
    let again = world.hold("h1", 60_000, lines.clone()).await.unwrap();
    assert_eq!(again.reservation_id, made.reservation_id, "a retry finds what the first call made");
    assert_eq!(world.position(&codes[1], "n1").await.available, 2);
    let other = world.hold("h1", 60_000, lines[..2].to_vec()).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists);

    world.host.clock().advance(60_000).unwrap();
    settled(&world, &made.reservation_id).await;
    for code in &codes {
        assert_eq!(world.position(code, "n1").await.available, 5, "it lapsed everywhere");
    }
    let late = world.hold("h1", 60_000, lines).await.unwrap_err();
    assert_eq!(why(&late), (Code::FailedPrecondition, "ILLEGAL_NOW".into()));
}

/// Waits until no partition knows the reservation, by reading in turn.
async fn settled(world: &World, id: &str) {
    for _ in 0..10_000 {
        if world.get(id).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{id} is still there");
}

#[tokio::test]
async fn a_short_last_part_refuses_the_whole_with_what_is_there() {
    let world = World::new().await;
    let codes = world.stocked_apart(4, "n1", 5).await;
    let mut lines: Vec<_> = codes.iter().map(|code| line(code, "n1", 5)).collect();
    lines[3].quantity = 6;
    let refused = world.hold("h1", 60_000, lines).await.unwrap_err();
    assert_eq!(why(&refused), (Code::FailedPrecondition, "STOCK_SHORT".into()));
    use tonic_types::StatusExt;
    let facts = refused.get_error_details().error_info().unwrap().metadata.clone();
    assert_eq!((facts["asked"].as_str(), facts["available"].as_str()), ("6", "5"));
    let all: Vec<_> = codes.iter().map(|code| line(code, "n1", 5)).collect();
    world
        .hold("h2", 60_000, all)
        .await
        .expect("nothing was left reserved, or it is tried again until it is free");
}

#[tokio::test]
async fn of_many_buyers_at_once_exactly_as_many_are_served_as_there_are_units() {
    let world = World::new().await;
    let codes = world.stocked_apart(2, "n1", 25).await;
    let served = std::sync::atomic::AtomicUsize::new(0);
    let buyers = (0..200).map(|n| {
        let (world, codes, served) = (&world, &codes, &served);
        async move {
            let mut lines = vec![line(&codes[0], "n1", 1), line(&codes[1], "n1", 1)];
            if n % 2 == 1 {
                lines.reverse();
            }
            // A buyer who is told to try again does, with the same request id.
            loop {
                match world.hold(&format!("buyer {n}"), 60_000, lines.clone()).await {
                    Ok(made) => {
                        assert!(made.lines.iter().all(|line| line.granted == 1), "{made:?}");
                        return served.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(status) if status.code() == Code::Unavailable => tokio::task::yield_now().await,
                    Err(status) => return assert_short(&status),
                }
            }
        }
    });
    join_all(buyers).await;
    assert_eq!(served.into_inner(), 25);
    for code in &codes {
        let position = world.position(code, "n1").await;
        assert_eq!((position.reserved, position.available), (25, 0));
    }
}

fn assert_short(status: &Status) -> usize {
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    0
}

#[tokio::test]
async fn a_committed_hold_is_consumed_and_released_part_by_part() {
    let world = World::new().await;
    let codes = world.stocked_apart(2, "n1", 5).await;
    let lines = vec![line(&codes[0], "n1", 2), line(&codes[1], "n1", 3)];
    let id = world.hold("h1", 60_000, lines).await.unwrap().reservation_id;
    let refused = consume(&world, "c0", &id, vec![]).await.unwrap_err();
    assert_eq!(why(&refused).0, Code::FailedPrecondition);

    let mine = commit(&world, &id, "W00-7").await.unwrap();
    assert_eq!((mine.state(), mine.order_id.as_str()), (ReservationState::Committed, "W00-7"));
    assert_eq!(mine.lines.len(), 2);
    let refused = commit(&world, &id, "W00-8").await.unwrap_err();
    assert_eq!(why(&refused), (Code::AlreadyExists, "HOLD_TAKEN".into()));
    until_committed(&world, &id).await;

    let part = consume(&world, "c1", &id, vec![line(&codes[0], "n1", 2)]).await.unwrap();
    assert_eq!(part.lines[0].consumed, 2);
    let left = world.get(&id).await.unwrap();
    assert_eq!((left.state(), left.lines.len()), (ReservationState::Committed, 1));
    let refused = consume(&world, "c2", &id, vec![line(&codes[1], "n1", 4)]).await.unwrap_err();
    assert_eq!(why(&refused), (Code::FailedPrecondition, "UNITS_NOT_CLAIMED".into()));
    let some = release(&world, "r1", &id, vec![line(&codes[1], "n1", 1)]).await.unwrap();
    assert_eq!((some.state(), some.lines[0].released), (ReservationState::Committed, 1));
    let rest = consume(&world, "c3", &id, vec![]).await.unwrap();
    assert_eq!(rest.state(), ReservationState::Consumed);
    let again = consume(&world, "c3", &id, vec![]).await.unwrap();
    assert_eq!(again, rest, "the retry hears the same though nothing is left");
    let refused = consume(&world, "c4", &id, vec![]).await.unwrap_err();
    assert_eq!(why(&refused), (Code::NotFound, "RESERVATION_UNKNOWN".into()));
    let (first, second) = (world.position(&codes[0], "n1").await, world.position(&codes[1], "n1").await);
    assert_eq!((first.sellable, first.reserved, second.sellable, second.reserved), (3, 0, 3, 0));
}

/// The parts of a hold hear from home that it is committed; until then they refuse to let units leave.
async fn until_committed(world: &World, id: &str) {
    let id: waybill_types::ReservationId = id.parse().unwrap();
    for part in world.door.partitions().iter() {
        for tries in 0.. {
            let view =
                part.read(move |state, _| waybill_inventory::read::reservation(state, id)).await.unwrap();
            if view.is_none_or(|view| view.state == waybill_inventory::ReservationState::Committed) {
                break;
            }
            assert!(tries < 10_000, "a part was never told");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_hold_is_given_back_whole_or_in_part_by_its_home() {
    let world = World::new().await;
    let codes = world.stocked_apart(2, "n1", 5).await;
    let lines = vec![line(&codes[0], "n1", 2), line(&codes[1], "n1", 3)];
    let id = world.hold("h1", 60_000, lines.clone()).await.unwrap().reservation_id;
    let some = release(&world, "r1", &id, vec![line(&codes[1], "n1", 1)]).await.unwrap();
    assert_eq!(some.state(), ReservationState::Held);
    let released: Vec<i64> = some.lines.iter().map(|line| line.released).collect();
    assert_eq!(released, [0, 1]);
    let whole = release(&world, "r2", &id, vec![]).await.unwrap();
    assert_eq!(whole.state(), ReservationState::Released);
    settled(&world, &id).await;
    for code in &codes {
        assert_eq!(world.position(code, "n1").await.available, 5);
    }
    let unknown = "H01-000102030405060708090a0b0c0d0e0f";
    let kept = release(&world, "r3", unknown, vec![]).await.unwrap();
    assert_eq!((kept.state(), kept.lines.len()), (ReservationState::Released, 0));
}

#[tokio::test]
async fn a_reservation_for_an_order_is_committed_at_once() {
    let world = World::new().await;
    let codes = world.stocked_apart(2, "n1", 5).await;
    let message = proto::ReserveStockRequest {
        request_id: "o1".into(),
        order_id: "W00-7".into(),
        mode: proto::ReserveMode::BestEffort.into(),
        reservation_id: "000102030405060708090a0b0c0d0e0f".into(),
        lines: vec![line(&codes[0], "n1", 9), line(&codes[1], "n1", 1)],
        ..Default::default()
    };
    let made = world.door.reserve_stock(asked(message)).await.unwrap().into_inner().reservation.unwrap();
    assert_eq!(made.reservation_id, "H00-000102030405060708090a0b0c0d0e0f");
    assert_eq!((made.state(), made.order_id.as_str()), (ReservationState::Committed, "W00-7"));
    assert_eq!(made.lines.iter().map(|l| l.granted).collect::<Vec<_>>(), [5, 1]);
    assert_eq!(made.expire_time, None);
}
