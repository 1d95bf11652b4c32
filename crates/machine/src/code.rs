//! The short, transport-free code of every error and refusal. One function in the service kit maps it to gRPC.

use minicbor::{Decode, Encode};

/// What kind of failure it is, in order of precedence: an earlier one hides a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The request itself is wrong; field violations say where.
    Malformed,
    /// The caller may not do or see this.
    NotAllowed,
    /// The thing named does not exist.
    Unknown,
    /// The same key was used before with other content.
    Conflict,
    /// The revision named is no longer the current one.
    Stale,
    /// The state does not allow it now.
    IllegalNow,
    /// There is not enough of something.
    Short,
    /// A bound is reached; try again later.
    TooMuch,
    /// Starting, stopping or deposed; try again soon. The outcome may be unknown: retry with the same request id.
    Unavailable,
    /// The token asks for history that is no longer kept.
    OutOfRange,
    /// Our own fault.
    Bug,
}

/// One field of a request and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FieldViolation {
    /// Path of the field, such as `lines[2].quantity`.
    #[n(0)]
    pub field: String,
    /// What is and what is allowed, in lower case.
    #[n(1)]
    pub description: String,
}

/// What every refusal and error can say about itself.
pub trait Coded: std::error::Error + Send + Sync + 'static {
    /// The kind of failure.
    fn code(&self) -> Code;
    /// A stable name in upper snake case, listed in docs/errors.
    fn reason(&self) -> &'static str;
    /// The fields at fault, where the request is.
    fn violations(&self) -> Vec<FieldViolation> {
        Vec::new()
    }
    /// Numbers and names a program may need, such as `asked` and `available`. Never personal data.
    fn facts(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
