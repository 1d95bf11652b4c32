//! The suites that every engine passes, over one server and over three; and servers that must be refused.

mod servers;

use std::sync::Arc;

use servers::{MAX_FRAME, Servers, Settings};
use waybill_journal::cluster::Engine;
use waybill_journal::{Error, Journal, conformance};
use waybill_journal_nats::NatsJournal;

async fn pass_the_suites(count: usize) {
    let servers = Servers::start(count);
    drop(servers.open());
    let open = || -> Arc<dyn Journal> { Arc::new(servers.another()) };
    conformance::all(&conformance::Engine { open: &open, max_frame_bytes: MAX_FRAME as usize }).await;
    let open = || -> Arc<dyn Engine> { Arc::new(servers.another()) };
    waybill_journal::conformance_cluster::all(&open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_pass_the_suites() {
    pass_the_suites(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_passes_the_suites() {
    pass_the_suites(1).await;
}

fn refused(servers: &Servers) -> String {
    match NatsJournal::open(servers.options()) {
        Err(Error::Options { what }) => what,
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("the journal was opened all the same"),
    }
}

#[test]
fn servers_that_would_lose_frames_are_refused_with_the_setting_to_change() {
    let mut servers = Servers::start(1);
    drop(servers.open());
    let cases = [
        (Settings { sync_always: false, ..Settings::default() }, "sync_interval"),
        (Settings { max_payload: 1 << 20, ..Settings::default() }, "max_payload"),
        (Settings { jetstream: false, ..Settings::default() }, ""),
    ];
    for (settings, named) in cases {
        servers.configure_all(settings);
        servers.end(0);
        servers.start_one(0);
        let what = refused(&servers);
        assert!(what.contains(named), "{what}");
    }
    let mut options = servers.options();
    options.sync = waybill_journal_nats::SyncCheck::AskSystem(options.access.clone());
    let what =
        NatsJournal::open(options).err().expect("the account of the application is not asked").to_string();
    assert!(what.contains("system account"), "{what}");
}

#[test]
fn a_stream_with_other_settings_is_refused() {
    let servers = Servers::start(1);
    drop(servers.open());
    let mut raw = servers.raw(0);
    let made = raw.ask(
        "$JS.API.STREAM.CREATE.waybill-log-3",
        r#"{"name":"waybill-log-3","subjects":["waybill.log.3"],"storage":"memory","num_replicas":1}"#,
    );
    assert!(made.contains("\"created\""), "{made}");
    let what = refused(&servers);
    assert!(what.contains("waybill-log-3") && what.contains("storage"), "{what}");
}
