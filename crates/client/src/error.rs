//! What can go wrong before a call is made, and on the way of one. Calls themselves fail with [`tonic::Status`], which
//! carries the details.

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

/// A call that a process did not answer: the connection could not be made, or broke. Who sees it as the source of a
/// [`tonic::Status`] knows that no server sent that.
#[derive(Debug, thiserror::Error)]
#[error("{address} did not answer: {}; is the server running, and is this its address?", innermost(source))]
pub struct Fault {
    address: String,
    source: tonic::transport::Error,
}

impl Fault {
    pub(crate) fn new(address: &str, source: tonic::transport::Error) -> Self {
        let address = address.trim_end_matches('/');
        Self { address: if address.is_empty() { "the server" } else { address }.to_owned(), source }
    }
}

/// What broke a call, where no server answered it.
pub(crate) fn broken(status: &tonic::Status) -> Option<String> {
    let source = std::error::Error::source(status)?;
    let mut cause: Option<&dyn std::error::Error> = Some(source);
    while let Some(now) = cause {
        if let Some(fault) = now.downcast_ref::<Fault>() {
            return Some(fault.to_string());
        }
        cause = now.source();
    }
    Some(format!("the connection broke: {}", innermost(source)))
}
