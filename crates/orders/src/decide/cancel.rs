//! Cancel. What is not released yet is called off here and at once. What a node was told to pick its partition is asked
//! to stop: what is on the shelf stops, about units in hand the node itself is asked. Each unit ends cancelled or shipped. What needs somebody's yes waits for it whole
//! ([`approval`]).

mod approval;

pub(crate) use approval::approved;

use super::draft::Draft;
use super::stale;
use crate::answer::{Answer, LineCancelled};
use crate::command::{Cancel, CancelLine};
use crate::content::line_no;
use crate::event::{CancelCause, CancelledUnits, Event, What};
use crate::fold::sum_by_line;
use crate::order::{RecallPurpose, WorkRef};
use crate::refusal::{ChangeRefusal, Refusal};
use crate::state::OrdersState;
use crate::status::status;
use crate::units::Bucket;
use std::collections::{BTreeMap, BTreeSet};
use waybill_machine::{Context, Decision, FieldViolation};
use waybill_types::exchange::RecallManner;
use waybill_types::policy::{ChangeKind, ChangeStage, Decided, OrderPolicy, Verdict};
use waybill_types::{Channel, LineNo, Quantity};

/// Decides a cancel.
pub(crate) fn cancel(
    state: &OrdersState,
    cancel: &Cancel,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut draft = Draft::load(state, cancel.order, cx).ok_or(Refusal::UnknownOrder(cancel.order))?;
    let wrong = check(&draft, cancel);
    if !wrong.is_empty() {
        return Err(Refusal::Malformed(wrong));
    }
    if let Some(expected) = cancel.expected_revision {
        stale::check(state, &draft, expected)?;
    }
    let mut lines = cancel.lines.clone();
    if lines.is_empty() {
        let every = |index| CancelLine { line: line_no(index), quantity: None };
        lines = (0..draft.order.lines.len()).map(every).collect();
    }
    lines.sort_by_key(|line| line.line);
    let asking = Asking { lines: &lines, channel: &cx.origin.channel, approved: false };
    let (answers, amendment) = match approval::needed(&draft, &asking) {
        Some(decided) => approval::wait(&mut draft, &asking, decided)?,
        None => (take_from(&mut draft, &asking)?, None),
    };
    let (events, order) = draft.finish_with_order();
    let answer = Answer::Cancelled {
        order: cancel.order,
        revision: order.revision,
        status: status(&order),
        lines: answers,
        amendment,
    };
    Ok(Decision::new(events, answer))
}

/// What is to be called off, and by whose leave.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// Each line once.
    pub(crate) lines: &'a [CancelLine],
    /// Whose rules decide.
    pub(crate) channel: &'a Channel,
    /// Somebody with the right to has said yes to what needs it.
    pub(crate) approved: bool,
}

/// Calls units of these lines off as far as holds and the policy allow, and asks nodes for those they have.
pub(crate) fn take_from(draft: &mut Draft<'_>, asking: &Asking<'_>) -> Result<Vec<LineCancelled>, Refusal> {
    let lines = asking.lines;
    held(draft, lines)?;
    // A cancel goes before an amendment that is pending: the amendment ends refused, whole.
    let concerned: Vec<LineNo> = lines.iter().map(|asked| asked.line).collect();
    draft.overtake(&concerned)?;
    let (version, policy) = draft.policy();
    let rules = Rules { draft, policy: &policy, version, asking: *asking };
    let mut taken = Taken::default();
    let answers: Vec<LineCancelled> =
        lines.iter().map(|line| one(&rules, line, &mut taken)).collect::<Result<_, _>>()?;
    if let (true, Some(forbidden)) = (taken.is_nothing(&answers), taken.forbidden.take()) {
        return Err(forbidden);
    }
    let manner = rules.manner();
    take(draft, taken, manner);
    Ok(answers)
}

/// A standing hold may stop cancels of the lines it covers.
fn held(draft: &Draft<'_>, lines: &[CancelLine]) -> Result<(), Refusal> {
    let stops = draft
        .order
        .standing_holds()
        .find(|hold| hold.stops(ChangeKind::Cancel) && lines.iter().any(|asked| hold.covers(asked.line)));
    let Some(hold) = stops else { return Ok(()) };
    let (order, code) = (draft.id, hold.code().to_string());
    Err(ChangeRefusal::OnHold { order, hold: hold.number, code, kind: ChangeKind::Cancel }.into())
}

/// What one command takes, over all its lines.
#[derive(Default)]
struct Taken {
    /// Called off now.
    units: Vec<CancelledUnits>,
    /// To be asked of nodes' partitions, by fulfilment order.
    asks: BTreeMap<u16, Vec<(LineNo, Quantity)>>,
    /// The rule that stood in the way of some unit.
    forbidden: Option<Refusal>,
    /// How far the most advanced of those is that somebody must say yes to.
    needs_approval: Option<ChangeStage>,
}

impl Taken {
    fn is_nothing(&self, answers: &[LineCancelled]) -> bool {
        self.units.is_empty() && answers.iter().all(|line| line.asked_of_node.is_zero())
    }
}

fn take(draft: &mut Draft<'_>, taken: Taken, manner: RecallManner) {
    if !taken.units.is_empty() {
        draft.push(What::UnitsCancelled { cause: CancelCause::Asked, units: taken.units });
    }
    for (work, units) in taken.asks {
        let recall = draft.order.last_recall + 1;
        let (units, purpose) = (sum_by_line(units), RecallPurpose::Cancel);
        draft.push(What::RecallAsked { recall, work, units, manner, purpose });
    }
}

/// The order policy as it meets this order.
struct Rules<'a> {
    draft: &'a Draft<'a>,
    policy: &'a OrderPolicy,
    version: u64,
    asking: Asking<'a>,
}

impl Rules<'_> {
    fn decide(&self, stage: ChangeStage) -> Decided {
        self.policy.decide(self.asking.channel, ChangeKind::Cancel, stage)
    }
    fn allows(&self, stage: ChangeStage) -> bool {
        match self.decide(stage).verdict {
            Verdict::Allow => true,
            Verdict::NeedsApproval => self.asking.approved,
            Verdict::Refuse => false,
        }
    }
    fn forbids(&self, stage: ChangeStage) -> Refusal {
        let rule = self.decide(stage).rule;
        let note = rule.and_then(|index| self.policy.rules.get(usize::from(index)));
        let forbidden = ChangeRefusal::Forbidden {
            order: self.draft.id,
            kind: ChangeKind::Cancel,
            stage,
            rule: rule.map_or_else(|| "none".to_owned(), |index| index.to_string()),
            version: self.version,
            note: note.map(|rule| rule.note.to_string()).unwrap_or_default(),
        };
        forbidden.into()
    }
    /// Units that orders believes to be on the shelf may be in hand by now: the node is asked about those, too, unless
    /// units in hand may not be cancelled.
    fn manner(&self) -> RecallManner {
        match self.allows(ChangeStage::Picked) {
            true => RecallManner::Ask { within_ms: self.policy.cancel_answer_within_ms },
            false => RecallManner::Firm,
        }
    }
}

/// Takes what one line's cancel asks for, what loses least first: what is not released, what is on the shelf, what is
/// in hand. Units that are being asked for already count last and are not asked for again.
fn one(rules: &Rules<'_>, asked: &CancelLine, taken: &mut Taken) -> Result<LineCancelled, Refusal> {
    let (draft, line) = (rules.draft, asked.line);
    let ordered = crate::fold::ordered(draft.content(), line).quantity;
    let state = draft.order.line(line);
    let before = state.map_or(Quantity::ZERO, |state| state.buckets.get(Bucket::Cancelled));
    let there = ordered.saturating_sub(before);
    let requested = asked.quantity.unwrap_or(there);
    let mut remaining = requested.min(there);
    let (mut cancelled, mut asked_of_node) = (Quantity::ZERO, Quantity::ZERO);
    let mut forbidden = None;
    for (stage, source) in sources(draft, line) {
        let quantity = source.quantity().min(remaining);
        if quantity.is_zero() {
            continue;
        }
        if !rules.allows(stage) {
            forbidden = forbidden.or(Some(stage));
            continue;
        }
        remaining = remaining.saturating_sub(quantity);
        if rules.decide(stage).verdict == Verdict::NeedsApproval {
            taken.needs_approval = taken.needs_approval.max(Some(stage));
        }
        match source {
            Source::Here(units) => {
                cancelled = cancelled.plus(quantity);
                taken.units.push(CancelledUnits { quantity, ..units });
            }
            Source::Node(work, _) => {
                asked_of_node = asked_of_node.plus(quantity);
                taken.asks.entry(work).or_default().push((line, quantity));
            }
        }
    }
    if let Some(stage) = forbidden.filter(|_| !remaining.is_zero()) {
        if asked.quantity.is_some() {
            return Err(rules.forbids(stage));
        }
        taken.forbidden = Some(rules.forbids(stage));
    }
    let again = state.map_or(Quantity::ZERO, |state| state.cancel_requested).min(remaining);
    Ok(LineCancelled {
        line,
        requested,
        cancelled,
        asked_of_node: asked_of_node.plus(again),
        too_late: remaining.saturating_sub(again),
        cancelled_before: before,
    })
}

/// Where units can be cancelled from.
enum Source {
    /// Here and now.
    Here(CancelledUnits),
    /// At this fulfilment order's node, so many.
    Node(u16, Quantity),
}

impl Source {
    const fn quantity(&self) -> Quantity {
        match self {
            Self::Here(units) => units.quantity,
            Self::Node(_, quantity) => *quantity,
        }
    }
}

fn sources(draft: &Draft<'_>, line: LineNo) -> Vec<(ChangeStage, Source)> {
    let here = draft.cancellable(line).into_iter();
    let mut found: Vec<(ChangeStage, Source)> =
        here.map(|units| (ChangeStage::Unreleased, Source::Here(units))).collect();
    let released = || draft.order.works.iter().rev().filter(|work| !work.is_unreleased());
    let of_line = |work: &WorkRef| {
        let (mut shelf, mut in_hand) = (Quantity::ZERO, Quantity::ZERO);
        for units in work.lines.iter().filter(|units| units.line == line) {
            (shelf, in_hand) = (shelf.plus(units.to_pick), in_hand.plus(units.picked));
        }
        // What is being asked for already is not free to be asked for again.
        let wished = draft.order.cancel_wished(work.id.number, line);
        let beyond = wished.saturating_sub(shelf);
        (shelf.saturating_sub(wished), in_hand.saturating_sub(beyond))
    };
    let node = |work: &WorkRef, quantity| Source::Node(work.id.number, quantity);
    found.extend(released().map(|work| (ChangeStage::Released, node(work, of_line(work).0))));
    found.extend(released().map(|work| (ChangeStage::Picked, node(work, of_line(work).1))));
    found
}

fn check(draft: &Draft<'_>, cancel: &Cancel) -> Vec<FieldViolation> {
    let content = draft.content();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, asked) in cancel.lines.iter().enumerate() {
        let mut add = |field: &str, description: String| {
            wrong.push(FieldViolation { field: format!("lines[{index}].{field}"), description });
        };
        if !seen.insert(asked.line) {
            add("line_number", format!("is {}, which stands here twice", asked.line.0));
        }
        let Some(line) = content.line(asked.line) else {
            add("line_number", format!("is {}, the order has 1 to {}", asked.line.0, content.lines.len()));
            continue;
        };
        match asked.quantity {
            Some(quantity) if quantity.is_zero() => add("quantity", "is 0, must be more than 0".into()),
            Some(quantity) if quantity > line.quantity => {
                add("quantity", format!("is {quantity}, {} were ordered", line.quantity));
            }
            Some(_) | None => {}
        }
    }
    wrong
}
