//! Decisions beside the journal: files that are copied as they are. They belong to the process that planned, and nothing
//! depends on them.

use anyhow::Context;
use std::fs::File;
use std::path::Path;
use waybill_replica::DataDir;

/// The decisions in a data directory.
const NAME: &str = "decisions";

/// Copies the decisions of one data directory, where it has any, into another that has none; answers their bytes.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<u64> {
    let (from, journal, to) = (from.join(NAME), DataDir::new(to).journal(), to.join(NAME));
    if !from.is_dir() {
        return Ok(0);
    }
    let has_some = to.is_dir() && std::fs::read_dir(&to)?.next().is_some();
    anyhow::ensure!(!has_some, "{} has decisions already; they are not mixed with others", to.display());
    // What has a journal is a data directory to whoever starts there.
    for path in [&to, &journal] {
        std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(&from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let target = to.join(entry.file_name());
            bytes += std::fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
            File::open(&target)?.sync_all()?;
        }
    }
    File::open(&to)?.sync_all()?;
    Ok(bytes)
}
