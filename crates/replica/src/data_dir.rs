//! Where things lie in a data directory, who has it, and whether it is whole. It knows no file's content but its own mark.

use crate::host::OpenError;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where things lie in a data directory.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// What fills a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    /// A migration; also what older versions marked without saying what it is.
    Migration,
    /// A restore.
    Restore,
}

/// A directory that is this process's alone for as long as this or a clone of it lives; the lock goes with the process.
#[derive(Clone, Debug)]
pub struct DirLock(#[expect(dead_code, reason = "held, not used")] Arc<File>);

/// The file that is locked. It says nothing, and what is in a directory does not count it.
const LOCK: &str = "LOCK";
/// How the mark of a directory that is being filled says by what, on its second line.
const BY_RESTORE: &str = "restore";

impl DataDir {
    /// The directory at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
    /// True when an engine has worked here.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.journal().is_dir()
    }
    pub(crate) fn holds_something_else(&self) -> bool {
        !self.exists() && !self.is_empty().unwrap_or(true)
    }
    /// The journal's segments.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }
    /// The rows.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }
    /// Checkpoints under way.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }
    /// The keys of personal data.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// Keeps every other process out.
    ///
    /// # Errors
    /// [`OpenError::InUse`]; the system refuses.
    pub fn lock(&self) -> Result<DirLock, OpenError> {
        let path = self.0.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| OpenError::Io { path: path.clone(), error })?;
        match file.try_lock() {
            Ok(()) => Ok(DirLock(Arc::new(file))),
            Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(self.0.clone())),
            Err(std::fs::TryLockError::Error(error)) => Err(OpenError::Io { path, error }),
        }
    }

    /// True where nothing is in it, or it is not there; the lock's file is nothing.
    ///
    /// # Errors
    /// The system refuses.
    pub fn is_empty(&self) -> std::io::Result<bool> {
        match std::fs::read_dir(&self.0) {
            Ok(entries) => {
                for entry in entries {
                    if entry?.file_name() != LOCK {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Removes all that is in it. Only who has its lock may.
    ///
    /// # Errors
    /// The system refuses.
    pub fn clear(&self, _of: &DirLock) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            // The mark goes last: a part of what is left must not be taken for the whole.
            if entry.file_name() == LOCK || entry.path() == self.arriving() {
                continue;
            }
            match entry.file_type()?.is_dir() {
                true => std::fs::remove_dir_all(entry.path())?,
                false => std::fs::remove_file(entry.path())?,
            }
        }
        match std::fs::remove_file(self.arriving()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => File::open(&self.0)?.sync_all(),
        }
    }

    /// There while the directory is being filled from elsewhere.
    fn arriving(&self) -> PathBuf {
        self.0.join("ARRIVING")
    }

    /// By what and from where the directory is being filled, or was when that was broken off. A mark that cannot be read is
    /// one.
    #[must_use]
    pub fn arriving_from(&self) -> Option<(Filling, String)> {
        match std::fs::read(self.arriving()) {
            Ok(mark) => {
                let mark = String::from_utf8_lossy(&mark).into_owned();
                Some(match mark.rsplit_once('\n') {
                    Some((from, BY_RESTORE)) => (Filling::Restore, from.to_owned()),
                    Some(_) | None => (Filling::Migration, mark),
                })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some((Filling::Migration, format!("somewhere ({error})"))),
        }
    }

    /// Marks the directory, which must be there, as one that is being filled, durably: nothing starts on a part of it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn begin_arrival(&self, by: Filling, from: &str) -> std::io::Result<()> {
        let mark = match by {
            Filling::Migration => from.to_owned(),
            Filling::Restore => format!("{from}\n{BY_RESTORE}"),
        };
        std::fs::write(self.arriving(), mark)?;
        File::open(self.arriving())?.sync_all()?;
        File::open(&self.0)?.sync_all()
    }

    /// Refuses a directory that is being filled.
    pub(crate) fn is_whole(&self) -> Result<(), OpenError> {
        match self.arriving_from() {
            Some((Filling::Migration, from)) => {
                Err(OpenError::Arriving { what: self.0.display().to_string(), from })
            }
            Some((Filling::Restore, from)) => Err(OpenError::Restoring { dir: self.0.clone(), from }),
            None => Ok(()),
        }
    }

    /// It is filled.
    ///
    /// # Errors
    /// The system refuses.
    pub fn end_arrival(&self) -> std::io::Result<()> {
        std::fs::remove_file(self.arriving())?;
        File::open(&self.0)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_by_what_a_directory_is_filled_and_an_old_one_is_of_a_migration() {
        let dir = tempfile::tempdir().unwrap();
        let dir = DataDir::new(dir.path());
        assert_eq!(dir.arriving_from(), None);
        dir.begin_arrival(Filling::Restore, "/a copy\nof yesterday").unwrap();
        assert_eq!(dir.arriving_from(), Some((Filling::Restore, "/a copy\nof yesterday".to_owned())));
        let refused = dir.is_whole().unwrap_err().to_string();
        assert!(refused.contains("broken off") && !refused.contains("--begin-again"), "{refused}");
        dir.begin_arrival(Filling::Migration, "a shared journal").unwrap();
        assert_eq!(dir.arriving_from(), Some((Filling::Migration, "a shared journal".to_owned())));
        assert!(dir.is_whole().unwrap_err().to_string().contains("--begin-again"));
        dir.end_arrival().unwrap();
        dir.is_whole().unwrap();
    }

    #[test]
    fn one_has_a_directory_and_what_is_cleared_keeps_its_lock() {
        let world = tempfile::tempdir().unwrap();
        let dir = DataDir::new(world.path());
        let lock = dir.lock().unwrap();
        assert!(matches!(dir.lock(), Err(OpenError::InUse(_))));
        assert!(dir.is_empty().unwrap(), "a lock alone is nothing");
        std::fs::create_dir_all(dir.journal()).unwrap();
        dir.begin_arrival(Filling::Migration, "there").unwrap();
        assert!(!dir.is_empty().unwrap());
        dir.clear(&lock).unwrap();
        assert!(dir.is_empty().unwrap() && dir.arriving_from().is_none());
        assert!(matches!(dir.lock(), Err(OpenError::InUse(_))), "it is still the same one's");
        drop(lock);
        dir.lock().unwrap();
        assert!(DataDir::new(world.path().join("none")).is_empty().unwrap());
    }
}
