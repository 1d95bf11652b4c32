//! A customer's record: what it is known by, what was said. Personal data stands in it only sealed or digested.

use minicbor::{Decode, Encode};
use waybill_types::{
    Attributes, Channel, CustomerId, LookupDigest, NodeId, OrderId, Origin, Sealed, Sku, SubjectKey, Text,
    Timestamp,
};

/// Kinds of identity, the strongest first: an order belongs to the customer of its strongest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum IdentityKind {
    /// The caller's own id of the customer.
    #[n(0)]
    CustomerRef = 0,
    /// Member card.
    #[n(1)]
    MemberCard = 1,
    /// Id in a social network.
    #[n(2)]
    SocialId = 2,
    /// E-mail address.
    #[n(3)]
    Email = 3,
    /// Phone number.
    #[n(4)]
    Phone = 4,
}

/// What an identity is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct IdentityKey {
    /// Its kind.
    #[n(0)]
    pub kind: IdentityKind,
    /// Keyed digest of its normalised value.
    #[n(1)]
    pub digest: LookupDigest,
}

/// One identity of a record. It is sealed under a key of its own, so that it can move between records and be erased alone.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Identity {
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
    /// When it was linked.
    #[n(6)]
    pub linked_at: Timestamp,
}

/// What is said about a customer as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Profile {
    /// Name, sealed.
    #[n(0)]
    pub name: Option<Sealed>,
    /// The caller's own code; may be empty.
    #[n(1)]
    pub tier: Text,
    /// The caller's own codes.
    #[n(2)]
    pub preferences: Attributes,
    /// What they have agreed to, the caller's own codes.
    #[n(3)]
    pub consents: Vec<Text>,
}

/// How somebody was in touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ContactKind {
    /// A call.
    #[n(0)]
    Call,
    /// A chat or message.
    #[n(1)]
    Chat,
    /// A visit to a store.
    #[n(2)]
    Visit,
    /// Looked at goods and did not buy them.
    #[n(3)]
    LookedAt,
    /// Anything else.
    #[n(4)]
    Other,
}

impl ContactKind {
    /// True for what is observed rather than asked for: it is kept with consent only.
    #[must_use]
    pub const fn needs_consent(self) -> bool {
        matches!(self, Self::Visit | Self::LookedAt)
    }
}

/// One contact; dropped when its time is over.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Contact {
    /// Never given twice.
    #[n(0)]
    pub number: u64,
    /// Its kind.
    #[n(1)]
    pub kind: ContactKind,
    /// Where.
    #[n(2)]
    pub node: Option<NodeId>,
    /// About what.
    #[n(3)]
    pub skus: Vec<Sku>,
    /// About which order.
    #[n(4)]
    pub order: Option<OrderId>,
    /// What was said, sealed under a key of the record.
    #[n(5)]
    pub note: Option<Sealed>,
    /// The customer agreed that it is kept.
    #[n(6)]
    pub consent: bool,
    /// When.
    #[n(7)]
    pub at: Timestamp,
    /// When it is dropped.
    #[n(8)]
    pub forget_at: Timestamp,
    /// Where it was recorded.
    #[n(9)]
    pub channel: Channel,
}

/// What kind of thing was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum FeedbackKind {
    /// A rating of 1 to 5.
    #[n(0)]
    Rating,
    /// A complaint.
    #[n(1)]
    Complaint,
    /// Why something was done.
    #[n(2)]
    Reason,
    /// Praise.
    #[n(3)]
    Praise,
}

/// What something was said about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct About {
    /// An item.
    #[n(0)]
    pub sku: Option<Sku>,
    /// A node.
    #[n(1)]
    pub node: Option<NodeId>,
    /// A carrier; may be empty.
    #[n(2)]
    pub carrier: Text,
    /// A channel.
    #[n(3)]
    pub channel: Option<Channel>,
    /// An order.
    #[n(4)]
    pub order: Option<OrderId>,
}

/// Something a customer said.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Feedback {
    /// Never given twice.
    #[n(0)]
    pub number: u64,
    /// Its kind.
    #[n(1)]
    pub kind: FeedbackKind,
    /// The caller's own code; may be empty.
    #[n(2)]
    pub code: Text,
    /// 1 to 5 for a rating, otherwise 0.
    #[n(3)]
    pub rating: u8,
    /// About what.
    #[n(4)]
    pub about: About,
    /// Their words, sealed under a key of the record.
    #[n(5)]
    pub text: Option<Sealed>,
    /// When.
    #[n(6)]
    pub at: Timestamp,
}

/// One change of a record, for people to read: no digests, no sealed bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Change {
    /// The record's revision after it.
    #[n(0)]
    pub revision: u64,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// By whom and why.
    #[n(2)]
    pub origin: Origin,
    /// What, such as `merged_from`.
    #[n(3)]
    pub what: Text,
    /// The other record of a merge or a split.
    #[n(4)]
    pub other: Option<CustomerId>,
}

/// A customer's record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Customer {
    /// Counts its events.
    #[n(0)]
    pub revision: u64,
    /// When it was made.
    #[n(1)]
    pub created_at: Timestamp,
    /// Keys that seal its texts: its own first, then those of records merged into it and of identities it had twice.
    #[n(2)]
    pub subjects: Vec<SubjectKey>,
    /// What it is known by, strongest first.
    #[n(3)]
    pub identities: Vec<Identity>,
    /// What is said about it as a whole.
    #[n(4)]
    pub profile: Profile,
    /// Contacts, oldest first.
    #[n(5)]
    pub contacts: Vec<Contact>,
    /// What they said, oldest first.
    #[n(6)]
    pub said: Vec<Feedback>,
    /// The record that this is another name of.
    #[n(7)]
    pub merged_into: Option<CustomerId>,
    /// Its personal data was destroyed.
    #[n(8)]
    pub erased: bool,
}

impl Customer {
    /// A record sealed by `subject`.
    #[must_use]
    pub fn new(subject: SubjectKey, at: Timestamp) -> Self {
        Self {
            revision: 0,
            created_at: at,
            subjects: vec![subject],
            identities: Vec::new(),
            profile: Profile::default(),
            contacts: Vec::new(),
            said: Vec::new(),
            merged_into: None,
            erased: false,
        }
    }
    /// The identity, where the record has it.
    #[must_use]
    pub fn identity(&self, key: IdentityKey) -> Option<&Identity> {
        self.identities.iter().find(|identity| identity.key == key)
    }
    /// True when it is a person of its own: not erased, not another name.
    #[must_use]
    pub const fn lives(&self) -> bool {
        self.merged_into.is_none() && !self.erased
    }
    /// Every key that seals something of it.
    #[must_use]
    pub fn keys(&self) -> Vec<SubjectKey> {
        let own = self.subjects.iter().copied();
        own.chain(self.identities.iter().map(|identity| identity.subject)).collect()
    }
}
