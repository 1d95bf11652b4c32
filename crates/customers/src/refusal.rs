//! Why not.

use crate::record::IdentityKind;
use minicbor::{Decode, Encode};
use waybill_machine::{Code, Coded};
use waybill_types::CustomerId;

/// A refusal. It names records and numbers, never what is personal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Refusal {
    /// No such record.
    #[error("customer {0} does not exist; check the id")]
    #[n(0)]
    Unknown(#[n(0)] CustomerId),
    /// The record does not have it.
    #[error("customer {customer} does not have this identity; read the customer again")]
    #[n(1)]
    NotTheirs {
        /// Which record.
        #[n(0)]
        customer: CustomerId,
        /// What kind of identity.
        #[n(1)]
        kind: IdentityKind,
    },
    /// The revision expected is not the current one.
    #[error("customer {customer} has revision {current}, expected was {expected}; read it and decide anew")]
    #[n(2)]
    Stale {
        /// Which record.
        #[n(0)]
        customer: CustomerId,
        /// Asked.
        #[n(1)]
        expected: u64,
        /// Is.
        #[n(2)]
        current: u64,
    },
    /// Somebody else has the identity.
    #[error(
        "this identity is customer {holder}'s: merge the two, unlink it there, or mark it as shared there first"
    )]
    #[n(3)]
    Taken {
        /// Who has it.
        #[n(0)]
        holder: CustomerId,
    },
    /// Others have the identity, so it must be linked as shared.
    #[error("this identity is shared with customer {holder}: link it as shared, and name the customer")]
    #[n(4)]
    Shared {
        /// One who has it.
        #[n(0)]
        holder: CustomerId,
    },
    /// The record is another name.
    #[error("customer {customer} was merged into {into}; use that one")]
    #[n(5)]
    Merged {
        /// Which record.
        #[n(0)]
        customer: CustomerId,
        /// Of which it is another name.
        #[n(1)]
        into: CustomerId,
    },
    /// The record was erased.
    #[error("the personal data of customer {0} was destroyed; nothing can be said about it any more")]
    #[n(6)]
    Erased(#[n(0)] CustomerId),
    /// A record cannot be merged into itself.
    #[error("customer {0} cannot be merged into itself; name two records")]
    #[n(7)]
    Itself(#[n(0)] CustomerId),
    /// A split that would leave nothing.
    #[error("a split takes some identities of customer {0} and not all; name fewer")]
    #[n(8)]
    AllWouldLeave(#[n(0)] CustomerId),
    /// It is kept with consent only.
    #[error("a visit or goods looked at are kept with the customer's consent only; ask for it first")]
    #[n(9)]
    NoConsent,
    /// Too many identities.
    #[error(
        "customer {customer} would have {count} identities, at most {max} are allowed; unlink some first"
    )]
    #[n(10)]
    TooMany {
        /// Which record.
        #[n(0)]
        customer: CustomerId,
        /// Would be.
        #[n(1)]
        count: usize,
        /// Allowed.
        #[n(2)]
        max: usize,
    },
}

impl Coded for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Unknown(_) => Code::Unknown,
            Self::Stale { .. } => Code::Stale,
            Self::Taken { .. } | Self::Shared { .. } => Code::Conflict,
            Self::NotTheirs { .. }
            | Self::Merged { .. }
            | Self::Erased(_)
            | Self::Itself(_)
            | Self::AllWouldLeave(_)
            | Self::NoConsent
            | Self::TooMany { .. } => Code::IllegalNow,
        }
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "CUSTOMER_UNKNOWN",
            Self::NotTheirs { .. } => "IDENTITY_NOT_THEIRS",
            Self::Stale { .. } => "STALE_REVISION",
            Self::Taken { .. } => "IDENTITY_TAKEN",
            Self::Shared { .. } => "IDENTITY_SHARED",
            Self::Merged { .. } => "CUSTOMER_MERGED",
            Self::Erased(_) => "CUSTOMER_ERASED",
            Self::Itself(_) => "MERGE_WITH_ITSELF",
            Self::AllWouldLeave(_) => "SPLIT_OF_ALL",
            Self::NoConsent => "CONSENT_MISSING",
            Self::TooMany { .. } => "TOO_MANY_IDENTITIES",
        }
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Unknown(customer) | Self::Erased(customer) | Self::AllWouldLeave(customer) => {
                vec![("customer_id", customer.to_string())]
            }
            Self::Itself(customer) | Self::NotTheirs { customer, .. } => {
                vec![("customer_id", customer.to_string())]
            }
            Self::Stale { customer, expected, current } => vec![
                ("customer_id", customer.to_string()),
                ("expected", expected.to_string()),
                ("current", current.to_string()),
            ],
            Self::Taken { holder } | Self::Shared { holder } => vec![("customer_id", holder.to_string())],
            Self::Merged { customer, into } => {
                vec![("customer_id", customer.to_string()), ("merged_into", into.to_string())]
            }
            Self::TooMany { count, max, .. } => {
                vec![("asked", count.to_string()), ("limit", max.to_string())]
            }
            Self::NoConsent => Vec::new(),
        }
    }
}
