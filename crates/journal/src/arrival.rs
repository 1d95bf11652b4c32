//! How logs that were written elsewhere come into an engine that has nothing yet: frames as they are, with their numbers,
//! epochs and hashes, so that every token and cursor stays good. It knows no rows, and nobody owns what arrives.

use crate::{BoxFuture, Error, Frame, Head, LogId};

/// An engine that can be filled from another journal. Nothing of this is for an engine that is in use.
pub trait Arrivals: Send + Sync + 'static {
    /// True where no log was ever claimed or begun, and no vault founded.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn is_empty(&self) -> BoxFuture<'_, Result<bool, Error>>;

    /// Begins a log that has nothing: the first frame adopted will be `after.seq + 1`, chained to `after.hash`, and all before
    /// it counts as trimmed.
    ///
    /// # Errors
    /// [`Error::Options`] where the log has something; [`Error::Full`], [`Error::Engine`].
    fn begin_log(&self, log: LogId, after: Head) -> BoxFuture<'_, Result<(), Error>>;

    /// Stores frames at the end of a log that was begun, claims among them; answers the log's new end. Those that stand
    /// there already are left as they are, so that a call without an answer can be repeated.
    ///
    /// # Errors
    /// [`Error::Sequence`], [`Error::BadChain`] where they do not continue the log; [`Error::Full`], [`Error::Engine`].
    fn adopt(&self, log: LogId, frames: Vec<Frame>) -> BoxFuture<'_, Result<Head, Error>>;

    /// Removes every log, base and key, for an arrival that was broken off. The handle is of no further use: open another.
    ///
    /// # Errors
    /// [`Error::Engine`], after which some may be left: repeat.
    fn clear(&self) -> BoxFuture<'_, Result<(), Error>>;
}

/// Those of `frames` that come after `end`, once all are known to continue each other, and the first to stand at or before
/// `end.seq + 1`. Whatever engine takes them checks this first.
///
/// # Errors
/// [`Error::Sequence`], [`Error::BadChain`].
pub fn continuing(end: &Head, frames: Vec<Frame>) -> Result<Vec<Frame>, Error> {
    let mut last = *end;
    let mut rest = Vec::with_capacity(frames.len());
    for frame in frames {
        if frame.seq < last.seq {
            continue;
        }
        if frame.seq == last.seq && last.seq > 0 {
            if frame.hash != last.hash {
                return Err(Error::BadChain { at: frame.seq });
            }
            continue;
        }
        if frame.seq != last.seq + 1 {
            return Err(Error::Sequence { expected: last.seq + 1, got: frame.seq });
        }
        let chained = crate::chain_hash(&last.hash, frame.seq, frame.epoch, &frame.body) == frame.hash;
        if !chained || frame.epoch < last.epoch {
            return Err(Error::BadChain { at: frame.seq });
        }
        last = frame.head();
        rest.push(frame);
    }
    Ok(rest)
}

/// The claim frame that follows `head`: what every arrival ends with, so that there is a frame to go on from.
#[must_use]
pub fn claim_after(head: &Head) -> Frame {
    let (seq, epoch, body) = (head.seq + 1, head.epoch + 1, bytes::Bytes::new());
    let hash = crate::chain_hash(&head.hash, seq, epoch, &body);
    Frame { seq, epoch, body, hash }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn frames(after: Head, count: u64) -> Vec<Frame> {
        let mut frames = vec![claim_after(&after)];
        for number in 1..count {
            let last = frames[frames.len() - 1].head();
            let body = Bytes::from(number.to_be_bytes().to_vec());
            let hash = crate::chain_hash(&last.hash, last.seq + 1, last.epoch, &body);
            frames.push(Frame { seq: last.seq + 1, epoch: last.epoch, body, hash });
        }
        frames
    }

    #[test]
    fn frames_that_are_there_already_are_left_and_the_rest_continues_them() {
        let after = Head { seq: 40, hash: [7; 16], epoch: 3 };
        let all = frames(after, 5);
        assert_eq!(continuing(&after, all.clone()).expect("all are new"), all);
        assert_eq!(continuing(&all[1].head(), all.clone()).expect("two are there"), all[2..]);
        assert_eq!(continuing(&all[4].head(), all.clone()).expect("all are there"), []);
        assert_eq!(continuing(&Head::EMPTY, frames(Head::EMPTY, 2)).expect("from the beginning").len(), 2);
    }

    #[test]
    fn a_gap_a_flipped_byte_or_another_log_is_refused() {
        let after = Head { seq: 40, hash: [7; 16], epoch: 3 };
        let all = frames(after, 5);
        assert!(matches!(
            continuing(&after, all[1..].to_vec()),
            Err(Error::Sequence { expected: 41, got: 42 })
        ));
        let mut gap = all.clone();
        gap.remove(2);
        assert!(matches!(continuing(&after, gap), Err(Error::Sequence { .. })));
        let mut flipped = all.clone();
        flipped[3].body = Bytes::from_static(b"other");
        assert!(matches!(continuing(&after, flipped), Err(Error::BadChain { at: 44 })));
        let other = Head { hash: [8; 16], ..after };
        assert!(matches!(continuing(&other, all.clone()), Err(Error::BadChain { at: 41 })));
        let foreign = Head { hash: [9; 16], ..all[1].head() };
        assert!(matches!(continuing(&foreign, all), Err(Error::BadChain { at: 42 })));
    }
}
