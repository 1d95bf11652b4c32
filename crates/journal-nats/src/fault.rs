//! What came of one request to a server: which faults pass, which say that there is no room, and how long to insist.
//! Knows no stream.

use std::time::{Duration, Instant};

use waybill_journal::Error;

/// Error codes of JetStream that this journal tells apart; the others end a call with their description.
pub(crate) mod code {
    /// The stream has no leader, or the cluster has none, or not yet enough servers to keep it.
    pub(crate) const PASSING: [u64; 6] = [10005, 10008, 10009, 10118, 10119, 10039];
    /// The account or a server has no room.
    pub(crate) const FULL: [u64; 3] = [10002, 10023, 10047];
    /// The stream refused to keep the message: over `max_bytes`, or its store failed.
    pub(crate) const STORE_FAILED: u64 = 10077;
    pub(crate) const NO_MESSAGE: u64 = 10037;
    pub(crate) const NO_STREAM: u64 = 10059;
    pub(crate) const NAME_IN_USE: u64 = 10058;
    /// Something else stands where this was to stand; the second while something is on its way there.
    pub(crate) const TAKEN: [u64; 2] = [10071, 10164];
}

/// Why a request has no good answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It was sent, perhaps, and no answer came: what it asked for may have been done.
    Lost { what: String },
    /// Nobody was there to take it: nothing was done.
    Away { what: String },
    /// The server refused.
    Refused { code: u64, status: u64, what: String },
    /// The answer cannot be understood.
    Odd { what: String },
}

impl Fault {
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Odd { .. })
    }

    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code::TAKEN.contains(code))
    }

    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Refused { code: code::STORE_FAILED, what, .. } => what.contains("maximum"),
            Self::Refused { code, .. } => code::FULL.contains(code),
            Self::Lost { .. } | Self::Away { .. } | Self::Odd { .. } => false,
        }
    }

    pub(crate) fn is_no_stream(&self) -> bool {
        matches!(self, Self::Refused { code: code::NO_STREAM, .. })
    }

    /// Whether asking again may help.
    fn passes(&self) -> bool {
        match self {
            Self::Lost { .. } | Self::Away { .. } => true,
            Self::Refused { code, status, .. } => {
                !self.is_full() && (code::PASSING.contains(code) || *status == 503 || self.is_taken())
            }
            Self::Odd { .. } => false,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost { what } => write!(f, "no answer: {what}"),
            Self::Away { what } => write!(f, "nobody there: {what}"),
            Self::Refused { code, what, .. } => write!(f, "refused with code {code}: {what}"),
            Self::Odd { what } => write!(f, "an answer that cannot be understood: {what}"),
        }
    }
}

/// How long a stream may seem not to exist while servers start: the one that answers for the cluster may not know of it yet.
/// Those who ask for a stream that need not exist take that answer themselves.
const STREAM_UNKNOWN_FOR: Duration = Duration::from_secs(2);
const PAUSE_FIRST: Duration = Duration::from_millis(10);
/// A new leader may be there at any moment, and what waits for it waits as long as this at most.
const PAUSE_MOST: Duration = Duration::from_millis(200);

/// Asks again with growing pauses, until it has been long enough.
#[derive(Debug)]
pub(crate) struct Patience {
    what: &'static str,
    for_long: Duration,
    until: Instant,
    pause: Duration,
    /// Since when the stream has seemed not to exist.
    unknown_since: Option<Instant>,
}

impl Patience {
    /// `what` completes "could not ...".
    pub(crate) fn new(what: &'static str, for_long: Duration) -> Self {
        let until = Instant::now() + for_long;
        Self { what, for_long, until, pause: PAUSE_FIRST, unknown_since: None }
    }

    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Waits before the next try, if the fault is one that passes and there is time for another.
    pub(crate) async fn again(&mut self, fault: &Fault) -> Result<(), Error> {
        let passes = match fault.is_no_stream() {
            true => self.unknown_since.get_or_insert_with(Instant::now).elapsed() < STREAM_UNKNOWN_FOR,
            false => {
                self.unknown_since = None;
                fault.passes()
            }
        };
        if !passes {
            return Err(self.given_up(fault));
        }
        self.pause(fault).await
    }

    /// As [`Patience::again`], for whatever the caller knows to pass.
    pub(crate) async fn pause(&mut self, why: &(dyn std::fmt::Display + Sync)) -> Result<(), Error> {
        if self.left() <= self.pause {
            return Err(self.given_up(why));
        }
        // A wait between tries and not for a condition: there is nothing to be told by while servers are away.
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MOST);
        Ok(())
    }

    pub(crate) fn given_up(&self, why: &dyn std::fmt::Display) -> Error {
        Error::Engine { what: format!("could not {} within {:?}: {why}", self.what, self.for_long) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u64, what: &str) -> Fault {
        Fault::Refused { code, status: 503, what: what.to_owned() }
    }

    #[test]
    fn no_room_is_told_from_a_store_that_failed() {
        assert!(refused(10077, "maximum bytes exceeded").is_full());
        assert!(!refused(10077, "disk on fire").is_full());
        assert!(refused(10047, "insufficient storage resources available").is_full());
    }

    #[tokio::test]
    async fn patience_ends() {
        let mut patience = Patience::new("wait", Duration::from_millis(100));
        let mut tries = 0;
        let error = loop {
            tries += 1;
            assert!(tries < 100, "no end");
            if let Err(error) = patience.again(&Fault::Away { what: "none".to_owned() }).await {
                break error;
            }
        };
        assert!(matches!(&error, Error::Engine { what } if what.contains("nobody there")), "{error}");
    }

    #[tokio::test]
    async fn a_stream_may_seem_not_to_exist_for_a_moment() {
        let mut patience = Patience::new("read", Duration::from_secs(60));
        patience.again(&refused(code::NO_STREAM, "stream not found")).await.expect("for a moment");
        patience.again(&Fault::Away { what: "none".to_owned() }).await.expect("this passes");
        let began = Instant::now();
        let error = loop {
            if let Err(error) = patience.again(&refused(code::NO_STREAM, "stream not found")).await {
                break error;
            }
        };
        assert!(matches!(&error, Error::Engine { what } if what.contains("not found")), "{error}");
        let lasted = began.elapsed();
        assert!((STREAM_UNKNOWN_FOR..STREAM_UNKNOWN_FOR * 10).contains(&lasted), "{lasted:?}");
    }

    #[tokio::test]
    async fn what_does_not_pass_is_not_tried_again() {
        let mut patience = Patience::new("wait", Duration::from_secs(3));
        let ends = patience.again(&refused(10077, "maximum bytes exceeded")).await;
        assert!(matches!(ends, Err(Error::Engine { .. })), "{ends:?}");
    }
}
