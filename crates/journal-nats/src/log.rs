//! One log as this handle knows it, and the task that appends to it: one request at a time, each resolved before the
//! next. Knows the stream only by what it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use waybill_journal::cluster::Base;
use waybill_journal::{Claim, Error, Hash, Head, LogId, chain_hash};

use crate::bases;
use crate::fault::{Fault, Patience};
use crate::frame::{Stored, Writer};
use crate::shared::{Fail, Shared, token};
use crate::slot::{self, Slot, end_of};
use crate::streams::{self, Names};
use crate::wire::{Expect, State};

/// How long a log may look damaged before it counts as damaged: a server that was stopped answers, for a moment after it
/// is continued, as it would have before.
const DOUBT: Duration = Duration::from_secs(3);

/// What the log's task is asked for.
pub(crate) enum Request {
    Claim { reply: oneshot::Sender<Result<Claim, Error>> },
    Append { epoch: u64, seq: u64, body: Bytes, reply: oneshot::Sender<Result<Head, Error>> },
}

/// The claim that this handle made last, and where its writer has got to.
#[derive(Clone, Copy, Debug)]
struct Own {
    epoch: u64,
    writer: Writer,
    end: Head,
    /// Hash before `end`, to know a repeated append again.
    before: Hash,
    /// An append after `end` had no answer and may have been stored, or may yet be.
    in_doubt: bool,
}

#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Known {
    /// The furthest end whose frame was seen; a log that ends before it has lost frames.
    pub(crate) head: Head,
    pub(crate) first: u64,
    pub(crate) trimmed: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_max: u64,
    pub(crate) is_full: bool,
    /// The last frame that was read, to chain the next reading to.
    pub(crate) read_to: Option<(u64, Hash)>,
    own: Option<Own>,
}

/// One log.
pub(crate) struct Log {
    pub(crate) id: LogId,
    pub(crate) stream: String,
    pub(crate) subject: String,
    pub(crate) known: Mutex<Known>,
    pub(crate) moved: watch::Sender<u64>,
    pub(crate) is_followed: AtomicBool,
    pub(crate) requests: mpsc::UnboundedSender<Request>,
}

impl Log {
    /// The log and the other end of its queue. The queue is as long as its callers let it grow: one append each.
    pub(crate) fn new(id: LogId, names: &Names) -> (Self, mpsc::UnboundedReceiver<Request>) {
        let (requests, queue) = mpsc::unbounded_channel();
        let log = Self {
            id,
            stream: names.log(id),
            subject: names.log_subject(id),
            known: Mutex::default(),
            moved: watch::Sender::new(0),
            is_followed: AtomicBool::new(false),
            requests,
        };
        (log, queue)
    }

    pub(crate) fn known(&self) -> Known {
        *self.known.lock()
    }

    /// True while this handle appends to the log, as far as it knows.
    pub(crate) fn is_own(&self) -> bool {
        self.known.lock().own.is_some()
    }

    /// The log was seen to have this frame. Never goes back.
    pub(crate) fn seen(&self, head: Head) {
        let mut known = self.known.lock();
        if head.seq > known.head.seq {
            known.head = head;
        }
        drop(known);
        self.moved_to(head.seq);
    }

    /// The log was heard to have this frame.
    pub(crate) fn moved_to(&self, seq: u64) {
        self.moved.send_if_modified(|moved| {
            let on = seq > *moved;
            *moved = seq.max(*moved);
            on
        });
    }

    pub(crate) fn described(&self, state: &State, bytes_max: Option<u64>) {
        let mut known = self.known.lock();
        (known.first, known.bytes) = (state.first_seq, state.bytes);
        known.bytes_max = bytes_max.unwrap_or(known.bytes_max);
    }

    fn set_own(&self, own: Option<Own>) {
        self.known.lock().own = own;
        if let Some(own) = own {
            self.seen(own.end);
        }
    }

    fn appended(&self, own: Own, bytes: usize) {
        let mut known = self.known.lock();
        known.is_full = false;
        known.bytes += bytes as u64;
        drop(known);
        self.set_own(Some(own));
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

async fn claim(shared: &Shared, log: &Log) -> Result<Claim, Error> {
    let mut patience = shared.patience("claim the log");
    let mut doubt = Patience::new("find the log whole", DOUBT.min(shared.options.patience));
    let wanted = streams::log_config(&shared.options, &shared.names, log.id);
    let writer = token()?;
    let mut in_doubt = false;
    loop {
        let left = patience.left();
        // All at once, since callers wait for the claim.
        let (info, newest, noted) = tokio::join!(
            streams::ensure(&shared.wire, &wanted, &mut patience),
            slot::newest(shared, log, left),
            Noted::of(shared, log.id, left),
        );
        let info = info?;
        let end = async { slot::end(shared, log, &info, newest?, left).await };
        let end = match end.await {
            Ok(end) => end,
            Err(Fail::Error(error @ Error::Hole { .. })) => {
                doubt.pause(&error).await.map_err(|_| error)?;
                continue;
            }
            Err(fail) => {
                patience.mend(fail).await?;
                continue;
            }
        };
        let head = end.as_ref().map_or(Head::EMPTY, |end| end.frame.head());
        if let Some(end) = end.filter(|end| end.writer == writer) {
            return Ok(claimed(log, &end));
        }
        if let Err(lost) = noted.and_then(|noted| whole(shared, log, &head, &noted)) {
            match lost {
                Fail::Error(error @ Error::LostTail { .. }) => {
                    doubt.pause(&error).await.map_err(|_| error)?
                }
                fail => patience.mend(fail).await?,
            }
            continue;
        }
        let new = Stored::after(&head, head.epoch + 1, writer, Bytes::new());
        match publish(shared, log, &new, patience.left()).await {
            Ok(()) => return Ok(claimed(log, &new)),
            Err(fault) if fault.is_full() && !in_doubt => return Err(full(shared, log)),
            Err(fault) => {
                in_doubt |= fault.is_lost();
                shared.doubts.fetch_add(u64::from(fault.is_lost()), Ordering::Relaxed);
                patience.again(&fault).await?;
            }
        }
    }
}

fn claimed(log: &Log, stored: &Stored) -> Claim {
    let (head, epoch) = (stored.frame.head(), stored.frame.epoch);
    let own = Own { epoch, writer: stored.writer, end: head, before: stored.previous, in_doubt: false };
    log.set_own(Some(own));
    Claim { log: log.id, epoch, head }
}

/// What the servers know that a log must have had.
struct Noted {
    base: Option<Base>,
    trimmed: u64,
}

impl Noted {
    async fn of(shared: &Shared, log: LogId, left: Duration) -> Result<Self, Fail> {
        let (base, trimmed) =
            tokio::try_join!(bases::newest(shared, log, left), crate::trim::trimmed(shared, log, left))?;
        Ok(Self { base, trimmed })
    }
}

/// Refuses a log that ends before something that it is known to have had.
fn whole(shared: &Shared, log: &Log, head: &Head, noted: &Noted) -> Result<(), Fail> {
    let expected = shared.options.expected_heads.iter().filter(|(id, _)| *id == log.id).map(|(_, seq)| *seq);
    let at = noted.base.as_ref().map_or(0, |base| base.at.seq);
    let least = expected.max().unwrap_or(0).max(at).max(noted.trimmed).max(*log.moved.borrow());
    if head.seq < least {
        return Err(Error::LostTail { log: log.id, expected: least, found: head.seq }.into());
    }
    if noted.base.as_ref().is_some_and(|base| base.at.seq == head.seq && base.at.hash != head.hash) {
        return Err(Error::BadChain { at: head.seq }.into());
    }
    Ok(())
}

async fn publish(shared: &Shared, log: &Log, new: &Stored, left: Duration) -> Result<(), Fault> {
    let expect = Expect::Last(new.frame.seq - 1);
    let stored = shared.wire.publish(&log.stream, &log.subject, expect, new.encode(log.id), left).await?;
    if stored != new.frame.seq {
        // Cannot be, by what was expected; whoever answers so is not to be believed about anything.
        return Err(Fault::Odd { what: format!("stored at {stored}, asked for at {}", new.frame.seq) });
    }
    shared.appends.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn full(shared: &Shared, log: &Log) -> Error {
    log.known.lock().is_full = true;
    shared.upkeep_wanted.notify_one();
    Error::Full { needed_bytes: shared.options.max_frame_bytes }
}

async fn append(shared: &Shared, log: &Log, epoch: u64, seq: u64, body: Bytes) -> Result<Head, Error> {
    let Some(own) = log.known().own else {
        return Err(deposed(shared, log).await);
    };
    if epoch != own.epoch {
        return Err(Error::Fenced { current_epoch: own.epoch });
    }
    if seq != own.end.seq + 1 {
        let repeated = seq == own.end.seq && chain_hash(&own.before, seq, epoch, &body) == own.end.hash;
        let refusal = Error::Sequence { expected: own.end.seq + 1, got: seq };
        return if repeated { Ok(own.end) } else { Err(refusal) };
    }
    let new = Stored::after(&own.end, epoch, own.writer, body);
    let mut attempt = Attempt {
        shared,
        log,
        own,
        patience: shared.patience("append to the log"),
        doubt: Patience::new("find the log whole", DOUBT.min(shared.options.patience)),
    };
    loop {
        if let Some(head) = attempt.once(&new).await? {
            return Ok(head);
        }
    }
}

/// One append on its way.
struct Attempt<'a> {
    shared: &'a Shared,
    log: &'a Log,
    own: Own,
    patience: Patience,
    doubt: Patience,
}

impl Attempt<'_> {
    /// The new head, or none where another try is due.
    async fn once(&mut self, new: &Stored) -> Result<Option<Head>, Error> {
        match publish(self.shared, self.log, new, self.patience.left()).await {
            Ok(()) => return Ok(Some(self.stored(new))),
            Err(fault) if fault.is_full() && !self.own.in_doubt => return Err(full(self.shared, self.log)),
            Err(fault) if fault.is_taken() || fault.is_full() => match self.look(new).await {
                // Full, and nobody knows what became of the try before: the outcome stays open.
                Ok(None) if fault.is_full() => return Err(self.patience.given_up(&fault)),
                Ok(answer) => return Ok(answer),
                Err(Fail::Fault(fault)) => self.patience.again(&fault).await?,
                Err(Fail::Error(error)) => return Err(error),
            },
            Err(fault) => {
                if fault.is_lost() {
                    self.shared.doubts.fetch_add(1, Ordering::Relaxed);
                    self.own.in_doubt = true;
                    self.log.set_own(Some(self.own));
                }
                self.patience.again(&fault).await?;
            }
        }
        Ok(None)
    }

    fn stored(&mut self, new: &Stored) -> Head {
        let end = new.frame.head();
        self.own = Own { end, before: new.previous, in_doubt: false, ..self.own };
        self.log.appended(self.own, crate::frame::HEADER_BYTES + new.frame.body.len());
        end
    }

    /// What stands where the frame was to stand decides what became of it.
    async fn look(&mut self, new: &Stored) -> Result<Option<Head>, Fail> {
        let left = self.patience.left();
        match slot::look(self.shared, self.log, new.frame.seq, left).await? {
            Slot::Taken(found) if found == *new => Ok(Some(self.stored(new))),
            Slot::Taken(found) if found.writer == self.own.writer => {
                // An earlier append that had no answer, with another body: it stands.
                let head = self.stored(&found);
                Err(Error::Sequence { expected: head.seq + 1, got: new.frame.seq }.into())
            }
            Slot::Taken(_) | Slot::Trimmed => {
                self.log.set_own(None);
                Err(deposed(self.shared, self.log).await.into())
            }
            Slot::Free => {
                self.patience.pause(&"the place is free, and was refused all the same").await?;
                Ok(None)
            }
            Slot::Hole => self.doubted(Error::Hole { at: new.frame.seq }).await,
            Slot::Beyond { end } => {
                let expected = self.own.end.seq;
                self.doubted(Error::LostTail { log: self.log.id, expected, found: end }).await
            }
        }
    }

    async fn doubted(&mut self, error: Error) -> Result<Option<Head>, Fail> {
        self.doubt.pause(&error).await.map_err(|_| error)?;
        Ok(None)
    }
}

/// Says under whose epoch the log goes on, where it is not ours.
async fn deposed(shared: &Shared, log: &Log) -> Error {
    let mut patience = shared.patience("learn who owns the log");
    loop {
        match end_of(shared, log, patience.left()).await {
            Ok(end) => {
                let head = end.map_or(Head::EMPTY, |end| end.frame.head());
                log.seen(head);
                return Error::Fenced { current_epoch: head.epoch };
            }
            Err(fail) => {
                if let Err(error) = patience.mend(fail).await {
                    return error;
                }
            }
        }
    }
}
