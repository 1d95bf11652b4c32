//! What can go wrong before a call is made. Calls themselves fail with [`tonic::Status`], which carries the details.

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The endpoint is not an address.
    #[error(
        "{endpoint:?} is no endpoint here, give one such as {scheme}://127.0.0.1:7700 (https:// goes with certificates)"
    )]
    Endpoint {
        /// What was given.
        endpoint: String,
        /// How it must begin: `https` with certificates, else `http`.
        scheme: &'static str,
    },
    /// The certificates cannot be used.
    #[error("the certificates cannot be used: {why}")]
    Tls {
        /// What is wrong with them.
        why: String,
    },
    /// Nobody answers there.
    #[error("cannot connect to {endpoint}: {why}; is the server running, and is this its address?")]
    Connect {
        /// What was asked, separated by commas.
        endpoint: String,
        /// What the transport says, of the last one.
        why: String,
    },
    /// Channel, actor or role cannot be sent.
    #[error("{what} is {value:?}, must be 1 to 64 visible ASCII characters")]
    Identity {
        /// Which of the three.
        what: &'static str,
        /// What was given.
        value: String,
    },
}

/// The cause behind all causes, which says most.
pub(crate) fn innermost(fault: &dyn std::error::Error) -> String {
    let mut cause = fault;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
