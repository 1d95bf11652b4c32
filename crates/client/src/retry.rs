//! When a call may be sent again, and how long to wait. A call is repeated only as it was: the same request with the
//! same id, which has one effect however often it arrives.

use std::future::Future;
use std::time::{Duration, Instant};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt;

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Attempts per call, the first included, 1 or more.
    pub attempts_max: u32,
    /// No new attempt begins this long after the first one began.
    pub patience: Duration,
    /// The first wait; each further one is twice as long.
    pub wait_first: Duration,
    /// The longest wait, and the longest that a server's own hint is followed.
    pub wait_max: Duration,
    /// How long a stream tries to come back, counted from its last message, before it ends with the error.
    pub outage_max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts_max: 12,
            patience: Duration::from_secs(30),
            wait_first: Duration::from_millis(20),
            wait_max: Duration::from_secs(2),
            outage_max: Duration::from_secs(600),
        }
    }
}

impl Retry {
    /// Never sends anything twice; streams end at the first fault.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts_max: 1, outage_max: Duration::ZERO, ..Self::default() }
    }

    /// Makes `call` until it answers, is refused for good, or patience ends.
    pub(crate) async fn run<T, F, Fut>(&self, mut call: F) -> Result<T, Status>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Response<T>, Status>>,
    {
        let began = Instant::now();
        let mut attempt = 1;
        loop {
            let status = match call().await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => status,
            };
            if !may_retry(&status) || attempt >= self.attempts_max {
                return Err(status);
            }
            let wait = self.wait(attempt, &status);
            if began.elapsed() + wait > self.patience {
                return Err(status);
            }
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// How long to wait after attempt number `attempt` (from 1) failed with `status`: what the server asks for, at
    /// least, and spread over half of itself, so that callers refused together do not come back together.
    pub(crate) fn wait(&self, attempt: u32, status: &Status) -> Duration {
        let doubled = self.wait_first.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let asked = hint(status).unwrap_or(Duration::ZERO).min(self.wait_max);
        let wait = doubled.min(self.wait_max).max(asked);
        wait + wait.mul_f64(0.5 * chance())
    }
}

/// True when the same request may be sent again: the server is not there now or asks to come back, or the connection
/// broke and nobody knows what became of the call. Every other refusal stands.
#[must_use]
pub fn may_retry(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable => true,
        Code::ResourceExhausted => hint(status).is_some() || broken(status),
        _ => broken(status),
    }
}

/// The status was made here, from a fault of the transport: no server sent it.
fn broken(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}

/// The delay that the server asks for.
fn hint(status: &Status) -> Option<Duration> {
    status.get_details_retry_info().map(|info| info.retry_delay.unwrap_or_default())
}

/// A number from 0 to 1 to spread waits with; nothing depends on its quality.
fn chance() -> f64 {
    let mut byte = [0u8];
    // Without random numbers all wait the same, which is slower for the crowd and wrong for nobody.
    let _ = getrandom::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tonic_types::ErrorDetails;

    fn hurried() -> Retry {
        Retry { wait_first: Duration::from_millis(1), wait_max: Duration::from_millis(2), ..Retry::default() }
    }

    fn busy(ms: u64) -> Status {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(ms)));
        Status::with_error_details(Code::ResourceExhausted, "busy", details)
    }

    #[tokio::test]
    async fn a_server_that_is_busy_is_asked_again() {
        let calls = Cell::new(0);
        let answer = hurried()
            .run(|| {
                calls.set(calls.get() + 1);
                let answer = if calls.get() < 4 { Err(busy(1)) } else { Ok(Response::new(calls.get())) };
                std::future::ready(answer)
            })
            .await;
        assert_eq!(answer.unwrap(), 4);
    }

    #[tokio::test]
    async fn a_refusal_is_final_at_the_first_attempt() {
        for refusal in [
            Status::invalid_argument("no"),
            Status::aborted("stale"),
            Status::already_exists("other content"),
            Status::resource_exhausted("no hint"),
            Status::internal("bug"),
            Status::unknown("not ours"),
        ] {
            let calls = Cell::new(0);
            let answer: Result<(), _> = hurried()
                .run(|| {
                    calls.set(calls.get() + 1);
                    std::future::ready(Err(refusal.clone()))
                })
                .await;
            assert_eq!((answer.unwrap_err().code(), calls.get()), (refusal.code(), 1));
        }
    }

    #[tokio::test]
    async fn attempts_are_bounded() {
        let calls = Cell::new(0);
        let retry = Retry { attempts_max: 5, ..hurried() };
        let answer: Result<(), _> = retry
            .run(|| {
                calls.set(calls.get() + 1);
                std::future::ready(Err(Status::unavailable("starting")))
            })
            .await;
        assert_eq!((answer.unwrap_err().code(), calls.get()), (Code::Unavailable, 5));
    }

    #[test]
    fn waits_grow_to_a_bound_and_follow_the_server() {
        let retry = Retry::default();
        let plain = Status::unavailable("starting");
        assert!(retry.wait(1, &plain) >= retry.wait_first);
        assert!(retry.wait(3, &plain) >= 4 * retry.wait_first);
        assert!(retry.wait(40, &plain) <= retry.wait_max * 3 / 2);
        assert!(retry.wait(1, &busy(700)) >= Duration::from_millis(700));
        assert!(retry.wait(1, &busy(3_600_000)) <= retry.wait_max * 3 / 2);
    }
}
