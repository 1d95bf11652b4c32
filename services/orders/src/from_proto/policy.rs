//! The order policy from its message. What is wrong with a policy as a whole is the machine's to say.

use super::values::{list, text, whole};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::Fields;
use waybill_types::Channel;
use waybill_types::policy::{
    ChangeKind, ChangeRule, ChangeStage, HoldCode, HoldType, OrderPolicy, ReturnTerms, Verdict,
};

/// Bytes of a rule's note.
const NOTE_BYTES_MAX: usize = 1_000;

/// Checks a policy whose fields stand under `policy.`.
pub(crate) fn policy(fields: &mut Fields, given: &proto::OrderPolicy) -> Option<OrderPolicy> {
    let rules = list(fields, "policy.rules", &given.rules, OrderPolicy::ROWS_MAX, rule);
    let hold_types = list(fields, "policy.hold_types", &given.hold_types, OrderPolicy::ROWS_MAX, hold_type);
    let window = whole(fields, "policy.return_window_days", given.return_window_days.into(), 3_650);
    let amend = whole(fields, "policy.amend_within_ms", given.amend_within_ms, 86_400_000);
    let approve = whole(fields, "policy.approve_within_ms", given.approve_within_ms, 2_592_000_000);
    let answer = whole(fields, "policy.cancel_answer_within_ms", given.cancel_answer_within_ms, 86_400_000);
    let bounces = whole(fields, "policy.bounces_max", given.bounces_max.into(), 100);
    Some(OrderPolicy {
        rules: rules?,
        hold_types: hold_types?,
        returns: ReturnTerms {
            window_days: window? as u16,
            authorise_at_once: given.authorize_returns_at_once,
        },
        amend_within_ms: amend? as i64,
        approve_within_ms: approve? as i64,
        cancel_answer_within_ms: answer? as i64,
        bounces_max: bounces? as u8,
    })
}

fn rule(fields: &mut Fields, at: String, given: &proto::ChangeRule) -> Option<ChangeRule> {
    let channel = match given.channel.as_str() {
        "" => Some(None),
        name => fields.check(format!("{at}.channel"), Channel::new(name)).map(Some),
    };
    let kind = any_kind(fields, format!("{at}.kind"), given.kind);
    let stage = any_stage(fields, format!("{at}.stage"), given.stage);
    let verdict = verdict(fields, format!("{at}.verdict"), given.verdict);
    let note = text(fields, format!("{at}.note"), &given.note, NOTE_BYTES_MAX);
    Some(ChangeRule { channel: channel?, kind: kind?, stage: stage?, verdict: verdict?, note: note? })
}

fn hold_type(fields: &mut Fields, at: String, given: &proto::HoldType) -> Option<HoldType> {
    let code = fields.check(format!("{at}.hold_type"), HoldCode::new(&given.hold_type));
    let field = format!("{at}.stops_changes");
    let stops = list(fields, &field, &given.stops_changes, ChangeKind::ALL.len(), |fields, at, number| {
        kind(fields, at, *number)
    });
    Some(HoldType {
        code: code?,
        stops_release: given.stops_release,
        stops_changes: stops?,
        screen_again: given.screen_again,
    })
}

fn verdict(fields: &mut Fields, field: String, number: i32) -> Option<Verdict> {
    match proto::Verdict::try_from(number) {
        Ok(proto::Verdict::Allow) => Some(Verdict::Allow),
        Ok(proto::Verdict::Refuse) => Some(Verdict::Refuse),
        Ok(proto::Verdict::NeedsApproval) => Some(Verdict::NeedsApproval),
        Ok(proto::Verdict::Unspecified) | Err(_) => {
            fields.wrong(field, format!("is {number}, must be ALLOW, REFUSE or NEEDS_APPROVAL"));
            None
        }
    }
}

/// One kind of change.
pub(crate) fn kind(fields: &mut Fields, field: impl Into<String>, number: i32) -> Option<ChangeKind> {
    let field = field.into();
    match any_kind(fields, field.clone(), number)? {
        Some(kind) => Some(kind),
        None => {
            fields.wrong(field, "is not given, must be a kind of change");
            None
        }
    }
}

/// One stage.
pub(crate) fn stage(fields: &mut Fields, field: impl Into<String>, number: i32) -> Option<ChangeStage> {
    let field = field.into();
    match any_stage(fields, field.clone(), number)? {
        Some(stage) => Some(stage),
        None => {
            fields.wrong(field, "is not given, must be a stage");
            None
        }
    }
}

/// A kind of change; unspecified is any: `Some(None)` then.
fn any_kind(fields: &mut Fields, field: String, number: i32) -> Option<Option<ChangeKind>> {
    use proto::ChangeKind as Given;
    let Ok(given) = Given::try_from(number) else {
        fields.wrong(field, format!("is {number}, must be a kind of change"));
        return None;
    };
    Some(match given {
        Given::Unspecified => None,
        Given::IncreaseQuantity => Some(ChangeKind::IncreaseQuantity),
        Given::ReduceQuantity => Some(ChangeKind::ReduceQuantity),
        Given::AddLine => Some(ChangeKind::AddLine),
        Given::ShipTo => Some(ChangeKind::ShipTo),
        Given::DeliveryMethod => Some(ChangeKind::DeliveryMethod),
        Given::PickupNode => Some(ChangeKind::PickupNode),
        Given::RequestedTime => Some(ChangeKind::RequestedTime),
        Given::Price => Some(ChangeKind::Price),
        Given::Appeasement => Some(ChangeKind::Appeasement),
        Given::Notes => Some(ChangeKind::Notes),
        Given::Substitute => Some(ChangeKind::Substitute),
        Given::Cancel => Some(ChangeKind::Cancel),
        Given::DeliveryCharge => Some(ChangeKind::DeliveryCharge),
    })
}

/// A stage; unspecified is any: `Some(None)` then.
fn any_stage(fields: &mut Fields, field: String, number: i32) -> Option<Option<ChangeStage>> {
    use proto::ChangeStage as Given;
    let Ok(given) = Given::try_from(number) else {
        fields.wrong(field, format!("is {number}, must be a stage"));
        return None;
    };
    Some(match given {
        Given::Unspecified => None,
        Given::Unreleased => Some(ChangeStage::Unreleased),
        Given::Released => Some(ChangeStage::Released),
        Given::Picked => Some(ChangeStage::Picked),
        Given::Shipped => Some(ChangeStage::Shipped),
        Given::Delivered => Some(ChangeStage::Delivered),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_proto;

    #[test]
    fn the_sound_policy_is_the_same_after_it_was_sent() {
        let mut fields = Fields::new();
        let sound = OrderPolicy::sound();
        let sent = to_proto::policy::policy(&sound);
        assert_eq!(policy(&mut fields, &sent), Some(sound));
        assert!(fields.is_fine());
    }

    #[test]
    fn every_wrong_row_of_a_policy_is_named() {
        let mut sent = to_proto::policy::policy(&OrderPolicy::sound());
        sent.rules[1].verdict = 0;
        sent.rules[2].kind = 99;
        sent.hold_types[0].hold_type.clear();
        sent.hold_types[1].stops_changes.push(0);
        sent.bounces_max = 101;
        let mut fields = Fields::new();
        assert_eq!(policy(&mut fields, &sent), None);
        let DoorError::Malformed(found) = fields.finish(Some(())).unwrap_err() else { panic!() };
        let paths: Vec<_> = found.into_iter().map(|violation| violation.field).collect();
        assert_eq!(
            paths,
            [
                "policy.rules[1].verdict",
                "policy.rules[2].kind",
                "policy.hold_types[0].hold_type",
                "policy.hold_types[1].stops_changes[0]",
                "policy.bounces_max"
            ]
        );
    }
    use waybill_service_kit::DoorError;
}
