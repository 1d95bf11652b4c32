//! A standby takes the place of its primary: nothing is lost where commits waited for it, and where they did not, what was
//! lost is found out before any number is used twice.

use std::time::{Duration, Instant};

use tokio_postgres::Client;
use waybill_journal::{Error, Journal};
use waybill_journal_postgres::Options;
use waybill_journal_postgres::server::Postgres;

use crate::common::{LOG, append, hasty, open, session, verified, written};

/// Says that commits wait for the standby, once one is there.
async fn wait_for_standby(rows: &Client, names: &str) {
    rows.batch_execute(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"))
        .await
        .expect("set");
    rows.batch_execute("SELECT pg_reload_conf()").await.expect("reload");
    let sql = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = $1 AND state = 'streaming'";
    let state = if names.is_empty() { "async" } else { "sync" };
    let since = Instant::now();
    while rows.query_one(sql, &[&state]).await.expect("look").get::<_, i64>(0) == 0 {
        assert!(since.elapsed() < Duration::from_secs(30), "the standby does not follow");
        tokio::task::yield_now().await;
    }
}

async fn promote(standby: &Postgres) {
    session(standby).await.batch_execute("SELECT pg_promote()").await.expect("promote");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_goes_on_at_a_standby_that_commits_waited_for() {
    let mut primary = Postgres::start().expect("a server");
    let standby = primary.standby().expect("a standby");
    let journal = open(hasty(&primary.url_with(&standby)));
    wait_for_standby(&session(&primary).await, "*").await;
    let (claim, before) = written(&journal, LOG, 40).await;
    primary.kill().expect("kill");
    // Asked for while nobody takes writes: it waits.
    let appended = journal.append(LOG, claim.epoch, 41, crate::common::body(41));
    let promoted = Instant::now();
    promote(&standby).await;
    appended.await.expect("the same claim goes on");
    println!("an append went on {:?} after the standby was told to take over", promoted.elapsed());
    append(&journal, &claim, 42).await.expect("append");
    let after = verified(&journal, LOG);
    assert_eq!(after[..40], before[..], "what was acknowledged stands");
    assert_eq!(after.len(), 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_was_behind_is_found_out() {
    let mut primary = Postgres::start().expect("a server");
    let mut standby = primary.standby().expect("a standby");
    let journal = open(Options { patience: Duration::from_secs(30), ..hasty(&primary.url_with(&standby)) });
    let rows = session(&primary).await;
    wait_for_standby(&rows, "*").await;
    let (claim, _) = written(&journal, LOG, 20).await;
    // From here on nobody waits for it, and it does not follow.
    wait_for_standby(&rows, "").await;
    standby.kill().expect("kill");
    for seq in 21..=40 {
        append(&journal, &claim, seq).await.expect("append");
    }
    primary.kill().expect("kill");
    standby.restart().expect("restart");
    promote(&standby).await;
    let behind = |error: &Error| matches!(error, Error::LostTail { expected: 40, found: 20..40, .. });
    let refused = append(&journal, &claim, 41).await.expect_err("append after what was lost");
    assert!(behind(&refused), "{refused}");
    let refused = journal.claim(LOG).await.expect_err("claim what was lost");
    assert!(behind(&refused), "{refused}");
    // A process that starts now knows only what its checkpoint says.
    let told = Options { expected_heads: vec![(LOG, 40)], ..hasty(&standby.url()) };
    let refused = waybill_journal_postgres::PostgresJournal::open(told).err().expect("open what was lost");
    assert!(behind(&refused), "{refused}");
}
