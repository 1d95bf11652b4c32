//! What the parts of one handle share: the connection, the settings and the logs. Knows no request.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use waybill_journal::{Error, LogId};

use crate::fault::{Fault, Patience};
use crate::log::{self, Log};
use crate::observed::Observed;
use crate::options::Options;
use crate::streams::Names;
use crate::table::Seen;
use crate::wire::Wire;

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) names: Names,
    pub(crate) wire: Wire,
    runtime: Handle,
    pub(crate) logs: Mutex<BTreeMap<LogId, Arc<Log>>>,
    /// What was asked to be trimmed and was not yet.
    pub(crate) trims: Mutex<BTreeMap<LogId, u64>>,
    pub(crate) upkeep_wanted: Notify,
    pub(crate) closed: AtomicBool,
    pub(crate) appends: AtomicU64,
    pub(crate) doubts: AtomicU64,
    pub(crate) upkeep_failures: AtomicU64,
    /// Since when leases and members have stood still, by our own clock.
    pub(crate) leases_seen: Mutex<Observed<LogId>>,
    pub(crate) members_seen: Mutex<Observed<(String, [u8; 16])>>,
    /// Rows of the table as they were last seen, by name.
    pub(crate) rows_seen: Mutex<HashMap<String, Seen>>,
}

impl Shared {
    pub(crate) fn new(options: Options, wire: Wire, runtime: Handle) -> Self {
        Self {
            names: Names::new(&options.name),
            options,
            wire,
            runtime,
            logs: Mutex::default(),
            trims: Mutex::default(),
            upkeep_wanted: Notify::new(),
            closed: AtomicBool::new(false),
            appends: AtomicU64::new(0),
            doubts: AtomicU64::new(0),
            upkeep_failures: AtomicU64::new(0),
            leases_seen: Mutex::default(),
            members_seen: Mutex::default(),
            rows_seen: Mutex::default(),
        }
    }

    /// The log with its task, which is begun when the log is first asked for.
    pub(crate) fn log(self: &Arc<Self>, id: LogId) -> Arc<Log> {
        let mut logs = self.logs.lock();
        let log = logs.entry(id).or_insert_with(|| {
            let (log, queue) = Log::new(id, &self.names);
            let log = Arc::new(log);
            self.runtime.spawn(log::serve(Arc::clone(self), Arc::clone(&log), queue));
            log
        });
        Arc::clone(log)
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn patience(&self, what: &'static str) -> Patience {
        Patience::new(what, self.options.patience)
    }

    pub(crate) fn control_patience(&self, what: &'static str) -> Patience {
        Patience::new(what, self.options.control_patience)
    }
}

/// Why one try did not come to its end: what another try may mend, and what none does.
#[derive(Debug)]
pub(crate) enum Fail {
    Fault(Fault),
    Error(Error),
}

impl From<Fault> for Fail {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Patience {
    /// Waits for another try where one may help.
    pub(crate) async fn mend(&mut self, fail: Fail) -> Result<(), Error> {
        match fail {
            Fail::Fault(fault) => self.again(&fault).await,
            Fail::Error(error) => Err(error),
        }
    }
}

/// Sixteen bytes that nobody else has.
///
/// # Errors
/// [`Error::Io`] where the operating system has no chance to give.
pub(crate) fn token() -> Result<[u8; 16], Error> {
    let mut token = [0; 16];
    let refused = |error: getrandom::Error| Error::Io {
        what: "draw a token".into(),
        source: std::io::Error::other(error.to_string()),
    };
    getrandom::fill(&mut token).map_err(refused)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ() {
        assert_ne!(token().expect("chance"), token().expect("chance"));
    }
}
