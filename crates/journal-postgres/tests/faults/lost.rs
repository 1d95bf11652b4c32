//! Answers and requests that are lost between a process and its database, alone and followed by another owner's claim:
//! an append is never answered by a guess.

use crate::common::{LOG, append, body, hasty, open, session, verified};
use crate::proxy::{Fate, Proxy};
use bytes::Bytes;
use waybill_journal::cluster::{Bases, Key, Keys, VaultIdentity};
use waybill_journal::{Claim, Error, Journal};
use waybill_journal_postgres::PostgresJournal;
use waybill_journal_postgres::server::Postgres;

struct Scene {
    postgres: Postgres,
    proxy: Proxy,
    /// Reaches the server through the proxy.
    ours: PostgresJournal,
    claim: Claim,
}

/// A log with frames 1 to 3, written through the proxy, whose one connection knows every statement it will need.
async fn scene() -> Scene {
    let postgres = Postgres::start().expect("a server");
    let proxy = Proxy::start(postgres.socket()).await;
    let ours = open(hasty(&proxy.url));
    let claim = ours.claim(LOG).await.expect("claim");
    for seq in 2..=3 {
        append(&ours, &claim, seq).await.expect("append");
    }
    assert_eq!(ours.doubts(), 0);
    Scene { postgres, proxy, ours, claim }
}

async fn stored(postgres: &Postgres, seq: i64) -> bool {
    let sql = "SELECT 1 FROM frames WHERE log = $1 AND seq = $2";
    let rows = session(postgres).await.query(sql, &[&i32::from(LOG.0), &seq]).await;
    !rows.expect("look").is_empty()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_whose_answer_was_lost_is_stored_once() {
    let scene = scene().await;
    scene.proxy.set(Fate::LoseAnswer(0));
    let appended = scene.ours.append(LOG, scene.claim.epoch, 4, body(4));
    scene.proxy.lost().await;
    assert!(stored(&scene.postgres, 4).await, "the server had answered");
    scene.proxy.set(Fate::Pass);
    assert_eq!(appended.await.expect("found there").seq, 4);
    assert!(scene.ours.doubts() > 0, "that was not known without looking");
    append(&scene.ours, &scene.claim, 5).await.expect("append goes on");
    assert_eq!(verified(&scene.ours, LOG).len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_whose_request_was_lost_is_stored_after_all() {
    let scene = scene().await;
    scene.proxy.set(Fate::LoseRequest);
    let appended = scene.ours.append(LOG, scene.claim.epoch, 4, body(4));
    scene.proxy.lost().await;
    assert!(!stored(&scene.postgres, 4).await, "the server never saw it");
    scene.proxy.set(Fate::Pass);
    assert_eq!(appended.await.expect("stored by a later try").seq, 4);
    assert_eq!(verified(&scene.ours, LOG).len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_that_comes_after_the_next_owners_claim_tells_the_truth() {
    for (fate, stands) in [(Fate::LoseAnswer(0), true), (Fate::LoseRequest, false)] {
        let scene = scene().await;
        scene.proxy.set(fate);
        let appended = scene.ours.append(LOG, scene.claim.epoch, 4, body(4));
        scene.proxy.lost().await;
        // While we cannot reach the server, somebody else claims the log and goes on.
        let theirs = open(hasty(&scene.postgres.url()));
        let next = theirs.claim(LOG).await.expect("claim");
        assert_eq!(next.head.seq, if stands { 5 } else { 4 }, "{fate:?}");
        append(&theirs, &next, next.head.seq + 1).await.expect("append");
        scene.proxy.set(Fate::Pass);
        match appended.await {
            Ok(head) => assert!(stands && head.seq == 4, "{fate:?}: {head:?}"),
            Err(Error::Fenced { current_epoch }) => {
                assert!(!stands && current_epoch == next.epoch, "{fate:?}")
            }
            Err(other) => panic!("{fate:?}: {other}"),
        }
        for seq in 4..8 {
            let late = append(&scene.ours, &scene.claim, seq).await;
            assert!(matches!(late, Err(Error::Fenced { .. })), "{fate:?} at {seq}: {late:?}");
        }
        append(&theirs, &next, next.head.seq + 2).await.expect("the new owner is not disturbed");
        let frames = verified(&theirs, LOG);
        assert_eq!(frames.len() as u64, next.head.seq + 2);
        assert_eq!(frames[3].is_claim(), !stands, "{fate:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_answer_was_lost_is_made_once() {
    let scene = scene().await;
    // Once more, so that the connection knows the statements of a claim that is not the first.
    scene.ours.claim(LOG).await.expect("claim");
    let before = verified(&scene.ours, LOG).len() as u64;
    // A claim asks twice before it writes: where the log ends, and how far it must reach.
    scene.proxy.set(Fate::LoseAnswer(2));
    let claimed = scene.ours.claim(LOG);
    scene.proxy.lost().await;
    assert!(stored(&scene.postgres, before as i64 + 1).await, "the server had answered");
    scene.proxy.set(Fate::Pass);
    let claim = claimed.await.expect("claim");
    assert_eq!(claim.head.seq, before + 1);
    append(&scene.ours, &claim, claim.head.seq + 1).await.expect("the claim holds");
    let frames = verified(&scene.ours, LOG);
    assert_eq!(frames.len() as u64, before + 2, "one claim and one frame");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_patience_ends_the_outcome_is_called_unknown() {
    let postgres = Postgres::start().expect("a server");
    let proxy = Proxy::start(postgres.socket()).await;
    let patience = std::time::Duration::from_millis(600);
    let ours = open(waybill_journal_postgres::Options { patience, ..hasty(&proxy.url) });
    let claim = ours.claim(LOG).await.expect("claim");
    append(&ours, &claim, 2).await.expect("append");
    proxy.set(Fate::LoseAnswer(0));
    let given_up = append(&ours, &claim, 3).await;
    assert!(matches!(given_up, Err(Error::Engine { .. })), "{given_up:?}");
    proxy.set(Fate::Pass);
    // It had been stored. The same frame at the same place finds that out; another one is refused there.
    let other = ours.append(LOG, claim.epoch, 3, body(99)).await;
    assert!(matches!(other, Err(Error::Sequence { expected: 4, got: 3 })), "{other:?}");
    assert_eq!(append(&ours, &claim, 3).await.expect("found there").seq, 3);
    append(&ours, &claim, 4).await.expect("append goes on");
    assert_eq!(verified(&ours, LOG).len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_is_shown_once_wherever_an_answer_is_lost() {
    let scene = scene().await;
    let put = async |seq: u64| {
        let head = append(&scene.ours, &scene.claim, seq).await.expect("append");
        let mut writer = scene.ours.begin_base(LOG, head).await.expect("begin a base");
        writer.chunk(body(seq)).await.expect("write a chunk");
        writer
    };
    // So that the connection knows every statement.
    for seq in 4..=6 {
        put(seq).await.finish().await.expect("finish");
    }
    // From the first question of finishing over each step of its transaction to the removing of old chunks.
    for (lost, seq) in (0..8).zip(7..) {
        let writer = put(seq).await;
        scene.proxy.set(Fate::LoseAnswer(lost));
        let finished = tokio::spawn(writer.finish());
        scene.proxy.lost().await;
        scene.proxy.set(Fate::Pass);
        let base = finished.await.expect("no panic").unwrap_or_else(|error| panic!("answer {lost}: {error}"));
        let bases = scene.ours.bases(LOG).await.expect("list bases");
        let shown: Vec<u64> = bases.iter().map(|base| base.at.seq).collect();
        assert_eq!(shown, [seq, seq - 1], "answer {lost}");
        assert_eq!(scene.ours.base_chunk(&base, 0).await.expect("read a chunk"), body(seq));
    }
    put(15).await.finish().await.expect("finish");
    let count = "SELECT (SELECT count(*) FROM base_chunks), (SELECT count(*) FROM base_drafts)";
    let row = session(&scene.postgres).await.query_one(count, &[]).await.expect("count");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (2, 0), "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_whose_answer_was_lost_is_handed_out_to_nobody_else() {
    let scene = scene().await;
    let keys = |of: u8| vec![Bytes::from(vec![of; 32]), Bytes::from(vec![of + 1; 32])];
    let identity = VaultIdentity { id: [1; 16], digest_secret: [2; 32] };
    scene.ours.found_vault(identity).await.expect("found the vault");
    assert_eq!(scene.ours.add_keys(keys(10)).await.expect("add keys"), 0);
    scene.proxy.set(Fate::LoseAnswer(0));
    let added = scene.ours.add_keys(keys(20));
    scene.proxy.lost().await;
    scene.proxy.set(Fate::Pass);
    assert_eq!(added.await.expect("add keys"), 4, "the numbers whose answer was lost are nobody's");
    let found = scene.ours.keys(&[0, 1, 4, 5]).await.expect("get keys");
    let wanted: Vec<Key> = [keys(10), keys(20)].concat().into_iter().map(Key::Live).collect();
    assert!(found == wanted);
    assert_eq!(scene.ours.vault().await.expect("vault"), Some((identity, 6)));
}
