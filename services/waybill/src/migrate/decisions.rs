//! Decisions beside the journal: files that are copied as they are. They belong to the process that planned, and nothing
//! depends on them.

use crate::backup::{DECISIONS, copy_files};
use anyhow::{Context, ensure};
use std::path::Path;
use waybill_replica::DataDir;

/// Refuses a data directory that has decisions.
pub(super) fn free(to: &Path) -> anyhow::Result<()> {
    let to = to.join(DECISIONS);
    let has_some = to.is_dir() && std::fs::read_dir(&to)?.next().is_some();
    ensure!(!has_some, "{} has decisions already; they are not mixed with others", to.display());
    Ok(())
}

/// Copies the decisions of one data directory, where it has any, into another that has none; answers their bytes.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<u64> {
    let (decisions, journal) = (from.join(DECISIONS), DataDir::new(to).journal());
    if !decisions.is_dir() {
        return Ok(0);
    }
    free(to)?;
    // What has a journal is a data directory to whoever starts there.
    std::fs::create_dir_all(&journal).with_context(|| format!("cannot make {}", journal.display()))?;
    copy_files(&decisions, &to.join(DECISIONS))
}
