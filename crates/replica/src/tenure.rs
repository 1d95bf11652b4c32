//! For how long this process may answer reads of a partition without asking anybody. Kept on its own monotonic clock,
//! with a margin; writes never rely on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A lease as its holder sees it.
#[derive(Debug)]
pub(crate) struct Tenure {
    began: Instant,
    until_ms: AtomicU64,
    /// Until when it will be relied on, once it begins.
    next_until_ms: AtomicU64,
    /// Until when nobody else can have taken the lease, without the margin.
    lease_until_ms: AtomicU64,
    /// The engine's number of this holding; 0 where it tells none.
    term: AtomicU64,
    /// It was given by the holder before, and the engine has not yet been asked for how long.
    given: watch::Sender<bool>,
}

impl Tenure {
    /// One that has not begun.
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            until_ms: AtomicU64::new(0),
            next_until_ms: AtomicU64::new(0),
            lease_until_ms: AtomicU64::new(0),
            term: AtomicU64::new(0),
            given: watch::Sender::new(false),
        }
    }

    /// The lease was seen to be this process's at `asked`, without being asked for. It may be relied on for nothing until
    /// [`Self::extend`] says that it has gone on since.
    pub(crate) fn give(&self, asked: Instant, remaining: Duration, term: Option<u64>) {
        // An engine that numbers holdings does not tell how long somebody else has seen this one already.
        let until = if term.is_some() { asked } else { asked + remaining };
        self.term.store(term.unwrap_or(0), Ordering::Release);
        self.lease_until_ms.store(self.ms(until), Ordering::Release);
        self.given.send_replace(true);
    }

    /// As [`Self::holds`], once it is known whether a lease that was given can be relied on; waits so long at most.
    pub(crate) async fn holds_within(&self, patience: Duration) -> bool {
        let mut given = self.given.subscribe();
        // What is not known by then does not hold.
        let _ = tokio::time::timeout(patience, given.wait_for(|given| !given)).await;
        self.holds()
    }

    fn ms(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.began).as_millis() as u64
    }

    /// The lease was asked for at `asked` and lasts for `remaining` from then, a quarter of `ttl` taken off for clocks
    /// that do not run alike and for a process that is not scheduled. False where the lease before it may have run out
    /// by now: somebody else may have owned, and written, between the two, and nothing may be relied on before
    /// [`Self::begin`]. An engine that numbers holdings tells: where `term` is still the same, nobody else has held the lease,
    /// however long it could not be renewed.
    #[must_use]
    pub(crate) fn extend(
        &self,
        asked: Instant,
        remaining: Duration,
        ttl: Duration,
        term: Option<u64>,
    ) -> bool {
        let term_before = self.term.swap(term.unwrap_or(0), Ordering::AcqRel);
        let before = self.lease_until_ms.swap(self.ms(asked + remaining), Ordering::AcqRel);
        let until = self.ms(asked + remaining.saturating_sub(ttl / 4));
        self.next_until_ms.store(until, Ordering::Release);
        let unbroken = self.ms(Instant::now()) < before || term.is_some_and(|term| term == term_before);
        if unbroken {
            self.begin();
        }
        unbroken
    }

    /// What is claimed from now on is claimed on the lease as [`Self::extend`] told it.
    pub(crate) fn begin(&self) {
        self.until_ms.store(self.next_until_ms.load(Ordering::Acquire), Ordering::Release);
    }

    /// A claim that is made now can come to something.
    pub(crate) fn is_worth_a_claim(&self) -> bool {
        *self.given.borrow() || self.holds()
    }

    /// Nobody else has held it since it was given, or it has ended: who waits to hear is told.
    pub(crate) fn settle(&self) {
        self.given.send_replace(false);
    }

    /// Nothing can be relied on any more.
    pub(crate) fn end(&self) {
        self.until_ms.store(0, Ordering::Release);
        self.next_until_ms.store(0, Ordering::Release);
        self.lease_until_ms.store(0, Ordering::Release);
        self.term.store(0, Ordering::Release);
        self.settle();
    }

    /// What was read before this call was the newest there is.
    pub(crate) fn holds(&self) -> bool {
        (self.began.elapsed().as_millis() as u64) < self.until_ms.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_tenure_holds_from_when_it_was_asked_for_less_its_margin() {
        let (tenure, ttl) = (Tenure::new(), Duration::from_secs(40));
        assert!(!tenure.holds());
        assert!(!tenure.is_worth_a_claim());
        assert!(!tenure.extend(Instant::now(), ttl, ttl, None), "there was none before");
        assert!(!tenure.holds(), "what is in memory may be older than it");
        tenure.begin();
        assert!(tenure.holds() && tenure.is_worth_a_claim());
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

    #[tokio::test]
    async fn a_lease_that_was_given_is_relied_on_once_it_is_known_to_have_gone_on() {
        let (ttl, long) = (Duration::from_secs(40), Duration::from_secs(3600));
        for (term, later, gone_on) in
            [(None, None, true), (Some(7), Some(7), true), (Some(7), Some(9), false)]
        {
            let tenure = Arc::new(Tenure::new());
            tenure.give(Instant::now(), ttl, term);
            assert!(!tenure.holds() && tenure.is_worth_a_claim(), "it was only seen");
            assert!(!tenure.holds_within(Duration::ZERO).await, "nobody asked yet");
            let waits = tokio::spawn({
                let tenure = Arc::clone(&tenure);
                async move { tenure.holds_within(long).await }
            });
            let unbroken = tenure.extend(Instant::now(), ttl, ttl, later);
            assert_eq!(unbroken, gone_on, "{term:?} {later:?}");
            if unbroken {
                tenure.settle()
            } else {
                tenure.end()
            }
            assert_eq!(waits.await.expect("waits"), gone_on, "{term:?} {later:?}");
        }
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
