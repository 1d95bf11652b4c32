//! Leases as rows, judged by the database's clock alone. Knows no frames: a lease fences nobody.
//!
//! `now()` is when the statement began. One that had to wait for another's row judges by an instant that is past, which
//! takes a lapsed lease later and lets a held one end sooner, never the other way about.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use waybill_journal::cluster::{Lease, LeaseRow, Leases, NAME_BYTES_MAX, Pass};
use waybill_journal::{BoxFuture, Error, LogId};

use crate::PostgresJournal;
use crate::fault::Fault;
use crate::frames::{log_of, number};
use crate::shared::Shared;

/// In the order of the logs, so that two that want the same leases never wait for each other in a ring.
const HOLD: &str = "INSERT INTO leases AS l (log, holder, expires, term) \
    SELECT u.log, $2, now() + $3::float8 * interval '1 second', 1 \
    FROM (SELECT log FROM unnest($1::int4[]) AS n(log) ORDER BY log) AS u \
    ON CONFLICT (log) DO UPDATE SET holder = excluded.holder, expires = excluded.expires, \
    term = CASE WHEN l.holder = excluded.holder THEN l.term ELSE l.term + 1 END \
    WHERE l.holder IS NULL OR l.holder = excluded.holder OR l.expires <= now() RETURNING log, term";

const RELEASE: &str =
    "UPDATE leases SET holder = NULL, expires = now() WHERE holder = $2 AND log = ANY($1::int4[])";

const PASS: &str = "UPDATE leases AS l SET holder = n.next, expires = now() + $5::float8 * interval '1 second', \
    term = l.term + 1 FROM unnest($1::int4[], $2::text[], $3::int8[]) AS n(log, next, term) \
    WHERE l.log = n.log AND l.holder = $4 AND l.term = n.term";

/// A negative time left is one that lapsed.
const LIST: &str = "SELECT log, holder, EXTRACT(EPOCH FROM expires - now())::float8, wish, term FROM leases";

const WISH: &str = "INSERT INTO leases (log, holder, expires, wish) VALUES ($1, NULL, now(), $2) \
    ON CONFLICT (log) DO UPDATE SET wish = excluded.wish";

const TTL_MOST: Duration = Duration::from_secs(3600);

pub(crate) fn check_ttl(ttl: Duration) -> Result<(), Error> {
    if ttl < Duration::from_millis(1) || ttl > TTL_MOST {
        return Err(Error::Options { what: format!("a ttl of {ttl:?}, allowed are 1 ms to {TTL_MOST:?}") });
    }
    Ok(())
}

pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0') {
        return Err(Error::Options {
            what: format!(
                "a name of {} bytes, allowed are 1 to {NAME_BYTES_MAX}, none of them zero",
                name.len()
            ),
        });
    }
    Ok(())
}

pub(crate) fn remaining(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}

async fn hold(shared: &Shared, logs: &[LogId], holder: &str, ttl: Duration) -> Result<Vec<Lease>, Fault> {
    let wanted: BTreeSet<i32> = logs.iter().map(|log| number(*log)).collect();
    let numbers: Vec<i32> = wanted.into_iter().collect();
    let pool = &shared.pools.control;
    let rows = pool.query(HOLD, &[&numbers, &holder, &ttl.as_secs_f64()]).await?;
    let mut leases = BTreeMap::new();
    for row in &rows {
        let term = Some(row.try_get::<_, i64>(1)?.cast_unsigned());
        leases.insert(log_of(row.try_get(0)?)?, Lease::Held { remaining: ttl, term });
    }
    if leases.len() < numbers.len() {
        let sql = format!("{LIST} WHERE log = ANY($1::int4[])");
        for row in &pool.query(&sql, &[&numbers]).await? {
            let row = lease_row(row)?;
            leases.entry(row.log).or_insert_with(|| elsewhere(row.holder, row.remaining));
        }
    }
    let lease = |log| leases.get(log).cloned().unwrap_or_else(|| elsewhere(None, Duration::ZERO));
    Ok(logs.iter().map(lease).collect())
}

/// Somebody had it a moment ago. Where it was given up since, it is there for the next who asks.
fn elsewhere(holder: Option<String>, remaining: Duration) -> Lease {
    Lease::HeldBy { holder: holder.unwrap_or_default(), remaining }
}

fn lease_row(row: &Row) -> Result<LeaseRow, Fault> {
    let holder: Option<String> = row.try_get(1)?;
    let term: i64 = row.try_get(4)?;
    Ok(LeaseRow {
        log: log_of(row.try_get(0)?)?,
        term: holder.is_some().then_some(term.cast_unsigned()),
        holder,
        remaining: remaining(row.try_get(2)?),
        wish: row.try_get(3)?,
    })
}

impl Leases for PostgresJournal {
    fn hold(&self, logs: &[LogId], holder: &str, ttl: Duration) -> BoxFuture<'_, Result<Vec<Lease>, Error>> {
        let (shared, logs, holder) = (self.shared.clone(), logs.to_vec(), holder.to_owned());
        self.shared.run(async move {
            check_ttl(ttl)?;
            check_name(&holder)?;
            hold(&shared, &logs, &holder, ttl).await.map_err(Fault::into_error)
        })
    }

    fn release(&self, logs: &[LogId], holder: &str) -> BoxFuture<'_, Result<(), Error>> {
        let numbers: Vec<i32> = logs.iter().map(|log| number(*log)).collect();
        let (shared, holder) = (self.shared.clone(), holder.to_owned());
        self.shared.run(async move {
            let released = shared.pools.control.query(RELEASE, &[&numbers, &holder]).await;
            released.map(drop).map_err(Fault::into_error)
        })
    }

    fn pass(&self, to: &[Pass], holder: &str, ttl: Duration) -> BoxFuture<'_, Result<(), Error>> {
        let logs: Vec<i32> = to.iter().map(|pass| number(pass.log)).collect();
        let next: Vec<String> = to.iter().map(|pass| pass.next.clone()).collect();
        // Every holding here has a number, and none is negative.
        let terms: Vec<i64> = to.iter().map(|pass| pass.term.map_or(-1, u64::cast_signed)).collect();
        let (shared, holder) = (self.shared.clone(), holder.to_owned());
        self.shared.run(async move {
            check_ttl(ttl)?;
            next.iter().try_for_each(|next| check_name(next))?;
            let params = [&logs as &(dyn ToSql + Sync), &next, &terms, &holder, &ttl.as_secs_f64()];
            let passed = shared.pools.control.query(PASS, &params).await;
            passed.map(drop).map_err(Fault::into_error)
        })
    }

    fn leases(&self) -> BoxFuture<'_, Result<Vec<LeaseRow>, Error>> {
        let shared = self.shared.clone();
        self.shared.run(async move {
            let rows = shared.pools.control.query(&format!("{LIST} ORDER BY log"), &[]).await;
            let rows = rows.and_then(|rows| rows.iter().map(lease_row).collect());
            rows.map_err(Fault::into_error)
        })
    }

    fn wish(&self, log: LogId, owner: Option<&str>) -> BoxFuture<'_, Result<(), Error>> {
        let (shared, owner) = (self.shared.clone(), owner.map(ToOwned::to_owned));
        self.shared.run(async move {
            owner.as_deref().map_or(Ok(()), check_name)?;
            let wished = shared.pools.control.query(WISH, &[&number(log), &owner]).await;
            wished.map(drop).map_err(Fault::into_error)
        })
    }
}
