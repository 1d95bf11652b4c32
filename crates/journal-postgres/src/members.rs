//! Members as rows that lapse by the database's clock. Knows nothing of what a member does.

use std::time::Duration;

use tokio_postgres::Row;
use waybill_journal::cluster::{Member, MemberRow, Members, NAME_BYTES_MAX, Presence};
use waybill_journal::{BoxFuture, Error};

use crate::PostgresJournal;
use crate::fault::Fault;
use crate::frames::sixteen;
use crate::leases::{check_name, check_ttl, remaining};
use crate::shared::Shared;

const BEAT: &str = "INSERT INTO members AS m (name, instance, address, services, version, events, expires) \
    VALUES ($1, $2, $3, $4, $5, $6, now() + $7::float8 * interval '1 second') \
    ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, address = excluded.address, \
    services = excluded.services, version = excluded.version, events = excluded.events, expires = excluded.expires \
    WHERE m.instance = excluded.instance OR m.expires <= now() RETURNING name";

const LEFT: &str = "SELECT EXTRACT(EPOCH FROM expires - now())::float8 FROM members WHERE name = $1";

const LEAVE: &str = "DELETE FROM members WHERE name = $1 AND instance = $2";

const LIST: &str = "SELECT name, instance, address, services, version, events, \
    EXTRACT(EPOCH FROM expires - now())::float8 FROM members \
    WHERE expires > now() - interval '1 hour' ORDER BY name";

/// Between the names of services in one column; no name has it.
const BETWEEN: char = ',';

async fn beat(shared: &Shared, member: &Member, ttl: Duration) -> Result<Presence, Fault> {
    let pool = &shared.pools.control;
    let (instance, services) = (&member.instance[..], member.services.join(","));
    let (events, seconds) = (i64::from(member.events), ttl.as_secs_f64());
    let (name, address, version) = (&member.name, &member.address, &member.version);
    let rows = pool.query(BEAT, &[name, &instance, address, &services, version, &events, &seconds]).await?;
    if !rows.is_empty() {
        return Ok(Presence::Alive);
    }
    let left = pool.query(LEFT, &[name]).await?;
    let left: f64 = left.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(0.0);
    Ok(Presence::NameTaken { remaining: remaining(left) })
}

fn check(member: &Member) -> Result<(), Error> {
    check_name(&member.name)?;
    let services = member.services.iter().map(String::as_str);
    for text in services.chain([member.address.as_str(), member.version.as_str()]) {
        check_name(text)?;
    }
    if member.services.len() > 16 || member.services.iter().any(|name| name.contains(BETWEEN)) {
        let what = format!("services are at most 16 names of {NAME_BYTES_MAX} bytes without {BETWEEN:?}");
        return Err(Error::Options { what });
    }
    Ok(())
}

fn member_row(row: &Row) -> Result<MemberRow, Fault> {
    let services: String = row.try_get(3)?;
    let events: i64 = row.try_get(5)?;
    let member = Member {
        name: row.try_get(0)?,
        instance: sixteen(row.try_get(1)?)?,
        address: row.try_get(2)?,
        services: services.split(BETWEEN).filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect(),
        version: row.try_get(4)?,
        events: u32::try_from(events)
            .map_err(|_| Fault::Refused(format!("a row holds {events} as a version")))?,
    };
    Ok(MemberRow { member, remaining: remaining(row.try_get(6)?) })
}

impl Members for PostgresJournal {
    fn beat(&self, member: &Member, ttl: Duration) -> BoxFuture<'_, Result<Presence, Error>> {
        let (shared, member) = (self.shared.clone(), member.clone());
        self.shared.run(async move {
            check_ttl(ttl)?;
            check(&member)?;
            beat(&shared, &member, ttl).await.map_err(Fault::into_error)
        })
    }

    fn leave(&self, name: &str, instance: [u8; 16]) -> BoxFuture<'_, Result<(), Error>> {
        let (shared, name) = (self.shared.clone(), name.to_owned());
        self.shared.run(async move {
            let left = shared.pools.control.query(LEAVE, &[&name, &&instance[..]]).await;
            left.map(drop).map_err(Fault::into_error)
        })
    }

    fn members(&self) -> BoxFuture<'_, Result<Vec<MemberRow>, Error>> {
        let shared = self.shared.clone();
        self.shared.run(async move {
            let rows = shared.pools.control.query(LIST, &[]).await;
            rows.and_then(|rows| rows.iter().map(member_row).collect()).map_err(Fault::into_error)
        })
    }
}
