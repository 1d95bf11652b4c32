//! `waybill serve`: settings from a file and flags, then serve until told to stop.

use super::journal::JournalArgs;
use crate::commands::{say, unless_closed};
use crate::config::{ClockKind, Config, ServiceName, SourcingMethod};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// What `serve` takes; flags go before the file.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A TOML file of settings; see `waybill config print`.
    #[arg(long, env = "WAYBILL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where everything is kept [default: waybill-data].
    #[arg(long, env = "WAYBILL_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where gRPC is served [default: 127.0.0.1:7700].
    #[arg(long, env = "WAYBILL_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where Prometheus metrics are served [default: 127.0.0.1:7790].
    #[arg(long)]
    pub metrics_listen: Option<SocketAddr>,
    /// Serve no metrics.
    #[arg(long, conflicts_with = "metrics_listen")]
    pub no_metrics: bool,
    /// Which services run here, separated by commas [default: all].
    #[arg(long, value_delimiter = ',')]
    pub services: Vec<ServiceName>,
    /// Where another service runs, such as `inventory=http://127.0.0.1:7701`; may be given more than once.
    #[arg(long, value_parser = parse_peer)]
    pub peer: Vec<(ServiceName, String)>,
    /// Partitions per service, 1 to 256; fixed when the directory is created [default: 8].
    #[arg(long)]
    pub partitions: Option<u16>,
    #[command(flatten)]
    pub journal: JournalArgs,
    /// The name of this process among those that share its journal [default: its address].
    #[arg(long)]
    pub name: Option<String>,
    /// Where the others reach this process, such as `https://10.0.0.5:7700` [default: where it listens].
    #[arg(long)]
    pub advertise: Option<String>,
    /// PEM file of the certificate of this process; with it callers need certificates too, and may come from anywhere.
    #[arg(long, env = "WAYBILL_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file of its private key.
    #[arg(long, env = "WAYBILL_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// PEM file of the authority that signs certificates of callers and of processes.
    #[arg(long, env = "WAYBILL_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,
    /// The partitions' clock.
    #[arg(long)]
    pub clock: Option<ClockKind>,
    /// Age in milliseconds of the oldest change that starts a checkpoint.
    #[arg(long)]
    pub checkpoint_age_ms: Option<u64>,
    /// How orders are planned; `simple` is there to measure what planning exactly costs.
    #[arg(long, hide = true)]
    pub sourcing: Option<SourcingMethod>,
    /// Never sync the journal. Loses acknowledged orders at a power cut; exists to show that the test can fail.
    #[arg(long, hide = true)]
    pub unsafe_never_sync: bool,
}

fn parse_peer(text: &str) -> Result<(ServiceName, String), String> {
    let (service, address) = text.split_once('=').ok_or("must look like inventory=http://127.0.0.1:7701")?;
    let service = <ServiceName as clap::ValueEnum>::from_str(service, false)?;
    Ok((service, address.to_owned()))
}

impl Args {
    /// The file's settings with the flags on top, checked.
    ///
    /// # Errors
    /// See [`Config::read`] and [`Config::check`].
    pub fn settings(self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        config.data_dir = self.data_dir.unwrap_or(config.data_dir);
        config.listen = self.listen.unwrap_or(config.listen);
        config.metrics_listen = self.metrics_listen.or(config.metrics_listen).filter(|_| !self.no_metrics);
        if !self.services.is_empty() {
            config.services = self.services;
        }
        config.peers.extend(self.peer);
        config.partitions = self.partitions.unwrap_or(config.partitions);
        config.clock = self.clock.unwrap_or(config.clock);
        config.limits.checkpoint_age_ms = self.checkpoint_age_ms.unwrap_or(config.limits.checkpoint_age_ms);
        config.sourcing.method = self.sourcing.unwrap_or(config.sourcing.method);
        self.journal.apply(&mut config.journal);
        config.cluster.name = self.name.or(config.cluster.name);
        config.cluster.advertise = self.advertise.or(config.cluster.advertise);
        config.tls.certificate = self.tls_certificate.or(config.tls.certificate);
        config.tls.key = self.tls_key.or(config.tls.key);
        config.tls.client_ca = self.tls_client_ca.or(config.tls.client_ca);
        config.journal.unsafe_never_sync |= self.unsafe_never_sync;
        config.check()?;
        Ok(config)
    }
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// What stopped it from starting or serving.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let config = args.settings()?;
    waybill_service_kit::telemetry::start_logs(config.log_format, &config.log_filter)
        .map_err(anyhow::Error::msg)?;
    if let Some(address) = config.metrics_listen {
        waybill_service_kit::telemetry::start_metrics(address).map_err(anyhow::Error::msg)?;
    }
    config.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let mut terminate = signal(SignalKind::terminate())?;
    let server = crate::serve::start(config).await?;
    // One line on standard output for scripts: the address, and that callers are let in.
    unless_closed(say(format!("listening on {}", server.address())))?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping: no new callers, last batches become durable");
    server.stop().await
}
