//! The order policy: read, replaced, explained. Partition 0 decides about it and has every version.

use crate::door::Inner;
use crate::error::NoSuchPolicy;
use crate::from_proto::policy as from_proto;
use crate::to_proto::policy as to_proto;
use std::sync::Arc;
use tonic::Status;
use waybill_machine::Content;
use waybill_machine::record::encode;
use waybill_orders::{Answer, Command};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{Caller, Fields, Write, status};
use waybill_types::policy::{OrderPolicy, Verdict};
use waybill_types::{Channel, PartitionId, Service};

/// Decides about the policy.
const HOME: PartitionId = PartitionId::new(Service::Orders, 0);

pub(crate) async fn get(
    door: &Inner,
    message: proto::GetOrderPolicyRequest,
) -> Result<proto::GetOrderPolicyResponse, Status> {
    let mut fields = Fields::new();
    door.after(&mut fields, &message.after);
    fields.finish(Some(()))?;
    let (version, policy) = version(door, message.version).await?;
    Ok(proto::GetOrderPolicyResponse { policy: Some(to_proto::policy(&policy)), version })
}

/// A version of the policy; 0 asks for the one in force.
async fn version(door: &Inner, asked: u64) -> Result<(u64, Arc<OrderPolicy>), Status> {
    let found = door.read(HOME, move |state| match asked {
        0 => Some(state.policy()),
        version => state.policy_version(version).map(|policy| (version, policy)),
    });
    found.await?.ok_or_else(|| status(&NoSuchPolicy(asked)))
}

pub(crate) async fn set(
    door: &Inner,
    caller: Caller,
    message: proto::SetOrderPolicyRequest,
) -> Result<proto::SetOrderPolicyResponse, Status> {
    let mut fields = Fields::new();
    let request = fields.request_id(&message.request_id);
    let reason = fields.reason(&message.reason);
    let policy = match &message.policy {
        Some(given) => from_proto::policy(&mut fields, given),
        None => {
            fields.wrong("policy", "is required");
            None
        }
    };
    let ((request, reason), policy) = fields.finish(request.zip(reason).zip(policy))?;
    caller.must_be_operator("set the order policy")?;
    let content =
        Content::new().with("policy", &encode(&policy)).with("expected_version", &message.expected_version);
    let write = Write { caller, request, reason, target: b"order policy".to_vec(), content };
    let expected_version = message.expected_version;
    let command = Command::SetOrderPolicy { policy: Box::new(policy), expected_version };
    let accepted = door.write(HOME, write, command).await?;
    match accepted.answer {
        Answer::PolicySet { version } => {
            Ok(proto::SetOrderPolicyResponse { version, token: accepted.token.to_string() })
        }
        other => Err(Inner::unexpected("a policy", &other)),
    }
}

pub(crate) async fn explain(
    door: &Inner,
    message: proto::ExplainChangeRequest,
) -> Result<proto::ExplainChangeResponse, Status> {
    let mut fields = Fields::new();
    let channel = fields.check("channel", Channel::new(&message.channel));
    let kind = from_proto::kind(&mut fields, "kind", message.kind);
    let stage = from_proto::stage(&mut fields, "stage", message.stage);
    door.after(&mut fields, &message.after);
    let ((channel, kind), stage) = fields.finish(channel.zip(kind).zip(stage))?;
    let (version, policy) = version(door, message.version).await?;
    let decided = policy.decide(&channel, kind, stage);
    let rule = decided.rule.and_then(|index| policy.rules.get(usize::from(index)));
    debug_assert!(rule.is_some() || decided.verdict == Verdict::Refuse);
    Ok(proto::ExplainChangeResponse {
        verdict: to_proto::verdict(decided.verdict).into(),
        rule_index: decided.rule.map_or(-1, i32::from),
        rule: rule.map(to_proto::rule),
        version,
    })
}
