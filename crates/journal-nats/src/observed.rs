//! How long rows have stood still, measured by our own monotonic clock from when they were first seen so. Knows no
//! server's clock: those of two servers may differ, and the leader of a stream changes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Rows by name, each with the renewal last seen and when it was first seen.
#[derive(Debug)]
pub(crate) struct Observed<K>(BTreeMap<K, (u64, Instant)>);

impl<K> Default for Observed<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone> Observed<K> {
    /// Time since the row was first seen with this renewal or a later one. A row read from a server that is behind does
    /// not make time go back.
    pub(crate) fn still_for(&mut self, key: &K, renewal: u64, now: Instant) -> Duration {
        let (seen, since) = self.0.entry(key.clone()).or_insert((renewal, now));
        if renewal > *seen {
            (*seen, *since) = (renewal, now);
        }
        now.saturating_duration_since(*since)
    }

    /// What is left of a ttl; zero once the row has stood still for as long.
    pub(crate) fn remaining(&mut self, key: &K, renewal: u64, ttl: Duration, now: Instant) -> Duration {
        ttl.saturating_sub(self.still_for(key, renewal, now))
    }

    pub(crate) fn forget_all_but(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.0.retain(|key, _| keep(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_over_when_it_stood_still_for_its_ttl() {
        let (mut seen, start) = (Observed::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let ttl = Duration::from_millis(100);
        assert_eq!(seen.remaining(&1, 7, ttl, at(0)), ttl, "whoever comes new waits a whole ttl");
        assert_eq!(seen.remaining(&1, 7, ttl, at(60)), Duration::from_millis(40));
        assert_eq!(seen.remaining(&1, 8, ttl, at(90)), ttl, "renewed");
        assert_eq!(seen.remaining(&1, 7, ttl, at(100)), Duration::from_millis(90), "an old row is no news");
        assert_eq!(seen.remaining(&1, 8, ttl, at(190)), Duration::ZERO);
        assert_eq!(seen.remaining(&2, 1, ttl, at(190)), ttl, "rows are apart");
    }
}
