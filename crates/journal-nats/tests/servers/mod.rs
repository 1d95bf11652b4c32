//! Real nats-servers on loopback ports, in a directory that goes with them: begun, killed, stopped, damaged by tests. Ends
//! only processes that it started.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod ledger;
pub(crate) mod proxy;
mod raw;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use waybill_journal_nats::{Access, NatsJournal, Options, SyncCheck};

pub(crate) use raw::Raw;

pub(crate) const MAX_FRAME: u64 = 256 << 10;

/// What a test may want otherwise in the servers' configuration.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) sync_always: bool,
    pub(crate) max_payload: u64,
    pub(crate) jetstream: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sync_always: true, max_payload: 8 << 20, jetstream: true }
    }
}

pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) port: u16,
    cluster_port: u16,
    dir: PathBuf,
    process: Option<Child>,
}

pub(crate) struct Servers {
    pub(crate) servers: Vec<Server>,
    settings: Settings,
    program: PathBuf,
    dir: TempDir,
}

fn program() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/nats-server");
    let found = Command::new(&script).output().expect("scripts/nats-server runs");
    let errors = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "no nats-server can be had: {errors}");
    PathBuf::from(String::from_utf8(found.stdout).expect("a path").trim())
}

/// Ports that are free now. All are held until the last is found, so that they differ.
fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    listeners.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

impl Servers {
    pub(crate) fn start(count: usize) -> Self {
        Self::start_with(count, Settings::default())
    }

    pub(crate) fn start_with(count: usize, settings: Settings) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let ports = free_ports(2 * count);
        let server = |at: usize| Server {
            name: format!("n{at}"),
            port: ports[2 * at],
            cluster_port: ports[2 * at + 1],
            dir: dir.path().join(format!("n{at}")),
            process: None,
        };
        let servers = (0..count).map(server).collect();
        let mut started = Self { servers, settings, program: program(), dir };
        for at in 0..count {
            started.configure(at);
            started.start_one(at);
        }
        started
    }

    /// Writes a server's configuration anew; it counts from its next start.
    pub(crate) fn configure_all(&mut self, settings: Settings) {
        self.settings = settings;
        for at in 0..self.servers.len() {
            self.configure(at);
        }
    }

    fn configure(&self, at: usize) {
        let server = &self.servers[at];
        let Settings { sync_always, max_payload, jetstream } = self.settings;
        let sync = if sync_always { "sync_interval: always," } else { "" };
        let store = server.dir.join("data");
        let jetstream = if jetstream {
            format!(
                "jetstream {{ {sync} store_dir: {:?}, max_file_store: 8GB, max_memory_store: 16MB }}",
                store.display().to_string()
            )
        } else {
            String::new()
        };
        let routes: Vec<String> =
            self.servers.iter().map(|other| format!("nats://127.0.0.1:{}", other.cluster_port)).collect();
        let cluster = if self.servers.len() > 1 {
            let (port, routes) = (server.cluster_port, routes.join(", "));
            format!("cluster {{ name: test, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}")
        } else {
            String::new()
        };
        let text = format!(
            "server_name: {}\nlisten: \"127.0.0.1:{}\"\nmax_payload: {max_payload}\n{jetstream}\n{cluster}\n\
             accounts {{ APP: {{ jetstream: enabled, users: [{{ user: app, password: app }}] }}, \
             SYS: {{ users: [{{ user: sys, password: sys }}] }} }}\nsystem_account: SYS\n",
            server.name, server.port
        );
        std::fs::create_dir_all(&server.dir).expect("a directory");
        std::fs::write(server.dir.join("conf"), text).expect("a configuration");
    }

    /// Starts a server that does not run, and waits until it listens.
    pub(crate) fn start_one(&mut self, at: usize) {
        let (server, program) = (&mut self.servers[at], &self.program);
        let log = std::fs::File::options().create(true).append(true).open(server.dir.join("log"));
        let mut process = Command::new(program)
            .arg("-c")
            .arg(server.dir.join("conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("nats-server starts");
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", server.port)).is_err() {
            let ended = process.try_wait().expect("the process can be asked");
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(20), "{}", server.log());
            std::thread::yield_now();
        }
        server.process = Some(process);
    }

    /// kill -9, and waits until it is gone.
    pub(crate) fn kill(&mut self, at: usize) {
        let mut process = self.servers[at].process.take().expect("it runs");
        process.kill().expect("it is killed");
        process.wait().expect("it ends");
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(&mut self, at: usize) {
        self.signal(at, "-TERM");
        self.servers[at].process.take().expect("it runs").wait().expect("it ends");
    }

    pub(crate) fn signal(&self, at: usize, signal: &str) {
        let id = self.servers[at].process.as_ref().expect("it runs").id();
        let sent = Command::new("kill").args([signal, &id.to_string()]).status().expect("kill runs");
        assert!(sent.success(), "{signal} was not sent");
    }

    pub(crate) fn store(&self, at: usize) -> PathBuf {
        self.servers[at].dir.join("data")
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.servers.iter().map(|server| format!("nats://127.0.0.1:{}", server.port)).collect()
    }

    /// Small frames and logs, one replica per server, and nothing kept for streams that resume.
    pub(crate) fn options(&self) -> Options {
        let user = |name: &str| Access::User { name: name.to_owned(), password: name.to_owned() };
        let mut options = Options::new(self.urls(), user("app"), SyncCheck::AskSystem(user("sys")));
        options.replicas = self.servers.len();
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

    pub(crate) fn raw(&self, at: usize) -> Raw {
        Raw::connect(self.servers[at].port, "app")
    }

    /// The server that leads a stream now, asked of any other than those left out.
    pub(crate) fn leader(&self, stream: &str) -> usize {
        let began = Instant::now();
        loop {
            let running = self.servers.iter().position(|server| server.process.is_some()).expect("one runs");
            let info = self.raw(running).ask(&format!("$JS.API.STREAM.INFO.{stream}"), "");
            let info: serde_json::Value = serde_json::from_str(&info).unwrap_or_default();
            let leader = info["cluster"]["leader"].as_str();
            if let Some(at) = self.servers.iter().position(|server| Some(server.name.as_str()) == leader) {
                return at;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{stream} has no leader: {info}");
        }
    }
}

impl Server {
    pub(crate) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.servers {
            if let Some(mut process) = server.process.take() {
                // It may have ended by itself.
                let _ = process.kill();
                let _ = process.wait();
            }
        }
    }
}
