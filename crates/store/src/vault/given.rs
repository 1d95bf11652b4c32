//! How many keys a vault has made, noted apart from the vault: an older copy of the vault, put in its place, is known by it.
//! It refuses to know where the vault is.
//!
//! ```text
//! 0             "WBGIVEN\n" version:u32 vault id:16 crc32c:u32
//! 512, 1024     keys:u64 vault id:16 crc32c:u32         alternating, by the parity of the count of blocks
//! ```
//! All integers are big-endian. A vault whose count is noted notes a block before it hands out a key of it, so that
//! no key was ever given out that is not counted here.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::file::BLOCK_SLOTS;
use crate::{Error, error, files};

const FORMAT_VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"WBGIVEN\n";
const CRC_AT: usize = 28;
const HEADER_BYTES: usize = CRC_AT + 4;
const SECTOR: usize = 512;
const FILE_BYTES: usize = 3 * SECTOR;

/// What is noted of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Which vault: [`super::Vault::id`].
    pub id: [u8; 16],
    /// How many keys it has made at least.
    pub keys: u64,
}

/// The open file.
#[derive(Debug)]
pub struct Given {
    path: PathBuf,
    file: File,
    id: [u8; 16],
}

impl Given {
    /// What the file at `path` says; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it does not verify; [`Error::OtherVersion`]; [`Error::Io`].
    pub fn look(path: &Path) -> Result<Option<Noted>, Error> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let whole = bytes.len() == FILE_BYTES && &bytes[..8] == MAGIC;
        if !whole || bytes[CRC_AT..HEADER_BYTES] != crc32c::crc32c(&bytes[..CRC_AT]).to_be_bytes() {
            return Err(damaged(path, "its header does not verify"));
        }
        let version = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        if version != FORMAT_VERSION {
            return Err(error::other_version(path, version, FORMAT_VERSION));
        }
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[12..CRC_AT]);
        let counts = [1, 2].map(|sector| files::parse_counter(&bytes[sector * SECTOR..], &id));
        let keys = counts.into_iter().flatten().max();
        let keys = keys.ok_or_else(|| damaged(path, "neither of its counts is whole"))?;
        Ok(Some(Noted { id, keys }))
    }

    /// Writes the file anew, durably, and keeps it open for what comes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin(path: &Path, noted: Noted) -> Result<Self, Error> {
        let mut bytes = vec![0; FILE_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_be_bytes());
        bytes[12..CRC_AT].copy_from_slice(&noted.id);
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_be_bytes());
        let at = sector_of(noted.keys);
        bytes[at..at + files::COUNTER_BYTES].copy_from_slice(&files::counter(noted.keys, &noted.id));
        files::replace_durably(path, &bytes)?;
        let file = OpenOptions::new().write(true).open(path).map_err(Error::io("open", path))?;
        Ok(Self { path: path.to_path_buf(), file, id: noted.id })
    }

    /// Notes that there are so many keys now, durably.
    pub(super) fn raise(&self, keys: u64) -> Result<(), Error> {
        self.file
            .write_all_at(&files::counter(keys, &self.id), sector_of(keys) as u64)
            .and_then(|()| self.file.sync_data())
            .map_err(Error::io("write", &self.path))
    }
}

fn sector_of(keys: u64) -> usize {
    SECTOR * (1 + (keys / BLOCK_SLOTS % 2) as usize)
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::Damaged {
        path: path.to_path_buf(),
        what: what.to_owned(),
        way_out: "restore the whole data directory from a backup; only if the keys beside it were never replaced, remove \
                  this file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Vault;

    #[test]
    fn every_key_is_counted_before_it_is_handed_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("given");
        assert_eq!(Given::look(&path).unwrap(), None);
        let vault = Vault::load_or_create(&dir.path().join("keys")).unwrap();
        let id = vault.id();
        let vault = vault.counted_in(Given::begin(&path, Noted { id, keys: 0 }).unwrap());
        for _ in 0..600 {
            let key = vault.next().unwrap();
            let noted = Given::look(&path).unwrap().unwrap();
            assert!(noted.id == id && noted.keys > key.0 && noted.keys == vault.keys(), "{key:?}: {noted:?}");
        }
    }

    #[test]
    fn a_torn_count_leaves_the_one_before_it_and_other_damage_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("given");
        let given = Given::begin(&path, Noted { id: [7; 16], keys: 256 }).unwrap();
        given.raise(512).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut torn = whole.clone();
        torn[sector_of(512) + 3] ^= 1;
        std::fs::write(&path, &torn).unwrap();
        assert_eq!(Given::look(&path).unwrap(), Some(Noted { id: [7; 16], keys: 256 }));
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bytes).unwrap();
            assert!(matches!(Given::look(&path), Err(Error::Damaged { .. })), "bit {bit}");
        }
        for len in [0, HEADER_BYTES, FILE_BYTES - 1] {
            std::fs::write(&path, &whole[..len]).unwrap();
            assert!(matches!(Given::look(&path), Err(Error::Damaged { .. })), "{len} bytes");
        }
    }
}
