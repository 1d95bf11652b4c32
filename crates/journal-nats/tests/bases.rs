//! Bases in streams that lose or change their chunks, and owners that end between a base's chunks and its row.

mod servers;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use servers::Servers;
use waybill_journal::cluster::{Base, Bases, base_hash};
use waybill_journal::{Error, Head, Journal, LogId};
use waybill_journal_nats::NatsJournal;

const LOG: LogId = LogId(6);

async fn heads(journal: &NatsJournal, frames: u64) -> Vec<Head> {
    let claim = journal.claim(LOG).await.expect("claim");
    let mut heads = vec![claim.head];
    for seq in claim.head.seq + 1..=frames {
        let body = Bytes::from(vec![seq as u8; 100]);
        heads.push(journal.append(LOG, claim.epoch, seq, body).await.expect("append"));
    }
    heads
}

async fn put(journal: &NatsJournal, at: Head, of: u8) -> Base {
    let mut base = journal.begin_base(LOG, at).await.expect("begin a base");
    for chunk in [vec![of; 1000], vec![of + 1; 1000]] {
        base.chunk(Bytes::from(chunk)).await.expect("write a chunk");
    }
    base.finish().await.expect("finish")
}

/// Whether what is read is what was written, as who begins from a base finds out.
async fn verifies(journal: &NatsJournal, base: &Base) -> bool {
    let mut hash = [0; 16];
    for number in 0..base.chunks {
        match journal.base_chunk(base, number).await {
            Ok(chunk) => hash = base_hash(&hash, number, &chunk),
            Err(Error::Base { .. }) => return false,
            Err(other) => panic!("{other}"),
        }
    }
    hash == base.hash
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_base_does_not_verify_and_the_older_one_still_does() {
    let servers = Servers::start(1);
    let journal = servers.open();
    let heads = heads(&journal, 10).await;
    let older = put(&journal, heads[3], 1).await;
    let newer = put(&journal, heads[6], 5).await;
    assert!(verifies(&journal, &older).await && verifies(&journal, &newer).await);
    assert_eq!(journal.bases(LOG).await.expect("list bases"), [newer.clone(), older.clone()]);

    // The newest message of all is the newer base's last chunk.
    let mut raw = servers.raw(0);
    let stored = raw.ask("$JS.API.STREAM.MSG.GET.waybill-bases", r#"{"seq":4}"#);
    let stored: serde_json::Value = serde_json::from_str(&stored).expect("JSON");
    let subject = stored["message"]["subject"].as_str().expect("a subject").to_owned();
    let mut bytes = STANDARD.decode(stored["message"]["data"].as_str().expect("data")).expect("base64");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    raw.publish(&subject, &bytes);
    assert!(!verifies(&journal, &newer).await, "a changed chunk is found by who reads the base");
    let purged = raw.ask("$JS.API.STREAM.PURGE.waybill-bases", &format!(r#"{{"filter":"{subject}"}}"#));
    assert!(purged.contains("\"success\":true"), "{purged}");
    assert!(matches!(journal.base_chunk(&newer, 1).await, Err(Error::Base { .. })));
    assert!(verifies(&journal, &older).await, "there is an older one to begin from");
    // The log still reaches back to it.
    journal.trim(LOG, u64::MAX).expect("trim");
    assert!(journal.read(LOG, older.at.seq + 1, 1 << 20).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_ends_before_its_base_is_whole_leaves_the_older_one() {
    let servers = Servers::start(1);
    let journal = servers.open();
    let heads = heads(&journal, 10).await;
    let older = put(&journal, heads[3], 1).await;
    let mut left = journal.begin_base(LOG, heads[6]).await.expect("begin a base");
    left.chunk(Bytes::from_static(b"half")).await.expect("write a chunk");
    // As by kill -9: neither the row nor anything else of it is written any more.
    drop((left, journal));
    let next = servers.another();
    assert_eq!(next.bases(LOG).await.expect("list bases"), std::slice::from_ref(&older));
    assert!(verifies(&next, &older).await);
    let newer = put(&next, heads[8], 7).await;
    assert_eq!(next.bases(LOG).await.expect("list bases"), [newer, older]);
}
