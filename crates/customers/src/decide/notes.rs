//! Profile, contacts, feedback: what is said about a person, and when it is dropped.

use super::{Decided, changed, living};
use crate::command::{Answer, NewContact, NewFeedback};
use crate::event::{Event, What};
use crate::record::{Contact, Feedback, Profile};
use crate::refusal::Refusal;
use crate::state::CustomersState;
use waybill_machine::{Context, Decision, ScanOrder};
use waybill_types::CustomerId;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Contacts dropped by one tick; the next follows at once.
const DROPPED_MAX: usize = 256;

pub(crate) fn set_profile(
    state: &CustomersState,
    customer: CustomerId,
    profile: &Profile,
    expected: Option<u64>,
) -> Decided {
    let (customer, record) = living(state, customer, expected)?;
    Ok(changed(customer, &record, What::ProfileSet(profile.clone()), 0))
}

pub(crate) fn contact(
    state: &CustomersState,
    customer: CustomerId,
    new: &NewContact,
    cx: &Context<'_>,
) -> Decided {
    let (customer, record) = living(state, customer, None)?;
    if new.kind.needs_consent() && !new.consent {
        return Err(Refusal::NoConsent);
    }
    let number = state.last_note() + 1;
    let contact = Contact {
        number,
        kind: new.kind,
        node: new.node.clone(),
        skus: new.skus.clone(),
        order: new.order,
        note: new.note.clone(),
        consent: new.consent,
        at: cx.at,
        forget_at: cx.at.plus_ms(i64::from(new.retention_days) * DAY_MS),
        channel: cx.origin.channel.clone(),
    };
    Ok(changed(customer, &record, What::ContactRecorded(contact), number))
}

pub(crate) fn feedback(
    state: &CustomersState,
    customer: CustomerId,
    new: &NewFeedback,
    cx: &Context<'_>,
) -> Decided {
    let (customer, record) = living(state, customer, None)?;
    let number = state.last_note() + 1;
    let feedback = Feedback {
        number,
        kind: new.kind,
        code: new.code.clone(),
        rating: new.rating,
        about: new.about.clone(),
        text: new.text.clone(),
        at: cx.at,
    };
    Ok(changed(customer, &record, What::FeedbackRecorded(feedback), number))
}

/// Drops what is due.
pub(crate) fn tick(state: &CustomersState, cx: &Context<'_>) -> Decision<Event, Answer> {
    let rows = state.timers.scan(&(), None, ScanOrder::Ascending, DROPPED_MAX);
    let due = rows.into_iter().take_while(|((due, _), _)| *due <= cx.at);
    let events = due
        .map(|((_, number), customer)| Event { customer: *customer, what: What::ContactForgotten(number) });
    Decision::new(events.collect(), Answer::Nothing)
}
