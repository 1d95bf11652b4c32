//! Latencies of one run, kept as they were measured: one number per call. A run has some hundred thousand calls, which
//! take less than a megabyte and are sorted in milliseconds, so the percentiles are exact and nothing is estimated.

use std::time::Duration;

/// Measured latencies in microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    micros: Vec<u32>,
    sorted: bool,
}

impl Latencies {
    /// Adds one; more than 71 minutes count as 71 minutes.
    pub(crate) fn add(&mut self, took: Duration) {
        self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        self.sorted = false;
    }

    /// Adds all of another run part.
    pub(crate) fn join(&mut self, other: Self) {
        self.micros.extend(other.micros);
        self.sorted = false;
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.micros.len()
    }

    /// The smallest latency that `per_mille` thousandths of the calls do not exceed, in milliseconds; 0 without calls.
    pub(crate) fn percentile_ms(&mut self, per_mille: usize) -> f64 {
        if !self.sorted {
            self.micros.sort_unstable();
            self.sorted = true;
        }
        let rank = (self.micros.len() * per_mille).div_ceil(1_000).max(1) - 1;
        self.micros.get(rank).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile_ms(500).to_bits(), 0.0f64.to_bits());
        for ms in (1..=1_000).rev() {
            latencies.add(Duration::from_millis(ms));
        }
        let found = [500, 990, 999, 1_000].map(|per_mille| latencies.percentile_ms(per_mille) as u64);
        assert_eq!(found, [500, 990, 999, 1_000]);
        latencies.add(Duration::from_secs(10));
        assert_eq!(latencies.percentile_ms(1_000) as u64, 10_000);
        assert_eq!(latencies.count(), 1_001);
    }

    #[test]
    fn parts_of_a_run_join() {
        let (mut first, mut second) = (Latencies::default(), Latencies::default());
        first.add(Duration::from_millis(3));
        second.add(Duration::from_millis(1));
        first.join(second);
        assert_eq!((first.count(), first.percentile_ms(500) as u64), (2, 1));
    }
}
