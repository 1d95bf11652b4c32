//! Settings of `waybill serve`: a TOML file, then flags on top. Read once, checked, passed on as values.

mod journal;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use waybill_replica::Limits;
use waybill_service_kit::telemetry::LogFormat;
use waybill_types::{Layout, Service};

pub use journal::{JournalConfig, NatsConfig};

/// Everything that can be set. `waybill config print` shows it with the defaults.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where everything is kept. Created when it does not exist.
    pub data_dir: PathBuf,
    /// Where gRPC and gRPC-web are served. Without certificates only loopback callers are let in.
    pub listen: SocketAddr,
    /// Where Prometheus metrics are served; nowhere where it is empty.
    #[serde(with = "or_nowhere")]
    pub metrics_listen: Option<SocketAddr>,
    /// Which services this process runs.
    pub services: Vec<ServiceName>,
    /// Where the services run that this process does not, such as `inventory = "http://127.0.0.1:7701"`.
    pub peers: BTreeMap<ServiceName, String>,
    /// Partitions per service, 1 to 256; fixed when the directory is created.
    pub partitions: u16,
    /// `system` or `virtual`; a virtual clock moves only by AdvanceClock.
    pub clock: ClockKind,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written, in the form of RUST_LOG.
    pub log_filter: String,
    /// Bounds of the partitions.
    pub limits: LimitsConfig,
    /// The journal.
    pub journal: JournalConfig,
    /// How this process shows itself to others that share its journal.
    pub cluster: ClusterConfig,
    /// Certificates; all three files, or none.
    pub tls: TlsConfig,
    /// The store.
    pub store: StoreConfig,
    /// Sourcing.
    pub sourcing: SourcingConfig,
}

/// A service's name in flags and files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ServiceName {
    /// Orders and customers.
    Orders,
    /// Items, positions, reservations.
    Inventory,
    /// Nodes, the network, fulfilment orders.
    Fulfillment,
}

impl From<ServiceName> for Service {
    fn from(name: ServiceName) -> Self {
        match name {
            ServiceName::Orders => Service::Orders,
            ServiceName::Inventory => Service::Inventory,
            ServiceName::Fulfillment => Service::Fulfillment,
        }
    }
}

/// Which clock the partitions have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// The machine's.
    #[default]
    System,
    /// One that moves only by AdvanceClock: for tests and sandboxes.
    Virtual,
}

/// Bounds of each partition.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Commands and reads waiting per partition, 1 to 1,000,000; more are refused.
    pub queue: usize,
    /// Messages without acknowledgement above which new commands wait, 1 to 10,000,000.
    pub outbox: usize,
    /// Changed rows that start a checkpoint, 1 and up.
    pub checkpoint_rows: usize,
    /// Journaled bytes that start a checkpoint, 1 and up.
    pub checkpoint_bytes: u64,
    /// Age of the oldest change that starts a checkpoint, in milliseconds, 1 and up.
    pub checkpoint_age_ms: u64,
    /// How long request ids are kept, in hours, 1 to 8,760.
    pub request_ttl_hours: u32,
}

/// This process among those that share its journal; without meaning where the journal is its own.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterConfig {
    /// Its name, unique among the living; absent for its address.
    pub name: Option<String>,
    /// Where others reach it, such as `http://10.0.0.5:7700`; absent for the address it listens at.
    pub advertise: Option<String>,
    /// How long a lease lasts, 500 to 60,000 ms: a crashed owner is replaced after about that long.
    pub lease_ttl_ms: u64,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self { name: None, advertise: None, lease_ttl_ms: 2_000 }
    }
}

/// What this process shows to whoever connects, and asks of them. PEM files, read at the start.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate of this process, and those between it and the authority. It serves with it and calls others with it.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
    /// The authority: callers need a certificate of it, and so do the processes that this one calls.
    pub client_ca: Option<PathBuf>,
    /// The DNS name that certificates of processes carry and no other certificate may.
    pub peer_name: String,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { certificate: None, key: None, client_ca: None, peer_name: "peer.waybill.internal".into() }
    }
}

impl ClusterConfig {
    /// Ranges hold without a shared journal too: its URL may come by a flag or from the environment.
    fn check(&self) -> anyhow::Result<()> {
        let ttl = self.lease_ttl_ms;
        ensure!((500..=60_000).contains(&ttl), "cluster.lease_ttl_ms is {ttl}, allowed are 500 to 60,000");
        crate::cluster::check_name(self.name.as_deref())
    }
}

impl TlsConfig {
    /// True where callers and processes have certificates.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.certificate.is_some()
    }

    fn check(&self) -> anyhow::Result<()> {
        let files = [&self.certificate, &self.key, &self.client_ca];
        ensure!(
            files.iter().all(|file| file.is_some()) || files.iter().all(|file| file.is_none()),
            "tls.certificate, tls.key and tls.client_ca go together; give all three or none"
        );
        let name = &self.peer_name;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        ensure!(
            (1..=253).contains(&name.len()) && name.bytes().all(is_plain),
            "tls.peer_name is {name:?}, must be a DNS name without wildcards"
        );
        Ok(())
    }
}

/// The store of checkpointed rows.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Bytes of the page cache; budget five times the data for memory.
    pub cache_bytes: u64,
}

/// What is kept of sourcing decisions.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct SourcingConfig {
    /// Bytes of decisions to keep, of the newest; 0 keeps none, and `explain`, `verify` and `what-if` find nothing then.
    pub decisions_bytes: u64,
    /// `exact`, or `simple`: from the nearest node that has everything. The latter is there to measure what planning
    /// exactly costs.
    pub method: SourcingMethod,
}

/// How orders are planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum SourcingMethod {
    /// By the planner.
    #[default]
    Exact,
    /// From the nearest node that has everything, else by distance.
    Simple,
}

impl From<SourcingMethod> for waybill_fulfillment_service::Method {
    fn from(method: SourcingMethod) -> Self {
        match method {
            SourcingMethod::Exact => Self::Exact,
            SourcingMethod::Simple => Self::NearestComplete,
        }
    }
}

/// An address in a file, or empty for none: what is absent there has its default.
mod or_nowhere {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::net::SocketAddr;

    pub(super) fn serialize<S: Serializer>(
        address: &Option<SocketAddr>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&address.map(|address| address.to_string()).unwrap_or_default())
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(
        deserializer: D,
    ) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let address = (!text.is_empty()).then(|| text.parse());
        let unread =
            |_| D::Error::custom(format!("{text:?} is no address such as 127.0.0.1:7790, nor empty"));
        address.transpose().map_err(unread)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("waybill-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 7700)),
            metrics_listen: Some(SocketAddr::from(([127, 0, 0, 1], 7790))),
            services: vec![ServiceName::Orders, ServiceName::Inventory, ServiceName::Fulfillment],
            peers: BTreeMap::new(),
            partitions: 8,
            clock: ClockKind::System,
            log_format: LogFormat::Text,
            log_filter: "info".into(),
            limits: LimitsConfig::default(),
            journal: JournalConfig::default(),
            cluster: ClusterConfig::default(),
            tls: TlsConfig::default(),
            store: StoreConfig::default(),
            sourcing: SourcingConfig::default(),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            queue: limits.queue,
            outbox: limits.outbox,
            checkpoint_rows: limits.checkpoint_rows,
            checkpoint_bytes: limits.checkpoint_bytes,
            checkpoint_age_ms: limits.checkpoint_age_ms,
            request_ttl_hours: 7 * 24,
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { cache_bytes: waybill_store::Options::default().cache_bytes }
    }
}

impl Default for SourcingConfig {
    fn default() -> Self {
        let decisions_bytes = waybill_fulfillment_service::Settings::default().decisions_bytes;
        Self { decisions_bytes, method: SourcingMethod::Exact }
    }
}

impl Config {
    /// Reads a TOML file; what it does not name has its default.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown setting, a value of the wrong kind.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not a configuration", path.display()))
    }

    /// Checks what no type can.
    ///
    /// # Errors
    /// The first setting that is out of range, what it is and what is allowed.
    pub fn check(&self) -> anyhow::Result<()> {
        self.layout()?;
        let limits = &self.limits;
        ensure!(
            (1..=1_000_000).contains(&limits.queue),
            "limits.queue is {}, allowed are 1 to 1,000,000",
            limits.queue
        );
        ensure!(
            (1..=10_000_000).contains(&limits.outbox),
            "limits.outbox is {}, allowed are 1 to 10,000,000",
            limits.outbox
        );
        ensure!(limits.checkpoint_rows > 0, "limits.checkpoint_rows is 0, must be 1 or more");
        ensure!(limits.checkpoint_bytes > 0, "limits.checkpoint_bytes is 0, must be 1 or more");
        ensure!(limits.checkpoint_age_ms > 0, "limits.checkpoint_age_ms is 0, must be 1 or more");
        ensure!(
            (1..=8_760).contains(&limits.request_ttl_hours),
            "limits.request_ttl_hours is {}, allowed are 1 to 8,760",
            limits.request_ttl_hours
        );
        ensure!(
            !self.services.is_empty(),
            "services is empty; name at least one of orders, inventory, fulfillment"
        );
        self.tls.check()?;
        self.cluster.check()?;
        crate::cluster::engine::check_ranges(&self.journal)?;
        if self.journal.url.is_some() {
            return crate::cluster::check(self);
        }
        for service in [ServiceName::Orders, ServiceName::Inventory, ServiceName::Fulfillment] {
            let name = Service::from(service).name();
            match (self.services.contains(&service), self.peers.contains_key(&service)) {
                (true, true) => anyhow::bail!("{name} runs here and is also named under peers; remove one"),
                (false, false) => {
                    anyhow::bail!(
                        "{name} does not run here; name its address under peers, or with --peer {name}=http://HOST:PORT"
                    )
                }
                _ => {}
            }
        }
        let scheme = if self.tls.is_on() { "https" } else { "http" };
        for (service, address) in &self.peers {
            ensure!(
                address.starts_with(&format!("{scheme}://")),
                "{} is at {address:?} under peers, must be like {scheme}://HOST:PORT",
                Service::from(*service).name()
            );
        }
        Ok(())
    }

    /// What is allowed and dangerous, in words.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        let never_sync = "journal.unsafe_never_sync is true: a power cut loses what was acknowledged";
        let unsafe_engine =
            "journal.allow_unsafe_engine is true: the shared journal may lose what was acknowledged";
        let vouched = "journal.nats.sync_vouched is true: nobody asks the NATS servers whether they sync what they acknowledge";
        let virtual_clock = "clock is virtual: time stands still until AdvanceClock moves it";
        let simple = "sourcing.method is simple: orders cost more than they must";
        let found = [
            (self.journal.unsafe_never_sync, never_sync),
            (self.clock == ClockKind::Virtual, virtual_clock),
            (self.journal.allow_unsafe_engine, unsafe_engine),
            (self.journal.nats.sync_vouched && self.journal.nats.system.is_none(), vouched),
            (self.sourcing.method == SourcingMethod::Simple, simple),
        ];
        found.into_iter().filter(|(is_so, _)| *is_so).map(|(_, warning)| warning).collect()
    }

    /// The partition counts.
    ///
    /// # Errors
    /// A count outside 1 to 256.
    pub fn layout(&self) -> anyhow::Result<Layout> {
        Ok(Layout::even(self.partitions)?)
    }

    /// The partitions' bounds.
    #[must_use]
    pub fn partition_limits(&self) -> Limits {
        let limits = &self.limits;
        Limits {
            queue: limits.queue,
            outbox: limits.outbox,
            checkpoint_rows: limits.checkpoint_rows,
            checkpoint_bytes: limits.checkpoint_bytes,
            checkpoint_age_ms: limits.checkpoint_age_ms,
            request_ttl_ms: i64::from(limits.request_ttl_hours) * 3_600_000,
            ..Limits::default()
        }
    }

    /// The journal's options. A batch is at most half of the largest frame.
    #[must_use]
    pub fn journal_options(&self) -> waybill_journal::Options {
        waybill_journal::Options {
            segment_bytes: self.journal.segment_bytes,
            max_frame_bytes: 4 << 20,
            archive: waybill_journal::ArchivePolicy { keep_bytes: self.journal.archive_bytes },
            sync: if self.journal.unsafe_never_sync {
                waybill_journal::SyncPolicy::Never
            } else {
                waybill_journal::SyncPolicy::Always
            },
            ..waybill_journal::Options::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound_and_print_as_a_file_that_reads_back() {
        let config = Config::default();
        config.check().unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn metrics_can_be_switched_off_in_a_file() {
        let read = |text: &str| toml::from_str::<Config>(text).map(|config| config.metrics_listen);
        assert_eq!(read("").unwrap(), Config::default().metrics_listen);
        assert_eq!(read("metrics_listen = \"\"").unwrap(), None);
        assert_eq!(read("metrics_listen = \"[::1]:9\"").unwrap(), Some("[::1]:9".parse().unwrap()));
        let refused = read("metrics_listen = \"off\"").unwrap_err().to_string();
        assert!(refused.contains("\"off\" is no address such as 127.0.0.1:7790, nor empty"), "{refused}");
    }

    #[test]
    fn what_is_sound_and_dangerous_is_warned_of() {
        let mut config = Config::default();
        assert!(config.warnings().is_empty());
        config.journal.unsafe_never_sync = true;
        config.clock = ClockKind::Virtual;
        config.check().unwrap();
        let warnings = config.warnings();
        assert!(warnings[0].starts_with("journal.unsafe_never_sync") && warnings[1].starts_with("clock"));
    }

    #[test]
    fn unknown_settings_and_values_out_of_range_are_refused_by_name() {
        assert!(toml::from_str::<Config>("partitons = 8").unwrap_err().to_string().contains("partitons"));
        let config = Config { partitions: 0, ..Config::default() };
        assert!(config.check().unwrap_err().to_string().contains("partitions"));
        let config = Config { services: vec![ServiceName::Orders], ..Config::default() };
        assert!(config.check().unwrap_err().to_string().contains("inventory"));
    }
}
