//! The tables: made when they are not there, and refused when they are of another version. Knows no rows.

use waybill_journal::Error;

use crate::Options;
use crate::fault::{Backoff, Fault};
use crate::pool::{Lent, Pools};

/// The layout that this code reads and writes.
pub(crate) const VERSION: u16 = 1;

/// In this order; `meta` gets its rows last of all, so that a layout which names its version is whole.
const TABLES: [&str; 10] = [
    "CREATE TABLE IF NOT EXISTS meta (name text PRIMARY KEY, value text NOT NULL)",
    // What was trimmed of each log, so that a reader can tell what is gone for good reason from what is missing.
    "CREATE TABLE IF NOT EXISTS logs (
        log int4 PRIMARY KEY,
        trimmed int8 NOT NULL DEFAULT 0,
        trimmed_hash bytea NOT NULL DEFAULT '',
        trimmed_bytes int8 NOT NULL DEFAULT 0)",
    // bytes_total is the sum of the bodies up to and including this one: the size of a stretch is a subtraction.
    "CREATE TABLE IF NOT EXISTS frames (
        log int4 NOT NULL,
        seq int8 NOT NULL,
        epoch int8 NOT NULL,
        writer bytea NOT NULL,
        hash bytea NOT NULL,
        bytes_total int8 NOT NULL,
        body bytea NOT NULL,
        PRIMARY KEY (log, seq))",
    "CREATE TABLE IF NOT EXISTS leases (
        log int4 PRIMARY KEY,
        holder text,
        expires timestamptz NOT NULL,
        wish text,
        term int8 NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS members (
        name text PRIMARY KEY,
        instance bytea NOT NULL,
        address text NOT NULL,
        services text NOT NULL,
        version text NOT NULL,
        events int8 NOT NULL,
        expires timestamptz NOT NULL)",
    "CREATE TABLE IF NOT EXISTS bases (
        log int4 NOT NULL,
        seq int8 NOT NULL,
        id bytea NOT NULL,
        epoch int8 NOT NULL,
        frame_hash bytea NOT NULL,
        chunks int4 NOT NULL,
        bytes int8 NOT NULL,
        hash bytea NOT NULL,
        PRIMARY KEY (log, seq))",
    // Whose chunks nobody shall see: not finished yet, or `dead` and being removed.
    "CREATE TABLE IF NOT EXISTS base_drafts (
        id bytea PRIMARY KEY,
        log int4 NOT NULL,
        touched timestamptz NOT NULL,
        dead bool NOT NULL DEFAULT false)",
    "CREATE TABLE IF NOT EXISTS base_chunks (
        id bytea NOT NULL,
        chunk int4 NOT NULL,
        body bytea NOT NULL,
        PRIMARY KEY (id, chunk))",
    "CREATE TABLE IF NOT EXISTS vault (
        one int4 PRIMARY KEY,
        id bytea NOT NULL,
        digest_secret bytea NOT NULL,
        handed_out int8 NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS subject_keys (number int8 PRIMARY KEY, secret bytea)",
];

/// What is worth setting on PostgreSQL itself and unknown elsewhere: bodies are not compressed, since sealed bytes hardly
/// shrink, and what is deleted from the front is cleaned up long before it is a fifth of the table.
const TUNING: [&str; 2] = [
    "ALTER TABLE frames ALTER COLUMN body SET STORAGE EXTERNAL, \
     SET (autovacuum_vacuum_scale_factor = 0.02)",
    "ALTER TABLE base_chunks ALTER COLUMN body SET STORAGE EXTERNAL",
];

/// Makes sure that the schema is there and of this version. Answers the cluster's name.
pub(crate) async fn prepare(pools: &Pools, options: &Options) -> Result<String, Error> {
    let mut backoff = Backoff::new(options.patience);
    let mut is_told = false;
    loop {
        let fault = match attempt(pools, options).await {
            Ok(found) => return verdict(&found, options),
            // Of several that make the tables at the same time, all but one see rows of the catalog appear under them.
            Err(Fault::Taken) => Fault::Again("somebody else makes the schema at the same time".into()),
            Err(fault) => fault,
        };
        if let Fault::Down(what) = &fault
            && !std::mem::replace(&mut is_told, true)
        {
            let patience = options.patience;
            tracing::warn!(%what, ?patience, "the journal's database does not answer; it is tried again until patience ends");
        }
        backoff.wait(fault).await.map_err(|fault| match fault {
            // Nothing was asked of a log yet: what the server has against it is a matter of settings.
            Fault::Refused(what) => Error::Options { what: format!("the journal's database: {what}") },
            other => other.into_error(),
        })?;
    }
}

struct Found {
    version: String,
    cluster: String,
}

async fn attempt(pools: &Pools, options: &Options) -> Result<Found, Fault> {
    // Who may only use the tables need not be allowed to make them. A refusal here says that there are none.
    let mut lent = pools.data.lend().await?;
    match look(&mut lent).await {
        Ok(Some(found)) => return complete(&mut lent).await.map(|()| found),
        Ok(None) | Err(Fault::Refused(_)) => {}
        Err(fault) => return Err(fault),
    }
    drop(lent);
    let mut lent = pools.data.lend().await?;
    create(&mut lent, options).await?;
    let found = look(&mut lent).await?;
    found.ok_or_else(|| Fault::Again("the schema's version was not kept".into()))
}

/// Adds what the first binaries of this version did not make. Where it is there, nothing is asked that needs a right to.
async fn complete(lent: &mut Lent) -> Result<(), Fault> {
    let has = "SELECT 1 FROM information_schema.columns \
        WHERE table_schema = current_schema() AND table_name = 'leases' AND column_name = 'term'";
    if lent.query(has, &[]).await?.is_empty() {
        lent.batch("ALTER TABLE leases ADD COLUMN IF NOT EXISTS term int8 NOT NULL DEFAULT 0").await?;
    }
    Ok(())
}

async fn look(lent: &mut Lent) -> Result<Option<Found>, Fault> {
    let rows = lent.query("SELECT name, value FROM meta WHERE name IN ('version', 'cluster')", &[]).await?;
    let mut pairs = Vec::new();
    for row in rows {
        pairs.push((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?));
    }
    let mut take = |wanted: &str| {
        let at = pairs.iter().position(|(name, _)| name == wanted)?;
        Some(pairs.swap_remove(at).1)
    };
    Ok(take("version").zip(take("cluster")).map(|(version, cluster)| Found { version, cluster }))
}

async fn create(lent: &mut Lent, options: &Options) -> Result<(), Fault> {
    lent.batch(&format!("CREATE SCHEMA IF NOT EXISTS {}", options.schema)).await?;
    for table in TABLES {
        lent.batch(table).await?;
    }
    let version = lent.query("SELECT version()", &[]).await?;
    let version: String = version.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
    if version.starts_with("PostgreSQL") && !version.contains("-YB-") {
        for setting in TUNING {
            lent.batch(setting).await?;
        }
    }
    let mut cluster = [0u8; 16];
    getrandom::fill(&mut cluster).map_err(|error| Fault::Refused(format!("no randomness: {error}")))?;
    let cluster: String = cluster.iter().map(|byte| format!("{byte:02x}")).collect();
    let insert =
        "INSERT INTO meta (name, value) VALUES ('version', $1), ('cluster', $2) ON CONFLICT DO NOTHING";
    lent.query(insert, &[&VERSION.to_string(), &cluster]).await?;
    Ok(())
}

fn verdict(found: &Found, options: &Options) -> Result<String, Error> {
    match found.version.parse::<u16>() {
        Ok(VERSION) => Ok(found.cluster.clone()),
        Ok(newer) if newer > VERSION => Err(Error::Version { found: newer, supported: VERSION }),
        _ => Err(Error::Options {
            what: format!(
                "schema {} has version {:?}, which this binary cannot read: name another schema",
                options.schema, found.version
            ),
        }),
    }
}
