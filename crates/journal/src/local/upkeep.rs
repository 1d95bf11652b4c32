//! The background thread of a journal: archives and recycles segments behind every log's trim, drops what the
//! archive may no longer keep, and keeps a preallocated segment ready. It never touches the active segment.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crate::Error;

use super::archive;
use super::index::SegmentIndex;
use super::segment::{SegmentFile, Spare, segment_name, spare_name};
use super::shared::{Shared, lock};

/// Segments kept preallocated ahead of the writer.
const SPARES_AHEAD: usize = 1;
/// Trimmed segments kept for reuse; more are removed.
const SPARES_KEPT: usize = 2;

/// Does upkeep whenever it is wanted, until told to stop.
pub(crate) fn run(shared: &Shared) {
    loop {
        let mut request = lock(&shared.upkeep);
        while !request.wanted && !request.stop {
            request = shared.upkeep_wanted.wait(request).unwrap_or_else(PoisonError::into_inner);
        }
        if request.stop {
            return;
        }
        request.wanted = false;
        drop(request);
        if tidy(shared).is_err() {
            // Tried again when the next segment begins or a log is trimmed; until then the room just is not there,
            // which whoever needs it is told.
            shared.upkeep_failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One round of upkeep. Preallocation comes last, as recycling may make it unnecessary.
fn tidy(shared: &Shared) -> Result<(), Error> {
    let recycled = recycle_trimmed(shared).and_then(|()| shrink_archive(shared));
    let preallocated = shared.add_spare_unless(|room| room.spares() >= SPARES_AHEAD);
    recycled.and(preallocated)
}

fn recycle_trimmed(shared: &Shared) -> Result<(), Error> {
    while let Some((segment, index, end)) = oldest_trimmed(shared) {
        if shared.is_poisoned() || lock(&shared.upkeep).stop {
            return Ok(());
        }
        let archived = match shared.options.archive.keep_bytes {
            0 => None,
            _ => Some(archive::store(&*shared.disk, &shared.archive_dir(), &segment, &index, end)?),
        };
        retire(shared, segment, archived)?;
    }
    Ok(())
}

/// The oldest live segment, if it is not the active one and every frame in it is trimmed.
fn oldest_trimmed(shared: &Shared) -> Option<(Arc<SegmentFile>, SegmentIndex, u64)> {
    let state = lock(&shared.state);
    if state.live.len() < 2 {
        return None;
    }
    let (_, oldest) = state.live.first_key_value()?;
    let trimmed = |log| state.logs.get(log).map_or(0, |log| log.trimmed);
    let all = oldest.index.logs.iter().all(|(log, range)| trimmed(log) >= range.last);
    all.then(|| (Arc::clone(&oldest.segment), oldest.index.clone(), oldest.end))
}

/// Takes a segment out of the live ones and makes its file a spare, or removes it.
fn retire(shared: &Shared, segment: Arc<SegmentFile>, archived: Option<u64>) -> Result<(), Error> {
    let id = segment.id;
    let mut state = lock(&shared.state);
    state.live.remove(&id);
    match archived {
        Some(bytes) => {
            state.archive.insert(id, bytes);
        }
        None => {
            // An archive kept by earlier settings would have a gap from here on.
            if let Some((_, next)) = state.live.first_key_value() {
                let bases = Arc::clone(&next.bases);
                if state.archive.is_empty() {
                    state.oldest_bases = bases;
                }
            }
        }
    }
    drop(state);

    let path = segment.path.clone();
    let failed = |what: &str| Error::io(format!("{what} {}", path.display()));
    // A reader that still holds the file must go on seeing the old frames: such a file is never written again.
    let unread = Arc::into_inner(segment);
    let reusable = unread.is_some_and(|segment| segment.segment_bytes == shared.options.segment_bytes)
        && lock(&shared.room).spares() < SPARES_KEPT;
    if !reusable {
        shared.disk.remove(&path).map_err(failed("remove"))?;
        return shared.disk.sync_dir(&shared.dir).map_err(failed("remove durably"));
    }
    let mut next = lock(&shared.allocating);
    let spare = shared.dir.join(spare_name(*next));
    *next += 1;
    shared.disk.rename(&path, &spare).map_err(failed("recycle"))?;
    // Before the spare is offered: its header may be overwritten only once its old name is gone for good.
    shared.disk.sync_dir(&shared.dir).map_err(failed("recycle durably"))?;
    lock(&shared.room).add_spare(Spare { path: spare });
    Ok(())
}

/// Drops the oldest archived segments until the rest is within the limit.
pub(crate) fn shrink_archive(shared: &Shared) -> Result<(), Error> {
    let dir = shared.archive_dir();
    loop {
        let state = lock(&shared.state);
        let total: u64 = state.archive.values().sum();
        let mut ids = state.archive.keys().copied();
        let (oldest, next) = (ids.next(), ids.next());
        let next_live = state.live.values().next().map(|live| Arc::clone(&live.bases));
        drop(state);
        let Some(id) = oldest.filter(|_| total > shared.options.archive.keep_bytes) else { return Ok(()) };
        let bases = match next {
            Some(next) => Some(Arc::new(archive::header_of(&*shared.disk, &dir, next)?.bases)),
            None => next_live,
        };
        // In one step, or a reader in between would take what was dropped for a hole. Only this thread moves the
        // archive, so nothing has changed since it was looked at.
        let mut state = lock(&shared.state);
        state.archive.remove(&id);
        state.oldest_bases = bases.unwrap_or_default();
        drop(state);

        let path = dir.join(segment_name(id));
        let failed = |what: &str| Error::io(format!("{what} {}", path.display()));
        shared.disk.remove(&path).map_err(failed("remove"))?;
        shared.disk.sync_dir(&dir).map_err(failed("remove durably"))?;
    }
}
