//! A vault on its way between a file and an engine: the same keys under the same numbers, and what was erased stays erased.
//! What is read here is secret; it is for the vault that takes its place and for nobody else.

use std::path::Path;

use super::file::{BLOCK_SLOTS, SlotState, VaultFile};
use super::{KeyId, Keys, Vault};
use crate::Error;

/// The keys of one block, `None` where one was erased.
pub type Block = Vec<Option<[u8; 32]>>;

/// Keys in a block.
pub const BLOCK_KEYS: u64 = BLOCK_SLOTS;

/// A vault in a file that is being filled from elsewhere.
#[derive(Debug)]
pub struct Arriving(VaultFile);

impl Arriving {
    /// Begins the file in `dir`, which must have none.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`] where there is a vault already.
    pub fn begin(dir: &Path, id: [u8; 16], digest_secret: [u8; 32]) -> Result<Self, Error> {
        VaultFile::create_as(dir, id, digest_secret)?;
        Ok(Self(VaultFile::open(dir)?))
    }

    /// Adds the next block, durably. What is missing of [`BLOCK_KEYS`] counts as erased.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn add(&self, block: &Block) -> Result<(), Error> {
        self.0.append_these(|place| block.get(place).copied().flatten())?;
        Ok(())
    }
}

impl Vault {
    /// The secret of the keyed digests, for the vault that takes this one's place.
    #[must_use]
    pub fn digest_secret(&self) -> [u8; 32] {
        match &self.keys {
            Keys::File(file) => *file.digest_secret(),
            Keys::Outside(outside) => *outside.digest_secret(),
        }
    }

    /// The keys of block `number`, for the vault that takes this one's place.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub fn block(&self, number: u64) -> Result<Block, Error> {
        let first = number * BLOCK_SLOTS;
        let read = |number| match self.slot(KeyId(number))? {
            SlotState::Live(secret) => Ok(Some(secret)),
            SlotState::Erased => Ok(None),
        };
        (first..(first + BLOCK_SLOTS).min(self.keys())).map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Opened;

    #[test]
    fn a_vault_that_moved_opens_what_was_sealed_and_what_was_erased_stays_so() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let old = Vault::load_or_create(from.path()).unwrap();
        let keys: Vec<KeyId> = (0..300).map(|_| old.next().unwrap()).collect();
        let sealed: Vec<_> = keys.iter().map(|key| old.seal(*key, b"who", b"name").unwrap()).collect();
        old.erase(keys[7]).unwrap();
        old.erase(keys[299]).unwrap();
        let arriving = Arriving::begin(to.path(), old.id(), old.digest_secret()).unwrap();
        for block in 0..old.keys() / BLOCK_KEYS {
            arriving.add(&old.block(block).unwrap()).unwrap();
        }
        drop(arriving);
        let new = Vault::load(to.path()).unwrap();
        assert_eq!((new.id(), new.keys()), (old.id(), 512));
        assert_eq!(new.digest("email", "a@b.c"), old.digest("email", "a@b.c"));
        for (at, sealed) in sealed.iter().enumerate() {
            let opened = new.open(sealed, b"name").unwrap();
            assert_eq!(matches!(opened, Opened::Erased), at == 7 || at == 299, "key {at}");
        }
        assert!(new.next().unwrap() >= KeyId(512), "no number is given twice");
        assert!(Arriving::begin(to.path(), old.id(), old.digest_secret()).is_err(), "a vault is there");
    }
}
