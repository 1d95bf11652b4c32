//! Flags that say where a shared journal is: the same for every command that opens one. Knows no engine.

use crate::config::JournalConfig;

/// Where a shared journal is and how it is used; what is not given stays as it was.
#[derive(clap::Args, Clone, Default)]
pub struct JournalArgs {
    /// Where a journal is that several processes share, such as `postgres://waybill@db/waybill` or
    /// `nats://n1:4222,n2:4222,n3:4222` [default: files in the data directory].
    #[arg(long, env = "WAYBILL_JOURNAL", hide_env_values = true, value_name = "URL")]
    pub journal: Option<String>,
    /// The schema of the shared journal, or what the names of its streams begin with [default: waybill].
    #[arg(long, value_name = "NAME")]
    pub journal_schema: Option<String>,
    /// NATS: servers that keep each stream, 1, 3 or 5 [default: 3].
    #[arg(long, value_name = "SERVERS")]
    pub journal_replicas: Option<usize>,
    /// NATS: who may ask the servers whether they sync what they acknowledge, `user:password` of the system account or its
    /// `.creds` file.
    #[arg(long, env = "WAYBILL_JOURNAL_SYSTEM", hide_env_values = true, value_name = "WHO")]
    pub journal_system: Option<String>,
    /// NATS: somebody has looked at `sync_interval: always` on every server, so that nobody asks.
    #[arg(long)]
    pub journal_sync_vouched: bool,
}

impl std::fmt::Debug for JournalArgs {
    /// Never shows the URL or who asks, which may have passwords in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JournalArgs").field("journal_schema", &self.journal_schema).finish_non_exhaustive()
    }
}

impl JournalArgs {
    /// Puts what was given on top of `config`.
    pub fn apply(self, config: &mut JournalConfig) {
        config.url = self.journal.or(config.url.take());
        config.schema = self.journal_schema.unwrap_or_else(|| std::mem::take(&mut config.schema));
        config.nats.replicas = self.journal_replicas.unwrap_or(config.nats.replicas);
        config.nats.system = self.journal_system.or(config.nats.system.take());
        config.nats.sync_vouched |= self.journal_sync_vouched;
    }
}
