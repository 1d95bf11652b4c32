//! The one thread that writes: it takes everything that queued up while the last sync ran, writes it with one
//! `pwrite`, syncs once, and only then answers. A failed write or sync ends it: nobody waiting gets Ok.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::{Claim, Error, Hash, Head, LogId, SyncPolicy, chain_hash};

use super::format::{FRAME_HEADER_BYTES, FrameHeader, Kind, frame_span};
use super::index::Mark;
use super::room::Place;
use super::scan::Ends;
use super::segment::{LOGS_MAX, SegmentFile, Spare};
use super::shared::{LiveSegment, Request, Shared, lock};

/// A round is written out when it has grown to this, even if more is waiting.
const ROUND_BYTES: usize = 8 << 20;
/// After so long without a request, the last round is sealed.
const IDLE_BEFORE_SEAL: Duration = Duration::from_millis(20);

pub(crate) struct Writer {
    shared: Arc<Shared>,
    active: Arc<SegmentFile>,
    /// Ends of all logs, frames of the round being built included.
    tails: BTreeMap<LogId, Tail>,
    /// Offset where the next round is written.
    end: u64,
    /// Everything in the active segment before this offset is durable.
    durable_to: u64,
    round: Round,
    sealed: bool,
}

#[derive(Copy, Clone)]
struct Tail {
    head: Head,
    /// Hash of the frame before the head.
    previous: Hash,
}

/// Frames encoded but not yet written; the buffers are used again for every round.
#[derive(Default)]
struct Round {
    bytes: Vec<u8>,
    frames: Vec<Written>,
    replies: Vec<Reply>,
}

/// A frame of the round, for the index.
struct Written {
    log: LogId,
    head: Head,
    mark: Mark,
    span: u64,
}

enum Reply {
    Append(oneshot::Sender<Result<Head, Error>>, Head),
    Claim(oneshot::Sender<Result<Claim, Error>>, Claim),
}

impl Writer {
    /// A writer that continues `active` at `end`, and the logs at their `ends`.
    pub(crate) fn new(shared: Arc<Shared>, active: Arc<SegmentFile>, end: u64, ends: &Ends) -> Self {
        let tails =
            ends.iter().map(|(log, (head, previous))| (*log, Tail { head: *head, previous: *previous }));
        let tails = tails.collect();
        Self { shared, active, tails, end, durable_to: end, round: Round::default(), sealed: true }
    }

    /// Serves requests until the journal is closed or poisoned.
    pub(crate) fn run(mut self) {
        let mut requests = Vec::new();
        let outcome = loop {
            match self.next_requests(&mut requests) {
                Next::Requests => {}
                Next::Idle => match self.seal() {
                    Ok(()) => continue,
                    Err(error) => break Err(error),
                },
                Next::Closed => break self.seal().and_then(|()| self.sync()),
            }
            if let Err(error) = self.serve(&mut requests) {
                break Err(error);
            }
        };
        if let Err(error) = outcome {
            self.stop(&error, requests);
        }
    }

    /// Waits until there is something to do, and takes all of it. Before it takes anything it gives way once: where other
    /// threads have work, those about to append come along and one sync serves them all; where none has, it is back
    /// at once.
    fn next_requests(&self, requests: &mut Vec<Request>) -> Next {
        let mut queue = lock(&self.shared.queue);
        let mut gave_way = false;
        loop {
            if !queue.requests.is_empty() {
                if !std::mem::replace(&mut gave_way, true) {
                    drop(queue);
                    std::thread::yield_now();
                    queue = lock(&self.shared.queue);
                    continue;
                }
                std::mem::swap(&mut queue.requests, requests);
                return Next::Requests;
            }
            if queue.closed {
                return Next::Closed;
            }
            queue.writer_waits = true;
            if self.sealed {
                let woken = self.shared.queue_moved.wait(queue);
                queue = woken.unwrap_or_else(std::sync::PoisonError::into_inner);
            } else {
                let woken = self.shared.queue_moved.wait_timeout(queue, IDLE_BEFORE_SEAL);
                let (woken, timeout) = woken.unwrap_or_else(std::sync::PoisonError::into_inner);
                queue = woken;
                if timeout.timed_out() && queue.requests.is_empty() && !queue.closed {
                    queue.writer_waits = false;
                    return Next::Idle;
                }
            }
        }
    }

    fn serve(&mut self, requests: &mut Vec<Request>) -> Result<(), Error> {
        for request in requests.drain(..) {
            match request {
                Request::Append { log, epoch, seq, body, reply } => {
                    match self.append(log, epoch, seq, &body)? {
                        Ok(head) => self.round.replies.push(Reply::Append(reply, head)),
                        Err(refusal) => drop(reply.send(Err(refusal))),
                    }
                }
                Request::Claim { log, reply } => match self.claim(log)? {
                    Ok(claim) => self.round.replies.push(Reply::Claim(reply, claim)),
                    Err(refusal) => drop(reply.send(Err(refusal))),
                },
            }
            if self.round.bytes.len() >= ROUND_BYTES {
                self.flush()?;
            }
        }
        self.flush()
    }

    /// The outer error ends the journal, the inner one refuses this request.
    fn append(
        &mut self,
        log: LogId,
        epoch: u64,
        seq: u64,
        body: &[u8],
    ) -> Result<Result<Head, Error>, Error> {
        let tail = self.tail(log);
        if epoch != tail.head.epoch {
            return Ok(Err(Error::Fenced { current_epoch: tail.head.epoch }));
        }
        if seq != tail.head.seq + 1 {
            let retried =
                seq == tail.head.seq && chain_hash(&tail.previous, seq, epoch, body) == tail.head.hash;
            let refusal = Error::Sequence { expected: tail.head.seq + 1, got: seq };
            return Ok(if retried { Ok(tail.head) } else { Err(refusal) });
        }
        self.place(Kind::Data, log, epoch, body)
    }

    fn claim(&mut self, log: LogId) -> Result<Result<Claim, Error>, Error> {
        if self.tails.len() >= LOGS_MAX && !self.tails.contains_key(&log) {
            return Ok(Err(Error::Options { what: format!("one journal holds at most {LOGS_MAX} logs") }));
        }
        let epoch = self.tail(log).head.epoch + 1;
        let placed = self.place(Kind::Claim, log, epoch, &[])?;
        Ok(placed.map(|head| Claim { log, epoch, head }))
    }

    fn tail(&self, log: LogId) -> Tail {
        self.tails.get(&log).copied().unwrap_or(Tail { head: Head::EMPTY, previous: [0; 16] })
    }

    /// Puts the log's next frame into the round, moving on to the next segment if the active one is full.
    fn place(
        &mut self,
        kind: Kind,
        log: LogId,
        epoch: u64,
        body: &[u8],
    ) -> Result<Result<Head, Error>, Error> {
        let span = frame_span(body.len() as u64);
        let place = loop {
            if let Some(place) = lock(&self.shared.room).take(log, span) {
                break place;
            }
            // Whoever did not reserve may still be lucky, if the disk has room for another segment.
            let spares = lock(&self.shared.room).spares();
            if let Err(refusal) = self.shared.add_spare_unless(|room| room.spares() > spares) {
                return Ok(Err(refusal));
            }
        };
        if let Place::Next(spare) = place {
            self.flush()?;
            self.begin_segment(spare).inspect_err(|error| self.shared.poison(error))?;
        }
        Ok(Ok(self.encode(kind, log, epoch, body)))
    }

    fn encode(&mut self, kind: Kind, log: LogId, epoch: u64, body: &[u8]) -> Head {
        let tail = self.tail(log);
        let seq = tail.head.seq + 1;
        let head = Head { seq, epoch, hash: chain_hash(&tail.head.hash, seq, epoch, body) };
        let offset = self.end + self.round.bytes.len() as u64;
        let span = self.push_frame(kind, log, head, body);
        let mark = Mark { seq, offset: offset as u32, previous: tail.head.hash };
        self.round.frames.push(Written { log, head, mark, span });
        self.tails.insert(log, Tail { head, previous: tail.head.hash });
        head
    }

    fn push_frame(&mut self, kind: Kind, log: LogId, head: Head, body: &[u8]) -> u64 {
        let header = FrameHeader {
            kind,
            log,
            body_bytes: body.len() as u32,
            durable_to: self.durable_to as u32,
            seq: head.seq,
            epoch: head.epoch,
            hash: head.hash,
            body_crc: crc32c::crc32c(body),
        };
        let bytes = &mut self.round.bytes;
        let span = header.span();
        let end = bytes.len() + span as usize;
        bytes.extend_from_slice(&header.encode(self.active.stamp));
        bytes.extend_from_slice(body);
        bytes.resize(end, 0);
        span
    }

    /// Writes the round, syncs it, publishes it and answers.
    fn flush(&mut self) -> Result<(), Error> {
        if !self.round.bytes.is_empty() {
            // Poisoned before any future of this round can notice that it failed.
            self.write().and_then(|()| self.sync()).inspect_err(|error| self.shared.poison(error))?;
            self.publish();
            self.sealed = false;
        }
        for reply in self.round.replies.drain(..) {
            match reply {
                Reply::Append(reply, head) => drop(reply.send(Ok(head))),
                Reply::Claim(reply, claim) => drop(reply.send(Ok(claim))),
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Error> {
        let path = &self.active.path;
        let written = self.active.file.write_at(&self.round.bytes, self.end);
        written.map_err(Error::io(format!("write {} at {}", path.display(), self.end)))?;
        self.end += self.round.bytes.len() as u64;
        self.round.bytes.clear();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        if self.shared.options.sync == SyncPolicy::Always {
            self.active.file.sync().map_err(Error::io(format!("sync {}", self.active.path.display())))?;
            self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        }
        self.durable_to = self.end;
        Ok(())
    }

    /// Makes the frames of the round visible to readers.
    fn publish(&mut self) {
        self.shared.appends.fetch_add(self.round.frames.len() as u64, Ordering::Relaxed);
        let mut state = lock(&self.shared.state);
        if let Some(live) = state.live.get_mut(&self.active.id) {
            live.end = self.end;
            for frame in &self.round.frames {
                live.index.note(frame.log, frame.mark, frame.span);
            }
        }
        for frame in self.round.frames.drain(..) {
            let log = state.logs.entry(frame.log).or_default();
            log.durable = frame.head;
            log.moved.send_replace(frame.head.seq);
        }
    }

    /// Goes on in another file. Everything in the active one is durable by now.
    fn begin_segment(&mut self, spare: Spare) -> Result<(), Error> {
        let bases = self.tails.iter().map(|(log, tail)| (*log, tail.head)).collect();
        let id = self.active.id + 1;
        let (segment, header) = SegmentFile::begin(&*self.shared.disk, &self.shared.dir, spare, id, bases)?;
        let segment = Arc::new(segment);
        let live = LiveSegment {
            segment: Arc::clone(&segment),
            bases: Arc::new(header.bases),
            index: Default::default(),
            end: segment.frames_start,
            durable_to: segment.frames_start,
        };
        lock(&self.shared.state).live.insert(id, live);
        self.end = segment.frames_start;
        self.durable_to = self.end;
        self.active = segment;
        self.shared.want_upkeep();
        Ok(())
    }

    /// Leaves a mark, unsynced, that everything so far is durable: a damaged last round then shows as damage and is
    /// not taken for a torn tail.
    fn seal(&mut self) -> Result<(), Error> {
        let room = |this: &Self| lock(&this.shared.room).take_unless_needed(FRAME_HEADER_BYTES as u64);
        if !self.sealed && room(self) {
            self.push_frame(Kind::Seal, LogId(0), Head::EMPTY, &[]);
            self.write()?;
        }
        self.sealed = true;
        Ok(())
    }

    /// Poisons the journal and refuses everybody who waits.
    fn stop(&mut self, error: &Error, taken: Vec<Request>) {
        self.shared.abandon(error);
        for reply in self.round.replies.drain(..) {
            match reply {
                Reply::Append(reply, _) => drop(reply.send(Err(Error::Poisoned))),
                Reply::Claim(reply, _) => drop(reply.send(Err(Error::Poisoned))),
            }
        }
        for request in taken {
            request.refuse(Error::Poisoned);
        }
    }
}

enum Next {
    Requests,
    Idle,
    Closed,
}
