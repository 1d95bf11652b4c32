//! The vault of personal data on its way: the same identity, the same keys under the same numbers, what was erased erased. It
//! shows no key to anybody.

use super::Progress;
use anyhow::{Context, ensure};
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use waybill_journal::Error;
use waybill_journal::cluster::{Engine, Key, VaultIdentity};
use waybill_store::vault::Vault;
use waybill_store::vault::moving::{Arriving, BLOCK_KEYS, Block};

/// Carries a vault into an engine that has none; answers how many keys there are.
pub(super) async fn send(
    vault: Vault,
    engine: &Arc<dyn Engine>,
    progress: &dyn Progress,
) -> anyhow::Result<u64> {
    let vault = Arc::new(vault);
    let identity = VaultIdentity { id: vault.id(), digest_secret: vault.digest_secret() };
    ensure!(engine.found_vault(identity).await? == identity, "the shared journal has another vault already");
    let blocks = vault.keys().div_ceil(BLOCK_KEYS);
    progress.begin("keys", blocks);
    for number in 0..blocks {
        let reading = Arc::clone(&vault);
        let block = tokio::task::spawn_blocking(move || reading.block(number)).await??;
        send_block(engine, number, block).await?;
        progress.step();
    }
    Ok(vault.keys())
}

async fn send_block(engine: &Arc<dyn Engine>, number: u64, block: Block) -> anyhow::Result<()> {
    let first = number * BLOCK_KEYS;
    let erased: Vec<u64> = (first..).zip(&block).filter(|(_, key)| key.is_none()).map(|(at, _)| at).collect();
    // The place of an erased key is taken by one that nothing was ever sealed with, and that is erased in turn.
    let secrets = block.iter().map(|key| Bytes::copy_from_slice(&key.unwrap_or_default())).collect();
    let given = engine.add_keys(secrets).await?;
    ensure!(
        given == first,
        "keys that must be numbered from {first} were numbered from {given}: an answer was lost; begin again with \
         --begin-again"
    );
    for number in erased {
        engine.erase_key(number).await?;
    }
    Ok(())
}

/// Carries the engine's vault into a new file in `keys`; answers its identity and how many keys there are. `None` where the
/// engine has no vault.
pub(crate) async fn take(
    engine: &Arc<dyn Engine>,
    keys: &Path,
    progress: &dyn Progress,
) -> anyhow::Result<Option<([u8; 16], u64)>> {
    let Some((identity, count)) = engine.vault().await? else { return Ok(None) };
    let arriving = Arriving::begin(keys, identity.id, identity.digest_secret);
    let arriving = Arc::new(arriving.context("the vault of personal data")?);
    let blocks = count.div_ceil(BLOCK_KEYS);
    progress.begin("keys", blocks);
    for number in 0..blocks {
        let first = number * BLOCK_KEYS;
        let block = read_block(engine, first..(first + BLOCK_KEYS).min(count)).await?;
        let writing = Arc::clone(&arriving);
        tokio::task::spawn_blocking(move || writing.add(&block)).await??;
        progress.step();
    }
    Ok(Some((identity.id, blocks * BLOCK_KEYS)))
}

async fn read_block(engine: &Arc<dyn Engine>, numbers: std::ops::Range<u64>) -> anyhow::Result<Block> {
    let all: Vec<u64> = numbers.collect();
    match engine.keys(&all).await {
        Ok(keys) => return keys.into_iter().map(secret).collect(),
        // Numbers that were taken by a try whose answer was lost: nothing was ever sealed with those.
        Err(Error::NoKey { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let mut block = Block::new();
    for number in all {
        match engine.keys(&[number]).await {
            Ok(mut keys) => block.push(keys.pop().map(secret).transpose()?.flatten()),
            Err(Error::NoKey { .. }) => block.push(None),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(block)
}

fn secret(key: Key) -> anyhow::Result<Option<[u8; 32]>> {
    match key {
        Key::Live(bytes) => Ok(Some(bytes[..].try_into().context("a key has another length")?)),
        Key::Erased => Ok(None),
    }
}
