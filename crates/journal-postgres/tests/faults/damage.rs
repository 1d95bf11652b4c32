//! Rows that were changed or lost behind the journal's back, owners that race, and readers that meet a trim: what is
//! wrong is named, and nothing is skipped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{LOG, append, damage, hasty, open, session, verified, written};
use bytes::Bytes;
use waybill_journal::cluster::{Bases, Lease, Leases, base_hash};
use waybill_journal::{Error, Head, Journal, LogId};
use waybill_journal_postgres::server::Postgres;
use waybill_journal_postgres::{Options, PostgresJournal};

/// Reads on from `from` until nothing is left or something is wrong.
fn read_from(journal: &PostgresJournal, log: LogId, from: u64) -> Result<u64, Error> {
    let mut next = from;
    loop {
        let frames = journal.read(log, next, 300)?;
        match frames.last() {
            Some(last) => next = last.seq + 1,
            None => return Ok(next),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_byte_breaks_the_chain_and_a_lost_row_leaves_a_hole() {
    let postgres = Postgres::start().expect("a server");
    let journal = open(hasty(&postgres.url()));
    let rows = session(&postgres).await;
    let flip = "set_byte(body, 3, get_byte(body, 3) # 1)";
    for (log, change, at) in [
        (1, format!("UPDATE frames SET body = {flip} WHERE log = 1 AND seq = 20"), 20),
        (
            2,
            "UPDATE frames SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE log = 2 AND seq = 20"
                .into(),
            20,
        ),
        (3, "UPDATE frames SET epoch = 2 WHERE log = 3 AND seq = 20".into(), 20),
        (4, "UPDATE frames SET body = body || '\\x00'::bytea WHERE log = 4 AND seq = 30".into(), 30),
        (5, "UPDATE frames SET hash = ''::bytea WHERE log = 5 AND seq = 20".into(), 20),
    ] {
        let log = LogId(log);
        written(&journal, log, 30).await;
        damage(&rows, &change, 1).await;
        for from in [1, 15, 20] {
            let read = read_from(&journal, log, from);
            assert!(
                matches!(read, Err(Error::BadChain { at: found }) if found == at),
                "{change} from {from}: {read:?}"
            );
        }
    }
    for (log, lost, at) in [(11, "seq = 20", 20), (12, "seq = 1", 1), (13, "seq BETWEEN 5 AND 29", 5)] {
        let id = LogId(log);
        written(&journal, id, 30).await;
        let sql = format!("DELETE FROM frames WHERE log = {log} AND {lost}");
        damage(&rows, &sql, if log == 13 { 25 } else { 1 }).await;
        let read = read_from(&journal, id, 1);
        assert!(matches!(read, Err(Error::Hole { at: found }) if found == at), "{lost}: {read:?}");
    }
    // Wider than what one read looks over.
    written(&journal, LogId(14), 700).await;
    damage(&rows, "DELETE FROM frames WHERE log = 14 AND seq BETWEEN 5 AND 650", 646).await;
    let read = read_from(&journal, LogId(14), 1);
    assert!(matches!(read, Err(Error::Hole { at: 5 })), "{read:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_lost_its_tail_is_not_written_to() {
    let postgres = Postgres::start().expect("a server");
    let journal = open(hasty(&postgres.url()));
    let rows = session(&postgres).await;
    let (claim, frames) = written(&journal, LOG, 30).await;
    let mut writer = journal.begin_base(LOG, frames[24].head()).await.expect("begin a base");
    writer.chunk(Bytes::from_static(b"state")).await.expect("write a chunk");
    writer.finish().await.expect("finish");
    damage(&rows, "DELETE FROM frames WHERE log = 7 AND seq > 28", 2).await;
    let lost = |expected: u64, found: u64| move |error: &Error| matches!(error, Error::LostTail { expected: e, found: f, .. } if (*e, *f) == (expected, found));
    let refused = append(&journal, &claim, 31).await.expect_err("append to what was lost");
    assert!(lost(30, 28)(&refused), "{refused}");
    let refused = journal.claim(LOG).await.expect_err("claim what was lost");
    assert!(lost(30, 28)(&refused), "{refused}");
    // Another process saw none of it, but was told elsewhere.
    let told = Options { expected_heads: vec![(LOG, 30)], ..hasty(&postgres.url()) };
    let refused = PostgresJournal::open(told).err().expect("open what was lost");
    assert!(lost(30, 28)(&refused), "{refused}");
    // Or learns it from the base: the numbers up to there are never used again.
    damage(&rows, "DELETE FROM frames WHERE log = 7 AND seq > 20", 8).await;
    let another = open(hasty(&postgres.url()));
    let refused = another.claim(LOG).await.expect_err("claim below the base");
    assert!(lost(25, 20)(&refused), "{refused}");
    damage(&rows, "DELETE FROM frames WHERE log = 7", 20).await;
    let refused = another.claim(LOG).await.expect_err("claim a log that is gone");
    assert!(matches!(refused, Error::LostTail { found: 0, .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_owners_that_race_in_several_processes_each_frame_has_one() {
    let postgres = Postgres::start().expect("a server");
    let options = || Options { connections: 4, ..Options::new(postgres.url()) };
    let processes = [Arc::new(open(options())), Arc::new(open(options())), Arc::new(open(options()))];
    let mut racers = Vec::new();
    for racer in 0..9 {
        let journal = Arc::clone(&processes[racer % 3]);
        racers.push(tokio::spawn(async move {
            let (mut acknowledged, mut claims) = (Vec::new(), 0);
            while claims < 5 {
                let claim = journal.claim(LOG).await.expect("claim");
                claims += 1;
                let mut seq = claim.head.seq + 1;
                while seq <= claim.head.seq + 20 {
                    match append(&journal, &claim, seq).await {
                        Ok(head) => acknowledged.push((seq, claim.epoch, head.hash)),
                        Err(Error::Fenced { current_epoch }) if current_epoch > claim.epoch => break,
                        Err(other) => panic!("append {seq}: {other}"),
                    }
                    seq += 1;
                }
            }
            (claims, acknowledged)
        }));
    }
    let (mut claims, mut acknowledged) = (0, Vec::new());
    for racer in racers {
        let (made, stored) = racer.await.expect("racer");
        claims += made;
        acknowledged.extend(stored);
    }
    let frames = verified(&processes[0], LOG);
    assert_eq!(frames.iter().filter(|frame| frame.is_claim()).count(), claims);
    assert_eq!(frames.len(), claims + acknowledged.len(), "what was acknowledged stands, and nothing else");
    for (seq, epoch, hash) in acknowledged {
        assert_eq!(frames[seq as usize - 1].head(), Head { seq, epoch, hash });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_go_by_the_databases_clock() {
    let postgres = Postgres::start().expect("a server");
    let (one, other) = (open(hasty(&postgres.url())), open(hasty(&postgres.url())));
    let rows = session(&postgres).await;
    let ttl = Duration::from_millis(50);
    one.hold(&[LOG], "one", ttl).await.expect("hold");
    // The database's clock stands still for this lease: however long we wait by ours, it holds.
    damage(&rows, "UPDATE leases SET expires = now() + interval '1 hour' WHERE log = 7", 1).await;
    let since = Instant::now();
    while since.elapsed() < 4 * ttl {
        let lease = other.hold(&[LOG], "other", ttl).await.expect("hold");
        assert!(
            matches!(&lease[0], Lease::HeldBy { holder, remaining } if holder == "one" && *remaining > 60 * ttl)
        );
    }
    // And it is over when the database says so, whatever the holder was promised.
    one.hold(&[LOG], "one", Duration::from_secs(600)).await.expect("hold");
    damage(&rows, "UPDATE leases SET expires = now() - interval '1 microsecond' WHERE log = 7", 1).await;
    let lease = other.hold(&[LOG], "other", Duration::from_secs(600)).await.expect("hold");
    assert_eq!(lease[0].held_for(), Some(Duration::from_secs(600)));
    let lease = one.hold(&[LOG], "one", ttl).await.expect("ask to renew");
    assert!(matches!(&lease[0], Lease::HeldBy { holder, .. } if holder == "other"), "{lease:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_base_does_not_verify_and_left_chunks_are_removed() {
    let postgres = Postgres::start().expect("a server");
    let journal = open(hasty(&postgres.url()));
    let rows = session(&postgres).await;
    let (_, frames) = written(&journal, LOG, 10).await;
    let mut left = journal.begin_base(LOG, frames[3].head()).await.expect("begin a base");
    for _ in 0..40 {
        left.chunk(Bytes::from(vec![3; 1000])).await.expect("write a chunk");
    }
    let sql = "UPDATE base_drafts SET touched = now() - interval '2 hours'";
    damage(&rows, sql, 1).await;
    let mut base = journal.begin_base(LOG, frames[5].head()).await.expect("begin a base");
    base.chunk(Bytes::from(vec![4; 1000])).await.expect("write a chunk");
    let base = base.finish().await.expect("finish");
    let count: i64 = rows.query_one("SELECT count(*) FROM base_chunks", &[]).await.expect("count").get(0);
    assert_eq!(count, 1, "what was left for hours is removed");
    let late = left.chunk(Bytes::from_static(b"late")).await;
    assert!(matches!(late, Err(Error::Base { .. })), "{late:?}");
    assert!(matches!(left.finish().await, Err(Error::Base { .. })), "a base without its chunks is none");
    assert_eq!(journal.bases(LOG).await.expect("list bases"), std::slice::from_ref(&base));

    let verifies = async || {
        let chunk = journal.base_chunk(&base, 0).await.expect("read a chunk");
        base_hash(&[0; 16], 0, &chunk) == base.hash
    };
    assert!(verifies().await);
    damage(&rows, "UPDATE base_chunks SET body = set_byte(body, 500, 5)", 1).await;
    assert!(!verifies().await, "a changed byte is found by who reads the base");
    damage(&rows, "DELETE FROM base_chunks", 1).await;
    assert!(matches!(journal.base_chunk(&base, 0).await, Err(Error::Base { .. })));
    // One that cannot be read back as it was written never becomes a base.
    let mut torn = journal.begin_base(LOG, frames[8].head()).await.expect("begin a base");
    torn.chunk(Bytes::from(vec![6; 1000])).await.expect("write a chunk");
    damage(&rows, "UPDATE base_chunks SET body = set_byte(body, 0, 7)", 1).await;
    assert!(matches!(torn.finish().await, Err(Error::Base { .. })));
    assert_eq!(journal.bases(LOG).await.expect("list bases"), [base]);
}
