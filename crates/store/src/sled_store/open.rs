//! Opening sled without being taken down or deceived by it: locks, leftovers, panics, and whether what it opened is what
//! was acknowledged. It refuses to know rows beyond the store's own two.

use std::any::Any;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::identity::{self, Identity};
use crate::{Error, files, rows};

/// The row with the store's id, which an empty store does not have.
const ID: &str = "id";
/// The row with the count of durable commits, put by each of them.
pub(super) const COMMITS: &str = "commits";

/// Runs a call into the engine; a panic becomes damage, an error of it an error of ours.
pub(super) fn caught<T>(
    dir: &Path,
    doing: &'static str,
    call: impl FnOnce() -> Result<T, sled::Error>,
) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) if !is_corruption(&source) => {
            Err(Error::Io { doing, path: dir.to_path_buf(), source })
        }
        Ok(Err(sled::Error::Unsupported(what))) => Err(Error::Engine { doing, what }),
        Ok(Err(error)) => Err(Error::damaged(dir, format!("the engine could not {doing}: {error}"))),
        Err(panic) => {
            Err(Error::damaged(dir, format!("the engine panicked trying to {doing}: {}", text_of(&*panic))))
        }
    }
}

/// The kinds sled gives to bytes it does not understand, rather than to a disk that does not answer.
fn is_corruption(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    error.raw_os_error().is_none()
        && matches!(error.kind(), InvalidData | InvalidInput | Other | UnexpectedEof)
}

/// The beginning of a panic's message; some of sled's print the whole tree.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "no message",
    };
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

/// Takes the directory for this handle. It is our own lock, held before any leftover is touched, since sled's comes
/// only with its open.
pub(super) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("LOCK");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: dir.to_path_buf() }),
        Err(TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
    }
}

/// Removes snapshots that a crash left half written; sled would take the newest for whole.
pub(super) fn remove_unfinished_snapshots(dir: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path()).map_err(Error::io("remove", &entry.path()))?;
        }
    }
    Ok(())
}

pub(super) fn open_engine(dir: &Path, cache_bytes: u64, segment_bytes: usize) -> Result<sled::Db, Error> {
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity(cache_bytes)
        .segment_size(segment_bytes)
        .flush_every_ms(Some(500));
    match caught(dir, "open its files", || config.open()) {
        Err(Error::Damaged { what, .. }) if what.contains("could not acquire lock") => {
            Err(Error::InUse { path: dir.to_path_buf() })
        }
        outcome => outcome,
    }
}

/// Waits until the engine has let go of its file. Tasks of its thread pool may hold it, and with it its lock, for a moment
/// after the last handle was dropped; who opens the directory at once would be refused.
pub(super) fn await_release(data: &File) {
    let patience = Instant::now() + Duration::from_secs(5);
    while let Err(TryLockError::WouldBlock) = data.try_lock() {
        if Instant::now() > patience {
            return; // the next open says that it is in use
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = data.unlock();
}

/// Syncs each file of the directory and the directory itself: sled syncs neither its configuration nor any name.
pub(super) fn sync_everything(dir: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let path = entry.map_err(Error::io("list", dir))?.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("sync", &path))?;
    }
    files::sync_dir(dir)
}

/// Compares what the engine opened with what was acknowledged, and returns the commit count.
pub(super) fn recognise(dir: &Path, db: &sled::Db, identity: Identity) -> Result<(Identity, u64), Error> {
    let Some((id, commits)) = own_rows(dir, db)? else {
        return Err(Error::damaged(dir, "it opened empty, without its identity row"));
    };
    if id != identity.id() {
        return Err(Error::damaged(
            dir,
            format!("its rows and its file {} are of two stores", identity::FILE_NAME),
        ));
    }
    let acknowledged = identity.acknowledged();
    if commits < acknowledged {
        let what = format!("it opened with commit {commits}, but commit {acknowledged} was acknowledged");
        return Err(Error::damaged(dir, what));
    }
    Ok((identity, commits))
}

/// Makes an empty engine a store. The row is durable before the file, so that a crash between them is not damage.
pub(super) fn create(dir: &Path, db: &sled::Db, data: &File) -> Result<(Identity, u64), Error> {
    let id = match own_rows(dir, db)? {
        Some((id, 0)) => id,
        None if caught(dir, "read", || db.first())?.is_none() => files::random()?,
        Some(_) | None => {
            return Err(Error::damaged(dir, format!("it has rows but no file {}", identity::FILE_NAME)));
        }
    };
    let mut batch = sled::Batch::default();
    batch.insert(rows::meta_key(ID), &id);
    batch.insert(rows::meta_key(COMMITS), &0_u64.to_be_bytes());
    caught(dir, "apply a batch", || db.apply_batch(batch))?;
    caught(dir, "flush", || db.flush())?;
    data.sync_data().map_err(Error::io("sync", dir))?;
    Ok((Identity::create(dir, id)?, 0))
}

fn own_rows(dir: &Path, db: &sled::Db) -> Result<Option<([u8; 16], u64)>, Error> {
    let id = caught(dir, "read", || db.get(rows::meta_key(ID)))?;
    let commits = caught(dir, "read", || db.get(rows::meta_key(COMMITS)))?;
    match (id, commits) {
        (None, None) => Ok(None),
        (Some(id), Some(commits)) => match (id.as_ref().try_into(), commits.as_ref().try_into()) {
            (Ok(id), Ok(commits)) => Ok(Some((id, u64::from_be_bytes(commits)))),
            _ => Err(Error::damaged(dir, "its own rows have a wrong length")),
        },
        _ => Err(Error::damaged(dir, "one of its own two rows is missing")),
    }
}

/// What the files below a directory take on disk, in bytes; what cannot be read counts as nothing.
pub(super) fn disk_bytes(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}
