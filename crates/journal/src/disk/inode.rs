//! What a simulated disk keeps of a file and of its names, and what of it outlives a power cut.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Chance;

pub(super) const SECTOR_BYTES: usize = 512;

#[derive(Default)]
pub(super) struct Inode {
    pub(super) bytes: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) unsynced: Vec<FileChange>,
}

pub(super) enum FileChange {
    Length(usize),
    Write { offset: usize, data: Vec<u8> },
}

pub(super) enum NameChange {
    Link { path: PathBuf, inode: u64 },
    Rename { from: PathBuf, to: PathBuf },
    Unlink { path: PathBuf },
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Self::Link { path, inode } => {
                names.insert(path.clone(), *inode);
            }
            Self::Rename { from, to } => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
            Self::Unlink { path } => {
                names.remove(path);
            }
        }
    }
}

impl Inode {
    pub(super) fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                FileChange::Length(length) => self.durable.resize(length, 0),
                FileChange::Write { offset, data } => put(&mut self.durable, offset, &data),
            }
        }
    }

    pub(super) fn lose(&mut self, chance: &mut Chance, keep_percent: u64) {
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                FileChange::Length(length) => {
                    if chance.below(100) < keep_percent {
                        self.durable.resize(length, 0);
                    }
                }
                FileChange::Write { offset, data } => {
                    let mut done = 0;
                    while done < data.len() {
                        let at = offset + done;
                        let end = (done + SECTOR_BYTES - at % SECTOR_BYTES).min(data.len());
                        if chance.below(100) < keep_percent {
                            put(&mut self.durable, at, &data[done..end]);
                        }
                        done = end;
                    }
                }
            }
        }
        self.bytes = self.durable.clone();
    }
}

/// Writes `data` at `offset`, growing the file with zeros where it must.
pub(super) fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(data);
}
