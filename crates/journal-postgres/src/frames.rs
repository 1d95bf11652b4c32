//! The statements about frames. Each is plain SQL that PostgreSQL, CockroachDB and YugabyteDB accept; none of them
//! takes a lock of its own or relies on more than a primary key being unique. Knows no waiting and no retrying.

use bytes::Bytes;
use tokio_postgres::Row;
use waybill_journal::{Hash, Head, LogId};

use crate::fault::Fault;
use crate::pool::Pool;

/// A random number per claim: tells one claimant's frames from another's, even under one epoch.
pub(crate) type Writer = [u8; 16];

/// A frame to store, and what must stand before it.
pub(crate) struct NewFrame {
    pub(crate) log: LogId,
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    pub(crate) writer: Writer,
    pub(crate) before: Hash,
    pub(crate) hash: Hash,
    pub(crate) body: Bytes,
}

/// A stored frame without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) head: Head,
    pub(crate) writer: Writer,
    /// Bytes of all bodies up to here.
    pub(crate) total: u64,
}

/// The frame before must be this writer's own, of this epoch and hash: a claim by anybody else takes a number, so either
/// the frame before is not ours or this number is taken.
const APPEND: &str = "INSERT INTO frames (log, seq, epoch, writer, hash, bytes_total, body) \
    SELECT p.log, p.seq + 1, p.epoch, p.writer, $5, p.bytes_total + $6, $7 FROM frames p \
    WHERE p.log = $1 AND p.seq = $2 AND p.epoch = $3 AND p.writer = $4 AND p.hash = $8 RETURNING bytes_total";

/// A claim follows whatever is last; the number it takes is what fences.
const CLAIM: &str = "INSERT INTO frames (log, seq, epoch, writer, hash, bytes_total, body) \
    SELECT p.log, p.seq + 1, p.epoch + 1, $4, $5, p.bytes_total, ''::bytea FROM frames p \
    WHERE p.log = $1 AND p.seq = $2 AND p.epoch = $3 AND p.hash = $6 RETURNING bytes_total";

const CLAIM_FIRST: &str = "INSERT INTO frames (log, seq, epoch, writer, hash, bytes_total, body) \
    SELECT l.log, 1, 1, $2, $3, 0, ''::bytea FROM logs l \
    WHERE l.log = $1 AND l.trimmed = 0 AND NOT EXISTS (SELECT 1 FROM frames f WHERE f.log = $1) \
    RETURNING bytes_total";

const SLOT_AND_END: &str = "(SELECT seq, epoch, hash, writer, bytes_total FROM frames WHERE log = $1 AND seq = $2) \
    UNION ALL (SELECT seq, epoch, hash, writer, bytes_total FROM frames WHERE log = $1 ORDER BY seq DESC LIMIT 1)";

const ENDS: &str = "SELECT f.seq, f.epoch, f.hash, f.writer, f.bytes_total, l.log FROM unnest($1::int4[]) AS l(log) \
    CROSS JOIN LATERAL (SELECT seq, epoch, hash, writer, bytes_total FROM frames \
    WHERE frames.log = l.log ORDER BY seq DESC LIMIT 1) AS f";

/// Numbers are far from this; a caller's that is beyond it belongs nowhere.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn number(log: LogId) -> i32 {
    i32::from(log.0)
}

/// Bytes of all bodies up to this one where the frame was stored; none where what must stand before it does not.
pub(crate) async fn append(pool: &Pool, frame: &NewFrame) -> Result<Option<u64>, Fault> {
    let (log, before, epoch) = (number(frame.log), signed(frame.seq - 1), signed(frame.epoch));
    let (writer, hash, last) = (&frame.writer[..], &frame.hash[..], &frame.before[..]);
    let (bytes, body) = (frame.body.len() as i64, &frame.body[..]);
    let rows =
        pool.query_once(APPEND, &[&log, &before, &epoch, &writer, &hash, &bytes, &body, &last]).await?;
    rows.first().map(|row| unsigned(row.try_get(0)?)).transpose()
}

/// Stores a claim frame after `end`; false where the log does not end there any more.
pub(crate) async fn claim(
    pool: &Pool,
    log: LogId,
    end: &Head,
    writer: Writer,
    hash: Hash,
) -> Result<bool, Fault> {
    let (log, seq, epoch) = (number(log), signed(end.seq), signed(end.epoch));
    let (writer, hash, last) = (&writer[..], &hash[..], &end.hash[..]);
    let rows = if *end == Head::EMPTY {
        pool.query_once("INSERT INTO logs (log) VALUES ($1) ON CONFLICT DO NOTHING", &[&log]).await?;
        pool.query_once(CLAIM_FIRST, &[&log, &writer, &hash]).await?
    } else {
        pool.query_once(CLAIM, &[&log, &seq, &epoch, &writer, &hash, &last]).await?
    };
    Ok(!rows.is_empty())
}

/// The frame at `seq`, if there is one, and the log's last.
pub(crate) type SlotAndEnd = (Option<Stored>, Option<Stored>);

/// Asks until there is an answer or patience ends.
pub(crate) async fn slot_and_end(pool: &Pool, log: LogId, seq: u64) -> Result<SlotAndEnd, Fault> {
    parse_slot_and_end(&pool.query(SLOT_AND_END, &[&number(log), &signed(seq)]).await?, seq)
}

/// Asks once, for who has a patience of its own.
pub(crate) async fn slot_and_end_once(pool: &Pool, log: LogId, seq: u64) -> Result<SlotAndEnd, Fault> {
    parse_slot_and_end(&pool.query_once(SLOT_AND_END, &[&number(log), &signed(seq)]).await?, seq)
}

fn parse_slot_and_end(rows: &[Row], seq: u64) -> Result<SlotAndEnd, Fault> {
    let rows = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
    let slot = rows.iter().find(|row| row.head.seq == seq).copied();
    Ok((slot, rows.into_iter().max_by_key(|row| row.head.seq)))
}

/// The last frames of these logs; logs without frames are left out.
pub(crate) async fn ends(pool: &Pool, logs: &[LogId]) -> Result<Vec<(LogId, Stored)>, Fault> {
    let numbers: Vec<i32> = logs.iter().map(|log| number(*log)).collect();
    let rows = pool.query(ENDS, &[&numbers]).await?;
    rows.iter().map(|row| Ok((log_of(row.try_get(5)?)?, stored(row)?))).collect()
}

/// What was trimmed of a log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trimmed {
    pub(crate) through: u64,
    pub(crate) hash: Hash,
    pub(crate) bytes: u64,
}

/// Every log that was ever claimed.
pub(crate) async fn trims(pool: &Pool) -> Result<Vec<(LogId, Trimmed)>, Fault> {
    let rows = pool.query("SELECT trimmed, trimmed_hash, trimmed_bytes, log FROM logs", &[]).await?;
    rows.iter().map(|row| Ok((log_of(row.try_get(3)?)?, trimmed(row)?))).collect()
}

pub(crate) async fn trim_of(pool: &Pool, log: LogId) -> Result<Trimmed, Fault> {
    let sql = "SELECT trimmed, trimmed_hash, trimmed_bytes FROM logs WHERE log = $1";
    let rows = pool.query(sql, &[&number(log)]).await?;
    rows.first().map_or(Ok(Trimmed::default()), trimmed)
}

fn trimmed(row: &Row) -> Result<Trimmed, Fault> {
    let through = unsigned(row.try_get(0)?)?;
    let hash = if through == 0 { [0; 16] } else { sixteen(row.try_get(1)?)? };
    Ok(Trimmed { through, hash, bytes: unsigned(row.try_get(2)?)? })
}

fn stored(row: &Row) -> Result<Stored, Fault> {
    let seq = unsigned(row.try_get(0)?)?;
    let epoch = unsigned(row.try_get(1)?)?;
    let hash = sixteen(row.try_get(2)?)?;
    let writer = sixteen(row.try_get(3)?)?;
    Ok(Stored { head: Head { seq, hash, epoch }, writer, total: unsigned(row.try_get(4)?)? })
}

pub(crate) fn sixteen(bytes: &[u8]) -> Result<[u8; 16], Fault> {
    bytes.try_into().map_err(|_| Fault::Refused(format!("a row holds {} bytes where 16 belong", bytes.len())))
}

pub(crate) fn unsigned(number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|_| Fault::Refused(format!("a row holds {number} where a count belongs")))
}

pub(crate) fn log_of(number: i32) -> Result<LogId, Fault> {
    let log = u16::try_from(number);
    log.map(LogId).map_err(|_| Fault::Refused(format!("a row holds {number} where a log's number belongs")))
}
