//! The PostgreSQL journal passes the suites of every engine, against a real server. What goes wrong between a process
//! and its database is tested beside.

use std::sync::Arc;

use bytes::Bytes;
use tokio_postgres::NoTls;
use waybill_journal::cluster::{self, Bases, Key, Keys, Leases};
use waybill_journal::conformance::{self, Engine};
use waybill_journal::{Error, Journal, LogId, conformance_cluster};
use waybill_journal_postgres::server::Postgres;
use waybill_journal_postgres::{Options, PostgresJournal};

#[tokio::test]
async fn the_journal_passes_the_suite_of_every_engine() {
    let postgres = Postgres::start().expect("a server");
    let open = || -> Arc<dyn Journal> {
        Arc::new(PostgresJournal::open(Options::new(postgres.url())).expect("open the journal"))
    };
    conformance::all(&Engine { open: &open, max_frame_bytes: 8 << 20 }).await;
}

#[tokio::test]
async fn what_a_cluster_agrees_through_passes_the_suite_of_every_engine() {
    let postgres = Postgres::start().expect("a server");
    let open = || -> Arc<dyn cluster::Engine> {
        let options = Options { keep_bytes: 0, ..Options::new(postgres.url()) };
        Arc::new(PostgresJournal::open(options).expect("open the journal"))
    };
    conformance_cluster::all(&open).await;
}

/// What was written by version 1 is read for good: every table, as it stood in a database then.
#[tokio::test]
async fn a_schema_of_version_1_is_read_and_written_on() {
    let postgres = Postgres::start().expect("a server");
    let (client, connection) = tokio_postgres::connect(&postgres.url(), NoTls).await.expect("connect");
    tokio::spawn(connection);
    client.batch_execute(include_str!("golden/schema-1.sql")).await.expect("play the golden schema in");
    let journal = PostgresJournal::open(Options::new(postgres.url())).expect("open the journal");
    assert_eq!(journal.cluster(), "c2555eeb4503e95bece005f209c2a010");

    let whole = conformance::read_all(&journal, LogId(3));
    assert_eq!(whole.len(), 14);
    assert!(matches!(journal.read(LogId(4), 1, 100), Err(Error::Trimmed { oldest: 6 })));
    let kept = journal.read(LogId(4), 6, 1 << 20).expect("read what was kept");
    assert_eq!(kept, whole[5..], "the logs were written alike");
    assert_eq!((kept[0].body.as_ref(), kept[7].is_claim(), kept[7].epoch), (&b"body 6"[..], true, 2));
    let bases = journal.bases(LogId(4)).await.expect("list bases");
    assert_eq!(bases.iter().map(|base| base.at).collect::<Vec<_>>(), [whole[8].head(), whole[4].head()]);
    assert_eq!(journal.base_chunk(&bases[0], 1).await.expect("read a chunk"), "base 8 two");

    let leases = journal.leases().await.expect("list leases");
    let told: Vec<_> =
        leases.iter().map(|row| (row.log, row.holder.as_deref(), row.wish.as_deref())).collect();
    assert_eq!(told, [(LogId(3), Some("one"), None), (LogId(4), None, Some("two"))]);
    let (vault, keys) = journal.vault().await.expect("vault").expect("it was founded");
    assert_eq!((vault.id, vault.digest_secret, keys), ([7; 16], [8; 32], 2));
    let found = journal.keys(&[0, 1]).await.expect("get keys");
    assert!(found == [Key::Erased, Key::Live(Bytes::from(vec![2; 32]))]);

    for log in [LogId(3), LogId(4)] {
        let claim = journal.claim(log).await.expect("claim");
        assert_eq!((claim.epoch, claim.head.seq), (3, 15));
        journal.append(log, claim.epoch, 16, Bytes::from_static(b"on")).await.expect("append");
    }
}
