//! The PostgreSQL journal passes the suites of every engine, against a real server. What goes wrong between a process
//! and its database is tested beside.

use std::sync::Arc;

use waybill_journal::Journal;
use waybill_journal::cluster;
use waybill_journal::conformance::{self, Engine};
use waybill_journal::conformance_cluster;
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
