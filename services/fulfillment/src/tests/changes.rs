//! The change feed of fulfilment: the network and the work of nodes, every event once and in order, resumed anywhere,
//! and nobody's name in it.

use super::world::{World, asked, why};
use crate::rpc::watch_changes::ChangeStream;
use prost::Message as _;
use std::collections::BTreeSet;
use tokio_stream::StreamExt;
use tonic::{Code, Status};
use waybill_proto::common::v1 as common;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_types::FulfillmentOrderId;

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

/// Messages until each of these orders was accepted.
async fn until_accepted(
    stream: &mut ChangeStream,
    ids: &[FulfillmentOrderId],
) -> Vec<proto::WatchChangesResponse> {
    let mut open: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
    let mut all = Vec::new();
    while !open.is_empty() {
        let message = stream.next().await.expect("the stream goes on").expect("without an error");
        let event = message.event.as_ref().unwrap();
        if event.event_type == "Accepted" {
            open.remove(&event.resource_id);
        }
        all.push(message);
    }
    all
}

fn place(message: &proto::WatchChangesResponse) -> (u32, u64) {
    let event = message.event.as_ref().unwrap();
    (event.partition, event.sequence)
}

/// Two nodes in different partitions, neither of them the network's, with work that they accept.
async fn eventful(world: &World) -> Vec<FulfillmentOrderId> {
    let apart = |index| (0..).map(|n| format!("n{n}")).find(|node| world.home(node).index == index).unwrap();
    let mut ids = Vec::new();
    for (order, node) in [apart(1), apart(2)].into_iter().enumerate() {
        world.with_node(&node).await;
        let (id, _) = world.released(&node, order as u64 + 1, 2).await;
        ids.push(id);
    }
    for id in &ids {
        accept(world, *id).await;
    }
    ids
}

async fn accept(world: &World, id: FulfillmentOrderId) {
    let message = proto::AcceptFulfillmentOrderRequest {
        request_id: format!("accept {id}"),
        reason: "on it".into(),
        fulfillment_order_id: id.to_string(),
        revision: 2,
    };
    world.door.accept_fulfillment_order(asked(message)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_has_the_network_and_the_work_and_resumes_after_any_message_without_gap_or_repeat() {
    let world = World::new().await;
    let ids = eventful(&world).await;
    let mut stream = watch(&world, from(&[(0, 0)])).await.unwrap();
    let mut all = until_accepted(&mut stream, &ids).await;
    // The network's partition has its own pace.
    let lanes = |all: &[proto::WatchChangesResponse]| {
        all.iter().filter(|message| message.event.as_ref().unwrap().event_type == "LaneSet").count()
    };
    while lanes(&all) < 2 {
        all.push(stream.next().await.unwrap().unwrap());
    }
    for id in &ids {
        let events = all.iter().filter_map(|message| message.event.as_ref());
        let of: Vec<_> = events.filter(|event| event.resource_id == id.to_string()).collect();
        let types: Vec<&str> = of.iter().map(|event| event.event_type.as_str()).collect();
        assert_eq!(types, ["WorkPlanned", "WorkReleased", "Accepted"]);
        assert!(of.iter().all(|event| event.order_id == id.order.to_string()));
        assert_eq!((of[2].actor.as_str(), of[2].reason.as_str()), ("wms-1", "on it"));
    }
    for message in &all {
        let event = message.event.as_ref().unwrap();
        assert_eq!(event.service(), common::ServiceKind::Fulfillment);
        assert!(serde_json::from_str::<serde_json::Value>(&event.payload_json).unwrap().is_object());
        let bytes = message.encode_to_vec();
        assert!(!bytes.windows(8).any(|bytes| bytes == b"Lovelace" || bytes == b"birthday"), "{event:?}");
    }
    let node = all.iter().filter_map(|message| message.event.as_ref()).find(|e| e.event_type == "NodeSet");
    let node: serde_json::Value = serde_json::from_str(&node.unwrap().payload_json).unwrap();
    assert_eq!(node["node"]["time_zone"], "Europe/Berlin");

    let mut whole: Vec<_> = all.iter().map(place).collect();
    whole.sort_unstable();
    for cut in 0..all.len() {
        let resume_token = all[cut].resume_token.clone();
        let again = proto::WatchChangesRequest { resume_token, ..Default::default() };
        let mut stream = watch(&world, again).await.unwrap();
        let mut seen: Vec<_> = all[..=cut].iter().map(place).collect();
        while seen.len() < all.len() {
            seen.push(place(&stream.next().await.unwrap().unwrap()));
        }
        seen.sort_unstable();
        assert_eq!(seen, whole, "resumed after message {cut}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_goes_on_after_a_restart_and_refuses_a_cursor_beyond_its_newest_event() {
    let world = World::new().await;
    let ids = eventful(&world).await;
    let mut stream = watch(&world, from(&[(0, 0)])).await.unwrap();
    let all = until_accepted(&mut stream, &ids).await;
    drop(stream);
    let world = world.restarted().await;
    let home = u32::from(ids[1].partition().index);
    let newest = all.iter().map(place).filter(|(partition, _)| *partition == home).max().unwrap();
    let only = |sequence| proto::WatchChangesRequest { partitions: vec![home], ..from(&[(home, sequence)]) };
    for beyond in [newest.1 + 1, newest.1 + (9 << 20), u64::MAX] {
        let refused = watch(&world, only(beyond)).await.unwrap_err();
        assert_eq!(why(&refused), (Code::OutOfRange, "CURSOR_AHEAD".into()), "{beyond}");
    }
    let mut stream = watch(&world, only(newest.1)).await.unwrap();
    let node = world.order(ids[1]).await.node_id;
    let (third, _) = world.released(&node, 9, 1).await;
    accept(&world, third).await;
    let after = until_accepted(&mut stream, &[third]).await;
    let types: Vec<_> = after.iter().map(|message| message.event.clone().unwrap().event_type).collect();
    assert_eq!(types, ["WorkPlanned", "WorkReleased", "Accepted"], "nothing else happened since");
    let one = proto::WatchChangesRequest {
        order_id: ids[0].order.to_string(),
        event_types: vec!["WorkReleased".into()],
        ..from(&[(0, 0)])
    };
    let event = watch(&world, one).await.unwrap().next().await.unwrap().unwrap().event.unwrap();
    assert_eq!((event.event_type.as_str(), event.resource_id), ("WorkReleased", ids[0].to_string()));
}
