//! A disk in memory that forgets what was not synced when its power is cut. Knows nothing of what is in its files.
//!
//! The model: file bytes become durable by `sync`, names by `sync_dir`. At a cut each 512-byte sector of each
//! unsynced write is kept or lost on its own, and of each directory's unsynced changes a random number of the
//! first ones is kept. A sector is never torn, as drives promise.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::inode::{FileChange, Inode, NameChange, put};
use super::{Chance, DirLock, Disk, DiskFile};

/// A disk in memory. Clones are handles of the same disk in the same life; a power cut begins the next life and
/// leaves all handles of the one before dead, as the processes are that held them.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    life: u64,
}

struct State {
    /// Bytes that files may take together.
    capacity: u64,
    /// Counts power cuts.
    life: u64,
    /// Changes left until the power goes.
    cut_in: Option<(u64, Chance)>,
    fail_next_sync: bool,
    next_inode: u64,
    inodes: HashMap<u64, Inode>,
    dirs: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    unsynced_names: HashMap<PathBuf, Vec<NameChange>>,
    locks: BTreeSet<PathBuf>,
}

impl SimDisk {
    /// A disk with room for `capacity` bytes of files.
    pub fn new(capacity: u64) -> Self {
        let state = State {
            capacity,
            life: 0,
            cut_in: None,
            fail_next_sync: false,
            next_inode: 1,
            inodes: HashMap::new(),
            dirs: BTreeSet::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: HashMap::new(),
            locks: BTreeSet::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), life: 0 }
    }

    /// Changes how many bytes files may take together; files that exist stay.
    pub fn set_capacity(&self, capacity: u64) {
        self.any_life().capacity = capacity;
    }

    /// Cuts the power: unsynced changes are lost or kept by chance. Answers the disk as the next life finds it.
    pub fn power_cut(&self, chance: &mut Chance) -> Self {
        self.any_life().cut(chance);
        self.revived()
    }

    /// Cuts the power by itself in place of the `nth` change from now on (1 is the next): a write, a sync, a name.
    pub fn cut_power_at(&self, nth: u64, chance: Chance) {
        self.any_life().cut_in = Some((nth, chance));
    }

    /// A handle of the disk's present life, after a cut.
    pub fn revived(&self) -> Self {
        Self { state: Arc::clone(&self.state), life: self.any_life().life }
    }

    /// Fails the next sync of a file the way Linux does: what was to be synced stays readable, and no later sync
    /// makes it durable unless it is written again.
    pub fn fail_next_sync(&self) {
        self.any_life().fail_next_sync = true;
    }

    fn any_life(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.any_life();
        if state.life == self.life { Ok(state) } else { Err(io::Error::other("the power was cut")) }
    }

    /// The state for changing something, unless the power goes right now.
    fn changing(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state()?;
        if let Some((left, _)) = &mut state.cut_in {
            *left = left.saturating_sub(1);
            if *left == 0
                && let Some((_, mut chance)) = state.cut_in.take()
            {
                state.cut(&mut chance);
                return Err(io::Error::other("the power was cut"));
            }
        }
        Ok(state)
    }

    fn handle(&self, inode: u64) -> Arc<dyn DiskFile> {
        Arc::new(SimFile { disk: self.clone(), inode })
    }
}

impl State {
    fn cut(&mut self, chance: &mut Chance) {
        // Now and then everything or nothing survives; mostly some of it does.
        let keep_percent = [0, 50, 50, 50, 90, 90, 100][chance.below(7) as usize];
        self.life += 1;
        self.cut_in = None;
        self.locks.clear();
        // In a fixed order, or the same seed would not give the same cut.
        let mut dirs: Vec<PathBuf> = self.unsynced_names.keys().cloned().collect();
        dirs.sort();
        for dir in dirs {
            let mut changes = self.unsynced_names.remove(&dir).unwrap_or_default();
            changes.truncate(chance.below(changes.len() as u64 + 1) as usize);
            for change in changes {
                change.apply(&mut self.durable_names);
            }
        }
        self.names = self.durable_names.clone();
        let linked: BTreeSet<u64> = self.names.values().copied().collect();
        self.inodes.retain(|inode, _| linked.contains(inode));
        for number in linked {
            if let Some(inode) = self.inodes.get_mut(&number) {
                inode.lose(chance, keep_percent);
            }
        }
    }

    fn change_name(&mut self, path: &Path, change: NameChange) {
        change.apply(&mut self.names);
        let dir = path.parent().unwrap_or(Path::new("")).to_path_buf();
        self.unsynced_names.entry(dir).or_default().push(change);
    }

    fn used(&self) -> u64 {
        self.names
            .values()
            .filter_map(|inode| self.inodes.get(inode))
            .map(|inode| inode.bytes.len() as u64)
            .sum()
    }
}

fn missing() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no such file on the simulated disk")
}

impl Disk for SimDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.state()?.dirs.insert(dir.to_path_buf());
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let state = self.state()?;
        let mut files = Vec::new();
        for (path, inode) in &state.names {
            if path.parent() == Some(dir)
                && let Some(name) = path.file_name().and_then(|name| name.to_str())
            {
                files.push((
                    name.to_owned(),
                    state.inodes.get(inode).map_or(0, |inode| inode.bytes.len() as u64),
                ));
            }
        }
        Ok(files)
    }

    fn create(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.changing()?;
        if state.names.contains_key(path) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the file exists"));
        }
        if state.used() + bytes > state.capacity {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the simulated disk is full"));
        }
        let number = state.next_inode;
        state.next_inode += 1;
        let inode = Inode {
            bytes: vec![0; bytes as usize],
            unsynced: vec![FileChange::Length(bytes as usize)],
            ..Inode::default()
        };
        state.inodes.insert(number, inode);
        state.change_name(path, NameChange::Link { path: path.to_path_buf(), inode: number });
        Ok(self.handle(number))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state()?;
        let inode = state.names.get(path).copied().ok_or_else(missing)?;
        Ok(self.handle(inode))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.changing()?;
        if !state.names.contains_key(from) {
            return Err(missing());
        }
        state.change_name(to, NameChange::Rename { from: from.to_path_buf(), to: to.to_path_buf() });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.changing()?;
        if !state.names.contains_key(path) {
            return Err(missing());
        }
        state.change_name(path, NameChange::Unlink { path: path.to_path_buf() });
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.changing()?;
        for change in state.unsynced_names.remove(dir).unwrap_or_default() {
            change.apply(&mut state.durable_names);
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<DirLock>> {
        let mut state = self.state()?;
        if !state.locks.insert(path.to_path_buf()) {
            return Ok(None);
        }
        Ok(Some(Box::new(SimLock { disk: self.clone(), path: path.to_path_buf() })))
    }
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        // The lock of an earlier life went with it.
        if let Ok(mut state) = self.disk.state() {
            state.locks.remove(&self.path);
        }
    }
}

struct SimFile {
    disk: SimDisk,
    inode: u64,
}

impl SimFile {
    fn with<T>(&self, act: impl FnOnce(&mut Inode) -> T) -> io::Result<T> {
        self.disk.state()?.inodes.get_mut(&self.inode).map(act).ok_or_else(missing)
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|inode| inode.bytes.len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|inode| {
            let from = (offset as usize).min(inode.bytes.len());
            let length = buf.len().min(inode.bytes.len() - from);
            buf[..length].copy_from_slice(&inode.bytes[from..from + length]);
            length
        })
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.changing()?;
        let inode = state.inodes.get_mut(&self.inode).ok_or_else(missing)?;
        put(&mut inode.bytes, offset as usize, data);
        inode.unsynced.push(FileChange::Write { offset: offset as usize, data: data.to_vec() });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.changing()?;
        let fails = std::mem::take(&mut state.fail_next_sync);
        let inode = state.inodes.get_mut(&self.inode).ok_or_else(missing)?;
        if fails {
            inode.unsynced.clear();
            return Err(io::Error::other("injected: failed sync"));
        }
        inode.sync();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::inode::SECTOR_BYTES;
    use super::*;

    #[test]
    fn a_cut_loses_unsynced_bytes_and_names_and_keeps_synced_ones() {
        for seed in 0..50 {
            let disk = SimDisk::new(1 << 20);
            let (dir, kept, lost) = (Path::new("d"), Path::new("d/kept"), Path::new("d/lost"));
            let file = disk.create(kept, 4096).unwrap();
            file.write_at(&[1; 4096], 0).unwrap();
            file.sync().unwrap();
            disk.sync_dir(dir).unwrap();
            file.write_at(&[2; 2048], 1024).unwrap();
            disk.create(lost, 0).unwrap();
            let disk = {
                let next = disk.power_cut(&mut Chance::new(seed));
                assert!(disk.list(dir).is_err(), "so is the disk");
                next
            };

            assert!(file.sync().is_err(), "a handle from before the cut is dead");
            let mut bytes = [0; 4096];
            assert_eq!(disk.open(kept).unwrap().read_at(&mut bytes, 0).unwrap(), 4096);
            for (number, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                assert!(sector.iter().all(|byte| *byte == sector[0]), "sector {number} is torn");
                assert!(sector[0] == 1 || (2..6).contains(&number), "synced sector {number} changed");
            }
        }
        let lost_names = (0..50).filter(|seed| {
            let disk = SimDisk::new(0);
            disk.create(Path::new("d/new"), 0).unwrap();
            disk.power_cut(&mut Chance::new(*seed)).list(Path::new("d")).unwrap().is_empty()
        });
        let count = lost_names.count();
        assert!(count > 0 && count < 50, "unsynced names must be lost sometimes, were {count} of 50");
    }
}
