//! TLS between a process and a PostgreSQL journal: each mode lets in what it says and nothing less, on a server whose
//! certificate the test's own authority signed.

use waybill_integration_tests::certificates::Authority;
use waybill_journal::{Error, Journal, LogId};
use waybill_journal_postgres::server::Postgres;
use waybill_journal_postgres::{Options, PostgresJournal};

/// Opens a journal there; what it says when it is refused.
fn open(options: Options) -> Result<PostgresJournal, String> {
    match PostgresJournal::open(options) {
        Ok(journal) => Ok(journal),
        Err(Error::Options { what }) => Err(what),
        Err(other) => panic!("refused for another reason: {other}"),
    }
}

#[tokio::test]
async fn each_mode_of_tls_asks_for_what_it_says_and_no_less() -> anyhow::Result<()> {
    let (ours, foreign) = (Authority::new("ours")?, Authority::new("foreign")?);
    let dir = tempfile::tempdir()?;
    let papers = ours.process()?;
    let ca = papers.write(dir.path(), "ours")?.ca;
    let foreign_ca = foreign.process()?.write(dir.path(), "foreign")?.ca;
    let postgres = Postgres::start_on_tcp(Some((&papers.certificate, &papers.key)))?;
    let port = postgres.port();
    // The certificate is for localhost and 127.0.0.1.
    let url = |host: &str, settings: &str| format!("postgres://waybill@{host}:{port}/postgres?{settings}");
    let root = |file: &std::path::Path| format!("sslrootcert={}", file.display());

    for good in [
        url("localhost", &format!("sslmode=verify-full&{}", root(&ca))),
        url("127.0.0.1", &format!("sslmode=verify-full&{}", root(&ca))),
        url("localhost", &format!("sslmode=verify-ca&{}", root(&ca))),
        url("localhost", &format!("sslmode=require&{}", root(&ca))),
        url("localhost", "sslmode=require"),
        url("localhost", "sslmode=disable"),
        format!("host=localhost port={port} user=waybill dbname=postgres sslmode=verify-full {}", root(&ca)),
    ] {
        let journal = open(Options::new(&good)).unwrap_or_else(|what| panic!("{good}: {what}"));
        let log = LogId(1);
        let claim = journal.claim(log).await?;
        journal.append(log, claim.epoch, claim.head.seq + 1, bytes::Bytes::from_static(b"frame")).await?;
    }
    let mut by_setting = Options::new(url("localhost", "sslmode=verify-full"));
    by_setting.authorities.push(ca.clone());
    assert!(open(by_setting).is_ok(), "authorities of the settings count");

    for mode in ["verify-full", "verify-ca", "require"] {
        let bad = url("localhost", &format!("sslmode={mode}&{}", root(&foreign_ca)));
        let what = open(Options::new(&bad)).err().unwrap_or_else(|| panic!("{bad} was taken"));
        assert!(what.contains("certificate") || what.contains("UnknownIssuer"), "{bad}: {what}");
    }
    let unknown = open(Options::new(url("localhost", "sslmode=verify-full&sslrootcert=system"))).err();
    assert!(unknown.is_some(), "an authority that the system does not trust");
    Ok(())
}

#[tokio::test]
async fn the_name_is_asked_for_by_verify_full_alone() -> anyhow::Result<()> {
    let ours = Authority::new("ours")?;
    let dir = tempfile::tempdir()?;
    let papers = ours.caller("db.example")?;
    let ca = papers.write(dir.path(), "ours")?.ca;
    let postgres = Postgres::start_on_tcp(Some((&papers.certificate, &papers.key)))?;
    let url = |mode: &str| {
        let (port, ca) = (postgres.port(), ca.display());
        format!("postgres://waybill@localhost:{port}/postgres?sslmode={mode}&sslrootcert={ca}")
    };
    let what = open(Options::new(url("verify-full"))).err().expect("another name");
    assert!(what.contains("name") || what.contains("NotValid"), "{what}");
    for mode in ["verify-ca", "require"] {
        open(Options::new(url(mode))).unwrap_or_else(|what| panic!("{mode}: {what}"));
    }
    Ok(())
}

#[tokio::test]
async fn a_server_without_tls_is_refused_and_not_spoken_to_in_plain() -> anyhow::Result<()> {
    let postgres = Postgres::start_on_tcp(None)?;
    let url =
        |mode: &str| format!("postgres://waybill@localhost:{}/postgres?sslmode={mode}", postgres.port());
    open(Options::new(url("disable"))).unwrap_or_else(|what| panic!("{what}"));
    let what = open(Options::new(url("require"))).err().expect("no TLS there");
    assert!(what.contains("does not support TLS"), "{what}");
    Ok(())
}
