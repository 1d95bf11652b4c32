//! Where a partition's time comes from. The only place of the runtime that asks the system for the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use waybill_types::Timestamp;

/// The system's clock, or a virtual one that moves only when told to.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Virtual { now_ms: Arc<AtomicI64>, moved: watch::Sender<i64> },
}

impl Clock {
    /// The system's wall clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Kind::System)
    }
    /// A clock that stands at `start` until [`Self::advance`].
    #[must_use]
    pub fn virtual_at(start: Timestamp) -> Self {
        let moved = watch::channel(start.as_ms()).0;
        Self(Kind::Virtual { now_ms: Arc::new(AtomicI64::new(start.as_ms())), moved })
    }
    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_ms(since.as_millis() as i64)
            }
            Kind::Virtual { now_ms, .. } => Timestamp::from_ms(now_ms.load(Ordering::SeqCst)),
        }
    }
    /// Moves a virtual clock forward by `ms` and wakes whoever waits; `None` for the system's clock.
    pub fn advance(&self, ms: u32) -> Option<Timestamp> {
        match &self.0 {
            Kind::System => None,
            Kind::Virtual { now_ms, moved } => {
                let now = now_ms.fetch_add(i64::from(ms), Ordering::SeqCst) + i64::from(ms);
                moved.send_replace(now);
                Some(Timestamp::from_ms(now))
            }
        }
    }
    /// True for a virtual clock.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        matches!(self.0, Kind::Virtual { .. })
    }
    /// Waits until the clock shows at least `due`.
    pub async fn wait_until(&self, due: Timestamp) {
        match &self.0 {
            Kind::System => {
                // Long waits are cut so that a stepped wall clock is noticed within a minute.
                loop {
                    let left = due.since_ms(self.now());
                    if left <= 0 {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(left.min(60_000) as u64)).await;
                }
            }
            Kind::Virtual { moved, .. } => {
                let mut moved = moved.subscribe();
                // The sender lives in `self`, so the wait ends only by the clock.
                let _ = moved.wait_for(|now| *now >= due.as_ms()).await;
            }
        }
    }
}
