//! Removing frames that nobody needs: behind the older base, and behind what is kept for streams that resume. Notes what
//! it will remove before it removes it. Knows nothing of bases but where they stand.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use minicbor::{Decode, Encode};
use serde_json::{Value, json};
use waybill_journal::{Error, LogId};

use crate::bases;
use crate::log::Log;
use crate::shared::{Fail, Shared};
use crate::table;

/// How often logs that were full are asked whether they have room again.
const ROOM_EVERY: Duration = Duration::from_millis(500);

/// Everything up to here may be gone.
#[derive(Clone, Default, Debug, Encode, Decode)]
struct Trim {
    #[n(0)]
    through: u64,
}

fn row(log: LogId) -> String {
    format!("trim.{log}")
}

/// What was noted to be trimmed; 0 where nothing was.
pub(crate) async fn trimmed(shared: &Shared, log: LogId, left: Duration) -> Result<u64, Fail> {
    let (_, trim) = table::get::<Trim>(shared, &row(log), left).await?;
    Ok(trim.through)
}

/// Notes that everything up to `through` is not there, before anything is done about it.
pub(crate) async fn note(shared: &Shared, log: LogId, through: u64) -> Result<u64, Error> {
    table::change(shared, &row(log), shared.patience("note a trim"), |trim: Trim| {
        let through = through.max(trim.through);
        Ok(((through > trim.through).then_some(Trim { through }), through))
    })
    .await
}

/// Trims what was asked for, and looks for room, until the handle is closed.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut room = tokio::time::interval(ROOM_EVERY);
    room.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !shared.is_closed() {
        tokio::select! {
            () = shared.upkeep_wanted.notified() => {
                let wanted = std::mem::take(&mut *shared.trims.lock());
                for (log, through) in wanted {
                    if let Err(error) = trim(&shared, log, through).await {
                        shared.upkeep_failures.fetch_add(1, Ordering::Relaxed);
                        tracing::warn!(%log, %error, "could not trim a log; the next checkpoint asks again");
                    }
                }
            }
            _ = room.tick() => look_for_room(&shared).await,
        }
    }
}

async fn trim(shared: &Arc<Shared>, log: LogId, through: u64) -> Result<(), Error> {
    let (entry, mut patience) = (shared.log(log), shared.patience("trim the log"));
    let bound = loop {
        match bound(shared, &entry, through, patience.left()).await {
            Ok(bound) => break bound,
            Err(fail) => patience.mend(fail).await?,
        }
    };
    let noted = note(shared, log, bound).await?;
    entry.known.lock().trimmed = noted;
    if noted == 0 {
        return Ok(());
    }
    let verb = format!("STREAM.PURGE.{}", entry.stream);
    loop {
        // Also what an earlier trim noted and did not finish.
        match shared.wire.call::<Value>(&verb, &json!({ "seq": noted + 1 }), patience.left()).await {
            Ok(_) => break,
            Err(fault) => patience.again(&fault).await?,
        }
    }
    describe(shared, &entry, patience.left()).await;
    Ok(())
}

/// The last frame that may go: never the log's last, which the next append must find, and none after the older base.
async fn bound(shared: &Shared, log: &Log, through: u64, left: Duration) -> Result<u64, Fail> {
    let Some(base) = bases::oldest_seq(shared, log.id, left).await? else {
        return Ok(0);
    };
    let Some(info) = shared.wire.info(&log.stream, None, left).await? else {
        return Ok(0);
    };
    let state = info.state;
    // The servers do not say how large a single message is: what is kept is counted in messages of the mean size.
    let mean = state.bytes.checked_div(state.messages).unwrap_or(0).max(1);
    let kept = (shared.options.keep_bytes / mean).max(1);
    Ok(through.min(base).min(state.last_seq.saturating_sub(kept)))
}

async fn describe(shared: &Shared, log: &Log, left: Duration) {
    if let Ok(Some(info)) = shared.wire.info(&log.stream, None, left).await {
        log.described(&info.state, info.config["max_bytes"].as_u64());
    }
}

async fn look_for_room(shared: &Shared) {
    let full = |log: &&Arc<Log>| log.known().is_full;
    let logs: Vec<Arc<Log>> = shared.logs.lock().values().filter(full).map(Arc::clone).collect();
    for log in logs {
        describe(shared, &log, shared.options.answer_within).await;
        let mut known = log.known.lock();
        let needed = shared.options.max_frame_bytes + crate::options::MESSAGE_ALLOWANCE_BYTES;
        if known.bytes.saturating_add(needed) <= known.bytes_max {
            known.is_full = false;
        }
    }
}
