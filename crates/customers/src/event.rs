//! What happened to one record. Journaled for good: the meaning of a variant never changes, fields are added only at the
//! end, and a new meaning is a new variant.

use crate::record::{Contact, Feedback, Identity, IdentityKey, Profile};
use minicbor::{Decode, Encode};
use waybill_types::{CustomerId, SubjectKey};

/// What a merged record brings.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Absorbed {
    /// Keys that seal its texts.
    #[n(0)]
    pub subjects: Vec<SubjectKey>,
    /// What it is known by.
    #[n(1)]
    pub identities: Vec<Identity>,
    /// Its profile; taken where the staying record has none.
    #[n(2)]
    pub profile: Profile,
    /// Its contacts.
    #[n(3)]
    pub contacts: Vec<Contact>,
    /// What they said.
    #[n(4)]
    pub said: Vec<Feedback>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum What {
    /// The record is new.
    #[n(0)]
    Opened {
        /// Seals its texts.
        #[n(0)]
        subject: SubjectKey,
    },
    /// An identity is theirs; one that was theirs has other marks now.
    #[n(1)]
    Linked(#[n(0)] Identity),
    /// An identity is not theirs.
    #[n(2)]
    Unlinked(#[n(0)] IdentityKey),
    /// Another record is this person.
    #[n(3)]
    MergedFrom {
        /// Which.
        #[n(0)]
        from: CustomerId,
        /// What it brings.
        #[n(1)]
        brings: Box<Absorbed>,
    },
    /// This record is another name of that one.
    #[n(4)]
    MergedInto(#[n(0)] CustomerId),
    /// Identities left to a new record.
    #[n(5)]
    SplitOff {
        /// Which.
        #[n(0)]
        to: CustomerId,
        /// What left.
        #[n(1)]
        keys: Vec<IdentityKey>,
    },
    /// Identities came from another record; this one is new.
    #[n(6)]
    SplitFrom {
        /// Which.
        #[n(0)]
        from: CustomerId,
        /// What came.
        #[n(1)]
        identities: Vec<Identity>,
    },
    /// The profile is so.
    #[n(7)]
    ProfileSet(#[n(0)] Profile),
    /// Somebody was in touch.
    #[n(8)]
    ContactRecorded(#[n(0)] Contact),
    /// A contact's time is over.
    #[n(9)]
    ContactForgotten(#[n(0)] u64),
    /// Something was said.
    #[n(10)]
    FeedbackRecorded(#[n(0)] Feedback),
    /// Personal data is gone.
    #[n(11)]
    Erased,
}

/// An event of one record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// Whose.
    #[n(0)]
    pub customer: CustomerId,
    /// What.
    #[n(1)]
    pub what: What,
}

impl What {
    /// The name shown to people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Linked(_) => "linked",
            Self::Unlinked(_) => "unlinked",
            Self::MergedFrom { .. } => "merged_from",
            Self::MergedInto(_) => "merged_into",
            Self::SplitOff { .. } => "split_off",
            Self::SplitFrom { .. } => "split_from",
            Self::ProfileSet(_) => "profile_set",
            Self::ContactRecorded(_) => "contact_recorded",
            Self::ContactForgotten(_) => "contact_forgotten",
            Self::FeedbackRecorded(_) => "feedback_recorded",
            Self::Erased => "erased",
        }
    }
    /// The other record of a merge or a split.
    #[must_use]
    pub const fn other(&self) -> Option<CustomerId> {
        match self {
            Self::MergedFrom { from: other, .. }
            | Self::MergedInto(other)
            | Self::SplitOff { to: other, .. }
            | Self::SplitFrom { from: other, .. } => Some(*other),
            _ => None,
        }
    }
}
