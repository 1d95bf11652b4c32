//! An engine as a process of its own, on port 0, that can be killed and started again on the same directory.

use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use waybill_proto::common::v1::admin_service_client::AdminServiceClient;
use waybill_proto::common::v1::{AuditRequest, GetStatusRequest, audit_response::Step};

/// The binary under test: `WAYBILL_BIN`, or the one built beside the running test.
///
/// # Errors
/// No such binary.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("WAYBILL_BIN") {
        return Ok(PathBuf::from(path));
    }
    // A test runs in target/<profile>/deps, a binary in target/<profile>.
    let here = std::env::current_exe()?;
    let found = here.ancestors().skip(1).take(2).map(|dir| dir.join("waybill")).find(|path| path.is_file());
    found.with_context(|| format!("no waybill binary near {}; build it or set WAYBILL_BIN", here.display()))
}

/// Runs the binary as a person would, until it ends.
///
/// # Errors
/// It cannot be started.
pub async fn run<I, S>(arguments: I) -> anyhow::Result<std::process::Output>
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    let mut command = Command::new(binary()?);
    for name in
        ["WAYBILL_CONFIG", "WAYBILL_DATA_DIR", "WAYBILL_LISTEN", "WAYBILL_ENDPOINT", "WAYBILL_JOURNAL"]
    {
        command.env_remove(name);
    }
    Ok(command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).output().await?)
}

/// A running engine; killed when dropped.
pub struct Engine {
    child: Child,
    /// Where it listens, as a URL.
    pub endpoint: String,
}

/// How an engine is started.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its data directory.
    pub data_dir: PathBuf,
    /// Where it listens; port 0 takes a free one.
    pub listen: String,
    /// Where it serves metrics; absent for nowhere.
    pub metrics_listen: Option<String>,
    /// More flags of `waybill serve`.
    pub flags: Vec<String>,
    /// The beginning of a command line that it runs behind, such as that of a network namespace.
    pub behind: Vec<String>,
}

impl Setting {
    /// A directory, and checkpoints often enough that kills meet them.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        let flags = ["--checkpoint-age-ms", "300"].map(str::to_owned).to_vec();
        Self {
            data_dir: data_dir.to_path_buf(),
            listen: "127.0.0.1:0".into(),
            metrics_listen: None,
            flags,
            behind: Vec::new(),
        }
    }
}

impl Engine {
    /// Starts the process; answers once it lets callers in.
    ///
    /// # Errors
    /// It ended instead; its log is in the message.
    pub async fn start(setting: &Setting) -> anyhow::Result<Self> {
        Self::spawn(setting)?.ready().await
    }

    /// Starts the process and does not wait: to be killed in recovery.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(setting: &Setting) -> anyhow::Result<Starting> {
        let log = setting.data_dir.with_extension("log");
        let log_file = std::fs::File::options().create(true).append(true).open(&log)?;
        let metrics = match &setting.metrics_listen {
            Some(address) => vec!["--metrics-listen", address],
            None => vec!["--no-metrics"],
        };
        let mut line =
            setting.behind.iter().map(std::ffi::OsString::from).chain([binary()?.into_os_string()]);
        let child = Command::new(line.next().context("a command line is never empty")?)
            .args(line)
            .arg("serve")
            .arg("--data-dir")
            .arg(&setting.data_dir)
            .args(["--listen", &setting.listen])
            .args(metrics)
            .args(&setting.flags)
            .env_remove("WAYBILL_CONFIG")
            .env_remove("WAYBILL_JOURNAL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .kill_on_drop(true)
            .spawn()?;
        let scheme =
            if setting.flags.iter().any(|flag| flag == "--tls-certificate") { "https" } else { "http" };
        Ok(Starting { child, log, scheme })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it has not ended by itself.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal, such as `-STOP`.
    ///
    /// # Errors
    /// It has ended, or the system refused.
    pub fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let pid = self.pid().context("the process has ended")?;
        let sent = std::process::Command::new("kill").args([signal, &pid.to_string()]).status()?;
        ensure!(sent.success(), "kill {signal} {pid}: {sent}");
        Ok(())
    }

    /// kill -9.
    ///
    /// # Errors
    /// The system refused.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// It does not end within 20 seconds.
    pub async fn ended(mut self) -> anyhow::Result<std::process::ExitStatus> {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.child.wait());
        Ok(ended.await.context("the engine does not end")??)
    }

    /// A channel to it.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn channel(&self) -> anyhow::Result<Channel> {
        connect(&self.endpoint).await
    }

    /// A channel to one that has certificates.
    ///
    /// # Errors
    /// It does not answer, or the two do not trust each other.
    pub async fn secured_channel(&self, tls: ClientTlsConfig) -> anyhow::Result<Channel> {
        let endpoint = Endpoint::from_shared(self.endpoint.clone())?.tls_config(tls)?;
        Ok(endpoint.timeout(Duration::from_secs(20)).connect().await?)
    }

    /// Waits until no message between partitions is under way.
    ///
    /// # Errors
    /// It does not settle within a minute, or does not answer.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let mut admin = AdminServiceClient::new(self.channel().await?);
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        let mut quiet = 0;
        for _ in 0..1_200 {
            pause.tick().await;
            let (moving, _) = outbox(&mut admin).await?;
            quiet = if moving == 0 { quiet + 1 } else { 0 };
            if quiet == 5 {
                return Ok(());
            }
        }
        bail!("messages are still under way after a minute")
    }

    /// How many messages are under way from here, and for how long the oldest of them, in milliseconds.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn outbox(&self) -> anyhow::Result<(u64, i64)> {
        outbox(&mut AdminServiceClient::new(self.channel().await?)).await
    }

    /// Audits; answers with the number of things checked.
    ///
    /// # Errors
    /// A law is broken.
    pub async fn audit(&self) -> anyhow::Result<u64> {
        let mut admin = AdminServiceClient::new(self.channel().await?);
        let mut stream = admin.audit(AuditRequest::default()).await?.into_inner();
        let mut checked = 0;
        while let Some(answer) = stream.message().await? {
            if let Some(Step::Report(report)) = answer.step {
                let (law, count) = (report.law, report.violation_count);
                ensure!(count == 0, "{law} is broken {count} time(s): {}", report.violations.join("; "));
                checked += report.checked_count;
            }
        }
        ensure!(checked > 0, "the audit checked nothing");
        Ok(checked)
    }
}

async fn outbox(admin: &mut AdminServiceClient<Channel>) -> anyhow::Result<(u64, i64)> {
    let partitions = admin.get_status(GetStatusRequest {}).await?.into_inner().partitions;
    let oldest = partitions.iter().map(|partition| partition.outbox_lag_ms).max().unwrap_or_default();
    Ok((partitions.iter().map(|partition| partition.outbox_depth).sum(), oldest))
}

/// A channel to an endpoint, without identity.
///
/// # Errors
/// Nobody answers.
pub async fn connect(endpoint: &str) -> anyhow::Result<Channel> {
    Ok(Endpoint::from_shared(endpoint.to_owned())?.timeout(Duration::from_secs(20)).connect().await?)
}

/// An engine on its way up.
pub struct Starting {
    child: Child,
    log: PathBuf,
    scheme: &'static str,
}

impl Starting {
    /// Waits until it lets callers in.
    ///
    /// # Errors
    /// It ended instead.
    pub async fn ready(mut self) -> anyhow::Result<Engine> {
        let stdout = self.child.stdout.take().context("standard output was piped")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(address) = line.strip_prefix("listening on ") {
                return Ok(Engine { endpoint: format!("{}://{address}", self.scheme), child: self.child });
            }
        }
        let status = self.child.wait().await?;
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(12).collect();
        bail!(
            "the engine ended with {status} before it listened: {}",
            tail.into_iter().rev().collect::<Vec<_>>().join("\n")
        )
    }

    /// kill -9 in the middle of recovery, if it got that far.
    ///
    /// # Errors
    /// The system refused.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}
