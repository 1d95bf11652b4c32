//! A vault whose keys lie outside this process, with an engine that several processes share. It refuses to know which
//! engine that is.
//!
//! A key is kept in memory for a second after it was made or asked for, since one that is used is used again at once. For
//! so long another process may still open what was sealed with a key that this one has erased.

use super::KeyId;
use super::file::{BLOCK_SLOTS, SlotState};
use crate::{Error, files};
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where the keys lie. Calls may block on another machine.
pub trait OutsideKeys: Debug + Send + Sync + 'static {
    /// A random number that names the vault.
    fn id(&self) -> [u8; 16];
    /// The secret of its keyed digests.
    fn digest_secret(&self) -> &[u8; 32];
    /// How many keys there are.
    ///
    /// # Errors
    /// The engine does not answer.
    fn keys(&self) -> Result<u64, Error>;
    /// Keeps these keys durably under numbers that nobody has; answers the first number.
    ///
    /// # Errors
    /// The engine does not answer or has no room.
    fn add(&self, secrets: Vec<[u8; 32]>) -> Result<u64, Error>;
    /// A key; `None` where it was erased.
    ///
    /// # Errors
    /// [`Error::UnknownKey`]; the engine does not answer.
    fn read(&self, key: KeyId) -> Result<Option<[u8; 32]>, Error>;
    /// Destroys a key durably, for every process.
    ///
    /// # Errors
    /// [`Error::UnknownKey`]; the engine does not answer, and the key may or may not survive.
    fn erase(&self, key: KeyId) -> Result<(), Error>;
}

/// How long a key stays in memory.
const KEPT: Duration = Duration::from_secs(1);
/// Kept keys at which those that are too old go.
const KEPT_MANY: usize = 4_096;

/// Keys outside, and the few that are used now.
#[derive(Debug)]
pub(super) struct Outside {
    keys: Box<dyn OutsideKeys>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Made and not handed out.
    fresh: HashMap<u64, [u8; 32]>,
    used: HashMap<u64, (Instant, [u8; 32])>,
}

impl Debug for Known {
    /// Never shows a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("fresh", &self.fresh.len()).field("used", &self.used.len()).finish()
    }
}

impl Known {
    fn used(&mut self, key: u64, secret: [u8; 32]) {
        if self.used.len() >= KEPT_MANY {
            self.used.retain(|_, (since, _)| since.elapsed() < KEPT);
        }
        self.used.insert(key, (Instant::now(), secret));
    }
}

impl Outside {
    pub(super) fn new(keys: Box<dyn OutsideKeys>) -> Self {
        Self { keys, known: Mutex::default() }
    }

    pub(super) fn id(&self) -> [u8; 16] {
        self.keys.id()
    }

    pub(super) fn digest_secret(&self) -> &[u8; 32] {
        self.keys.digest_secret()
    }

    pub(super) fn keys(&self) -> u64 {
        // Only told; nothing is decided by it where the engine does not answer.
        self.keys.keys().unwrap_or(0)
    }

    /// Makes a block of keys durable; answers with its first number.
    pub(super) fn append_block(&self) -> Result<u64, Error> {
        let secrets = (0..BLOCK_SLOTS).map(|_| files::random()).collect::<Result<Vec<[u8; 32]>, _>>()?;
        let first = self.keys.add(secrets.clone())?;
        self.known().fresh.extend((first..).zip(secrets));
        Ok(first)
    }

    /// A fresh key is given to somebody.
    pub(super) fn handed_out(&self, key: u64) {
        let mut known = self.known();
        if let Some(secret) = known.fresh.remove(&key) {
            known.used(key, secret);
        }
    }

    pub(super) fn read(&self, key: KeyId) -> Result<SlotState, Error> {
        let found = self.known().used.get(&key.0).copied();
        if let Some((_, secret)) = found.filter(|(since, _)| since.elapsed() < KEPT) {
            return Ok(SlotState::Live(secret));
        }
        match self.keys.read(key)? {
            Some(secret) => {
                self.known().used(key.0, secret);
                Ok(SlotState::Live(secret))
            }
            None => {
                self.known().used.remove(&key.0);
                Ok(SlotState::Erased)
            }
        }
    }

    pub(super) fn erase(&self, key: KeyId) -> Result<(), Error> {
        self.known().used.remove(&key.0);
        let erased = self.keys.erase(key);
        // What was read meanwhile goes too.
        self.known().used.remove(&key.0);
        erased
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{Opened, Vault};
    use std::sync::Arc;

    /// What two processes share.
    #[derive(Clone, Debug, Default)]
    struct Shared(Arc<Mutex<Vec<Option<[u8; 32]>>>>);

    impl OutsideKeys for Shared {
        fn id(&self) -> [u8; 16] {
            [1; 16]
        }
        fn digest_secret(&self) -> &[u8; 32] {
            &[2; 32]
        }
        fn keys(&self) -> Result<u64, Error> {
            Ok(self.0.lock().unwrap().len() as u64)
        }
        fn add(&self, secrets: Vec<[u8; 32]>) -> Result<u64, Error> {
            let mut keys = self.0.lock().unwrap();
            let first = keys.len() as u64;
            keys.extend(secrets.into_iter().map(Some));
            Ok(first)
        }
        fn read(&self, key: KeyId) -> Result<Option<[u8; 32]>, Error> {
            let keys = self.0.lock().unwrap();
            let unknown = Error::UnknownKey { id: key.0, keys: keys.len() as u64 };
            keys.get(key.0 as usize).copied().ok_or(unknown)
        }
        fn erase(&self, key: KeyId) -> Result<(), Error> {
            self.0.lock().unwrap()[key.0 as usize] = None;
            Ok(())
        }
    }

    #[test]
    fn what_one_process_seals_another_opens_until_either_erases_it() {
        let shared = Shared::default();
        let vaults = [Vault::outside(Box::new(shared.clone())), Vault::outside(Box::new(shared.clone()))];
        let keys: Vec<KeyId> = (0..600).map(|n| vaults[n % 2].next().unwrap()).collect();
        let mut distinct = keys.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), keys.len(), "no key is given twice");
        let sealed = vaults[0].seal(keys[0], b"Ada", b"test").unwrap();
        assert_eq!(vaults[1].open(&sealed, b"test").unwrap(), Opened::Plain(b"Ada".to_vec()));
        assert_eq!(vaults[0].digest("phone", "1"), vaults[1].digest("phone", "1"));
        vaults[1].erase(keys[0]).unwrap();
        assert_eq!(vaults[1].open(&sealed, b"test").unwrap(), Opened::Erased);
        // A process that has never asked for it finds it gone; one that has forgets it by itself.
        let third = Vault::outside(Box::new(shared.clone()));
        assert_eq!(third.open(&sealed, b"test").unwrap(), Opened::Erased);
        let waited = Instant::now();
        while vaults[0].open(&sealed, b"test").unwrap() != Opened::Erased {
            assert!(waited.elapsed() < 10 * KEPT, "an erased key is kept for good");
            std::thread::yield_now();
        }
        assert!(matches!(third.erase(KeyId(0)), Ok(())), "erasing again is no error");
        assert!(matches!(third.seal(keys[0], b"Ada", b"test"), Err(Error::KeyErased { .. })));
    }
}
