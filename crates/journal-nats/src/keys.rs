//! The keys of personal data: blocks of them, each the newest message of its subject. Erasing one writes the block
//! anew without it and then has the servers overwrite every older message of the block. Knows nothing of subjects.
//!
//! JetStream overwrites a deleted message in the file of the stream. The servers' own replication log keeps what passed
//! through it until it is compacted, which they do by themselves: see the crate's documentation.

use std::collections::BTreeMap;

use bytes::Bytes;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use serde_json::{Value, json};
use waybill_journal::cluster::{KEY_BYTES_MAX, Key, Keys, VaultIdentity};
use waybill_journal::{BoxFuture, Error};

use crate::fault::Patience;
use crate::journal::NatsJournal;
use crate::shared::Shared;
use crate::table;
use crate::wire::{Expect, Kept, Which};

const ROW: &str = "vault";
/// Keys in one block: what is written at once, and what an erasure writes again.
const BLOCK: u64 = 256;
const ADDED_MAX: usize = 1024;

#[derive(Clone, Default, Encode, Decode)]
struct Vault {
    #[n(0)]
    identity: Option<Identity>,
    /// Blocks handed out.
    #[n(1)]
    blocks: u64,
}

#[derive(Clone, Encode, Decode)]
struct Identity {
    #[cbor(n(0), with = "minicbor::bytes")]
    id: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    digest_secret: [u8; 32],
}

impl From<&Identity> for VaultIdentity {
    fn from(identity: &Identity) -> Self {
        Self { id: identity.id, digest_secret: identity.digest_secret }
    }
}

/// Keys of one block; none where it was erased.
#[derive(Clone, Default, PartialEq, Eq, Encode, Decode)]
struct Block {
    #[n(0)]
    keys: Vec<Option<ByteVec>>,
}

impl Block {
    fn encode(&self) -> Result<Bytes, Error> {
        let encoded = minicbor::to_vec(self);
        encoded
            .map(Bytes::from)
            .map_err(|error| Error::Engine { what: format!("encode a block of keys: {error}") })
    }

    fn decode(number: u64, kept: &Kept) -> Result<Self, Error> {
        let damaged =
            |error| Error::Engine { what: format!("block {number} of the keys is damaged: {error}") };
        minicbor::decode(&kept.payload).map_err(damaged)
    }
}

async fn newest(shared: &Shared, block: u64, patience: &mut Patience) -> Result<Option<(u64, Block)>, Error> {
    let subject = shared.names.key_block(block);
    loop {
        match shared.wire.get(&shared.names.keys(), Which::LastOf(&subject), patience.left()).await {
            Ok(None) => return Ok(None),
            Ok(Some(kept)) => return Ok(Some((kept.seq, Block::decode(block, &kept)?))),
            Err(fault) => patience.again(&fault).await?,
        }
    }
}

async fn no_key(shared: &Shared, number: u64) -> Error {
    match table::read::<Vault>(shared, ROW, shared.patience("look at the vault")).await {
        Ok(vault) => Error::NoKey { number, keys: vault.blocks * BLOCK },
        Err(error) => error,
    }
}

/// Writes a block that nobody has written.
async fn add(shared: &Shared, number: u64, block: &Block) -> Result<(), Error> {
    let (stream, subject, payload) = (shared.names.keys(), shared.names.key_block(number), block.encode()?);
    let mut patience = shared.patience("keep keys");
    loop {
        let expect = Expect::LastOfSubject(0);
        match shared.wire.publish(&stream, &subject, expect, payload.clone(), patience.left()).await {
            Ok(_) => return Ok(()),
            Err(fault) if fault.is_full() => return Err(Error::Full { needed_bytes: payload.len() as u64 }),
            Err(fault) if fault.is_taken() => match newest(shared, number, &mut patience).await? {
                // An earlier try, whose answer was lost. Nobody else has the number.
                Some((_, found)) if found == *block => return Ok(()),
                Some(_) => {
                    let what = format!("block {number} of the keys is taken, which its number rules out");
                    return Err(Error::Engine { what });
                }
                None => patience.again(&fault).await?,
            },
            Err(fault) => patience.again(&fault).await?,
        }
    }
}

/// Writes the block without the key, unless it is without it already; answers the number of the newest message.
async fn blank(shared: &Shared, number: u64, patience: &mut Patience) -> Result<u64, Error> {
    let (block_number, place) = (number / BLOCK, (number % BLOCK) as usize);
    let (stream, subject) = (shared.names.keys(), shared.names.key_block(block_number));
    loop {
        let Some((seen, mut block)) = newest(shared, block_number, patience).await? else {
            return Err(no_key(shared, number).await);
        };
        let Some(key) = block.keys.get_mut(place) else {
            return Err(no_key(shared, number).await);
        };
        if key.take().is_none() {
            return Ok(seen);
        }
        let expect = Expect::LastOfSubject(seen);
        match shared.wire.publish(&stream, &subject, expect, block.encode()?, patience.left()).await {
            Ok(seq) => return Ok(seq),
            Err(fault) if fault.is_full() => return Err(Error::Full { needed_bytes: BLOCK }),
            Err(fault) => patience.again(&fault).await?,
        }
    }
}

/// Has every message of the block before `newest` overwritten and removed.
async fn overwrite_older(
    shared: &Shared,
    block: u64,
    newest: u64,
    patience: &mut Patience,
) -> Result<(), Error> {
    let (stream, subject) = (shared.names.keys(), shared.names.key_block(block));
    let verb = format!("STREAM.MSG.DELETE.{stream}");
    loop {
        let first = match shared.wire.get(&stream, Which::FirstOf(&subject), patience.left()).await {
            Ok(first) => first.map_or(newest, |kept| kept.seq),
            Err(fault) => {
                patience.again(&fault).await?;
                continue;
            }
        };
        if first >= newest {
            return Ok(());
        }
        let asked = json!({ "seq": first, "no_erase": false });
        match shared.wire.call::<Value>(&verb, &asked, patience.left()).await {
            Ok(_) => {}
            // Deleted by another meanwhile, perhaps: the next look tells.
            Err(fault) => patience.pause(&fault).await?,
        }
    }
}

impl Keys for NatsJournal {
    fn vault(&self) -> BoxFuture<'_, Result<Option<(VaultIdentity, u64)>, Error>> {
        self.run(|shared| async move {
            let vault: Vault = table::read(&shared, ROW, shared.patience("look at the vault")).await?;
            Ok(vault.identity.as_ref().map(|identity| (identity.into(), vault.blocks * BLOCK)))
        })
    }

    fn found_vault(&self, identity: VaultIdentity) -> BoxFuture<'_, Result<VaultIdentity, Error>> {
        self.run(move |shared| async move {
            table::change(&shared, ROW, shared.patience("found the vault"), |mut vault: Vault| {
                if let Some(there) = &vault.identity {
                    return Ok((None, there.into()));
                }
                vault.identity = Some(Identity { id: identity.id, digest_secret: identity.digest_secret });
                Ok((Some(vault), identity))
            })
            .await
        })
    }

    fn add_keys(&self, keys: Vec<Bytes>) -> BoxFuture<'_, Result<u64, Error>> {
        self.run(move |shared| async move {
            check(&keys)?;
            let blocks = (keys.len() as u64).div_ceil(BLOCK);
            let patience = shared.patience("take numbers for keys");
            // A try whose answer was lost leaves a gap.
            let first = table::change(&shared, ROW, patience, |mut vault: Vault| {
                if vault.identity.is_none() {
                    return Err(Error::Options {
                        what: "there is no vault to keep keys in: found one".into(),
                    });
                }
                let first = vault.blocks;
                vault.blocks += blocks;
                Ok((Some(vault), first))
            })
            .await?;
            let blocks = keys.chunks(BLOCK as usize).zip(first..).map(|(keys, number)| {
                let keys = keys.iter().map(|key| Some(ByteVec::from(key.to_vec()))).collect();
                (number, Block { keys })
            });
            let shared = &shared;
            let added = blocks.map(|(number, block)| async move { add(shared, number, &block).await });
            futures::future::try_join_all(added).await?;
            Ok(first * BLOCK)
        })
    }

    fn keys(&self, numbers: &[u64]) -> BoxFuture<'_, Result<Vec<Key>, Error>> {
        let numbers = numbers.to_vec();
        self.run(move |shared| async move {
            let mut patience = shared.patience("read keys");
            let mut blocks: BTreeMap<u64, Block> = BTreeMap::new();
            let mut found = Vec::with_capacity(numbers.len());
            for number in numbers {
                let block = number / BLOCK;
                if let std::collections::btree_map::Entry::Vacant(entry) = blocks.entry(block) {
                    let newest = newest(&shared, block, &mut patience).await?;
                    entry.insert(newest.map(|(_, block)| block).unwrap_or_default());
                }
                match blocks[&block].keys.get((number % BLOCK) as usize) {
                    Some(Some(key)) => found.push(Key::Live(Bytes::copy_from_slice(key))),
                    Some(None) => found.push(Key::Erased),
                    None => return Err(no_key(&shared, number).await),
                }
            }
            Ok(found)
        })
    }

    fn erase_key(&self, number: u64) -> BoxFuture<'_, Result<(), Error>> {
        self.run(move |shared| async move {
            let mut patience = shared.patience("erase a key");
            let newest = blank(&shared, number, &mut patience).await?;
            overwrite_older(&shared, number / BLOCK, newest, &mut patience).await
        })
    }
}

fn check(keys: &[Bytes]) -> Result<(), Error> {
    if keys.is_empty() || keys.len() > ADDED_MAX {
        let what = format!("{} keys at once, allowed are 1 to {ADDED_MAX}", keys.len());
        return Err(Error::Options { what });
    }
    match keys.iter().find(|key| key.is_empty() || key.len() > KEY_BYTES_MAX) {
        Some(key) => Err(Error::Options {
            what: format!("a key of {} bytes, allowed are 1 to {KEY_BYTES_MAX}", key.len()),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_of_a_block_stays() {
        let block = Block { keys: vec![Some(ByteVec::from(vec![1, 2])), None] };
        let bytes = block.encode().expect("encodes");
        assert_eq!(bytes[..], [0x81, 0x82, 0x42, 1, 2, 0xf6]);
    }

    #[test]
    fn keys_out_of_range_are_refused() {
        let key = |bytes: usize| Bytes::from(vec![7; bytes]);
        check(&vec![key(KEY_BYTES_MAX); ADDED_MAX]).expect("the most of both");
        assert!(check(&[]).is_err());
        assert!(check(&[key(0)]).is_err());
        assert!(check(&[key(KEY_BYTES_MAX + 1)]).is_err());
        assert!(check(&vec![key(1); ADDED_MAX + 1]).is_err());
    }
}
