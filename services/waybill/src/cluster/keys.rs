//! The keys of personal data as the shared engine has them, for the vault. It never shows one.

use bytes::Bytes;
use std::sync::Arc;
use waybill_journal::cluster::{Engine, Key, VaultIdentity};
use waybill_store::Error;
use waybill_store::vault::{KeyId, OutsideKeys};

/// Keys in the engine.
pub(super) struct EngineKeys {
    engine: Arc<dyn Engine>,
    identity: VaultIdentity,
}

impl std::fmt::Debug for EngineKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineKeys").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Whose vault it is; founded where nobody has.
pub(super) async fn identity(engine: &Arc<dyn Engine>) -> anyhow::Result<VaultIdentity> {
    if let Some((identity, _)) = engine.vault().await? {
        return Ok(identity);
    }
    let mut made = VaultIdentity { id: [0; 16], digest_secret: [0; 32] };
    for bytes in [&mut made.id[..], &mut made.digest_secret[..]] {
        getrandom::fill(bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    }
    Ok(engine.found_vault(made).await?)
}

impl EngineKeys {
    pub(super) fn new(engine: Arc<dyn Engine>, identity: VaultIdentity) -> Self {
        Self { engine, identity }
    }

    /// Waits for the engine, which has threads of its own. Other tasks of this thread go on elsewhere meanwhile.
    fn wait<T>(&self, asked: impl Future<Output = Result<T, waybill_journal::Error>>) -> Result<T, Error> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|error| refused(error.to_string()))?;
        let answer = tokio::task::block_in_place(|| runtime.block_on(asked));
        answer.map_err(|error| match error {
            waybill_journal::Error::NoKey { number, keys } => Error::UnknownKey { id: number, keys },
            other => refused(other.to_string()),
        })
    }
}

fn refused(what: String) -> Error {
    Error::Engine { doing: "look after the keys of personal data", what }
}

impl OutsideKeys for EngineKeys {
    fn id(&self) -> [u8; 16] {
        self.identity.id
    }
    fn digest_secret(&self) -> &[u8; 32] {
        &self.identity.digest_secret
    }
    fn keys(&self) -> Result<u64, Error> {
        Ok(self.wait(self.engine.vault())?.map_or(0, |(_, keys)| keys))
    }
    fn add(&self, secrets: Vec<[u8; 32]>) -> Result<u64, Error> {
        let keys = secrets.iter().map(|secret| Bytes::copy_from_slice(secret)).collect();
        self.wait(self.engine.add_keys(keys))
    }
    fn read(&self, key: KeyId) -> Result<Option<[u8; 32]>, Error> {
        match self.wait(self.engine.keys(&[key.0]))?.pop() {
            Some(Key::Live(secret)) => {
                let secret = secret[..].try_into();
                secret.map(Some).map_err(|_| refused(format!("key {} has another length", key.0)))
            }
            Some(Key::Erased) => Ok(None),
            None => Err(refused(format!("key {} was not answered", key.0))),
        }
    }
    fn erase(&self, key: KeyId) -> Result<(), Error> {
        self.wait(self.engine.erase_key(key.0))
    }
}
