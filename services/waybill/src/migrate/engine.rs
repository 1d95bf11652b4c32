//! From a data directory to an engine that has nothing.

use super::{Options, Progress, Report, decisions, every, keys, log_of, nobody_lives, proven, with_machine};
use crate::config::Config;
use anyhow::{Context, bail, ensure};
use futures::stream::{StreamExt, TryStreamExt};
use std::path::Path;
use std::sync::Arc;
use waybill_journal::cluster::Engine;
use waybill_journal::{Head, Journal};
use waybill_replica::agreed::{self, Arrival};
use waybill_replica::moving::{self, Carried, Stretch};
use waybill_replica::{Body, Host};
use waybill_types::PartitionId;

/// Logs that are carried at once.
const AT_ONCE: usize = 8;

/// Carries everything in `from` into the engine, and proves it.
///
/// # Errors
/// A directory that is served, or damaged; an engine that holds anything; a state that arrived as another. What was begun and
/// not finished is refused by every process until it is begun again and finished.
pub async fn to_engine(
    from: &Path,
    engine: &Arc<dyn Engine>,
    options: &Options,
    progress: &dyn Progress,
) -> anyhow::Result<Report> {
    let dir = waybill_replica::DataDir::new(from);
    ensure!(dir.exists(), "{} is not a data directory: there is no journal in it", from.display());
    free(engine, options).await?;
    if let Some(to) = options.decisions.first() {
        decisions::free(to)?;
    }
    let host = Arc::new(open(from, options).await?);
    let arrival = Arrival { from: from.display().to_string(), mark: mark()? };
    agreed::begin_arrival(engine, &arrival).await?;
    let mut report = Report::default();
    let ends = logs(&host, engine, options, progress, &mut report.frames).await?;
    progress.begin("partitions", ends.len() as u64);
    for (partition, at) in ends {
        let sent = with_machine!(partition.service, M => {
            moving::send_state::<M>(&host, engine, partition, at).await
        });
        let moved = sent?;
        proven(&moved)?;
        progress.arrived(&moved);
        progress.step();
        report.partitions.push(moved);
    }
    let source = Arc::clone(&host);
    let vault = tokio::task::spawn_blocking(move || crate::vault::load(&source)).await??;
    if let Some(vault) = vault {
        report.keys = keys::send(vault, engine, progress).await?;
    }
    agreed::end_arrival(engine, &arrival, host.layout(), u32::from(Body::VERSION)).await?;
    // Nothing depends on them: they may be copied by hand when this breaks off.
    if let Some(to) = options.decisions.first() {
        report.decisions = decisions::copy(from, to).context("everything arrived but decisions")?;
    }
    Ok(report)
}

fn mark() -> anyhow::Result<u64> {
    let mut mark = [0; 8];
    getrandom::fill(&mut mark).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(u64::from_be_bytes(mark))
}

/// An engine that holds nothing, or nothing but what is to be begun again.
async fn free(engine: &Arc<dyn Engine>, options: &Options) -> anyhow::Result<()> {
    nobody_lives(engine).await?;
    let said = agreed::look(engine).await?;
    match (said.arriving, options.begin_again) {
        (Some(_), true) => bail!("the remains of an earlier migration are there; clear them first"),
        (Some(Arrival { from, .. }), false) => bail!(
            "the shared journal was being filled from {from} and is not whole: repeat with --begin-again to remove what is \
             there and begin anew"
        ),
        (None, _) => ensure!(
            engine.is_empty().await?,
            "the shared journal holds something already; name an empty schema"
        ),
    }
    Ok(())
}

/// Removes what a migration has left that was broken off, and nothing else. The engine must be opened anew afterwards.
///
/// # Errors
/// An engine that is in use, or that does not answer.
pub async fn clear_remains(engine: &Arc<dyn Engine>) -> anyhow::Result<bool> {
    nobody_lives(engine).await?;
    let said = agreed::look(engine).await?;
    if said.arriving.is_none() || said.layout.is_some() {
        return Ok(false);
    }
    engine.clear().await?;
    Ok(true)
}

pub(super) async fn open(from: &Path, options: &Options) -> anyhow::Result<Host> {
    crate::serve::open_host(&settings(from, options).await?).await
}

/// The settings that a directory is opened with to be read, whatever it was served with.
pub(super) async fn settings(from: &Path, options: &Options) -> anyhow::Result<Config> {
    let store = waybill_store::Options::default();
    let dir = waybill_replica::DataDir::new(from);
    ensure!(dir.store().is_dir(), "{} is not a data directory: there is no store in it", from.display());
    let found = tokio::task::spawn_blocking(move || {
        let store = waybill_store::SledStore::open(&dir.store(), store)?;
        let layout = moving::layout_of(&store)?;
        waybill_store::Store::close(Box::new(store))?;
        anyhow::Ok(layout)
    });
    let layout = found.await?.with_context(|| format!("cannot open {}", from.display()))?;
    let layout = layout.with_context(|| format!("{} was never served: it has no layout", from.display()))?;
    let hours = u32::try_from(options.request_ttl_ms / 3_600_000).unwrap_or(u32::MAX);
    let mut config = Config { data_dir: from.to_path_buf(), partitions: layout.orders, ..Config::default() };
    config.limits.request_ttl_hours = hours;
    // Opening must not drop what some other setting keeps.
    config.journal.archive_bytes = u64::MAX;
    Ok(config)
}

/// Carries the logs, several at once; answers where each that has anything ends at the engine.
async fn logs(
    host: &Arc<Host>,
    engine: &Arc<dyn Engine>,
    options: &Options,
    progress: &dyn Progress,
    carried: &mut Carried,
) -> anyhow::Result<Vec<(PartitionId, Head)>> {
    let (journal, layout, keep) = (Arc::clone(host.journal()), host.layout(), options.keep_bytes);
    let reading = Arc::clone(&journal);
    let stretches = tokio::task::spawn_blocking(move || {
        let of = |id| Ok(moving::stretch(&*reading, log_of(id), keep)?.map(|stretch| (id, stretch)));
        every(layout).filter_map(|id| of(id).transpose()).collect::<anyhow::Result<Vec<_>>>()
    });
    let stretches: Vec<(PartitionId, Stretch)> = stretches.await??;
    progress.begin("logs", stretches.len() as u64);
    let send = |(id, stretch): (PartitionId, Stretch)| {
        let journal: &Arc<dyn Journal> = &journal;
        async move {
            let sent = moving::send_log(journal, engine, stretch).await;
            progress.step();
            sent.map(|(end, carried)| (id, end, carried))
        }
    };
    let mut sent: Vec<_> =
        futures::stream::iter(stretches).map(send).buffer_unordered(AT_ONCE).try_collect().await?;
    sent.sort_by_key(|(id, ..)| id.number());
    for (.., each) in &sent {
        carried.frames += each.frames;
        carried.bytes += each.bytes;
    }
    Ok(sent.into_iter().map(|(id, end, _)| (id, end)).collect())
}
