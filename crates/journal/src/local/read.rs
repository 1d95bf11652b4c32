//! Reading frames of one log: finds the segment, live or archived, walks it, and checks every frame it returns.
//! A reader never skips: it answers frames in order or says where the order breaks.

use std::io::ErrorKind;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Error, Frame, Hash, LogId, chain_hash};

use super::archive::{ArchivedSegment, header_of};
use super::format::{Bases, FRAME_HEADER_BYTES, FrameHeader, Kind};
use super::index::Mark;
use super::segment::SegmentFile;
use super::shared::{Shared, lock};

const PIECE_BYTES: usize = 128 << 10;

/// Where the next frame wanted stands.
enum Place {
    Live { segment: Arc<SegmentFile>, mark: Mark, end: u64 },
    Archived { ids: Vec<u64> },
    BeyondEnd,
}

/// What a walk looks for and has found.
struct Walk {
    log: LogId,
    next: u64,
    /// Hash of the frame before `next`, once known.
    previous: Option<Hash>,
    frames: Vec<Frame>,
    bytes_left: usize,
}

impl Walk {
    fn done(&self) -> bool {
        self.bytes_left == 0 && !self.frames.is_empty()
    }
}

/// See [`crate::Journal::read`].
pub(crate) fn read(shared: &Shared, log: LogId, from: u64, max_bytes: usize) -> Result<Vec<Frame>, Error> {
    let mut walk = Walk { log, next: from.max(1), previous: None, frames: Vec::new(), bytes_left: max_bytes };
    loop {
        match step(shared, &mut walk) {
            Ok(true) => {}
            Ok(false) => return Ok(walk.frames),
            // What stands before the fault is good, and the caller comes back for what follows it.
            Err(_) if !walk.frames.is_empty() => return Ok(walk.frames),
            Err(error) => return Err(error),
        }
    }
}

/// Reads on in one segment. False when there is no more, or enough was read.
fn step(shared: &Shared, walk: &mut Walk) -> Result<bool, Error> {
    let wanted = walk.next;
    match locate(shared, walk.log, wanted)? {
        Place::BeyondEnd => return Ok(false),
        Place::Live { segment, mark, end } => walk_segment(&segment, mark, end, walk)?,
        Place::Archived { ids } => match read_archived(shared, &ids, walk) {
            Ok(()) => {}
            // Dropped from the archive since it was located: look again.
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        },
    }
    if walk.next == wanted { Err(Error::Hole { at: wanted }) } else { Ok(!walk.done()) }
}

fn locate(shared: &Shared, log: LogId, seq: u64) -> Result<Place, Error> {
    let state = lock(&shared.state);
    if state.logs.get(&log).is_none_or(|log| seq > log.durable.seq) {
        return Ok(Place::BeyondEnd);
    }
    for live in state.live.values().rev() {
        if let Some(mark) = live.index.find(log, seq) {
            return Ok(Place::Live { segment: Arc::clone(&live.segment), mark, end: live.end });
        }
    }
    let first_live = state.live.values().next().map_or(0, |live| base_of(&live.bases, log));
    if seq > first_live {
        return Err(Error::Hole { at: seq });
    }
    let oldest_base = base_of(&state.oldest_bases, log);
    if seq <= oldest_base {
        return Err(Error::Trimmed { oldest: oldest_base + 1 });
    }
    Ok(Place::Archived { ids: state.archive.keys().copied().collect() })
}

/// Sequence of the log's last frame before a segment with these bases.
pub(crate) fn base_of(bases: &Bases, log: LogId) -> u64 {
    bases.get(&log).map_or(0, |head| head.seq)
}

fn read_archived(shared: &Shared, ids: &[u64], walk: &mut Walk) -> Result<(), Error> {
    let (disk, dir) = (&*shared.disk, shared.archive_dir());
    // The last segment that began before the wanted frame has it. Headers tell; no index of the archive is kept.
    let (mut low, mut high) = (0, ids.len());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let began_at = base_of(&header_of(disk, &dir, ids[middle])?.bases, walk.log);
        if began_at < walk.next { low = middle } else { high = middle }
    }
    let Some(id) = ids.get(low) else { return Err(Error::Hole { at: walk.next }) };
    let archived = ArchivedSegment::open(disk, &dir, *id)?;
    match archived.index.find(walk.log, walk.next) {
        Some(mark) => walk_segment(&archived.segment, mark, archived.end, walk),
        None => Err(Error::Hole { at: walk.next }),
    }
}

/// Collects frames of the walk's log from the mark to the segment's end, or until the walk has enough.
fn walk_segment(segment: &SegmentFile, mark: Mark, end: u64, walk: &mut Walk) -> Result<(), Error> {
    let mut window = segment.window(end, PIECE_BYTES);
    let mut at = u64::from(mark.offset);
    let mut previous = mark.previous;
    while at < end && !walk.done() {
        let Some(header) = FrameHeader::decode(window.bytes(at, FRAME_HEADER_BYTES)?, segment.stamp) else {
            return Err(segment.damaged(at, "not a whole frame"));
        };
        let ours = header.kind != Kind::Seal && header.log == walk.log;
        if ours && header.seq < walk.next {
            previous = header.hash;
        } else if ours {
            let body = window.bytes(at + FRAME_HEADER_BYTES as u64, header.body_bytes as usize)?;
            if body.len() != header.body_bytes as usize || crc32c::crc32c(body) != header.body_crc {
                return Err(segment.damaged(at, "the frame's body does not match its checksum"));
            }
            let frame = Frame {
                seq: header.seq,
                epoch: header.epoch,
                body: Bytes::copy_from_slice(body),
                hash: header.hash,
            };
            walk.take(frame, &previous)?;
        }
        at += header.span();
    }
    Ok(())
}

impl Walk {
    /// Takes the next frame if it is the one that has to come.
    fn take(&mut self, frame: Frame, mark_previous: &Hash) -> Result<(), Error> {
        if frame.seq != self.next {
            return Err(Error::Hole { at: self.next });
        }
        let previous = self.previous.unwrap_or(*mark_previous);
        if chain_hash(&previous, frame.seq, frame.epoch, &frame.body) != frame.hash {
            return Err(Error::BadChain { at: frame.seq });
        }
        self.bytes_left = self.bytes_left.saturating_sub(frame.body.len().max(1));
        self.next += 1;
        self.previous = Some(frame.hash);
        self.frames.push(frame);
        Ok(())
    }
}
