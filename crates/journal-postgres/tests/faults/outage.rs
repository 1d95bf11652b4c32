//! Servers that die, stop answering, are full or are not safe to use.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{LOG, append, body, damage, hasty, open, session, verified, written};
use waybill_journal::cluster::Leases;
use waybill_journal::{Error, Journal, LogId};
use waybill_journal_postgres::server::Postgres;
use waybill_journal_postgres::{Options, PostgresJournal};

/// Appends until told to stop, and says how far it got; every append must be answered in the end.
async fn keep_appending(
    journal: Arc<PostgresJournal>,
    log: LogId,
    stop: tokio::sync::watch::Receiver<bool>,
) -> u64 {
    let claim = journal.claim(log).await.expect("claim");
    let mut seq = claim.head.seq;
    while !*stop.borrow() {
        seq += 1;
        let appended = journal.append(log, claim.epoch, seq, body(seq)).await;
        assert_eq!(appended.unwrap_or_else(|error| panic!("log {log} at {seq}: {error}")).seq, seq);
    }
    seq
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_kills_of_the_server() {
    let mut postgres = Postgres::start().expect("a server");
    let options = Options { statement_timeout: Duration::from_secs(2), ..Options::new(postgres.url()) };
    let journal = Arc::new(open(options));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writers: Vec<_> = (0..4u16)
        .map(|log| tokio::spawn(keep_appending(Arc::clone(&journal), LogId(log), stopped.clone())))
        .collect();
    let mut seen = journal.watch(LogId(0));
    let mut waited = Vec::new();
    for _ in 0..3 {
        // Some frames further on, in the middle of the others.
        let next = *seen.borrow_and_update() + 40;
        seen.wait_for(|seq| *seq >= next).await.expect("the log moves");
        postgres.kill().expect("kill");
        let acknowledged = *seen.borrow();
        postgres.restart().expect("restart");
        let again = Instant::now();
        seen.wait_for(|seq| *seq > acknowledged + 1).await.expect("the log moves again");
        waited.push(again.elapsed());
    }
    stop.send_replace(true);
    println!("appends went on after {waited:?}, counted from when the server answered again");
    assert!(waited.iter().all(|waited| *waited < Duration::from_secs(5)), "{waited:?}");
    for (log, writer) in writers.into_iter().enumerate() {
        let last = writer.await.expect("writer");
        assert_eq!(verified(&journal, LogId(log as u16)).len() as u64, last, "log {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_answering_holds_nobody_up_for_long_and_doubles_nothing() {
    let postgres = Postgres::start().expect("a server");
    let journal = open(hasty(&postgres.url()));
    let (claim, _) = written(&journal, LOG, 10).await;
    let ttl = Duration::from_secs(600);
    journal.hold(&[LOG], "one", ttl).await.expect("hold");
    postgres.pause().expect("pause");
    let appended = journal.append(LOG, claim.epoch, 11, body(11));
    let asked = Instant::now();
    let silent = journal.hold(&[LOG], "one", ttl).await;
    assert!(matches!(silent, Err(Error::Engine { .. })), "{silent:?}");
    assert!(asked.elapsed() < Duration::from_secs(10), "a lease was asked for {:?}", asked.elapsed());
    let doubts = journal.doubts();
    postgres.resume().expect("resume");
    assert_eq!(appended.await.expect("append").seq, 11);
    assert!(doubts > 0, "the append had been tried before the server went on");
    assert_eq!(verified(&journal, LOG).len(), 11);
    assert_eq!(journal.hold(&[LOG], "one", ttl).await.expect("hold")[0].held_for(), Some(ttl));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_a_refusal_that_ends_when_there_is_room() {
    let postgres = Postgres::start().expect("a server");
    let journal = open(hasty(&postgres.url()));
    let (claim, _) = written(&journal, LOG, 5).await;
    let rows = session(&postgres).await;
    // What the server says when its disk is full, said by a trigger.
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$; \
        CREATE TRIGGER full_disk BEFORE INSERT ON frames FOR EACH ROW EXECUTE FUNCTION full_disk(); \
        CREATE TRIGGER full_disk BEFORE INSERT ON base_chunks FOR EACH ROW EXECUTE FUNCTION full_disk()";
    rows.batch_execute(full).await.expect("fill the disk");
    journal.ensure_room(LOG).expect("not known yet");
    let refused = append(&journal, &claim, 6).await;
    assert!(
        matches!(refused, Err(Error::Full { needed_bytes }) if needed_bytes == body(6).len() as u64),
        "{refused:?}"
    );
    assert!(matches!(journal.ensure_room(LOG), Err(Error::Full { .. })));
    assert!(matches!(journal.claim(LOG).await, Err(Error::Full { .. })));
    assert_eq!(verified(&journal, LOG).len(), 5, "no part of a frame was stored");
    let room = "DROP TRIGGER full_disk ON frames; DROP TRIGGER full_disk ON base_chunks";
    rows.batch_execute(room).await.expect("make room");
    let since = Instant::now();
    while journal.ensure_room(LOG).is_err() {
        assert!(since.elapsed() < Duration::from_secs(20), "room is never found");
        tokio::task::yield_now().await;
    }
    append(&journal, &claim, 6).await.expect("the same claim goes on");
    assert_eq!(verified(&journal, LOG).len(), 6);
    let left: i64 = rows.query_one("SELECT count(*) FROM base_chunks", &[]).await.expect("count").get(0);
    assert_eq!(left, 0, "looking for room leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_lose_data_is_refused() {
    let postgres = Postgres::start().expect("a server");
    drop(open(Options::new(postgres.url())));
    let rows = session(&postgres).await;
    let set = async |name: &str, value: &str| {
        rows.batch_execute(&format!("ALTER SYSTEM SET {name} = {value}")).await.expect("set");
        rows.batch_execute("SELECT pg_reload_conf()").await.expect("reload");
        let sql = format!("SELECT setting FROM pg_settings WHERE name = '{name}'");
        while rows.query_one(&sql, &[]).await.expect("look").get::<_, String>(0) != value {
            tokio::task::yield_now().await;
        }
    };
    for name in ["fsync", "full_page_writes", "synchronous_commit"] {
        set(name, "off").await;
        match PostgresJournal::open(Options::new(postgres.url())) {
            Err(Error::Options { what }) => assert!(what.contains(&format!("{name}=off")), "{what}"),
            Err(other) => panic!("{name}: {other}"),
            Ok(_) => panic!("{name}=off was accepted"),
        }
        let told_to = Options { allow_unsafe: true, ..Options::new(postgres.url()) };
        written(&open(told_to), LOG, 3).await;
        set(name, "on").await;
    }
    // A journal that is open finds out with its next connection.
    let journal = open(hasty(&postgres.url()));
    let (claim, frames) = written(&journal, LOG, 3).await;
    set("fsync", "off").await;
    let others =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'waybill'";
    rows.query_one(others, &[]).await.expect("end the journal's connections");
    let refused = append(&journal, &claim, frames.len() as u64 + 1).await;
    assert!(matches!(&refused, Err(Error::Engine { what }) if what.contains("fsync=off")), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_cluster_and_another_version_are_refused() {
    let postgres = Postgres::start().expect("a server");
    // All at once into an empty database: one makes the tables, all see the same.
    let opening: Vec<_> = (0..4)
        .map(|_| {
            let options = Options::new(postgres.url());
            tokio::task::spawn_blocking(move || open(options))
        })
        .collect();
    let mut clusters = Vec::new();
    for opened in opening {
        clusters.push(opened.await.expect("opened").cluster().to_owned());
    }
    assert!(clusters.iter().all(|name| *name == clusters[0] && name.len() == 32), "{clusters:?}");

    let journal = open(hasty(&postgres.url()));
    let (claim, frames) = written(&journal, LOG, 3).await;
    let rows = session(&postgres).await;
    damage(&rows, "UPDATE meta SET value = 'another' WHERE name = 'cluster'", 1).await;
    let others =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'waybill'";
    rows.query_one(others, &[]).await.expect("end the journal's connections");
    let refused = append(&journal, &claim, frames.len() as u64 + 1).await;
    assert!(matches!(&refused, Err(Error::Engine { what }) if what.contains("another")), "{refused:?}");

    damage(&rows, "UPDATE meta SET value = '2' WHERE name = 'version'", 1).await;
    let newer = PostgresJournal::open(Options::new(postgres.url())).err();
    assert!(matches!(newer, Some(Error::Version { found: 2, supported: 1 })), "{newer:?}");
    damage(&rows, "UPDATE meta SET value = 'what' WHERE name = 'version'", 1).await;
    let strange = PostgresJournal::open(Options::new(postgres.url())).err();
    assert!(matches!(strange, Some(Error::Options { .. })), "{strange:?}");
}

#[test]
fn a_database_that_is_not_there_is_said_so_in_time() {
    let patience = Duration::from_millis(300);
    let options = Options { patience, ..hasty("postgres://waybill@%2Fnowhere/postgres") };
    let asked = Instant::now();
    let refused = PostgresJournal::open(options).err();
    assert!(matches!(refused, Some(Error::Engine { .. })), "{refused:?}");
    assert!(asked.elapsed() < Duration::from_secs(5));
    let unreadable = PostgresJournal::open(Options::new("postgres://[")).err();
    assert!(matches!(unreadable, Some(Error::Options { .. })), "{unreadable:?}");
    // A promise that is not kept is refused, not dropped.
    let secured = "postgres://waybill@%2Fnowhere/postgres?sslmode=require";
    let secured = PostgresJournal::open(Options::new(secured)).err();
    assert!(matches!(&secured, Some(Error::Options { what }) if what.contains("TLS")), "{secured:?}");
}
