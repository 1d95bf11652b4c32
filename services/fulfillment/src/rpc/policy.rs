//! The sourcing policy: read, replaced, checked, listed, rolled back. Partition 0 of fulfilment decides about it and has
//! every version.

use super::list::{Page, page_token};
use super::upsert::settle;
use crate::door::Shared;
use crate::{from_proto, to_proto};
use std::sync::Arc;
use tonic::Status;
use waybill_fulfillment::{Answer, Command, FulfillmentState, PolicyFacts, Refusal};
use waybill_machine::Content;
use waybill_machine::record::encode;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::values::page_size;
use waybill_service_kit::{Caller, DoorError, Fields, Write, status};
use waybill_sourcing::PolicyVersion;
use waybill_types::Currency;
use waybill_types::network::{Document, Policy};

/// A version with how it came into force, and whether it is the one in force.
type Version = (u64, Arc<Policy>, Option<Arc<PolicyFacts>>, bool);

pub(crate) async fn get(
    door: &Shared,
    message: proto::GetSourcingPolicyRequest,
) -> Result<proto::GetSourcingPolicyResponse, Status> {
    let mut fields = Fields::new();
    door.own_token(&mut fields, &message.after);
    fields.finish(Some(()))?;
    let (version, policy, facts, in_force) = version(door, message.version).await?;
    Ok(proto::GetSourcingPolicyResponse {
        policy: Some(to_proto::policy::policy(&policy)),
        version: Some(to_proto::policy::version(version, &policy, facts.as_deref(), in_force)),
    })
}

/// A version of the policy; 0 asks for the one in force, which is the default until one is set.
async fn version(door: &Shared, asked: u64) -> Result<Version, Status> {
    let found = door.read(door.layout.network_home(), move |state| {
        let in_force = state.network().policy;
        let number = if asked == 0 { in_force } else { asked };
        let policy = if number == 0 { Some(default_policy(state)) } else { state.policy_version(number) };
        policy.map(|policy| (number, policy, state.policy_facts(number), number == in_force))
    });
    found.await?.ok_or_else(|| status(&Refusal::UnknownPolicy(asked)))
}

/// What plans are made by before a policy is set.
fn default_policy(state: &FulfillmentState) -> Arc<Policy> {
    let euro = || Currency::new("EUR").unwrap_or_else(|_| unreachable!("a literal within bounds"));
    Arc::new(PolicyVersion::sound(state.network().currency.unwrap_or_else(euro)).policy)
}

pub(crate) async fn set(
    door: &Shared,
    caller: Caller,
    message: proto::SetSourcingPolicyRequest,
) -> Result<proto::SetSourcingPolicyResponse, Status> {
    let mut fields = Fields::new();
    let request = fields.request_id(&message.request_id);
    let reason = fields.reason(&message.reason);
    let policy = policy_of(&mut fields, message.policy.as_ref());
    let ((request, reason), policy) = fields.finish(request.zip(reason).zip(policy))?;
    caller.must_be_operator("set the sourcing policy")?;
    let content =
        Content::new().with("policy", &encode(&policy)).with("expected_version", &message.expected_version);
    let write = Write { caller, request, reason, target: TARGET.to_vec(), content };
    let command = Command::SetPolicy { policy: Box::new(policy), expected: message.expected_version };
    let (version, network_version, token) = submit(door, write, command).await?;
    Ok(proto::SetSourcingPolicyResponse { version, network_version, token })
}

pub(crate) async fn roll_back(
    door: &Shared,
    caller: Caller,
    message: proto::RollBackSourcingPolicyRequest,
) -> Result<proto::RollBackSourcingPolicyResponse, Status> {
    let mut fields = Fields::new();
    let request = fields.request_id(&message.request_id);
    let reason = fields.reason(&message.reason);
    if message.version == 0 {
        fields.wrong("version", "is 0, must name an earlier version, from 1");
    }
    let (request, reason) = fields.finish(request.zip(reason))?;
    caller.must_be_operator("roll the sourcing policy back")?;
    let (version, expected) = (message.version, message.expected_version);
    let content = Content::new().with("version", &version).with("expected_version", &expected);
    let write = Write { caller, request, reason, target: TARGET.to_vec(), content };
    let command = Command::RestorePolicy { version, expected };
    let (version, network_version, token) = submit(door, write, command).await?;
    Ok(proto::RollBackSourcingPolicyResponse { version, network_version, token })
}

/// What request ids of changes to the policy are compared within.
const TARGET: &[u8] = b"sourcing policy";

/// The version in force and the network's afterwards; plans of this process are made by it when this answers.
async fn submit(door: &Shared, write: Write, command: Command) -> Result<(u64, u64, String), Status> {
    let accepted = door.submit(door.layout.network_home(), write, command).await?;
    let Answer::PolicySet { version, network } = accepted.answer else {
        return Err(DoorError::Bug { what: "a policy was answered with something else".into() }.into());
    };
    settle(door, network, &[]).await;
    Ok((version, network, accepted.token.to_string()))
}

pub(crate) fn policy_of(fields: &mut Fields, given: Option<&proto::SourcingPolicy>) -> Option<Policy> {
    let Some(given) = given else {
        fields.wrong("policy", "is required");
        return None;
    };
    let policy = from_proto::policy::policy(fields, given)?;
    for fault in policy.faults() {
        fields.wrong(format!("policy.{}", fault.field), fault.why);
    }
    Some(policy)
}

pub(crate) async fn check(
    door: &Shared,
    message: proto::CheckSourcingPolicyRequest,
) -> Result<proto::CheckSourcingPolicyResponse, Status> {
    let mut fields = Fields::new();
    let policy = policy_of(&mut fields, message.policy.as_ref());
    door.own_token(&mut fields, &message.after);
    let policy = fields.finish(policy)?;
    let checked = door.read(door.layout.network_home(), move |state| {
        let currency = state.network().currency.filter(|expected| *expected != policy.currency);
        let in_force = state.policy().is_some_and(|now| *now == policy);
        (currency.map(|expected| (expected, policy.currency)), unknown_names(state, &policy), in_force)
    });
    let (foreign, unknown_names, in_force) = checked.await?;
    if let Some((expected, found)) = foreign {
        return Err(status(&Refusal::ForeignCurrency { expected, found }));
    }
    Ok(proto::CheckSourcingPolicyResponse { unknown_names, in_force })
}

/// A name that nobody bears yet may be a plan for tomorrow, and is more often a slip.
fn unknown_names(state: &FulfillmentState, policy: &Policy) -> Vec<String> {
    let Some(rules) = &policy.rules else { return Vec::new() };
    let serves = rules.serves.iter().map(|rule| ("serve_rules", &rule.when, Some(&rule.nodes)));
    let buffers = rules.buffers.iter().map(|buffer| ("buffers", &buffer.when, Some(&buffer.nodes)));
    let preferences = rules.preferences.iter().map(|preference| ("preferences", &preference.when, None));
    let splits = rules.splits.iter().map(|limit| ("split_limits", &limit.when, None));
    let terms = rules.terms.as_deref();
    let prices = terms.iter().flat_map(|terms| &terms.prices);
    let prices = prices.map(|price| ("unit_prices", &price.when, Some(&price.nodes)));
    let complete = terms.iter().flat_map(|terms| &terms.complete);
    let complete = complete.map(|rule| ("complete_rules", &rule.when, None));
    let together = terms.iter().flat_map(|terms| &terms.together);
    let together = together.map(|rule| ("together_rules", &rule.when, None));
    let mut unknown = Vec::new();
    let sorts = [
        serves.collect::<Vec<_>>(),
        buffers.collect(),
        preferences.collect(),
        splits.collect(),
        prices.collect(),
        complete.collect(),
        together.collect(),
    ];
    for (index, (sort, when, nodes)) in sorts.iter().flat_map(|sort| sort.iter().enumerate()) {
        let at = format!("{sort}[{index}]");
        for (place, zone) in when.zones.iter().enumerate().filter(|(_, zone)| !state.has_zone(zone)) {
            unknown.push(format!("{at}.when.zone_ids[{place}]: {zone}"));
        }
        let named = nodes.iter().flat_map(|nodes| nodes.nodes.iter().enumerate());
        for (place, node) in named.filter(|(_, node)| state.node(node).is_none()) {
            unknown.push(format!("{at}.nodes.node_ids[{place}]: {node}"));
        }
    }
    unknown
}

pub(crate) async fn list(
    door: &Shared,
    message: proto::ListSourcingPoliciesRequest,
) -> Result<proto::ListSourcingPoliciesResponse, Status> {
    let mut fields = Fields::new();
    let size = page_size(&mut fields, message.page_size, 100, 1_000);
    door.own_token(&mut fields, &message.after);
    let size = fields.finish(size)?;
    let begin = page_token::<u64>(KIND, &message.page_token)?;
    let page = door.read(door.layout.network_home(), move |state| {
        let in_force = state.network().policy;
        let place = |version: &Version| Some(version.0);
        let read = |before: &Option<u64>, limit: usize| {
            let newest = before.map_or(in_force, |before| before.saturating_sub(1).min(in_force));
            let found = (1..=newest).rev().take(limit).filter_map(|number| {
                let policy = state.policy_version(number)?;
                Some((number, policy, state.policy_facts(number), number == in_force))
            });
            found.collect()
        };
        Page::gather(size, size, begin, place, read, |_| true)
    });
    let page = page.await?;
    let next_page_token = page.next_token(KIND, |version| version.0);
    let said = |(number, policy, facts, in_force): &Version| {
        to_proto::policy::version(*number, policy, facts.as_deref(), *in_force)
    };
    Ok(proto::ListSourcingPoliciesResponse {
        versions: page.rows.iter().map(said).collect(),
        next_page_token,
    })
}

const KIND: &str = "sourcing policies";
