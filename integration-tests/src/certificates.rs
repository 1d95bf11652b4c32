//! Certificates for tests: an authority, processes, callers, and what can be wrong with each. It knows no server.

use anyhow::Context;
use rcgen::{
    BasicConstraints, Certificate as Signed, CertificateParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use std::path::{Path, PathBuf};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// The name that certificates of processes carry unless configured otherwise.
pub const PEER_NAME: &str = "peer.waybill.internal";

/// Somebody who signs.
pub struct Authority {
    certificate: Signed,
    issuer: Issuer<'static, KeyPair>,
}

/// What its holder has: PEM texts.
#[derive(Clone, Debug)]
pub struct Papers {
    /// The authority's certificate.
    pub ca: String,
    /// The holder's own.
    pub certificate: String,
    /// The holder's private key.
    pub key: String,
}

/// Papers as files.
#[derive(Clone, Debug)]
pub struct Files {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The holder's own.
    pub certificate: PathBuf,
    /// The holder's private key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one, unknown to all others.
    ///
    /// # Errors
    /// No randomness.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named(name);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// For a process: good on loopback and under [`PEER_NAME`].
    ///
    /// # Errors
    /// No randomness.
    pub fn process(&self) -> anyhow::Result<Papers> {
        self.sign(CertificateParams::new(["localhost", "127.0.0.1", PEER_NAME].map(str::to_owned))?)
    }

    /// For a caller: a name, and no right to be a process.
    ///
    /// # Errors
    /// No randomness.
    pub fn caller(&self, name: &str) -> anyhow::Result<Papers> {
        self.sign(CertificateParams::new([name.to_owned()])?)
    }

    /// For a caller, until the end of 2020.
    ///
    /// # Errors
    /// No randomness.
    pub fn expired(&self, name: &str) -> anyhow::Result<Papers> {
        let mut params = CertificateParams::new([name.to_owned()])?;
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 12, 31));
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> anyhow::Result<Papers> {
        params.distinguished_name = named("waybill test");
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let ca = self.certificate.pem();
        Ok(Papers { ca, certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

impl Papers {
    /// Writes them into a directory, each file named after `name`.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn write(&self, dir: &Path, name: &str) -> anyhow::Result<Files> {
        let write = |part: &str, text: &str| {
            let path = dir.join(format!("{name}-{part}.pem"));
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            anyhow::Ok(path)
        };
        Ok(Files {
            ca: write("ca", &self.ca)?,
            certificate: write("certificate", &self.certificate)?,
            key: write("key", &self.key)?,
        })
    }

    /// What a caller with these papers connects with.
    #[must_use]
    pub fn client(&self) -> ClientTlsConfig {
        let identity = Identity::from_pem(&self.certificate, &self.key);
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.ca)).identity(identity)
    }
}

impl Files {
    /// The flags of `waybill serve` for a process with them.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let file = |flag: &str, path: &Path| [flag.to_owned(), path.display().to_string()];
        [
            file("--tls-certificate", &self.certificate),
            file("--tls-key", &self.key),
            file("--tls-client-ca", &self.ca),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
