//! Which vault belongs to a data directory: an older copy of it, another one, or none at all would give the key of one person
//! to another, and is refused. It knows no person and opens nothing that is sealed.

use anyhow::{Context, ensure};
use minicbor::bytes::ByteArray;
use waybill_journal::LogId;
use waybill_machine::record::{decode, encode};
use waybill_replica::Host;
use waybill_store::vault::{FILE_NAME, Given, Noted, Vault};
use waybill_store::{Op, Store};
use waybill_types::Service;

/// The row that says which vault sealed what is here, and how many keys it had when it was last opened.
const VAULT_KEY: [u8; 2] = [0xff, 0xfe];

/// The file of a data directory that says how many keys the vault has made, at every moment. It lies apart from `keys/`, and
/// from the store, where a note would wait for checkpoints.
const VAULT_FILE: &str = "VAULT";

/// What is said of the vault, and where.
struct Said {
    place: String,
    noted: Noted,
}

/// The vault that sealed what is here; a new one where nothing was ever written.
///
/// # Errors
/// A vault that is lost, damaged, another's, or older than what was sealed.
pub(crate) fn open(host: &Host) -> anyhow::Result<Vault> {
    let keys = host.dir().keys();
    let said = said(host)?;
    let vault = match said.is_empty() && !has_history(host) {
        true => Vault::load_or_create(&keys),
        // Without it what the journal holds cannot be read, and a new one would hand out its numbers again.
        false => Vault::load(&keys),
    };
    let vault = checked(host, vault.context("the vault of personal data")?, &said)?;
    let noted = Noted { id: vault.id(), keys: vault.keys() };
    note(&**host.store(), noted.id, noted.keys)?;
    let given = Given::begin(&host.dir().path().join(VAULT_FILE), noted)?;
    Ok(vault.counted_in(given))
}

/// The vault that sealed what is here, to be read and not to be given out from; `None` where there never was one.
///
/// # Errors
/// As [`open`].
pub(crate) fn load(host: &Host) -> anyhow::Result<Option<Vault>> {
    let (keys, said) = (host.dir().keys(), said(host)?);
    if said.is_empty() && !keys.join(FILE_NAME).exists() {
        return Ok(None);
    }
    let vault = Vault::load(&keys).context("the vault of personal data")?;
    checked(host, vault, &said).map(Some)
}

fn checked(host: &Host, vault: Vault, said: &[Said]) -> anyhow::Result<Vault> {
    let file = host.dir().keys().join(FILE_NAME);
    let file = file.display();
    for Said { place, noted } in said {
        ensure!(
            vault.id() == noted.id,
            "{file} is another vault than {place} says; restore keys/ from the same copy as the rest of the data directory"
        );
        ensure!(
            vault.keys() >= noted.keys,
            "{file} is older than the data: it has {} keys, and {place} says that {} were made; what was sealed since cannot \
             be read with it, and its next keys are somebody's already. Put the newer keys/ back, or restore the whole \
             data directory from one copy into a new directory",
            vault.keys(),
            noted.keys
        );
    }
    Ok(vault)
}

/// What the store and the file say. A directory of an earlier version has no file, a restored one neither.
fn said(host: &Host) -> anyhow::Result<Vec<Said>> {
    let mut all = Vec::new();
    if let Some(bytes) = host.store().get(&VAULT_KEY)? {
        let (id, keys): (ByteArray<16>, u64) = decode(&bytes)?;
        all.push(Said { place: host.dir().store().display().to_string(), noted: Noted { id: *id, keys } });
    }
    let path = host.dir().path().join(VAULT_FILE);
    if let Some(noted) = Given::look(&path)? {
        all.push(Said { place: path.display().to_string(), noted });
    }
    Ok(all)
}

/// True where anything was ever journaled here. No partition begins to before the vault is there.
fn has_history(host: &Host) -> bool {
    let partitions = Service::ALL.into_iter().flat_map(|service| host.layout().partitions(service));
    partitions.into_iter().any(|id| host.journal().head(LogId(id.number())).seq > 0)
}

/// Notes in the store which vault belongs to a directory's rows.
///
/// # Errors
/// A store that fails.
pub(crate) fn note(store: &dyn Store, id: [u8; 16], keys: u64) -> anyhow::Result<()> {
    let row = encode(&(ByteArray::from(id), keys));
    Ok(store.commit(&[Op::Put { key: VAULT_KEY.to_vec(), value: row }])?)
}
