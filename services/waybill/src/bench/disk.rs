//! How fast the disk under the data directory makes bytes durable: the floor under every acknowledged write, measured
//! in the same run and on the same directory as the figure it explains.

use anyhow::Context;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Appends 4 KiB and syncs its data, again and again, for `time`; answers syncs per second.
///
/// # Errors
/// The file cannot be made, written or synced.
pub(crate) fn fdatasync_per_s(dir: &Path, time: Duration) -> anyhow::Result<f64> {
    let path = dir.join("fdatasync-rate");
    let mut file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    let block = [0x5au8; 4096];
    let (began, mut syncs) = (Instant::now(), 0u32);
    while began.elapsed() < time {
        file.write_all(&block)?;
        file.sync_data()?;
        syncs += 1;
    }
    let rate = f64::from(syncs) / began.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(&path)?;
    Ok(rate)
}

/// Bytes of all files under `dir`.
///
/// # Errors
/// A directory that cannot be read.
pub(crate) fn bytes_under(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    for entry in entries {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_under(&entry.path())?,
            Ok(meta) => meta.len(),
            // A checkpoint's file may go while it is looked at.
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(bytes)
}

/// True when the directory lies in memory: syncing there costs nothing and a figure would say nothing.
pub(crate) fn is_in_memory(dir: &Path) -> bool {
    let Ok(dir) = dir.canonicalize() else { return false };
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mounts") else { return false };
    kind_of(&mounts, &dir).is_some_and(|kind| kind == "tmpfs" || kind == "ramfs")
}

/// The kind of file system of the deepest mount that holds `dir`; of two on one place the later one counts.
fn kind_of(mounts: &str, dir: &Path) -> Option<String> {
    let mut found: Option<(usize, String)> = None;
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(1);
        let (Some(place), Some(kind)) = (words.next(), words.next()) else { continue };
        let depth = Path::new(place).components().count();
        if dir.starts_with(place) && found.as_ref().is_none_or(|(deepest, _)| depth >= *deepest) {
            found = Some((depth, kind.to_owned()));
        }
    }
    found.map(|(_, kind)| kind)
}

/// Makes an empty, throw-away directory under `parent`, or under the system's temporary directory, or, where that lies in
/// memory, under the current one.
///
/// # Errors
/// No directory can be made there.
pub(crate) fn fresh_dir(parent: Option<&Path>) -> anyhow::Result<tempfile::TempDir> {
    let system = std::env::temp_dir();
    let parent = match parent {
        Some(parent) => parent.to_path_buf(),
        None if is_in_memory(&system) => std::env::current_dir()?,
        None => system,
    };
    std::fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let dir = tempfile::Builder::new().prefix("waybill-").tempdir_in(&parent);
    let dir = dir.with_context(|| format!("cannot make a directory in {}", parent.display()))?;
    // The directory's own entry must be there after a power cut of the machine, as a real data directory's is.
    File::open(&parent)?.sync_all()?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_decides_what_a_directory_lies_on() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/disk xfs rw 0 0\n";
        let kind = |path: &str| kind_of(mounts, Path::new(path)).unwrap();
        assert_eq!(
            [kind("/home/me"), kind("/tmp/a"), kind("/tmp/disk/b"), kind("/tmpfoo")],
            ["ext4", "tmpfs", "xfs", "ext4"]
        );
    }

    #[test]
    fn syncs_are_counted_and_the_probe_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        assert!(fdatasync_per_s(dir.path(), Duration::from_millis(20)).unwrap() > 0.0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/b"), [0; 10]).unwrap();
        std::fs::write(dir.path().join("c"), [0; 5]).unwrap();
        assert_eq!(bytes_under(dir.path()).unwrap(), 15);
    }
}
