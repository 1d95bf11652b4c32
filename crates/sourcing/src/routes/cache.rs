//! Routes that were searched before, within a bound of memory. It knows questions and answers, not how one follows from
//! the other: an answer from here is the one that a new search would give.

use crate::interner::FixedMap;
use crate::routes::{RouteQuestion, Routes};
use std::sync::{Arc, Mutex, PoisonError};

/// About how many bytes the kept routes of one version of the network may take: 64 MiB.
const BYTES_MAX: usize = 64 << 20;

/// What a cache of routes did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteCounts {
    /// Questions that were answered from memory.
    pub hits: u64,
    /// Questions that took a search.
    pub searches: u64,
    /// Answers that were forgotten to stay within the bound.
    pub forgotten: u64,
    /// Answers that are kept now.
    pub kept: usize,
    /// About how many bytes those take.
    pub bytes: usize,
}

/// Answers in two generations. When the young ones fill half of the bound, the old ones that nobody asked for since are
/// forgotten and the young become old: an answer that is asked for again and again is always kept.
#[derive(Debug)]
pub(crate) struct RouteCache {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    young: FixedMap<RouteQuestion, Arc<Routes>>,
    old: FixedMap<RouteQuestion, Arc<Routes>>,
    young_bytes: usize,
    old_bytes: usize,
    counts: RouteCounts,
}

impl Default for RouteCache {
    fn default() -> Self {
        Self::within(BYTES_MAX)
    }
}

impl RouteCache {
    fn within(bytes_max: usize) -> Self {
        Self { bytes_max, kept: Mutex::default() }
    }

    /// The answer to the question, searched now if it is not kept. Nobody waits for a search but who asked for it.
    pub(crate) fn get(&self, question: RouteQuestion, search: impl FnOnce() -> Routes) -> Arc<Routes> {
        if let Some(found) = self.with(|kept| kept.find(question, self.bytes_max)) {
            return found;
        }
        let found = Arc::new(search());
        self.with(|kept| {
            kept.counts.searches += 1;
            kept.keep(question, &found, self.bytes_max);
        });
        found
    }

    pub(crate) fn counts(&self) -> RouteCounts {
        self.with(|kept| RouteCounts {
            kept: kept.young.len() + kept.old.len(),
            bytes: kept.young_bytes + kept.old_bytes,
            ..kept.counts
        })
    }

    /// Whoever panicked while holding the lock left whole answers behind.
    fn with<R>(&self, read: impl FnOnce(&mut Kept) -> R) -> R {
        read(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    fn find(&mut self, question: RouteQuestion, bytes_max: usize) -> Option<Arc<Routes>> {
        let young = self.young.get(&question).cloned();
        let found = young.or_else(|| {
            let old = self.old.remove(&question)?;
            self.old_bytes -= old.bytes();
            self.keep(question, &old, bytes_max);
            Some(old)
        })?;
        self.counts.hits += 1;
        Some(found)
    }

    fn keep(&mut self, question: RouteQuestion, routes: &Arc<Routes>, bytes_max: usize) {
        if self.young_bytes + routes.bytes() > bytes_max / 2 {
            self.counts.forgotten += self.old.len() as u64;
            self.old = std::mem::take(&mut self.young);
            self.old_bytes = std::mem::take(&mut self.young_bytes);
        }
        if routes.bytes() > bytes_max / 2 {
            self.counts.forgotten += 1;
            return;
        }
        if self.young.insert(question, routes.clone()).is_none() {
            self.young_bytes += routes.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interner::NodeIx;
    use crate::network::Network;
    use crate::routes::{RouteEnd, WeightClass};
    use waybill_types::Timestamp;

    fn question(number: i64) -> RouteQuestion {
        let (end, class) = (RouteEnd::Node(NodeIx(0)), WeightClass::of_g(0));
        RouteQuestion { end, deadline: Timestamp::from_ms(number), class }
    }

    fn answer(number: i64) -> Routes {
        Routes::of(&Network::empty(), question(number), Vec::new(), false)
    }

    #[test]
    fn what_is_asked_again_is_kept_and_the_rest_forgotten_within_the_bound() {
        let bytes = answer(0).bytes();
        let cache = RouteCache::within(bytes * 8);
        for number in 0..100 {
            cache.get(question(number), || answer(number));
            let often = cache.get(question(0), || answer(0));
            assert_eq!(often.deadline(), Timestamp::from_ms(0));
            let counts = cache.counts();
            assert!(counts.bytes <= bytes * 8 && counts.bytes == counts.kept * bytes, "{counts:?}");
        }
        let counts = cache.counts();
        assert_eq!(
            (counts.searches, counts.hits),
            (100, 100),
            "the one asked for again was never searched again"
        );
        assert_eq!(counts.kept as u64 + counts.forgotten, 100, "{counts:?}");
        assert!(counts.kept >= 4, "{counts:?}");
    }

    #[test]
    fn an_answer_above_the_bound_is_given_and_not_kept() {
        let cache = RouteCache::within(8);
        for _ in 0..2 {
            cache.get(question(1), || answer(1));
        }
        assert_eq!(cache.counts(), RouteCounts { searches: 2, forgotten: 2, ..RouteCounts::default() });
    }
}
