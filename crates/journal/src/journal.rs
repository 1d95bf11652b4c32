//! The journal trait: the whole of what a partition runtime needs from a log. Knows no engine.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Claim, Error, Frame, Head, LogId, Stats};

/// A future that can be stored and sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An ordered, durable, fenced log per partition.
///
/// What every engine promises:
/// - sequences of a log are dense from 1, and each frame's hash chains to the one before;
/// - an append that answered `Ok` is durable and is read back by every later reader;
/// - after a claim, nothing is appended under an earlier epoch;
/// - readers get frames in order without gaps, or an error: never a silent skip.
pub trait Journal: Send + Sync + 'static {
    /// Takes the log over: writes a claim frame (empty body) at the log's end under the next epoch, durably. Every
    /// earlier claim of this log is deposed by it.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Poisoned`], [`Error::Io`]; [`Error::LostTail`] where the log ends before what was durable;
    /// [`Error::Engine`], after which the log may have been claimed all the same, for nobody.
    fn claim(&self, log: LogId) -> BoxFuture<'_, Result<Claim, Error>>;

    /// Call before deciding a batch: on `Ok`, one frame of the largest size is reserved for this log, and the next
    /// append to it will not answer [`Error::Full`]. Calling again before that append changes nothing.
    ///
    /// May allocate a file, so it can take milliseconds now and then. An engine on other machines cannot reserve: it
    /// answers `Full` from the append that found no room until it has found some again.
    ///
    /// # Errors
    /// [`Error::Full`] when there is no room now, [`Error::Poisoned`] when there never will be.
    fn ensure_room(&self, log: LogId) -> Result<(), Error>;

    /// Appends at exactly `seq`; on `Ok` the frame is durable and the answer is the log's new end. The request is
    /// queued by the call itself: dropping the future does not take it back.
    ///
    /// The same body at the place where it already stands, under the same epoch, answers `Ok` again; that is how
    /// an append with an unknown outcome is resolved. Keep one append per log in flight: it is what bounds memory.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Sequence`], [`Error::TooLarge`], [`Error::Empty`] and [`Error::Full`] mean that
    /// nothing was written. [`Error::Poisoned`], [`Error::Engine`] and [`Error::Io`] leave the outcome unknown.
    /// [`Error::LostTail`], [`Error::Hole`] where the log no longer has what it was told to keep: stop.
    fn append(
        &self,
        log: LogId,
        epoch: u64,
        seq: u64,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Head, Error>>;

    /// The log's durable end; [`Head::EMPTY`] for a log without frames. Does not ask another machine: where others
    /// append too it may be behind, so an owner goes by what its claim answered, and a follower by [`Journal::watch`].
    fn head(&self, log: LogId) -> Head;

    /// Frames from sequence `from` (1 is the first) on, in order, durable ones only: up to about `max_bytes` of
    /// bodies, at least one frame if there is any, none when `from` is beyond the end. Claim frames are among them.
    /// Blocks on the disk or on another machine.
    ///
    /// # Errors
    /// [`Error::Trimmed`], [`Error::Hole`], [`Error::BadChain`], [`Error::Damaged`], [`Error::Io`].
    fn read(&self, log: LogId, from: u64, max_bytes: usize) -> Result<Vec<Frame>, Error>;

    /// As [`Journal::read`], from a task: waits without a thread where an engine can.
    ///
    /// # Errors
    /// See [`Journal::read`].
    fn fetch(
        self: Arc<Self>,
        log: LogId,
        from: u64,
        max_bytes: usize,
    ) -> BoxFuture<'static, Result<Vec<Frame>, Error>> {
        let reading = tokio::task::spawn_blocking(move || self.read(log, from, max_bytes));
        Box::pin(async move {
            reading.await.unwrap_or_else(|error| Err(Error::Engine { what: error.to_string() }))
        })
    }

    /// The highest durable sequence, as it moves, whoever appends: for tailing. An engine on other machines asks
    /// them every few milliseconds for as long as somebody watches.
    fn watch(&self, log: LogId) -> tokio::sync::watch::Receiver<u64>;

    /// Says that everything up to and including `through` is behind a verified checkpoint. The room is reclaimed in
    /// the background, where an engine keeps bases only up to the older one it has; trimmed frames may stay readable for
    /// as long as they are archived.
    ///
    /// # Errors
    /// [`Error::Poisoned`], [`Error::Io`].
    fn trim(&self, log: LogId, through: u64) -> Result<(), Error>;

    /// What the journal holds and has done.
    fn stats(&self) -> Stats;

    /// True once a write or sync failed: nothing will be appended through this handle again.
    fn is_poisoned(&self) -> bool;
}

/// What every engine refuses before it queues an append: a body of no bytes, which would be a claim, and one of more
/// than `max` bytes.
///
/// # Errors
/// [`Error::Empty`], [`Error::TooLarge`].
pub fn check_body(body: &Bytes, max: u64) -> Result<(), Error> {
    match body.len() as u64 {
        0 => Err(Error::Empty),
        bytes if bytes > max => Err(Error::TooLarge { bytes, max }),
        _ => Ok(()),
    }
}
