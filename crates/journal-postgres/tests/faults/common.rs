//! What the fault tests share: handles with short times, frames that tell where they belong, rows to damage. Knows no
//! fault.

use std::time::Duration;

use bytes::Bytes;
use tokio_postgres::{Client, NoTls};
use waybill_journal::conformance::{check_chain, read_all};
use waybill_journal::{Claim, Error, Frame, Head, Journal, LogId};
use waybill_journal_postgres::server::Postgres;
use waybill_journal_postgres::{Options, PostgresJournal};

pub(crate) const LOG: LogId = LogId(7);

/// Short times, so that faults are met within a test, and one connection, so that it is known which one meets them.
pub(crate) fn hasty(url: &str) -> Options {
    Options {
        connections: 1,
        statement_timeout: Duration::from_millis(750),
        control_timeout: Duration::from_secs(3),
        patience: Duration::from_secs(20),
        ..Options::new(url)
    }
}

pub(crate) fn open(options: Options) -> PostgresJournal {
    PostgresJournal::open(options).expect("open the journal")
}

pub(crate) fn body(seq: u64) -> Bytes {
    Bytes::from(format!("frame {seq} {}", "x".repeat(seq as usize % 50)))
}

pub(crate) async fn append(journal: &PostgresJournal, claim: &Claim, seq: u64) -> Result<Head, Error> {
    journal.append(claim.log, claim.epoch, seq, body(seq)).await
}

/// A claim and frames up to `last`, read back.
pub(crate) async fn written(journal: &PostgresJournal, log: LogId, last: u64) -> (Claim, Vec<Frame>) {
    let claim = journal.claim(log).await.expect("claim");
    for seq in claim.head.seq + 1..=last {
        append(journal, &claim, seq).await.expect("append");
    }
    (claim, read_all(journal, log))
}

/// The log's frames, each that is no claim with the body that belongs there.
pub(crate) fn verified(journal: &PostgresJournal, log: LogId) -> Vec<Frame> {
    let frames = read_all(journal, log);
    check_chain(&frames, Head::EMPTY);
    for frame in frames.iter().filter(|frame| !frame.is_claim()) {
        assert_eq!(frame.body, body(frame.seq), "frame {}", frame.seq);
    }
    frames
}

/// A session of the test's own, to look at rows and to damage them.
pub(crate) async fn session(postgres: &Postgres) -> Client {
    let (client, connection) = tokio_postgres::connect(&postgres.url(), NoTls).await.expect("connect");
    tokio::spawn(connection);
    client.batch_execute("SET search_path TO waybill").await.expect("find the schema");
    client
}

/// Damages rows; `changed` of them.
pub(crate) async fn damage(client: &Client, sql: &str, changed: u64) {
    assert_eq!(client.execute(sql, &[]).await.expect(sql), changed, "{sql}");
}
