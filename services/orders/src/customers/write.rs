//! What is said about customers: link, unlink, merge, split, profile, contacts, feedback.

use super::parse::{self, Given, expected};
use super::{CustomersDoor, Inner};
use crate::from_proto::person::fingerprint;
use tonic::Status;
use waybill_customers::{Answer, Command, NewContact, NewFeedback, NewIdentity, Profile, Refusal};
use waybill_machine::Content;
use waybill_proto::customers::v1 as proto;
use waybill_replica::Token;
use waybill_service_kit::person::normal_name;
use waybill_service_kit::{Caller, Fields, Write, status};
use waybill_types::{CustomerId, Reason, RequestId, Sealed, SubjectKey};

/// Number of the record's contact or feedback, its revision, a token.
struct Done {
    customer: CustomerId,
    revision: u64,
    number: u64,
    token: Token,
}

fn head(fields: &mut Fields, request_id: &str, reason: &str) -> Option<(RequestId, Reason)> {
    fields.request_id(request_id).zip(fields.reason(reason))
}

impl Inner {
    async fn change(&self, write: Write, command: Command, what: &str) -> Result<Done, Status> {
        let accepted = self.write(write, command).await?;
        match accepted.answer {
            Answer::Changed { customer, revision, number } => {
                Ok(Done { customer, revision, number, token: accepted.token })
            }
            other => Err(Inner::unexpected(what, &other)),
        }
    }

    /// Seals an identity under a key of its own.
    fn sealed(&self, given: &Given) -> Result<(SubjectKey, Sealed), Status> {
        let key = self.orders.seal.new_key()?;
        let sealed = self.orders.seal.seal_text(key, &given.value)?;
        let destroyed = || waybill_service_kit::DoorError::Bug { what: "a new key is destroyed".into() };
        Ok((key, sealed.ok_or_else(destroyed)?))
    }

    /// Seals a text under the record's key; `None` for no text.
    async fn sealed_for(&self, customer: CustomerId, text: &str) -> Result<Option<Sealed>, Status> {
        let (id, record) = self.person(customer).await?;
        if text.is_empty() {
            return Ok(None);
        }
        let erased = || status(&Refusal::Erased(id));
        let key = record.subjects.first().copied().ok_or_else(erased)?;
        self.orders.seal.seal_text(key, text)?.map(Some).ok_or_else(erased)
    }
}

fn about(what: &str, customer: CustomerId) -> Vec<u8> {
    format!("{what} of customer {customer}").into_bytes()
}

pub(crate) async fn link(
    CustomersDoor(door): &CustomersDoor,
    caller: Caller,
    message: proto::LinkIdentityRequest,
) -> Result<proto::LinkIdentityResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let customer = match message.customer_id.as_str() {
        "" => Some(None),
        id => parse::customer(&mut fields, "customer_id", id).map(Some),
    };
    let given = parse::identity(&mut fields, "identity", &door.orders.seal, message.identity.as_ref());
    let (((request, reason), customer), given) = fields.finish(head.zip(customer).zip(given))?;
    let (key, sealed) = door.sealed(&given)?;
    let subject = if customer.is_none() { door.orders.seal.new_key()? } else { key };
    let content = Content::new()
        .with("identity", &given.key)
        .with("verified", &message.verified)
        .with("consent", &message.consent)
        .with("shared", &message.shared)
        .with("expected_revision", &message.expected_revision);
    let identity = NewIdentity {
        key: given.key,
        subject: key,
        sealed,
        verified: message.verified,
        consent: message.consent,
        shared: message.shared,
    };
    let target = customer.map_or_else(|| b"link of an identity".to_vec(), |id| about("link", id));
    let write = Write { caller, request, reason, target, content };
    let command =
        Command::Link { customer, identity, subject, expected: expected(message.expected_revision) };
    let done = door.change(write, command, "a link").await?;
    Ok(proto::LinkIdentityResponse {
        customer_id: done.customer.to_string(),
        revision: done.revision,
        token: done.token.to_string(),
    })
}

pub(crate) async fn unlink(
    CustomersDoor(door): &CustomersDoor,
    caller: Caller,
    message: proto::UnlinkIdentityRequest,
) -> Result<proto::UnlinkIdentityResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let customer = parse::customer(&mut fields, "customer_id", &message.customer_id);
    let given = parse::identity(&mut fields, "identity", &door.orders.seal, message.identity.as_ref());
    let (((request, reason), customer), given) = fields.finish(head.zip(customer).zip(given))?;
    let content =
        Content::new().with("identity", &given.key).with("expected_revision", &message.expected_revision);
    let write = Write { caller, request, reason, target: about("unlink", customer), content };
    let command = Command::Unlink { customer, key: given.key, expected: expected(message.expected_revision) };
    let accepted = door.write(write, command).await?;
    let Answer::Unlinked { customer, revision, subject } = accepted.answer else {
        return Err(Inner::unexpected("an unlink", &accepted.answer));
    };
    // Whoever has the identity next has it under another key.
    door.destroy(subject.into_iter().collect()).await?;
    Ok(proto::UnlinkIdentityResponse {
        customer_id: customer.to_string(),
        revision,
        token: accepted.token.to_string(),
    })
}

pub(crate) async fn merge(
    CustomersDoor(door): &CustomersDoor,
    caller: Caller,
    message: proto::MergeCustomersRequest,
) -> Result<proto::MergeCustomersResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let into = parse::customer(&mut fields, "into_customer_id", &message.into_customer_id);
    let from = parse::customer(&mut fields, "from_customer_id", &message.from_customer_id);
    let (((request, reason), into), from) = fields.finish(head.zip(into).zip(from))?;
    let content = Content::new()
        .with("from_customer_id", &from)
        .with("into_expected_revision", &message.into_expected_revision)
        .with("from_expected_revision", &message.from_expected_revision);
    let write = Write { caller, request, reason, target: about("merge", into), content };
    let command = Command::Merge {
        into,
        from,
        into_expected: expected(message.into_expected_revision),
        from_expected: expected(message.from_expected_revision),
    };
    let done = door.change(write, command, "a merge").await?;
    Ok(proto::MergeCustomersResponse {
        customer_id: done.customer.to_string(),
        revision: done.revision,
        token: done.token.to_string(),
    })
}

pub(crate) async fn split(
    CustomersDoor(door): &CustomersDoor,
    caller: Caller,
    message: proto::SplitCustomerRequest,
) -> Result<proto::SplitCustomerResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let customer = parse::customer(&mut fields, "customer_id", &message.customer_id);
    let seal = &door.orders.seal;
    if message.identities.is_empty() {
        fields.wrong("identities", "are 0, must be 1 to 50");
    }
    let max = waybill_customers::IDENTITIES_MAX;
    let given = crate::from_proto::values::list(
        &mut fields,
        "identities",
        &message.identities,
        max,
        |fields, at, given| parse::identity(fields, &at, seal, Some(given)),
    );
    let (((request, reason), customer), given) = fields.finish(head.zip(customer).zip(given))?;
    let keys: Vec<_> = given.iter().map(|given| given.key).collect();
    let content =
        Content::new().with("identities", &keys).with("expected_revision", &message.expected_revision);
    let write = Write { caller, request, reason, target: about("split", customer), content };
    let subject = seal.new_key()?;
    let command = Command::Split { customer, keys, subject, expected: expected(message.expected_revision) };
    let accepted = door.write(write, command).await?;
    match accepted.answer {
        Answer::Split { customer, revision, new } => Ok(proto::SplitCustomerResponse {
            customer_id: customer.to_string(),
            revision,
            new_customer_id: new.to_string(),
            token: accepted.token.to_string(),
        }),
        other => Err(Inner::unexpected("a split", &other)),
    }
}

pub(crate) async fn set_profile(
    CustomersDoor(door): &CustomersDoor,
    caller: Caller,
    message: proto::SetCustomerProfileRequest,
) -> Result<proto::SetCustomerProfileResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let customer = parse::customer(&mut fields, "customer_id", &message.customer_id);
    let said = parse::profile(&mut fields, message.profile.as_ref());
    let (((request, reason), customer), said) = fields.finish(head.zip(customer).zip(said))?;
    let name = message.profile.as_ref().map(|profile| normal_name(&profile.name)).unwrap_or_default();
    let name = door.sealed_for(customer, &name).await?;
    let profile = Profile { name, tier: said.tier, preferences: said.preferences, consents: said.consents };
    let content = Content::new()
        .with("profile", &fingerprint(&door.orders.seal, "customer profile", message.profile.as_ref()))
        .with("expected_revision", &message.expected_revision);
    let write = Write { caller, request, reason, target: about("profile", customer), content };
    let command = Command::SetProfile { customer, profile, expected: expected(message.expected_revision) };
    let done = door.change(write, command, "a profile").await?;
    Ok(proto::SetCustomerProfileResponse {
        customer_id: done.customer.to_string(),
        revision: done.revision,
        token: done.token.to_string(),
    })
}

pub(crate) async fn contact(
    CustomersDoor(door): &CustomersDoor,
    caller: Caller,
    message: proto::RecordContactRequest,
) -> Result<proto::RecordContactResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let customer = parse::customer(&mut fields, "customer_id", &message.customer_id);
    let parsed = parse::contact(&mut fields, message.contact.as_ref());
    let (((request, reason), customer), parsed) = fields.finish(head.zip(customer).zip(parsed))?;
    let given = message.contact.unwrap_or_default();
    let contact = NewContact {
        kind: parsed.kind,
        node: parsed.node,
        skus: parsed.skus,
        order: parsed.order,
        note: door.sealed_for(customer, &given.note).await?,
        consent: given.consent,
        retention_days: parsed.retention_days,
    };
    let content =
        Content::new().with("contact", &fingerprint(&door.orders.seal, "customer contact", Some(&given)));
    let write = Write { caller, request, reason, target: about("contact", customer), content };
    let done = door.change(write, Command::RecordContact { customer, contact }, "a contact").await?;
    Ok(proto::RecordContactResponse {
        customer_id: done.customer.to_string(),
        revision: done.revision,
        contact_number: done.number,
        token: done.token.to_string(),
    })
}

pub(crate) async fn feedback(
    CustomersDoor(door): &CustomersDoor,
    caller: Caller,
    message: proto::RecordFeedbackRequest,
) -> Result<proto::RecordFeedbackResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let customer = parse::customer(&mut fields, "customer_id", &message.customer_id);
    let parsed = parse::feedback(&mut fields, message.feedback.as_ref());
    let (((request, reason), customer), parsed) = fields.finish(head.zip(customer).zip(parsed))?;
    let given = message.feedback.unwrap_or_default();
    let feedback = NewFeedback {
        kind: parsed.kind,
        code: parsed.code,
        rating: parsed.rating,
        about: parsed.about,
        text: door.sealed_for(customer, &given.text).await?,
    };
    let content =
        Content::new().with("feedback", &fingerprint(&door.orders.seal, "customer feedback", Some(&given)));
    let write = Write { caller, request, reason, target: about("feedback", customer), content };
    let done = door.change(write, Command::RecordFeedback { customer, feedback }, "feedback").await?;
    Ok(proto::RecordFeedbackResponse {
        customer_id: done.customer.to_string(),
        revision: done.revision,
        feedback_number: done.number,
        token: done.token.to_string(),
    })
}
