//! Looks where watched logs of others end, all of them in one statement, and whether the disk has room again. Knows
//! nothing of what is in the frames.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use waybill_journal::LogId;

use crate::fault::Fault;
use crate::frames;
use crate::log::Log;
use crate::shared::Shared;

/// A log that this handle appends to is looked at all the same now and then: somebody may have claimed it.
const OWN_EVERY: Duration = Duration::from_millis(500);
const ROOM_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn run(shared: Arc<Shared>) {
    let mut own_at = Instant::now();
    let mut room_at = Instant::now();
    let mut ticks = tokio::time::interval(shared.options.poll);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !shared.is_closed() {
        ticks.tick().await;
        let own_too = own_at <= Instant::now();
        if own_too {
            own_at = Instant::now() + OWN_EVERY;
        }
        let wanted = |log: &&Arc<Log>| log.moved.receiver_count() > 0 && (own_too || !log.is_own());
        let logs: Vec<Arc<Log>> = shared.logs.lock().values().filter(wanted).map(Arc::clone).collect();
        if !logs.is_empty() {
            look(&shared, &logs).await;
        }
        if shared.room.is_full() && room_at <= Instant::now() {
            if let Ok(()) = try_room(&shared).await {
                shared.room.found();
            }
            room_at = Instant::now() + ROOM_EVERY;
        }
    }
}

async fn look(shared: &Shared, logs: &[Arc<Log>]) {
    let ids: Vec<LogId> = logs.iter().map(|log| log.id).collect();
    match frames::ends(&shared.pools.data, &ids).await {
        Ok(ends) => {
            for (id, end) in ends {
                if let Some(log) = logs.iter().find(|log| log.id == id) {
                    log.seen(&end);
                }
            }
        }
        // The next look is soon enough; who waits for a frame learns of the outage from what it asks itself.
        Err(fault) => {
            tracing::debug!(?fault, "could not look where logs end");
        }
    }
}

/// Writes as much as the largest frame, and takes it back.
async fn try_room(shared: &Shared) -> Result<(), Fault> {
    let body = vec![0x5a_u8; shared.options.max_frame_bytes as usize];
    let mut lent = shared.pools.data.lend().await?;
    lent.begin().await?;
    let sql = "INSERT INTO base_chunks (id, chunk, body) VALUES (''::bytea, 0, $1)";
    let tried = lent.query(sql, &[&&body[..]]).await;
    // Ends it also where the insert was refused.
    lent.roll_back().await?;
    tried.map(drop)
}
