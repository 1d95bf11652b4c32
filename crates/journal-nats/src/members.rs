//! Which processes there are: one row with all members, judged like leases by how long each stood still. Knows nothing
//! of what they own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use minicbor::{Decode, Encode};
use waybill_journal::cluster::{Member, MemberRow, Members, Presence};
use waybill_journal::{BoxFuture, Error};

use crate::journal::NatsJournal;
use crate::leases::{check_name, check_ttl};
use crate::observed::Observed;
use crate::table;

const ROW: &str = "members";
/// How long one that is gone stays on the list.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// Most bytes of what a member says of itself beside its name.
const TEXT_BYTES_MAX: usize = 4096;

#[derive(Clone, Default, Debug, Encode, Decode)]
struct Table {
    #[n(0)]
    rows: BTreeMap<String, Row>,
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Row {
    #[cbor(n(0), with = "minicbor::bytes")]
    instance: [u8; 16],
    #[n(1)]
    address: String,
    #[n(2)]
    services: Vec<String>,
    #[n(3)]
    version: String,
    #[n(4)]
    events: u32,
    #[n(5)]
    ttl_us: u64,
    #[n(6)]
    renewal: u64,
}

type Seen = Observed<(String, [u8; 16])>;

impl Row {
    fn ttl(&self) -> Duration {
        Duration::from_micros(self.ttl_us)
    }

    fn still_for(&self, name: &str, seen: &mut Seen, now: Instant) -> Duration {
        seen.still_for(&(name.to_owned(), self.instance), self.renewal, now)
    }

    fn into_member(self, name: String) -> Member {
        let Self { instance, address, services, version, events, .. } = self;
        Member { name, instance, address, services, version, events }
    }
}

impl Table {
    fn beat(&mut self, member: &Member, ttl: Duration, seen: &mut Seen, now: Instant) -> Presence {
        let before = self.rows.get(&member.name);
        if let Some(other) = before.filter(|row| row.instance != member.instance) {
            let remaining = other.ttl().saturating_sub(other.still_for(&member.name, seen, now));
            if !remaining.is_zero() {
                return Presence::NameTaken { remaining };
            }
        }
        let renewal = before.map_or(0, |row| row.renewal) + 1;
        let row = Row {
            instance: member.instance,
            address: member.address.clone(),
            services: member.services.clone(),
            version: member.version.clone(),
            events: member.events,
            ttl_us: u64::try_from(ttl.as_micros()).unwrap_or(u64::MAX),
            renewal,
        };
        self.rows.insert(member.name.clone(), row);
        self.forget(seen, now);
        Presence::Alive
    }

    /// Leaves out who has been gone for long.
    fn forget(&mut self, seen: &mut Seen, now: Instant) {
        self.rows.retain(|name, row| row.still_for(name, seen, now) < row.ttl() + REMEMBERED);
        let rows = &self.rows;
        seen.forget_all_but(|(name, instance)| rows.get(name).is_some_and(|row| row.instance == *instance));
    }
}

fn check(member: &Member) -> Result<(), Error> {
    check_name("the member's name", &member.name)?;
    let services: usize = member.services.iter().map(String::len).sum();
    let bytes = member.address.len() + member.version.len() + services;
    if bytes > TEXT_BYTES_MAX {
        let what = format!("the member says {bytes} bytes of itself, allowed are {TEXT_BYTES_MAX}");
        return Err(Error::Options { what });
    }
    Ok(())
}

impl Members for NatsJournal {
    fn beat(&self, member: &Member, ttl: Duration) -> BoxFuture<'_, Result<Presence, Error>> {
        let member = member.clone();
        self.run(move |shared| async move {
            check(&member)?;
            check_ttl(ttl)?;
            let patience = shared.control_patience("say that this process lives");
            table::change(&shared, ROW, patience, |mut table: Table| {
                let mut seen = shared.members_seen.lock();
                let presence = table.beat(&member, ttl, &mut seen, Instant::now());
                Ok(((presence == Presence::Alive).then_some(table), presence))
            })
            .await
        })
    }

    fn leave(&self, name: &str, instance: [u8; 16]) -> BoxFuture<'_, Result<(), Error>> {
        let name = name.to_owned();
        self.run(move |shared| async move {
            let patience = shared.control_patience("say that this process leaves");
            table::change(&shared, ROW, patience, |mut table: Table| {
                let is_there = table.rows.get(&name).is_some_and(|row| row.instance == instance);
                if is_there {
                    table.rows.remove(&name);
                }
                Ok((is_there.then_some(table), ()))
            })
            .await
        })
    }

    fn members(&self) -> BoxFuture<'_, Result<Vec<MemberRow>, Error>> {
        self.run(move |shared| async move {
            let patience = shared.control_patience("list members");
            let mut table: Table = table::read(&shared, ROW, patience).await?;
            let (mut seen, now) = (shared.members_seen.lock(), Instant::now());
            table.forget(&mut seen, now);
            let row = |(name, row): (String, Row)| {
                let remaining = row.ttl().saturating_sub(row.still_for(&name, &mut seen, now));
                MemberRow { member: row.into_member(name), remaining }
            };
            Ok(table.rows.into_iter().map(row).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, instance: u8) -> Member {
        Member {
            name: name.to_owned(),
            instance: [instance; 16],
            address: "http://127.0.0.1:1".to_owned(),
            services: vec!["orders".to_owned()],
            version: "1".to_owned(),
            events: 3,
        }
    }

    #[test]
    fn a_name_is_another_instances_until_it_stood_still() {
        let (mut table, mut seen, start) = (Table::default(), Observed::default(), Instant::now());
        let (ttl, at) = (Duration::from_millis(100), |ms| start + Duration::from_millis(ms));
        assert_eq!(table.beat(&member("a", 1), ttl, &mut seen, at(0)), Presence::Alive);
        let taken = table.beat(&member("a", 2), ttl, &mut seen, at(30));
        assert_eq!(taken, Presence::NameTaken { remaining: Duration::from_millis(70) });
        assert_eq!(table.beat(&member("a", 1), ttl, &mut seen, at(60)), Presence::Alive);
        assert!(matches!(table.beat(&member("a", 2), ttl, &mut seen, at(120)), Presence::NameTaken { .. }));
        assert_eq!(table.beat(&member("a", 2), ttl, &mut seen, at(160)), Presence::Alive);
        assert_eq!(table.rows["a"].instance, [2; 16]);
    }

    #[test]
    fn who_is_long_gone_is_forgotten_and_nobody_else() {
        let (mut table, mut seen, start) = (Table::default(), Observed::default(), Instant::now());
        let ttl = Duration::from_secs(1);
        table.beat(&member("gone", 1), ttl, &mut seen, start);
        table.beat(&member("here", 2), ttl, &mut seen, start + REMEMBERED);
        assert_eq!(table.rows.len(), 2);
        table.beat(&member("here", 2), ttl, &mut seen, start + REMEMBERED + ttl);
        assert_eq!(table.rows.keys().collect::<Vec<_>>(), ["here"]);
    }
}
