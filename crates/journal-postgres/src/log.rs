//! One log as this handle knows it, and the task that appends to it: one request at a time, each resolved before the
//! next. Knows statements only by what they answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use waybill_journal::{Claim, Error, Hash, Head, LogId, chain_hash};

use crate::fault::{Backoff, Fault};
use crate::frames::{self, NewFrame, Stored, Writer};
use crate::shared::Shared;

/// What the log's task is asked for.
pub(crate) enum Request {
    Claim { reply: oneshot::Sender<Result<Claim, Error>> },
    Append { epoch: u64, seq: u64, body: Bytes, reply: oneshot::Sender<Result<Head, Error>> },
}

/// The claim that this handle made last, and where its writer has got to.
#[derive(Clone, Copy)]
struct Own {
    epoch: u64,
    writer: Writer,
    end: Head,
    /// Hash before `end`, to know a repeated append again.
    before: Hash,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Known {
    /// The furthest end that was ever seen; a log that ends before it has lost frames.
    pub(crate) head: Head,
    pub(crate) total: u64,
    pub(crate) trimmed: u64,
    pub(crate) trimmed_bytes: u64,
    own: Option<Own>,
}

/// One log.
pub(crate) struct Log {
    pub(crate) id: LogId,
    known: Mutex<Known>,
    pub(crate) moved: watch::Sender<u64>,
    pub(crate) requests: mpsc::UnboundedSender<Request>,
}

impl Log {
    /// The log and the other end of its queue. The queue is as long as its callers let it grow: one append each.
    pub(crate) fn new(id: LogId) -> (Self, mpsc::UnboundedReceiver<Request>) {
        let (requests, queue) = mpsc::unbounded_channel();
        let log = Self { id, known: Mutex::default(), moved: watch::Sender::new(0), requests };
        (log, queue)
    }

    pub(crate) fn known(&self) -> Known {
        *self.known.lock()
    }

    /// True while this handle appends to the log, as far as it knows: it need not be asked where the log ends.
    pub(crate) fn is_own(&self) -> bool {
        let known = self.known.lock();
        known.own.is_some_and(|own| own.epoch == known.head.epoch)
    }

    /// The log was seen to end here. Never goes back.
    pub(crate) fn seen(&self, end: &Stored) {
        let mut known = self.known.lock();
        if end.head.seq > known.head.seq {
            (known.head, known.total) = (end.head, end.total);
            drop(known);
            self.moved.send_if_modified(|seq| {
                let on = end.head.seq > *seq;
                *seq = end.head.seq.max(*seq);
                on
            });
        }
    }

    pub(crate) fn trimmed(&self, through: u64, bytes: u64) {
        let mut known = self.known.lock();
        known.trimmed = known.trimmed.max(through);
        known.trimmed_bytes = known.trimmed_bytes.max(bytes);
    }

    fn owned(&self, epoch: u64, end: &Stored, before: Hash) {
        self.known.lock().own = Some(Own { epoch, writer: end.writer, end: end.head, before });
        self.seen(end);
    }
}

/// Serves one log until its handle is gone.
pub(crate) async fn serve(shared: Arc<Shared>, log: Arc<Log>, mut queue: mpsc::UnboundedReceiver<Request>) {
    while let Some(request) = queue.recv().await {
        // Nobody waiting for the answer is no reason not to do it: the request was taken.
        match request {
            Request::Claim { reply } => drop(reply.send(claim(&shared, &log).await)),
            Request::Append { epoch, seq, body, reply } => {
                drop(reply.send(append(&shared, &log, epoch, seq, body).await));
            }
        }
    }
}

/// How a request's place in the log turned out.
enum Place {
    /// It is stored there.
    Ours(Stored),
    /// Nothing is there, and what must stand before it does: it may still be stored.
    Vacant,
    Refused(Error),
}

async fn append(shared: &Shared, log: &Log, epoch: u64, seq: u64, body: Bytes) -> Result<Head, Error> {
    let known = log.known();
    let own = match known.own {
        Some(own) if own.epoch == epoch && known.head.epoch <= epoch => own,
        _ => return Err(Error::Fenced { current_epoch: known.head.epoch }),
    };
    if seq == own.end.seq && chain_hash(&own.before, seq, epoch, &body) == own.end.hash {
        return Ok(own.end);
    }
    if seq != own.end.seq + 1 {
        return Err(Error::Sequence { expected: own.end.seq + 1, got: seq });
    }
    let hash = chain_hash(&own.end.hash, seq, epoch, &body);
    let bytes = body.len() as u64;
    let frame = NewFrame { log: log.id, seq, epoch, writer: own.writer, before: own.end.hash, hash, body };
    let stored = store(shared, log, &own, &frame).await.inspect_err(|error| {
        if let Error::Full { .. } = error {
            shared.room.ran_out();
        }
    });
    let stored = stored.map_err(|error| match error {
        Error::Full { .. } => Error::Full { needed_bytes: bytes },
        other => other,
    })?;
    log.owned(epoch, &stored, own.end.hash);
    shared.appends.fetch_add(1, Ordering::Relaxed);
    shared.appended_bytes.fetch_add(bytes, Ordering::Relaxed);
    Ok(stored.head)
}

/// Stores a frame or finds out why it is not stored. An insert without an answer is never taken for failed: it may be in
/// the table, or still on its way there, so the same insert is made again until the place has one or the other.
async fn store(shared: &Shared, log: &Log, own: &Own, frame: &NewFrame) -> Result<Stored, Error> {
    let pool = &shared.pools.data;
    let mut backoff = Backoff::new(pool.patience);
    let mut unanswered = false;
    loop {
        let fault = match frames::append(pool, frame).await {
            Ok(Some(total)) => {
                let head = Head { seq: frame.seq, hash: frame.hash, epoch: frame.epoch };
                return Ok(Stored { head, writer: frame.writer, total });
            }
            Ok(None) | Err(Fault::Taken) => Fault::Again("the frame's place is not what it was".into()),
            Err(fault) => fault,
        };
        unanswered |= matches!(fault, Fault::Down(_));
        shared.doubts.fetch_add(1, Ordering::Relaxed);
        let fault = match place(shared, log, own, frame).await {
            Ok(Place::Ours(stored)) => return Ok(stored),
            Ok(Place::Refused(error)) => return Err(error),
            // Full promises that nothing was written, which an earlier insert without an answer could make untrue.
            Ok(Place::Vacant) if unanswered && matches!(fault, Fault::Full) => {
                Fault::Down("the disk is full, and an earlier try may still be carried out".into())
            }
            Ok(Place::Vacant) => fault,
            Err(silence) => silence,
        };
        backoff.wait(fault).await.map_err(Fault::into_error)?;
    }
}

/// Looks what stands where the frame belongs.
async fn place(shared: &Shared, log: &Log, own: &Own, frame: &NewFrame) -> Result<Place, Fault> {
    let (slot, end) = frames::slot_and_end_once(&shared.pools.data, log.id, frame.seq).await?;
    let Some(end) = end else {
        return Ok(Place::Refused(Error::LostTail { log: log.id, expected: own.end.seq, found: 0 }));
    };
    log.seen(&end);
    let refused = |error| Ok(Place::Refused(error));
    match slot {
        Some(slot) if slot.writer == frame.writer && slot.head.hash == frame.hash => Ok(Place::Ours(slot)),
        Some(slot) if slot.writer == frame.writer => {
            refused(Error::Sequence { expected: end.head.seq + 1, got: frame.seq })
        }
        Some(_) => refused(Error::Fenced { current_epoch: end.head.epoch }),
        None if end.head.epoch > frame.epoch => refused(Error::Fenced { current_epoch: end.head.epoch }),
        None if end.head.seq > frame.seq => refused(Error::Hole { at: frame.seq }),
        None if end.head.seq < own.end.seq => {
            refused(Error::LostTail { log: log.id, expected: own.end.seq, found: end.head.seq })
        }
        None if end.head != own.end => refused(Error::BadChain { at: own.end.seq }),
        None if end.writer != own.writer => refused(Error::Fenced { current_epoch: end.head.epoch }),
        None => Ok(Place::Vacant),
    }
}

/// Writes a claim frame after whatever is last, as often as somebody else is quicker.
async fn claim(shared: &Shared, log: &Log) -> Result<Claim, Error> {
    let pool = &shared.pools.data;
    let mut writer: Writer = [0; 16];
    getrandom::fill(&mut writer)
        .map_err(|error| Error::Engine { what: format!("no randomness: {error}") })?;
    let mut backoff = Backoff::new(pool.patience);
    let mut tried: Option<(Head, Head)> = None;
    loop {
        let fault = match try_claim(shared, log, writer, &mut tried).await {
            Ok(Ok(Some((claimed, before)))) => {
                log.owned(claimed.head.epoch, &claimed, before);
                shared.appends.fetch_add(1, Ordering::Relaxed);
                return Ok(Claim { log: log.id, epoch: claimed.head.epoch, head: claimed.head });
            }
            Ok(Ok(None)) => Fault::Again("others claim the log at the same time".into()),
            Ok(Err(error)) => return Err(error),
            Err(fault) => fault,
        };
        if let Fault::Full = fault {
            shared.room.ran_out();
        }
        backoff.wait(fault).await.map_err(Fault::into_error)?;
    }
}

type Claimed = Option<(Stored, Hash)>;

/// One try. `tried` is the claim frame that may have been stored by an earlier one, and what stood before it.
async fn try_claim(
    shared: &Shared,
    log: &Log,
    writer: Writer,
    tried: &mut Option<(Head, Head)>,
) -> Result<Result<Claimed, Error>, Fault> {
    let pool = &shared.pools.data;
    if let Some((frame, before)) = tried {
        let (slot, _) = frames::slot_and_end_once(pool, log.id, frame.seq).await?;
        if let Some(slot) = slot.filter(|slot| slot.writer == writer) {
            return Ok(Ok(Some((slot, before.hash))));
        }
    }
    let (_, end) = frames::slot_and_end_once(pool, log.id, 0).await?;
    let before = end.map_or(Head::EMPTY, |end| end.head);
    let total = end.map_or(0, |end| end.total);
    let durable = shared.durable_at_least(log).await?;
    if before.seq < durable {
        return Ok(Err(Error::LostTail { log: log.id, expected: durable, found: before.seq }));
    }
    let (seq, epoch) = (before.seq + 1, before.epoch + 1);
    let frame = Head { seq, epoch, hash: chain_hash(&before.hash, seq, epoch, &[]) };
    *tried = Some((frame, before));
    match frames::claim(pool, log.id, &before, writer, frame.hash).await {
        Ok(true) => Ok(Ok(Some((Stored { head: frame, writer, total }, before.hash)))),
        Ok(false) | Err(Fault::Taken) => Ok(Ok(None)),
        Err(fault) => Err(fault),
    }
}
