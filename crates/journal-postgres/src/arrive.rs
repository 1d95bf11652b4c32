//! Logs that were written elsewhere, taken into tables that have none. Knows no rows, and owns nothing it takes.

use std::sync::Arc;

use tokio_postgres::types::ToSql;
use waybill_journal::arrival::{Arrivals, continuing};
use waybill_journal::{BoxFuture, Error, Frame, Head, LogId};

use crate::PostgresJournal;
use crate::fault::Fault;
use crate::frames::{self, number, signed};
use crate::log::Log;
use crate::shared::Shared;

const EMPTY: &str = "SELECT 1 WHERE EXISTS (SELECT 1 FROM logs) OR EXISTS (SELECT 1 FROM frames) \
    OR EXISTS (SELECT 1 FROM bases) OR EXISTS (SELECT 1 FROM vault)";

const BEGIN: &str =
    "INSERT INTO logs (log, trimmed, trimmed_hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

const BEGUN: &str = "SELECT trimmed, trimmed_hash FROM logs l WHERE log = $1 AND NOT EXISTS \
    (SELECT 1 FROM frames f WHERE f.log = l.log)";

const ADOPT: &str = "INSERT INTO frames (log, seq, epoch, writer, hash, bytes_total, body) \
    SELECT $1, f.seq, f.epoch, $2, f.hash, f.total, f.body \
    FROM unnest($3::int8[], $4::int8[], $5::bytea[], $6::int8[], $7::bytea[]) AS f(seq, epoch, hash, total, body) \
    ON CONFLICT DO NOTHING";

const CLEAR: &str = "TRUNCATE frames, logs, leases, bases, base_drafts, base_chunks, vault, subject_keys";

async fn begin(shared: &Shared, log: &Log, after: Head) -> Result<(), Error> {
    let pool = &shared.pools.data;
    let (at, seq) = (number(log.id), signed(after.seq));
    let hash: &[u8] = if after.seq == 0 { &[] } else { &after.hash };
    pool.query(BEGIN, &[&at, &seq, &hash]).await.map_err(Fault::into_error)?;
    let rows = pool.query(BEGUN, &[&at]).await.map_err(Fault::into_error)?;
    let is_so = rows.first().is_some_and(|row| {
        let (found, with) = (row.try_get::<_, i64>(0), row.try_get::<_, &[u8]>(1));
        found.is_ok_and(|found| found == seq) && with.is_ok_and(|with| with == hash)
    });
    if !is_so {
        return Err(Error::Options {
            what: format!("log {} has something already; it cannot be begun", log.id),
        });
    }
    log.trimmed(after.seq, 0);
    Ok(())
}

async fn adopt(shared: &Shared, log: &Log, frames: Vec<Frame>) -> Result<Head, Error> {
    let pool = &shared.pools.data;
    let (_, end) = frames::slot_and_end(pool, log.id, 0).await.map_err(Fault::into_error)?;
    let (end, mut total) = match end {
        Some(end) => (end.head, end.total),
        None => {
            let begun = frames::trim_of(pool, log.id).await.map_err(Fault::into_error)?;
            (Head { seq: begun.through, hash: begun.hash, epoch: 0 }, begun.bytes)
        }
    };
    let frames = continuing(&end, frames)?;
    let Some(last) = frames.last().map(Frame::head) else { return Ok(end) };
    let mut writer = [0u8; 16];
    getrandom::fill(&mut writer)
        .map_err(|error| Error::Engine { what: format!("no randomness: {error}") })?;
    let totals = frames.iter().map(|frame| {
        total += frame.body.len() as u64;
        signed(total)
    });
    let totals: Vec<i64> = totals.collect();
    let seqs: Vec<i64> = frames.iter().map(|frame| signed(frame.seq)).collect();
    let epochs: Vec<i64> = frames.iter().map(|frame| signed(frame.epoch)).collect();
    let hashes: Vec<&[u8]> = frames.iter().map(|frame| &frame.hash[..]).collect();
    let bodies: Vec<&[u8]> = frames.iter().map(|frame| &frame.body[..]).collect();
    let (id, writer) = (number(log.id), &writer[..]);
    let rows: [&(dyn ToSql + Sync); 7] = [&id, &writer, &seqs, &epochs, &hashes, &totals, &bodies];
    pool.query(ADOPT, &rows).await.map_err(Fault::into_error)?;
    // Of two that fill one log at once neither is believed: the end must be what this one stored.
    let (_, stored) = frames::slot_and_end(pool, log.id, 0).await.map_err(Fault::into_error)?;
    match stored {
        Some(stored) if stored.head == last => {
            log.seen(&stored);
            Ok(last)
        }
        _ => Err(Error::BadChain { at: last.seq }),
    }
}

impl Arrivals for PostgresJournal {
    fn is_empty(&self) -> BoxFuture<'_, Result<bool, Error>> {
        let shared = self.shared.clone();
        self.shared.run(async move {
            let rows = shared.pools.data.query(EMPTY, &[]).await.map_err(Fault::into_error)?;
            Ok(rows.is_empty())
        })
    }

    fn begin_log(&self, log: LogId, after: Head) -> BoxFuture<'_, Result<(), Error>> {
        let (shared, log) = (self.shared.clone(), self.shared.log(log));
        self.shared.run(async move { begin(&shared, &log, after).await })
    }

    fn adopt(&self, log: LogId, frames: Vec<Frame>) -> BoxFuture<'_, Result<Head, Error>> {
        let (shared, log) = (self.shared.clone(), self.shared.log(log));
        self.shared.run(async move { adopt(&shared, &log, frames).await })
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), Error>> {
        let shared: Arc<Shared> = self.shared.clone();
        self.shared.run(async move {
            let pool = &shared.pools.data;
            pool.query(CLEAR, &[]).await.map(|_| ()).map_err(Fault::into_error)
        })
    }
}
