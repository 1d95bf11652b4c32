//! A disk that fails on demand: the nth sync, a torn write, no room. Wraps any other disk.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{DirLock, Disk, DiskFile};

/// Passes everything to another disk, except for the faults it was told to produce.
pub struct FaultyDisk {
    inner: Arc<dyn Disk>,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    /// Syncs left until one fails; 0 when none shall.
    sync_in: AtomicU64,
    /// Writes left until one is torn; 0 when none shall.
    tear_in: AtomicU64,
    /// How many bytes of the torn write reach the disk.
    tear_keep: AtomicU64,
    full: AtomicBool,
    panic: AtomicBool,
}

impl FaultyDisk {
    pub fn new(inner: Arc<dyn Disk>) -> Self {
        Self { inner, faults: Arc::default() }
    }

    /// Fails the `nth` sync of a file from now on (1 is the next) with an I/O error. Later ones work again, as they
    /// do on Linux: which is exactly why nobody may retry.
    pub fn fail_sync(&self, nth: u64) {
        self.faults.sync_in.store(nth, Ordering::SeqCst);
    }

    /// Lets only the first `keep` bytes of the `nth` write from now on reach the disk, and fails it.
    pub fn tear_write(&self, nth: u64, keep: u64) {
        self.faults.tear_keep.store(keep, Ordering::SeqCst);
        self.faults.tear_in.store(nth, Ordering::SeqCst);
    }

    /// Panics in the next write: a bug in whoever writes.
    pub fn panic_in_next_write(&self) {
        self.faults.panic.store(true, Ordering::SeqCst);
    }

    /// While true, no file can be allocated.
    pub fn set_full(&self, full: bool) {
        self.faults.full.store(full, Ordering::SeqCst);
    }

    fn wrap(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { inner: file, faults: Arc::clone(&self.faults) })
    }
}

impl Disk for FaultyDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.create_dir(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        self.inner.list(dir)
    }

    fn create(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        if self.faults.full.load(Ordering::SeqCst) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "injected: no room"));
        }
        Ok(self.wrap(self.inner.create(path, bytes)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(self.inner.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<DirLock>> {
        self.inner.lock(path)
    }
}

struct FaultyFile {
    inner: Arc<dyn DiskFile>,
    faults: Arc<Faults>,
}

impl DiskFile for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buf, offset)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        assert!(!self.faults.panic.swap(false, Ordering::SeqCst), "injected: panic in a write");
        if counts_down_to_zero(&self.faults.tear_in) {
            let keep = (self.faults.tear_keep.load(Ordering::SeqCst) as usize).min(data.len());
            self.inner.write_at(&data[..keep], offset)?;
            return Err(io::Error::other("injected: torn write"));
        }
        self.inner.write_at(data, offset)
    }

    fn sync(&self) -> io::Result<()> {
        if counts_down_to_zero(&self.faults.sync_in) {
            return Err(io::Error::other("injected: failed sync"));
        }
        self.inner.sync()
    }
}

/// True exactly when the counter goes from 1 to 0.
fn counts_down_to_zero(counter: &AtomicU64) -> bool {
    let step = |left: u64| left.checked_sub(1);
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step) == Ok(1)
}
