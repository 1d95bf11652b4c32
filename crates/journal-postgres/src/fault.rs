//! What can go wrong between here and the database, as far as it decides what to do next. Knows no statement.

use std::time::Duration;

use deadpool_postgres::{HookError, PoolError};
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use waybill_journal::Error;

use crate::pool::SILENT;

/// Why a statement did not answer with rows.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// No answer, or one that tells nothing about the statement: it may have been carried out or not.
    Down(String),
    /// The database gave it up to keep its promises to others. Not carried out; do it again.
    Again(String),
    /// A row with this key exists. Not carried out.
    Taken,
    /// The database's disk is full. Not carried out.
    Full,
    /// Not carried out, and doing it again will not help.
    Refused(String),
}

impl Fault {
    pub(crate) fn silent(what: &str, after: Duration) -> Self {
        Self::Down(format!("{what} got no answer within {after:?}"))
    }

    /// As the journal's callers see it.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Down(what) | Self::Again(what) | Self::Refused(what) => Error::Engine { what },
            Self::Taken => Error::Engine { what: "a row is there that was not expected".into() },
            Self::Full => Error::Full { needed_bytes: 0 },
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else {
            let what = with_cause(&error);
            return if is_distrust(&error) { Self::Refused(what) } else { Self::Down(what) };
        };
        let code = told.code();
        let what = format!("{} ({})", told.message(), code.code());
        if *code == SqlState::UNIQUE_VIOLATION {
            return Self::Taken;
        }
        if *code == SqlState::DISK_FULL {
            return Self::Full;
        }
        match code.code() {
            // Serialization failure, deadlock, lock not available, and a plan that outlived its table.
            "40001" | "40P01" | "55P03" | "0A000" => Self::Again(what),
            // A schema, table or type that somebody else made a moment ago.
            "42P06" | "42P07" | "42710" => Self::Again(what),
            // Read-only after a fail-over, too many connections, out of memory, and statement given up on time-out.
            "25006" | "53300" | "53200" | "57014" | "40003" => Self::Down(what),
            // Connection exceptions; the operator or a crash stops the server.
            other if other.starts_with("08") || other.starts_with("57P") => Self::Down(what),
            _ => Self::Refused(what),
        }
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            PoolError::PostCreateHook(HookError::Message(what)) if what == SILENT => {
                Self::Down(SILENT.into())
            }
            PoolError::PostCreateHook(HookError::Message(what)) => Self::Refused(what.into_owned()),
            PoolError::Timeout(step) => Self::Down(format!("no connection in time ({step:?})")),
            PoolError::Closed | PoolError::NoRuntimeSpecified => {
                Self::Refused("the journal is closed".into())
            }
        }
    }
}

/// True where the server answered and is not whom the settings ask for: asking again gets the same answer.
fn is_distrust(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(now) = cause {
        if let Some(rustls::Error::InvalidCertificate(_)) = now.downcast_ref() {
            return true;
        }
        // The driver has no other sign of it.
        if now.to_string() == "server does not support TLS" {
            return true;
        }
        let inner = now.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => now.source(),
        };
    }
    false
}

/// The driver's own words say "db error" or "error communicating with the server"; the cause says why.
fn with_cause(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// Waits between tries, longer each time, until patience ends.
pub(crate) struct Backoff {
    next: Duration,
    until: Instant,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(5);
    /// Bounds how long after the database answers again it is asked again.
    const LONGEST: Duration = Duration::from_millis(250);

    pub(crate) fn new(patience: Duration) -> Self {
        Self { next: Self::FIRST, until: Instant::now() + patience }
    }

    /// Waits if the fault may pass, and gives it back if it will not or patience is over.
    pub(crate) async fn wait(&mut self, fault: Fault) -> Result<(), Fault> {
        match fault {
            Fault::Down(_) | Fault::Again(_) => {}
            Fault::Taken | Fault::Full | Fault::Refused(_) => return Err(fault),
        }
        // Half to all of it, so that processes that lost the database at once do not come back at once.
        let wait = self.next.mul_f64(0.5 + 0.5 * chance());
        if Instant::now() + wait > self.until {
            return Err(fault);
        }
        tokio::time::sleep(wait).await;
        self.next = (self.next * 2).min(Self::LONGEST);
        Ok(())
    }
}

/// A number from 0 to 1. Chance here only spreads retries; without any they come together, which is safe.
fn chance() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}
