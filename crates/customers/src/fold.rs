//! A record is the fold of its events: looks at nothing but the record, the event and its time.

use crate::KEPT_MAX;
use crate::event::{Absorbed, What};
use crate::record::{Customer, Identity, Profile};
use waybill_types::Timestamp;

/// The record after `what`. `None` before its first event.
#[must_use]
pub fn fold(record: Option<Customer>, what: &What, at: Timestamp) -> Option<Customer> {
    if let What::Opened { subject } = what {
        let mut opened = Customer::new(*subject, at);
        opened.revision = 1;
        return Some(opened);
    }
    let mut record = record?;
    record.revision += 1;
    match what {
        What::Opened { .. } => {}
        What::Linked(identity) => link(&mut record, identity),
        What::Unlinked(key) => record.identities.retain(|identity| identity.key != *key),
        What::MergedFrom { brings, .. } => absorb(&mut record, brings),
        What::MergedInto(into) => {
            record.merged_into = Some(*into);
            empty(&mut record);
        }
        What::SplitOff { keys, .. } => {
            record.identities.retain(|identity| !keys.contains(&identity.key));
        }
        What::SplitFrom { identities, .. } => {
            identities.iter().for_each(|identity| link(&mut record, identity));
        }
        What::ProfileSet(profile) => record.profile = profile.clone(),
        What::ContactRecorded(contact) => {
            record.contacts.push(contact.clone());
            keep_newest(&mut record.contacts);
        }
        What::ContactForgotten(number) => record.contacts.retain(|contact| contact.number != *number),
        What::FeedbackRecorded(feedback) => {
            record.said.push(feedback.clone());
            keep_newest(&mut record.said);
        }
        What::Erased => {
            record.erased = true;
            // The numbers of the keys stay, so that an erasure that was cut short can be finished.
            record.subjects = record.keys();
            let subjects = std::mem::take(&mut record.subjects);
            empty(&mut record);
            record.subjects = subjects;
        }
    }
    Some(record)
}

fn empty(record: &mut Customer) {
    record.subjects.clear();
    record.identities.clear();
    record.profile = Profile::default();
    record.contacts.clear();
    record.said.clear();
}

fn keep_newest<T>(kept: &mut Vec<T>) {
    let surplus = kept.len().saturating_sub(KEPT_MAX);
    kept.drain(..surplus);
}

fn link(record: &mut Customer, identity: &Identity) {
    match record.identities.iter_mut().find(|known| known.key == identity.key) {
        Some(known) => *known = identity.clone(),
        None => record.identities.push(identity.clone()),
    }
    record.identities.sort_by_key(|identity| identity.key);
}

fn absorb(record: &mut Customer, brings: &Absorbed) {
    record.subjects.extend(&brings.subjects);
    for identity in &brings.identities {
        match record.identities.iter_mut().find(|known| known.key == identity.key) {
            Some(known) => {
                known.verified |= identity.verified;
                known.consent &= identity.consent;
                // Both had it; the other's key seals it too and must go with this record.
                record.subjects.push(identity.subject);
            }
            None => link(record, identity),
        }
    }
    if record.profile == Profile::default() {
        record.profile = brings.profile.clone();
    }
    record.contacts.extend(brings.contacts.iter().cloned());
    record.contacts.sort_by_key(|contact| contact.number);
    keep_newest(&mut record.contacts);
    record.said.extend(brings.said.iter().cloned());
    record.said.sort_by_key(|said| said.number);
    keep_newest(&mut record.said);
}
