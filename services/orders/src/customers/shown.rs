//! Records as callers may see them: what is personal only for roles that may, and only where it was not erased.

use super::whose::Who;
use tonic::Status;
use waybill_customers as machine;
use waybill_customers::{ContactKind, FeedbackKind, IdentityKey, IdentityKind};
use waybill_proto::customers::v1 as proto;
use waybill_service_kit::shown::{attributes, time};
use waybill_service_kit::{OpenedPerson, Person, Seal};
use waybill_types::{CustomerRef, Sealed};

/// What one caller may see.
#[derive(Clone, Copy)]
pub(crate) struct Eyes<'a> {
    pub(crate) seal: &'a Seal,
    /// Personal data may be seen.
    pub(crate) may_see: bool,
}

impl Eyes<'_> {
    fn text(&self, sealed: Option<&Sealed>) -> Result<String, Status> {
        match sealed.filter(|_| self.may_see) {
            Some(sealed) => Ok(self.seal.open_text(sealed)?.unwrap_or_default()),
            None => Ok(String::new()),
        }
    }

    pub(crate) fn customer(&self, who: &Who) -> Result<proto::Customer, Status> {
        match who {
            Who::Recorded(id, record) => {
                let identities = record.identities.iter().map(|identity| self.identity(identity));
                Ok(proto::Customer {
                    customer_id: id.to_string(),
                    revision: record.revision,
                    identities: identities.collect::<Result<_, Status>>()?,
                    profile: Some(proto::CustomerProfile {
                        name: self.text(record.profile.name.as_ref())?,
                        tier: record.profile.tier.to_string(),
                        preferences: attributes(&record.profile.preferences),
                        consents: record.profile.consents.iter().map(ToString::to_string).collect(),
                    }),
                    erased: record.erased,
                    create_time: Some(time(record.created_at)),
                })
            }
            Who::Implicit(key, newest) => {
                let content = newest.order.content(&newest.opening);
                let person = match content.recipient.as_ref().filter(|_| self.may_see) {
                    Some(sealed) => match self.seal.open(sealed)? {
                        OpenedPerson::Known(person) => Some(person),
                        OpenedPerson::Erased => None,
                    },
                    None => None,
                };
                Ok(self.implicit(*key, person.as_deref(), content.customer.as_ref()))
            }
        }
    }

    /// Somebody without a record is shown as their newest order knows them.
    fn implicit(
        &self,
        key: IdentityKey,
        person: Option<&Person>,
        customer: Option<&CustomerRef>,
    ) -> proto::Customer {
        let of = |text: fn(&Person) -> &String| person.map(text).cloned().unwrap_or_default();
        let customer = customer.filter(|_| self.may_see).map(ToString::to_string).unwrap_or_default();
        let values = [
            (IdentityKind::CustomerRef, customer),
            (IdentityKind::MemberCard, of(|person| &person.member_card)),
            (IdentityKind::SocialId, of(|person| &person.social_id)),
            (IdentityKind::Email, of(|person| &person.email)),
            (IdentityKind::Phone, of(|person| &person.phone)),
        ];
        let shown = values.into_iter().filter(|(of, value)| *of == key.kind || !value.is_empty());
        proto::Customer {
            identities: shown
                .map(|(kind, value)| proto::Identity {
                    kind: identity_kind(kind).into(),
                    value,
                    ..proto::Identity::default()
                })
                .collect(),
            profile: Some(proto::CustomerProfile {
                name: of(|person| &person.name),
                ..proto::CustomerProfile::default()
            }),
            ..proto::Customer::default()
        }
    }

    fn identity(&self, identity: &machine::Identity) -> Result<proto::Identity, Status> {
        Ok(proto::Identity {
            kind: identity_kind(identity.key.kind).into(),
            value: self.text(Some(&identity.sealed))?,
            verified: identity.verified,
            consent: identity.consent,
            shared: identity.shared,
            link_time: Some(time(identity.linked_at)),
        })
    }

    pub(crate) fn contact(&self, contact: &machine::Contact) -> Result<proto::Contact, Status> {
        let kind = match contact.kind {
            ContactKind::Call => proto::ContactKind::Call,
            ContactKind::Chat => proto::ContactKind::Chat,
            ContactKind::Visit => proto::ContactKind::Visit,
            ContactKind::LookedAt => proto::ContactKind::LookedAt,
            ContactKind::Other => proto::ContactKind::Other,
        };
        let days = (contact.forget_at.as_ms() - contact.at.as_ms()) / 86_400_000;
        Ok(proto::Contact {
            contact_number: contact.number,
            kind: kind.into(),
            node_id: contact.node.as_ref().map(ToString::to_string).unwrap_or_default(),
            skus: contact.skus.iter().map(ToString::to_string).collect(),
            order_id: contact.order.map(|order| order.to_string()).unwrap_or_default(),
            note: self.text(contact.note.as_ref())?,
            consent: contact.consent,
            retention_days: days as u32,
            contact_time: Some(time(contact.at)),
            forget_time: Some(time(contact.forget_at)),
            channel: contact.channel.to_string(),
        })
    }

    pub(crate) fn feedback(&self, said: &machine::Feedback) -> Result<proto::Feedback, Status> {
        let kind = match said.kind {
            FeedbackKind::Rating => proto::FeedbackKind::Rating,
            FeedbackKind::Complaint => proto::FeedbackKind::Complaint,
            FeedbackKind::Reason => proto::FeedbackKind::Reason,
            FeedbackKind::Praise => proto::FeedbackKind::Praise,
        };
        let about = &said.about;
        Ok(proto::Feedback {
            feedback_number: said.number,
            kind: kind.into(),
            code: said.code.to_string(),
            rating: said.rating.into(),
            sku: about.sku.as_ref().map(ToString::to_string).unwrap_or_default(),
            node_id: about.node.as_ref().map(ToString::to_string).unwrap_or_default(),
            carrier: about.carrier.to_string(),
            about_channel: about.channel.as_ref().map(ToString::to_string).unwrap_or_default(),
            order_id: about.order.map(|order| order.to_string()).unwrap_or_default(),
            text: self.text(said.text.as_ref())?,
            feedback_time: Some(time(said.at)),
        })
    }
}

pub(crate) fn change(change: &machine::Change) -> proto::CustomerChange {
    proto::CustomerChange {
        revision: change.revision,
        change_time: Some(time(change.at)),
        channel: change.origin.channel.to_string(),
        actor: change.origin.actor.to_string(),
        reason: change.origin.reason.to_string(),
        what: change.what.to_string(),
        other_customer_id: change.other.map(|other| other.to_string()).unwrap_or_default(),
    }
}

fn identity_kind(kind: IdentityKind) -> proto::IdentityKind {
    match kind {
        IdentityKind::CustomerRef => proto::IdentityKind::CustomerId,
        IdentityKind::MemberCard => proto::IdentityKind::MemberCard,
        IdentityKind::SocialId => proto::IdentityKind::SocialId,
        IdentityKind::Email => proto::IdentityKind::Email,
        IdentityKind::Phone => proto::IdentityKind::Phone,
    }
}
