//! Where an engine is: the address of a process, or those of several over one journal, and the certificates used there. It
//! connects to nobody.

use crate::{ClientError, Tls};
use std::time::Duration;
use tonic::transport::Endpoint;

/// The processes of one engine.
#[derive(Clone, Debug)]
pub struct Servers {
    endpoints: Vec<Endpoint>,
}

impl Servers {
    /// Reads one address, or several separated by commas, such as `http://10.0.0.5:7700,http://10.0.0.6:7700`.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`] for what is no address, and for `https://`, which needs certificates.
    pub fn open(addresses: &str) -> Result<Self, ClientError> {
        Self::read(addresses, None)
    }

    /// Reads addresses that all begin with `https://`.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`] for what is no such address, [`ClientError::Tls`] for certificates that cannot be used.
    pub fn secured(addresses: &str, tls: &Tls) -> Result<Self, ClientError> {
        Self::read(addresses, Some(tls))
    }

    fn read(addresses: &str, tls: Option<&Tls>) -> Result<Self, ClientError> {
        let addresses: Vec<&str> = addresses.split(',').map(str::trim).collect();
        let is_one = addresses.len() == 1;
        let endpoints = addresses.into_iter().map(|address| endpoint(address, tls, is_one));
        Ok(Self { endpoints: endpoints.collect::<Result<_, _>>()? })
    }

    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
}

/// Bytes of a stream that may have arrived unread.
const STREAM_WINDOW: u32 = 256 << 10;

/// An address with this client's settings: no delay for small messages, and quick to notice that a server is gone; the
/// quicker where there is another one to turn to.
fn endpoint(address: &str, tls: Option<&Tls>, is_one: bool) -> Result<Endpoint, ClientError> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(address.to_owned())
        .ok()
        .filter(|it| it.uri().host().is_some() && it.uri().scheme_str() == Some(scheme))
        .ok_or_else(|| ClientError::Endpoint { endpoint: address.to_owned(), scheme })?;
    let (connect, idle, dead) = if is_one { (5, 20, 10) } else { (1, 2, 2) };
    let endpoint = endpoint
        .connect_timeout(Duration::from_secs(connect))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(idle))
        .keep_alive_timeout(Duration::from_secs(dead))
        .keep_alive_while_idle(true)
        // Streams that nobody reads must not keep back the answers to calls beside them, for ever where a reader waits for
        // one of those: so the connection takes what 4,096 streams can hold. Neither the protocol's default nor the
        // adaptive window does.
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(4_096 * STREAM_WINDOW);
    match tls {
        Some(tls) => endpoint
            // The endpoint's own limit is for the connection below.
            .tls_config(tls.config().timeout(Duration::from_secs(connect)))
            .map_err(|fault| ClientError::Tls { why: crate::error::innermost(&fault) }),
        None => Ok(endpoint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_one_by_one_and_the_wrong_one_is_named() {
        let servers = Servers::open("http://10.0.0.5:7700, http://[::1]:7701").unwrap();
        assert_eq!(servers.endpoints().len(), 2);
        for (text, wrong) in [
            ("http://a:1,,http://b:1", "\"\""),
            ("http://a:1,b", "\"b\""),
            ("https://a:1", "\"https://a:1\""),
        ] {
            let refused = Servers::open(text).unwrap_err().to_string();
            assert!(refused.starts_with(wrong), "{text}: {refused}");
        }
    }

    #[test]
    fn what_is_meant_to_be_sealed_is_never_sent_in_the_open() {
        let refused = Servers::secured("http://10.0.0.5:7700", &Tls::new("")).unwrap_err();
        assert!(matches!(refused, ClientError::Endpoint { scheme: "https", .. }), "{refused}");
    }
}
