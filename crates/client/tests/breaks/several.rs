//! One engine, several processes: calls and streams go on at the next one, and no call begins at one that leaves.

use super::{Desk, hurried};
use futures::StreamExt;
use std::time::{Duration, Instant};
use tonic_health::ServingStatus;
use waybill_client::proto::orders::v1::{GetOrderRequest, PlaceOrderRequest, WatchOrderRequest};
use waybill_client::{Client, ClientError, Identity, Servers};

/// Two processes of one engine, and a client that knows both.
struct Pair {
    /// The one that the client keeps to comes first.
    desks: Vec<Desk>,
    client: Client,
}

async fn pair() -> Pair {
    let mut desks = vec![Desk::open().await, Desk::open().await];
    let endpoints = format!("{},{}", desks[0].endpoint(), desks[1].endpoint());
    let client = Client::connect(&endpoints, Identity::default()).await.unwrap().with_retry(hurried());
    let _not_found = client.get_order(GetOrderRequest::default()).await.unwrap_err();
    if desks[0].callers().is_empty() {
        desks.reverse();
    }
    Pair { desks, client }
}

#[tokio::test]
async fn a_call_whose_process_dies_goes_on_at_the_next_with_the_same_id() {
    let mut pair = pair().await;
    pair.desks[0].hold();
    let asking = tokio::spawn({
        let client = pair.client.clone();
        async move { client.place_order(PlaceOrderRequest::default()).await }
    });
    pair.desks[0].until_asked(1).await;
    pair.desks[0].kill().await;
    asking.await.unwrap().unwrap();
    let ids = pair.desks[1].request_ids();
    assert_eq!(ids, pair.desks[0].request_ids(), "asked once of each, with one id");
    assert!(!ids[0].is_empty());
}

#[tokio::test]
async fn a_stream_goes_on_at_the_next_process_after_the_last_message_taken() {
    let mut pair = pair().await;
    let mut updates =
        pair.client.watch_order(WatchOrderRequest { order_id: "W00-1".into(), ..Default::default() });
    for desk in &pair.desks {
        (0..3).for_each(|_| desk.publish());
    }
    assert_eq!(updates.next().await.unwrap().unwrap().revision, 1);
    assert_eq!(updates.next().await.unwrap().unwrap().revision, 2);
    pair.desks[0].kill().await;
    pair.desks[1].publish();
    let mut revisions = Vec::new();
    while revisions.last() != Some(&4) {
        revisions.push(updates.next().await.unwrap().unwrap().revision);
    }
    // What the dead one had sent already may still be taken; nothing is left out and nothing comes twice.
    assert_eq!(revisions, [3, 4]);
    let tokens = pair.desks[1].tokens();
    assert!(tokens == ["2"] || tokens == ["3"], "{tokens:?}");
}

#[tokio::test]
async fn no_call_begins_at_a_process_that_says_it_leaves_and_none_is_refused() {
    let pair = pair().await;
    // Asks until a process has been asked once more than before; no call may fail meanwhile.
    let until_at = async |desk: &Desk| {
        let (before, began) = (desk.request_ids().len(), Instant::now());
        while desk.request_ids().len() == before {
            assert!(began.elapsed() < Duration::from_secs(20), "the client does not move");
            pair.client.place_order(PlaceOrderRequest::default()).await.unwrap();
        }
    };
    until_at(&pair.desks[0]).await;
    pair.desks[0].says(ServingStatus::NotServing).await;
    until_at(&pair.desks[1]).await;
    let left = pair.desks[0].request_ids().len();
    for _ in 0..20 {
        pair.client.place_order(PlaceOrderRequest::default()).await.unwrap();
    }
    assert_eq!(pair.desks[0].request_ids().len(), left, "nothing was asked of the one that left");
    pair.desks[0].says(ServingStatus::Serving).await;
    until_at(&pair.desks[0]).await;
}

#[tokio::test]
async fn who_answers_is_enough_to_connect_and_nobody_is_told_with_all_names() {
    let mut gone = Desk::open().await;
    let there = Desk::open().await;
    gone.kill().await;
    for endpoints in [
        format!("{},{}", gone.endpoint(), there.endpoint()),
        format!("{},{}", there.endpoint(), gone.endpoint()),
    ] {
        // Which one is tried first is chance.
        for _ in 0..4 {
            let client = Client::connect(&endpoints, Identity::default()).await.unwrap();
            client.with_retry(hurried()).place_order(PlaceOrderRequest::default()).await.unwrap();
        }
        let lazy = Client::lazy(&Servers::open(&endpoints).unwrap(), Identity::default());
        lazy.with_retry(hurried()).place_order(PlaceOrderRequest::default()).await.unwrap();
    }
    let nobody = format!("{},http://127.0.0.1:1", gone.endpoint());
    let refused = Client::connect(&nobody, Identity::default()).await.unwrap_err();
    assert!(matches!(refused, ClientError::Connect { .. }), "{refused}");
    assert!(refused.to_string().contains(&gone.endpoint()), "{refused}");
}

#[tokio::test]
async fn a_process_that_can_not_answer_now_is_not_asked_alone() {
    let pair = pair().await;
    pair.desks[0].unavailable_next(1);
    pair.client.place_order(PlaceOrderRequest::default()).await.unwrap();
    assert_eq!(pair.desks[1].request_ids(), pair.desks[0].request_ids());
}
