//! Applying: the record by the fold, and what is kept beside it: who has which identity, timers, changes, numbers.

use crate::CHANGES_MAX;
use crate::event::{Event, What};
use crate::fold::fold;
use crate::record::{Change, Customer, IdentityKey};
use crate::state::{CustomersState, holder};
use std::collections::BTreeSet;
use waybill_machine::Context;
use waybill_types::{CustomerId, Text, Timestamp};

pub(crate) fn apply(state: &mut CustomersState, event: &Event, cx: &Context<'_>) {
    let id = event.customer;
    let before = state.records.get(&id).map(|record| (*record).clone());
    let after = fold(before.clone(), &event.what, cx.at);
    let after = after.unwrap_or_else(|| panic!("an event is about customer {id}, which does not exist"));
    index(state, id, before.as_ref(), &after);
    timers(state, id, before.as_ref(), &after);
    numbers(state, event);
    remember(state, event, after.revision, cx);
    state.records.put(&id, after);
}

fn index(state: &mut CustomersState, id: CustomerId, before: Option<&Customer>, after: &Customer) {
    let keys = |record: &Customer| record.identities.iter().map(|i| i.key).collect::<BTreeSet<IdentityKey>>();
    let (before, after) = (before.map(keys).unwrap_or_default(), keys(after));
    for key in before.difference(&after) {
        state.holders.remove(&holder(*key, id));
    }
    for key in after.difference(&before) {
        state.holders.put(&holder(*key, id), ());
    }
}

fn timers(state: &mut CustomersState, id: CustomerId, before: Option<&Customer>, after: &Customer) {
    let due = |record: &Customer| {
        record.contacts.iter().map(|c| (c.forget_at, c.number)).collect::<BTreeSet<(Timestamp, u64)>>()
    };
    let (before, after) = (before.map(due).unwrap_or_default(), due(after));
    for timer in before.difference(&after) {
        // After a merge the timer is the other record's, whose event came first.
        if state.timers.get(timer).is_some_and(|owner| *owner == id) {
            state.timers.remove(timer);
        }
    }
    for timer in after.difference(&before) {
        state.timers.put(timer, id);
    }
}

fn numbers(state: &mut CustomersState, event: &Event) {
    let note = match &event.what {
        What::ContactRecorded(contact) => contact.number,
        What::FeedbackRecorded(feedback) => feedback.number,
        _ => 0,
    };
    let customer = event.customer.number();
    let known = state.counters.get(&()).map(|counters| (counters.last_customer, counters.last_note));
    if known.is_none_or(|(last_customer, last_note)| customer > last_customer || note > last_note) {
        state.counters.upsert(&(), |counters| {
            counters.last_customer = counters.last_customer.max(customer);
            counters.last_note = counters.last_note.max(note);
        });
    }
}

fn remember(state: &mut CustomersState, event: &Event, revision: u64, cx: &Context<'_>) {
    let change = Change {
        revision,
        at: cx.at,
        origin: cx.origin.clone(),
        what: Text::new(event.what.name()).unwrap_or_default(),
        other: event.what.other(),
    };
    state.changes.put(&(event.customer, revision), change);
    if let Some(oldest) = revision.checked_sub(CHANGES_MAX as u64).filter(|oldest| *oldest > 0) {
        state.changes.remove(&(event.customer, oldest));
    }
}
