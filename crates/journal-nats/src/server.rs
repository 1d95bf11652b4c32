//! nats-servers of a test's own: on loopback ports, in a directory that goes with them. They can be killed, stopped and
//! started again, and are ended with the value; no other process is. Knows nothing of what is kept in them.

mod raw;

use std::fs::File;
use std::io::{Error, Result};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::options::{Access, Options, SyncCheck};

pub use raw::Raw;

const START_MOST: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(20);

/// What a test may want otherwise in the servers' configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sync_interval: always`.
    pub sync_always: bool,
    /// Bytes of the largest message.
    pub max_payload: u64,
    /// With JetStream or without.
    pub jetstream: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sync_always: true, max_payload: 8 << 20, jetstream: true }
    }
}

/// One server.
pub struct Server {
    /// Its name in the cluster.
    pub name: String,
    /// Where clients connect, on loopback.
    pub port: u16,
    cluster_port: u16,
    dir: PathBuf,
    process: Option<Child>,
}

/// One server, or several that are one cluster.
pub struct Servers {
    /// In the order of their numbers.
    pub servers: Vec<Server>,
    settings: Settings,
    program: PathBuf,
    dir: TempDir,
}

/// Where the program is; installed where it is missing.
fn program() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/nats-server");
    let found = Command::new(&script).output()?;
    if !found.status.success() {
        let errors = String::from_utf8_lossy(&found.stderr);
        return Err(Error::other(format!("no nats-server can be had: {errors}")));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&found.stdout).trim()))
}

/// Ports that are free now. All are held until the last is found, so that they differ.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

impl Servers {
    /// So many servers, with the settings that a journal needs. They listen, and may not have found together yet.
    ///
    /// # Errors
    /// nats-server cannot be had, or does not start.
    pub fn start(count: usize) -> Result<Self> {
        Self::start_with(count, Settings::default())
    }

    /// As [`Self::start`], with other settings.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(count: usize, settings: Settings) -> Result<Self> {
        Self::start_in(&std::env::temp_dir(), count, settings)
    }

    /// As [`Self::start_with`], in a directory of their own below `place`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_in(place: &Path, count: usize, settings: Settings) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("waybill-nats-").tempdir_in(place)?;
        let ports = free_ports(2 * count)?;
        let server = |at: usize| Server {
            name: format!("n{at}"),
            port: ports[2 * at],
            cluster_port: ports[2 * at + 1],
            dir: dir.path().join(format!("n{at}")),
            process: None,
        };
        let servers = (0..count).map(server).collect();
        let mut started = Self { servers, settings, program: program()?, dir };
        for at in 0..count {
            started.configure(at)?;
            started.start_one(at)?;
        }
        Ok(started)
    }

    /// Waits until the servers have found together: all keep data, and each knows who leads.
    ///
    /// # Errors
    /// They do not within 40 s.
    pub fn found_together(&self) -> Result<()> {
        let give_up = Instant::now() + START_MOST;
        let running: Vec<&Server> = self.servers.iter().filter(|server| server.is_running()).collect();
        loop {
            let led = running.iter().all(|server| {
                let asked = Raw::connect(server.port, "app").and_then(|mut raw| raw.ask("$JS.API.INFO", ""));
                asked.is_ok_and(|answer| answer.contains("\"limits\"") && !answer.contains("\"error\""))
            });
            let known = running.first().is_none_or(|server| {
                let asked = Raw::connect(server.port, "sys")
                    .and_then(|mut raw| raw.count("$SYS.REQ.SERVER.PING.JSZ", running.len()));
                asked.is_ok_and(|answers| answers == running.len())
            });
            if led && known {
                return Ok(());
            }
            if Instant::now() > give_up {
                let said: String = self.servers.iter().map(Server::log).collect();
                return Err(Error::other(format!("the servers do not find together:\n{said}")));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Writes every server's configuration anew; it counts from its next start.
    ///
    /// # Errors
    /// The system refused.
    pub fn configure_all(&mut self, settings: Settings) -> Result<()> {
        self.settings = settings;
        (0..self.servers.len()).try_for_each(|at| self.configure(at))
    }

    fn configure(&self, at: usize) -> Result<()> {
        let server = &self.servers[at];
        let Settings { sync_always, max_payload, jetstream } = self.settings;
        let sync = if sync_always { "sync_interval: always," } else { "" };
        let store = server.dir.join("data");
        // Only counted, not taken: room for many logs of the default size.
        let jetstream = if jetstream {
            format!(
                "jetstream {{ {sync} store_dir: {:?}, max_file_store: 256GB, max_memory_store: 16MB }}",
                store.display().to_string()
            )
        } else {
            String::new()
        };
        let routes: Vec<String> =
            self.servers.iter().map(|other| format!("nats://127.0.0.1:{}", other.cluster_port)).collect();
        let cluster = if self.servers.len() > 1 {
            let (port, routes) = (server.cluster_port, routes.join(", "));
            format!(
                "cluster {{ name: test, no_advertise: true, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}"
            )
        } else {
            String::new()
        };
        let text = format!(
            "server_name: {}\nlisten: \"127.0.0.1:{}\"\nmax_payload: {max_payload}\n{jetstream}\n{cluster}\n\
             accounts {{ APP: {{ jetstream: enabled, users: [{{ user: app, password: app }}] }}, \
             SYS: {{ users: [{{ user: sys, password: sys }}] }} }}\nsystem_account: SYS\n",
            server.name, server.port
        );
        std::fs::create_dir_all(&server.dir)?;
        std::fs::write(server.dir.join("conf"), text)
    }

    /// Starts a server that does not run, and waits until it listens.
    ///
    /// # Errors
    /// It ends, or does not listen for 40 s.
    pub fn start_one(&mut self, at: usize) -> Result<()> {
        let (server, program) = (&mut self.servers[at], &self.program);
        let log = File::options().create(true).append(true).open(server.dir.join("log"))?;
        let process = Command::new(program)
            .arg("-c")
            .arg(server.dir.join("conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        // Kept before it is waited for, so that it ends with this value whatever becomes of it.
        let process = server.process.insert(process);
        let give_up = Instant::now() + START_MOST;
        while TcpStream::connect(("127.0.0.1", server.port)).is_err() {
            if process.try_wait()?.is_some() || Instant::now() > give_up {
                return Err(Error::other(format!("nats-server does not start:\n{}", server.log())));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// kill -9, and waits until it is gone.
    ///
    /// # Errors
    /// It does not run, or the system refused.
    pub fn kill(&mut self, at: usize) -> Result<()> {
        let mut process = self.servers[at].process.take().ok_or_else(|| Error::other("it does not run"))?;
        process.kill()?;
        process.wait().map(|_| ())
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// As [`Self::kill`].
    pub fn end(&mut self, at: usize) -> Result<()> {
        self.signal(at, "-TERM")?;
        let mut process = self.servers[at].process.take().ok_or_else(|| Error::other("it does not run"))?;
        process.wait().map(|_| ())
    }

    /// Sends a signal such as `-STOP`.
    ///
    /// # Errors
    /// As [`Self::kill`].
    pub fn signal(&self, at: usize, signal: &str) -> Result<()> {
        let process = self.servers[at].process.as_ref().ok_or_else(|| Error::other("it does not run"))?;
        let sent = Command::new("kill").args([signal, &process.id().to_string()]).status()?;
        if sent.success() { Ok(()) } else { Err(Error::other(format!("{signal} was not sent: {sent}"))) }
    }

    /// Where a server keeps its streams.
    #[must_use]
    pub fn store(&self, at: usize) -> PathBuf {
        self.servers[at].dir.join("data")
    }

    /// The directory of all of them.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Each server as a URL, without a user.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(|server| format!("nats://127.0.0.1:{}", server.port)).collect()
    }

    /// All of them as one URL with the application's user, as `waybill serve --journal` takes it. The system account's user
    /// is `sys`, with the password `sys`.
    #[must_use]
    pub fn url(&self) -> String {
        let servers = self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port));
        format!("nats://app:app@{}", servers.collect::<Vec<_>>().join(","))
    }

    /// Options of a journal there: as many replicas as servers, and servers that are asked whether they sync.
    #[must_use]
    pub fn options(&self) -> Options {
        let user = |name: &str| Access::User { name: name.to_owned(), password: name.to_owned() };
        let mut options = Options::new(self.urls(), user("app"), SyncCheck::AskSystem(user("sys")));
        options.replicas = self.servers.len();
        options
    }

    /// The number of the server that leads a stream now, as one that runs says.
    ///
    /// # Errors
    /// It has no leader for 40 s.
    pub fn leader(&self, stream: &str) -> Result<usize> {
        let give_up = Instant::now() + START_MOST;
        loop {
            let mut info = String::new();
            for server in self.servers.iter().filter(|server| server.is_running()) {
                let asked = Raw::connect(server.port, "app")
                    .and_then(|mut raw| raw.ask(&format!("$JS.API.STREAM.INFO.{stream}"), ""));
                info = asked.unwrap_or_else(|error| error.to_string());
                let told: serde_json::Value = serde_json::from_str(&info).unwrap_or_default();
                let leader = told["cluster"]["leader"].as_str();
                let found = self.servers.iter().position(|one| Some(one.name.as_str()) == leader);
                if let Some(at) = found {
                    return Ok(at);
                }
            }
            if Instant::now() > give_up {
                return Err(Error::other(format!("{stream} has no leader: {info}")));
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Server {
    /// True between its start and its kill.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// The process id, where it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
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
