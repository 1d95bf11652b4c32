//! A closed loop of workers, each of which makes one call after the other: the load of every bench. It knows no engine;
//! what a call is, and whether it counts, the caller says.

use super::latency::Latencies;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How hard to push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Load {
    /// Connections, 1 to 1,000.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) connections: u16,
    /// Calls under way at once, over all connections, 1 to 10,000.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) concurrency: u16,
}

/// What a run came to, warm-up not counted.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// Latencies of the calls that counted.
    pub(crate) latencies: Latencies,
    /// Calls that were answered and did not count, such as refusals that were expected.
    pub(crate) uncounted: u64,
    /// How long was measured.
    pub(crate) time: Duration,
}

impl Done {
    /// Counted calls per second.
    pub(crate) fn per_s(&self) -> f64 {
        self.latencies.count() as f64 / self.time.as_secs_f64().max(f64::EPSILON)
    }
}

/// Runs `load.concurrency` workers for `warm_up` and then `time`. Worker `w` makes calls `(w, 0)`, `(w, 1)` and so on; a
/// call answers whether it counts. Calls under way at the end are finished and not counted.
///
/// # Errors
/// The first fault of a call.
pub(crate) async fn drive<F, Fut>(
    load: Load,
    warm_up: Duration,
    time: Duration,
    call: F,
) -> anyhow::Result<Done>
where
    F: Fn(usize, u64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<bool>> + Send,
{
    let call = Arc::new(call);
    let from = Instant::now() + warm_up;
    let until = from + time;
    let mut workers = JoinSet::new();
    for worker in 0..usize::from(load.concurrency) {
        let call = Arc::clone(&call);
        workers.spawn(async move {
            let (mut latencies, mut uncounted) = (Latencies::default(), 0u64);
            for number in 0.. {
                let began = Instant::now();
                if began >= until {
                    break;
                }
                let counts = call(worker, number).await?;
                let ended = Instant::now();
                match (counts, began >= from && ended <= until) {
                    (true, true) => latencies.add(ended - began),
                    (false, true) => uncounted += 1,
                    (_, false) => {}
                }
            }
            anyhow::Ok((latencies, uncounted))
        });
    }
    let mut done = Done { latencies: Latencies::default(), uncounted: 0, time };
    while let Some(worker) = workers.join_next().await {
        let (latencies, uncounted) = worker??;
        done.latencies.join(latencies);
        done.uncounted += uncounted;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: Load = Load { connections: 1, concurrency: 3 };

    #[tokio::test]
    async fn only_calls_within_the_measured_time_count() {
        let call = |worker: usize, _| async move {
            tokio::task::yield_now().await;
            Ok(worker != 0)
        };
        let done = drive(LOAD, Duration::from_millis(5), Duration::from_millis(20), call).await.unwrap();
        assert!(done.latencies.count() > 0 && done.uncounted > 0);
        assert!(done.per_s() > 0.0);
    }

    #[tokio::test]
    async fn a_fault_of_one_call_is_the_fault_of_the_run() {
        let call = |_, number: u64| async move {
            anyhow::ensure!(number < 3, "broken");
            Ok(true)
        };
        let fault = drive(LOAD, Duration::ZERO, Duration::from_secs(60), call).await.unwrap_err();
        assert_eq!(fault.to_string(), "broken");
    }
}
