//! The store over sled 0.34.7, with the recipe that makes it durable on Linux. It refuses to know what a row means.
//!
//! sled's `flush()` is not durable by itself: it hands the bytes to the operating system and never syncs them. The
//! recipe is one `apply_batch`, then `flush()`, then our own `sync_data` on `<dir>/db`, and only then `Ok`. sled also
//! panics on damaged files and in error paths, so every call goes through `catch_unwind`, and the first error or
//! panic poisons the handle: a retry on it could acknowledge bytes that the operating system has already dropped.

mod open;
mod packed;
mod places;

use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::identity::Identity;
use crate::rows::{self, Head, Physical};
use crate::{
    Error, MAX_COMMIT_BYTES, MAX_COMMIT_OPS, MAX_VALUE_BYTES, Op, Options, Order, Stats, Store, beside, files,
};
use open::{
    COMMITS, await_release, caught, create, disk_bytes, lock, open_engine, recognise,
    remove_unfinished_snapshots, sync_everything,
};

/// Rows that are sorted together before they are put, so that neighbours meet in their pack.
const SORTED_ROWS: usize = 4096;
const SORTED_BYTES: usize = 1 << 20;

/// How much log may be written before it is synced, although nobody asked: see [`SEGMENT_BYTES`].
const UNSYNCED_LOG_BYTES: i64 = 512 << 10;

/// sled's unit of its log, raised from 512 KiB.
///
/// Every segment's header says up to where the log is stable, by which sled means written, not synced. Recovery believes
/// it and does not look for tears below. Once the log has entered a third segment since the last sync, a power cut may
/// leave that header and lose a part of the first segment, and the store opens empty or panics. A batch of 128 rows of
/// 2 KB writes up to 3.5 MB of log. So a segment is larger than what any batch writes, and what was written is synced
/// long before a second one is full.
const SEGMENT_BYTES: usize = 4 << 20;

/// The most rows in one commit's batch, with the surplus chunks of older values that it removes. Without it a few hundred
/// deletes of the largest values would be a batch of 75,000.
const PHYSICAL_ROWS_MAX: usize = 8 * MAX_COMMIT_OPS;

/// A store in one directory, over sled.
pub struct SledStore {
    dir: PathBuf,
    cache_bytes: u64,
    /// Taken out only when dropped.
    db: Option<sled::Db>,
    writer: Mutex<Writer>,
    commits: AtomicU64,
    poison: OnceLock<String>,
    /// Rows of a table that lies beside another may lie at their own place, as older versions put them.
    unmoved: AtomicBool,
    _lock: File,
}

struct Writer {
    /// Our own handle on `<dir>/db`, open for as long as sled's so that it learns of every failed write-back.
    data: File,
    identity: Identity,
    commits: u64,
    /// Where the log stood when it was last synced.
    synced_at: i64,
}

impl std::fmt::Debug for SledStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledStore").field("dir", &self.dir).field("poison", &self.poison.get()).finish()
    }
}

impl SledStore {
    /// Opens the store in `dir`, or creates it where there is nothing.
    ///
    /// # Errors
    /// [`Error::InUse`] while another handle has the directory; [`Error::OtherVersion`]; [`Error::Damaged`] where the
    /// engine cannot open its files, panics on them, or opens them without the commits that were acknowledged.
    pub fn open(dir: &Path, options: Options) -> Result<SledStore, Error> {
        files::create_dir_durably(dir)?;
        let lock = lock(dir)?;
        let identity = Identity::open(dir)?;
        let data_path = dir.join("db");
        if identity.is_some() && !data_path.exists() {
            return Err(Error::damaged(dir, "its file `db` is missing"));
        }
        remove_unfinished_snapshots(dir)?;
        let db = open_engine(dir, options.cache_bytes, SEGMENT_BYTES)?;
        let data = File::open(&data_path).map_err(Error::io("open", &data_path))?;
        sync_everything(dir)?;
        let (identity, commits) = match identity {
            Some(identity) => recognise(dir, &db, identity)?,
            None => create(dir, &db, &data)?,
        };
        let mut store = SledStore {
            dir: dir.to_path_buf(),
            cache_bytes: options.cache_bytes,
            db: Some(db),
            writer: Mutex::new(Writer { data, identity, commits, synced_at: 0 }),
            commits: AtomicU64::new(commits),
            poison: OnceLock::new(),
            unmoved: AtomicBool::new(false),
            _lock: lock,
        };
        *store.unmoved.get_mut() = store.has_unmoved()?;
        Ok(store)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic while it is held has poisoned the store itself, which every use checks.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_poison(&self) -> Result<(), Error> {
        match self.poison.get() {
            Some(cause) => Err(Error::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    fn poisoned_by(&self, error: Error) -> Error {
        let _ = self.poison.set(error.to_string()); // the first cause stays
        error
    }

    /// Calls the engine; an error or a panic of it poisons this handle.
    fn engine<T>(
        &self,
        doing: &'static str,
        call: impl FnOnce(&sled::Db) -> Result<T, sled::Error>,
    ) -> Result<T, Error> {
        self.check_poison()?;
        let Some(db) = &self.db else {
            return Err(Error::Poisoned { cause: "the store is closed".to_owned() });
        };
        caught(&self.dir, doing, || call(db)).map_err(|error| self.poisoned_by(error))
    }

    fn apply(&self, physical: Vec<Physical>) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        for (key, value) in physical {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.engine("apply a batch", |db| db.apply_batch(batch))
    }

    /// Applies with the next commit count, and returns once it is durable.
    fn apply_durably(&self, writer: &mut Writer, mut physical: Vec<Physical>) -> Result<(), Error> {
        let count = writer.commits + 1;
        physical.push((rows::meta_key(COMMITS), Some(count.to_be_bytes().to_vec())));
        self.apply(physical)?;
        let at = self.flush()?;
        self.sync_data(writer, at)?;
        writer.identity.acknowledge(count).map_err(|error| self.poisoned_by(error))?;
        writer.commits = count;
        self.commits.store(count, Ordering::Relaxed);
        Ok(())
    }

    /// Hands everything to the operating system and returns where the log stands.
    fn flush(&self) -> Result<i64, Error> {
        self.engine("flush", |db| {
            db.flush()?;
            Ok(db.context.pagecache.log.stable_offset())
        })
    }

    /// Waits for the disk.
    fn sync_data(&self, writer: &mut Writer, at: i64) -> Result<(), Error> {
        let synced = writer.data.sync_data().map_err(Error::io("sync", &self.dir.join("db")));
        synced.map_err(|error| self.poisoned_by(error))?;
        writer.synced_at = at;
        Ok(())
    }
}

impl SledStore {
    /// A row whose head is chunked. A writer may replace it between head and chunks; then it is read once more with
    /// writers kept out, and what does not fit together even then is damage.
    fn read_row(&self, key: &[u8], head: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if let Some(value) = self.join(key, head)? {
            return Ok(Some(value));
        }
        let _quiet = self.writer();
        let Some(head) = self.head(key)? else { return Ok(None) };
        match self.join(key, &head)? {
            Some(value) => Ok(Some(value)),
            None => {
                Err(Error::damaged(&self.dir, format!("the row of a {}-byte key is not whole", key.len())))
            }
        }
    }

    /// The value below a head; `None` where head and chunks do not fit together.
    fn join(&self, key: &[u8], head: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let (chunks, bytes, crc) = match rows::parse_head(head) {
            Some(Head::Inline(value)) => return Ok(Some(value.to_vec())),
            Some(Head::Chunked { chunks, bytes, crc }) => (chunks, bytes as usize, crc),
            None => return Ok(None),
        };
        let value = self.engine("read", |db| {
            let mut value = Vec::with_capacity(bytes.min(MAX_VALUE_BYTES));
            for item in db.range(rows::chunk_key(key, 0)..rows::chunk_key(key, chunks)) {
                value.extend_from_slice(&item?.1);
            }
            Ok(value)
        })?;
        Ok((value.len() == bytes && crc32c::crc32c(&value) == crc).then_some(value))
    }
}

impl Store for SledStore {
    fn commit(&self, ops: &[Op]) -> Result<(), Error> {
        let batch = last_of_each_key(ops)?;
        let (rows, bytes) = size_of(&batch);
        if rows > MAX_COMMIT_OPS {
            return Err(Error::TooManyRows { rows, max: MAX_COMMIT_OPS });
        }
        if bytes > MAX_COMMIT_BYTES {
            return Err(Error::TooManyBytes { bytes, max: MAX_COMMIT_BYTES });
        }
        let mut writer = self.writer();
        let changes = self.to_places(batch);
        let changes: Vec<_> = changes.iter().map(|(place, value)| (&**place, *value)).collect();
        let physical = self.plan(&changes)?;
        if physical.len() > PHYSICAL_ROWS_MAX {
            return Err(Error::TooManyRows { rows: physical.len(), max: PHYSICAL_ROWS_MAX });
        }
        self.apply_durably(&mut writer, physical)
    }

    fn put_unsynced(&self, ops: &mut dyn Iterator<Item = Op>) -> Result<(), Error> {
        let mut pending: Vec<Op> = Vec::new();
        let mut bytes = 0;
        for op in ops {
            let value = value_of(&op);
            rows::check(op.key(), value)?;
            bytes += op.key().len() + value.map_or(0, <[u8]>::len);
            pending.push(op);
            if pending.len() >= SORTED_ROWS || bytes >= SORTED_BYTES {
                self.put_pending(&pending)?;
                pending.clear();
                bytes = 0;
            }
        }
        if pending.is_empty() { self.check_poison() } else { self.put_pending(&pending) }
    }

    fn sync(&self) -> Result<(), Error> {
        let mut writer = self.writer();
        self.apply_durably(&mut writer, Vec::new())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        rows::check(key, None)?;
        match self.value_at(&beside::placed(key))? {
            None if self.may_be_unmoved(key) => match self.value_at(key)? {
                // It may have moved since the first look.
                None => self.value_at(&beside::placed(key)),
                found => Ok(found),
            },
            found => Ok(found),
        }
    }

    fn scan(
        &self,
        lower: &[u8],
        upper: &[u8],
        order: Order,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        if lower >= upper {
            self.check_poison()?;
            return Ok(Vec::new());
        }
        self.scan_places(lower, upper, order, limit)
    }

    fn stats(&self) -> Stats {
        Stats {
            disk_bytes: disk_bytes(&self.dir),
            cache_bytes: self.cache_bytes,
            rows: None,
            commits: self.commits.load(Ordering::Relaxed),
        }
    }

    fn is_poisoned(&self) -> bool {
        self.poison.get().is_some()
    }

    fn close(self: Box<Self>) -> Result<(), Error> {
        self.sync()
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        if self.is_poisoned() {
            // Dropping would write and wait for what can no longer become durable. Leaving it open leaks one handle
            // until the process stops, which is what has to happen next.
            std::mem::forget(db);
        } else {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(db)));
            await_release(&self.writer().data);
        }
    }
}

fn value_of(op: &Op) -> Option<&[u8]> {
    match op {
        Op::Put { value, .. } => Some(value),
        Op::Delete { .. } => None,
    }
}

/// Each key once, with what the last operation on it asks for. Sorted, so that neighbours share a page in the cache.
fn last_of_each_key(ops: &[Op]) -> Result<BTreeMap<&[u8], Option<&[u8]>>, Error> {
    let mut batch = BTreeMap::new();
    for op in ops {
        rows::check(op.key(), value_of(op))?;
        batch.insert(op.key(), value_of(op));
    }
    Ok(batch)
}

/// Physical rows, and bytes of keys and values.
fn size_of(batch: &BTreeMap<&[u8], Option<&[u8]>>) -> (usize, usize) {
    batch.iter().fold((0, 0), |(rows, bytes), (key, value)| {
        let value = value.unwrap_or_default();
        (rows + 1 + usize::from(rows::chunks_of(value)), bytes + key.len() + value.len())
    })
}

#[cfg(test)]
mod tests;
