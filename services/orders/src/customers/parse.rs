//! Requests, checked. The text of an identity is never repeated in a violation.

use crate::from_proto::person::{
    by_card, by_customer, by_email, by_phone, by_social, check_card, check_email, check_phone, check_social,
    personal,
};
use crate::from_proto::values::{attributes, id_or_none, ids, list, text};
use waybill_customers::{About, ContactKind, FeedbackKind, IdentityKey, IdentityKind};
use waybill_orders::content::{Lookup, LookupKind};
use waybill_proto::customers::v1 as proto;
use waybill_service_kit::{Fields, Seal};
use waybill_types::{Attributes, Channel, CustomerId, CustomerRef, NodeId, OrderId, Sku, Text};

/// An identity with its value as given.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) key: IdentityKey,
    pub(crate) value: String,
}

pub(crate) fn identity(
    fields: &mut Fields,
    at: &str,
    seal: &Seal,
    given: Option<&proto::IdentityValue>,
) -> Option<Given> {
    let Some(given) = given else {
        fields.wrong(at, "is required");
        return None;
    };
    let (field, value) = (format!("{at}.value"), given.value.as_str());
    if value.is_empty() {
        fields.wrong(&field, "is empty");
    }
    // Whatever kind it is of, no identity is longer or holds such characters.
    personal(fields, &field, value, 254);
    let lookup = match given.kind() {
        proto::IdentityKind::Unspecified => {
            fields.wrong(format!("{at}.kind"), format!("is {}, must be a kind of identity", given.kind));
            return None;
        }
        proto::IdentityKind::CustomerId => by_customer(seal, &fields.check(field, CustomerRef::new(value))?),
        proto::IdentityKind::MemberCard => {
            check_card(fields, field, value);
            by_card(seal, value)
        }
        proto::IdentityKind::SocialId => {
            check_social(fields, field, value);
            by_social(seal, value)
        }
        proto::IdentityKind::Email => {
            check_email(fields, field, value);
            by_email(seal, value)
        }
        proto::IdentityKind::Phone => {
            check_phone(fields, field, value);
            by_phone(seal, value)
        }
    };
    Some(Given { key: key_of(lookup)?, value: value.to_owned() })
}

/// What an identity of orders is here; `None` for the beginning of a name, which identifies nobody.
pub(crate) fn key_of(lookup: Lookup) -> Option<IdentityKey> {
    let kind = match lookup.kind {
        LookupKind::Customer => IdentityKind::CustomerRef,
        LookupKind::MemberCard => IdentityKind::MemberCard,
        LookupKind::SocialId => IdentityKind::SocialId,
        LookupKind::Email => IdentityKind::Email,
        LookupKind::Phone => IdentityKind::Phone,
        LookupKind::NamePrefix => return None,
    };
    Some(IdentityKey { kind, digest: lookup.digest })
}

/// What orders are found by.
pub(crate) fn lookup_of(key: IdentityKey) -> Lookup {
    let kind = match key.kind {
        IdentityKind::CustomerRef => LookupKind::Customer,
        IdentityKind::MemberCard => LookupKind::MemberCard,
        IdentityKind::SocialId => LookupKind::SocialId,
        IdentityKind::Email => LookupKind::Email,
        IdentityKind::Phone => LookupKind::Phone,
    };
    Lookup { kind, digest: key.digest }
}

pub(crate) fn customer(fields: &mut Fields, field: &str, text: &str) -> Option<CustomerId> {
    fields.check(field, text.parse())
}

/// 0 takes whatever revision there is.
pub(crate) fn expected(revision: u64) -> Option<u64> {
    (revision > 0).then_some(revision)
}

/// A profile without its name, which is checked and left to be sealed.
pub(crate) struct Said {
    pub(crate) tier: Text,
    pub(crate) preferences: Attributes,
    pub(crate) consents: Vec<Text>,
}

pub(crate) fn profile(fields: &mut Fields, given: Option<&proto::CustomerProfile>) -> Option<Said> {
    let Some(given) = given else {
        fields.wrong("profile", "is required");
        return None;
    };
    let name = personal(fields, "profile.name", &given.name, 200);
    let tier = text(fields, "profile.tier", &given.tier, 64);
    let preferences = attributes(fields, "profile.preferences", &given.preferences);
    let consents = list(fields, "profile.consents", &given.consents, 32, |fields, at, consent| {
        text(fields, at, consent, 64)
    });
    name?;
    Some(Said { tier: tier?, preferences: preferences?, consents: consents? })
}

/// A contact without its note.
pub(crate) struct InTouch {
    pub(crate) kind: ContactKind,
    pub(crate) node: Option<NodeId>,
    pub(crate) skus: Vec<Sku>,
    pub(crate) order: Option<OrderId>,
    pub(crate) retention_days: u16,
}

pub(crate) fn contact(fields: &mut Fields, given: Option<&proto::Contact>) -> Option<InTouch> {
    let Some(given) = given else {
        fields.wrong("contact", "is required");
        return None;
    };
    let kind = match given.kind() {
        proto::ContactKind::Call => Some(ContactKind::Call),
        proto::ContactKind::Chat => Some(ContactKind::Chat),
        proto::ContactKind::Visit => Some(ContactKind::Visit),
        proto::ContactKind::LookedAt => Some(ContactKind::LookedAt),
        proto::ContactKind::Other => Some(ContactKind::Other),
        proto::ContactKind::Unspecified => {
            fields.wrong("contact.kind", format!("is {}, must be a kind of contact", given.kind));
            None
        }
    };
    let node = id_or_none(fields, "contact.node_id", &given.node_id, |text| NodeId::new(text));
    let skus = ids(fields, "contact.skus", &given.skus, 20, |text| Sku::new(text));
    let order = id_or_none(fields, "contact.order_id", &given.order_id, str::parse);
    let note = personal(fields, "contact.note", &given.note, 2_000);
    let days = match given.retention_days {
        0 => Some(365),
        days @ 1..=3_650 => Some(days as u16),
        days => {
            fields.wrong("contact.retention_days", format!("is {days}, must be 0 to 3650"));
            None
        }
    };
    note?;
    Some(InTouch { kind: kind?, node: node?, skus: skus?, order: order?, retention_days: days? })
}

/// Feedback without its words.
pub(crate) struct Opinion {
    pub(crate) kind: FeedbackKind,
    pub(crate) code: Text,
    pub(crate) rating: u8,
    pub(crate) about: About,
}

pub(crate) fn feedback(fields: &mut Fields, given: Option<&proto::Feedback>) -> Option<Opinion> {
    let Some(given) = given else {
        fields.wrong("feedback", "is required");
        return None;
    };
    let kind = match given.kind() {
        proto::FeedbackKind::Rating => Some(FeedbackKind::Rating),
        proto::FeedbackKind::Complaint => Some(FeedbackKind::Complaint),
        proto::FeedbackKind::Reason => Some(FeedbackKind::Reason),
        proto::FeedbackKind::Praise => Some(FeedbackKind::Praise),
        proto::FeedbackKind::Unspecified => {
            fields.wrong("feedback.kind", format!("is {}, must be a kind of feedback", given.kind));
            None
        }
    };
    let allowed = if given.kind() == proto::FeedbackKind::Rating { 1..=5 } else { 0..=0 };
    if !allowed.contains(&given.rating) {
        let what = format!("is {}, must be 1 to 5 for a rating and 0 otherwise", given.rating);
        fields.wrong("feedback.rating", what);
        return None;
    }
    let code = text(fields, "feedback.code", &given.code, 64);
    let sku = id_or_none(fields, "feedback.sku", &given.sku, |text| Sku::new(text));
    let node = id_or_none(fields, "feedback.node_id", &given.node_id, |text| NodeId::new(text));
    let carrier = text(fields, "feedback.carrier", &given.carrier, 64);
    let channel =
        id_or_none(fields, "feedback.about_channel", &given.about_channel, |text| Channel::new(text));
    let order = id_or_none(fields, "feedback.order_id", &given.order_id, str::parse);
    personal(fields, "feedback.text", &given.text, 2_000)?;
    let about = About { sku: sku?, node: node?, carrier: carrier?, channel: channel?, order: order? };
    Some(Opinion { kind: kind?, code: code?, rating: given.rating as u8, about })
}
