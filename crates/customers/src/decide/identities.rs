//! Link, unlink, merge, split: whose an identity is.

use super::{Decided, changed, itself, living};
use crate::IDENTITIES_MAX;
use crate::command::{Answer, NewIdentity};
use crate::event::{Absorbed, Event, What};
use crate::record::{Customer, Identity, IdentityKey};
use crate::refusal::Refusal;
use crate::state::CustomersState;
use std::collections::BTreeSet;
use waybill_machine::{Context, Decision};
use waybill_types::{CustomerId, SubjectKey};

pub(crate) fn link(
    state: &CustomersState,
    customer: Option<CustomerId>,
    new: &NewIdentity,
    subject: SubjectKey,
    expected: Option<u64>,
    cx: &Context<'_>,
) -> Decided {
    let holdings = state.holdings(new.key);
    let customer = match (customer, holdings.as_slice()) {
        (Some(customer), _) => customer,
        (None, []) => return Ok(open(state, new, subject, cx)),
        (None, [(only, _)]) => *only,
        (None, [(holder, _), ..]) => return Err(Refusal::Shared { holder: *holder }),
    };
    let (customer, record) = living(state, customer, expected)?;
    if let Some((holder, identity)) = holdings.iter().find(|(holder, _)| *holder != customer) {
        match (identity.shared, new.shared) {
            (true, true) => {}
            (true, false) => return Err(Refusal::Shared { holder: *holder }),
            (false, _) => return Err(Refusal::Taken { holder: *holder }),
        }
    }
    let known = record.identity(new.key);
    if known.is_none() {
        room(customer, record.identities.len() + 1)?;
    }
    let linked = match known {
        // The value and its key stay; the marks are as said now.
        Some(known) => {
            Identity { verified: new.verified, consent: new.consent, shared: new.shared, ..known.clone() }
        }
        None => identity(new, cx),
    };
    if known == Some(&linked) {
        let answer = Answer::Changed { customer, revision: record.revision, number: 0 };
        return Ok(Decision::nothing(answer));
    }
    Ok(changed(customer, &record, What::Linked(linked), 0))
}

fn open(
    state: &CustomersState,
    new: &NewIdentity,
    subject: SubjectKey,
    cx: &Context<'_>,
) -> Decision<Event, Answer> {
    let customer = CustomerId::new(state.count() + 1);
    let opened = Event { customer, what: What::Opened { subject } };
    let linked = Event { customer, what: What::Linked(identity(new, cx)) };
    Decision::new(vec![opened, linked], Answer::Changed { customer, revision: 2, number: 0 })
}

fn identity(new: &NewIdentity, cx: &Context<'_>) -> Identity {
    Identity {
        key: new.key,
        subject: new.subject,
        sealed: new.sealed.clone(),
        verified: new.verified,
        consent: new.consent,
        shared: new.shared,
        linked_at: cx.at,
    }
}

fn room(customer: CustomerId, count: usize) -> Result<(), Refusal> {
    if count > IDENTITIES_MAX {
        return Err(Refusal::TooMany { customer, count, max: IDENTITIES_MAX });
    }
    Ok(())
}

pub(crate) fn unlink(
    state: &CustomersState,
    customer: CustomerId,
    key: IdentityKey,
    expected: Option<u64>,
) -> Decided {
    let (customer, record) = living(state, customer, expected)?;
    let known = record.identity(key).ok_or(Refusal::NotTheirs { customer, kind: key.kind })?;
    let answer = Answer::Unlinked { customer, revision: record.revision + 1, subject: Some(known.subject) };
    Ok(Decision::new(vec![Event { customer, what: What::Unlinked(key) }], answer))
}

pub(crate) fn merge(
    state: &CustomersState,
    (into, into_expected): (CustomerId, Option<u64>),
    (from, from_expected): (CustomerId, Option<u64>),
) -> Decided {
    if into == from {
        return Err(Refusal::Itself(into));
    }
    // Merging again what was merged so is no change, whichever caller was first.
    if let (Some((person, record)), Some(merged)) = (state.person(into), state.record(from))
        && merged.merged_into == Some(into)
        && person == into
        && record.lives()
    {
        let answer = Answer::Changed { customer: into, revision: record.revision, number: 0 };
        return Ok(Decision::nothing(answer));
    }
    let stays = itself(state, into, into_expected)?;
    let goes = itself(state, from, from_expected)?;
    let keys: BTreeSet<IdentityKey> =
        stays.identities.iter().chain(&goes.identities).map(|identity| identity.key).collect();
    room(into, keys.len())?;
    let brings = Absorbed {
        subjects: goes.subjects.clone(),
        identities: goes.identities.clone(),
        profile: goes.profile.clone(),
        contacts: goes.contacts.clone(),
        said: goes.said.clone(),
    };
    let absorbed = What::MergedFrom { from, brings: Box::new(brings) };
    let events = vec![
        Event { customer: into, what: absorbed },
        Event { customer: from, what: What::MergedInto(into) },
    ];
    Ok(Decision::new(events, Answer::Changed { customer: into, revision: stays.revision + 1, number: 0 }))
}

pub(crate) fn split(
    state: &CustomersState,
    customer: CustomerId,
    keys: &[IdentityKey],
    subject: SubjectKey,
    expected: Option<u64>,
) -> Decided {
    let record = itself(state, customer, expected)?;
    let leaving = leaving(customer, &record, keys)?;
    let new = CustomerId::new(state.count() + 1);
    let keys = leaving.iter().map(|identity| identity.key).collect();
    // They leave before they arrive: at no event has an identity two owners.
    let events = vec![
        Event { customer, what: What::SplitOff { to: new, keys } },
        Event { customer: new, what: What::Opened { subject } },
        Event { customer: new, what: What::SplitFrom { from: customer, identities: leaving } },
    ];
    Ok(Decision::new(events, Answer::Split { customer, revision: record.revision + 1, new }))
}

fn leaving(customer: CustomerId, record: &Customer, keys: &[IdentityKey]) -> Result<Vec<Identity>, Refusal> {
    let keys: BTreeSet<IdentityKey> = keys.iter().copied().collect();
    if let Some(strange) = keys.iter().find(|key| record.identity(**key).is_none()) {
        return Err(Refusal::NotTheirs { customer, kind: strange.kind });
    }
    if keys.is_empty() || keys.len() == record.identities.len() {
        return Err(Refusal::AllWouldLeave(customer));
    }
    Ok(record.identities.iter().filter(|identity| keys.contains(&identity.key)).cloned().collect())
}
