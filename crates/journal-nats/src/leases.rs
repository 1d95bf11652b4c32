//! Who holds which log: one row with all leases, changed by compare and set, and judged by how long it stood still.
//!
//! JetStream has no clock that all its servers share, and a message's time is that of whoever led the stream. So no
//! lease says when it ends. Each has a number that grows with every renewal; whoever sees a number stand still for the
//! lease's ttl on its own monotonic clock, begun after it was written, knows that the holder, who counts from before it
//! was written, has let it lapse. Taking it writes the row only if it is still the one judged, so a renewal on its way
//! and a taking never both succeed. What it costs: who comes new waits a whole ttl before it takes what nobody released.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use minicbor::{Decode, Encode};
use waybill_journal::cluster::{Lease, LeaseRow, Leases, NAME_BYTES_MAX, Pass};
use waybill_journal::{BoxFuture, Error, LogId};

use crate::journal::NatsJournal;
use crate::observed::Observed;
use crate::table;

const ROW: &str = "leases";
const TTL_MIN: Duration = Duration::from_millis(1);
const TTL_MAX: Duration = Duration::from_secs(3600);

#[derive(Clone, Default, Debug, Encode, Decode)]
struct Table {
    #[n(0)]
    rows: BTreeMap<u16, Row>,
}

#[derive(Clone, Default, PartialEq, Eq, Debug, Encode, Decode)]
struct Row {
    #[n(0)]
    holder: Option<String>,
    #[n(1)]
    ttl_us: u64,
    /// Grows with every change of holder or renewal.
    #[n(2)]
    renewal: u64,
    #[n(3)]
    wish: Option<String>,
    /// The renewal with which the holder took it. Not there where an older binary wrote the row.
    #[n(4)]
    term: Option<u64>,
}

impl Row {
    /// What the holder has left, as far as we saw.
    fn remaining(&self, log: LogId, seen: &mut Observed<LogId>, now: Instant) -> Duration {
        let left = seen.remaining(&log, self.renewal, Duration::from_micros(self.ttl_us), now);
        if self.holder.is_some() { left } else { Duration::ZERO }
    }

    /// Takes or renews, if nobody else holds it.
    fn hold(&mut self, holder: &str, ttl: Duration, remaining: Duration) -> Lease {
        match &self.holder {
            Some(other) if other != holder && !remaining.is_zero() => {
                Lease::HeldBy { holder: other.clone(), remaining }
            }
            _ => {
                self.give(holder, ttl);
                Lease::Held { remaining: ttl, term: self.term }
            }
        }
    }

    /// It is the holder's from now on, or still.
    fn give(&mut self, holder: &str, ttl: Duration) {
        let goes_on = self.holder.as_deref() == Some(holder);
        self.ttl_us = u64::try_from(ttl.as_micros()).unwrap_or(u64::MAX);
        self.renewal += 1;
        self.term = self.term.filter(|_| goes_on).or(Some(self.renewal));
        self.holder = Some(holder.to_owned());
    }
}

/// # Errors
/// [`Error::Options`] for an empty or too long name.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        let what = format!("{what} has {} bytes, allowed are 1 to {NAME_BYTES_MAX}", name.len());
        return Err(Error::Options { what });
    }
    Ok(())
}

/// # Errors
/// [`Error::Options`] for a ttl out of range.
pub(crate) fn check_ttl(ttl: Duration) -> Result<(), Error> {
    if !(TTL_MIN..=TTL_MAX).contains(&ttl) {
        return Err(Error::Options {
            what: format!("the ttl is {ttl:?}, allowed are {TTL_MIN:?} to {TTL_MAX:?}"),
        });
    }
    Ok(())
}

impl Leases for NatsJournal {
    fn hold(&self, logs: &[LogId], holder: &str, ttl: Duration) -> BoxFuture<'_, Result<Vec<Lease>, Error>> {
        let (logs, holder) = (logs.to_vec(), holder.to_owned());
        self.run(move |shared| async move {
            check_name("the holder's name", &holder)?;
            check_ttl(ttl)?;
            let patience = shared.control_patience("renew leases");
            table::change(&shared, ROW, patience, |mut table: Table| {
                let (mut seen, now) = (shared.leases_seen.lock(), Instant::now());
                let mut answers = Vec::with_capacity(logs.len());
                for log in &logs {
                    let row = table.rows.entry(log.0).or_default();
                    let remaining = row.remaining(*log, &mut seen, now);
                    answers.push(row.hold(&holder, ttl, remaining));
                }
                let changed = answers.iter().any(|answer| matches!(answer, Lease::Held { .. }));
                Ok((changed.then_some(table), answers))
            })
            .await
        })
    }

    fn release(&self, logs: &[LogId], holder: &str) -> BoxFuture<'_, Result<(), Error>> {
        let (logs, holder) = (logs.to_vec(), holder.to_owned());
        self.run(move |shared| async move {
            let patience = shared.control_patience("release leases");
            table::change(&shared, ROW, patience, |mut table: Table| {
                let mut changed = false;
                for log in &logs {
                    let row = table.rows.get_mut(&log.0);
                    if let Some(row) = row.filter(|row| row.holder.as_ref() == Some(&holder)) {
                        (row.holder, row.term, row.renewal, changed) = (None, None, row.renewal + 1, true);
                    }
                }
                Ok((changed.then_some(table), ()))
            })
            .await
        })
    }

    fn pass(&self, to: &[Pass], holder: &str, ttl: Duration) -> BoxFuture<'_, Result<(), Error>> {
        let (to, holder) = (to.to_vec(), holder.to_owned());
        self.run(move |shared| async move {
            check_ttl(ttl)?;
            to.iter().try_for_each(|pass| check_name("the next holder's name", &pass.next))?;
            let patience = shared.control_patience("pass leases on");
            table::change(&shared, ROW, patience, |mut table: Table| {
                let mut changed = false;
                for Pass { log, next, term } in &to {
                    let is_it = |row: &&mut Row| row.holder.as_ref() == Some(&holder) && row.term == *term;
                    if let Some(row) = table.rows.get_mut(&log.0).filter(is_it) {
                        row.give(next, ttl);
                        changed = true;
                    }
                }
                Ok((changed.then_some(table), ()))
            })
            .await
        })
    }

    fn leases(&self) -> BoxFuture<'_, Result<Vec<LeaseRow>, Error>> {
        self.run(move |shared| async move {
            let patience = shared.control_patience("list leases");
            let table: Table = table::read(&shared, ROW, patience).await?;
            let (mut seen, now) = (shared.leases_seen.lock(), Instant::now());
            let row = |(log, row): (u16, Row)| LeaseRow {
                log: LogId(log),
                remaining: row.remaining(LogId(log), &mut seen, now),
                term: row.term,
                holder: row.holder,
                wish: row.wish,
            };
            Ok(table.rows.into_iter().map(row).collect())
        })
    }

    fn wish(&self, log: LogId, owner: Option<&str>) -> BoxFuture<'_, Result<(), Error>> {
        let owner = owner.map(str::to_owned);
        self.run(move |shared| async move {
            if let Some(owner) = &owner {
                check_name("the wished owner's name", owner)?;
            }
            let patience = shared.control_patience("wish for an owner");
            table::change(&shared, ROW, patience, |mut table: Table| {
                let row = table.rows.entry(log.0).or_default();
                let changed = row.wish != owner;
                row.wish.clone_from(&owner);
                Ok((changed.then_some(table), ()))
            })
            .await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_taken_when_it_is_free_lapsed_or_ones_own() {
        let (ttl, left) = (Duration::from_secs(3), Duration::from_secs(1));
        let mut row = Row::default();
        let held = |term| Lease::Held { remaining: ttl, term: Some(term) };
        assert_eq!(row.hold("a", ttl, Duration::ZERO), held(1));
        assert_eq!(row.hold("b", ttl, left), Lease::HeldBy { holder: "a".to_owned(), remaining: left });
        assert_eq!(row.renewal, 1, "asking changes nothing");
        assert_eq!(row.hold("a", ttl, left), held(1));
        assert_eq!(row.renewal, 2);
        assert_eq!(row.hold("a", ttl, Duration::ZERO), held(1), "lapsed, and nobody else had it");
        assert_eq!(row.hold("b", ttl, Duration::ZERO), held(4));
        assert_eq!((row.holder.as_deref(), row.renewal), (Some("b"), 4));
        row.term = None;
        assert_eq!(row.hold("b", ttl, left), held(5), "a row of an older binary says nothing of what was");
    }

    #[test]
    fn the_stored_form_of_a_lease_is_read_back_and_may_grow() {
        let row = Row { holder: Some("a".into()), ttl_us: 5, renewal: 9, wish: None, term: None };
        let table = Table { rows: BTreeMap::from([(7, row.clone())]) };
        let bytes = minicbor::to_vec(&table).expect("encodes");
        assert_eq!(bytes, [0x81, 0xa1, 7, 0x83, 0x61, b'a', 5, 9], "golden");
        let with_term = [0x81, 0xa1, 7, 0x85, 0x61, b'a', 5, 9, 0xf6, 8];
        let read: Table = minicbor::decode(&with_term).expect("as it is written now");
        assert_eq!(read.rows[&7], Row { term: Some(8), ..row.clone() });
        let longer = [0x82, 0xa1, 7, 0x86, 0x61, b'a', 5, 9, 0xf6, 0xf6, 2, 0x80];
        let read: Table = minicbor::decode(&longer).expect("fields of a newer version are skipped");
        assert_eq!(read.rows[&7], row);
    }
}
