//! What may be asked, and what is answered.

use crate::record::{About, ContactKind, FeedbackKind, IdentityKey, Profile};
use minicbor::{Decode, Encode};
use waybill_types::{CustomerId, NodeId, OrderId, Sealed, Sku, SubjectKey, Text};

/// An identity to link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIdentity {
    /// What it is compared by.
    pub key: IdentityKey,
    /// The key that seals it.
    pub subject: SubjectKey,
    /// Its value as given.
    pub sealed: Sealed,
    /// Somebody has checked that it is theirs.
    pub verified: bool,
    /// They may be written to or called there.
    pub consent: bool,
    /// Several people have it.
    pub shared: bool,
}

/// A contact to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// Its kind.
    pub kind: ContactKind,
    /// Where.
    pub node: Option<NodeId>,
    /// About what.
    pub skus: Vec<Sku>,
    /// About which order.
    pub order: Option<OrderId>,
    /// What was said, sealed under a key of the record.
    pub note: Option<Sealed>,
    /// The customer agreed that it is kept.
    pub consent: bool,
    /// Days after which it is dropped, 1 to 3,650.
    pub retention_days: u16,
}

/// Something said, to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFeedback {
    /// Its kind.
    pub kind: FeedbackKind,
    /// The caller's own code; may be empty.
    pub code: Text,
    /// 1 to 5 for a rating, otherwise 0.
    pub rating: u8,
    /// About what.
    pub about: About,
    /// Their words, sealed under a key of the record.
    pub text: Option<Sealed>,
}

/// A command. Where a revision is expected, `None` takes whatever the record has. A record that was merged into another
/// stands for that one, except where it is itself merged, split or erased.
#[derive(Clone, Debug)]
pub enum Command {
    /// An identity is theirs.
    Link {
        /// Whose; `None` is the record that has it, or a new one.
        customer: Option<CustomerId>,
        /// What.
        identity: NewIdentity,
        /// Seals the texts of a new record.
        subject: SubjectKey,
        /// The revision decided on.
        expected: Option<u64>,
    },
    /// An identity is not theirs.
    Unlink {
        /// Whose it was.
        customer: CustomerId,
        /// What.
        key: IdentityKey,
        /// The revision decided on.
        expected: Option<u64>,
    },
    /// Two records are one person.
    Merge {
        /// Stays.
        into: CustomerId,
        /// Becomes another name of it.
        from: CustomerId,
        /// The revision of `into` decided on.
        into_expected: Option<u64>,
        /// The revision of `from` decided on.
        from_expected: Option<u64>,
    },
    /// Some identities are another person's.
    Split {
        /// Whom they leave.
        customer: CustomerId,
        /// What leaves; some, not all.
        keys: Vec<IdentityKey>,
        /// Seals the texts of the new record.
        subject: SubjectKey,
        /// The revision decided on.
        expected: Option<u64>,
    },
    /// The profile as it shall be.
    SetProfile {
        /// Whose.
        customer: CustomerId,
        /// All of it.
        profile: Profile,
        /// The revision decided on.
        expected: Option<u64>,
    },
    /// Somebody was in touch.
    RecordContact {
        /// Who.
        customer: CustomerId,
        /// How.
        contact: NewContact,
    },
    /// Somebody said something.
    RecordFeedback {
        /// Who.
        customer: CustomerId,
        /// What.
        feedback: NewFeedback,
    },
    /// Personal data goes.
    Erase {
        /// Whose.
        customer: CustomerId,
        /// Orders that were erased with it, for the answer.
        orders: u64,
    },
    /// It is later now.
    Tick,
    /// A message of another partition. There is none for customers: it has no effect.
    Heard,
}

/// What a caller is told.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// Nothing to tell.
    #[n(0)]
    Nothing,
    /// The record is so now.
    #[n(1)]
    Changed {
        /// Which.
        #[n(0)]
        customer: CustomerId,
        /// Its revision.
        #[n(1)]
        revision: u64,
        /// Number of the contact or feedback; 0 where there is none.
        #[n(2)]
        number: u64,
    },
    /// An identity is gone.
    #[n(2)]
    Unlinked {
        /// From which.
        #[n(0)]
        customer: CustomerId,
        /// Its revision.
        #[n(1)]
        revision: u64,
        /// The key that sealed it, to be destroyed.
        #[n(2)]
        subject: Option<SubjectKey>,
    },
    /// There are two records now.
    #[n(3)]
    Split {
        /// The old one.
        #[n(0)]
        customer: CustomerId,
        /// Its revision.
        #[n(1)]
        revision: u64,
        /// The new one.
        #[n(2)]
        new: CustomerId,
    },
    /// Personal data is gone once these keys are destroyed.
    #[n(4)]
    Erased {
        /// Of which.
        #[n(0)]
        customer: CustomerId,
        /// What sealed it.
        #[n(1)]
        subjects: Vec<SubjectKey>,
        /// Orders that were erased with it.
        #[n(2)]
        orders: u64,
    },
}
