//! A partition on its way between a data directory and an engine that processes share: its state, and as much of its log as
//! streams may resume from. It goes under the same numbers and hashes, and what arrived is proven by the hash of the state
//! that is rebuilt from it. Nobody may write at either end meanwhile. It knows no vault and no decisions.

use crate::base::{self, Size};
use crate::base_rows::BaseRows;
use crate::checkpoint::ColdRows;
use crate::core::Core;
use crate::host::{Host, LAYOUT_KEY, OpenError};
use crate::recovery::RecoveryError;
use crate::replay::Played;
use futures::future::try_join_all;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::runtime::Handle;
use waybill_journal::arrival::claim_after;
use waybill_journal::cluster::Engine;
use waybill_journal::{Error, Frame, Head, Journal, LogId};
use waybill_machine::Machine;
use waybill_machine::record::{decode, encode};
use waybill_store::{Op, Store};
use waybill_types::{Layout, PartitionId};

/// What arrived of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which.
    pub partition: PartitionId,
    /// The frame that its state stands at.
    pub at: Head,
    /// Rows of its state.
    pub rows: u64,
    /// Bytes of its keys and values.
    pub bytes: u64,
    /// Hash of the state where it came from.
    pub sent: [u8; 32],
    /// Hash of the state rebuilt from what arrived.
    pub arrived: [u8; 32],
}

/// The part of a log that is carried: everything after `after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Which log.
    pub log: LogId,
    /// The frame before the first that is carried.
    pub after: Head,
    /// The last.
    pub end: Head,
}

/// What was carried of logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Frames.
    pub frames: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

const READ_BYTES: usize = 4 << 20;

/// The layout of a data directory that nobody has open; `None` where none was ever founded. Blocks.
///
/// # Errors
/// A store that cannot be opened.
pub fn layout_of(store: &dyn Store) -> Result<Option<Layout>, OpenError> {
    Ok(store.get(&LAYOUT_KEY)?.map(|bytes| decode(&bytes)).transpose()?)
}

/// Notes the layout of a directory that is being filled. Blocks.
///
/// # Errors
/// A store that fails.
pub fn found_layout(store: &dyn Store, layout: Layout) -> Result<(), OpenError> {
    Ok(store.commit(&[Op::Put { key: LAYOUT_KEY.to_vec(), value: encode(&layout) }])?)
}

/// The last `keep_bytes` or so of a log; `None` where it has no frame. Blocks: reads all that is kept of it.
///
/// # Errors
/// A journal that cannot be read.
pub fn stretch(journal: &dyn Journal, log: LogId, keep_bytes: u64) -> Result<Option<Stretch>, OpenError> {
    let end = journal.head(log);
    if end.seq == 0 {
        return Ok(None);
    }
    let oldest = journal.stats().logs.get(&log).map_or(1, |log| log.oldest).max(1);
    // Where a part begins, and how many bytes lie before it. What the oldest frame follows cannot be asked for, so unless it
    // is the first of all it only serves to begin after.
    let mut begins = Vec::new();
    let (mut next, mut bytes) = (oldest, 0);
    if oldest == 1 {
        begins.push((Head::EMPTY, 0));
    }
    while next <= end.seq {
        let frames = journal.read(log, next, READ_BYTES / 16)?;
        let Some(last) = frames.last() else { return Err(Error::Hole { at: next }.into()) };
        if let (true, Some(first)) = (next == oldest && oldest > 1, frames.first()) {
            begins.push((first.head(), first.body.len() as u64));
        }
        next = last.seq + 1;
        bytes += frames.iter().map(|frame| frame.body.len() as u64).sum::<u64>();
        begins.push((last.head(), bytes));
    }
    let found = begins.into_iter().find(|(_, before)| bytes - before <= keep_bytes);
    let after = found.map_or(end, |(after, _)| after);
    Ok(Some(Stretch { log, after, end }))
}

/// The frames of a stretch, part by part, to `each`.
async fn walk<F: Future<Output = Result<(), OpenError>>>(
    journal: &Arc<dyn Journal>,
    of: Stretch,
    mut each: impl FnMut(Vec<Frame>) -> F,
) -> Result<Carried, OpenError> {
    let (mut next, mut carried) = (of.after.seq + 1, Carried::default());
    while next <= of.end.seq {
        let mut frames = Arc::clone(journal).fetch(of.log, next, READ_BYTES).await?;
        frames.retain(|frame| frame.seq <= of.end.seq);
        let Some(last) = frames.last().map(Frame::head) else { return Err(Error::Hole { at: next }.into()) };
        next = last.seq + 1;
        carried.frames += frames.len() as u64;
        carried.bytes += frames.iter().map(|frame| frame.body.len() as u64).sum::<u64>();
        each(frames).await?;
        if next > of.end.seq && last != of.end {
            return Err(Error::BadChain { at: last.seq }.into());
        }
    }
    Ok(carried)
}

/// Carries a stretch of a log into an engine that has nothing of it, and ends it with a claim of nobody, so that there is a
/// frame to go on from. Answers where the log ends there.
///
/// # Errors
/// A journal that cannot be read; an engine that refuses or does not answer.
pub async fn send_log(
    journal: &Arc<dyn Journal>,
    engine: &Arc<dyn Engine>,
    of: Stretch,
) -> Result<(Head, Carried), OpenError> {
    engine.begin_log(of.log, of.after).await?;
    let adopt = |frames| async move {
        engine.adopt(of.log, frames).await?;
        Ok(())
    };
    let carried = walk(journal, of, adopt).await?;
    let end = engine.adopt(of.log, vec![claim_after(&of.end)]).await?;
    Ok((end, carried))
}

/// Carries a stretch of a log into a journal that was begun after it, claims and all.
///
/// # Errors
/// A frame that does not come out as it went in; a journal that fails.
pub async fn take_log(
    engine: &Arc<dyn Journal>,
    journal: &Arc<dyn Journal>,
    of: Stretch,
) -> Result<Carried, OpenError> {
    let put = |frames: Vec<Frame>| async move {
        // Queued by the calls themselves, in order, and synced together.
        let appended = frames.into_iter().map(|frame| {
            let wanted = frame.head();
            let claim = frame.is_claim().then(|| journal.claim(of.log));
            let append =
                (!frame.is_claim()).then(|| journal.append(of.log, frame.epoch, frame.seq, frame.body));
            async move {
                let head = match (claim, append) {
                    (Some(claim), _) => claim.await?.head,
                    (None, Some(append)) => append.await?,
                    (None, None) => wanted,
                };
                if head == wanted { Ok(()) } else { Err(OpenError::from(Error::BadChain { at: wanted.seq })) }
            }
        });
        try_join_all(appended.collect::<Vec<_>>()).await?;
        Ok(())
    };
    walk(engine, of, put).await
}

/// Carries the state of a partition of a data directory into an engine, as a base at `at`, which must be the claim that its
/// log ends with there; then rebuilds it from what arrived.
///
/// # Errors
/// A state that cannot be rebuilt; an engine that refuses or does not answer.
pub async fn send_state<M: Machine>(
    host: &Arc<Host>,
    engine: &Arc<dyn Engine>,
    partition: PartitionId,
    at: Head,
) -> Result<Moved, OpenError> {
    let rebuilding = Arc::clone(host);
    let (sent, rows) = base::blocking(partition, move || {
        let mut core = rebuilding.rebuild::<M>(partition)?;
        let sent = state_hash(partition, &mut core)?;
        Ok((sent, core.snapshot().rows(Arc::clone(rebuilding.store()))))
    })
    .await?;
    let written = base::write(engine, partition, at, &rows).await?;
    let ttl = host.options.limits.request_ttl_ms;
    let Size { rows, bytes } = written.as_ref().map_or(Size::default(), |written| written.size);
    let arrived = match written {
        Some(written) => {
            written.writer.finish().await?;
            hash_of_base::<M>(engine, partition, host.layout(), at, ttl).await?
        }
        // Nothing at all is a state too: that of a log which begins here.
        None => {
            let mut core = Core::<M>::open(partition, host.layout(), None, ttl);
            core.state_hash()
        }
    };
    Ok(Moved { partition, at, rows, bytes, sent, arrived })
}

/// The hash of the state in the engine's base at `at`.
async fn hash_of_base<M: Machine>(
    engine: &Arc<dyn Engine>,
    partition: PartitionId,
    layout: Layout,
    at: Head,
    request_ttl_ms: i64,
) -> Result<[u8; 32], OpenError> {
    let log = LogId(partition.number());
    let bases = engine.bases(log).await?;
    let missing = || Error::Base { log, seq: at.seq, what: "it was written and is not listed".into() };
    let found = bases.into_iter().find(|base| base.at == at).ok_or_else(missing)?;
    let (engine, runtime, of) = (Arc::clone(engine), Handle::current(), found.clone());
    base::blocking(partition, move || {
        let rows =
            BaseRows::open(found, move |number| Ok(runtime.block_on(engine.base_chunk(&of, number))?))?;
        let open = || Core::<M>::open(partition, layout, Some(Arc::new(rows)), request_ttl_ms);
        let opened = catch_unwind(AssertUnwindSafe(open));
        let mut core = opened.map_err(|panic| RecoveryError::panicked(partition, &*panic))?;
        state_hash(partition, &mut core)
    })
    .await
}

fn state_hash<M: Machine>(partition: PartitionId, core: &mut Core<M>) -> Result<[u8; 32], OpenError> {
    catch_unwind(AssertUnwindSafe(|| core.state_hash()))
        .map_err(|panic| RecoveryError::panicked(partition, &*panic).into())
}

/// Carries the state of a partition from an engine into a store that has nothing of it, at the log's end; answers what was
/// sent. What arrived is known once the directory is opened: see [`arrived`].
///
/// # Errors
/// A state that cannot be rebuilt from base and log; a log that does not end at `at`; a store that fails.
pub async fn take_state<M: Machine>(
    engine: &Arc<dyn Engine>,
    store: &Arc<dyn Store>,
    (partition, layout): (PartitionId, Layout),
    at: Head,
    request_ttl_ms: i64,
) -> Result<Moved, OpenError> {
    base::take(engine, store, partition, LogId(partition.number())).await?;
    let (engine, store) = (Arc::clone(engine), Arc::clone(store));
    base::blocking(partition, move || {
        let journal: &dyn Journal = &*engine;
        let played = Played { store: &store, journal, partition, layout, request_ttl_ms };
        let sent = state_hash(partition, &mut played.put::<M>(at)?)?;
        if engine.head(LogId(partition.number())) != at {
            let what = format!("{partition} was written to meanwhile; stop every process first");
            return Err(Error::Engine { what }.into());
        }
        let rows = ColdRows { store, partition };
        let counted = catch_unwind(AssertUnwindSafe(|| Size::of(&rows)));
        let Size { rows, bytes } = counted.map_err(|panic| RecoveryError::panicked(partition, &*panic))?;
        Ok(Moved { partition, at, rows, bytes, sent, arrived: [0; 32] })
    })
    .await
}

/// The hash of a partition's state as an open directory has it. Blocks.
///
/// # Errors
/// A state that cannot be rebuilt.
pub fn arrived<M: Machine>(host: &Host, partition: PartitionId) -> Result<[u8; 32], OpenError> {
    state_hash(partition, &mut host.rebuild::<M>(partition)?)
}
