//! This process as one of several over a shared engine: opening the engine, the vault whose keys lie there, the way to the
//! others and what they ask here. It decides nothing about who owns what.

mod elsewhere;
mod keys;
mod owner;
mod view;
mod wire;

use crate::config::Config;
use anyhow::{Context, ensure};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use waybill_journal::cluster::{Engine, Member};
use waybill_journal_postgres::{Options, PostgresJournal};
use waybill_replica::{Body, ClusterOptions, service_names};
use waybill_store::vault::Vault;
use waybill_types::Service;

pub use elsewhere::{Elsewhere, running_channel};
pub use owner::OwnerDoor;
pub(crate) use owner::not_done;
pub use view::ClusterDoor;

/// Opens the engine that the configuration names; `None` where the journal is this process's own.
///
/// # Errors
/// A URL that is none, an engine that does not answer or is not safe.
pub async fn options(config: &Config, address: SocketAddr) -> anyhow::Result<Option<ClusterOptions>> {
    let Some(url) = config.journal.url.clone() else { return Ok(None) };
    let settings = Options {
        schema: config.journal.schema.clone(),
        connections: config.journal.connections,
        patience: Duration::from_millis(config.journal.patience_ms),
        max_frame_bytes: config.journal_options().max_frame_bytes,
        allow_unsafe: config.journal.allow_unsafe_engine,
        ..Options::new(url)
    };
    let opened = tokio::task::spawn_blocking(move || PostgresJournal::open(settings)).await?;
    let engine: Arc<dyn Engine> = Arc::new(opened.context("the journal cannot be opened")?);
    let mut instance = [0; 16];
    getrandom::fill(&mut instance).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let address = config.cluster.advertise.clone().unwrap_or_else(|| format!("http://{address}"));
    let name = config.cluster.name.clone().unwrap_or_else(|| address.replace("http://", ""));
    let services: Vec<Service> = config.services.iter().map(|service| Service::from(*service)).collect();
    let member = Member {
        name,
        instance,
        address,
        services: service_names(&services),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        events: Body::VERSION.into(),
    };
    let lease_ttl = Duration::from_millis(config.cluster.lease_ttl_ms);
    Ok(Some(ClusterOptions { engine, member, wire: Arc::new(wire::Grpc::default()), lease_ttl }))
}

/// The vault whose keys lie with the engine, founded where there is none.
///
/// # Errors
/// The engine does not answer.
pub async fn vault(engine: &Arc<dyn Engine>) -> anyhow::Result<Vault> {
    let engine = Arc::clone(engine);
    let identity = keys::identity(&engine).await.context("the vault of personal data")?;
    Ok(Vault::outside(Box::new(keys::EngineKeys::new(engine, identity))))
}

/// Refuses what a process of a cluster cannot do yet.
///
/// # Errors
/// What it is and what to do instead.
pub fn check(config: &Config) -> anyhow::Result<()> {
    ensure!(config.peers.is_empty(), "peers are found through the shared journal; remove them");
    let ttl = config.cluster.lease_ttl_ms;
    ensure!((500..=60_000).contains(&ttl), "cluster.lease_ttl_ms is {ttl}, allowed are 500 to 60,000");
    let connections = config.journal.connections;
    ensure!((1..=200).contains(&connections), "journal.connections is {connections}, allowed are 1 to 200");
    ensure!(
        config.clock == crate::config::ClockKind::System,
        "a virtual clock moves in one process only; use the system's clock with a shared journal"
    );
    if let Some(address) = &config.cluster.advertise {
        tonic::transport::Endpoint::from_shared(address.clone())
            .with_context(|| format!("cluster.advertise is {address:?}, must be like http://HOST:PORT"))?;
    }
    let named = config.cluster.name.as_deref();
    ensure!(named.is_none_or(is_process_name), "cluster.name {PROCESS_NAME_RULE}");
    Ok(())
}

const PROCESS_NAME_RULE: &str = "must have 1 to 100 bytes, no # and no control characters";

/// True for what a process may be called. A `#` parts the name from what is random of each start.
fn is_process_name(name: &str) -> bool {
    (1..=100).contains(&name.len()) && !name.contains('#') && !name.chars().any(char::is_control)
}
