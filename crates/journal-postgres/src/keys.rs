//! The vault's keys as rows. An erased key's row stays and is empty. Knows nothing of what was sealed.

use bytes::Bytes;
use waybill_journal::cluster::{KEY_BYTES_MAX, Key, Keys, VaultIdentity};
use waybill_journal::{BoxFuture, Error};

use crate::PostgresJournal;
use crate::fault::Fault;
use crate::frames::{signed, sixteen, unsigned};
use crate::pool::Pool;
use crate::shared::Shared;

const VAULT: &str = "SELECT id, digest_secret, handed_out FROM vault WHERE one = 1";

const FOUND: &str = "INSERT INTO vault (one, id, digest_secret) VALUES (1, $1, $2) ON CONFLICT DO NOTHING";

/// One statement, so that nobody who stops in the middle holds the others up. Of two that add keys, the second waits for
/// the first at the vault's row.
const ADD: &str = "WITH v AS (UPDATE vault SET handed_out = handed_out + $1 WHERE one = 1 \
    RETURNING handed_out - $1 AS first) \
    INSERT INTO subject_keys (number, secret) SELECT v.first + k.place - 1, k.secret \
    FROM v, unnest($2::bytea[]) WITH ORDINALITY AS k(secret, place) RETURNING number";

const GET: &str = "SELECT number, secret FROM subject_keys WHERE number = ANY($1::int8[])";

const ERASE: &str = "UPDATE subject_keys SET secret = NULL WHERE number = $1 RETURNING number";

const KEYS_MOST: usize = 1024;

async fn vault(pool: &Pool) -> Result<Option<(VaultIdentity, u64)>, Fault> {
    let rows = pool.query(VAULT, &[]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let secret: &[u8] = row.try_get(1)?;
    let digest_secret =
        secret.try_into().map_err(|_| Fault::Refused("the vault's secret has not 32 bytes".into()))?;
    Ok(Some((VaultIdentity { id: sixteen(row.try_get(0)?)?, digest_secret }, unsigned(row.try_get(2)?)?)))
}

async fn found(pool: &Pool, identity: VaultIdentity) -> Result<VaultIdentity, Fault> {
    pool.query(FOUND, &[&&identity.id[..], &&identity.digest_secret[..]]).await?;
    let kept = vault(pool).await?;
    kept.map(|(identity, _)| identity)
        .ok_or_else(|| Fault::Refused("the vault was removed as it was founded".into()))
}

/// A try without an answer may have kept its keys; nobody learns their numbers, and the next try takes others.
async fn add(pool: &Pool, keys: &[Bytes]) -> Result<u64, Fault> {
    let secrets: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    let rows = pool.query(ADD, &[&(secrets.len() as i64), &secrets]).await?;
    let numbers = rows.iter().map(|row| row.try_get::<_, i64>(0)).collect::<Result<Vec<_>, _>>()?;
    let first = numbers.into_iter().min();
    unsigned(first.ok_or_else(|| Fault::Refused("there is no vault yet: found it first".into()))?)
}

async fn get(shared: &Shared, numbers: &[u64]) -> Result<Vec<Key>, Error> {
    let pool = &shared.pools.data;
    let wanted: Vec<i64> = numbers.iter().map(|number| signed(*number)).collect();
    let rows = pool.query(GET, &[&wanted]).await.map_err(Fault::into_error)?;
    let mut found = std::collections::BTreeMap::new();
    for row in &rows {
        let number: i64 = row.try_get(0).map_err(|error| Fault::from(error).into_error())?;
        let secret: Option<&[u8]> = row.try_get(1).map_err(|error| Fault::from(error).into_error())?;
        let key = secret.map_or(Key::Erased, |secret| Key::Live(Bytes::copy_from_slice(secret)));
        found.insert(number, key);
    }
    let mut keys = Vec::with_capacity(numbers.len());
    for number in numbers {
        match found.get(&signed(*number)) {
            Some(key) => keys.push(key.clone()),
            None => return Err(no_key(pool, *number).await),
        }
    }
    Ok(keys)
}

async fn no_key(pool: &Pool, number: u64) -> Error {
    match vault(pool).await {
        Ok(vault) => Error::NoKey { number, keys: vault.map_or(0, |(_, keys)| keys) },
        Err(fault) => fault.into_error(),
    }
}

async fn erase(shared: &Shared, number: u64) -> Result<(), Error> {
    let pool = &shared.pools.data;
    let rows = pool.query(ERASE, &[&signed(number)]).await.map_err(Fault::into_error)?;
    if rows.is_empty() { Err(no_key(pool, number).await) } else { Ok(()) }
}

fn check(keys: &[Bytes]) -> Result<(), Error> {
    let sizes = keys.iter().all(|key| (1..=KEY_BYTES_MAX).contains(&key.len()));
    if keys.is_empty() || keys.len() > KEYS_MOST || !sizes {
        let what = format!(
            "{} keys to keep: allowed are 1 to {KEYS_MOST}, each of 1 to {KEY_BYTES_MAX} bytes",
            keys.len()
        );
        return Err(Error::Options { what });
    }
    Ok(())
}

impl Keys for PostgresJournal {
    fn vault(&self) -> BoxFuture<'_, Result<Option<(VaultIdentity, u64)>, Error>> {
        let shared = self.shared.clone();
        self.shared.run(async move { vault(&shared.pools.data).await.map_err(Fault::into_error) })
    }

    fn found_vault(&self, identity: VaultIdentity) -> BoxFuture<'_, Result<VaultIdentity, Error>> {
        let shared = self.shared.clone();
        self.shared.run(async move { found(&shared.pools.data, identity).await.map_err(Fault::into_error) })
    }

    fn add_keys(&self, keys: Vec<Bytes>) -> BoxFuture<'_, Result<u64, Error>> {
        let shared = self.shared.clone();
        self.shared.run(async move {
            check(&keys)?;
            add(&shared.pools.data, &keys).await.map_err(|fault| match fault {
                Fault::Refused(what) => Error::Options { what },
                other => other.into_error(),
            })
        })
    }

    fn keys(&self, numbers: &[u64]) -> BoxFuture<'_, Result<Vec<Key>, Error>> {
        let (shared, numbers) = (self.shared.clone(), numbers.to_vec());
        self.shared.run(async move { get(&shared, &numbers).await })
    }

    fn erase_key(&self, number: u64) -> BoxFuture<'_, Result<(), Error>> {
        let shared = self.shared.clone();
        self.shared.run(async move { erase(&shared, number).await })
    }
}
