//! Amendments: many changes to one order, all of them or none. An amendment is checked here, waits for what it needs
//! ([`source`]), and ends applied or refused ([`end`]). What it costs is the caller's to say.
//!
//! While it is pending: work with lines that it touches is not released. A cancel ends it first, refused as overtaken; only
//! while a node's partition or inventory is being asked, which both answer by themselves, a cancel of the units in
//! question is refused and to be sent again.

mod check;
mod concern;
mod end;
mod preview;
mod propose;
mod source;

pub(crate) use end::Standing;
pub use preview::{Needs, Preview, needs_once_approved, preview};
pub(crate) use source::{planned, reserved};

use super::cancel;
use super::draft::Draft;
use super::stale;
use crate::answer::Answer;
use crate::command::Amend;
use crate::event::{AmendmentStarted, ChangeDecided, Event, What};
use crate::money;
use crate::order::{AmendmentRefused, AmendmentWait, PendingAmendment, RecallPurpose, Stage, WorkState};
use crate::refusal::{ChangeRefusal, Refusal};
use crate::state::OrdersState;
use crate::status::status;
use crate::units::Bucket;
use propose::Proposal;
use waybill_machine::{Context, Decision};
use waybill_types::policy::Verdict;
use waybill_types::{LineNo, OrderId, Quantity, ReservationId};

/// Changes of one amendment.
pub const CHANGES_MAX: usize = 100;
/// Amendments of one order.
pub(crate) const AMENDMENTS_MAX: u32 = 10_000;
/// An order that had more fulfilment orders than this is changed no more: their numbers would run out.
const WORKS_MAX: u16 = 60_000;

/// Decides an amendment.
pub(crate) fn amend(
    state: &OrdersState,
    amend: &Amend,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut draft = Draft::load(state, amend.order, cx).ok_or(Refusal::UnknownOrder(amend.order))?;
    let (decided, proposal) = examine(state, &draft, amend)?;
    if let Some(field) = proposal.needs_pricing.into_iter().next() {
        return Err(ChangeRefusal::PricingNeeded { field }.into());
    }
    if let Some(why) = amend.unserved {
        return Err(ChangeRefusal::Unserved { order: amend.order, why }.into());
    }
    let Proposal { content, drops, adds, replans, .. } = proposal;
    let (policy_version, policy) = state.policy();
    let waits = match needs_approval(&decided) {
        true => AmendmentWait::Approval,
        false => AmendmentWait::Recalls,
    };
    let within_ms = match waits {
        AmendmentWait::Approval => policy.approve_within_ms,
        _ => policy.amend_within_ms,
    };
    let number = draft.order.last_amendment + 1;
    let pending = PendingAmendment {
        proposed: content,
        deadline: cx.at.plus_ms(within_ms),
        waits,
        drops,
        moves: Vec::new(),
        recalled: Vec::new(),
        adds,
        attempt: 0,
        replans,
        planned: Vec::new(),
        base_lines: draft.order.lines.len() as u16,
        calls_off: None,
    };
    let started = AmendmentStarted { amendment: number, pending, policy_version, decided };
    draft.push(What::AmendmentStarted(Box::new(started)));
    draft.recall_for_amendment(number);
    Ok(amended(draft, number))
}

/// Decides an approval.
pub(crate) fn decide(
    state: &OrdersState,
    id: OrderId,
    amendment: u32,
    approve: bool,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut draft = Draft::load(state, id, cx).ok_or(Refusal::UnknownOrder(id))?;
    let waiting = draft.order.pending_amendment();
    let waiting =
        waiting.filter(|(number, p)| *number == amendment && matches!(p.waits, AmendmentWait::Approval));
    if waiting.is_none() {
        return Err(ChangeRefusal::AmendmentNotWaiting { order: id, amendment }.into());
    }
    if !approve {
        draft.refuse_amendment(amendment, AmendmentRefused::NotApproved);
        return Ok(amended(draft, amendment));
    }
    if let Some(off) = waiting.and_then(|(_, pending)| pending.calls_off.clone()) {
        cancel::approved(&mut draft, amendment, &off)?;
        return Ok(amended(draft, amendment));
    }
    let kinds = draft.order.amendments.iter().find(|a| a.number == amendment).map(|a| a.kinds.clone());
    for kind in kinds.unwrap_or_default() {
        concern::stopped_by_hold(&draft, kind, &[])?;
    }
    let deadline = cx.at.plus_ms(state.policy().1.amend_within_ms);
    draft.push(What::AmendmentApproved { amendment, deadline });
    draft.recall_for_amendment(amendment);
    Ok(amended(draft, amendment))
}

fn amended(draft: Draft<'_>, amendment: u32) -> Decision<Event, Answer> {
    let id = draft.id;
    let (events, order) = draft.finish_with_order();
    Decision::new(events, Answer::Amended { order: id, revision: order.revision, amendment })
}

/// What an amendment would do to the order as it is: every check but the one for missing prices, which the proposal lists.
fn examine(
    state: &OrdersState,
    draft: &Draft<'_>,
    amend: &Amend,
) -> Result<(Vec<ChangeDecided>, Proposal), Refusal> {
    let id = draft.id;
    if draft.order.stage != Stage::Standing {
        return Err(ChangeRefusal::NotStanding { order: id, status: status(&draft.order).name() }.into());
    }
    stale::check(state, draft, amend.expected_revision)?;
    if let Some((amendment, _)) = draft.order.pending_amendment() {
        return Err(ChangeRefusal::AmendmentPending { order: id, amendment }.into());
    }
    if draft.order.erased {
        return Err(ChangeRefusal::Erased { order: id }.into());
    }
    let wrong = check::check(draft, amend);
    if !wrong.is_empty() {
        return Err(Refusal::Malformed(wrong));
    }
    let concerns = concern::concerns(draft, amend);
    let decided = concern::allowed(state, draft, &concerns)?;
    let proposal = propose::propose(draft, amend)?;
    if decided.is_empty() || !proposal.changes(draft.content()) {
        return Err(ChangeRefusal::NothingChanges { order: id }.into());
    }
    Ok((decided, proposal))
}

fn needs_approval(decided: &[ChangeDecided]) -> bool {
    decided.iter().any(|change| change.verdict == Verdict::NeedsApproval)
}

impl Draft<'_> {
    /// Whoever is to call units off, or to change what is ordered, ends a pending amendment first: nothing of it happens.
    /// `lines` are the ones concerned; none named means all.
    ///
    /// # Errors
    /// Where a node's partition or inventory is being asked about units of these lines: their answer must come first.
    pub(crate) fn overtake(&mut self, lines: &[LineNo]) -> Result<(), ChangeRefusal> {
        let Some((amendment, pending)) = self.order.pending_amendment() else { return Ok(()) };
        let under_way = match pending.waits {
            AmendmentWait::Approval | AmendmentWait::Plan { .. } | AmendmentWait::Retry { .. } => false,
            AmendmentWait::Recalls | AmendmentWait::Stock { .. } => true,
        };
        if !under_way {
            self.refuse_amendment(amendment, AmendmentRefused::Overtaken);
            return Ok(());
        }
        if lines.is_empty() || lines.iter().any(|line| pending.touches(*line)) {
            return Err(ChangeRefusal::AmendmentPending { order: self.id, amendment });
        }
        Ok(())
    }

    /// Inventory is asked for this on behalf of the pending amendment.
    pub(crate) fn awaits_stock(&self, id: ReservationId) -> bool {
        self.order.pending_amendment().is_some_and(|(_, pending)| {
            matches!(pending.waits, AmendmentWait::Stock { reservation, .. } if reservation == id)
        })
    }

    /// Goes on with the pending amendment as far as it can without waiting. Every command ends with this.
    pub(super) fn go_on_amending(&mut self) {
        let Some((number, pending)) = self.order.pending_amendment() else { return };
        let sound = pending.base_lines as usize == self.order.lines.len()
            && !self.order.erased
            && !self.reprices_what_left(pending);
        match pending.waits {
            // Inventory's answer decides, whatever happened meanwhile.
            AmendmentWait::Stock { .. } => {}
            AmendmentWait::Approval | AmendmentWait::Plan { .. } | AmendmentWait::Retry { .. } if sound => {}
            AmendmentWait::Recalls if sound => {
                if !self.waits_for_nodes(number) {
                    self.source_amendment(number, 1);
                }
            }
            AmendmentWait::Approval
            | AmendmentWait::Plan { .. }
            | AmendmentWait::Retry { .. }
            | AmendmentWait::Recalls => self.refuse_amendment(number, AmendmentRefused::Overtaken),
        }
    }

    /// True when the amendment would give another price or delivery charge to units that have left, or any other amount to units that came
    /// back: what has left keeps its price, and what came back is settled.
    fn reprices_what_left(&self, pending: &PendingAmendment) -> bool {
        const LEFT: [Bucket; 6] = [
            Bucket::Shipped,
            Bucket::Delivered,
            Bucket::Returned,
            Bucket::Lost,
            Bucket::Refused,
            Bucket::ReturnedToSender,
        ];
        let lines = self.content().lines.iter().zip(&pending.proposed.lines).zip(&self.order.lines);
        let mut lines = lines.map(|((is, shall_be), state)| {
            let left: Quantity = LEFT.into_iter().map(|bucket| state.buckets.get(bucket)).sum();
            let back = money::came_back(state);
            [&is.shares, &shall_be.shares].map(|shares| {
                let carried = money::front(shares, 0, left.units());
                // Money off may concern what left and stayed; that is the order's discount.
                let (discount, tax) = (carried.discount, carried.tax);
                let price = (carried.subtotal, discount - carried.order_discount, tax - carried.order_tax);
                let price = (price, carried.shipping);
                (price, money::front(shares, 0, back.units()))
            })
        });
        lines.any(|[is, shall_be]| is != shall_be)
    }

    /// True while a node's partition has not said what it gives back, or whether it takes work that is to be moved.
    fn waits_for_nodes(&self, number: u32) -> bool {
        let Some((_, pending)) = self.order.pending_amendment() else { return false };
        let replanned = |line: LineNo| pending.replans.iter().any(|replan| replan.line == line);
        let concerned = |work: u16| {
            let work = self.order.work(work);
            work.is_some_and(|work| work.lines.iter().any(|units| replanned(units.line)))
        };
        let asked = self.order.recalls.iter().any(|recall| match recall.purpose {
            RecallPurpose::Amendment(of) => of == number,
            RecallPurpose::Planned => false,
            RecallPurpose::Cancel => !recall.with_node && concerned(recall.work),
        });
        let assigned = |state: WorkState| state == WorkState::Assigned;
        asked || self.order.works.iter().any(|work| assigned(work.state) && concerned(work.id.number))
    }

    /// It is later: an amendment that is not done by its deadline is refused, one that waited asks again.
    pub(super) fn amendment_is_due(&mut self) {
        let now = self.cx.at;
        let Some((number, pending)) = self.order.pending_amendment() else { return };
        if pending.due().is_none_or(|due| due > now) {
            return;
        }
        match pending.waits {
            _ if pending.deadline <= now => self.refuse_amendment(number, AmendmentRefused::TooLate),
            AmendmentWait::Retry { tries, .. } => self.source_amendment(number, tries),
            AmendmentWait::Approval
            | AmendmentWait::Recalls
            | AmendmentWait::Plan { .. }
            | AmendmentWait::Stock { .. } => {}
        }
    }
}
