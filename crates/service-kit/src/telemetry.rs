//! Structured logs and the Prometheus endpoint. No personal data may be logged; events carry ids only.

use std::net::SocketAddr;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error. `filter` is in the form of `RUST_LOG`, such as `info,waybill=debug`.
///
/// # Errors
/// A filter that cannot be read.
pub fn start_logs(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("log filter {filter:?}: {error}"))?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
    started.map_err(|error| error.to_string())
}

/// Starts the Prometheus endpoint at `http://address/metrics`.
///
/// # Errors
/// An address that cannot be listened on.
pub fn start_metrics(address: SocketAddr) -> Result<(), String> {
    metrics_exporter_prometheus::PrometheusBuilder::new().with_http_listener(address).install().map_err(
        |error| {
            format!(
                "metrics endpoint {address}: {error}; choose another with --metrics-listen, or --no-metrics"
            )
        },
    )
}
