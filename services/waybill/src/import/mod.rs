//! `waybill import`: files of items, nodes, lanes, zones, calendars, rate cards, stock and finished orders, through the API. A wrong
//! row is told with its line and does not stop the others; the same file may be imported again at any time.

mod kinds;
mod report;
mod upload;

use crate::commands::{Connection, places, say, unless_closed};
use anyhow::{Context, ensure};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use kinds::{Calendars, Items, Lanes, Nodes, Orders, RateCards, Stock, Zones};
use report::Report;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};
use upload::Kind;
use waybill_client::Client;
use waybill_formats::{Format, read};

/// Import items, nodes, lanes, zones, calendars, rate cards, stock and finished orders from files.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    /// What the files hold.
    #[arg(value_enum)]
    what: What,
    /// CSV (.csv) or JSON lines (.jsonl, .ndjson), as described in docs/import-formats.md.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Why, kept with each write; at most 200 characters.
    #[arg(long, default_value = "import")]
    reason: String,
    /// Stock only: the name of the system that counted. Each source has its own sequence.
    #[arg(long, default_value = "import")]
    source: String,
    /// Stock only: the sequence of rows without one of their own. By default it rises with the time of the file's last
    /// change and with the line, so that a file counts once however often it is imported, and a newer one counts again.
    #[arg(long)]
    sequence: Option<u64>,
    /// How many faults to list per file.
    #[arg(long, default_value_t = 100)]
    faults: usize,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    Items,
    Calendars,
    Zones,
    RateCards,
    Nodes,
    Lanes,
    Stock,
    Orders,
}

/// Runs the import.
///
/// # Errors
/// No server, a file that cannot be read, or any row that was not taken: everything else was.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.connection.connect().await?;
    let mut refused = 0;
    let mut rows = 0;
    for path in &args.files {
        let report = import(&client, &args, path).await.with_context(|| path.display().to_string())?;
        refused += report.refused;
        rows += report.rows;
        // Nobody may be reading; the other files are to be imported all the same.
        unless_closed(say(format!("{}: {report}", path.display())))?;
    }
    ensure!(refused == 0, "{refused} of {rows} rows were not taken: mend them and import the file again");
    Ok(())
}

async fn import(client: &Client, args: &Args, path: &Path) -> anyhow::Result<Report> {
    let file = File::open(path).context("cannot be opened")?;
    let about = file.metadata().context("cannot be read")?;
    let bar = bar(about.len());
    let upload = Upload { client, args, path, file, bar };
    let reason = args.reason.clone();
    match args.what {
        What::Items => upload.run(Items { reason }).await,
        What::Calendars => upload.run(Calendars { reason }).await,
        What::Zones => upload.run(Zones { reason }).await,
        What::RateCards => upload.run(RateCards { reason }).await,
        What::Nodes => upload.run(Nodes { reason }).await,
        What::Lanes => upload.run(Lanes { reason }).await,
        What::Orders => upload.run(Orders { reason }).await,
        What::Stock => {
            let sequence = args.sequence.map_or(Sequence::after(&about), Sequence::Fixed);
            let named = Arc::default();
            let kind = Stock { named: Arc::clone(&named), reason, source: args.source.clone(), sequence };
            let report = upload.run(kind).await?;
            let named = std::mem::take(&mut *named.lock().unwrap_or_else(PoisonError::into_inner));
            places::warn(client, named).await;
            Ok(report)
        }
    }
}

/// One file on its way in.
struct Upload<'a> {
    client: &'a Client,
    args: &'a Args,
    path: &'a Path,
    file: File,
    bar: ProgressBar,
}

impl Upload<'_> {
    async fn run<K: Kind>(self, kind: K) -> anyhow::Result<Report> {
        let rows = read::<K::Record>(Format::of_path(self.path)?, self.bar.wrap_read(self.file))?;
        let report = Report::new(self.args.faults, self.bar.clone());
        let report = upload::upload(self.client, &kind, rows, report).await;
        self.bar.finish_and_clear();
        report
    }
}

/// Bytes of the file read so far, on standard error; hidden where that is no terminal.
fn bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}  {msg}  {eta} left");
    let bar = ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Where the sequences of counts come from whose source has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sequence {
    /// All rows have this one.
    Fixed(u64),
    /// Milliseconds of the file's last change in the upper bits; the line goes below.
    Rising(u64),
}

impl Sequence {
    /// Room for a million lines below one millisecond; 2^43 milliseconds above last until the year 2248.
    const LINE_BITS: u32 = 20;

    fn after(about: &Metadata) -> Self {
        let changed = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let since = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::Rising(u64::try_from(since.as_millis()).unwrap_or(0))
    }

    /// The sequence of the row at `line`. Later rows of one file replace earlier ones of the same stock.
    fn of(self, line: u64) -> u64 {
        match self {
            Self::Fixed(sequence) => sequence,
            Self::Rising(ms) => {
                let most = (1 << Self::LINE_BITS) - 1;
                (ms.min(u64::MAX >> (Self::LINE_BITS + 1)) << Self::LINE_BITS | line.min(most)).max(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_line_and_a_newer_file_count_later() {
        let (old, new) = (Sequence::Rising(1_772_460_022_000), Sequence::Rising(1_772_460_022_001));
        assert!(old.of(2) < old.of(3));
        assert!(old.of(1_000_000) < new.of(2));
        assert_eq!(old.of(9), old.of(9));
        assert!(new.of(u64::MAX) < 1 << 63);
        assert_eq!(Sequence::Rising(0).of(0), 1);
        assert_eq!(Sequence::Fixed(5).of(9), 5);
    }
}
