//! What can go wrong before a call is made. Calls themselves fail with [`tonic::Status`], which carries the details.

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The endpoint is not an address.
    #[error("{endpoint:?} is no endpoint, give one such as http://127.0.0.1:7700")]
    Endpoint {
        /// What was given.
        endpoint: String,
    },
    /// Nobody answers there.
    #[error("cannot connect to {endpoint}: {why}; is the server running, and is this its address?")]
    Connect {
        /// What was asked.
        endpoint: String,
        /// What the transport says.
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
