//! The change feed of inventory: every event once and in order, resumed anywhere; places that are none are refused.

use super::world::{World, asked, fields, line, why};
use crate::rpc::watch_changes::ChangeStream;
use std::collections::BTreeSet;
use tokio_stream::StreamExt;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use waybill_proto::common::v1 as common;
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::inventory_service_server::InventoryService;

async fn watch(world: &World, message: proto::WatchChangesRequest) -> Result<ChangeStream, Status> {
    world.door.watch_changes(asked(message)).await.map(tonic::Response::into_inner)
}

fn from(cursors: &[(u32, u64)]) -> proto::WatchChangesRequest {
    let cursor = |(partition, sequence): &(u32, u64)| common::PartitionCursor {
        partition: *partition,
        sequence: *sequence,
    };
    proto::WatchChangesRequest { cursors: cursors.iter().map(cursor).collect(), ..Default::default() }
}

async fn next(stream: &mut ChangeStream) -> (common::ChangeEvent, String) {
    let message = stream.next().await.expect("the stream goes on").expect("without an error");
    (message.event.unwrap(), message.resume_token)
}

/// Changes the safety stock of each SKU: the last event of its partition.
async fn mark(world: &World, codes: &[String], round: i64) {
    for code in codes {
        let message = proto::SetSafetyStockRequest {
            request_id: format!("mark {code} {round}"),
            sku: code.clone(),
            node_id: "n1".into(),
            safety_stock: round,
            ..Default::default()
        };
        world.door.set_safety_stock(asked(message)).await.unwrap();
    }
}

/// Everything until the safety stock of each SKU was set to `round`.
async fn until_marked(
    stream: &mut ChangeStream,
    codes: &[String],
    round: i64,
) -> Vec<(common::ChangeEvent, String)> {
    let mut open: BTreeSet<&str> = codes.iter().map(String::as_str).collect();
    let mut all = Vec::new();
    while !open.is_empty() {
        let (event, token) = next(stream).await;
        let payload: serde_json::Value = serde_json::from_str(&event.payload_json).unwrap();
        if event.event_type == "SafetyStockSet" && payload["safety_stock"] == round {
            open.remove(event.resource_id.as_str());
        }
        all.push((event, token));
    }
    all
}

fn place(event: &common::ChangeEvent) -> (u32, u64) {
    (event.partition, event.sequence)
}

/// A hold over three partitions that is committed and partly consumed.
async fn eventful(world: &World) -> (Vec<String>, String) {
    let codes = world.stocked_apart(3, "n1", 5).await;
    let lines = codes.iter().map(|code| line(code, "n1", 2)).collect();
    let held = world.hold("h1", 60_000, lines).await.unwrap();
    let commit = proto::CommitStockHoldRequest {
        request_id: "commit".into(),
        reservation_id: held.reservation_id.clone(),
        order_id: "W00-7".into(),
        ..Default::default()
    };
    world.door.commit_stock_hold(asked(commit)).await.unwrap();
    mark(world, &codes, 1).await;
    (codes, held.reservation_id)
}

#[tokio::test]
async fn the_feed_has_every_event_in_order_and_resumes_after_any_message_without_gap_or_repeat() {
    let world = World::new().await;
    let (codes, hold) = eventful(&world).await;
    let mut stream = watch(&world, from(&[(0, 0)])).await.unwrap();
    let all = until_marked(&mut stream, &codes, 1).await;
    let types: BTreeSet<&str> = all.iter().map(|(event, _)| event.event_type.as_str()).collect();
    for expected in ["ItemUpserted", "StockMoved", "PartTaken", "ReservationCommitted", "SafetyStockSet"] {
        assert!(types.contains(expected), "{expected} is not among {types:?}");
    }
    let mut last = [0; 4];
    for (event, _) in &all {
        let last = &mut last[event.partition as usize];
        assert!(event.sequence > *last, "{event:?} comes after {last}");
        *last = event.sequence;
        assert_eq!(event.service(), common::ServiceKind::Inventory);
        assert!(serde_json::from_str::<serde_json::Value>(&event.payload_json).unwrap().is_object());
    }
    let committed = all.iter().find(|(event, _)| event.event_type == "ReservationCommitted").unwrap();
    assert_eq!((committed.0.order_id.as_str(), &committed.0.resource_id), ("W00-7", &hold));
    assert_eq!((committed.0.channel.as_str(), committed.0.actor.as_str()), ("web", "shop-1"));

    let mut whole: Vec<_> = all.iter().map(|(event, _)| place(event)).collect();
    whole.sort_unstable();
    for cut in 0..all.len() {
        let mut seen: Vec<_> = all[..=cut].iter().map(|(event, _)| place(event)).collect();
        let resume_token = all[cut].1.clone();
        let again = proto::WatchChangesRequest { resume_token, ..Default::default() };
        let mut stream = watch(&world, again).await.unwrap();
        while seen.len() < all.len() {
            seen.push(place(&next(&mut stream).await.0));
        }
        seen.sort_unstable();
        assert_eq!(seen, whole, "resumed after message {cut}");
    }
}

#[tokio::test]
async fn a_feed_goes_on_after_a_restart_from_a_token_and_from_plain_cursors() {
    let world = World::new().await;
    let (codes, _) = eventful(&world).await;
    let mut stream = watch(&world, from(&[(0, 0)])).await.unwrap();
    let before = until_marked(&mut stream, &codes, 1).await;
    drop(stream);
    let world = world.restarted().await;
    mark(&world, &codes, 2).await;
    let mut last = std::collections::BTreeMap::new();
    for (event, _) in &before {
        last.insert(event.partition, event.sequence);
    }
    let cursors: Vec<(u32, u64)> = last.into_iter().collect();
    let resume_token = before.last().unwrap().1.clone();
    for message in [from(&cursors), proto::WatchChangesRequest { resume_token, ..Default::default() }] {
        let mut stream = watch(&world, message).await.unwrap();
        let after = until_marked(&mut stream, &codes, 2).await;
        let types: Vec<&str> = after.iter().map(|(event, _)| event.event_type.as_str()).collect();
        assert_eq!(types, ["SafetyStockSet"; 3], "nothing else happened since");
    }
}

#[tokio::test]
async fn a_cursor_beyond_the_newest_event_is_refused_with_the_place_to_go_on_from() {
    let world = World::new().await;
    let (codes, _) = eventful(&world).await;
    let mut stream = watch(&world, from(&[(0, 0)])).await.unwrap();
    let all = until_marked(&mut stream, &codes, 1).await;
    let newest = all.iter().map(|(event, _)| place(event)).filter(|(partition, _)| *partition == 1).max();
    let newest = newest.unwrap().1;
    let mut offered = 0;
    for beyond in [newest + 1, newest + (1 << 20), newest + (9 << 20), u64::MAX] {
        let refused = watch(&world, from(&[(1, beyond)])).await.unwrap_err();
        assert_eq!(why(&refused), (Code::OutOfRange, "CURSOR_AHEAD".into()), "{beyond}");
        let facts = refused.get_error_details().error_info().unwrap().metadata.clone();
        assert_eq!((facts["partition"].as_str(), &facts["asked"]), ("1", &beyond.to_string()));
        offered = facts["newest"].parse().unwrap();
    }
    // What has happened until now is known there, and what comes is told.
    let only = |sequence| proto::WatchChangesRequest { partitions: vec![1], ..from(&[(1, sequence)]) };
    let mut streams =
        [watch(&world, only(offered)).await.unwrap(), watch(&world, only(newest)).await.unwrap()];
    world.receive("one more", &codes[1], "n1", 1).await.unwrap();
    for stream in &mut streams {
        assert_eq!(next(stream).await.0.event_type, "StockMoved");
    }
}

#[tokio::test]
async fn the_feed_filters_by_order_type_and_partition_and_refuses_what_is_none() {
    let world = World::new().await;
    let (codes, hold) = eventful(&world).await;
    let filter = proto::WatchChangesRequest { order_id: "W00-7".into(), ..from(&[(0, 0)]) };
    let event = next(&mut watch(&world, filter).await.unwrap()).await.0;
    assert_eq!((event.order_id.as_str(), event.resource_id), ("W00-7", hold));
    let filter = proto::WatchChangesRequest {
        partitions: vec![1],
        event_types: vec!["StockMoved".into()],
        ..from(&[(0, 0)])
    };
    let event = next(&mut watch(&world, filter).await.unwrap()).await.0;
    assert_eq!((event.event_type.as_str(), &event.resource_id), ("StockMoved", &codes[1]));
    let payload: serde_json::Value = serde_json::from_str(&event.payload_json).unwrap();
    assert_eq!((&payload["node"], &payload["delta"]), (&"n1".into(), &5.into()));
    let wrong = proto::WatchChangesRequest {
        partitions: vec![9],
        event_types: vec!["no type".into()],
        order_id: "seven".into(),
        ..from(&[(44, 1)])
    };
    let refused = watch(&world, wrong).await.unwrap_err();
    assert_eq!(fields(&refused), ["order_id", "partitions[0]", "event_types[0]", "cursors[0].partition"]);
    let token = proto::WatchChangesRequest { resume_token: "00ff".into(), ..Default::default() };
    assert_eq!(fields(&watch(&world, token).await.unwrap_err()), ["resume_token"]);
}
