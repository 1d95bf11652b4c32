//! Logs that were written elsewhere, taken into streams that are made for them: a stream begins at the number that the
//! first frame has. Knows no rows, and owns nothing it takes.

use serde_json::{Value, json};
use waybill_journal::arrival::{Arrivals, continuing};
use waybill_journal::cluster::Keys;
use waybill_journal::{BoxFuture, Error, Frame, Hash, Head, LogId};

use crate::frame::Stored;
use crate::journal::{NatsJournal, existing_logs};
use crate::log::Log;
use crate::shared::{Fail, Shared, token};
use crate::slot::{self, Slot};
use crate::wire::Expect;
use crate::{streams, trim};

/// Notes what is not there, and makes the stream behind it.
async fn begin(shared: &Shared, log: &Log, after: Head) -> Result<(), Error> {
    let mut patience = shared.patience("begin a log");
    let mut wanted = streams::log_config(&shared.options, &shared.names, log.id);
    if after.seq > 0 {
        trim::note(shared, log.id, after.seq).await?;
        wanted["first_seq"] = json!(after.seq + 1);
    }
    let info = streams::ensure(&shared.wire, &wanted, &mut patience).await?;
    if info.state.messages > 0 || info.state.last_seq != after.seq {
        let last = info.state.last_seq;
        let what =
            format!("the stream {} has something already, up to {last}; it cannot be begun", log.stream);
        return Err(Error::Options { what });
    }
    let mut known = log.known.lock();
    (known.trimmed, known.read_to) = (after.seq, Some((after.seq, after.hash)));
    Ok(())
}

/// Where the log ends: its last frame, or what it was begun behind.
async fn end(shared: &Shared, log: &Log) -> Result<Head, Error> {
    let mut patience = shared.patience("learn where the log ends");
    loop {
        let seen = match shared.wire.info(&log.stream, None, patience.left()).await {
            Ok(Some(info)) if info.state.messages == 0 => {
                let seq = info.state.last_seq;
                let begun = log.known().read_to.filter(|(at, _)| *at == seq);
                let begun = begun.or((seq == 0).then_some((0, [0; 16])));
                let unknown = || Error::Options {
                    what: format!("log {} was begun by another handle: clear it and begin anew", log.id),
                };
                return begun.map(|(seq, hash)| Head { seq, hash, epoch: 0 }).ok_or_else(unknown);
            }
            Ok(_) => slot::end_of(shared, log, patience.left()).await,
            Err(fault) => Err(fault.into()),
        };
        match seen {
            Ok(found) => return Ok(found.map_or(Head::EMPTY, |found| found.frame.head())),
            Err(fail) => patience.mend(fail).await?,
        }
    }
}

async fn adopt(shared: &Shared, log: &Log, frames: Vec<Frame>) -> Result<Head, Error> {
    let mut end = end(shared, log).await?;
    let writer = token()?;
    for frame in continuing(&end, frames)? {
        let head = frame.head();
        store(shared, log, Stored { previous: end.hash, writer, frame }, end.hash).await?;
        end = head;
    }
    log.seen(end);
    Ok(end)
}

/// One frame, at its own number or nowhere. What an earlier try stored there may have had another writer.
async fn store(shared: &Shared, log: &Log, new: Stored, before: Hash) -> Result<(), Error> {
    let mut patience = shared.patience("store a frame that arrives");
    let (seq, payload) = (new.frame.seq, new.encode(log.id));
    loop {
        let expect = Expect::Last(seq - 1);
        let stored =
            shared.wire.publish(&log.stream, &log.subject, expect, payload.clone(), patience.left()).await;
        match stored {
            Ok(at) if at == seq => return Ok(()),
            Ok(_) => return Err(Error::BadChain { at: seq }),
            Err(fault) if fault.is_full() => {
                return Err(Error::Full { needed_bytes: payload.len() as u64 });
            }
            Err(fault) if fault.is_taken() => match slot::look(shared, log, seq, patience.left()).await {
                Ok(Slot::Taken(found)) if found.frame == new.frame && found.previous == before => {
                    return Ok(());
                }
                Ok(Slot::Taken(_)) => return Err(Error::BadChain { at: seq }),
                Ok(Slot::Free | Slot::Beyond { .. } | Slot::Trimmed | Slot::Hole) => {
                    patience.again(&fault).await?;
                }
                Err(Fail::Fault(fault)) => patience.again(&fault).await?,
                Err(Fail::Error(error)) => return Err(error),
            },
            Err(fault) => patience.again(&fault).await?,
        }
    }
}

/// Removes a stream; one that is not there is removed.
async fn remove(shared: &Shared, stream: &str) -> Result<(), Error> {
    let mut patience = shared.patience("remove a stream");
    let verb = format!("STREAM.DELETE.{stream}");
    loop {
        match shared.wire.call::<Value>(&verb, &Value::Null, patience.left()).await {
            Ok(_) => return Ok(()),
            Err(fault) if fault.is_no_stream() => return Ok(()),
            Err(fault) => patience.again(&fault).await?,
        }
    }
}

impl Arrivals for NatsJournal {
    fn is_empty(&self) -> BoxFuture<'_, Result<bool, Error>> {
        Box::pin(async move {
            let logs = self.run(|shared| async move { existing_logs(&shared).await }).await?;
            Ok(logs.is_empty() && self.vault().await?.is_none())
        })
    }

    fn begin_log(&self, log: LogId, after: Head) -> BoxFuture<'_, Result<(), Error>> {
        self.run(move |shared| async move { begin(&shared, &shared.log(log), after).await })
    }

    fn adopt(&self, log: LogId, frames: Vec<Frame>) -> BoxFuture<'_, Result<Head, Error>> {
        self.run(move |shared| async move { adopt(&shared, &shared.log(log), frames).await })
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.run(|shared| async move {
            for stream in [shared.names.bases(), shared.names.keys(), shared.names.tables()] {
                remove(&shared, &stream).await?;
            }
            // The log beyond all partitions goes last: it says that what is left is of no use.
            let mut logs = existing_logs(&shared).await?;
            logs.sort_by_key(|log| log.0);
            for log in logs {
                remove(&shared, &shared.names.log(log)).await?;
            }
            Ok(())
        })
    }
}
