//! The order policy as its message.

use waybill_proto::orders::v1 as proto;
use waybill_types::policy::{ChangeKind, ChangeRule, ChangeStage, HoldType, OrderPolicy, Verdict};

pub(crate) fn policy(policy: &OrderPolicy) -> proto::OrderPolicy {
    proto::OrderPolicy {
        rules: policy.rules.iter().map(rule).collect(),
        hold_types: policy.hold_types.iter().map(hold_type).collect(),
        return_window_days: policy.returns.window_days.into(),
        authorize_returns_at_once: policy.returns.authorise_at_once,
        amend_within_ms: policy.amend_within_ms,
        approve_within_ms: policy.approve_within_ms,
        cancel_answer_within_ms: policy.cancel_answer_within_ms,
        bounces_max: policy.bounces_max.into(),
    }
}

pub(crate) fn rule(rule: &ChangeRule) -> proto::ChangeRule {
    proto::ChangeRule {
        channel: rule.channel.as_ref().map(ToString::to_string).unwrap_or_default(),
        kind: rule.kind.map_or(proto::ChangeKind::Unspecified, kind).into(),
        stage: rule.stage.map_or(proto::ChangeStage::Unspecified, stage).into(),
        verdict: verdict(rule.verdict).into(),
        note: rule.note.to_string(),
    }
}

fn hold_type(hold: &HoldType) -> proto::HoldType {
    proto::HoldType {
        hold_type: hold.code.to_string(),
        stops_release: hold.stops_release,
        stops_changes: hold.stops_changes.iter().map(|stopped| kind(*stopped).into()).collect(),
        screen_again: hold.screen_again,
    }
}

pub(crate) fn verdict(verdict: Verdict) -> proto::Verdict {
    match verdict {
        Verdict::Allow => proto::Verdict::Allow,
        Verdict::Refuse => proto::Verdict::Refuse,
        Verdict::NeedsApproval => proto::Verdict::NeedsApproval,
    }
}

pub(crate) fn kind(kind: ChangeKind) -> proto::ChangeKind {
    match kind {
        ChangeKind::IncreaseQuantity => proto::ChangeKind::IncreaseQuantity,
        ChangeKind::ReduceQuantity => proto::ChangeKind::ReduceQuantity,
        ChangeKind::AddLine => proto::ChangeKind::AddLine,
        ChangeKind::ShipTo => proto::ChangeKind::ShipTo,
        ChangeKind::DeliveryMethod => proto::ChangeKind::DeliveryMethod,
        ChangeKind::PickupNode => proto::ChangeKind::PickupNode,
        ChangeKind::RequestedTime => proto::ChangeKind::RequestedTime,
        ChangeKind::Price => proto::ChangeKind::Price,
        ChangeKind::Appeasement => proto::ChangeKind::Appeasement,
        ChangeKind::Notes => proto::ChangeKind::Notes,
        ChangeKind::Substitute => proto::ChangeKind::Substitute,
        ChangeKind::Cancel => proto::ChangeKind::Cancel,
        ChangeKind::DeliveryCharge => proto::ChangeKind::DeliveryCharge,
    }
}

pub(crate) fn stage(stage: ChangeStage) -> proto::ChangeStage {
    match stage {
        ChangeStage::Unreleased => proto::ChangeStage::Unreleased,
        ChangeStage::Released => proto::ChangeStage::Released,
        ChangeStage::Picked => proto::ChangeStage::Picked,
        ChangeStage::Shipped => proto::ChangeStage::Shipped,
        ChangeStage::Delivered => proto::ChangeStage::Delivered,
    }
}
