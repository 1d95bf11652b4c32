//! Streams: one order, and everything; both resume after any message without a gap.

use super::world::{World, asked, line, order, whole};
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_types::StatusExt;
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::orders_service_server::OrdersService;
use waybill_proto::orders::v1::watch_order_response::Update;

async fn watch(world: &World, order_id: &str, resume_token: &str) -> crate::rpc::watch_order::OrderStream {
    let message = proto::WatchOrderRequest { order_id: order_id.into(), resume_token: resume_token.into() };
    world.door.watch_order(asked(message)).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_watched_order_is_told_entry_by_entry_and_resumes_after_any_of_them() {
    let world = World::new(&[("A", 5)]).await;
    let placed = world.place(order("1", vec![line("A", 1)])).await.unwrap();
    let mut stream = watch(&world, &placed.order_id, "").await;
    let first = stream.next().await.unwrap().unwrap();
    assert!(matches!(first.update, Some(Update::Order(_))));
    let mut told = vec![first];
    while told.last().unwrap().status() != proto::OrderStatus::Released {
        told.push(stream.next().await.unwrap().unwrap());
    }
    for (index, message) in told.iter().enumerate() {
        let mut resumed = watch(&world, &placed.order_id, &message.resume_token).await;
        for expected in &told[index + 1..] {
            assert_eq!(resumed.next().await.unwrap().unwrap(), *expected);
        }
    }
    world.cancel(whole(&placed.order_id, "c")).await.unwrap();
    let other = world.place(order("2", vec![line("A", 1)])).await.unwrap();
    let wrong =
        proto::WatchOrderRequest { order_id: other.order_id, resume_token: told[0].resume_token.clone() };
    assert_eq!(world.door.watch_order(asked(wrong)).await.unwrap_err().code(), Code::InvalidArgument);
}

async fn changes(
    world: &World,
    message: proto::WatchChangesRequest,
) -> crate::rpc::watch_changes::ChangeStream {
    world.door.watch_changes(asked(message)).await.unwrap().into_inner()
}

fn from_the_start() -> proto::WatchChangesRequest {
    let cursors = vec![common::PartitionCursor { partition: 0, sequence: 0 }];
    proto::WatchChangesRequest { cursors, ..Default::default() }
}

#[tokio::test]
async fn the_change_feed_has_every_event_of_every_order_and_resumes_after_any_message() {
    let world = World::new(&[("A", 50)]).await;
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(world.place(order(&number.to_string(), vec![line("A", 1)])).await.unwrap().order_id);
    }
    for id in &ids {
        world.once(id, proto::OrderStatus::Released).await;
    }
    let mut stream = changes(&world, from_the_start()).await;
    let mut all: Vec<proto::WatchChangesResponse> = Vec::new();
    let expected =
        6 * ["OrderPlaced", "PlanRecorded", "ReservationGranted", "WorkPlanned", "WorkReleased"].len();
    while all.len() < expected {
        all.push(stream.next().await.unwrap().unwrap());
    }
    let of = |id: &str| -> Vec<String> {
        let events = all.iter().filter_map(|message| message.event.as_ref());
        events.filter(|event| event.order_id == id).map(|event| event.event_type.clone()).collect()
    };
    for id in &ids {
        assert_eq!(
            of(id),
            ["OrderPlaced", "PlanRecorded", "ReservationGranted", "WorkPlanned", "WorkReleased"]
        );
    }
    for message in &all {
        let event = message.event.as_ref().unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&event.payload_json).unwrap().is_object());
        assert!(!event.payload_json.contains("Lovelace") && !event.payload_json.contains("Musterweg"));
    }
    for cut in [0, 7, 13, expected - 2] {
        let resume_token = all[cut].resume_token.clone();
        let again = proto::WatchChangesRequest { resume_token, ..Default::default() };
        let mut stream = changes(&world, again).await;
        let mut seen: Vec<(u32, u64)> = all[..=cut].iter().map(place).collect();
        while seen.len() < expected {
            seen.push(place(&stream.next().await.unwrap().unwrap()));
        }
        let mut whole: Vec<(u32, u64)> = all.iter().map(place).collect();
        whole.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, whole, "resumed after message {cut}: no gap and nothing twice");
    }
}

fn place(message: &proto::WatchChangesResponse) -> (u32, u64) {
    let event = message.event.as_ref().unwrap();
    (event.partition, event.sequence)
}

/// What a consumer that takes whatever comes keeps: each event once, by its place.
#[derive(Default)]
struct Consumer {
    kept: std::collections::BTreeMap<(u32, u64), (String, String)>,
}

impl Consumer {
    fn take(&mut self, message: &proto::WatchChangesResponse) {
        let event = message.event.as_ref().unwrap();
        self.kept.insert(place(message), (event.order_id.clone(), event.event_type.clone()));
    }
    fn history(&self, id: &str) -> Vec<&str> {
        self.kept.values().filter(|(order, _)| order == id).map(|(_, kind)| kind.as_str()).collect()
    }
}

#[tokio::test]
async fn a_consumer_that_gets_events_twice_and_out_of_order_ends_with_the_history_the_engine_has() {
    let world = World::new(&[("A", 50)]).await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(world.place(order(&number.to_string(), vec![line("A", 1)])).await.unwrap().order_id);
    }
    for id in &ids {
        world.once(id, proto::OrderStatus::Released).await;
    }
    let mut stream = changes(&world, from_the_start()).await;
    let mut sent = Vec::new();
    while sent.len() < 4 * 5 {
        sent.push(stream.next().await.unwrap().unwrap());
    }
    let mut consumer = Consumer::default();
    // Backwards in steps that visit each message, and every third one a second time.
    for index in (0..sent.len()).map(|step| sent.len() - 1 - (step * 7) % sent.len()) {
        consumer.take(&sent[index]);
        if index % 3 == 0 {
            consumer.take(&sent[index]);
        }
    }
    assert_eq!(consumer.kept.len(), sent.len(), "each event is kept once");
    for id in &ids {
        let request = proto::GetTimelineRequest { order_id: id.clone(), ..Default::default() };
        let entries = world.door.get_timeline(asked(request)).await.unwrap().into_inner().entries;
        let told: Vec<&str> = entries.iter().map(|entry| entry.event_type.as_str()).collect();
        assert_eq!(consumer.history(id), told);
    }
}

#[tokio::test]
async fn the_change_feed_filters_by_order_and_type_and_begins_now_when_nothing_is_said() {
    let world = World::new(&[]).await;
    let first = world.place(order("1", vec![line("A", 1)])).await.unwrap();
    world.once(&first.order_id, proto::OrderStatus::Backordered).await;
    let mut now = changes(&world, proto::WatchChangesRequest::default()).await;
    let filter = proto::WatchChangesRequest {
        order_id: first.order_id.clone(),
        event_types: vec!["UnitsCancelled".into()],
        ..from_the_start()
    };
    let mut filtered = changes(&world, filter).await;
    world.cancel(whole(&first.order_id, "c")).await.unwrap();
    for stream in [&mut now, &mut filtered] {
        let event = stream.next().await.unwrap().unwrap().event.unwrap();
        assert_eq!(
            (event.event_type.as_str(), event.order_id.as_str()),
            ("UnitsCancelled", first.order_id.as_str())
        );
        assert_eq!((event.actor.as_str(), event.reason.as_str()), ("anna", "changed my mind"));
    }
}

#[tokio::test]
async fn a_cursor_beyond_the_newest_change_is_refused_instead_of_waiting_in_silence() {
    let world = World::new(&[("A", 5)]).await;
    let placed = world.place(order("1", vec![line("A", 1)])).await.unwrap();
    world.once(&placed.order_id, proto::OrderStatus::Released).await;
    let filter = proto::WatchChangesRequest { event_types: vec!["WorkReleased".into()], ..from_the_start() };
    let newest = changes(&world, filter).await.next().await.unwrap().unwrap().event.unwrap();
    let at = |sequence| {
        let cursors = vec![common::PartitionCursor { partition: newest.partition, sequence }];
        proto::WatchChangesRequest { cursors, ..Default::default() }
    };
    changes(&world, at(newest.sequence)).await;
    for beyond in [newest.sequence + 999, newest.sequence + (99 << 20), u64::MAX] {
        let refused = world.door.watch_changes(asked(at(beyond))).await.unwrap_err();
        let reason = refused.get_error_details().error_info().unwrap().reason.clone();
        assert_eq!((refused.code(), reason.as_str()), (Code::OutOfRange, "CURSOR_AHEAD"), "{beyond}");
    }
}
