//! For how long this process may answer reads of a partition without asking anybody. Kept on its own monotonic clock,
//! with a margin; writes never rely on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A lease as its holder sees it.
#[derive(Debug)]
pub(crate) struct Tenure {
    began: Instant,
    until_ms: AtomicU64,
    /// Until when nobody else can have taken the lease, without the margin.
    lease_until_ms: AtomicU64,
    /// The engine's number of this holding; 0 where it tells none.
    term: AtomicU64,
}

impl Tenure {
    /// One that has not begun.
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            until_ms: AtomicU64::new(0),
            lease_until_ms: AtomicU64::new(0),
            term: AtomicU64::new(0),
        }
    }

    /// The lease was asked for at `asked` and lasts for `remaining` from then, a quarter of `ttl` taken off for clocks
    /// that do not run alike and for a process that is not scheduled. False where the lease before it may have run out
    /// by now: somebody else may have owned, and written, between the two. An engine that numbers holdings tells: where
    /// `term` is still the same, nobody else has held the lease, however long it could not be renewed.
    #[must_use]
    pub(crate) fn extend(
        &self,
        asked: Instant,
        remaining: Duration,
        ttl: Duration,
        term: Option<u64>,
    ) -> bool {
        let ms = |at: Instant| at.saturating_duration_since(self.began).as_millis() as u64;
        let term_before = self.term.swap(term.unwrap_or(0), Ordering::AcqRel);
        let before = self.lease_until_ms.swap(ms(asked + remaining), Ordering::AcqRel);
        self.until_ms.store(ms(asked + remaining.saturating_sub(ttl / 4)), Ordering::Release);
        ms(Instant::now()) < before || term.is_some_and(|term| term == term_before)
    }

    /// Nothing can be relied on any more.
    pub(crate) fn end(&self) {
        self.until_ms.store(0, Ordering::Release);
        self.lease_until_ms.store(0, Ordering::Release);
        self.term.store(0, Ordering::Release);
    }

    /// What was read before this call was the newest there is.
    pub(crate) fn holds(&self) -> bool {
        (self.began.elapsed().as_millis() as u64) < self.until_ms.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenure_holds_from_when_it_was_asked_for_less_its_margin() {
        let (tenure, ttl) = (Tenure::new(), Duration::from_secs(40));
        assert!(!tenure.holds());
        assert!(!tenure.extend(Instant::now(), ttl, ttl, None), "there was none before");
        assert!(tenure.holds());
        assert!(tenure.extend(Instant::now(), ttl, ttl, None));
        // Asked so long ago that only the margin is left.
        if let Some(long_ago) = Instant::now().checked_sub(Duration::from_secs(31)) {
            assert!(tenure.extend(long_ago, ttl, ttl, None));
            assert!(!tenure.holds());
        }
        assert!(tenure.extend(Instant::now(), ttl, ttl, None));
        tenure.end();
        assert!(!tenure.holds());
        assert!(!tenure.extend(Instant::now(), ttl, ttl, None), "one that ended is not gone on with");
    }

    #[test]
    fn a_lease_that_ran_out_before_it_was_taken_again_is_another_one() {
        let tenure = Tenure::new();
        let ttl = Duration::from_millis(1);
        let _ = tenure.extend(Instant::now(), ttl, ttl, None);
        let began = Instant::now();
        while began.elapsed() <= 2 * ttl {
            std::hint::spin_loop();
        }
        assert!(!tenure.extend(Instant::now(), ttl, ttl, None), "another may have owned meanwhile");
    }

    #[test]
    fn a_lease_that_ran_out_and_that_nobody_else_held_is_the_same_one() {
        let tenure = Tenure::new();
        let (brief, ttl) = (Duration::from_millis(1), Duration::from_secs(40));
        let lapse = |term| {
            let _ = tenure.extend(Instant::now(), brief, brief, term);
            let began = Instant::now();
            while began.elapsed() <= 2 * brief {
                std::hint::spin_loop();
            }
        };
        lapse(Some(7));
        assert!(!tenure.holds(), "it ran out");
        assert!(tenure.extend(Instant::now(), ttl, ttl, Some(7)));
        assert!(tenure.holds());
        lapse(Some(7));
        assert!(!tenure.extend(Instant::now(), ttl, ttl, Some(9)), "another has held it");
        lapse(Some(9));
        assert!(!tenure.extend(Instant::now(), ttl, ttl, None), "the engine does not tell");
        tenure.end();
        assert!(!tenure.extend(Instant::now(), ttl, ttl, Some(9)), "one that ended is not gone on with");
    }
}
