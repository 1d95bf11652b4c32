//! Removing frames that nobody needs: behind the older base, and behind what is kept for streams that resume. Says what
//! it will remove before it removes it. Knows nothing of checkpoints but where they stand.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use waybill_journal::LogId;

use crate::fault::Fault;
use crate::frames::{self, number, signed, unsigned};
use crate::pool::Pool;
use crate::shared::Shared;

/// Frames, and about how many bytes of bodies, deleted by one statement: it must be done well within its time-out.
const BATCH: i64 = 500;
const BATCH_BYTES: i64 = 32 << 20;

pub(crate) async fn run(shared: Arc<Shared>) {
    while !shared.is_closed() {
        shared.upkeep_wanted.notified().await;
        let mut wanted = std::mem::take(&mut *shared.trims.lock());
        while let Some((log, through)) = wanted.pop_first() {
            if let Err(fault) = trim(&shared, log, through).await {
                shared.upkeep_failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%log, ?fault, "could not trim a log; the next checkpoint asks again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn trim(shared: &Shared, log: LogId, through: u64) -> Result<(), Fault> {
    let pool = &shared.pools.data;
    let at = number(log);
    // Only where there are two bases is the older one what would be fallen back on.
    let rows = pool.query("SELECT min(seq) FROM bases WHERE log = $1", &[&at]).await?;
    let base: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose()?.flatten();
    let Some(base) = base else {
        return Ok(());
    };
    let (_, end) = frames::slot_and_end(pool, log, 0).await?;
    let Some(end) = end else {
        return Ok(());
    };
    // The last frame always stays: what is appended next must find it.
    let most = through.min(unsigned(base)?).min(end.head.seq.saturating_sub(1));
    let before = frames::trim_of(pool, log).await?;
    let through = keeping(pool, log, before.through, most, end.total, shared.options.keep_bytes).await?;
    if through > before.through {
        let sql = "UPDATE logs SET trimmed = f.seq, trimmed_hash = f.hash, trimmed_bytes = f.bytes_total \
                   FROM frames f WHERE logs.log = $1 AND logs.trimmed < $2 AND f.log = $1 AND f.seq = $2";
        pool.query(sql, &[&at, &signed(through)]).await?;
    }
    // Also what an earlier trim said and did not finish.
    let trimmed = frames::trim_of(pool, log).await?;
    if let Some(known) = shared.logs.lock().get(&log) {
        known.trimmed(trimmed.through, trimmed.bytes);
    }
    delete(pool, at, signed(trimmed.through)).await
}

/// The last frame at or before `most` behind which at least `keep` bytes of bodies follow: frames' totals only grow, so
/// it is found by halving.
async fn keeping(
    pool: &Pool,
    log: LogId,
    least: u64,
    most: u64,
    total: u64,
    keep: u64,
) -> Result<u64, Fault> {
    let (mut low, mut high) = (least, most.max(least));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let (slot, _) = frames::slot_and_end(pool, log, middle).await?;
        let Some(slot) = slot else {
            // A hole: nothing behind it may go, so that what is wrong can be looked at.
            return Ok(least);
        };
        if total.saturating_sub(slot.total) >= keep { low = middle } else { high = middle - 1 }
    }
    Ok(low)
}

/// Deletes from the front, so that what is left is always a log's end without a hole.
async fn delete(pool: &Pool, log: i32, through: i64) -> Result<(), Fault> {
    let first = "SELECT seq, bytes_total FROM frames WHERE log = $1 AND seq <= $2 ORDER BY seq LIMIT 1";
    let batch =
        "DELETE FROM frames WHERE log = $1 AND seq >= $2 AND seq <= $3 AND (seq = $2 OR bytes_total <= $4)";
    while let Some(row) = pool.query(first, &[&log, &through]).await?.first() {
        let (from, total): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let to = through.min(from + BATCH - 1);
        pool.query(batch, &[&log, &from, &to, &(total + BATCH_BYTES)]).await?;
    }
    Ok(())
}
