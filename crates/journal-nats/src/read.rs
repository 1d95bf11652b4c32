//! Reading a stretch of a log from the stream's leader: every frame's hash is computed again and chained to the one
//! before, and what is not there is told from what was trimmed. Knows nothing of who reads.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use waybill_journal::{Error, Frame, Hash};

use crate::fault::Patience;
use crate::frame::Stored;
use crate::log::Log;
use crate::shared::{Fail, Shared};
use crate::wire::{Kept, Which};

/// Requests on their way at once.
const AHEAD_MAX: usize = 64;
/// Frames asked for before it is known how large they are.
const AHEAD_FIRST: usize = 4;
/// How long frames may be missing before they count as missing: a server that was stopped answers, for a moment after
/// it is continued, as it would have before.
const DOUBT: Duration = Duration::from_secs(2);

pub(crate) async fn read(
    shared: &Shared,
    log: &Log,
    from: u64,
    max_bytes: usize,
) -> Result<Vec<Frame>, Error> {
    let mut patience = shared.patience("read the log");
    let mut doubt = Patience::new("find the log whole", DOUBT.min(shared.options.patience));
    let from = from.max(1);
    loop {
        let mut walk =
            Walk { shared, log, next: from, before: None, frames: Vec::new(), bytes_left: max_bytes };
        let walked = walk.run(patience.left()).await;
        if !walk.frames.is_empty() {
            // What stands before a fault is good, and the caller comes back for what follows it.
            log.known.lock().read_to = walk.frames.last().map(|frame| (frame.seq, frame.hash));
            return Ok(walk.frames);
        }
        match walked {
            Ok(()) => return Ok(Vec::new()),
            Err(Fail::Error(error @ (Error::Hole { .. } | Error::LostTail { .. }))) => {
                doubt.pause(&error).await.map_err(|_| error)?;
            }
            Err(fail) => patience.mend(fail).await?,
        }
    }
}

/// What a walk looks for and has found.
struct Walk<'a> {
    shared: &'a Shared,
    log: &'a Log,
    next: u64,
    /// Hash of the frame before `next`, once known.
    before: Option<Hash>,
    frames: Vec<Frame>,
    bytes_left: usize,
}

impl Walk<'_> {
    fn is_done(&self) -> bool {
        self.bytes_left == 0 && !self.frames.is_empty()
    }

    async fn run(&mut self, left: Duration) -> Result<(), Fail> {
        let last = self.last(left).await?;
        if self.next > last {
            return Ok(());
        }
        self.before = self.hash_before(left).await?;
        while self.next <= last && !self.is_done() {
            let to = last.min(self.next.saturating_add(self.ahead() as u64 - 1));
            self.take(to, left).await?;
        }
        Ok(())
    }

    /// The furthest frame that is known to be there; asked for where that is before the first one wanted.
    async fn last(&self, left: Duration) -> Result<u64, Fail> {
        let known = *self.log.moved.borrow();
        if self.next <= known {
            return Ok(known);
        }
        let info = self.shared.wire.info(&self.log.stream, None, left).await?;
        let last = info.as_ref().map_or(0, |info| info.state.last_seq);
        if last < known {
            return Err(Error::LostTail { log: self.log.id, expected: known, found: last }.into());
        }
        if let Some(info) = info {
            self.log.described(&info.state, info.config["max_bytes"].as_u64());
        }
        self.log.moved_to(last);
        Ok(last)
    }

    /// The hash that the first frame wanted follows; none at the log's beginning, or where the frame before was trimmed.
    async fn hash_before(&self, left: Duration) -> Result<Option<Hash>, Fail> {
        let before = self.next - 1;
        if before == 0 {
            return Ok(Some([0; 16]));
        }
        if let Some((seq, hash)) = self.log.known().read_to
            && seq == before
        {
            return Ok(Some(hash));
        }
        let found = self.shared.wire.get(&self.log.stream, Which::At(before), left).await?;
        Ok(match found {
            Some(kept) => Some(Stored::decode(self.log.id, before, &kept.payload)?.frame.hash),
            None => None,
        })
    }

    /// How many frames to ask for at once, by the size of those that came.
    fn ahead(&self) -> usize {
        let bytes: usize = self.frames.iter().map(|frame| frame.body.len()).sum();
        match bytes.checked_div(self.frames.len()) {
            Some(each) => (self.bytes_left / each.max(1)).clamp(1, AHEAD_MAX),
            None => AHEAD_FIRST,
        }
    }

    async fn take(&mut self, to: u64, left: Duration) -> Result<(), Fail> {
        let (wire, stream) = (&self.shared.wire, self.log.stream.as_str());
        let get = |seq| async move { wire.get(stream, Which::At(seq), left).await };
        let mut found = futures::stream::iter(self.next..=to).map(get).buffered(AHEAD_MAX);
        while !self.is_done() {
            match found.try_next().await? {
                Some(Some(kept)) => self.add(&kept)?,
                Some(None) => return Err(self.missing(left).await?.into()),
                None => break,
            }
        }
        Ok(())
    }

    fn add(&mut self, kept: &Kept) -> Result<(), Error> {
        let seq = self.next;
        let stored = Stored::decode(self.log.id, seq, &kept.payload)?;
        if self.before.is_some_and(|before| before != stored.previous) {
            return Err(Error::BadChain { at: seq });
        }
        let frame = stored.frame;
        self.before = Some(frame.hash);
        self.bytes_left = self.bytes_left.saturating_sub(frame.body.len().max(1));
        self.next += 1;
        self.frames.push(frame);
        Ok(())
    }

    /// Why a frame is not there that is not beyond the end.
    async fn missing(&self, left: Duration) -> Result<Error, Fail> {
        let (seq, known) = (self.next, *self.log.moved.borrow());
        let info = self.shared.wire.info(&self.log.stream, None, left).await?;
        let Some(info) = info.filter(|info| info.state.last_seq >= seq) else {
            return Ok(Error::LostTail { log: self.log.id, expected: known, found: seq - 1 });
        };
        let first = info.state.first_seq;
        // A server that lost the beginning of a log also says that it begins later: what was trimmed was noted before.
        if seq < first && seq <= crate::trim::trimmed(self.shared, self.log.id, left).await? {
            return Ok(Error::Trimmed { oldest: first });
        }
        Ok(Error::Hole { at: seq })
    }
}
