//! Reading a stretch of a log: every frame's hash is computed again, and what is not there is told from what was
//! trimmed. Knows nothing of who reads.

use bytes::Bytes;
use tokio_postgres::Row;
use waybill_journal::{Error, Frame, Hash, LogId, chain_hash};

use crate::fault::Fault;
use crate::frames::{self, number, signed};
use crate::shared::Shared;

/// Most frames of one read; a reader asks again.
const FRAMES_MAX: u64 = 512;

/// The frame before comes along for its hash, without its body. A frame belongs to the answer if it is the first, or if
/// the bodies up to it, the first included, are within the bound.
const READ: &str = "SELECT f.seq, f.epoch, f.hash, CASE WHEN f.seq >= $2 THEN f.body END FROM frames f \
    WHERE f.log = $1 AND f.seq >= $2 - 1 AND f.seq < $2 + $3 AND (f.seq <= $2 OR f.bytes_total <= $4 + COALESCE( \
    (SELECT p.bytes_total FROM frames p WHERE p.log = $1 AND p.seq = $2 - 1), \
    (SELECT l.trimmed_bytes FROM logs l WHERE l.log = $1), 0)) ORDER BY f.seq";

pub(crate) async fn read(
    shared: &Shared,
    log: LogId,
    from: u64,
    max_bytes: usize,
) -> Result<Vec<Frame>, Error> {
    // Numbers begin at 1, and none is as large as the column can hold.
    let from = from.max(1);
    if i64::try_from(from.saturating_add(FRAMES_MAX)).is_err() {
        return Ok(Vec::new());
    }
    let most = signed(max_bytes as u64).min(i64::MAX / 2);
    let pool = &shared.pools.data;
    let rows = pool.query(READ, &[&number(log), &signed(from), &(FRAMES_MAX as i64), &most]).await;
    let rows = rows.map_err(Fault::into_error)?;
    let mut rows = rows.iter().map(|row| Entry::parse(row, from)).collect::<Result<Vec<_>, _>>()?.into_iter();
    let mut ahead = rows.next();
    let before = match ahead.take_if(|entry| entry.seq < from) {
        Some(entry) => {
            ahead = rows.next();
            Some(entry.hash)
        }
        None => hash_before(shared, log, from, ahead.is_some()).await?,
    };
    let Some(mut before) = before else {
        return Ok(Vec::new());
    };
    let mut frames = Vec::new();
    for (seq, entry) in (from..).zip(ahead.into_iter().chain(rows)) {
        if entry.seq != seq {
            return Err(Error::Hole { at: seq });
        }
        let body = entry.body.unwrap_or_default();
        if entry.hash != chain_hash(&before, seq, entry.epoch, &body) {
            return Err(Error::BadChain { at: seq });
        }
        before = entry.hash;
        frames.push(Frame { seq, epoch: entry.epoch, body, hash: entry.hash });
    }
    if frames.is_empty() {
        nothing_from(shared, log, from).await?;
    }
    Ok(frames)
}

struct Entry {
    seq: u64,
    epoch: u64,
    hash: Hash,
    body: Option<Bytes>,
}

impl Entry {
    fn parse(row: &Row, from: u64) -> Result<Self, Error> {
        let engine = |error: tokio_postgres::Error| Fault::from(error).into_error();
        let seq: i64 = row.try_get(0).map_err(engine)?;
        let epoch: i64 = row.try_get(1).map_err(engine)?;
        let hash: &[u8] = row.try_get(2).map_err(engine)?;
        let body: Option<&[u8]> = row.try_get(3).map_err(engine)?;
        let seq = u64::try_from(seq).map_err(|_| Error::BadChain { at: from })?;
        let damaged = |()| Error::BadChain { at: seq };
        Ok(Self {
            seq,
            epoch: u64::try_from(epoch).map_err(|_| damaged(()))?,
            hash: hash.try_into().map_err(|_| damaged(()))?,
            body: body.map(Bytes::copy_from_slice),
        })
    }
}

/// The hash that frame `from` follows, where the frame before it is not there; none where the log ends before it.
async fn hash_before(shared: &Shared, log: LogId, from: u64, is_there: bool) -> Result<Option<Hash>, Error> {
    // Read after the frames were: what was trimmed by then had said so before.
    let trimmed = frames::trim_of(&shared.pools.data, log).await.map_err(Fault::into_error)?;
    if from == trimmed.through + 1 {
        return Ok(Some(trimmed.hash));
    }
    if from <= trimmed.through {
        return Err(Error::Trimmed { oldest: trimmed.through + 1 });
    }
    if is_there {
        return Err(Error::Hole { at: from - 1 });
    }
    nothing_from(shared, log, from - 1).await?;
    Ok(None)
}

/// Refuses if the log goes on beyond `from` although nothing was found there.
async fn nothing_from(shared: &Shared, log: LogId, from: u64) -> Result<(), Error> {
    let (slot, end) = frames::slot_and_end(&shared.pools.data, log, from).await.map_err(Fault::into_error)?;
    if let Some(end) = &end {
        shared_seen(shared, log, end);
    }
    match (slot, end) {
        (None, Some(end)) if end.head.seq > from => Err(Error::Hole { at: from }),
        _ => Ok(()),
    }
}

fn shared_seen(shared: &Shared, log: LogId, end: &frames::Stored) {
    if let Some(log) = shared.logs.lock().get(&log) {
        log.seen(end);
    }
}
