//! A PostgreSQL server of a test's own: in a temporary directory, on a socket in it, as an unprivileged user. It can be
//! killed, paused and started again. Knows nothing of what is kept in it.

use std::fs::File;
use std::io::{Error, Result};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Whom the server runs as where the tests run as root, which PostgreSQL refuses to: nobody.
const NOBODY: u32 = 65534;
const START_MOST: Duration = Duration::from_secs(30);

/// A running server; killed, and its directory removed, when dropped.
pub struct Postgres {
    dir: TempDir,
    programs: PathBuf,
    settings: Vec<String>,
    port: u16,
    server: Option<Child>,
}

/// The port that a socket is named after where nobody says another.
const PORT: u16 = 5432;

impl Postgres {
    /// Makes a new server with PostgreSQL's own settings, which are safe. Installs PostgreSQL where it is missing and
    /// that is allowed.
    ///
    /// # Errors
    /// PostgreSQL cannot be had, or does not start: a test that needs it fails.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// As [`Self::start`], with settings such as `fsync=off`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(settings: &[&str]) -> Result<Self> {
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// As [`Self::start_with`], in a directory of its own below `place`, which must be open to every user.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_in(place: &Path, settings: &[&str]) -> Result<Self> {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut postgres =
            Self { dir: directory(place)?, programs: programs()?, settings, port: PORT, server: None };
        postgres.initialize()?;
        postgres.restart()?;
        Ok(postgres)
    }

    /// As [`Self::start`], listening on a port of 127.0.0.1 too; there it speaks TLS, to whom wants it, where it has a
    /// certificate and its key (PEM texts).
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_on_tcp(papers: Option<(&str, &str)>) -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = vec!["listen_addresses=127.0.0.1".to_owned(), format!("port={port}")];
        let mut postgres = Self {
            dir: directory(&std::env::temp_dir())?,
            programs: programs()?,
            settings,
            port,
            server: None,
        };
        postgres.initialize()?;
        if let Some((certificate, key)) = papers {
            for (setting, text) in [("ssl_cert_file", certificate), ("ssl_key_file", key)] {
                let path = postgres.dir.path().join(setting);
                std::fs::write(&path, text)?;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
                if root() {
                    std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY))?;
                }
                postgres.settings.push(format!("{setting}={}", path.display()));
            }
            postgres.settings.push("ssl=on".to_owned());
        }
        postgres.restart()?;
        Ok(postgres)
    }

    fn initialize(&self) -> Result<()> {
        let initdb =
            ["-U", "waybill", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"];
        self.fill("initdb", &initdb)
    }

    /// The port it has on 127.0.0.1 after [`Self::start_on_tcp`], and in its socket's name always.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Another server that follows this one, until it is promoted with `SELECT pg_promote()`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn standby(&self) -> Result<Self> {
        let settings = self.settings.clone();
        let (programs, port) = (self.programs.clone(), self.port);
        let mut standby =
            Self { dir: directory(&std::env::temp_dir())?, programs, settings, port, server: None };
        let from = self.dir.path().to_string_lossy();
        standby.fill(
            "pg_basebackup",
            &["-h", &from, "-U", "waybill", "-R", "-X", "stream", "-c", "fast", "--no-sync"],
        )?;
        standby.restart()?;
        Ok(standby)
    }

    /// Fills the data directory by one of PostgreSQL's programs.
    fn fill(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let filled = unprivileged(&self.programs.join(program))
            .arg("-D")
            .arg(self.dir.path().join("data"))
            .args(arguments)
            .current_dir(self.dir.path())
            .output()?;
        if !filled.status.success() {
            return Err(Error::other(format!("{program}: {}", String::from_utf8_lossy(&filled.stderr))));
        }
        Ok(())
    }

    /// As [`Self::url`], for whichever of the two takes writes.
    #[must_use]
    pub fn url_with(&self, other: &Self) -> String {
        let sockets = [self, other].map(|server| server.dir.path().to_string_lossy().replace('/', "%2F"));
        format!("postgres://waybill@{}/postgres", sockets.join(","))
    }

    /// Where the server is, as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        let socket = self.dir.path().to_string_lossy().replace('/', "%2F");
        format!("postgres://waybill@{socket}:{}/postgres", self.port)
    }

    /// The server's socket, for a proxy in front of it.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join(format!(".s.PGSQL.{}", self.port))
    }

    /// Starts the server again after [`Self::kill`].
    ///
    /// # Errors
    /// It ends, or does not answer for half a minute.
    pub fn restart(&mut self) -> Result<()> {
        let give_up = Instant::now() + START_MOST;
        self.spawn()?;
        while !self.answers()? {
            let ended = self.server.as_mut().and_then(|server| server.try_wait().transpose()).transpose()?;
            // Processes of the killed server may take a moment to be gone; until then the next one does not begin.
            let too_early = self
                .said()
                .trim_end()
                .rsplit("FATAL:")
                .next()
                .is_some_and(|last| last.contains("pre-existing"));
            if Instant::now() > give_up || (ended.is_some() && !too_early) {
                return Err(Error::other(format!("the server does not start:\n{}", self.said())));
            }
            std::thread::sleep(Duration::from_millis(20));
            if ended.is_some() {
                self.spawn()?;
            }
        }
        Ok(())
    }

    fn spawn(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = unprivileged(&self.programs.join("postgres"));
        command.arg("-D").arg(self.dir.path().join("data")).arg("-k").arg(self.dir.path());
        command.args(["-c", "listen_addresses=", "-c", "max_connections=60"]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).current_dir(self.dir.path());
        self.server = Some(command.spawn()?);
        Ok(())
    }

    /// kill -9 of the server and of every process of it.
    ///
    /// # Errors
    /// The system refused.
    pub fn kill(&mut self) -> Result<()> {
        // The backends first: without their parent they would be nobody's, and the next server waits for them to end.
        self.signal("-KILL")?;
        if let Some(mut server) = self.server.take() {
            server.kill()?;
            server.wait()?;
        }
        Ok(())
    }

    /// SIGSTOP to every process of the server: it takes connections, as the system does that, and answers nothing.
    ///
    /// # Errors
    /// The system refused.
    pub fn pause(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Goes on after [`Self::pause`].
    ///
    /// # Errors
    /// The system refused.
    pub fn resume(&self) -> Result<()> {
        self.signal("-CONT")
    }

    /// What the server logged.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn answers(&self) -> Result<bool> {
        let (ready, port) = (self.programs.join("pg_isready"), self.port.to_string());
        let asked = Command::new(ready)
            .arg("-q")
            .arg("-h")
            .arg(self.dir.path())
            .args(["-t", "5", "-p", &port])
            .status()?;
        Ok(asked.success())
    }

    /// To the server, so that it starts no more processes, then to those it has.
    fn signal(&self, signal: &str) -> Result<()> {
        let Some(server) = &self.server else {
            return Ok(());
        };
        let first = if signal == "-KILL" { "-STOP" } else { signal };
        send(first, &[server.id()])?;
        let children = children(server.id())?;
        if children.is_empty() { Ok(()) } else { send(signal, &children) }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("a test's PostgreSQL could not be ended: {error}");
        }
    }
}

/// Where a server lives: its files, its socket and its log.
fn directory(place: &Path) -> Result<TempDir> {
    let dir = tempfile::Builder::new().prefix("waybill-pg-").tempdir_in(place)?;
    if root() {
        std::os::unix::fs::chown(dir.path(), Some(NOBODY), Some(NOBODY))?;
    }
    Ok(dir)
}

fn root() -> bool {
    rustix::process::geteuid().is_root()
}

fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Processes that ended meanwhile are none to signal.
fn send(signal: &str, pids: &[u32]) -> Result<()> {
    let pids = pids.iter().map(ToString::to_string);
    Command::new("kill").arg(signal).args(pids).stderr(Stdio::null()).status()?;
    Ok(())
}

fn children(parent: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // After the program's name in brackets: state, then the parent.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parents = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        if parents == Some(parent.to_string().as_str()) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Where PostgreSQL's programs are.
fn programs() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/postgres");
    let found = Command::new(&script).stderr(Stdio::piped()).output()?;
    if !found.status.success() {
        return Err(Error::other(String::from_utf8_lossy(&found.stderr).into_owned()));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&found.stdout).trim()))
}
