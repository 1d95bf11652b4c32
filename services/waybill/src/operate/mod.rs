//! The operator's commands: serve, audit, backup, restore, config, cluster.

pub mod audit;
pub mod backup;
pub mod cluster;
pub mod config;
pub mod journal;
pub mod migrate;
pub mod restore;
pub mod serve;

pub use crate::commands::Reach;

/// A request id that nobody else has.
///
/// # Errors
/// A system without randomness.
pub fn fresh_request_id() -> anyhow::Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
