//! The key vault: one random key per subject, and with it the sealing of that subject's personal data. It refuses to
//! know who the subjects are and what is sealed.
//!
//! Erasing a subject is destroying its key: everything that was ever sealed with it, in journals, archives and
//! checkpoints, becomes noise at once. That holds only if the key itself is really gone, hence a file of fixed slots
//! that is overwritten **in place**. sled, like every log-structured store, appends: the row with the key would linger
//! in old segments and snapshots for as long as the engine pleases, and no call of it says when the last copy is gone.
//!
//! What erasing does not reach: **a backup of this file taken before the erasure still holds the key**, and so does a
//! snapshot of a copy-on-write file system and, physically, a worn block of a flash disk. Keep the file on a file system
//! that overwrites in place, on an encrypted disk, give its backups a retention of their own, and erase again after
//! a restore.
//!
//! Where several processes share one engine the keys lie there instead (`outside`), and the engine's own documentation
//! says what erasing reaches. Keys of the file are not cached in memory: reading a slot is one `pread` from the operating system's page cache, which costs less
//! than the sealing, and an erased key lingers nowhere in this process.

mod file;
mod given;
pub mod moving;
mod outside;
mod sealed;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::Error;
pub use file::FILE_NAME;
use file::{BLOCK_SLOTS, SlotState, VaultFile};
pub use given::{Given, Noted};
use outside::Outside;
pub use outside::OutsideKeys;
pub use sealed::{Opened, Sealed};

/// A key of the vault: the number of its slot. Numbers grow, are never reused and may have gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

/// An open vault. All calls take `&self` and may come from any thread.
#[derive(Debug)]
pub struct Vault {
    keys: Keys,
    free: Mutex<std::ops::Range<u64>>,
    given: Option<Given>,
}

/// Where the keys lie.
#[derive(Debug)]
enum Keys {
    File(VaultFile),
    Outside(Outside),
}

impl Vault {
    /// Opens the vault in `dir`.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the file is missing, too short for the keys it has handed out, or its header does not
    /// verify; [`Error::OtherVersion`]; [`Error::InUse`] while another handle has it open.
    pub fn load(dir: &Path) -> Result<Vault, Error> {
        Ok(Vault::over(VaultFile::open(dir)?))
    }

    /// Opens the vault in `dir`, or creates one where there is none. Who has sealed anything keeps [`Vault::id`] with
    /// it and compares, since a lost vault would be replaced by an empty one here.
    ///
    /// # Errors
    /// As [`Vault::load`]; [`Error::Io`].
    pub fn load_or_create(dir: &Path) -> Result<Vault, Error> {
        if !dir.join(FILE_NAME).exists() {
            VaultFile::create(dir)?;
        }
        Vault::load(dir)
    }

    /// Slots of the last block that nobody took before the vault was closed are skipped: whether they were handed out is
    /// not recorded, so that handing out costs no write.
    fn over(file: VaultFile) -> Vault {
        let end = file.slots();
        Vault { keys: Keys::File(file), free: Mutex::new(end..end), given: None }
    }

    /// A vault whose keys lie with an engine that other processes use too.
    pub fn outside(keys: Box<dyn OutsideKeys>) -> Vault {
        Vault { keys: Keys::Outside(Outside::new(keys)), free: Mutex::new(0..0), given: None }
    }

    /// The same vault, which from now on notes in `given` how many keys it has before it hands one out.
    #[must_use]
    pub fn counted_in(self, given: Given) -> Vault {
        Vault { given: Some(given), ..self }
    }

    fn slot(&self, key: KeyId) -> Result<SlotState, Error> {
        match &self.keys {
            Keys::File(file) => file.read(key),
            Keys::Outside(outside) => outside.read(key),
        }
    }

    /// A random number that names this vault.
    pub fn id(&self) -> [u8; 16] {
        match &self.keys {
            Keys::File(file) => file.id(),
            Keys::Outside(outside) => outside.id(),
        }
    }

    /// A key that nobody has. It is durable already; every 256th call pays for the block.
    ///
    /// # Errors
    /// [`Error::Io`], for instance when the disk is full, and [`Error::NoRandomness`]; calling again is safe.
    pub fn next(&self) -> Result<KeyId, Error> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            let start = match &self.keys {
                Keys::File(file) => file.append_block()?,
                Keys::Outside(outside) => outside.append_block()?,
            };
            if let Some(given) = &self.given {
                // Where this fails nobody gets a key of the block, and the next call makes another.
                given.raise(start + BLOCK_SLOTS)?;
            }
            *free = start..start + BLOCK_SLOTS;
        }
        let id = free.start;
        free.start += 1;
        if let Keys::Outside(outside) = &self.keys {
            outside.handed_out(id);
        }
        Ok(KeyId(id))
    }

    /// Seals `plain` with a key. `context` says what it is (a field's name, say) and is needed again to open it: sealed
    /// bytes moved to another field do not open there.
    ///
    /// # Errors
    /// [`Error::KeyErased`]; [`Error::ValueTooLarge`] above 1 MiB; [`Error::UnknownKey`]; [`Error::Damaged`] where the slot does not verify, [`Error::Io`].
    pub fn seal(&self, key: KeyId, plain: &[u8], context: &[u8]) -> Result<Sealed, Error> {
        match self.slot(key)? {
            SlotState::Live(secret) => sealed::seal(key, &secret, plain, context),
            SlotState::Erased => Err(Error::KeyErased { id: key.0 }),
        }
    }

    /// Opens what was sealed, or says that its key was erased.
    ///
    /// # Errors
    /// [`Error::NotSealedHere`] where bytes or context are not those of the sealing; otherwise as [`Vault::seal`].
    pub fn open(&self, sealed: &Sealed, context: &[u8]) -> Result<Opened, Error> {
        match self.slot(sealed.key()?)? {
            SlotState::Live(secret) => sealed::open(sealed, &secret, context).map(Opened::Plain),
            SlotState::Erased => Ok(Opened::Erased),
        }
    }

    /// Destroys a key, durably. Erasing an erased key writes it again and is no error, so a failed call can be repeated.
    ///
    /// # Errors
    /// [`Error::UnknownKey`]; [`Error::Io`], after which the key may or may not survive.
    pub fn erase(&self, key: KeyId) -> Result<(), Error> {
        match &self.keys {
            Keys::File(file) => file.erase(key),
            Keys::Outside(outside) => outside.erase(key),
        }
    }

    /// A look-up key for a personal value (an e-mail address, say) that tells nothing to who lacks this vault. `kind`
    /// keeps equal values of two kinds apart; the caller normalises. It does not depend on any subject's key and outlives
    /// erasure: the caller removes the rows that carry it.
    pub fn digest(&self, kind: &str, normalised: &str) -> [u8; 16] {
        let secret = match &self.keys {
            Keys::File(file) => file.digest_secret(),
            Keys::Outside(outside) => outside.digest_secret(),
        };
        let mut hasher = blake3::Hasher::new_keyed(secret);
        hasher.update(&(kind.len() as u64).to_be_bytes());
        hasher.update(kind.as_bytes());
        hasher.update(normalised.as_bytes());
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        digest
    }

    /// How many keys there are, handed out or not, erased or not.
    pub fn keys(&self) -> u64 {
        match &self.keys {
            Keys::File(file) => file.slots(),
            Keys::Outside(outside) => outside.keys(),
        }
    }
}
