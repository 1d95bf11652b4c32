//! The operator's commands: serve, audit, backup, restore, config, cluster.

pub mod audit;
pub mod backup;
pub mod cluster;
pub mod config;
pub mod restore;
pub mod serve;

use tonic::transport::{Channel, Endpoint};
use waybill_proto::common::v1::admin_service_client::AdminServiceClient;

/// How to reach a running engine.
#[derive(clap::Args, Clone, Debug)]
pub struct Reach {
    /// Address of the engine.
    #[arg(long, env = "WAYBILL_ENDPOINT", default_value = "http://127.0.0.1:7700")]
    pub endpoint: String,
}

impl Reach {
    /// The admin service there.
    ///
    /// # Errors
    /// Nobody answers at the address.
    pub async fn admin(&self) -> anyhow::Result<AdminServiceClient<Channel>> {
        let channel = Endpoint::from_shared(self.endpoint.clone())?.connect().await.map_err(|error| {
            anyhow::anyhow!("no engine answers at {}: {error}; start one with `waybill serve`", self.endpoint)
        })?;
        Ok(AdminServiceClient::new(channel))
    }
}

/// A request id that nobody else has.
///
/// # Errors
/// A system without randomness.
pub fn fresh_request_id() -> anyhow::Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
