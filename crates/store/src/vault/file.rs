//! The vault's file: a header, then slots of 64 bytes that are overwritten in place. It refuses to know what keys are
//! used for.
//!
//! ```text
//! 0             "WBVAULT\n" version:u32 id:16 digest secret:32 crc32c:u32
//! 512, 1024     blocks:u64 id:16 crc32c:u32         alternating, by the parity of the count
//! 4096 + 64 n   n:u64 key:32 state:u8 zero:19 crc32c:u32        state 1 live, 2 erased (key all zero)
//! ```
//! All integers are big-endian. A block is 256 slots. It is written and synced, then the count of blocks is written and
//! synced, and only then are its keys handed out; what lies behind the counted blocks was handed out to nobody and is
//! overwritten. A file shorter than its count has lost keys and does not open.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use super::KeyId;
use crate::{Error, error, files};

/// The vault's file in its directory.
pub const FILE_NAME: &str = "keys.wbv";
/// Keys made durable at a time.
pub(super) const BLOCK_SLOTS: u64 = 256;

const FORMAT_VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"WBVAULT\n";
const CRC_AT: usize = 60;
const HEADER_BYTES: usize = CRC_AT + 4;
const SECTOR: usize = 512;
const SLOTS_AT: u64 = 4096;
const SLOT_BYTES: usize = 64;
const LIVE: u8 = 1;
const ERASED: u8 = 2;

/// What a slot holds.
pub(super) enum SlotState {
    Live([u8; 32]),
    Erased,
}

pub(super) struct VaultFile {
    path: PathBuf,
    file: File,
    id: [u8; 16],
    digest_secret: [u8; 32],
    blocks: AtomicU64,
    appending: Mutex<()>,
    /// Erasing writes, reading reads: a slot read while it is overwritten could be half of each.
    slots: RwLock<()>,
}

impl std::fmt::Debug for VaultFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultFile").field("path", &self.path).field("blocks", &self.blocks).finish()
    }
}

impl VaultFile {
    /// Writes the file of an empty vault, durably, readable by its owner only.
    pub(super) fn create(dir: &Path) -> Result<(), Error> {
        Self::create_as(dir, files::random()?, files::random()?)
    }

    /// As [`VaultFile::create`], for a vault that was another's.
    pub(super) fn create_as(dir: &Path, id: [u8; 16], secret: [u8; 32]) -> Result<(), Error> {
        files::create_dir_durably(dir)?;
        if dir.join(FILE_NAME).exists() {
            return Err(damaged(&dir.join(FILE_NAME), "it is there already; another cannot take its place"));
        }
        let mut bytes = vec![0; SLOTS_AT as usize];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_be_bytes());
        bytes[12..28].copy_from_slice(&id);
        bytes[28..CRC_AT].copy_from_slice(&secret);
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_be_bytes());
        bytes[SECTOR..SECTOR + files::COUNTER_BYTES].copy_from_slice(&files::counter(0, &id));
        files::replace_durably(&dir.join(FILE_NAME), &bytes)
    }

    pub(super) fn open(dir: &Path) -> Result<VaultFile, Error> {
        let path = dir.join(FILE_NAME);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(damaged(&path, "it is missing"));
            }
            Err(error) => return Err(Error::io("open", &path)(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path)(source)),
        }
        let len = file.metadata().map_err(Error::io("read", &path))?.len();
        if len < SLOTS_AT {
            return Err(damaged(&path, "it is too short for its header"));
        }
        let mut header = vec![0; SLOTS_AT as usize];
        file.read_exact_at(&mut header, 0).map_err(Error::io("read", &path))?;
        let (id, digest_secret) = parse_header(&path, &header)?;
        let counters = [1, 2].map(|sector| files::parse_counter(&header[sector * SECTOR..], &id));
        let Some(blocks) = counters.into_iter().flatten().max() else {
            return Err(damaged(&path, "neither of its block counts is whole"));
        };
        if len < slot_at(blocks * BLOCK_SLOTS) {
            return Err(damaged(&path, format!("it is too short for {} keys", blocks * BLOCK_SLOTS)));
        }
        let blocks = AtomicU64::new(blocks);
        Ok(VaultFile {
            path,
            file,
            id,
            digest_secret,
            blocks,
            appending: Mutex::new(()),
            slots: RwLock::new(()),
        })
    }

    pub(super) fn id(&self) -> [u8; 16] {
        self.id
    }

    pub(super) fn digest_secret(&self) -> &[u8; 32] {
        &self.digest_secret
    }

    pub(super) fn slots(&self) -> u64 {
        self.blocks.load(Ordering::Acquire) * BLOCK_SLOTS
    }

    /// Makes one more block of keys durable and returns its first slot. After an error the same block is written anew,
    /// in full, so that a sync which failed once is never believed the second time.
    pub(super) fn append_block(&self) -> Result<u64, Error> {
        let fresh = (0..BLOCK_SLOTS).map(|_| files::random()).collect::<Result<Vec<[u8; 32]>, _>>()?;
        self.append_these(|place| fresh.get(place).copied())
    }

    /// As [`VaultFile::append_block`], with given keys by their place in the block; none is erased.
    pub(super) fn append_these(&self, key: impl Fn(usize) -> Option<[u8; 32]>) -> Result<u64, Error> {
        let _only = self.appending.lock().unwrap_or_else(PoisonError::into_inner);
        let blocks = self.blocks.load(Ordering::Acquire);
        let first = blocks * BLOCK_SLOTS;
        let mut bytes = Vec::with_capacity(BLOCK_SLOTS as usize * SLOT_BYTES);
        for number in first..first + BLOCK_SLOTS {
            let key = key((number - first) as usize);
            let state = if key.is_some() { LIVE } else { ERASED };
            bytes.extend_from_slice(&slot(number, state, &key.unwrap_or_default()));
        }
        self.write_synced(&bytes, slot_at(first))?;
        let count = blocks + 1;
        let sector = 1 + (count % 2) as usize;
        self.write_synced(&files::counter(count, &self.id), (sector * SECTOR) as u64)?;
        self.blocks.store(count, Ordering::Release);
        Ok(first)
    }

    pub(super) fn read(&self, key: KeyId) -> Result<SlotState, Error> {
        self.known(key)?;
        let mut bytes = [0; SLOT_BYTES];
        {
            let _reading = self.slots.read().unwrap_or_else(PoisonError::into_inner);
            self.file.read_exact_at(&mut bytes, slot_at(key.0)).map_err(Error::io("read", &self.path))?;
        }
        let mut secret = [0; 32];
        secret.copy_from_slice(&bytes[8..40]);
        let state = bytes[40];
        if bytes != slot(key.0, state, &secret) {
            return Err(damaged(&self.path, format!("the slot of key {} does not verify", key.0)));
        }
        match state {
            LIVE => Ok(SlotState::Live(secret)),
            ERASED => Ok(SlotState::Erased),
            _ => Err(damaged(&self.path, format!("the slot of key {} has an unknown state", key.0))),
        }
    }

    /// Overwrites the slot and waits for the disk. A damaged slot is erased too.
    pub(super) fn erase(&self, key: KeyId) -> Result<(), Error> {
        self.known(key)?;
        {
            let _writing = self.slots.write().unwrap_or_else(PoisonError::into_inner);
            self.file
                .write_all_at(&slot(key.0, ERASED, &[0; 32]), slot_at(key.0))
                .map_err(Error::io("write", &self.path))?;
        }
        self.file.sync_data().map_err(Error::io("sync", &self.path))
    }

    fn known(&self, key: KeyId) -> Result<(), Error> {
        let keys = self.slots();
        if key.0 < keys { Ok(()) } else { Err(Error::UnknownKey { id: key.0, keys }) }
    }

    fn write_synced(&self, bytes: &[u8], at: u64) -> Result<(), Error> {
        self.file
            .write_all_at(bytes, at)
            .and_then(|()| self.file.sync_data())
            .map_err(Error::io("write", &self.path))
    }
}

fn slot_at(number: u64) -> u64 {
    SLOTS_AT + number * SLOT_BYTES as u64
}

fn slot(number: u64, state: u8, key: &[u8; 32]) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..40].copy_from_slice(key);
    bytes[40] = state;
    let crc = crc32c::crc32c(&bytes[..CRC_AT]);
    bytes[CRC_AT..].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn parse_header(path: &Path, bytes: &[u8]) -> Result<([u8; 16], [u8; 32]), Error> {
    let crc = crc32c::crc32c(&bytes[..CRC_AT]).to_be_bytes();
    if &bytes[..8] != MAGIC || bytes[CRC_AT..HEADER_BYTES] != crc {
        return Err(damaged(path, "its header does not verify"));
    }
    let version = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    if version != FORMAT_VERSION {
        return Err(error::other_version(path, version, FORMAT_VERSION));
    }
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[12..28]);
    let mut secret = [0; 32];
    secret.copy_from_slice(&bytes[28..CRC_AT]);
    Ok((id, secret))
}

fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::Damaged {
        path: path.to_path_buf(),
        what: what.into(),
        way_out: "stop and restore it from a backup, then repeat the erasures made since; without it, what was sealed \
                  cannot be read",
    }
}
