//! What the URL says about TLS to the database, as PostgreSQL's own clients understand it. Knows no connection.
//!
//! | `sslmode` | encrypted | certificate signed by an authority | for the name asked for |
//! |---|---|---|---|
//! | none, `disable`, `allow`, `prefer` | no | | |
//! | `require` | yes | where authorities are named | no |
//! | `verify-ca` | yes | yes | no |
//! | `verify-full` | yes | yes | yes |
//!
//! `sslrootcert=FILE` names authorities, beside [`Options::authorities`]; `sslrootcert=system`, or none for `verify-ca` and
//! `verify-full`, those of the operating system. What cannot be kept is refused, never weakened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use waybill_journal::Error;

use crate::Options;

/// What must be true of the server's certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Plain,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Where the database is, and how to speak to it.
pub(crate) struct Target {
    pub(crate) config: tokio_postgres::Config,
    /// Absent where nothing is encrypted.
    pub(crate) tls: Option<MakeRustlsConnect>,
}

fn refuse(what: impl std::fmt::Display) -> Error {
    Error::Options { what: format!("the journal's URL {what}") }
}

/// Reads the URL.
///
/// # Errors
/// [`Error::Options`] where it cannot be read, or promises what cannot be kept. Never repeats the URL.
pub(crate) fn target(options: &Options) -> Result<Target, Error> {
    let (url, mode, root) = split(&options.url)?;
    let mut config: tokio_postgres::Config =
        url.parse().map_err(|error: tokio_postgres::Error| refuse(format!("cannot be read: {error}")))?;
    if mode == Mode::Plain {
        // The driver reads more forms than are taken apart here.
        if config.get_ssl_mode() == SslMode::Require {
            return Err(refuse(
                "asks for TLS in a form that is not read here: write sslmode=require without spaces, and %3F for a ? in a password",
            ));
        }
        config.ssl_mode(SslMode::Disable);
        return Ok(Target { config, tls: None });
    }
    let hosts = config.get_hosts();
    if hosts.is_empty() || hosts.iter().any(|host| !matches!(host, Host::Tcp(_))) {
        return Err(refuse(
            "asks for TLS, and names a socket or no host by name: leave sslmode out, or name a host",
        ));
    }
    config.ssl_mode(SslMode::Require);
    let roots = roots(mode, root.as_deref(), &options.authorities)?;
    Ok(Target { config, tls: Some(MakeRustlsConnect::new(client(mode, roots)?)) })
}

/// Takes what the driver does not know out of the URL: the modes beyond `require`, and where authorities are.
fn split(url: &str) -> Result<(String, Mode, Option<PathBuf>), Error> {
    let (mut mode, mut root) = (Mode::Plain, None);
    let mut stays = |setting: &str| -> Result<bool, Error> {
        match setting.split_once('=') {
            Some(("sslmode", word)) => {
                mode = match word {
                    "disable" | "allow" | "prefer" => Mode::Plain,
                    "require" => Mode::Require,
                    "verify-ca" => Mode::VerifyCa,
                    "verify-full" => Mode::VerifyFull,
                    _ => {
                        return Err(refuse(format!(
                            "says sslmode={word}: allowed are disable, prefer, require, verify-ca and verify-full"
                        )));
                    }
                };
                Ok(false)
            }
            Some(("sslrootcert", file)) => {
                let file = percent_encoding::percent_decode_str(file).decode_utf8();
                let file = file.map_err(|_| refuse("names an sslrootcert that is no UTF-8"))?;
                root = Some(PathBuf::from(file.into_owned()));
                Ok(false)
            }
            Some((name @ ("sslcert" | "sslkey" | "sslcrl" | "sslpassword"), _)) => {
                Err(refuse(format!("has {name}, which is not supported: a password or SCRAM says who asks")))
            }
            _ => Ok(true),
        }
    };
    let kept = match url.split_once('?') {
        Some((place, settings)) if url.contains("://") => {
            let mut kept = Vec::new();
            for setting in settings.split('&') {
                if stays(setting)? {
                    kept.push(setting);
                }
            }
            let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
            format!("{place}{query}")
        }
        None | Some(_) if url.contains("://") => url.to_owned(),
        _ => {
            let mut kept = Vec::new();
            for setting in url.split(' ') {
                if stays(setting)? {
                    kept.push(setting);
                }
            }
            kept.join(" ")
        }
    };
    Ok((kept, mode, root))
}

/// The authorities that the server's certificate must come from; none where any certificate will do.
fn roots(mode: Mode, root: Option<&Path>, more: &[PathBuf]) -> Result<Option<RootCertStore>, Error> {
    let is_system = root.is_some_and(|root| root.as_os_str() == "system");
    let files: Vec<&Path> =
        root.into_iter().filter(|_| !is_system).chain(more.iter().map(PathBuf::as_path)).collect();
    if mode == Mode::Require && files.is_empty() && !is_system {
        return Ok(None);
    }
    let mut store = RootCertStore::empty();
    for file in &files {
        let refuse =
            |what: String| Error::Options { what: format!("the authorities in {} {what}", file.display()) };
        let found = CertificateDer::pem_file_iter(file)
            .map_err(|error| refuse(format!("cannot be read: {error}")))?;
        let before = store.len();
        for certificate in found {
            let certificate = certificate.map_err(|error| refuse(format!("are damaged: {error}")))?;
            store.add(certificate).map_err(|error| refuse(format!("cannot be used: {error}")))?;
        }
        if store.len() == before {
            return Err(refuse("are none: the file has no certificate".to_owned()));
        }
    }
    if files.is_empty() || is_system {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if store.is_empty() {
        return Err(refuse(
            "asks for a certificate to be checked, and this system trusts no authority: name sslrootcert",
        ));
    }
    Ok(Some(store))
}

fn client(mode: Mode, roots: Option<RootCertStore>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| refuse(format!("asks for TLS, which cannot be had: {error}")))?;
    let config = match (mode, roots) {
        (Mode::VerifyFull, Some(roots)) => builder.with_root_certificates(roots).with_no_client_auth(),
        (_, roots) => {
            let signed = |roots| {
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()
            };
            let signed = roots.map(signed).transpose();
            let signed =
                signed.map_err(|error| refuse(format!("names authorities that cannot be used: {error}")))?;
            let verifier = Arc::new(AnyName { signed, provider });
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
    };
    Ok(config)
}

/// Does not ask for which name a certificate is, and without authorities not by whom either: what `require` and
/// `verify-ca` mean.
#[derive(Debug)]
struct AnyName {
    signed: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(signed) = &self.signed else { return Ok(ServerCertVerified::assertion()) };
        // The name is looked at last: whatever else is wrong has been found by then.
        match signed.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        match target(&Options::new(url)) {
            Err(Error::Options { what }) => what,
            Err(other) => panic!("{url}: {other}"),
            Ok(_) => panic!("{url} was taken"),
        }
    }

    #[test]
    fn the_driver_gets_the_url_without_what_it_does_not_know() {
        let cases = [
            ("postgres://a@b/c", "postgres://a@b/c", Mode::Plain),
            ("postgres://a@b/c?sslmode=prefer", "postgres://a@b/c", Mode::Plain),
            (
                "postgres://a@b/c?sslmode=require&connect_timeout=3",
                "postgres://a@b/c?connect_timeout=3",
                Mode::Require,
            ),
            ("host=b sslmode=verify-full user=a", "host=b user=a", Mode::VerifyFull),
            ("postgres://a@b/c?x=1&sslmode=verify-ca", "postgres://a@b/c?x=1", Mode::VerifyCa),
        ];
        for (url, kept, mode) in cases {
            assert_eq!(split(url).expect(url), (kept.to_owned(), mode, None), "{url}");
        }
        let (_, _, root) =
            split("postgres://b?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem").expect("sound");
        assert_eq!(root, Some(PathBuf::from("/etc/ca.pem")));
    }

    #[test]
    fn a_promise_that_cannot_be_kept_is_refused() {
        assert!(refused("postgres://b/c?sslmode=verify_full").contains("verify-full"));
        assert!(refused("postgres://%2Frun%2Fpostgresql/c?sslmode=require").contains("socket"));
        assert!(refused("host=/run/postgresql sslmode=verify-ca").contains("socket"));
        assert!(refused("postgres://b/c?sslmode=require&sslcert=%2Fmine.pem").contains("sslcert"));
        assert!(
            refused("postgres://b/c?sslmode=require&sslrootcert=%2Fnowhere.pem").contains("/nowhere.pem")
        );
        for missed in
            ["postgres://u:pa?s@b/c?sslmode=require", "host=b sslmode = require", "host=b\tsslmode=require"]
        {
            assert!(refused(missed).contains("not read here"), "{missed} would go in the open");
        }
        let none = tempfile::NamedTempFile::new().expect("a file");
        let named = format!("host=b sslmode=verify-ca sslrootcert={}", none.path().display());
        assert!(refused(&named).contains("no certificate"));
        for url in ["postgres://u:hunter2@b:port/c", "postgres://u:hunter2@b/c?sslmode=hunt&x"] {
            assert!(!refused(url).contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn only_require_goes_without_authorities() {
        assert!(roots(Mode::Require, None, &[]).expect("require").is_none());
        let system = rustls_native_certs::load_native_certs().certs.is_empty();
        for mode in [Mode::VerifyCa, Mode::VerifyFull] {
            assert_eq!(roots(mode, None, &[]).is_err(), system, "{mode:?}");
        }
    }
}
