//! What may be asked, and what is answered.

use crate::record::{About, ContactKind, FeedbackKind, IdentityKey, Profile};
use minicbor::{Decode, Encode};
use waybill_types::{CustomerId, NodeId, OrderId, Sealed, Sku, SubjectKey, Text};

/// An identity to link.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NewIdentity {
    /// What it is compared by.
    #[n(0)]
    pub key: IdentityKey,
    /// The key that seals it.
    #[n(1)]
    pub subject: SubjectKey,
    /// Its value as given.
    #[n(2)]
    pub sealed: Sealed,
    /// Somebody has checked that it is theirs.
    #[n(3)]
    pub verified: bool,
    /// They may be written to or called there.
    #[n(4)]
    pub consent: bool,
    /// Several people have it.
    #[n(5)]
    pub shared: bool,
}

/// A contact to record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NewContact {
    /// Its kind.
    #[n(0)]
    pub kind: ContactKind,
    /// Where.
    #[n(1)]
    pub node: Option<NodeId>,
    /// About what.
    #[n(2)]
    pub skus: Vec<Sku>,
    /// About which order.
    #[n(3)]
    pub order: Option<OrderId>,
    /// What was said, sealed under a key of the record.
    #[n(4)]
    pub note: Option<Sealed>,
    /// The customer agreed that it is kept.
    #[n(5)]
    pub consent: bool,
    /// Days after which it is dropped, 1 to 3,650.
    #[n(6)]
    pub retention_days: u16,
}

/// Something said, to record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NewFeedback {
    /// Its kind.
    #[n(0)]
    pub kind: FeedbackKind,
    /// The caller's own code; may be empty.
    #[n(1)]
    pub code: Text,
    /// 1 to 5 for a rating, otherwise 0.
    #[n(2)]
    pub rating: u8,
    /// About what.
    #[n(3)]
    pub about: About,
    /// Their words, sealed under a key of the record.
    #[n(4)]
    pub text: Option<Sealed>,
}

/// A command. Where a revision is expected, `None` takes whatever the record has. A record that was merged into another
/// stands for that one, except where it is itself merged, split or erased.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Command {
    /// An identity is theirs.
    #[n(0)]
    Link {
        /// Whose; `None` is the record that has it, or a new one.
        #[n(0)]
        customer: Option<CustomerId>,
        /// What.
        #[n(1)]
        identity: NewIdentity,
        /// Seals the texts of a new record.
        #[n(2)]
        subject: SubjectKey,
        /// The revision decided on.
        #[n(3)]
        expected: Option<u64>,
    },
    /// An identity is not theirs.
    #[n(1)]
    Unlink {
        /// Whose it was.
        #[n(0)]
        customer: CustomerId,
        /// What.
        #[n(1)]
        key: IdentityKey,
        /// The revision decided on.
        #[n(2)]
        expected: Option<u64>,
    },
    /// Two records are one person.
    #[n(2)]
    Merge {
        /// Stays.
        #[n(0)]
        into: CustomerId,
        /// Becomes another name of it.
        #[n(1)]
        from: CustomerId,
        /// The revision of `into` decided on.
        #[n(2)]
        into_expected: Option<u64>,
        /// The revision of `from` decided on.
        #[n(3)]
        from_expected: Option<u64>,
    },
    /// Some identities are another person's.
    #[n(3)]
    Split {
        /// Whom they leave.
        #[n(0)]
        customer: CustomerId,
        /// What leaves; some, not all.
        #[n(1)]
        keys: Vec<IdentityKey>,
        /// Seals the texts of the new record.
        #[n(2)]
        subject: SubjectKey,
        /// The revision decided on.
        #[n(3)]
        expected: Option<u64>,
    },
    /// The profile as it shall be.
    #[n(4)]
    SetProfile {
        /// Whose.
        #[n(0)]
        customer: CustomerId,
        /// All of it.
        #[n(1)]
        profile: Profile,
        /// The revision decided on.
        #[n(2)]
        expected: Option<u64>,
    },
    /// Somebody was in touch.
    #[n(5)]
    RecordContact {
        /// Who.
        #[n(0)]
        customer: CustomerId,
        /// How.
        #[n(1)]
        contact: NewContact,
    },
    /// Somebody said something.
    #[n(6)]
    RecordFeedback {
        /// Who.
        #[n(0)]
        customer: CustomerId,
        /// What.
        #[n(1)]
        feedback: NewFeedback,
    },
    /// Personal data goes.
    #[n(7)]
    Erase {
        /// Whose.
        #[n(0)]
        customer: CustomerId,
        /// Orders that were erased with it, for the answer.
        #[n(1)]
        orders: u64,
    },
    /// It is later now.
    #[n(8)]
    Tick,
    /// A message of another partition. There is none for customers: it has no effect.
    #[n(9)]
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
