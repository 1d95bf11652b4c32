//! Amendments and holds of an order as their messages.

use super::policy::kind;
use super::time;
use waybill_orders::order::{Amendment, AmendmentRefused, AmendmentState, AmendmentWait, OrderHold};
use waybill_proto::orders::v1 as proto;
use waybill_types::exchange::LineUnits;

pub(crate) fn amendment(amendment: &Amendment) -> proto::Amendment {
    let pending = amendment.pending();
    let (state, refused) = match &amendment.state {
        AmendmentState::Pending(_) => (proto::AmendmentState::Pending, None),
        AmendmentState::Applied => (proto::AmendmentState::Applied, None),
        AmendmentState::Refused(why) => (proto::AmendmentState::Refused, Some(why)),
    };
    let concerned = match refused {
        Some(AmendmentRefused::AlreadyPicked(given) | AmendmentRefused::Unserved(given, _)) => {
            given.as_slice()
        }
        Some(AmendmentRefused::NotApproved | AmendmentRefused::TooLate | AmendmentRefused::Overtaken)
        | None => &[],
    };
    let waits = pending.map_or(proto::AmendmentWait::Unspecified, |pending| wait(&pending.waits));
    proto::Amendment {
        amendment: amendment.number,
        state: state.into(),
        kinds: amendment.kinds.iter().map(|of| kind(*of).into()).collect(),
        request_time: Some(time(amendment.asked_at)),
        deadline_time: pending.map(|pending| time(pending.deadline)),
        waits_for: waits.into(),
        refusal: refused.map(|why| why.name().to_owned()).unwrap_or_default(),
        refused_units: units(concerned),
    }
}

const fn wait(wait: &AmendmentWait) -> proto::AmendmentWait {
    match wait {
        AmendmentWait::Approval => proto::AmendmentWait::Approval,
        AmendmentWait::Recalls => proto::AmendmentWait::Recall,
        AmendmentWait::Plan { .. } | AmendmentWait::Retry { .. } => proto::AmendmentWait::Plan,
        AmendmentWait::Stock { .. } => proto::AmendmentWait::Stock,
    }
}

pub(crate) fn units(units: &[LineUnits]) -> Vec<proto::LineUnits> {
    let one = |some: &LineUnits| proto::LineUnits {
        line_number: some.line.0.into(),
        quantity: some.quantity.as_i64(),
    };
    units.iter().map(one).collect()
}

pub(crate) fn hold(hold: &OrderHold) -> proto::OrderHold {
    proto::OrderHold {
        hold: hold.number.into(),
        hold_type: hold.code().to_string(),
        line_number: hold.line.map_or(0, |line| line.0.into()),
        note: hold.note.to_string(),
        place_time: Some(time(hold.placed_at)),
        resolved: !hold.stands(),
        resolve_time: hold.resolved.as_ref().map(|resolved| time(resolved.at)),
        resolution: hold.resolved.as_ref().map(|resolved| resolved.note.to_string()).unwrap_or_default(),
        changed_since: hold.changed_since,
    }
}
