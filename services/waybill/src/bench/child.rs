//! A server as a process of its own, so that its CPU and memory are told apart from those of the load generator.

use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How long a start may take, recovery included.
const START_MAX: Duration = Duration::from_secs(600);

/// `USER_HZ`: /proc counts processor time in hundredths of a second on every architecture this runs on.
const TICK_US: u64 = 10_000;

/// A running server process. It is killed when this is dropped.
pub(crate) struct ServerProcess {
    child: Child,
    /// Where it serves metrics, where it does.
    metrics: Option<SocketAddr>,
    /// The address it says it listens on, with `http://`.
    pub(crate) endpoint: String,
}

/// What a process has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Processor time in user and kernel mode, in microseconds.
    pub(crate) cpu_us: u64,
    /// Resident memory in bytes.
    pub(crate) resident_bytes: u64,
    /// The most resident memory there ever was, in bytes.
    pub(crate) resident_peak_bytes: u64,
}

impl ServerProcess {
    /// Starts this very binary with `args` and waits until it says where it listens. Its log goes to `log`.
    ///
    /// # Errors
    /// It cannot be started, ends early, or does not listen within ten minutes.
    pub(crate) async fn start(args: &[&str], log: &Path) -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("this binary does not know where it lies")?;
        let errors = std::fs::OpenOptions::new().create(true).append(true).open(log);
        let errors = errors.with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = Command::new(binary)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the server process")?;
        let output = child.stdout.take().context("the server process has no output")?;
        let listening = async {
            let mut lines = BufReader::new(output).lines();
            while let Some(line) = lines.next_line().await? {
                if let Some(address) = line.strip_prefix("listening on ") {
                    return Ok(format!("http://{address}"));
                }
            }
            let log = std::fs::read_to_string(log).unwrap_or_default();
            bail!("the server process ended before it listened:\n{log}")
        };
        let endpoint =
            tokio::time::timeout(START_MAX, listening).await.context("the server does not start")??;
        Ok(Self { child, metrics: None, endpoint })
    }

    /// Starts `waybill serve` on a data directory and a free port of loopback.
    ///
    /// # Errors
    /// See [`Self::start`].
    pub(crate) async fn serve(data_dir: &Path, log: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let data_dir = data_dir.to_str().context("the data directory's path is not UTF-8")?;
        let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--no-metrics", "--data-dir", data_dir];
        args.extend(more);
        Self::start(&args, log).await
    }

    /// As [`Self::serve`], and with metrics at another free port.
    ///
    /// # Errors
    /// See [`Self::start`].
    pub(crate) async fn serve_measured(data_dir: &Path, log: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let data_dir = data_dir.to_str().context("the data directory's path is not UTF-8")?;
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let metrics = free.to_string();
        let mut args =
            vec!["serve", "--listen", "127.0.0.1:0", "--metrics-listen", &metrics, "--data-dir", data_dir];
        args.extend(more);
        let started = Self::start(&args, log).await?;
        Ok(Self { metrics: Some(free), ..started })
    }

    /// Its metrics, in Prometheus' text form.
    ///
    /// # Errors
    /// It serves none, or does not answer.
    pub(crate) async fn metrics(&self) -> anyhow::Result<String> {
        let address = self.metrics.context("the server process serves no metrics")?;
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// What the process has used so far.
    ///
    /// # Errors
    /// It is gone, or /proc is not there.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let pid = self.child.id().context("the server process has ended")?;
        usage_of(&pid.to_string())
    }

    /// Ends it at once, as a power cut of the process would: no word, no last sync.
    ///
    /// # Errors
    /// It cannot be killed.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill the server process")
    }
}

/// What this process, which makes the load, has used so far.
///
/// # Errors
/// /proc is not there.
pub(crate) fn own_usage() -> anyhow::Result<Usage> {
    usage_of("self")
}

fn usage_of(process: &str) -> anyhow::Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{process}/{file}");
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    };
    usage(&read("stat")?, &read("status")?)
}

/// Reads `/proc/<pid>/stat` and `/proc/<pid>/status`.
fn usage(stat: &str, status: &str) -> anyhow::Result<Usage> {
    // The name in brackets may hold spaces and brackets; fields count from behind the last one.
    let (_, fields) = stat.rsplit_once(") ").context("/proc/<pid>/stat has another form")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |index: usize| -> anyhow::Result<u64> {
        Ok(fields.get(index).context("/proc/<pid>/stat is too short")?.parse()?)
    };
    let bytes = |name: &str| -> anyhow::Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next());
        Ok(kib.with_context(|| format!("/proc/<pid>/status has no {name}"))?.parse::<u64>()? * 1024)
    };
    // utime and stime are the 14th and 15th field; the state, third of all, is the first here.
    let cpu_us = (ticks(11)? + ticks(12)?) * TICK_US;
    Ok(Usage { cpu_us, resident_bytes: bytes("VmRSS:")?, resident_peak_bytes: bytes("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_read_even_when_the_name_has_brackets() {
        let stat = "42 (way) bill) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 100 200 300";
        let status = "Name:\tx\nVmHWM:\t    300 kB\nVmRSS:\t    200 kB\n";
        let expected =
            Usage { cpu_us: 3_000_000, resident_bytes: 200 * 1024, resident_peak_bytes: 300 * 1024 };
        assert_eq!(usage(stat, status).unwrap(), expected);
        assert!(usage("no", status).is_err() && usage(stat, "").is_err());
    }

    #[test]
    fn this_process_has_used_something() {
        let used = own_usage().unwrap();
        assert!(used.resident_bytes > 0 && used.resident_peak_bytes >= used.resident_bytes);
    }
}
