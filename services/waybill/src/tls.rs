//! Certificates of this process: what it shows to whoever connects, what it asks of them, and how it calls other
//! processes. Files are read once, at the start. It knows no service and no partition.

use crate::config::TlsConfig;
use anyhow::{Context, ensure};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig};
use waybill_service_kit::Access;

/// How long a handshake may take; who is silent for longer is hung up on.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// How this process lets callers in, and how it calls others.
#[derive(Clone)]
pub struct Tls {
    /// The listener's server, with certificates where there are any.
    pub listener: Server,
    /// Whom the doors let in.
    pub access: Access,
    /// How other processes are called.
    pub dial: Dial,
}

/// How this process calls others: in the open on loopback, or as itself over TLS.
#[derive(Clone, Debug, Default)]
pub struct Dial(Option<ClientTlsConfig>);

impl Tls {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else, a key that is not the certificate's.
    pub fn read(config: &TlsConfig) -> anyhow::Result<Self> {
        let (Some(certificate), Some(key), Some(ca)) = (&config.certificate, &config.key, &config.client_ca)
        else {
            let dial = Dial::default();
            return Ok(Self { listener: Server::builder(), access: Access::Loopback, dial });
        };
        let identity = Identity::from_pem(pem("tls.certificate", certificate)?, pem("tls.key", key)?);
        let ca = Certificate::from_pem(pem("tls.client_ca", ca)?);
        let listener = ServerTlsConfig::new()
            .identity(identity.clone())
            .client_ca_root(ca.clone())
            .timeout(HANDSHAKE_MAX);
        // Processes know each other by the name that only they have, wherever they run.
        let dial = ClientTlsConfig::new()
            .identity(identity)
            .ca_certificate(ca)
            .domain_name(&config.peer_name)
            .timeout(HANDSHAKE_MAX);
        let listener = Server::builder().tls_config(listener);
        let listener =
            listener.context("tls.certificate, tls.key and tls.client_ca cannot be used together")?;
        let peer_name: Arc<str> = config.peer_name.as_str().into();
        Ok(Self { listener, access: Access::Certificate { peer_name }, dial: Dial(Some(dial)) })
    }
}

/// The text of a PEM file. What is in it is judged by who uses it.
fn pem(what: &str, path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("{what}: cannot read {}", path.display()))?;
    ensure!(text.contains("-----BEGIN "), "{what}: {} is no PEM file", path.display());
    Ok(text)
}

impl Dial {
    /// The way to a process.
    ///
    /// # Errors
    /// An address that is no URL, or that is in the open where this process speaks TLS, or the other way round.
    pub fn endpoint(&self, address: &str) -> anyhow::Result<Endpoint> {
        let endpoint = Endpoint::from_shared(address.to_owned()).with_context(|| {
            format!("{address:?} is no address; give one like {}://HOST:PORT", self.scheme())
        })?;
        let scheme = endpoint.uri().scheme_str().unwrap_or_default();
        ensure!(
            scheme == self.scheme(),
            "{address:?} does not begin with {}://; all processes have certificates, or none",
            self.scheme()
        );
        match &self.0 {
            Some(tls) => endpoint.tls_config(tls.clone()).context("the certificates cannot be used"),
            None => Ok(endpoint),
        }
    }

    /// `https` where this process has certificates, else `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.0.is_some() { "https" } else { "http" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_certificates_nothing_changes() {
        let tls = Tls::read(&TlsConfig::default()).unwrap();
        assert_eq!(tls.access, Access::Loopback);
        assert!(tls.dial.endpoint("http://127.0.0.1:7700").is_ok());
        let refused = tls.dial.endpoint("https://127.0.0.1:7700").unwrap_err().to_string();
        assert!(refused.contains("does not begin with http://"), "{refused}");
    }

    #[test]
    fn files_that_are_not_there_or_hold_something_else_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let certificate = dir.path().join("certificate.pem");
        let config = TlsConfig {
            certificate: Some(certificate.clone()),
            key: Some(certificate.clone()),
            client_ca: Some(certificate.clone()),
            ..TlsConfig::default()
        };
        let refused = |config| format!("{:#}", Tls::read(config).err().unwrap());
        let missing = refused(&config);
        assert!(missing.starts_with("tls.certificate: cannot read"), "{missing}");
        std::fs::write(&certificate, "hello").unwrap();
        assert!(refused(&config).contains("is no PEM file"));
    }
}
