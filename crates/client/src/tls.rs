//! Certificates of a client: whose signature it believes, and who it is itself. It reads no files and judges nothing; the
//! transport does when it connects.

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// What a client shows and believes over `https://`.
#[derive(Clone, Debug)]
pub struct Tls(ClientTlsConfig);

impl Tls {
    /// Believes servers whose certificate this authority has signed and which carries the host of their address. `authority`
    /// is PEM.
    #[must_use]
    pub fn new(authority: impl AsRef<[u8]>) -> Self {
        Self(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)))
    }

    /// Shows this certificate, as engines with certificates ask for. Both are PEM.
    #[must_use]
    pub fn with_certificate(self, certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        Self(self.0.identity(Identity::from_pem(certificate, key)))
    }

    pub(crate) fn config(&self) -> ClientTlsConfig {
        self.0.clone()
    }
}
