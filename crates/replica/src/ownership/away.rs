//! What follows from silence when it was the engine that was away: nobody could say that they live, so a process that hears
//! the engine again gives those who lived before a moment to say so. Otherwise whoever comes first would take everything, and
//! hand it back at once. It knows no engine, and delays only what is taken: the holder itself goes by its own clock.

use crate::cluster::Owners;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use waybill_journal::LogId;

/// Where so much of a lease's time lies between two looks, in quarters, nobody else may have been able to renew either.
const AWAY_QUARTERS: u32 = 3;
/// What those who lived before are given, as a part of a lease's time.
const GRACE: u32 = 2;

/// What was known when the engine was last heard.
#[derive(Debug, Default)]
pub(crate) struct Away {
    looked: Option<Instant>,
    until: Option<Instant>,
    members: Vec<(String, [u8; 16])>,
    holders: BTreeMap<LogId, String>,
}

impl Away {
    /// What the engine says at `now`, with those who lived and held before it was away as if they still did for a moment.
    pub(super) fn look(&mut self, mut owners: Owners, ttl: Duration, now: Instant) -> Owners {
        let was_away = self.looked.is_some_and(|at| now.duration_since(at) >= ttl / 4 * AWAY_QUARTERS);
        self.looked = Some(now);
        // One moment, however slow the looks are: who said nothing in it is not asked for another one.
        self.until = match self.until {
            None if was_away => Some(now + ttl / GRACE),
            until => until.filter(|until| now < *until),
        };
        let Some(until) = self.until else {
            self.note(&owners);
            return owners;
        };
        let left = until.saturating_duration_since(now);
        for row in owners.members.iter_mut().filter(|row| row.remaining.is_zero()) {
            let lived = |(name, instance): &(String, [u8; 16])| {
                *name == row.member.name && *instance == row.member.instance
            };
            if self.members.iter().any(lived) {
                row.remaining = left;
            }
        }
        for row in owners.leases.iter_mut().filter(|row| row.remaining.is_zero()) {
            if row.holder.is_some() && row.holder.as_ref() == self.holders.get(&row.log) {
                row.remaining = left;
            }
        }
        owners
    }

    /// The last look told of leases that have run out as if they had not.
    pub(super) fn is_lenient(&self) -> bool {
        self.until.is_some()
    }

    fn note(&mut self, owners: &Owners) {
        let living = owners.members.iter().filter(|row| !row.remaining.is_zero());
        self.members = living.map(|row| (row.member.name.clone(), row.member.instance)).collect();
        let held = owners.leases.iter().filter(|row| !row.remaining.is_zero());
        self.holders = held.filter_map(|row| Some((row.log, row.holder.clone()?))).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_journal::cluster::{LeaseRow, Member, MemberRow};

    const TTL: Duration = Duration::from_secs(2);
    const GONE: Duration = Duration::ZERO;

    fn member(name: &str, instance: u8, remaining: Duration) -> MemberRow {
        let member = Member {
            name: name.to_owned(),
            instance: [instance; 16],
            address: String::new(),
            services: Vec::new(),
            version: String::new(),
            events: 1,
        };
        MemberRow { member, remaining }
    }

    fn lease(log: u16, holder: Option<&str>, remaining: Duration) -> LeaseRow {
        LeaseRow { log: LogId(log), holder: holder.map(str::to_owned), remaining, term: None, wish: None }
    }

    fn both(remaining: Duration) -> Owners {
        let members = vec![member("a", 1, remaining), member("b", 1, remaining)];
        let leases = vec![lease(1, Some("a"), remaining), lease(2, Some("b"), remaining)];
        Owners { members, leases, ..Owners::default() }
    }

    fn alive(owners: &Owners) -> Vec<bool> {
        let members = owners.members.iter().map(|row| row.remaining);
        members.chain(owners.leases.iter().map(|row| row.remaining)).map(|left| !left.is_zero()).collect()
    }

    #[test]
    fn who_lived_before_the_engine_was_away_is_given_a_moment_and_no_more() {
        let (mut away, start) = (Away::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(alive(&away.look(both(TTL), TTL, at(0))), [true; 4]);
        assert_eq!(alive(&away.look(both(GONE), TTL, at(6_000))), [true; 4], "nobody could say anything");
        assert_eq!(alive(&away.look(both(GONE), TTL, at(6_900))), [true; 4]);
        assert!(away.is_lenient());
        assert_eq!(alive(&away.look(both(GONE), TTL, at(7_000))), [false; 4], "they could by now");
        assert!(!away.is_lenient());
        assert_eq!(alive(&away.look(both(GONE), TTL, at(9_000))), [false; 4], "who was gone stays so");
    }

    #[test]
    fn an_engine_that_always_answers_late_keeps_nobody_alive_for_long() {
        let (mut away, start) = (Away::default(), Instant::now());
        away.look(both(TTL), TTL, start);
        assert_eq!(alive(&away.look(both(GONE), TTL, start + 2 * TTL)), [true; 4]);
        for late in 2..6 {
            assert_eq!(alive(&away.look(both(GONE), TTL, start + 2 * late * TTL)), [false; 4], "{late}");
        }
    }

    #[test]
    fn while_the_engine_answers_who_is_gone_is_gone() {
        let (mut away, start) = (Away::default(), Instant::now());
        assert_eq!(alive(&away.look(both(GONE), TTL, start)), [false; 4], "the first look of all");
        assert_eq!(alive(&away.look(both(TTL), TTL, start + TTL / 10)), [true; 4]);
        assert_eq!(alive(&away.look(both(GONE), TTL, start + TTL / 5)), [false; 4]);
    }

    #[test]
    fn what_was_given_up_or_changed_hands_is_as_the_engine_says() {
        let (mut away, start) = (Away::default(), Instant::now());
        away.look(both(TTL), TTL, start);
        let changed = Owners {
            members: vec![member("a", 2, GONE), member("b", 1, GONE)],
            leases: vec![lease(1, None, GONE), lease(2, Some("c"), GONE), lease(3, Some("b"), GONE)],
            ..Owners::default()
        };
        let seen = away.look(changed, TTL, start + 3 * TTL);
        assert_eq!(alive(&seen), [false, true, false, false, false], "only b itself lived before");
    }
}
