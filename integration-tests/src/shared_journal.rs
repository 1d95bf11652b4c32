//! The engine under several processes, started for a test: PostgreSQL, or servers of NATS that are one cluster. It can be
//! killed under them and come back. It knows what flags a process needs, and nothing of what is kept.

use anyhow::{Context, bail};
use std::path::Path;
use waybill_journal_nats::server::{Servers, Settings};
use waybill_journal_postgres::server::Postgres;

/// Which engine, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One PostgreSQL server.
    Postgres,
    /// So many NATS servers, each stream on all of them: 1, 3 or 5.
    Nats(usize),
}

impl std::str::FromStr for Kind {
    type Err = anyhow::Error;

    /// `postgres`, or `nats` with how many servers behind it: `nats`, `nats3`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "postgres" => Ok(Self::Postgres),
            "nats" => Ok(Self::Nats(1)),
            "nats3" => Ok(Self::Nats(3)),
            "nats5" => Ok(Self::Nats(5)),
            other => bail!("{other:?} is no engine: postgres, nats, nats3 and nats5 are"),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Postgres => f.write_str("postgres"),
            Self::Nats(1) => f.write_str("nats"),
            Self::Nats(servers) => write!(f, "nats{servers}"),
        }
    }
}

impl Kind {
    /// NATS as `WAYBILL_TEST_NATS_SERVERS` has it: one server where it is not set.
    ///
    /// # Errors
    /// It is no number that streams can be kept by.
    pub fn nats() -> anyhow::Result<Self> {
        let Ok(servers) = std::env::var("WAYBILL_TEST_NATS_SERVERS") else { return Ok(Self::Nats(1)) };
        match servers.parse() {
            Ok(servers @ (1 | 3 | 5)) => Ok(Self::Nats(servers)),
            _ => bail!("WAYBILL_TEST_NATS_SERVERS is {servers:?}, allowed are 1, 3 and 5"),
        }
    }

    /// The engine that `WAYBILL_TEST_CLUSTER` names for journeys over three processes; none where it is not set.
    ///
    /// # Errors
    /// It names none.
    pub fn of_journeys() -> anyhow::Result<Option<Self>> {
        std::env::var("WAYBILL_TEST_CLUSTER").ok().map(|name| name.parse()).transpose()
    }
}

/// A running engine; ended, and its directory removed, when dropped.
pub enum SharedJournal {
    /// PostgreSQL.
    Postgres(Postgres),
    /// NATS.
    Nats(Servers),
}

impl SharedJournal {
    /// Starts it, and waits until it takes what a process asks.
    ///
    /// # Errors
    /// It cannot be had, or does not start.
    pub fn start(kind: Kind) -> anyhow::Result<Self> {
        Self::start_in(kind, &std::env::temp_dir())
    }

    /// As [`Self::start`], in a directory of its own below `place`, which must be open to every user.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_in(kind: Kind, place: &Path) -> anyhow::Result<Self> {
        match kind {
            Kind::Postgres => {
                Ok(Self::Postgres(Postgres::start_in(place, &[]).context("a PostgreSQL server")?))
            }
            Kind::Nats(count) => {
                let servers = Servers::start_in(place, count, Settings::default()).context("NATS servers")?;
                servers.found_together()?;
                Ok(Self::Nats(servers))
            }
        }
    }

    /// Which engine it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Postgres(_) => Kind::Postgres,
            Self::Nats(servers) => Kind::Nats(servers.servers.len()),
        }
    }

    /// Where it is, for `--journal`.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Postgres(postgres) => postgres.url(),
            Self::Nats(servers) => servers.url(),
        }
    }

    /// The flags of `waybill serve` and of every other command that opens it.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let mut flags = vec!["--journal".to_owned(), self.url()];
        if let Self::Nats(servers) = self {
            let replicas = servers.servers.len().to_string();
            flags.extend(["--journal-replicas", &replicas, "--journal-system", "sys:sys"].map(str::to_owned));
        }
        flags
    }

    /// kill -9 of what most depends on: the database, or the NATS server that leads the stream of leases and members.
    /// Answers with which server it was, for [`Self::revive`].
    ///
    /// # Errors
    /// The system refused, or nobody leads.
    pub fn kill(&mut self) -> anyhow::Result<usize> {
        match self {
            Self::Postgres(postgres) => {
                postgres.kill()?;
                Ok(0)
            }
            Self::Nats(servers) => {
                // A stream on one server has no leader that anybody tells of.
                let leader = if servers.servers.len() == 1 { 0 } else { servers.leader("waybill-tables")? };
                servers.kill(leader)?;
                Ok(leader)
            }
        }
    }

    /// Starts a killed server again, and waits until it answers.
    ///
    /// # Errors
    /// It does not start.
    pub fn revive(&mut self, server: usize) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => Ok(postgres.restart()?),
            Self::Nats(servers) => Ok(servers.start_one(server)?),
        }
    }

    /// kill -9 of every server.
    ///
    /// # Errors
    /// The system refused.
    pub fn kill_all(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => Ok(postgres.kill()?),
            Self::Nats(servers) => {
                let running = |at: &usize| servers.servers[*at].is_running();
                let running: Vec<usize> = (0..servers.servers.len()).filter(running).collect();
                running.into_iter().try_for_each(|at| Ok(servers.kill(at)?))
            }
        }
    }

    /// Starts every server that does not run, and waits until they have found together.
    ///
    /// # Errors
    /// One does not start.
    pub fn revive_all(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => Ok(postgres.restart()?),
            Self::Nats(servers) => {
                let gone = |at: &usize| !servers.servers[*at].is_running();
                let gone: Vec<usize> = (0..servers.servers.len()).filter(gone).collect();
                gone.into_iter().try_for_each(|at| servers.start_one(at))?;
                Ok(servers.found_together()?)
            }
        }
    }
}
