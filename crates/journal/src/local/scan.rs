//! Reading a whole segment when the journal is opened: where its frames end, and whether that is a torn tail or
//! damage. Decides, and repairs only what was never acknowledged.

use std::collections::BTreeMap;

use crate::{Error, Hash, Head, LogId, chain_hash};

use super::format::{ALIGN, FRAME_HEADER_BYTES, FrameHeader, Kind};
use super::index::{Mark, SegmentIndex};
use super::segment::SegmentFile;

const PIECE_BYTES: usize = 1 << 20;

/// Where each log ends: its head, and the hash of the frame before that.
pub(crate) type Ends = BTreeMap<LogId, (Head, Hash)>;

/// What a segment holds.
pub(crate) struct Scan {
    pub(crate) index: SegmentIndex,
    /// Offset after the last whole frame.
    pub(crate) end: u64,
    /// Everything before this offset was durable when the last frame was written.
    pub(crate) durable_to: u64,
}

/// Walks all frames from the start, moving `ends` along, until something is not a frame.
///
/// # Errors
/// [`Error::Damaged`] for a whole frame that does not continue its log; [`Error::Io`].
pub(crate) fn scan(segment: &SegmentFile, ends: &mut Ends) -> Result<Scan, Error> {
    let limit = segment.segment_bytes;
    let mut window = segment.window(limit, PIECE_BYTES);
    let mut found =
        Scan { index: SegmentIndex::default(), end: segment.frames_start, durable_to: segment.frames_start };
    loop {
        let at = found.end;
        let Some(frame) = FrameHeader::decode(window.bytes(at, FRAME_HEADER_BYTES)?, segment.stamp) else {
            break;
        };
        if frame.span() > limit - at {
            break;
        }
        let body = window.bytes(at + FRAME_HEADER_BYTES as u64, frame.body_bytes as usize)?;
        if body.len() != frame.body_bytes as usize || crc32c::crc32c(body) != frame.body_crc {
            break;
        }
        if frame.kind != Kind::Seal {
            let end = ends.entry(frame.log).or_default();
            check_continues(segment, at, &end.0, &frame, body)?;
            let mark = Mark { seq: frame.seq, offset: at as u32, previous: end.0.hash };
            found.index.note(frame.log, mark, frame.span());
            *end = (frame.head(), mark.previous);
        }
        found.durable_to = u64::from(frame.durable_to);
        found.end = at + frame.span();
    }
    Ok(found)
}

fn check_continues(
    segment: &SegmentFile,
    at: u64,
    head: &Head,
    frame: &FrameHeader,
    body: &[u8],
) -> Result<(), Error> {
    if frame.seq != head.seq + 1 {
        let what = format!("log {} has sequence {} after {}", frame.log, frame.seq, head.seq);
        return Err(segment.damaged(at, what));
    }
    if chain_hash(&head.hash, frame.seq, frame.epoch, body) != frame.hash {
        let what = format!("log {} sequence {} does not continue the chain of hashes", frame.log, frame.seq);
        return Err(segment.damaged(at, what));
    }
    Ok(())
}

/// Decides whether the last segment may end at `end`. Answers where remains of a torn round end.
///
/// A power cut may lose any part of the last, never acknowledged round of writes, so whole frames of that same
/// round may follow a torn one. A frame of a later round may not: it was written only after the torn place had been
/// made durable, and says so in its `durable_to`.
///
/// # Errors
/// [`Error::Damaged`] at the place that was durable and is not readable.
pub(crate) fn torn_until(segment: &SegmentFile, end: u64) -> Result<u64, Error> {
    let magic = segment.stamp.magic();
    let mut window = segment.window(segment.segment_bytes, PIECE_BYTES);
    let mut torn_until = end;
    let mut at = end;
    loop {
        let piece = window.piece(at)?;
        if piece.len() < FRAME_HEADER_BYTES {
            return Ok(torn_until);
        }
        // The last header of a piece may reach over its end; the next piece begins early enough to have it whole.
        let starts = (piece.len() - FRAME_HEADER_BYTES) / ALIGN as usize + 1;
        for start in 0..starts {
            let from = start * ALIGN as usize;
            if piece[from..from + 4] != magic {
                continue;
            }
            let Some(frame) = FrameHeader::decode(&piece[from..], segment.stamp) else { continue };
            if u64::from(frame.durable_to) > end {
                let what = format!(
                    "not a whole frame, yet a later one stands at {} (log {}, sequence {}): restore the file",
                    at + from as u64,
                    frame.log,
                    frame.seq
                );
                return Err(segment.damaged(end, what));
            }
            torn_until = at + (from + FRAME_HEADER_BYTES) as u64;
        }
        at += starts as u64 * ALIGN;
    }
}

/// Makes the tail of the last segment what the scan said it is: rewrites the last round, because after a failed
/// sync it may stand in the page cache only, and blanks what is left of torn frames, which must never be read as
/// live once new frames reach up to them.
pub(crate) fn repair(segment: &SegmentFile, durable_to: u64, end: u64, torn_until: u64) -> Result<(), Error> {
    let failed = |what: &str| Error::io(format!("{what} the tail of {}", segment.path.display()));
    let from = durable_to.clamp(segment.frames_start, end);
    if from == torn_until {
        return Ok(());
    }
    let mut tail = vec![0; (torn_until - from) as usize];
    let whole = (end - from) as usize;
    let read = segment.file.read_at(&mut tail[..whole], from).map_err(failed("read"))?;
    if read != whole {
        return Err(segment.damaged(from + read as u64, "the file ends before its last frame"));
    }
    segment.file.write_at(&tail, from).map_err(failed("rewrite"))?;
    segment.file.sync().map_err(failed("sync"))
}
