//! The feed of everything a partition journaled, read from the journal itself: resumable from any kept sequence.

use crate::entry::{Body, Cause};
use std::marker::PhantomData;
use std::sync::Arc;
use waybill_journal::{Frame, Journal, LogId};
use waybill_machine::record::decode;
use waybill_machine::{Machine, Position};
use waybill_types::{Origin, PartitionId, Timestamp};

/// One entry as a feed shows it.
pub struct Change<M: Machine> {
    /// Where it stands.
    pub position: Position,
    /// When it happened.
    pub at: Timestamp,
    /// Channel, actor, reason.
    pub origin: Origin,
    /// What brought it about.
    pub cause: Cause,
    /// What happened.
    pub events: Vec<M::Event>,
}

/// Why a feed cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The place asked for is no longer kept.
    #[error("sequence {asked} is no longer kept; the oldest is {oldest}")]
    OutOfRange {
        /// What was asked.
        asked: u64,
        /// The oldest that is kept.
        oldest: u64,
    },
    /// The place asked for has never been reached: a token of another installation.
    #[error("sequence {asked} has not been reached; the newest is {newest}")]
    Ahead {
        /// What was asked.
        asked: u64,
        /// The newest there is.
        newest: u64,
    },
    /// The journal could not be read.
    #[error("the journal could not be read: {0}")]
    Journal(String),
}

/// Reads one partition's entries in order, waiting at the end.
pub struct Feed<M: Machine> {
    journal: Arc<dyn Journal>,
    log: LogId,
    next: u64,
    /// Read and not yet given out.
    read: Vec<Frame>,
    machine: PhantomData<fn() -> M>,
}

impl<M: Machine> Feed<M> {
    /// What a reader that has fallen behind holds at once, in bytes; decoded it is a few times as much. A larger frame comes
    /// alone.
    const READ_BYTES: usize = 64 << 10;

    /// Entries after `after` (0 for all that is kept).
    ///
    /// # Errors
    /// [`FeedError::Ahead`] when `after` was never reached.
    pub fn new(journal: Arc<dyn Journal>, partition: PartitionId, after: u64) -> Result<Self, FeedError> {
        let newest = journal.head(LogId(partition.number())).seq;
        Self::from(journal, partition, after, Some(newest))
    }

    /// As [`Self::new`], where the newest sequence is known already, or cannot be.
    pub(crate) fn from(
        journal: Arc<dyn Journal>,
        partition: PartitionId,
        after: u64,
        newest: Option<u64>,
    ) -> Result<Self, FeedError> {
        let log = LogId(partition.number());
        if let Some(newest) = newest.filter(|newest| after > *newest) {
            return Err(FeedError::Ahead { asked: after, newest });
        }
        Ok(Self { journal, log, next: after + 1, read: Vec::new(), machine: PhantomData })
    }

    /// The sequence up to which entries have been read.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.next - 1
    }

    /// Waits until [`Self::next`] answers at once. What is held meanwhile is small: frames as they are stored.
    ///
    /// # Errors
    /// See [`Self::next`].
    pub async fn ready(&mut self) -> Result<(), FeedError> {
        if !self.read.is_empty() {
            return Ok(());
        }
        let mut durable = self.journal.watch(self.log);
        if durable.wait_for(|sequence| *sequence >= self.next).await.is_err() {
            return Err(FeedError::Journal("the journal is closed".into()));
        }
        let (journal, log, from) = (Arc::clone(&self.journal), self.log, self.next);
        self.read = journal.fetch(log, from, Self::READ_BYTES).await.map_err(|error| match error {
            waybill_journal::Error::Trimmed { oldest, .. } => FeedError::OutOfRange { asked: from, oldest },
            other => FeedError::Journal(other.to_string()),
        })?;
        Ok(())
    }

    /// The next entries, at least one frame's; waits when there are none. Frames without events advance
    /// [`Self::sequence`] and give nothing.
    ///
    /// # Errors
    /// [`FeedError`]; a feed that starts before what is kept begins at the oldest only when `next` is called on a
    /// feed made for that place.
    pub async fn next(&mut self) -> Result<Vec<Change<M>>, FeedError> {
        self.ready().await?;
        let frames = std::mem::take(&mut self.read);
        let mut changes = Vec::new();
        for frame in frames {
            self.next = frame.seq + 1;
            if !frame.is_claim() {
                read_frame(&frame.body, frame.seq, &mut changes)?;
            }
        }
        Ok(changes)
    }
}

fn read_frame<M: Machine>(body: &[u8], sequence: u64, changes: &mut Vec<Change<M>>) -> Result<(), FeedError> {
    let undecodable = |error: waybill_machine::Undecodable| FeedError::Journal(error.to_string());
    let body: Body = decode(body).map_err(undecodable)?;
    for (index, entry) in body.entries.into_iter().enumerate() {
        let events = entry
            .events
            .iter()
            .map(|bytes| decode(bytes))
            .collect::<Result<Vec<_>, _>>()
            .map_err(undecodable)?;
        let position = Position { sequence, index: index as u32 };
        changes.push(Change { position, at: entry.at, origin: entry.origin, cause: entry.cause, events });
    }
    Ok(())
}
