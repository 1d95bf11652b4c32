//! `waybill migrate`: a data directory into a shared journal, and back, while nobody serves either.

use super::journal::JournalArgs;
use crate::bench::child::own_usage;
use crate::cluster::engine;
use crate::commands::say;
use crate::config::{Config, JournalConfig};
use crate::migrate::{Options, Progress, Report, clear_remains, to_directory, to_engine};
use anyhow::ensure;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use waybill_journal::cluster::Engine;
use waybill_replica::moving::Moved;
use waybill_service_kit::values::hex;

/// What `migrate` takes.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Carry a data directory into a shared journal that holds nothing.
    ToJournal {
        /// The data directory; it stays as it is.
        data_dir: PathBuf,
        /// The data directory of the process that will serve the decisions of the old one; it must have none.
        #[arg(long, value_name = "DIR")]
        decisions: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Carry a shared journal into a new data directory.
    ToDirectory {
        /// The data directory to make; must not exist or be empty.
        data_dir: PathBuf,
        /// The data directory of a process whose decisions shall come along.
        #[arg(long, value_name = "DIR")]
        decisions: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args, Debug)]
struct Common {
    #[command(flatten)]
    journal: JournalArgs,
    /// A TOML file with the settings of the shared journal; see `waybill config print`.
    #[arg(long, env = "WAYBILL_CONFIG")]
    config: Option<PathBuf>,
    /// Frames to carry per partition, in MiB, about: how far back streams may resume.
    #[arg(long, default_value_t = 16, value_name = "MIB")]
    keep_mib: u64,
    /// Remove first what a migration that was broken off has left at the target.
    #[arg(long)]
    begin_again: bool,
}

/// Migrates and says what arrived.
///
/// # Errors
/// See [`to_engine`] and [`to_directory`].
pub async fn run(args: Args) -> anyhow::Result<()> {
    super::show_warnings()?;
    let began = Instant::now();
    let bar = Bar::new();
    let (report, common_hint) = match args.what {
        What::ToJournal { data_dir, decisions, common } => {
            let (config, options) = common.settings(decisions)?;
            let engine = free_engine(&config, &options).await?;
            let report = to_engine(&data_dir, &engine, &options, &bar).await?;
            (
                report,
                "start the processes with `waybill serve --journal`; keep the old directory until you trust the new home",
            )
        }
        What::ToDirectory { data_dir, decisions, common } => {
            let (config, options) = common.settings(decisions)?;
            let engine = open(&config).await?;
            let report = to_directory(&engine, &data_dir, &options, &bar).await?;
            (
                report,
                "serve it with `waybill serve --data-dir`; the shared journal is as it was: do not serve both",
            )
        }
    };
    bar.0.finish_and_clear();
    say(summary(&report, began.elapsed().as_secs_f64()))?;
    say(common_hint)
}

impl Common {
    fn settings(self, decisions: Option<PathBuf>) -> anyhow::Result<(JournalConfig, Options)> {
        let mut config = match &self.config {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        self.journal.apply(&mut config.journal);
        ensure!(config.journal.url.is_some(), "name the shared journal: --journal URL");
        let options = Options {
            keep_bytes: self.keep_mib << 20,
            begin_again: self.begin_again,
            decisions: decisions.into_iter().collect(),
            request_ttl_ms: config.partition_limits().request_ttl_ms,
        };
        Ok((config.journal, options))
    }
}

async fn open(config: &JournalConfig) -> anyhow::Result<Arc<dyn Engine>> {
    engine::open(config, Config::default().journal_options().max_frame_bytes).await
}

/// The engine, without what a broken-off migration left where that was asked for.
async fn free_engine(config: &JournalConfig, options: &Options) -> anyhow::Result<Arc<dyn Engine>> {
    let engine = open(config).await?;
    if !options.begin_again || !clear_remains(&engine).await? {
        return Ok(engine);
    }
    close(engine).await?;
    open(config).await
}

/// An engine has threads of its own, which must not be waited for in a task.
async fn close(engine: Arc<dyn Engine>) -> anyhow::Result<()> {
    Ok(tokio::task::spawn_blocking(move || drop(engine)).await?)
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{msg:<12} {wide_bar} {pos}/{len} {elapsed}");
        Self(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, steps: u64) {
        self.0.set_message(what.to_owned());
        self.0.set_length(steps);
        self.0.set_position(0);
    }
    fn step(&self) {
        self.0.inc(1);
    }
    fn arrived(&self, moved: &Moved) {
        let line = line(moved);
        // A line that cannot be written is in the summary's count all the same.
        self.0.suspend(|| drop(say(line)));
    }
}

fn line(moved: &Moved) -> String {
    let (partition, at, rows) = (moved.partition.to_string(), moved.at.seq, moved.rows);
    format!(
        "{partition:<16} at {at:<10} {rows:>9} rows {:>12} bytes  state {} = {}",
        moved.bytes,
        &hex(&moved.sent)[..16],
        &hex(&moved.arrived)[..16]
    )
}

fn summary(report: &Report, seconds: f64) -> String {
    let bytes: u64 = report.partitions.iter().map(|moved| moved.bytes).sum();
    let (partitions, frames) = (report.partitions.len(), report.frames);
    // Where the system does not tell, nothing is said.
    let memory = own_usage().map_or_else(
        |_| String::new(),
        |used| format!(", with {} MB of memory at most", used.resident_peak_bytes >> 20),
    );
    format!(
        "{partitions} partitions, all states equal: {bytes} bytes of state, {} frames of {} bytes, {} keys, {} bytes of \
         decisions, in {seconds:.1} s{memory}",
        frames.frames, frames.bytes, report.keys, report.decisions
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_journal::Head;
    use waybill_types::{PartitionId, Service};

    #[test]
    fn both_hashes_are_shown() {
        let at = Head { seq: 7, hash: [1; 16], epoch: 2 };
        let partition = PartitionId::new(Service::Orders, 3);
        let moved = Moved { partition, at, rows: 5, bytes: 99, sent: [0xab; 32], arrived: [0xcd; 32] };
        let line = line(&moved);
        assert!(
            line.contains("orders/3") && line.contains("state abababababababab = cdcdcdcdcdcdcdcd"),
            "{line}"
        );
    }
}
