//! Which engine a journal's URL names, and opening it. Everything behind it goes through [`Engine`] alone; this is the
//! only file that knows that there are several.

use crate::config::JournalConfig;
use anyhow::{Context, bail, ensure};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use waybill_journal::cluster::Engine;
use waybill_journal_nats::{Access, NatsJournal, SyncCheck, servers_of};
use waybill_journal_postgres::PostgresJournal;

/// An engine with its settings, not opened yet.
enum Settings {
    Postgres(waybill_journal_postgres::Options),
    Nats(waybill_journal_nats::Options),
}

/// Opens the engine that the settings name. Frames may have `max_frame_bytes`.
///
/// # Errors
/// No URL, one of no known engine, settings out of range, an engine that does not answer or is not safe.
pub async fn open(journal: &JournalConfig, max_frame_bytes: u64) -> anyhow::Result<Arc<dyn Engine>> {
    let settings = settings(journal, max_frame_bytes)?;
    let open = || -> Result<Arc<dyn Engine>, waybill_journal::Error> {
        Ok(match settings {
            Settings::Postgres(options) => Arc::new(PostgresJournal::open(options)?),
            Settings::Nats(options) => Arc::new(NatsJournal::open(options)?),
        })
    };
    tokio::task::spawn_blocking(open).await?.context("the journal cannot be opened")
}

/// Looks at the settings without asking anybody.
///
/// # Errors
/// See [`open`].
pub fn check(journal: &JournalConfig, max_frame_bytes: u64) -> anyhow::Result<()> {
    settings(journal, max_frame_bytes).map(|_| ())
}

/// Looks at the settings of every engine where none is named yet: its URL may come by a flag or from the environment.
///
/// # Errors
/// A setting out of range.
pub fn check_ranges(journal: &JournalConfig) -> anyhow::Result<()> {
    // What a name may be and who may ask is the engine's own to say.
    let mut journal = JournalConfig { schema: JournalConfig::default().schema, ..journal.clone() };
    journal.nats.sync_vouched = true;
    journal.nats.credentials = None;
    journal.nats.system = None;
    for url in ["postgres://localhost", "nats://localhost"] {
        settings(&JournalConfig { url: Some(url.into()), ..journal.clone() }, 4 << 20)?;
    }
    Ok(())
}

fn settings(journal: &JournalConfig, max_frame_bytes: u64) -> anyhow::Result<Settings> {
    let url = journal.url.as_deref().context("journal.url is not set: name the shared journal")?;
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        Some("postgres" | "postgresql") => postgres(journal, url, max_frame_bytes),
        Some("nats" | "tls") => nats(journal, url, max_frame_bytes),
        // As PostgreSQL's own tools write it: `host=/run/postgresql user=waybill`.
        None if url.contains('=') => postgres(journal, url, max_frame_bytes),
        // What is no scheme may be half of a password.
        Some(scheme) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => bail!(
            "journal.url begins with {scheme}://, which is no engine known here; known are postgres:// and nats:// \
             (tls:// for NATS over TLS)"
        ),
        _ => bail!("journal.url is no URL; it must begin with postgres://, nats:// or tls://"),
    }
}

fn postgres(journal: &JournalConfig, url: &str, max_frame_bytes: u64) -> anyhow::Result<Settings> {
    let options = waybill_journal_postgres::Options {
        schema: journal.schema.clone(),
        authorities: journal.authorities.clone(),
        connections: journal.connections,
        patience: Duration::from_millis(journal.patience_ms),
        max_frame_bytes,
        allow_unsafe: journal.allow_unsafe_engine,
        ..waybill_journal_postgres::Options::new(url)
    };
    options.check().context("settings of journal")?;
    Ok(Settings::Postgres(options))
}

fn nats(journal: &JournalConfig, url: &str, max_frame_bytes: u64) -> anyhow::Result<Settings> {
    let of_nats = &journal.nats;
    let (servers, user) = servers_of(url).context("journal.url")?;
    let access = match (&of_nats.credentials, user) {
        (None, user) => user,
        (Some(file), Access::Open) => Access::Credentials(file.clone()),
        (Some(_), _) => bail!("journal.url names a user and journal.nats.credentials a file; remove one"),
    };
    let sync = match &of_nats.system {
        Some(who) => SyncCheck::AskSystem(system(who)?),
        None => {
            ensure!(
                of_nats.sync_vouched || journal.allow_unsafe_engine,
                "nobody would know whether the NATS servers sync what they acknowledge (sync_interval: always): name who \
                 may ask them, journal.nats.system or --journal-system, or say that you have looked at each, \
                 journal.nats.sync_vouched or --journal-sync-vouched"
            );
            SyncCheck::Vouched
        }
    };
    let options = waybill_journal_nats::Options {
        name: journal.schema.clone(),
        authorities: journal.authorities.clone(),
        replicas: of_nats.replicas,
        log_bytes: of_nats.log_bytes,
        keep_bytes: of_nats.keep_bytes,
        max_frame_bytes,
        patience: Duration::from_millis(journal.patience_ms),
        ..waybill_journal_nats::Options::new(servers, access, sync)
    };
    options.check().context("settings of journal.nats, whose name is journal.schema")?;
    Ok(Settings::Nats(options))
}

/// Whom the system account knows. Never repeats what it was given.
fn system(who: &str) -> anyhow::Result<Access> {
    if who.ends_with(".creds") {
        return Ok(Access::Credentials(PathBuf::from(who)));
    }
    let (name, password) = who
        .split_once(':')
        .context("journal.nats.system is neither `user:password` nor the path of a .creds file")?;
    Ok(Access::User { name: name.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut JournalConfig)) -> String {
        let mut journal =
            JournalConfig { url: Some("nats://app:hunter2@n1".into()), ..JournalConfig::default() };
        journal.nats.sync_vouched = true;
        change(&mut journal);
        let refused = check(&journal, 4 << 20).expect_err("must be refused");
        let refused = format!("{refused:#}");
        assert!(!refused.contains("hunter2"), "{refused}");
        refused
    }

    fn settings_of(url: &str, change: impl FnOnce(&mut JournalConfig)) -> Settings {
        let mut journal = JournalConfig { url: Some(url.into()), ..JournalConfig::default() };
        change(&mut journal);
        settings(&journal, 4 << 20).unwrap_or_else(|error| panic!("{url}: {error:#}"))
    }

    #[test]
    fn the_scheme_names_the_engine() {
        let asked = |journal: &mut JournalConfig| journal.nats.system = Some("sys:pass:word".into());
        for url in ["postgres://waybill@db/waybill", "postgresql://db", "host=/run/postgresql user=waybill"] {
            assert!(matches!(settings_of(url, |_| {}), Settings::Postgres(options) if options.url == url));
        }
        let Settings::Nats(options) = settings_of("nats://app:app@n1,n2,n3:4333", asked) else {
            panic!("not NATS");
        };
        assert_eq!(options.servers, ["nats://n1:4222", "nats://n2:4222", "nats://n3:4333"]);
        let SyncCheck::AskSystem(Access::User { name, password }) = options.sync else {
            panic!("nobody asks");
        };
        assert_eq!((name.as_str(), password.as_str()), ("sys", "pass:word"));
        let creds = settings_of("tls://n1", |journal| {
            journal.nats.system = Some("/etc/waybill/sys.creds".into());
            journal.nats.credentials = Some("/etc/waybill/app.creds".into());
        });
        let Settings::Nats(options) = creds else { panic!("not NATS") };
        assert!(matches!(options.sync, SyncCheck::AskSystem(Access::Credentials(_))));
        assert!(matches!(options.access, Access::Credentials(_)));
    }

    #[test]
    fn an_unknown_engine_is_refused_by_name_and_no_password_is_shown() {
        let unknown = refused(|journal| journal.url = Some("mysql://app:hunter2@db".into()));
        assert!(unknown.contains("mysql://") && unknown.contains("nats://"), "{unknown}");
        for none in ["app:hunter2@db", "app:hunter2@db://"] {
            assert!(refused(|journal| journal.url = Some(none.into())).contains("is no URL"));
        }
        assert!(refused(|journal| journal.url = None).contains("journal.url"));
        assert!(
            refused(|journal| journal.url = Some("nats://app:hunter2@n1:port".into())).contains("server 1")
        );
    }

    #[test]
    fn nobody_trusts_nats_servers_by_chance() {
        let unasked = refused(|journal| journal.nats.sync_vouched = false);
        assert!(
            unasked.contains("journal.nats.sync_vouched") && unasked.contains("--journal-system"),
            "{unasked}"
        );
        let nobody = refused(|journal| journal.nats.system = Some("hunter2".into()));
        assert!(nobody.contains("journal.nats.system"), "{nobody}");
        let twice = refused(|journal| journal.nats.credentials = Some("app.creds".into()));
        assert!(twice.contains("journal.nats.credentials"), "{twice}");
    }

    #[test]
    fn ranges_are_checked_before_an_engine_is_named() {
        check_ranges(&JournalConfig::default()).unwrap();
        let mut journal = JournalConfig { connections: 0, ..JournalConfig::default() };
        assert!(format!("{:#}", check_ranges(&journal).unwrap_err()).contains("connections"));
        journal = JournalConfig::default();
        journal.nats.replicas = 2;
        assert!(format!("{:#}", check_ranges(&journal).unwrap_err()).contains("replicas"));
    }

    #[test]
    fn settings_of_an_engine_out_of_range_are_named() {
        assert!(refused(|journal| journal.nats.replicas = 2).contains("replicas"));
        assert!(refused(|journal| journal.nats.log_bytes = 1).contains("log_bytes"));
        assert!(refused(|journal| journal.nats.keep_bytes = u64::MAX).contains("keep_bytes"));
        assert!(refused(|journal| journal.schema = "Way bill".into()).contains("journal.schema"));
        assert!(refused(|journal| journal.patience_ms = 0).contains("patience"));
        let postgres = refused(|journal| {
            journal.url = Some("postgres://app:hunter2@db/waybill".into());
            journal.schema = "Way bill".into();
        });
        assert!(postgres.contains("schema"), "{postgres}");
    }
}
