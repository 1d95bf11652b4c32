//! Availability: pages and the stream.

use super::world::{World, asked, item, line, why};
use std::collections::BTreeMap;
use tokio_stream::StreamExt;
use tonic::Code;
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::inventory_service_server::InventoryService;
use waybill_proto::inventory::v1::watch_availability_response::Change;

/// A reader of the stream and what it has understood.
struct Reader {
    stream: <crate::Door as InventoryService>::WatchAvailabilityStream,
    seen: BTreeMap<(String, String), i64>,
    versions: BTreeMap<(String, String), u64>,
    token: String,
}

impl Reader {
    async fn open(world: &World, skus: &[&str], resume_token: &str) -> Result<Self, tonic::Status> {
        let message = proto::WatchAvailabilityRequest {
            skus: skus.iter().map(|sku| (*sku).to_owned()).collect(),
            resume_token: resume_token.into(),
        };
        let stream = world.door.watch_availability(asked(message)).await?.into_inner();
        Ok(Self { stream, seen: BTreeMap::new(), versions: BTreeMap::new(), token: resume_token.into() })
    }

    /// Reads until `enough` of what was seen; answers how many positions the snapshot had, if it ended.
    async fn until(&mut self, enough: impl Fn(&BTreeMap<(String, String), i64>) -> bool) {
        while !enough(&self.seen) {
            self.next().await;
        }
    }

    async fn snapshot(&mut self) -> u64 {
        loop {
            if let Some(count) = self.next().await {
                return count;
            }
        }
    }

    async fn next(&mut self) -> Option<u64> {
        let message = self.stream.next().await.expect("the stream goes on").unwrap();
        assert!(!message.resume_token.is_empty());
        self.token = message.resume_token;
        match message.change.unwrap() {
            Change::SnapshotComplete(complete) => Some(complete.position_count),
            Change::Availability(change) => {
                let node = change.node.unwrap();
                let key = (change.sku, node.node_id);
                let last = self.versions.insert(key.clone(), change.version);
                assert!(last <= Some(change.version), "versions never go back for one position");
                self.seen.insert(key, node.available);
                None
            }
        }
    }
}

fn at(sku: &str, node: &str) -> (String, String) {
    (sku.to_owned(), node.to_owned())
}

#[tokio::test]
async fn availability_follows_every_acknowledged_write() {
    let world = World::new().await;
    world.stocked("A", "n1", 10).await;
    world.receive("r2", "A", "n2", 4).await.unwrap();
    let token = world.receive("r3", "A", "n3", 1).await.unwrap().token;
    world.hold("h1", 60_000, vec![line("A", "n1", 3)]).await.unwrap();
    let get = |message| world.door.get_availability(asked(message));
    let asked_for = proto::GetAvailabilityRequest { sku: "A".into(), after: token, ..Default::default() };
    let found = get(asked_for.clone()).await.unwrap().into_inner().availability.unwrap();
    let nodes: Vec<_> = found.nodes.iter().map(|n| (n.node_id.as_str(), n.available, n.reserved)).collect();
    assert_eq!((found.available, nodes), (12, vec![("n1", 7, 3), ("n2", 4, 0), ("n3", 1, 0)]));
    let some =
        proto::GetAvailabilityRequest { node_ids: vec!["n2".into(), "n9".into()], ..asked_for.clone() };
    assert_eq!(get(some).await.unwrap().into_inner().availability.unwrap().available, 4);
    let unknown = proto::GetAvailabilityRequest { sku: "B".into(), ..asked_for.clone() };
    assert_eq!(get(unknown).await.unwrap_err().code(), Code::NotFound);
    for after in ["garbage", "orders/0@1", "inventory/9@1", "inventory/0@999999"] {
        let refused = get(proto::GetAvailabilityRequest { after: after.into(), ..asked_for.clone() }).await;
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument, "{after}");
    }

    world.with_item("C").await;
    let batch = proto::BatchGetAvailabilityRequest {
        skus: vec!["B".into(), "A".into(), "C".into()],
        ..Default::default()
    };
    let found = world.door.batch_get_availability(asked(batch)).await.unwrap().into_inner().availabilities;
    let found: Vec<_> =
        found.iter().map(|a| (a.sku.as_str(), a.available, a.unknown, a.nodes.len())).collect();
    assert_eq!(found, [("B", 0, true, 0), ("A", 12, false, 0), ("C", 0, false, 0)]);

    let world = world.restarted().await;
    let found =
        world.door.get_availability(asked(asked_for)).await.unwrap().into_inner().availability.unwrap();
    assert_eq!((found.available, found.nodes.len()), (12, 3));
}

#[tokio::test]
async fn nothing_of_an_inactive_item_is_promised() {
    let world = World::new().await;
    world.stocked("A", "n1", 10).await;
    let mut reader = Reader::open(&world, &[], "").await.unwrap();
    assert_eq!(reader.snapshot().await, 1);
    let rows = vec![proto::ItemRow {
        item: Some(proto::Item { inactive: true, ..item("A") }),
        expected_revision: 0,
    }];
    let message = proto::UpsertItemsRequest { request_id: "off".into(), rows, ..Default::default() };
    world.door.upsert_items(asked(message)).await.unwrap();
    let message = proto::GetAvailabilityRequest { sku: "A".into(), ..Default::default() };
    let found = world.door.get_availability(asked(message)).await.unwrap().into_inner().availability.unwrap();
    assert_eq!(found.available, 0);
    reader.until(|seen| seen[&at("A", "n1")] == 0).await;
}

#[tokio::test]
async fn a_stream_tells_what_is_then_what_changes_and_resumes_after_a_restart() {
    let world = World::new().await;
    for n in 0..12 {
        world.stocked(&format!("S{n}"), "n1", 5).await;
    }
    let mut reader = Reader::open(&world, &[], "").await.unwrap();
    assert_eq!(reader.snapshot().await, 12);
    assert_eq!(reader.seen.len(), 12);
    world.hold("h1", 60_000, vec![line("S3", "n1", 2)]).await.unwrap();
    reader.until(|seen| seen[&at("S3", "n1")] == 3).await;
    let token = reader.token.clone();
    drop(reader);

    world.receive("more", "S4", "n1", 1).await.unwrap();
    let mut reader = Reader::open(&world, &[], &token).await.unwrap();
    reader.until(|seen| seen.contains_key(&at("S4", "n1"))).await;
    assert_eq!(reader.seen.len(), 1, "only what changed since: {:?}", reader.seen);

    let world = world.restarted().await;
    world.receive("even more", "S5", "n1", 1).await.unwrap();
    let mut reader = Reader::open(&world, &[], &token).await.unwrap();
    reader.until(|seen| seen.contains_key(&at("S4", "n1")) && seen.contains_key(&at("S5", "n1"))).await;
    assert_eq!(reader.seen.len(), 2, "also across a restart: {:?}", reader.seen);

    let refused = Reader::open(&world, &["S1"], &token).await.err().unwrap();
    assert_eq!(why(&refused), (Code::InvalidArgument, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn a_stream_of_some_skus_hears_of_those_alone_and_a_snapshot_resumes_where_it_broke() {
    let world = World::new().await;
    for n in 0..6 {
        world.stocked(&format!("S{n}"), "n1", 5).await;
        world.receive(&format!("second {n}"), &format!("S{n}"), "n2", 5).await.unwrap();
    }
    let mut reader = Reader::open(&world, &["S1", "S2"], "").await.unwrap();
    assert_eq!(reader.next().await, None);
    let (seen, token) = (reader.seen.clone(), reader.token.clone());
    drop(reader);
    let mut reader = Reader::open(&world, &["S2", "S1"], &token).await.unwrap();
    reader.seen = seen;
    reader.snapshot().await;
    let expected = [at("S1", "n1"), at("S1", "n2"), at("S2", "n1"), at("S2", "n2")];
    assert_eq!(reader.seen.keys().cloned().collect::<Vec<_>>(), expected);
    world.receive("x", "S3", "n1", 1).await.unwrap();
    world.receive("y", "S1", "n1", 1).await.unwrap();
    assert_eq!(reader.next().await, None);
    assert_eq!(reader.seen[&at("S1", "n1")], 6);
    assert_eq!(reader.seen.len(), 4);
}
