//! Where a running engine is and what a command shows there: addresses, the authority, a certificate. Files are read when a
//! command connects; what is in them the client judges.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use waybill_client::proto::common::v1::admin_service_client::AdminServiceClient;
use waybill_client::{Client, Door, Identity, Servers, Tls};

/// Where the engine is, and what to show there.
#[derive(Clone, Debug, clap::Args)]
pub struct Reach {
    /// Where the engine is served; processes over one journal may be given together, separated by commas.
    #[arg(long, global = true, env = "WAYBILL_ENDPOINT", default_value = "http://127.0.0.1:7700")]
    pub endpoint: String,
    /// PEM file of the authority that signed the engine's certificate, for https://.
    #[arg(long, global = true, env = "WAYBILL_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// PEM file of the certificate to show, for https://.
    #[arg(long, global = true, env = "WAYBILL_CERTIFICATE", value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// PEM file of its private key.
    #[arg(long, global = true, env = "WAYBILL_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
}

impl Reach {
    /// The addresses with what is shown there. Addresses in the open need no files, and read none.
    ///
    /// # Errors
    /// An address that is none, a file that is missing or cannot be read.
    pub fn servers(&self) -> anyhow::Result<Servers> {
        if !self.endpoint.contains("https://") {
            return Ok(Servers::open(&self.endpoint)?);
        }
        let Some(ca) = &self.ca else {
            bail!("{} needs --ca FILE, the authority that signed the engine's certificate", self.endpoint);
        };
        let mut tls = Tls::new(read("--ca", ca)?);
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                tls = tls.with_certificate(read("--certificate", certificate)?, read("--key", key)?);
            }
            (None, None) => {}
            _ => bail!("--certificate and --key go together"),
        }
        Ok(Servers::secured(&self.endpoint, &tls)?)
    }

    /// Connects as somebody.
    ///
    /// # Errors
    /// See [`Self::servers`]; nobody answers.
    pub async fn client(&self, identity: Identity) -> anyhow::Result<Client> {
        Ok(Client::connect_to(&self.servers()?, identity).await?)
    }

    /// The admin service there, for an operator.
    ///
    /// # Errors
    /// See [`Self::client`].
    pub async fn admin(&self) -> anyhow::Result<AdminServiceClient<Door>> {
        Ok(self.client(Identity::default()).await?.admin())
    }
}

fn read(flag: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{flag}: cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(endpoint: &str) -> Reach {
        Reach { endpoint: endpoint.into(), ca: None, certificate: None, key: None }
    }

    #[test]
    fn what_is_missing_for_https_is_named_by_its_flag() {
        assert!(reach("http://127.0.0.1:7700,http://127.0.0.1:7701").servers().is_ok());
        let refused = reach("https://east-1:7700").servers().unwrap_err().to_string();
        assert!(refused.contains("--ca FILE"), "{refused}");
        let gone = Reach { ca: Some("/nowhere/ca.pem".into()), ..reach("https://east-1:7700") };
        assert!(format!("{:#}", gone.servers().unwrap_err()).starts_with("--ca: cannot read"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pem");
        std::fs::write(&file, "").unwrap();
        let half = Reach { certificate: Some(file.clone()), ca: Some(file), ..reach("https://east-1:7700") };
        assert!(half.servers().unwrap_err().to_string().contains("go together"));
    }
}
