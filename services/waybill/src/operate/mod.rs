//! The operator's commands: serve, status, audit, backup, restore, config, cluster.

pub mod audit;
pub mod backup;
pub mod cluster;
pub mod config;
pub mod journal;
pub mod migrate;
pub mod restore;
pub mod serve;
pub mod status;

pub use crate::commands::Reach;
use waybill_service_kit::values::hex;

/// Shows on standard error what a command would otherwise wait for in silence, such as an engine that does not answer.
///
/// # Errors
/// Logs that are shown already.
pub(crate) fn show_warnings() -> anyhow::Result<()> {
    use waybill_service_kit::telemetry::{LogFormat, start_logs};
    start_logs(LogFormat::Text, "warn").map_err(anyhow::Error::msg)
}

/// A request id that nobody else has.
///
/// # Errors
/// A system without randomness.
pub fn fresh_request_id() -> anyhow::Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(hex(&bytes))
}
