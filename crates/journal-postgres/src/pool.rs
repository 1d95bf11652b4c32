//! Connections to the database: each is set up and its server checked before it is used, every statement has a time-out,
//! and a connection of which it is not known what it is doing is dropped. Knows no table but the one that names the
//! cluster.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, RecyclingMethod, Runtime, Timeouts,
};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};
use waybill_journal::Error;

use crate::fault::{Backoff, Fault};
use crate::tls::{self, Target};
use crate::{Options, safety};

pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A hook can only say why in words; these are known again as a server that does not answer.
pub(crate) const SILENT: &str = "the server did not answer while a connection was set up";

/// Longest time for making a connection: bounds how long after the server answers again it is asked again.
const CONNECT_MOST: Duration = Duration::from_secs(2);

/// What every connection of one journal must agree with.
#[derive(Clone)]
struct Setup {
    schema: String,
    statement_timeout: Duration,
    allow_unsafe: bool,
    /// Known once the journal is open. A server that has another cluster there, or an older copy, must not be written to.
    cluster: Arc<OnceLock<String>>,
}

/// A bounded set of connections.
pub(crate) struct Pool {
    inner: deadpool_postgres::Pool,
    statement_timeout: Duration,
    pub(crate) patience: Duration,
}

/// The two pools of a journal.
pub(crate) struct Pools {
    /// Frames, bases, keys.
    pub(crate) data: Pool,
    /// Leases and members.
    pub(crate) control: Pool,
    pub(crate) cluster: Arc<OnceLock<String>>,
}

impl Pools {
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let cluster = Arc::new(OnceLock::new());
        let control_statement = options.control_timeout.min(options.statement_timeout);
        let data = pool(options, &cluster, options.connections, options.statement_timeout, options.patience)?;
        let control = pool(options, &cluster, 2, control_statement, options.control_timeout)?;
        Ok(Self { data, control, cluster })
    }
}

fn pool(
    options: &Options,
    cluster: &Arc<OnceLock<String>>,
    size: usize,
    statement_timeout: Duration,
    patience: Duration,
) -> Result<Pool, Error> {
    let refuse = |what: String| Error::Options { what };
    let Target { mut config, tls } = tls::target(options)?;
    config.application_name("waybill");
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(statement_timeout.min(CONNECT_MOST));
    }
    let setup = Setup {
        schema: options.schema.clone(),
        statement_timeout,
        allow_unsafe: options.allow_unsafe,
        cluster: Arc::clone(cluster),
    };
    let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let timeouts = Timeouts {
        wait: Some(statement_timeout),
        create: Some(statement_timeout.min(CONNECT_MOST)),
        recycle: Some(statement_timeout),
    };
    let manager = match tls {
        Some(tls) => Manager::from_config(config, tls, manager),
        None => Manager::from_config(config, NoTls, manager),
    };
    let inner = deadpool_postgres::Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .timeouts(timeouts)
        .post_create(Hook::async_fn(move |client, _| {
            let setup = setup.clone();
            Box::pin(async move { set_up(client, &setup).await })
        }))
        .build()
        .map_err(|error| refuse(format!("the pool of connections: {error}")))?;
    Ok(Pool { inner, statement_timeout, patience })
}

/// The server's own time-out is a little longer than ours: it only ends what nobody waits for any more.
async fn set_up(client: &ClientWrapper, setup: &Setup) -> Result<(), HookError> {
    let work = async {
        let ms = setup.statement_timeout.as_millis() + 500;
        // The second is for a process that stops within a transaction: it must not keep others from its rows.
        let sql = format!(
            "SET statement_timeout = {ms}; SET idle_in_transaction_session_timeout = {ms}; SET search_path TO {}",
            setup.schema
        );
        client.batch_execute(&sql).await.map_err(HookError::Backend)?;
        if !setup.allow_unsafe {
            safety::check(client).await.map_err(HookError::Backend)?.map_err(HookError::message)?;
        }
        if let Some(expected) = setup.cluster.get() {
            let found = client.query_opt("SELECT value FROM meta WHERE name = 'cluster'", &[]).await;
            let found = found.and_then(|row| row.map(|row| row.try_get::<_, String>(0)).transpose());
            let found = found.map_err(HookError::Backend)?;
            if found.as_ref() != Some(expected) {
                return Err(HookError::message(format!(
                    "the server has cluster {found:?} in schema {}, not {expected}, which this journal was opened on",
                    setup.schema
                )));
            }
        }
        Ok(())
    };
    let in_time = tokio::time::timeout(setup.statement_timeout, work).await;
    in_time.unwrap_or_else(|_| Err(HookError::message(SILENT)))
}

impl Pool {
    /// A connection that works, as far as can be known without asking.
    pub(crate) async fn lend(&self) -> Result<Lent, Fault> {
        let object = self.inner.get().await?;
        Ok(Lent { object: Some(object), timeout: self.statement_timeout, sound: true, in_transaction: false })
    }

    /// Runs one statement that may be carried out more than once, again and again until it answers or patience ends.
    pub(crate) async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        let mut backoff = Backoff::new(self.patience);
        loop {
            match self.query_once(sql, params).await {
                Ok(rows) => return Ok(rows),
                Err(fault) => backoff.wait(fault).await?,
            }
        }
    }

    /// Runs one statement once. On [`Fault::Down`] it is not known whether it was carried out.
    pub(crate) async fn query_once(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        self.lend().await?.query(sql, params).await
    }

    pub(crate) fn close(&self) {
        self.inner.close();
    }
}

/// A connection in use. Goes back to the pool when dropped, unless something is still going on in it or went wrong.
pub(crate) struct Lent {
    object: Option<Object>,
    timeout: Duration,
    sound: bool,
    in_transaction: bool,
}

impl Lent {
    fn client(&self) -> Result<&ClientWrapper, Fault> {
        // Only dropping takes it out.
        self.object.as_deref().ok_or_else(|| Fault::Refused("the connection was given back".into()))
    }

    /// A statement of the program's own text, prepared once per connection.
    pub(crate) async fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        self.sound = false;
        let client = self.client()?;
        let work = async {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, params).await
        };
        let answer = tokio::time::timeout(self.timeout, work)
            .await
            .map_err(|_| Fault::silent("a statement", self.timeout))?
            .map_err(Fault::from);
        // A refusal of the database's own leaves the connection as it was, outside a transaction.
        self.sound = matches!(answer, Ok(_) | Err(Fault::Taken | Fault::Full));
        answer
    }

    /// Statements without parameters or rows: beginning and ending a transaction, making tables.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        self.sound = false;
        let work = self.client()?.batch_execute(sql);
        tokio::time::timeout(self.timeout, work)
            .await
            .map_err(|_| Fault::silent("a statement", self.timeout))??;
        self.sound = true;
        Ok(())
    }

    /// Begins a transaction. Dropping the connection before it has ended drops it for good, and the server rolls back.
    pub(crate) async fn begin(&mut self) -> Result<(), Fault> {
        self.in_transaction = true;
        self.batch("BEGIN").await
    }

    /// On [`Fault::Down`] it is not known whether the transaction was committed.
    pub(crate) async fn commit(&mut self) -> Result<(), Fault> {
        self.batch("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(crate) async fn roll_back(&mut self) -> Result<(), Fault> {
        self.batch("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            if self.sound && !self.in_transaction {
                drop(object);
            } else {
                drop(Object::take(object));
            }
        }
    }
}
