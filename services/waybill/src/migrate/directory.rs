//! From an engine to a new data directory.

use super::{Options, Progress, Report, decisions, every, keys, log_of, nobody_lives, proven, with_machine};
use crate::config::Config;
use anyhow::{Context, bail, ensure};
use std::path::Path;
use std::sync::Arc;
use waybill_journal::cluster::Engine;
use waybill_journal::{Journal, LocalJournal};
use waybill_replica::moving::{self, Moved, Stretch};
use waybill_replica::{DataDir, DirLock, Filling, agreed};
use waybill_store::{SledStore, Store};
use waybill_types::{Layout, PartitionId};

/// Carries everything in the engine into a new data directory, and proves it.
///
/// # Errors
/// A process that lives; a directory that holds anything; a state that arrived as another. A directory that was begun and not
/// finished does not start.
pub async fn to_directory(
    engine: &Arc<dyn Engine>,
    to: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> anyhow::Result<Report> {
    nobody_lives(engine).await?;
    let said = agreed::look(engine).await?;
    ensure!(said.arriving.is_none(), "the shared journal is not whole: a migration into it was broken off");
    let layout = said.layout.context("the shared journal has no cluster in it")?;
    let dir = DataDir::new(to);
    // Held until it is whole: two migrations into one directory would mix.
    let lock = taken(&dir, options)?;
    dir.begin_arrival(Filling::Migration, "a shared journal")?;
    for path in [dir.store(), dir.journal(), dir.checkpoints(), dir.keys()] {
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
    }
    let mut report = Report::default();
    let stretches = logs(engine, &dir, layout, options, progress, &mut report).await?;
    let moved = states(engine, &dir, layout, &stretches, options, progress).await?;
    if let Some((id, count)) = keys::take(engine, &dir.keys(), progress).await? {
        report.keys = count;
        note_vault(&dir, id, count).await?;
    }
    for from in &options.decisions {
        report.decisions += decisions::copy(from, to)?;
    }
    unmoved(engine, &stretches).await?;
    // It is opened as any other, and is what it is by its own files alone; nobody else starts on it before that is shown.
    report.partitions = prove(to, lock.clone(), moved, options, progress).await?;
    dir.end_arrival()?;
    drop(lock);
    Ok(report)
}

/// The directory for this migration alone, with nothing in it.
fn taken(dir: &DataDir, options: &Options) -> anyhow::Result<DirLock> {
    let path = dir.path();
    let is_new = || {
        let empty = dir.is_empty().with_context(|| format!("cannot look into {}", path.display()))?;
        ensure!(empty, "{} is not empty; name a new directory", path.display());
        anyhow::Ok(())
    };
    if dir.arriving_from().is_none() {
        is_new()?;
    }
    std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    let lock = dir.lock()?;
    match dir.arriving_from() {
        None => {}
        Some((Filling::Restore, from)) => bail!(
            "{} was being restored from {from} and is not whole; that is not a migration's to remove: name a new directory",
            path.display()
        ),
        Some((Filling::Migration, _)) => {
            ensure!(
                options.begin_again,
                "{} was being filled and is not whole: repeat with --begin-again to remove it and begin anew",
                path.display()
            );
            dir.clear(&lock).with_context(|| format!("cannot empty {}", path.display()))?;
        }
    }
    is_new()?;
    Ok(lock)
}

async fn logs(
    engine: &Arc<dyn Engine>,
    dir: &DataDir,
    layout: Layout,
    options: &Options,
    progress: &dyn Progress,
    report: &mut Report,
) -> anyhow::Result<Vec<(PartitionId, Stretch)>> {
    let (reading, keep) = (Arc::clone(engine), options.keep_bytes);
    let stretches = tokio::task::spawn_blocking(move || {
        let of = |id| Ok(moving::stretch(&*reading, log_of(id), keep)?.map(|stretch| (id, stretch)));
        every(layout).filter_map(|id| of(id).transpose()).collect::<anyhow::Result<Vec<_>>>()
    });
    let stretches: Vec<(PartitionId, Stretch)> = stretches.await??;
    let begun = stretches.iter().filter(|(_, stretch)| stretch.after.seq > 0);
    let begin_at = begun.map(|(_, stretch)| (stretch.log, stretch.after)).collect();
    let settings = waybill_journal::Options { begin_at, ..Config::default().journal_options() };
    let path = dir.journal();
    let journal = tokio::task::spawn_blocking(move || LocalJournal::open(&path, settings)).await??;
    let (from, to): (Arc<dyn Journal>, Arc<dyn Journal>) = (Arc::clone(engine) as _, Arc::new(journal));
    progress.begin("logs", stretches.len() as u64);
    for (_, stretch) in &stretches {
        let carried = moving::take_log(&from, &to, *stretch).await?;
        report.frames.frames += carried.frames;
        report.frames.bytes += carried.bytes;
        progress.step();
    }
    // Closes it: what was appended is synced already.
    tokio::task::spawn_blocking(move || drop(to)).await?;
    Ok(stretches)
}

async fn states(
    engine: &Arc<dyn Engine>,
    dir: &DataDir,
    layout: Layout,
    stretches: &[(PartitionId, Stretch)],
    options: &Options,
    progress: &dyn Progress,
) -> anyhow::Result<Vec<Moved>> {
    let path = dir.store();
    let opening = move || SledStore::open(&path, waybill_store::Options::default());
    let store: Arc<dyn Store> = Arc::new(tokio::task::spawn_blocking(opening).await??);
    moving::found_layout(&*store, layout)?;
    let mut all = Vec::new();
    progress.begin("partitions", stretches.len() as u64);
    for (id, stretch) in stretches {
        let (of, ttl) = ((*id, layout), options.request_ttl_ms);
        let end = stretch.end;
        let taken =
            with_machine!(id.service, M => moving::take_state::<M>(engine, &store, of, end, ttl).await);
        all.push(taken?);
        progress.step();
    }
    tokio::task::spawn_blocking(move || drop(store)).await?;
    Ok(all)
}

/// Which vault belongs to the rows, as a start notes it.
async fn note_vault(dir: &DataDir, id: [u8; 16], keys: u64) -> anyhow::Result<()> {
    let path = dir.store();
    tokio::task::spawn_blocking(move || {
        let store = SledStore::open(&path, waybill_store::Options::default())?;
        crate::vault::note(&store, id, keys)?;
        Ok(Store::close(Box::new(store))?)
    })
    .await?
}

/// Refuses where somebody wrote to the engine meanwhile.
async fn unmoved(engine: &Arc<dyn Engine>, stretches: &[(PartitionId, Stretch)]) -> anyhow::Result<()> {
    for (id, stretch) in stretches {
        let (reading, next, log) = (Arc::clone(engine), stretch.end.seq + 1, stretch.log);
        let more = tokio::task::spawn_blocking(move || reading.read(log, next, 1)).await??;
        ensure!(more.is_empty(), "{id} was written to meanwhile; stop every process and begin again");
    }
    Ok(())
}

async fn prove(
    to: &Path,
    lock: DirLock,
    mut moved: Vec<Moved>,
    options: &Options,
    progress: &dyn Progress,
) -> anyhow::Result<Vec<Moved>> {
    progress.begin("states", moved.len() as u64);
    let settings = super::engine::settings(to, options).await?;
    let host = Arc::new(crate::serve::open_arriving(&settings, lock).await?);
    for moved in &mut moved {
        let (host, id) = (Arc::clone(&host), moved.partition);
        let hash = tokio::task::spawn_blocking(
            move || with_machine!(id.service, M => moving::arrived::<M>(&host, id)),
        );
        moved.arrived = hash.await??;
        proven(moved)?;
        progress.arrived(moved);
        progress.step();
    }
    Ok(moved)
}
