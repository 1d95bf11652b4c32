//! What a caller is told, now and on every retry. Answers name ids and revisions; the door reads the row itself.

use minicbor::{Decode, Encode};
use waybill_types::{Currency, FulfillmentOrderId, Text};

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// To messages and ticks.
    #[n(0)]
    Nothing,
    /// To an upsert: one outcome per row, in the order of the rows.
    #[n(1)]
    Rows {
        /// What became of each row.
        #[n(0)]
        rows: Vec<RowOutcome>,
        /// The network's version with them in it.
        #[n(1)]
        network: u64,
    },
    /// To a new policy.
    #[n(2)]
    PolicySet {
        /// Its version.
        #[n(0)]
        version: u64,
        /// The network's version with it.
        #[n(1)]
        network: u64,
    },
    /// To a report: the fulfilment order's revision afterwards.
    #[n(3)]
    Reported {
        /// Which work.
        #[n(0)]
        id: FulfillmentOrderId,
        /// Its revision now.
        #[n(1)]
        revision: u64,
    },
    /// To an acknowledgement.
    #[n(4)]
    Acknowledged {
        /// The highest number acknowledged.
        #[n(0)]
        through: u64,
        /// The highest number there is.
        #[n(1)]
        last: u64,
    },
}

/// What became of one row of an upsert.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RowOutcome {
    /// It is new, at revision 1.
    #[n(0)]
    Created,
    /// It was changed; this is its revision now.
    #[n(1)]
    Updated(#[n(0)] u64),
    /// It says what was already so at this revision.
    #[n(2)]
    Unchanged(#[n(0)] u64),
    /// It was refused and changed nothing.
    #[n(3)]
    Refused(#[n(0)] RowRefusal),
}

/// Why a row was refused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RowRefusal {
    /// It is wrong by itself.
    #[n(0)]
    Faulty {
        /// Path of the field within the row.
        #[n(0)]
        field: Text,
        /// What is and what is allowed.
        #[n(1)]
        why: Text,
    },
    /// It names a row that does not exist: what is named must be written before what names it.
    #[n(1)]
    UnknownReference {
        /// Path of the field within the row.
        #[n(0)]
        field: Text,
        /// The code that is not known.
        #[n(1)]
        named: Text,
    },
    /// Its amounts are not in the network's currency, which the first amount ever written has fixed.
    #[n(2)]
    ForeignCurrency {
        /// The network's.
        #[n(0)]
        expected: Currency,
        /// The row's.
        #[n(1)]
        found: Currency,
    },
}

impl RowRefusal {
    /// A stable name in upper snake case, listed in docs/errors.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Faulty { .. } => "NETWORK_ROW_FAULTY",
            Self::UnknownReference { .. } => "NETWORK_REFERENCE_UNKNOWN",
            Self::ForeignCurrency { .. } => "NETWORK_CURRENCY_FOREIGN",
        }
    }
    /// Path of the field within the row; empty when no one field is at fault.
    #[must_use]
    pub fn field(&self) -> &str {
        match self {
            Self::Faulty { field, .. } | Self::UnknownReference { field, .. } => field.as_str(),
            Self::ForeignCurrency { .. } => "",
        }
    }
}

impl std::fmt::Display for RowRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Faulty { field, why } => write!(f, "{field} {why}"),
            Self::UnknownReference { field, named } => {
                write!(f, "{field} names {named}, which is not known; write it first")
            }
            Self::ForeignCurrency { expected, found } => {
                write!(
                    f,
                    "an amount is in {}; this network's amounts are in {}",
                    found.as_str(),
                    expected.as_str()
                )
            }
        }
    }
}
