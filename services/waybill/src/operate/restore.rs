//! `waybill restore`: a new data directory from a copy, and, where asked for, from what happened after it up to a point.

use super::journal::JournalArgs;
use crate::backup::{Later, Point, restore_until};
use crate::cluster::engine;
use crate::commands::say;
use crate::config::Config;
use anyhow::{bail, ensure};
use std::path::PathBuf;

/// What `restore` takes.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The copy that `waybill backup` made.
    copy: PathBuf,
    /// The data directory to make; must not exist or be empty.
    data_dir: PathBuf,
    /// Also restore what happened after the copy, and nothing after this point: a time such as 2026-01-05T12:00:00Z, or the
    /// token of a write such as orders/3@1234.
    #[arg(long, value_name = "POINT")]
    until: Option<Point>,
    /// Where it happened: the data directory that the copy was taken of, which nobody may serve.
    #[arg(long, value_name = "DIR", requires = "until")]
    from: Option<PathBuf>,
    #[command(flatten)]
    journal: JournalArgs,
    /// A TOML file with the settings of the shared journal; see `waybill config print`.
    #[arg(long, env = "WAYBILL_CONFIG")]
    config: Option<PathBuf>,
}

/// Makes the directory.
///
/// # Errors
/// A copy that is incomplete or damaged, a directory that is not empty; a point that copy and journal do not reach.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let data_dir = args.data_dir.clone();
    if let Some(point) = args.until {
        return until(args, point).await;
    }
    let manifest =
        tokio::task::spawn_blocking(move || crate::backup::restore(&args.copy, &args.data_dir)).await??;
    let (data_dir, rows) = (data_dir.display(), manifest.rows);
    say(format!("{data_dir}: {rows} rows restored; check it with `waybill audit --data-dir`"))
}

async fn until(args: Args, point: Point) -> anyhow::Result<()> {
    super::show_warnings()?;
    let mut config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default(),
    };
    args.journal.apply(&mut config.journal);
    let later = match (args.from, &config.journal.url) {
        // A journal that the environment or the configuration names is not meant then.
        (Some(from), _) => Later::Directory(from),
        (None, Some(_)) => {
            Later::Engine(engine::open(&config.journal, config.journal_options().max_frame_bytes).await?)
        }
        (None, None) => bail!("say where it happened: --from DIR, or --journal URL"),
    };
    ensure!(args.copy != args.data_dir, "the copy is not a place to restore to");
    let restored = restore_until(&args.copy, &args.data_dir, point, later).await?;
    let (data_dir, rows) = (args.data_dir.display(), restored.copy.rows);
    say(format!(
        "{data_dir}: {rows} rows restored and {} frames played in after them; {} partition(s) cut back to what was sent by \
         then; check it with `waybill audit --data-dir`",
        restored.frames, restored.cut_back
    ))
}
