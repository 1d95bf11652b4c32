//! Breaks of the line: a server that goes away in the middle is asked again with the same request, and streams go on
//! where they were.

mod server;
#[path = "breaks/several.rs"]
mod several;

use futures::StreamExt;
use server::Desk;
use std::time::Duration;
use tonic::Code;
use waybill_client::proto::common::v1::PartitionCursor;
use waybill_client::proto::orders::v1::{
    GetOrderRequest, ImportOrdersRequest, PlaceOrderRequest, WatchChangesRequest, WatchOrderRequest,
};
use waybill_client::{Client, Identity, Retry};

fn hurried() -> Retry {
    Retry {
        wait_first: Duration::from_millis(5),
        wait_max: Duration::from_millis(20),
        attempts_max: 1_000,
        ..Retry::default()
    }
}

async fn client(desk: &Desk) -> Client {
    let identity = Identity::new("web", "shop-1", "channel").unwrap();
    Client::connect(&desk.endpoint(), identity).await.unwrap().with_retry(hurried())
}

#[tokio::test]
async fn a_write_is_repeated_with_the_id_it_was_first_sent_with() {
    let desk = Desk::open().await;
    let client = client(&desk).await;
    desk.refuse_next(3);
    client.place_order(PlaceOrderRequest::default()).await.unwrap();
    let ids = desk.request_ids();
    assert_eq!(ids.len(), 4);
    assert!(!ids[0].is_empty() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_given_id_is_kept_and_the_caller_is_told_on_every_attempt() {
    let desk = Desk::open().await;
    let client = client(&desk).await;
    desk.refuse_next(1);
    client.place_order(PlaceOrderRequest { request_id: "mine".into(), ..Default::default() }).await.unwrap();
    assert_eq!(desk.request_ids(), ["mine", "mine"]);
    assert_eq!(desk.callers(), ["web/shop-1/channel", "web/shop-1/channel"]);
}

#[tokio::test]
async fn a_call_outlives_the_server_that_it_was_made_to() {
    let mut desk = Desk::open().await;
    let client = client(&desk).await;
    desk.hold();
    let asking = tokio::spawn({
        let client = client.clone();
        async move { client.place_order(PlaceOrderRequest::default()).await }
    });
    desk.until_asked(1).await;
    desk.kill().await;
    desk.reopen().await;
    asking.await.unwrap().unwrap();
    let ids = desk.request_ids();
    assert!(ids.len() >= 2 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_feed_is_sent_again_whole() {
    let desk = Desk::open().await;
    let client = client(&desk).await;
    desk.refuse_next(1);
    let feed = vec![ImportOrdersRequest::default(), ImportOrdersRequest::default()];
    let answer = client.import_orders(feed).await.unwrap();
    assert_eq!(answer.received_count, 2);
    let ids = desk.request_ids();
    assert!(ids.len() == 2 && ids[0] == ids[1] && ids[0].len() == 32, "{ids:?}");
}

#[tokio::test]
async fn a_refusal_reaches_the_caller_at_once() {
    let desk = Desk::open().await;
    let client = client(&desk).await;
    let refused = client.get_order(GetOrderRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), desk.callers().len()), (Code::NotFound, 1));
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_message_that_was_taken() {
    let mut desk = Desk::open().await;
    let client = client(&desk).await;
    let mut updates =
        client.watch_order(WatchOrderRequest { order_id: "W00-1".into(), ..Default::default() });
    let mut revisions = Vec::new();
    for _ in 0..4 {
        desk.publish();
        desk.publish();
        for _ in 0..2 {
            revisions.push(updates.next().await.unwrap().unwrap().revision);
        }
        desk.kill().await;
        desk.reopen().await;
    }
    assert_eq!(revisions, (1..=8).collect::<Vec<u64>>());
    assert_eq!(desk.tokens()[0], "", "the first one begins where the caller said");
    assert!(desk.tokens().contains(&"6".to_owned()), "{:?}", desk.tokens());
}

#[tokio::test]
async fn streams_that_nobody_reads_do_not_hold_up_calls_beside_them() {
    let desk = Desk::open().await;
    let client = client(&desk).await;
    // More than a connection takes unread by the protocol's own default: 64 KiB.
    for _ in 0..20_000 {
        desk.publish();
    }
    let mut streams = Vec::new();
    for _ in 0..4 {
        let asked = WatchOrderRequest { order_id: "W00-1".into(), ..Default::default() };
        let mut updates = client.watch_order(asked);
        assert_eq!(updates.next().await.unwrap().unwrap().revision, 1);
        streams.push(updates);
    }
    for call in 0..300 {
        let placed = client.place_order(PlaceOrderRequest::default());
        tokio::time::timeout(Duration::from_secs(10), placed)
            .await
            .unwrap_or_else(|_| panic!("call {call} waits behind the streams"))
            .unwrap();
    }
    for updates in streams {
        assert_eq!(updates.skip(19_998).next().await.unwrap().unwrap().revision, 20_000);
    }
}

#[tokio::test]
async fn a_server_that_ends_its_stream_is_asked_again() {
    let desk = Desk::open().await;
    let client = client(&desk).await;
    let mut updates =
        client.watch_order(WatchOrderRequest { order_id: "W00-1".into(), ..Default::default() });
    desk.publish();
    assert_eq!(updates.next().await.unwrap().unwrap().revision, 1);
    desk.end_streams();
    desk.publish();
    assert_eq!(updates.next().await.unwrap().unwrap().revision, 2);
}

#[tokio::test]
async fn cursors_give_way_to_the_token() {
    let mut desk = Desk::open().await;
    let client = client(&desk).await;
    let cursors = vec![PartitionCursor { partition: 0, sequence: 0 }];
    let mut changes = client.watch_changes(WatchChangesRequest { cursors, ..Default::default() });
    desk.publish();
    assert_eq!(changes.next().await.unwrap().unwrap().resume_token, "1");
    desk.kill().await;
    desk.reopen().await;
    desk.publish();
    assert_eq!(changes.next().await.unwrap().unwrap().resume_token, "2");
}

#[tokio::test]
async fn a_token_that_is_too_old_ends_the_stream_with_the_refusal() {
    let desk = Desk::open().await;
    let client = client(&desk).await;
    let asked = WatchOrderRequest { order_id: "W00-1".into(), resume_token: "too old".into() };
    let mut updates = client.watch_order(asked);
    assert_eq!(updates.next().await.unwrap().unwrap_err().code(), Code::OutOfRange);
    assert!(updates.next().await.is_none());
    assert_eq!(desk.tokens(), ["too old"]);
}

#[tokio::test]
async fn an_outage_that_lasts_too_long_ends_the_stream() {
    let mut desk = Desk::open().await;
    let retry = Retry { outage_max: Duration::from_millis(100), ..hurried() };
    let client = client(&desk).await.with_retry(retry);
    let mut updates =
        client.watch_order(WatchOrderRequest { order_id: "W00-1".into(), ..Default::default() });
    desk.publish();
    updates.next().await.unwrap().unwrap();
    desk.kill().await;
    let fault = updates.next().await.unwrap().unwrap_err();
    assert!(waybill_client::may_retry(&fault), "{fault}");
    assert!(updates.next().await.is_none());
}
