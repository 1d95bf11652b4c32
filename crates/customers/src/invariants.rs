//! The law of customers, WHO-2: an identity has one owner unless it is shared, another name ends at a record that is none,
//! and nothing personal is left of a record that was erased or merged away.

use crate::record::{Customer, IdentityKey};
use crate::state::{CustomersState, holder, kind_of};
use std::collections::{BTreeMap, BTreeSet};
use waybill_machine::Violation;
use waybill_types::CustomerId;

/// Checks WHO-2.
pub fn audit(state: &CustomersState, checked: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut broken = |what: String| found.push(Violation { law: "WHO-2", what });
    let mut owners: BTreeMap<IdentityKey, Vec<(CustomerId, bool)>> = BTreeMap::new();
    let (mut count, mut timers) = (0, BTreeSet::new());
    state.records.for_each(|id, record| {
        count += 1;
        one(id, record, &mut broken);
        way_ends(state, id, record, &mut broken);
        for identity in &record.identities {
            owners.entry(identity.key).or_default().push((id, identity.shared));
            if !state.holders.contains(&holder(identity.key, id)) {
                broken(format!("{id} is not found by one of its identities"));
            }
        }
        timers.extend(record.contacts.iter().map(|contact| (contact.forget_at, contact.number, id)));
    });
    for several in owners.values().filter(|owners| owners.len() > 1) {
        if several.iter().any(|(_, shared)| !shared) {
            let ids: Vec<String> = several.iter().map(|(id, _)| id.to_string()).collect();
            broken(format!("{} have one identity that is not shared", ids.join(", ")));
        }
    }
    state.holders.for_each(|(kind, digest, id), ()| {
        let key = kind_of(kind).map(|kind| IdentityKey { kind, digest });
        if key.is_none_or(|key| state.record(id).is_none_or(|record| record.identity(key).is_none())) {
            broken(format!("{id} is found by an identity that it does not have"));
        }
    });
    state.timers.for_each(|(due, number), id| {
        if !timers.remove(&(due, number, *id)) {
            broken(format!("a timer is about contact {number} of {id}, which is not there"));
        }
    });
    for (_, number, id) in timers {
        broken(format!("nothing will drop contact {number} of {id}"));
    }
    checked("WHO-2", count);
    found
}

fn one(id: CustomerId, record: &Customer, broken: &mut impl FnMut(String)) {
    let kept = record.identities.len() + record.contacts.len() + record.said.len();
    if !record.lives() && (kept > 0 || record.profile.name.is_some()) {
        broken(format!("{id} was erased or merged and still has {kept} things personal"));
    }
    if record.erased && record.merged_into.is_some() {
        broken(format!("{id} is erased and another name at once"));
    }
}

fn way_ends(state: &CustomersState, id: CustomerId, record: &Customer, broken: &mut impl FnMut(String)) {
    let (mut seen, mut next) = (BTreeSet::from([id]), record.merged_into);
    while let Some(into) = next {
        if !seen.insert(into) {
            return broken(format!("{id} is another name of itself"));
        }
        let Some(record) = state.record(into) else {
            return broken(format!("{id} was merged into {into}, which does not exist"));
        };
        next = record.merged_into;
    }
}
