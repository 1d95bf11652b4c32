//! What the engine acknowledged, written down by those it was acknowledged to. At the end the engine's own state is held
//! against it: what stands here and not there was lost.

use crate::bench::latency::Latencies;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One order that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// The engine's id for it.
    pub(crate) order_id: String,
    /// The channel it was placed in.
    pub(crate) channel: String,
    /// When it was sent.
    pub(crate) sent: Instant,
    /// SKU and quantity of each line, in the order given.
    pub(crate) lines: Vec<(String, i64)>,
    /// Acknowledged as reserved or backordered, so it can no longer be refused.
    pub(crate) confirmed: bool,
    /// Units that were acknowledged as cancelled, by line.
    pub(crate) cancelled: BTreeMap<u32, i64>,
    /// Where the order must not go before, in milliseconds since 1970, if anywhere.
    pub(crate) release_ms: Option<i64>,
    /// What came of changes of mind.
    pub(crate) changed: Changed,
}

/// What was acknowledged about one order besides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changed {
    /// Units that were acknowledged as taken back, by line.
    pub(crate) returned: BTreeMap<u32, i64>,
    /// What was acknowledged as paid back for them, in minor units.
    pub(crate) refunded_minor: i64,
    /// Units that nobody fetched, which calls them off.
    pub(crate) not_fetched: bool,
    /// Somebody called units off while nodes were at work.
    pub(crate) raced: bool,
    /// A change was still pending when its caller stopped waiting: its outcome is not known.
    pub(crate) unknown: bool,
}

/// What was counted besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Orders refused with CONFIRM because stock was short.
    pub(crate) refused_short: u64,
    /// Stock holds made at a checkout.
    pub(crate) holds: u64,
    /// Holds that came too late: the stock had moved since the promise.
    pub(crate) holds_refused: u64,
    /// Requests sent twice that were answered the same.
    pub(crate) repeats_same: u64,
    /// Requests sent twice with other content that were refused.
    pub(crate) repeats_other_refused: u64,
    /// Cancels asked.
    pub(crate) cancels: u64,
    /// Amendments that were previewed first.
    pub(crate) previews: u64,
    /// Amendments that an operator said yes to.
    pub(crate) approved: u64,
    /// Amendments that were decided anew because the order had changed meanwhile.
    pub(crate) read_again: u64,
    /// Orders that were watched to the end.
    pub(crate) watched: u64,
}

#[derive(Debug, Default)]
struct Inner {
    orders: HashMap<String, Placed>,
    refused: HashMap<String, u64>,
    counts: Counts,
    accept: Latencies,
    confirm: Latencies,
    instructed: Latencies,
    waiting: HashMap<String, Instant>,
    changes: Changes,
    faults: Vec<String>,
    fault_count: u64,
}

/// How often each kind of change came to each end.
pub(crate) type Changes = BTreeMap<&'static str, BTreeMap<String, u64>>;

/// The ledger; shared by all customers, agents and nodes.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Inner>);

/// All that was written, at the end.
#[derive(Debug)]
pub(crate) struct Closed {
    /// Acknowledged orders by their number.
    pub(crate) orders: HashMap<String, Placed>,
    /// Refused orders by channel.
    pub(crate) refused: HashMap<String, u64>,
    pub(crate) counts: Counts,
    /// Latency of ACCEPT.
    pub(crate) accept: Latencies,
    /// Latency of CONFIRM.
    pub(crate) confirm: Latencies,
    /// From sending the order to its first instruction at a node, for orders released at once.
    pub(crate) instructed: Latencies,
    /// Amendments, cancels and returns: by kind, what they came to.
    pub(crate) changes: Changes,
    /// What must not have happened, the first hundred.
    pub(crate) faults: Vec<String>,
    /// How many such things there were.
    pub(crate) fault_count: u64,
}

const FAULTS_KEPT: usize = 100;

impl Ledger {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A poisoned ledger has lost nothing: every entry is one insert.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An order with this number is about to be sent and may be released at once.
    pub(crate) fn sending(&self, number: &str, at: Instant) {
        self.inner().waiting.insert(number.to_owned(), at);
    }

    /// A node has an instruction for the order with this number.
    pub(crate) fn instructed(&self, number: &str) {
        let mut inner = self.inner();
        if let Some(sent) = inner.waiting.remove(number) {
            inner.instructed.add(sent.elapsed());
        }
    }

    /// An order was acknowledged after its `sent` time.
    pub(crate) fn placed(&self, number: String, placed: Placed) {
        let mut inner = self.inner();
        let took = placed.sent.elapsed();
        if placed.confirmed {
            inner.confirm.add(took)
        } else {
            inner.accept.add(took)
        }
        inner.orders.insert(number, placed);
    }

    /// An order was refused for lack of stock.
    pub(crate) fn refused(&self, number: &str, channel: &str) {
        let mut inner = self.inner();
        inner.waiting.remove(number);
        inner.counts.refused_short += 1;
        *inner.refused.entry(channel.to_owned()).or_default() += 1;
    }

    /// Units of a line were acknowledged as cancelled.
    pub(crate) fn cancelled(&self, number: &str, line: u32, quantity: i64) {
        if let Some(placed) = self.inner().orders.get_mut(number) {
            *placed.cancelled.entry(line).or_default() += quantity;
        }
    }

    /// Nobody fetched these units, by line: they are called off.
    pub(crate) fn not_fetched(&self, number: &str, units: impl Iterator<Item = (u32, i64)>) {
        if let Some(placed) = self.inner().orders.get_mut(number) {
            placed.changed.not_fetched = true;
            for (line, quantity) in units {
                *placed.cancelled.entry(line).or_default() += quantity;
            }
        }
    }

    /// An order was changed as acknowledged.
    pub(crate) fn changed(&self, number: &str, change: impl FnOnce(&mut Placed)) {
        if let Some(placed) = self.inner().orders.get_mut(number) {
            change(placed);
        }
    }

    /// A change of some kind came to an end of this name.
    pub(crate) fn outcome(&self, kind: &'static str, end: &str) {
        *self.inner().changes.entry(kind).or_default().entry(end.to_owned()).or_default() += 1;
    }

    /// Adds to the counts.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Counts)) {
        add(&mut self.inner().counts);
    }

    /// Something that must not happen.
    pub(crate) fn fault(&self, what: String) {
        let mut inner = self.inner();
        inner.fault_count += 1;
        if inner.faults.len() < FAULTS_KEPT {
            inner.faults.push(what);
        }
    }

    /// The orders acknowledged so far, by their number.
    pub(crate) fn orders(&self) -> HashMap<String, Placed> {
        self.inner().orders.clone()
    }

    /// Everything, leaving nothing.
    pub(crate) fn close(&self) -> Closed {
        let inner = std::mem::take(&mut *self.inner());
        Closed {
            orders: inner.orders,
            refused: inner.refused,
            counts: inner.counts,
            accept: inner.accept,
            confirm: inner.confirm,
            instructed: inner.instructed,
            changes: inner.changes,
            faults: inner.faults,
            fault_count: inner.fault_count,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One order of two units of A.
    pub(crate) fn placed(confirmed: bool) -> Placed {
        Placed {
            order_id: "W00-1".into(),
            channel: "web".into(),
            sent: Instant::now(),
            lines: vec![("A".into(), 2)],
            confirmed,
            cancelled: BTreeMap::new(),
            release_ms: None,
            changed: Changed::default(),
        }
    }

    #[test]
    fn an_order_is_instructed_once_however_many_nodes_serve_it() {
        let ledger = Ledger::default();
        ledger.sending("N1", Instant::now());
        ledger.placed("N1".into(), placed(true));
        ledger.instructed("N1");
        ledger.instructed("N1");
        ledger.cancelled("N1", 1, 1);
        ledger.cancelled("N1", 1, 1);
        let closed = ledger.close();
        assert_eq!((closed.instructed.count(), closed.confirm.count(), closed.accept.count()), (1, 1, 0));
        assert_eq!(closed.orders["N1"].cancelled, BTreeMap::from([(1, 2)]));
    }

    #[test]
    fn faults_are_counted_beyond_those_kept() {
        let ledger = Ledger::default();
        (0..150).for_each(|number| ledger.fault(number.to_string()));
        ledger.refused("N2", "app");
        let closed = ledger.close();
        assert_eq!((closed.faults.len(), closed.fault_count), (FAULTS_KEPT, 150));
        assert_eq!((closed.counts.refused_short, closed.refused["app"]), (1, 1));
    }
}
