//! A stream's leader as a test plays it: it hears what is asked, and answers when it likes.

use super::*;
use crate::options::SyncCheck;
use crate::server::{Servers, Settings};
use std::time::Instant;

/// Long enough that a busy machine is not taken for one.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
const LEFT: Duration = Duration::from_secs(60);

fn options(servers: &Servers) -> (Options, Access) {
    let access = Access::User { name: "app".to_owned(), password: "app".to_owned() };
    (Options::new(servers.urls(), access.clone(), SyncCheck::Vouched), access)
}

async fn wire(servers: &Servers) -> (Arc<Wire>, Client) {
    let (options, access) = options(servers);
    let waiting = Arc::default();
    let client = connect(&options, &access, &waiting).await.expect("a connection");
    let wire = Wire::new(client, waiting, ANSWER_WITHIN).await.expect("a wire");
    let leader = connect(&options, &access, &Arc::default()).await.expect("another connection");
    (Arc::new(wire), leader)
}

fn without_streams() -> Servers {
    Servers::start_with(1, Settings { jetstream: false, ..Settings::default() }).expect("a server")
}

/// Hears what is asked for on a subject. Whoever asks afterwards is heard: what came back went through the server.
async fn hear(leader: &Client, subject: &str) -> Subscriber {
    let mut heard = leader.subscribe(subject.to_owned()).await.expect("subscribe");
    leader.publish(subject.to_owned(), "anybody here?".into()).await.expect("publish");
    heard.next().await.expect("the server knows of it");
    heard
}

async fn answer(leader: &Client, question: &Message, with: &'static str) {
    let reply = question.reply.clone().expect("somewhere to answer to");
    leader.publish(reply, Bytes::from_static(with.as_bytes())).await.expect("answer");
}

#[tokio::test]
async fn a_question_that_nobody_heard_is_asked_again_and_answered_once() {
    let servers = without_streams();
    let (wire, leader) = wire(&servers).await;
    let mut heard = hear(&leader, "$JS.API.STREAM.MSG.GET.x").await;
    let began = Instant::now();
    let asking = tokio::spawn({
        let wire = Arc::clone(&wire);
        async move { wire.get("x", Which::At(7), LEFT).await }
    });
    let first = heard.next().await.expect("a question");
    let second = heard.next().await.expect("the same again");
    assert_eq!((&first.reply, &first.payload), (&second.reply, &second.payload));
    answer(&leader, &second, r#"{"message":{"seq":7,"data":"aGVyZQ=="}}"#).await;
    answer(&leader, &first, r#"{"message":{"seq":8,"data":"bGF0ZQ=="}}"#).await;
    let found = asking.await.expect("no panic").expect("an answer").expect("a message");
    assert_eq!((found.seq, &found.payload[..]), (7, &b"here"[..]));
    assert!(began.elapsed() < ANSWER_WITHIN, "it waited for the first question's time to pass");
    // The late answer is nobody's, also not of the question after it.
    let mut others = hear(&leader, "$JS.API.STREAM.INFO.y").await;
    let asking = tokio::spawn({
        let wire = Arc::clone(&wire);
        async move { wire.info("y", None, LEFT).await }
    });
    let question = others.next().await.expect("a question");
    answer(&leader, &question, r#"{"error":{"code":404,"err_code":10059,"description":"none"}}"#).await;
    assert!(asking.await.expect("no panic").expect("an answer").is_none());
    assert_eq!(wire.pending(), 0);
}

#[tokio::test]
async fn what_is_to_be_stored_is_sent_once() {
    let servers = without_streams();
    let (wire, leader) = wire(&servers).await;
    let mut heard = hear(&leader, "x.log").await;
    let storing = tokio::spawn({
        let wire = Arc::clone(&wire);
        async move { wire.publish("x", "x.log", Expect::Last(3), "body".into(), LEFT).await }
    });
    let first = heard.next().await.expect("it is sent");
    let again = tokio::time::timeout(ASKED_AGAIN_AFTER * 4, heard.next()).await;
    assert!(again.is_err(), "sent again: {again:?}");
    answer(&leader, &first, r#"{"stream":"x","seq":4}"#).await;
    assert_eq!(storing.await.expect("no panic").expect("stored"), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_told_when_the_connection_breaks() {
    let mut servers = without_streams();
    let (wire, leader) = wire(&servers).await;
    let mut heard = hear(&leader, "x.log").await;
    let began = Instant::now();
    let storing = tokio::spawn({
        let wire = Arc::clone(&wire);
        async move { wire.publish("x", "x.log", Expect::Last(3), "body".into(), LEFT).await }
    });
    heard.next().await.expect("it is sent");
    servers.kill(0).expect("kill");
    let lost = storing.await.expect("no panic").expect_err("nobody answered");
    assert!(lost.is_lost(), "whether it was stored is not known: {lost}");
    assert!(began.elapsed() < ANSWER_WITHIN, "{:?}", began.elapsed());
    assert_eq!(wire.pending(), 0);
}
