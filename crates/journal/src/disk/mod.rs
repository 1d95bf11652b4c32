//! The file operations the journal uses, behind two small traits, so that tests can fail, tear and cut them.
//! Knows no frames and no segments.

mod chance;
mod faulty;
mod inode;
mod sim;
mod system;

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use chance::Chance;
pub use faulty::FaultyDisk;
pub use sim::SimDisk;
pub use system::SystemDisk;

/// Held for as long as a directory lock is; dropping it releases the lock.
pub type DirLock = Box<dyn Any + Send + Sync>;

/// A place with directories and files.
pub trait Disk: Send + Sync + 'static {
    /// Makes a directory and its parents, durably.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Names and lengths in bytes of the files (not directories) directly in `dir`, in no order.
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>>;

    /// Makes a file of `bytes` zeros whose room is taken on disk. Fails if the file exists, and with
    /// [`io::ErrorKind::StorageFull`], leaving no file, when there is no room.
    fn create(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn DiskFile>>;

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes creations, renames and removals in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the exclusive lock on `path`, made if missing; `None` if somebody else holds it.
    fn lock(&self, path: &Path) -> io::Result<Option<DirLock>>;
}

/// An open file, read and written at given offsets.
pub trait DiskFile: Send + Sync + 'static {
    /// Bytes in the file.
    fn len(&self) -> io::Result<u64>;

    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `buf` from `offset` as far as the file reaches; answers how many bytes were read.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `data` at `offset`.
    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()>;

    /// Makes everything written so far durable.
    fn sync(&self) -> io::Result<()>;
}

/// Flips one bit of a file: what a bad block does.
///
/// # Errors
/// When the file cannot be read or written, or ends before `offset`.
pub fn flip_bit(disk: &dyn Disk, path: &Path, offset: u64) -> io::Result<()> {
    let file = disk.open(path)?;
    let mut byte = [0u8];
    if file.read_at(&mut byte, offset)? != 1 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before the byte to flip"));
    }
    file.write_at(&[byte[0] ^ 0x10], offset)?;
    file.sync()
}
