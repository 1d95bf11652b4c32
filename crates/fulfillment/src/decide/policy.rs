//! Versions of the sourcing policy: a new one, or an earlier one again. A version never changes; what is in force is what
//! this partition's journal says at that place.

use super::Decided;
use super::network::at_home;
use crate::answer::Answer;
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::FulfillmentState;
use waybill_machine::{Decision, FieldViolation};
use waybill_types::network::{Document, Policy};

pub(super) fn set(state: &FulfillmentState, policy: &Policy, expected: Option<u64>) -> Decided {
    let faults = policy.faults().into_iter();
    let violations: Vec<FieldViolation> = faults
        .map(|fault| FieldViolation { field: format!("policy.{}", fault.field), description: fault.why })
        .collect();
    if !violations.is_empty() {
        return Err(Refusal::Malformed(violations));
    }
    at_home(state)?;
    let head = state.network();
    if let Some(expected) = head.currency
        && expected != policy.currency
    {
        return Err(Refusal::ForeignCurrency { expected, found: policy.currency });
    }
    in_force(state, expected)?;
    come_into_force(state, policy, Event::PolicySet(Box::new(policy.clone())))
}

pub(super) fn restore(state: &FulfillmentState, version: u64, expected: Option<u64>) -> Decided {
    at_home(state)?;
    let policy = state.policy_version(version).ok_or(Refusal::UnknownPolicy(version))?;
    in_force(state, expected)?;
    come_into_force(state, &policy, Event::PolicyRestored(version))
}

fn in_force(state: &FulfillmentState, expected: Option<u64>) -> Result<(), Refusal> {
    let current = state.network().policy;
    match expected {
        Some(expected) if expected != current => Err(Refusal::StalePolicy { expected, current }),
        Some(_) | None => Ok(()),
    }
}

/// What is in force already stays so, under its version.
fn come_into_force(state: &FulfillmentState, policy: &Policy, event: Event) -> Decided {
    let head = state.network();
    if state.policy().is_some_and(|now| *now == *policy) {
        return Ok(Decision::nothing(Answer::PolicySet { version: head.policy, network: head.version }));
    }
    let answer = Answer::PolicySet { version: head.policy + 1, network: head.version + 1 };
    Ok(Decision::new(vec![event], answer))
}
