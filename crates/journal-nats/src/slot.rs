//! What stands at one place of a log, and where the log ends, as the stream's leader has it. Knows nothing of who asks.

use std::time::Duration;

use waybill_journal::Error;

use crate::fault::Fault;
use crate::frame::Stored;
use crate::log::Log;
use crate::shared::{Fail, Shared};
use crate::wire::{Info, Kept, Which};

/// One place of a log.
#[derive(Debug)]
pub(crate) enum Slot {
    Taken(Stored),
    /// The log ends just before it.
    Free,
    /// The log ends further before it.
    Beyond {
        end: u64,
    },
    /// The log begins after it.
    Trimmed,
    /// The log has frames before and after it.
    Hole,
}

/// # Errors
/// [`Error::BadChain`] where what stands there is no frame of this log.
pub(crate) async fn look(shared: &Shared, log: &Log, seq: u64, left: Duration) -> Result<Slot, Fail> {
    let found = match shared.wire.get(&log.stream, Which::At(seq), left).await {
        Ok(found) => found,
        Err(fault) if fault.is_no_stream() => None,
        Err(fault) => return Err(fault.into()),
    };
    if let Some(kept) = found {
        return Ok(Slot::Taken(Stored::decode(log.id, seq, &kept.payload)?));
    }
    let Some(info) = shared.wire.info(&log.stream, None, left).await? else {
        return Ok(if seq == 1 { Slot::Free } else { Slot::Beyond { end: 0 } });
    };
    log.described(&info.state, info.config["max_bytes"].as_u64());
    let (first, last) = (info.state.first_seq, info.state.last_seq);
    Ok(if seq == last + 1 {
        Slot::Free
    } else if seq > last {
        Slot::Beyond { end: last }
    } else if seq < first {
        Slot::Trimmed
    } else {
        Slot::Hole
    })
}

/// The log's last frame, none where it has had none.
///
/// # Errors
/// [`Error::Hole`] where the last frame is not there, [`Error::BadChain`] where it is not whole.
pub(crate) async fn end_of(shared: &Shared, log: &Log, left: Duration) -> Result<Option<Stored>, Fail> {
    // Both at once, since each takes its time.
    let (info, newest) = tokio::join!(shared.wire.info(&log.stream, None, left), newest(shared, log, left));
    match info? {
        Some(info) => end(shared, log, &info, newest?, left).await,
        None => Ok(None),
    }
}

/// The newest frame that is there.
pub(crate) async fn newest(shared: &Shared, log: &Log, left: Duration) -> Result<Option<Kept>, Fault> {
    match shared.wire.get(&log.stream, Which::LastOf(&log.subject), left).await {
        Err(fault) if fault.is_no_stream() => Ok(None),
        answer => answer,
    }
}

/// The log's last frame, from the stream as it is described and its newest frame, asked for at about the same time.
///
/// # Errors
/// As [`end_of`].
pub(crate) async fn end(
    shared: &Shared,
    log: &Log,
    info: &Info,
    newest: Option<Kept>,
    left: Duration,
) -> Result<Option<Stored>, Fail> {
    log.described(&info.state, info.config["max_bytes"].as_u64());
    let last = info.state.last_seq;
    let kept = match newest {
        // One more may have come between the two.
        Some(kept) if kept.seq >= last => Some(kept),
        _ if last == 0 => return Ok(None),
        _ => shared.wire.get(&log.stream, Which::At(last), left).await?,
    };
    let Some(kept) = kept else { return Err(Error::Hole { at: last }.into()) };
    Ok(Some(Stored::decode(log.id, kept.seq, &kept.payload)?))
}
