//! Settings of the journal: files of this process's own, or an engine that several processes share. It knows no engine.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The journal: local files, or an engine that several processes share.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// Where the shared journal is, such as `postgres://waybill@db/waybill` or `nats://n1:4222,n2:4222,n3:4222`; absent
    /// for files in the data directory.
    pub url: Option<String>,
    /// The schema of the shared journal, or what the names of its streams begin with; one per cluster.
    pub schema: String,
    /// Connections to a PostgreSQL journal, 1 to 200.
    pub connections: usize,
    /// How long a frame is tried again while the shared journal does not answer, in milliseconds.
    pub patience_ms: u64,
    /// Use a server that may lose what it acknowledged (fsync off and the like), or that nobody asked. For throw-away
    /// data only.
    pub allow_unsafe_engine: bool,
    /// Files with certificates (PEM) of authorities that the shared journal's servers are trusted by, beside the system's.
    pub authorities: Vec<PathBuf>,
    /// Bytes of one segment file.
    pub segment_bytes: u64,
    /// Bytes of archived segments to keep; 0 keeps none.
    pub archive_bytes: u64,
    /// Never sync. Loses acknowledged orders at a power cut; exists to show that the power-cut test can fail.
    pub unsafe_never_sync: bool,
    /// What only a journal in NATS JetStream has.
    pub nats: NatsConfig,
}

/// A journal in NATS JetStream; without meaning for every other.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct NatsConfig {
    /// Servers that keep each stream: 1, 3 or 5.
    pub replicas: usize,
    /// Bytes that one log may have, where it is made here; the servers set them aside for every log.
    pub log_bytes: u64,
    /// Bytes kept per log behind what may be trimmed, for streams that resume; at most half of `log_bytes`.
    pub keep_bytes: u64,
    /// Who this process is to the servers, as a `.creds` file; absent for the user in the URL, or nobody.
    pub credentials: Option<PathBuf>,
    /// Who may ask every server whether it syncs what it acknowledges: `user:password` of the system account, or the
    /// path of its `.creds` file.
    pub system: Option<String>,
    /// Somebody has looked at `sync_interval: always` on every server, so that nobody needs to ask.
    pub sync_vouched: bool,
}

impl Default for JournalConfig {
    fn default() -> Self {
        let options = waybill_journal::Options::default();
        let archive_bytes = options.archive.keep_bytes;
        Self {
            url: None,
            schema: "waybill".into(),
            connections: 8,
            patience_ms: 60_000,
            allow_unsafe_engine: false,
            authorities: Vec::new(),
            segment_bytes: options.segment_bytes,
            archive_bytes,
            unsafe_never_sync: false,
            nats: NatsConfig::default(),
        }
    }
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            replicas: 3,
            log_bytes: 1 << 30,
            keep_bytes: 64 << 20,
            credentials: None,
            system: None,
            sync_vouched: false,
        }
    }
}
