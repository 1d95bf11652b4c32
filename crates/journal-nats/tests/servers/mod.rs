//! The servers of these tests: those of the crate, where what cannot be done is a failed test.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod ledger;
pub(crate) mod proxy;

use std::ops::Deref;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use waybill_journal_nats::server;
use waybill_journal_nats::{NatsJournal, Options, SyncCheck};

pub(crate) use server::Settings;

pub(crate) const MAX_FRAME: u64 = 256 << 10;

pub(crate) struct Servers(server::Servers);

impl Deref for Servers {
    type Target = server::Servers;

    fn deref(&self) -> &server::Servers {
        &self.0
    }
}

pub(crate) struct Raw(server::Raw);

impl Raw {
    pub(crate) fn ask(&mut self, subject: &str, payload: &str) -> String {
        self.0.ask(subject, payload).expect("the server answers")
    }

    pub(crate) fn publish(&mut self, subject: &str, payload: &[u8]) -> Vec<u8> {
        self.0.publish(subject, payload).expect("the server answers")
    }
}

impl Servers {
    pub(crate) fn start(count: usize) -> Self {
        Self(server::Servers::start(count).expect("servers"))
    }

    pub(crate) fn configure_all(&mut self, settings: Settings) {
        self.0.configure_all(settings).expect("configurations");
    }

    pub(crate) fn start_one(&mut self, at: usize) {
        self.0.start_one(at).expect("it starts");
    }

    pub(crate) fn kill(&mut self, at: usize) {
        self.0.kill(at).expect("it is killed");
    }

    pub(crate) fn end(&mut self, at: usize) {
        self.0.end(at).expect("it ends");
    }

    pub(crate) fn signal(&self, at: usize, signal: &str) {
        self.0.signal(at, signal).expect("it hears");
    }

    pub(crate) fn store(&self, at: usize) -> PathBuf {
        self.0.store(at)
    }

    pub(crate) fn leader(&self, stream: &str) -> usize {
        self.0.leader(stream).expect("it is led")
    }

    pub(crate) fn raw(&self, at: usize) -> Raw {
        Raw(server::Raw::connect(self.servers[at].port, "app").expect("it listens"))
    }

    /// Small frames and logs, and nothing kept for streams that resume.
    pub(crate) fn options(&self) -> Options {
        let mut options = self.0.options();
        options.max_frame_bytes = MAX_FRAME;
        options.log_bytes = 64 << 20;
        options.keep_bytes = 0;
        options.patience = Duration::from_secs(30);
        options.control_patience = Duration::from_secs(30);
        options
    }

    /// Opens a journal once the servers have found together.
    pub(crate) fn open(&self) -> NatsJournal {
        let began = Instant::now();
        loop {
            // Who asks too early hears that too few servers sync, or that JetStream has no leader.
            match NatsJournal::open(self.options()) {
                Ok(journal) => return journal,
                Err(error) => {
                    assert!(began.elapsed() < Duration::from_secs(40), "{error}\n{}", self.servers[0].log());
                }
            }
        }
    }

    /// Another handle on servers that a first one has asked whether they sync: asking takes its time.
    pub(crate) fn another(&self) -> NatsJournal {
        let mut options = self.options();
        options.sync = SyncCheck::Vouched;
        NatsJournal::open(options).expect("open another handle")
    }
}
