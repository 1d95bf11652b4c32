//! The file `STORE` beside the engine's files: who this store is and how many commits it has acknowledged. It refuses
//! to know the rows.
//!
//! sled can open a damaged directory without an error and empty, or without its last batches. Both are found by
//! comparing its own rows with this file: a missing identity row means empty, a lower commit count means short.
//!
//! ```text
//! 0     "WBSTORE\n" version:u32 id:16 crc32c:u32
//! 512   count:u64 id:16 crc32c:u32         even counts
//! 1024  count:u64 id:16 crc32c:u32         odd counts
//! ```
//! The count is written in place, alternating between two sectors, so that a torn write leaves the one before it. A
//! lower count than the true one is harmless, so the last acknowledged count is what it holds or one less.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::files;
use crate::{Error, error};

pub(crate) const FILE_NAME: &str = "STORE";
/// Version 3 puts rows beside others, where version 2 would not look for them.
const FORMAT_VERSION: u32 = 3;
/// Stores of this version are read as they are, and are of the newer one from then on.
const UPGRADED_VERSION: u32 = 2;
const MAGIC: &[u8; 8] = b"WBSTORE\n";
const HEADER_BYTES: usize = 32;
const SECTOR: usize = 512;
const FILE_BYTES: usize = 4096;

/// An open `STORE` file.
#[derive(Debug)]
pub(crate) struct Identity {
    path: PathBuf,
    file: File,
    id: [u8; 16],
    acknowledged: u64,
}

impl Identity {
    /// Reads the file; `None` where there is none.
    pub(crate) fn open(dir: &Path) -> Result<Option<Identity>, Error> {
        let path = dir.join(FILE_NAME);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &path)(error)),
        };
        let mut bytes = vec![0; FILE_BYTES];
        if let Err(error) = file.read_exact_at(&mut bytes, 0) {
            return match error.kind() {
                std::io::ErrorKind::UnexpectedEof => Err(Error::damaged(&path, "it is too short")),
                _ => Err(Error::io("read", &path)(error)),
            };
        }
        let (id, version) = parse_header(&path, &bytes)?;
        if version == UPGRADED_VERSION {
            file.write_all_at(&header(id), 0)
                .and_then(|()| file.sync_data())
                .map_err(Error::io("write", &path))?;
        }
        let counts = [1, 2].map(|sector| files::parse_counter(&bytes[sector * SECTOR..], &id));
        let Some(acknowledged) = counts.into_iter().flatten().max() else {
            return Err(Error::damaged(&path, "neither of its commit counts is whole"));
        };
        Ok(Some(Identity { path, file, id, acknowledged }))
    }

    /// Writes the file of a new store, durably.
    pub(crate) fn create(dir: &Path, id: [u8; 16]) -> Result<Identity, Error> {
        let path = dir.join(FILE_NAME);
        let mut bytes = vec![0; FILE_BYTES];
        bytes[..HEADER_BYTES].copy_from_slice(&header(id));
        bytes[SECTOR..SECTOR + files::COUNTER_BYTES].copy_from_slice(&files::counter(0, &id));
        files::replace_durably(&path, &bytes)?;
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io("open", &path))?;
        Ok(Identity { path, file, id, acknowledged: 0 })
    }

    pub(crate) fn id(&self) -> [u8; 16] {
        self.id
    }

    /// The commits that were acknowledged at least.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Records, durably, that the engine has made commit `count` durable.
    pub(crate) fn acknowledge(&mut self, count: u64) -> Result<(), Error> {
        let sector = 1 + (count % 2) as usize;
        self.file
            .write_all_at(&files::counter(count, &self.id), (sector * SECTOR) as u64)
            .and_then(|()| self.file.sync_data())
            .map_err(Error::io("write", &self.path))?;
        self.acknowledged = count;
        Ok(())
    }
}

fn header(id: [u8; 16]) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_be_bytes());
    bytes[12..28].copy_from_slice(&id);
    let crc = crc32c::crc32c(&bytes[..28]);
    bytes[28..].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// The store's id and the version that wrote it.
fn parse_header(path: &Path, bytes: &[u8]) -> Result<([u8; 16], u32), Error> {
    if &bytes[..8] != MAGIC {
        return Err(Error::damaged(path, "it does not begin like a store's identity"));
    }
    let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    if word(28) != crc32c::crc32c(&bytes[..28]) {
        return Err(Error::damaged(path, "its header's checksum is wrong"));
    }
    if ![FORMAT_VERSION, UPGRADED_VERSION].contains(&word(8)) {
        return Err(error::other_version(path, word(8), FORMAT_VERSION));
    }
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[12..28]);
    Ok((id, word(8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_survives_reopen_and_a_torn_write_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut identity = Identity::create(dir.path(), [9; 16]).unwrap();
        for count in 1..=7 {
            identity.acknowledge(count).unwrap();
        }
        drop(identity);
        assert_eq!(Identity::open(dir.path()).unwrap().unwrap().acknowledged(), 7);

        let path = dir.path().join(FILE_NAME);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[2 * SECTOR + 3] ^= 1; // 7 is odd
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Identity::open(dir.path()).unwrap().unwrap().acknowledged(), 6);
    }

    #[test]
    fn every_flipped_header_bit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(Identity::create(dir.path(), [9; 16]).unwrap());
        let path = dir.path().join(FILE_NAME);
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bytes).unwrap();
            assert!(matches!(Identity::open(dir.path()), Err(Error::Damaged { .. })), "bit {bit}");
        }
    }

    /// Gives the store another version.
    fn set_version(path: &Path, version: u32) {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[8..12].copy_from_slice(&version.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[..28]).to_be_bytes();
        bytes[28..32].copy_from_slice(&crc);
        std::fs::write(path, &bytes).unwrap();
    }

    #[test]
    fn a_newer_format_is_refused_by_version() {
        let dir = tempfile::tempdir().unwrap();
        drop(Identity::create(dir.path(), [9; 16]).unwrap());
        for version in [FORMAT_VERSION + 1, UPGRADED_VERSION - 1] {
            set_version(&dir.path().join(FILE_NAME), version);
            let refused = Identity::open(dir.path());
            assert!(
                matches!(refused, Err(Error::OtherVersion { found, supported: FORMAT_VERSION, .. }) if found == version)
            );
        }
    }

    #[test]
    fn a_store_of_the_version_before_keeps_all_and_is_of_this_one_from_then_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut identity = Identity::create(dir.path(), [9; 16]).unwrap();
        identity.acknowledge(1).unwrap();
        let path = dir.path().join(FILE_NAME);
        let whole = std::fs::read(&path).unwrap();
        set_version(&path, UPGRADED_VERSION);
        let identity = Identity::open(dir.path()).unwrap().unwrap();
        assert_eq!((identity.id(), identity.acknowledged()), ([9; 16], 1));
        assert_eq!(
            std::fs::read(&path).unwrap(),
            whole,
            "who knows version 2 alone must not open it any more"
        );
    }
}
