//! A cancel that needs somebody's yes: it waits for it as an amendment does, whole, and ends done or not at all. Meanwhile
//! work of its lines is not released.

use super::{Asking, Rules, Taken, held, one, take_from};
use crate::answer::LineCancelled;
use crate::decide::amend::AMENDMENTS_MAX;
use crate::decide::draft::Draft;
use crate::event::{AmendmentApplied, AmendmentStarted, ChangeDecided, What};
use crate::order::{AmendmentRefused, AmendmentWait, CallOff, PendingAmendment, Stage};
use crate::refusal::{ChangeRefusal, Refusal};
use crate::status::status;
use waybill_types::Quantity;
use waybill_types::policy::ChangeKind;

/// What the policy says of the most advanced units that need somebody's yes; `None` where none does, and where the cancel
/// is refused anyway.
pub(super) fn needed(draft: &Draft<'_>, asking: &Asking<'_>) -> Option<ChangeDecided> {
    let (version, policy) = draft.policy();
    let asking = Asking { approved: true, ..*asking };
    let rules = Rules { draft, policy: &policy, version, asking };
    let mut taken = Taken::default();
    for line in asking.lines {
        one(&rules, line, &mut taken).ok()?;
    }
    let stage = taken.needs_approval?;
    let decided = rules.decide(stage);
    let (rule, verdict) = (decided.rule, decided.verdict);
    Some(ChangeDecided { change: 0, kind: ChangeKind::Cancel, stage, rule, verdict })
}

/// The cancel waits; nothing is called off.
pub(super) fn wait(
    draft: &mut Draft<'_>,
    asking: &Asking<'_>,
    decided: ChangeDecided,
) -> Result<(Vec<LineCancelled>, Option<u32>), Refusal> {
    held(draft, asking.lines)?;
    let order = draft.id;
    if let Some((amendment, _)) = draft.order.pending_amendment() {
        return Err(ChangeRefusal::AmendmentPending { order, amendment }.into());
    }
    let (policy_version, policy) = draft.policy();
    if draft.order.stage != Stage::Standing || draft.order.last_amendment >= AMENDMENTS_MAX {
        return Err(ChangeRefusal::NotStanding { order, status: status(&draft.order).name() }.into());
    }
    let amendment = draft.order.last_amendment + 1;
    let off = CallOff { lines: asking.lines.to_vec(), channel: asking.channel.clone() };
    let pending = PendingAmendment {
        proposed: draft.content().clone(),
        deadline: draft.cx.at.plus_ms(policy.approve_within_ms),
        waits: AmendmentWait::Approval,
        drops: Vec::new(),
        moves: Vec::new(),
        recalled: Vec::new(),
        adds: Vec::new(),
        attempt: 0,
        replans: Vec::new(),
        planned: Vec::new(),
        base_lines: draft.order.lines.len() as u16,
        calls_off: Some(off),
    };
    let answers = answers(draft, asking)?;
    let started = AmendmentStarted { amendment, pending, policy_version, decided: vec![decided] };
    draft.push(What::AmendmentStarted(Box::new(started)));
    Ok((answers, Some(amendment)))
}

/// What was asked of each line, of which nothing has happened yet.
fn answers(draft: &Draft<'_>, asking: &Asking<'_>) -> Result<Vec<LineCancelled>, Refusal> {
    let (version, policy) = draft.policy();
    let rules = Rules { draft, policy: &policy, version, asking: Asking { approved: true, ..*asking } };
    let mut would_be = Taken::default();
    let answer = |line| {
        let would_be = one(&rules, line, &mut would_be)?;
        Ok(LineCancelled { cancelled: Quantity::ZERO, asked_of_node: Quantity::ZERO, ..would_be })
    };
    asking.lines.iter().map(answer).collect()
}

/// Somebody with the right to said yes: what can still be called off is. Where nothing can be any more the cancel was
/// overtaken.
pub(crate) fn approved(draft: &mut Draft<'_>, amendment: u32, off: &CallOff) -> Result<(), Refusal> {
    let asking = Asking { lines: &off.lines, channel: &off.channel, approved: true };
    held(draft, asking.lines)?;
    let (version, policy) = draft.policy();
    let rules = Rules { draft, policy: &policy, version, asking };
    let mut would_be = Taken::default();
    let answers = asking.lines.iter().map(|line| one(&rules, line, &mut would_be));
    let answers: Vec<LineCancelled> = answers.collect::<Result<_, _>>()?;
    if would_be.is_nothing(&answers) {
        draft.refuse_amendment(amendment, AmendmentRefused::Overtaken);
        return Ok(());
    }
    let deadline = draft.cx.at.plus_ms(policy.amend_within_ms);
    draft.push(What::AmendmentApproved { amendment, deadline });
    draft.push(What::AmendmentApplied(Box::new(AmendmentApplied {
        amendment,
        dropped: Vec::new(),
        dropped_recalled: Vec::new(),
        moved: Vec::new(),
        replanned: Vec::new(),
        works: Vec::new(),
        reservation: None,
        freed: Vec::new(),
        settled: None,
    })));
    take_from(draft, &asking).map(drop)
}
