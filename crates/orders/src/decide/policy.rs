//! The order policy: decided in partition 0, which tells every other partition.

use crate::answer::Answer;
use crate::event::{Event, What};
use crate::refusal::{ChangeRefusal, Refusal};
use crate::state::OrdersState;
use waybill_machine::{Context, Decision, FieldViolation};
use waybill_types::OrderId;
use waybill_types::policy::OrderPolicy;

/// Decides a new version of the policy. The same policy again changes nothing.
pub(crate) fn set(
    state: &OrdersState,
    policy: &OrderPolicy,
    expected: Option<u64>,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let faults = policy.faults();
    if !faults.is_empty() {
        let violation = |fault: waybill_types::Invalid| FieldViolation {
            field: format!("policy.{}", fault.what),
            description: fault.why,
        };
        return Err(Refusal::Malformed(faults.into_iter().map(violation).collect()));
    }
    let (current, in_force) = state.policy();
    if let Some(expected) = expected.filter(|expected| *expected != current) {
        return Err(ChangeRefusal::StalePolicy { expected, current }.into());
    }
    if *in_force == *policy && current > 0 {
        return Ok(Decision::nothing(Answer::PolicySet { version: current }));
    }
    let version = current + 1;
    Ok(Decision::new(vec![event(version, policy, cx)], Answer::PolicySet { version }))
}

/// Partition 0 said this. An older version than the one in force has no effect.
pub(crate) fn heard(state: &OrdersState, version: u64, policy: &OrderPolicy, cx: &Context<'_>) -> Vec<Event> {
    if version <= state.policy().0 { Vec::new() } else { vec![event(version, policy, cx)] }
}

fn event(version: u64, policy: &OrderPolicy, cx: &Context<'_>) -> Event {
    let what = What::OrderPolicySet { version, policy: Box::new(policy.clone()) };
    Event { order: OrderId::new(cx.partition.index, 0), what }
}
