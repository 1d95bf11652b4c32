//! This process as one of several over a shared engine: opening the engine, the vault whose keys lie there, the way to the
//! others and what they ask here. It decides nothing about who owns what.

mod elsewhere;
pub mod engine;
mod keys;
mod meters;
mod others;
mod owner;
mod view;
mod wire;

use crate::config::Config;
use crate::tls::Dial;
use anyhow::{Context, ensure};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use waybill_journal::cluster::{Engine, Member};
use waybill_replica::{Body, ClusterOptions, service_names};
use waybill_store::vault::Vault;
use waybill_types::Service;

pub use elsewhere::{Elsewhere, running_channel};
pub use meters::meter;
pub use others::Planners;
pub use owner::OwnerDoor;
pub(crate) use owner::not_done;
pub use view::ClusterDoor;

/// Opens the engine that the configuration names; `None` where the journal is this process's own.
///
/// # Errors
/// A URL that is none, an engine that does not answer or is not safe.
pub async fn options(
    config: &Config,
    address: SocketAddr,
    dial: &Dial,
) -> anyhow::Result<Option<ClusterOptions>> {
    if config.journal.url.is_none() {
        return Ok(None);
    }
    let engine = engine::open(&config.journal, config.journal_options().max_frame_bytes).await?;
    let mut instance = [0; 16];
    getrandom::fill(&mut instance).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let scheme = dial.scheme();
    let address = config.cluster.advertise.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
    let name = config.cluster.name.clone().unwrap_or_else(|| address.replace(&format!("{scheme}://"), ""));
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
    Ok(Some(ClusterOptions { engine, member, wire: Arc::new(wire::Grpc::new(dial.clone())), lease_ttl }))
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
    engine::check(&config.journal, config.journal_options().max_frame_bytes)?;
    ensure!(
        config.clock == crate::config::ClockKind::System,
        "a virtual clock moves in one process only; use the system's clock with a shared journal"
    );
    let scheme = if config.tls.is_on() { "https" } else { "http" };
    match &config.cluster.advertise {
        Some(address) => {
            let uri = tonic::transport::Endpoint::from_shared(address.clone());
            let is_one =
                uri.is_ok_and(|it| it.uri().scheme_str() == Some(scheme) && it.uri().host().is_some());
            ensure!(is_one, "cluster.advertise is {address:?}, must be like {scheme}://HOST:PORT");
        }
        None => ensure!(
            !config.listen.ip().is_unspecified(),
            "listen is {}, which is no address to others; say where they reach this process, as cluster.advertise or with \
             --advertise {scheme}://HOST:PORT",
            config.listen
        ),
    }
    Ok(())
}

/// Refuses what no process may be called.
///
/// # Errors
/// The rule.
pub fn check_name(named: Option<&str>) -> anyhow::Result<()> {
    ensure!(named.is_none_or(is_process_name), "cluster.name {PROCESS_NAME_RULE}");
    Ok(())
}

const PROCESS_NAME_RULE: &str = "must have 1 to 100 bytes, no # and no control characters";

/// True for what a process may be called. A `#` parts the name from what is random of each start.
fn is_process_name(name: &str) -> bool {
    (1..=100).contains(&name.len()) && !name.contains('#') && !name.chars().any(char::is_control)
}
