//! Backup and restore: one consistent copy of everything, taken while the engine serves, and a new directory from it.
//!
//! A copy is a directory of `rows.wbc` (every row at one durable cut), `keys/` (the vault), `decisions/` (why plans were
//! what they were, as far as it was kept) and `manifest.json`, which is written last: a copy without it is not a copy. A copy holds the keys of everybody not erased before it was taken,
//! so copies must expire as the law asks.

mod until;

pub use until::{Later, Point, Restored, restore_until};

use crate::audit::cut::{Anew, ConsistentCut, TRIES};
use crate::audit::{NotCut, Running};
use crate::migrate::with_machine;
use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use waybill_journal::{Head, LocalJournal, LogId};
use waybill_machine::record::{decode, encode};
use waybill_replica::{DataDir, DirLock, Filling, Host, Marker};
use waybill_service_kit::values::hex;
use waybill_store::{Op, Order, SledStore, Store, checkpoint_file};
use waybill_types::{PartitionId, Service};

const ROWS: &str = "rows.wbc";
pub(crate) const DECISIONS: &str = "decisions";
const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;

/// What a copy says of itself.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Manifest {
    /// Version of this form.
    pub format: u32,
    /// Version of the binary that wrote it.
    pub written_by: String,
    /// Rows in the copy.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Where each partition's journal stood.
    pub partitions: Vec<ManifestPartition>,
}

/// One partition of a copy.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct ManifestPartition {
    /// Its number: service in the high byte.
    pub number: u16,
    /// The journal sequence of the cut.
    pub sequence: u64,
    /// The journal's epoch there.
    pub epoch: u64,
    /// The chained hash there, in hex.
    pub hash: String,
}

type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Takes a copy into `directory`, which must not exist or be empty. `progress(bytes)` is called now and then.
///
/// # Errors
/// A stopped partition, a directory that is not empty, a disk that is full. What was written then is no copy.
pub async fn backup(
    host: &Arc<Host>,
    running: &Running,
    directory: &Path,
    progress: impl Fn(u64) + Send + Sync + 'static,
) -> anyhow::Result<Manifest> {
    ensure!(directory.is_absolute(), "the directory must be an absolute path");
    std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    ensure!(std::fs::read_dir(directory)?.next().is_none(), "{} is not empty", directory.display());
    ensure!(
        host.cluster().is_none() || services(running).len() == Service::ALL.len(),
        "this process runs a part of the services; ask one that runs all of them, even if it owns nothing"
    );
    // Before the cut: a decision is of a network that is in the copy. After it, a restored engine could come to a network
    // of the same version with other content.
    if let Some(decisions) = running.decisions.clone() {
        let target = directory.join(DECISIONS);
        tokio::task::spawn_blocking(move || decisions.copy_to(&target))
            .await?
            .context("cannot copy the sourcing decisions")?;
    }
    let progress: Arc<dyn Fn(u64) + Send + Sync> = Arc::new(progress);
    for _ in 1..TRIES {
        match copy_once(host, running, directory, &progress).await? {
            Ok(manifest) => return Ok(manifest),
            Err(Anew(id)) => {
                tracing::info!(partition = %id, "the copy of a partition was made anew meanwhile; the backup begins again");
                running.opened(id).await;
            }
        }
    }
    Ok(copy_once(host, running, directory, &progress).await??)
}

/// Copies keys and rows at one cut; the inner error where a partition's rows were replaced meanwhile, so that what was read
/// may be of two states.
async fn copy_once(
    host: &Arc<Host>,
    running: &Running,
    directory: &Path,
    progress: &Arc<dyn Fn(u64) + Send + Sync>,
) -> anyhow::Result<Result<Manifest, Anew>> {
    // Until this is dropped no checkpoint changes the store, so its rows and the cut's unsaved rows are one state.
    let paused = host.pause_checkpoints().await;
    let noted = match ConsistentCut::note(running).await {
        Ok(noted) => noted,
        Err(NotCut::Anew(anew)) => return Ok(Err(anew)),
        Err(NotCut::Stopped(stopped)) => return Err(stopped.into()),
    };
    // After the cut: every key that something in it is sealed with is there by now.
    let keys = directory.join("keys");
    if keys.exists() {
        std::fs::remove_dir_all(&keys).with_context(|| format!("cannot remove {}", keys.display()))?;
    }
    match host.cluster() {
        Some(cluster) => drop(crate::migrate::keys::take(cluster.engine(), &keys, &Silent).await?),
        None => drop(copy_files(&host.dir().keys(), &keys)?),
    }
    let (host, running, target) = (Arc::clone(host), running.clone(), directory.to_path_buf());
    let progress = Arc::clone(progress);
    tokio::task::spawn_blocking(move || {
        let mut noted = noted;
        let copied = copy_cut(&host, &mut noted, &target, &*progress);
        // Whatever came of it, if it was not of the cut it says nothing.
        if let Err(anew) = noted.stands(&running) {
            return Ok(Err(anew));
        }
        drop(paused);
        let (rows, partitions) = copied?;
        finish(&target, rows, partitions).map(Ok)
    })
    .await?
}

/// Everything in the store and not yet in it, and where the journals stand, at the cut.
fn copy_cut(
    host: &Host,
    noted: &mut ConsistentCut,
    target: &Path,
    progress: &dyn Fn(u64),
) -> anyhow::Result<(u64, Vec<ManifestPartition>)> {
    if host.cluster().is_some() {
        noted.align(host)?;
    }
    let (mut unsaved, mut partitions) = (Rows::new(), Vec::new());
    for (id, stand) in &noted.stands {
        with_machine!(id.service, M => {
            unsaved.extend(noted.unsaved::<M>(*id));
            if noted.was_played(*id) {
                unsaved.extend(noted.look::<M>(host, *id)?.unsaved());
            }
        });
        partitions.extend(stood(host, *id, stand.through)?);
    }
    let rows = write_rows(&**host.store(), &unsaved, target, &partitions, progress)?;
    Ok((rows, partitions))
}

/// Where a partition's journal stood; `None` where it had nothing.
fn stood(host: &Host, id: PartitionId, sequence: u64) -> anyhow::Result<Option<ManifestPartition>> {
    if sequence == 0 {
        return Ok(None);
    }
    let log = LogId(id.number());
    let newest = host.journal().head(log);
    let head = match newest.seq == sequence {
        true => newest,
        false => {
            let frames = host.journal().read(log, sequence, 1)?;
            frames.first().with_context(|| format!("{id} has no frame {sequence}"))?.head()
        }
    };
    let hash = hex(&head.hash);
    Ok(Some(ManifestPartition { number: id.number(), sequence, epoch: head.epoch, hash }))
}

fn write_rows(
    store: &dyn Store,
    unsaved: &Rows,
    target: &Path,
    partitions: &[ManifestPartition],
    progress: &dyn Fn(u64),
) -> anyhow::Result<u64> {
    const PAGE: usize = 1024;
    let mut writer = checkpoint_file::Writer::create(target, ROWS, &encode(&FORMAT))?;
    let mut count = 0;
    let mut lower = Vec::new();
    let beyond = vec![0xff; 8];
    loop {
        let page = store.scan(&lower, &beyond, Order::Ascending, PAGE)?;
        let Some((last, _)) = page.last() else { break };
        lower = [last.as_slice(), &[0]].concat();
        for (key, value) in page {
            if !unsaved.contains_key(&key) && !is_marker(&key) {
                writer.append(&Op::Put { key, value })?;
                count += 1;
            }
        }
        progress(writer.written().1);
    }
    for (key, value) in unsaved {
        if let Some(value) = value {
            writer.append(&Op::Put { key: key.clone(), value: value.clone() })?;
            count += 1;
        }
    }
    for partition in partitions {
        let marker = marker(partition)?;
        writer.append(&Op::Put { key: marker_key(marker.partition), value: encode(&marker) })?;
        count += 1;
    }
    writer.finish()?;
    Ok(count)
}

/// Markers have prefix 0 after the partition's number.
fn is_marker(key: &[u8]) -> bool {
    key.len() == 3 && key[2] == 0
}

fn marker_key(partition: PartitionId) -> Vec<u8> {
    let [high, low] = partition.number().to_be_bytes();
    vec![high, low, 0]
}

fn marker(partition: &ManifestPartition) -> anyhow::Result<Marker> {
    let id = PartitionId::from_number(partition.number).context("the manifest names an unknown partition")?;
    Ok(Marker { partition: id, sequence: partition.sequence, hash: hash(&partition.hash)? })
}

fn hash(hex: &str) -> anyhow::Result<[u8; 16]> {
    ensure!(hex.len() == 32 && hex.is_ascii(), "the manifest holds a hash that is none");
    let mut hash = [0; 16];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).context("the manifest's hash")?;
    }
    Ok(hash)
}

/// Copies the files of a directory, durably; answers their bytes.
pub(crate) fn copy_files(from: &Path, to: &Path) -> anyhow::Result<u64> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut bytes = 0;
    let entries = std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let target = to.join(entry.file_name());
            bytes += std::fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
            File::open(&target)?.sync_all()?;
        }
    }
    File::open(to)?.sync_all()?;
    Ok(bytes)
}

fn finish(target: &Path, rows: u64, partitions: Vec<ManifestPartition>) -> anyhow::Result<Manifest> {
    verify_rows(target, rows)?;
    let bytes = files(target)?.iter().map(|(_, bytes)| bytes).sum();
    let written_by = env!("CARGO_PKG_VERSION").to_owned();
    let manifest = Manifest { format: FORMAT, written_by, rows, bytes, partitions };
    let path = target.join(MANIFEST);
    std::fs::write(&path, serde_json::to_vec_pretty(&manifest)?)?;
    File::open(&path)?.sync_all()?;
    File::open(target)?.sync_all()?;
    Ok(manifest)
}

/// Reads the rows file back from disk: opening it verifies the whole check sum.
fn verify_rows(target: &Path, rows: u64) -> anyhow::Result<()> {
    let reader = checkpoint_file::open(&target.join(ROWS))?.context("the rows file is not complete")?;
    ensure!(reader.ops() == rows, "the rows file holds {} rows, {rows} were written", reader.ops());
    Ok(())
}

fn files(dir: &Path) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        match std::fs::metadata(&path)? {
            meta if meta.is_dir() => found.extend(files(&path)?),
            meta => found.push((path, meta.len())),
        }
    }
    Ok(found)
}

/// Makes a new data directory at `data` from the copy in `copy`. Journals go on where the cut was, so that old tokens
/// and cursors keep their meaning.
///
/// # Errors
/// A copy that is not complete or damaged; a data directory that is not empty.
pub fn restore(copy: &Path, data: &Path) -> anyhow::Result<Manifest> {
    let manifest = manifest_of(copy)?;
    let (dir, _lock) = begin(copy, data)?;
    copy_files(&copy.join("keys"), &dir.keys())?;
    let heads = manifest.partitions.iter().map(|partition| Ok((LogId(partition.number), head(partition)?)));
    let begin_at = heads.collect::<anyhow::Result<Vec<_>>>()?;
    LocalJournal::open(&dir.journal(), waybill_journal::Options { begin_at, ..Default::default() })?
        .close()?;
    Box::new(copy_rows(copy, &dir)?).close()?;
    dir.end_arrival()?;
    Ok(manifest)
}

/// What a complete copy says of itself.
fn manifest_of(copy: &Path) -> anyhow::Result<Manifest> {
    let text = std::fs::read(copy.join(MANIFEST))
        .with_context(|| format!("{} is not a complete copy", copy.display()))?;
    let manifest: Manifest = serde_json::from_slice(&text).context("the manifest cannot be read")?;
    if manifest.format != FORMAT {
        bail!("the copy is of form {}, this binary reads form {FORMAT}", manifest.format);
    }
    verify_rows(copy, manifest.rows)?;
    Ok(manifest)
}

/// Where a partition of a copy stood.
fn head(partition: &ManifestPartition) -> anyhow::Result<Head> {
    Ok(Head { seq: partition.sequence, hash: hash(&partition.hash)?, epoch: partition.epoch })
}

/// Begins a data directory, with the decisions of the copy; nothing starts on it before it is whole, and it is this
/// process's alone while the lock is held.
fn begin(copy: &Path, data: &Path) -> anyhow::Result<(DataDir, DirLock)> {
    let dir = DataDir::new(data);
    let is_new = || {
        let empty = dir.is_empty().with_context(|| format!("cannot look into {}", data.display()))?;
        ensure!(empty, "{} is not empty; restore into a new directory", data.display());
        anyhow::Ok(())
    };
    is_new()?;
    std::fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    let lock = dir.lock()?;
    is_new()?;
    dir.begin_arrival(Filling::Restore, &copy.display().to_string())?;
    for path in [dir.store(), dir.journal(), dir.keys(), dir.checkpoints()] {
        std::fs::create_dir_all(path)?;
    }
    if copy.join(DECISIONS).is_dir() {
        copy_files(&copy.join(DECISIONS), &dir.path().join(DECISIONS))?;
    }
    Ok((dir, lock))
}

/// Puts the rows of a copy into a new store.
fn copy_rows(copy: &Path, dir: &DataDir) -> anyhow::Result<SledStore> {
    let store = SledStore::open(&dir.store(), waybill_store::Options::default())?;
    let mut reader = checkpoint_file::open(&copy.join(ROWS))?.context("the rows file is not complete")?;
    let _: u32 = decode(reader.meta()).context("the rows file is not one of a copy")?;
    reader.put_into(&store)?;
    store.sync()?;
    Ok(store)
}

/// Tells nobody how far it is.
struct Silent;

impl crate::migrate::Progress for Silent {
    fn begin(&self, _: &str, _: u64) {}
    fn step(&self) {}
    fn arrived(&self, _: &waybill_replica::moving::Moved) {}
}

/// The services a process runs, in words.
#[must_use]
pub fn services(running: &Running) -> Vec<Service> {
    let runs = [
        running.orders.is_some(),
        running.inventory.is_some(),
        running.fulfillment.is_some(),
        running.customers.is_some(),
    ];
    Service::ALL.into_iter().zip(runs).filter(|(_, runs)| *runs).map(|(service, _)| service).collect()
}
