//! Deciding: looks at the records, answers with events or a refusal, changes nothing.

mod identities;
mod notes;

use crate::command::{Answer, Command};
use crate::event::{Event, What};
use crate::record::Customer;
use crate::refusal::Refusal;
use crate::state::CustomersState;
use std::sync::Arc;
use waybill_machine::{Context, Decision};
use waybill_types::{CustomerId, SubjectKey};

pub(crate) type Decided = Result<Decision<Event, Answer>, Refusal>;

pub(crate) fn decide(state: &CustomersState, command: &Command, cx: &Context<'_>) -> Decided {
    match command {
        Command::Link { customer, identity, subject, expected } => {
            identities::link(state, *customer, identity, *subject, *expected, cx)
        }
        Command::Unlink { customer, key, expected } => identities::unlink(state, *customer, *key, *expected),
        Command::Merge { into, from, into_expected, from_expected } => {
            identities::merge(state, (*into, *into_expected), (*from, *from_expected))
        }
        Command::Split { customer, keys, subject, expected } => {
            identities::split(state, *customer, keys, *subject, *expected)
        }
        Command::SetProfile { customer, profile, expected } => {
            notes::set_profile(state, *customer, profile, *expected)
        }
        Command::RecordContact { customer, contact } => notes::contact(state, *customer, contact, cx),
        Command::RecordFeedback { customer, feedback } => notes::feedback(state, *customer, feedback, cx),
        Command::Erase { customer, orders } => erase(state, *customer, *orders),
        Command::Tick => Ok(notes::tick(state, cx)),
        Command::Heard => Ok(Decision::nothing(Answer::Nothing)),
    }
}

/// The person behind an id, to be changed.
pub(crate) fn living(
    state: &CustomersState,
    id: CustomerId,
    expected: Option<u64>,
) -> Result<(CustomerId, Arc<Customer>), Refusal> {
    let (id, record) = state.person(id).ok_or(Refusal::Unknown(id))?;
    if record.erased {
        return Err(Refusal::Erased(id));
    }
    fresh(id, &record, expected)?;
    Ok((id, record))
}

/// The record itself, to be changed: another name is refused.
pub(crate) fn itself(
    state: &CustomersState,
    id: CustomerId,
    expected: Option<u64>,
) -> Result<Arc<Customer>, Refusal> {
    let record = state.record(id).ok_or(Refusal::Unknown(id))?;
    if let Some(into) = record.merged_into {
        return Err(Refusal::Merged { customer: id, into });
    }
    if record.erased {
        return Err(Refusal::Erased(id));
    }
    fresh(id, &record, expected)?;
    Ok(record)
}

fn fresh(customer: CustomerId, record: &Customer, expected: Option<u64>) -> Result<(), Refusal> {
    match expected.filter(|expected| *expected != record.revision) {
        Some(expected) => Err(Refusal::Stale { customer, expected, current: record.revision }),
        None => Ok(()),
    }
}

/// One event, and the record as it is then.
pub(crate) fn changed(
    customer: CustomerId,
    record: &Customer,
    what: What,
    number: u64,
) -> Decision<Event, Answer> {
    let answer = Answer::Changed { customer, revision: record.revision + 1, number };
    Decision::new(vec![Event { customer, what }], answer)
}

/// Erasing again answers with the keys again, so that an erasure that was cut short can be finished.
fn erase(state: &CustomersState, asked: CustomerId, orders: u64) -> Decided {
    let (customer, record) = state.person(asked).ok_or(Refusal::Unknown(asked))?;
    let subjects: Vec<SubjectKey> = record.keys();
    let events = if record.erased { Vec::new() } else { vec![Event { customer, what: What::Erased }] };
    Ok(Decision::new(events, Answer::Erased { customer, subjects, orders }))
}
