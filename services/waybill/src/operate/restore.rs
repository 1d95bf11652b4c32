//! `waybill restore`: a new data directory from a copy.

use crate::commands::say;
use std::path::PathBuf;

/// What `restore` takes.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The copy that `waybill backup` made.
    copy: PathBuf,
    /// The data directory to make; must not exist or be empty.
    data_dir: PathBuf,
}

/// Makes the directory.
///
/// # Errors
/// A copy that is incomplete or damaged, a directory that is not empty.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let data_dir = args.data_dir.clone();
    let manifest =
        tokio::task::spawn_blocking(move || crate::backup::restore(&args.copy, &args.data_dir)).await??;
    let (data_dir, rows) = (data_dir.display(), manifest.rows);
    say(format!("{data_dir}: {rows} rows restored; check it with `waybill audit --data-dir`"))
}
