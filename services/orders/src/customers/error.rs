//! What the door says besides what the machine says.

use waybill_machine::{Code, Coded};

/// Why an identity leads to no one person. The identity itself is not repeated: it is personal.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum NotOne {
    #[error("nobody is known by this identity; check it")]
    Nobody,
    #[error(
        "{0} people are known by this identity; find them and ask for one by customer id or a stronger identity"
    )]
    Several(usize),
}

impl Coded for NotOne {
    fn code(&self) -> Code {
        match self {
            Self::Nobody => Code::Unknown,
            Self::Several(_) => Code::IllegalNow,
        }
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::Nobody => "CUSTOMER_UNKNOWN",
            Self::Several(_) => "IDENTITY_OF_SEVERAL",
        }
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Nobody => Vec::new(),
            Self::Several(count) => vec![("count", count.to_string())],
        }
    }
}
